//! Decides what is written where: terminal or pipe, text or JSON, and the log file beside it.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value as Data, json};

use super::event_stream::EventStream;
use super::log_file::LogFile;
use super::theme::{Theme, plain};
use super::{Entry, Level, Progress};
use crate::project::{Secrets, published};

/// How an entry becomes a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `HH:MM:SS  text`.
    Text,
    /// `HH:MM:SS.ffffff [level] [thread]: text`.
    Debug,
    /// One JSON object.
    Json,
}

/// Where messages go; data always goes to stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Beside the data, as dbt has it.
    Stdout,
    /// Away from the data.
    Stderr,
}

/// What holds for everything that is written.
#[derive(Clone, Debug)]
pub struct Options {
    /// Format of messages on the console.
    pub format: Format,
    /// Least level on the console; `None` for silence.
    pub level: Option<Level>,
    /// Format of the log file.
    pub file_format: Format,
    /// Least level in the log file; `None` for no file.
    pub file_level: Option<Level>,
    /// Whether the console is colored.
    pub color: bool,
    /// Whether the log file is colored.
    pub file_color: bool,
    /// Errors and data only.
    pub quiet: bool,
    /// Whether `print()` in templates shows.
    pub print: bool,
    /// Where dotted lines end.
    pub width: usize,
    /// Size at which the log file is rolled over; 0 for never.
    pub max_bytes: u64,
    /// Folder of the log file.
    pub log_folder: Option<PathBuf>,
    /// Where messages go.
    pub messages: Stream,
    /// Whether a person watches.
    pub is_terminal: bool,
    /// The invocation's id.
    pub invocation_id: String,
    /// What every event has under `extra`: the variables that the environment has published.
    pub extra: Map<String, Data>,
    /// File or pipe that gets every event as JSON.
    pub events: Option<String>,
}

/// What options are made of: resolved flags where there are some, else what the command line and environment say.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    /// Resolved flags of the settings; empty before a project is loaded.
    pub resolved: &'a BTreeMap<String, Data>,
    /// Flags of the command line.
    pub given: &'a BTreeMap<String, Data>,
    /// The environment.
    pub env: &'a BTreeMap<String, String>,
}

impl Sources<'_> {
    fn explicit(&self, name: &str) -> Option<String> {
        let word = |value: &Data| match value {
            Data::String(text) => text.clone(),
            other => other.to_string(),
        };
        let upper = name.to_uppercase();
        let from_env = || {
            let names = [format!("DBT_ENGINE_{upper}"), format!("DBT_{upper}"), format!("KILN_{upper}")];
            names.iter().find_map(|name| self.env.get(name).filter(|value| !value.is_empty()).cloned())
        };
        self.given.get(name).map(word).or_else(from_env)
    }

    fn text(&self, name: &str, default: &str) -> String {
        let resolved = self.resolved.get(name).filter(|value| !value.is_null()).map(|value| match value {
            Data::String(text) => text.clone(),
            other => other.to_string(),
        });
        resolved.or_else(|| self.explicit(name)).unwrap_or_else(|| default.to_owned()).to_lowercase()
    }

    /// The file's own setting, or the console's where only that was given.
    fn file_text(&self, name: &str, console: &str, default: &str) -> String {
        if self.explicit(name).is_none()
            && let Some(value) = self.explicit(console)
        {
            return value.to_lowercase();
        }
        self.text(name, default)
    }

    fn is_on(&self, name: &str, default: bool) -> bool {
        is_true(&self.text(name, if default { "true" } else { "false" }))
    }
}

fn is_true(word: &str) -> bool {
    matches!(word, "true" | "1" | "t" | "y" | "yes" | "on")
}

impl Options {
    /// Whether anything is written as JSON, the only form that has an entry's facts.
    #[must_use]
    pub fn writes_json(&self) -> bool {
        let is_in_file = self.file_format == Format::Json && self.file_level.is_some();
        self.format == Format::Json || is_in_file || self.events.is_some()
    }

    /// Works out the options.
    #[must_use]
    pub fn resolve(sources: Sources<'_>, messages: Stream) -> Self {
        let is_terminal = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
        let quiet = sources.is_on("quiet", false);
        let level = if quiet {
            Some(Level::Error)
        } else if sources.is_on("debug", false) {
            Some(Level::Debug)
        } else {
            level(&sources.text("log_level", "info"))
        };
        let format = format(&sources.text("log_format", "default"), Format::Text);
        Self {
            format,
            level,
            file_format: self::format(&sources.file_text("log_format_file", "log_format", "debug"), Format::Debug),
            file_level: self::level(&sources.file_text("log_level_file", "log_level", "debug")),
            color: format != Format::Json && is_colored(sources, messages),
            file_color: sources.explicit("use_colors_file").is_some_and(|word| is_true(&word)),
            quiet,
            print: sources.is_on("print", true),
            width: sources.text("printer_width", "80").parse().unwrap_or(80),
            max_bytes: sources.text("log_file_max_bytes", "10485760").parse().unwrap_or(10 * 1024 * 1024),
            log_folder: None,
            messages,
            is_terminal,
            invocation_id: String::new(),
            extra: published(sources.env).into_iter().map(|(name, value)| (name, value.into())).collect(),
            events: EventStream::path(sources.env),
        }
    }
}

fn is_colored(sources: Sources<'_>, messages: Stream) -> bool {
    let is_set = |name: &str| sources.env.get(name).is_some_and(|value| !value.is_empty());
    if let Some(word) = sources.explicit("use_colors") {
        return is_true(&word.to_lowercase());
    }
    let is_terminal = match messages {
        Stream::Stdout => std::io::stdout().is_terminal(),
        Stream::Stderr => std::io::stderr().is_terminal(),
    };
    let is_dumb = sources.env.get("TERM").is_some_and(|term| term == "dumb");
    sources.is_on("use_colors", true) && !is_set("NO_COLOR") && (is_set("FORCE_COLOR") || (is_terminal && !is_dumb))
}

fn format(word: &str, default: Format) -> Format {
    match word {
        "json" => Format::Json,
        "debug" => Format::Debug,
        "text" => Format::Text,
        _ => default,
    }
}

fn level(word: &str) -> Option<Level> {
    match word {
        "debug" => Some(Level::Debug),
        "warn" => Some(Level::Warn),
        "error" => Some(Level::Error),
        "none" => None,
        _ => Some(Level::Info),
    }
}

/// Writes entries and data. Shared by the threads of a run.
pub struct Printer {
    options: Options,
    secrets: Secrets,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    file: Option<LogFile>,
    events: Option<EventStream>,
    progress: Option<Arc<Progress>>,
}

impl Printer {
    /// Makes a printer and begins the invocation's part of the log file.
    #[must_use]
    pub fn new(options: Options, secrets: Secrets) -> Self {
        let mut file = match (&options.log_folder, options.file_level) {
            (Some(folder), Some(_)) => LogFile::open(folder, options.max_bytes).ok(),
            _ => None,
        };
        if let (Some(file), Format::Debug) = (&mut file, options.file_format) {
            let rule = "=".repeat(30);
            let now = jiff::Timestamp::now().strftime("%H:%M:%S%.6f").to_string();
            file.write(&format!("\n\n{rule} {now} | {} {rule}", options.invocation_id));
        }
        let events = options.events.as_deref().and_then(EventStream::open);
        Self { options, secrets, inner: Mutex::new(Inner { file, events, progress: None }) }
    }

    /// What holds for everything that is written.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The colors of the console.
    #[must_use]
    pub fn theme(&self) -> Theme {
        Theme::new(self.options.color)
    }

    /// The text without secrets.
    #[must_use]
    pub fn scrub(&self, text: &str) -> String {
        self.secrets.scrub(text).into_owned()
    }

    /// Begins or ends the live part of the terminal.
    pub fn set_progress(&self, progress: Option<Arc<Progress>>) {
        self.lock().progress = progress;
    }

    /// Says something: to the console if the level asks for it, and to the log file.
    pub fn say(&self, entry: &Entry) {
        let now = jiff::Timestamp::now();
        let is_wanted = self.options.level.is_some_and(|least| entry.level >= least);
        let mut inner = self.lock();
        if is_wanted {
            let line = self.line(entry, self.options.format, self.options.color, now);
            write_line(&inner, self.options.messages, &line);
        }
        self.log(&mut inner, entry, now);
    }

    /// Writes to the log file and the stream of events alone.
    pub fn log_only(&self, entry: &Entry) {
        let now = jiff::Timestamp::now();
        self.log(&mut self.lock(), entry, now);
    }

    /// Writes data that was asked for: on stdout, whatever the level, without a time stamp.
    pub fn data(&self, entry: &Entry) {
        let now = jiff::Timestamp::now();
        let mut inner = self.lock();
        let line = match self.options.format {
            Format::Json => self.line(entry, Format::Json, false, now),
            _ => self.painted(&entry.text, self.options.color),
        };
        write_line(&inner, Stream::Stdout, &line);
        self.log(&mut inner, entry, now);
    }

    /// Writes many lines of data at once.
    pub fn lines(&self, entry_of: impl Fn(&str) -> Entry, lines: &[String]) {
        if self.options.format == Format::Json {
            lines.iter().for_each(|line| self.data(&entry_of(line)));
        } else if !lines.is_empty() {
            let now = jiff::Timestamp::now();
            let text = self.secrets.scrub(&lines.join("\n")).into_owned();
            let mut inner = self.lock();
            write_line(&inner, Stream::Stdout, &text);
            if inner.events.is_some() {
                lines.iter().for_each(|line| self.stream(&mut inner, &entry_of(line), now));
            }
        }
    }

    fn log(&self, inner: &mut Inner, entry: &Entry, now: jiff::Timestamp) {
        if self.options.file_level.is_some_and(|least| entry.level >= least)
            && let Some(file) = &mut inner.file
        {
            let line = self.line(entry, self.options.file_format, self.options.file_color, now);
            file.write(&line);
        }
        self.stream(inner, entry, now);
    }

    fn stream(&self, inner: &mut Inner, entry: &Entry, now: jiff::Timestamp) {
        if let Some(events) = &mut inner.events {
            events.write(self.json(entry, now));
        }
    }

    fn line(&self, entry: &Entry, format: Format, color: bool, now: jiff::Timestamp) -> String {
        match format {
            Format::Text => format!("{}  {}", now.strftime("%H:%M:%S"), self.painted(&entry.text, color)),
            Format::Debug => {
                let text = self.painted(&entry.text, color);
                let word = entry.level.word();
                format!("{} [{word:<5}] [{}]: {text}", now.strftime("%H:%M:%S%.6f"), thread(entry))
            }
            Format::Json => self.json(entry, now),
        }
    }

    fn painted(&self, text: &str, color: bool) -> String {
        let text = self.secrets.scrub(text);
        if color { text.into_owned() } else { plain(&text) }
    }

    fn json(&self, entry: &Entry, now: jiff::Timestamp) -> String {
        let line = json!({
            "data": entry.data,
            "info": {
                "category": "",
                "code": entry.event.code,
                "extra": self.options.extra,
                "invocation_id": self.options.invocation_id,
                "level": entry.level.word(),
                "msg": plain(&entry.text),
                "name": entry.event.name,
                "pid": std::process::id(),
                "thread": thread(entry),
                "ts": now.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
            },
        });
        self.secrets.scrub(&line.to_string()).into_owned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn thread(entry: &Entry) -> &str {
    if entry.thread.is_empty() { "MainThread" } else { &entry.thread }
}

/// Writes and forgets: a reader that went away must not stop a run.
fn write_line(inner: &Inner, stream: Stream, line: &str) {
    let write = || {
        let _ = match stream {
            Stream::Stdout => writeln!(std::io::stdout().lock(), "{line}"),
            Stream::Stderr => writeln!(std::io::stderr().lock(), "{line}"),
        };
    };
    match &inner.progress {
        Some(progress) => progress.above(write),
        None => write(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printer(given: &[(&str, Data)], env: &[(&str, &str)]) -> Printer {
        let given = given.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let env: BTreeMap<String, String> = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let empty = BTreeMap::new();
        let sources = Sources { resolved: &empty, given: &given, env: &env };
        Printer::new(Options::resolve(sources, Stream::Stdout), Secrets::new(&env))
    }

    #[test]
    fn a_json_line_has_info_and_data_without_secrets() {
        let printer = printer(&[("log_format", Data::from("json"))], &[("DBT_ENV_SECRET_X", "hush")]);
        assert_eq!(printer.options().file_format, Format::Json);
        let entry = Entry::info(super::super::names::FOUND, "Found hush").with("stat_line", "hush");
        let line = printer.line(&entry, Format::Json, false, jiff::Timestamp::UNIX_EPOCH);
        let read: Data = serde_json::from_str(&line).expect("JSON");
        assert_eq!(read["info"]["name"], "FoundStats");
        assert_eq!(read["info"]["msg"], "Found *****");
        assert_eq!(read["data"]["stat_line"], "*****");
        assert_eq!(read["info"]["ts"], "1970-01-01T00:00:00.000000Z");
    }

    #[test]
    fn text_lines_begin_with_the_time() {
        let printer = printer(&[("use_colors", Data::from(true))], &[]);
        let entry = Entry::info(super::super::names::FOUND, printer.theme().good("x"));
        let line = printer.line(&entry, Format::Text, false, jiff::Timestamp::UNIX_EPOCH);
        assert_eq!(line, "00:00:00  x");
        assert!(printer.options().color);
    }

    #[test]
    fn quiet_leaves_errors() {
        assert_eq!(printer(&[("quiet", Data::from(true))], &[]).options().level, Some(Level::Error));
        assert_eq!(printer(&[], &[("DBT_QUIET", "1")]).options().level, Some(Level::Error));
        assert_eq!(printer(&[], &[("DBT_LOG_LEVEL", "none")]).options().level, None);
    }
}
