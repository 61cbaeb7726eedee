//! What a data test's numbers mean: pass, warn or fail.

use super::result::Status;
use crate::manifest::NodeConfig;

/// What a test's statement found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TestNumbers {
    /// Rows that should not be there.
    pub(super) failures: i64,
    /// Whether `warn_if` holds.
    pub(super) should_warn: bool,
    /// Whether `error_if` holds.
    pub(super) should_error: bool,
}

impl TestNumbers {
    /// Decides how the test ended: status, message and failures.
    pub(super) fn judge(self, config: &NodeConfig, warnings_are_errors: bool) -> (Status, Option<String>, i64) {
        let found = format!("Got {} {}", self.failures, if self.failures == 1 { "result" } else { "results" });
        let condition = |key: &str| config.str(key).unwrap_or("!= 0").to_owned();
        if config.severity() == "error" && self.should_error {
            let message = format!("{found}, configured to fail if {}", condition("error_if"));
            return (Status::Fail, Some(message), self.failures);
        }
        if !self.should_warn {
            return (Status::Pass, None, 0);
        }
        if warnings_are_errors {
            let message = format!("{found}, configured to fail if {}", condition("warn_if"));
            return (Status::Fail, Some(message), self.failures);
        }
        (Status::Warn, Some(format!("{found}, configured to warn if {}", condition("warn_if"))), self.failures)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Data, json};

    use super::*;

    #[track_caller]
    fn check(config: Data, numbers: (i64, bool, bool), expected: (Status, Option<&str>, i64)) {
        let (failures, should_warn, should_error) = numbers;
        let config = NodeConfig::from(config.as_object().cloned().unwrap());
        let (status, message, failures) = TestNumbers { failures, should_warn, should_error }.judge(&config, false);
        assert_eq!((status, message.as_deref(), failures), expected);
    }

    #[test]
    fn severity_and_conditions_decide() {
        let error = json!({"severity": "ERROR", "error_if": "!= 0", "warn_if": "!= 0"});
        check(error.clone(), (0, false, false), (Status::Pass, None, 0));
        check(error, (1, true, true), (Status::Fail, Some("Got 1 result, configured to fail if != 0"), 1));
        let warn = json!({"severity": "warn", "warn_if": ">2"});
        check(warn, (3, true, true), (Status::Warn, Some("Got 3 results, configured to warn if >2"), 3));
    }
}
