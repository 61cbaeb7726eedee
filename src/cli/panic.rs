//! What happens when kiln itself is wrong: one message that can be reported, and exit status 2.

use std::panic::{self, PanicHookInfo};

use super::plain_printer;
use crate::diagnostic::{Code, Diagnostic};

/// Where bugs are reported.
const REPORT: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/issues");

/// Replaces Rust's own report of a panic, unless RUST_BACKTRACE asks for it.
pub(super) fn install() {
    let is_wanted = std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0");
    if !is_wanted {
        panic::set_hook(Box::new(report));
    }
}

fn report(info: &PanicHookInfo<'_>) {
    let what = payload(info);
    let place = info.location().map(|place| format!(" (at {}:{})", place.file(), place.line())).unwrap_or_default();
    let thread = std::thread::current().name().unwrap_or("a thread without name").to_owned();
    let bug = Diagnostic::error(Code::Panic, format!("kiln met a bug of its own: {what}{place}, in {thread}"))
        .hint(format!("report it at {REPORT} with this message and `kiln --version`"))
        .hint("RUST_BACKTRACE=1 shows how it came to it");
    plain_printer().fatal([&bug]);
}

fn payload(info: &PanicHookInfo<'_>) -> String {
    let payload = info.payload();
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
