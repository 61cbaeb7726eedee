//! The template engine and everything a template can see.
