//! What the database said of a statement, as templates see it.

use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Object, ObjectRepr};

use crate::jinja::context::Response;
use crate::jinja::functions::none;
use crate::jinja::py;

/// A statement's response as templates see it: prints as its message.
struct ResponseValue(Response);

impl fmt::Debug for ResponseValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl Object for ResponseValue {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        Some(match key {
            "_message" | "message" => Value::from(self.0.message.as_str()),
            "code" => self.0.code.as_deref().map_or_else(none, Value::from),
            "rows_affected" => self.0.rows_affected.map_or_else(none, Value::from),
            "query_id" => none(),
            _ => return None,
        })
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

/// Makes the value of a response.
pub(crate) fn response_value(response: Response) -> Value {
    Value::from_object(ResponseValue(response))
}

/// Reads a response back: ours, or any value by its text.
pub(crate) fn response_of(value: &Value) -> Response {
    match value.downcast_object_ref::<ResponseValue>() {
        Some(response) => response.0.clone(),
        None => Response { message: py::to_str(value), ..Response::default() },
    }
}
