//! The command line: turns arguments into calls of the rooms below.
