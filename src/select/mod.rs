//! Which nodes did the user mean?
