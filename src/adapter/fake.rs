//! A database that records statements and answers from a table: for tests.
