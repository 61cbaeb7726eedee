//! The JSON files that other tools read.
