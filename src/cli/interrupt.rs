//! Ctrl-C: the first stops the run in good order, the second ends the process at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::ExitStatus;
use crate::run::Stop;

/// Makes a stop that Ctrl-C and termination signals set.
pub(super) fn install() -> Arc<Stop> {
    let stop = Arc::new(Stop::new());
    let handler_stop = Arc::clone(&stop);
    let was_asked = AtomicBool::new(false);
    // Where no handler can be set, a signal ends the process as it always did.
    let _ = ctrlc::set_handler(move || {
        if was_asked.swap(true, Ordering::SeqCst) {
            exit(ExitStatus::Interrupted);
        }
        handler_stop.stop();
    });
    stop
}

#[expect(clippy::exit, reason = "the second Ctrl-C must not wait for anything")]
fn exit(status: ExitStatus) -> ! {
    std::process::exit(i32::from(status.number()))
}
