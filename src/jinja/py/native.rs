//! The end of a native render: `as_bool`, `as_number`, `as_native`, `as_text`.

use minijinja::Value;

/// Turns what a native render gave into the final value.
pub(crate) fn finish(value: Value) -> Result<Value, String> {
    Ok(value)
}
