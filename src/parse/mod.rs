//! Files in, manifest out.
