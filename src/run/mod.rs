//! Plans and executes nodes against a database.
