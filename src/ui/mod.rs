//! Everything a person or a tool sees: terminal, JSON lines, log file.
//!
//! Rooms below hand over facts; here they become [`Entry`] values that a [`Printer`] writes wherever they belong.
//! Messages of a run go to stdout as dbt's do, since tools read them there; commands whose result is data
//! (`list`, `show`, `compile`) keep stdout for the data and send messages to stderr.

mod column_text;
mod compare_text;
mod entry;
mod event_stream;
mod impact_text;
mod lines;
mod listener;
mod log_file;
mod printer;
mod problems;
mod progress;
mod report;
mod summary;
mod table;
mod text;
mod theme;

pub use column_text::ColumnText;
pub use compare_text::{CompareText, Compared};
pub use entry::{Entry, EventName, Level, names};
pub use impact_text::ImpactText;
pub use lines::{Drawing, Outcome, node_info};
pub use listener::TermListener;
pub use printer::{Format, Options, Printer, Sources, Stream};
pub use problems::escalate;
pub use progress::Progress;
pub use report::TermReporter;
pub use summary::{Ended, Summary, Tally};
pub use table::{Preview, cell_json, cell_text, csv};
pub use text::{OutputLine, count, counts, duration, noun};
pub use theme::Theme;
