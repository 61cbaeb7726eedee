//! Renders one node to its final SQL.
