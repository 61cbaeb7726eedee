//! The embedded engine in place of a target's own database: an empty DuckDB in memory, in which names mean what they
//! mean in the target, and macros are chosen as they are for it. The SQL that runs is the target's.

use std::sync::Arc;

use super::{Adapter, AdapterError, Connection, Features};
use crate::builtins::Builtin;
use crate::sql::Dialect;

/// An engine under the name of another database.
pub(super) struct Local {
    /// What runs statements.
    pub(super) engine: Arc<dyn Adapter>,
    /// What the project is written for.
    pub(super) target: Arc<dyn Adapter>,
}

impl Adapter for Local {
    fn name(&self) -> &'static str {
        self.target.name()
    }

    fn dialect(&self) -> Dialect {
        self.engine.dialect()
    }

    fn features(&self) -> Features {
        self.engine.features()
    }

    fn builtins(&self) -> &'static [Builtin] {
        self.target.builtins()
    }

    fn connect(&self) -> Result<Box<dyn Connection>, AdapterError> {
        self.engine.connect()
    }
}
