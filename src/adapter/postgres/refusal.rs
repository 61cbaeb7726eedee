//! The server's refusals: kinds, places, and the text that dbt shows, which is that of libpq without the severity.

use std::fmt::Write;
use std::io;

use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::ErrorFields;

use super::super::{AdapterError, AdapterErrorKind};

/// Columns of an excerpt, and how many of them stay free to the right of its caret.
const EXCERPT_WIDTH: usize = 60;
const RIGHT_MARGIN: usize = 10;

/// What an error or a notice says.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) severity: String,
    pub(super) code: String,
    pub(super) message: String,
    detail: Option<String>,
    hint: Option<String>,
    context: Option<String>,
    /// Character in the statement, from 1.
    position: Option<usize>,
    /// A statement that the server made itself, and the character in it, from 1.
    internal: Option<(String, usize)>,
}

impl Report {
    /// Reads the fields of a message.
    pub(super) fn read(mut fields: ErrorFields<'_>) -> Self {
        let mut report = Self::default();
        let (mut query, mut query_position) = (None, None);
        while let Ok(Some(field)) = fields.next() {
            let text = String::from_utf8_lossy(field.value_bytes()).into_owned();
            match field.type_() {
                b'S' => report.severity = text,
                b'C' => report.code = text,
                b'M' => report.message = text,
                b'D' => report.detail = Some(text),
                b'H' => report.hint = Some(text),
                b'W' => report.context = Some(text),
                b'P' => report.position = text.parse().ok(),
                b'q' => query = Some(text),
                b'p' => query_position = text.parse().ok(),
                _ => {}
            }
        }
        report.internal = query.map(|query| (query, query_position.unwrap_or(0)));
        report
    }

    /// The whole text as libpq prints it, without the severity.
    pub(super) fn text(&self, sql: &str) -> String {
        let mut text = self.message.clone();
        let place = match (&self.internal, self.position) {
            (Some((query, position)), _) => excerpt(query, *position),
            (None, Some(position)) => excerpt(sql, position),
            (None, None) => None,
        };
        for line in place.iter().flatten() {
            let _ = write!(text, "\n{line}");
        }
        let is_ours = self.code.starts_with("KN");
        let query = self.internal.as_ref().map(|(query, _)| query).filter(|_| !is_ours);
        let parts = [
            ("DETAIL", self.detail.as_ref()),
            ("HINT", self.hint.as_ref()),
            ("QUERY", query),
            ("CONTEXT", self.context.as_ref().filter(|_| !is_ours)),
        ];
        for (label, part) in parts {
            if let Some(part) = part {
                let _ = write!(text, "\n{label}:  {part}");
            }
        }
        text.trim().to_owned()
    }

    /// The refusal of a statement.
    pub(super) fn into_error(self, sql: &str) -> AdapterError {
        let char_ix = self.position.and_then(|position| position.checked_sub(1));
        let byte = |char_ix| sql.char_indices().nth(char_ix).map_or(sql.len(), |(byte, _)| byte);
        AdapterError {
            kind: kind(&self.code, &self.message),
            message: self.text(sql),
            position: char_ix.map(byte),
            code: Some(self.code),
            at: None,
        }
    }
}

fn kind(code: &str, message: &str) -> AdapterErrorKind {
    match code {
        "42P01" | "3F000" => return AdapterErrorKind::MissingRelation,
        // The same code stands for a time limit that was set on the server.
        "57014" if !message.contains("timeout") => return AdapterErrorKind::Interrupted,
        "40001" | "40P01" => return AdapterErrorKind::Conflict,
        // These two are raised by the macros that replace relations.
        "KN001" => return AdapterErrorKind::Dependents,
        "KN002" => return AdapterErrorKind::Busy,
        "53100" => return AdapterErrorKind::DiskFull,
        "0A000" => return AdapterErrorKind::Statement,
        "53300" | "57P01" | "57P02" | "57P03" => return AdapterErrorKind::Connect,
        _ => {}
    }
    match code.get(..2) {
        Some("08") => AdapterErrorKind::Connect,
        Some("28") => AdapterErrorKind::Auth,
        Some("23") => AdapterErrorKind::Constraint,
        Some("42") => AdapterErrorKind::Syntax,
        _ => AdapterErrorKind::Statement,
    }
}

/// The refusal of a connection that broke, in libpq's words.
pub(super) fn broken(error: &io::Error) -> AdapterError {
    let message = match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            "server closed the connection unexpectedly\n\tThis probably means the server terminated abnormally\n\tbefore \
             or while processing the request."
                .to_owned()
        }
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "timeout expired".to_owned(),
        _ => format!("could not exchange data with the server: {error}"),
    };
    AdapterError::new(AdapterErrorKind::Connect, message)
}

/// How many columns a character takes on a terminal.
fn width(char: char) -> usize {
    let wide = [0x1100..=0x115F, 0x2E80..=0xA4CF, 0xAC00..=0xD7A3, 0xF900..=0xFAFF, 0xFE30..=0xFE6F, 0xFF00..=0xFF60];
    if wide.iter().any(|range| range.contains(&u32::from(char))) || u32::from(char) >= 0x1F300 { 2 } else { 1 }
}

/// The line of a statement in which a character (from 1) stands, and a caret below it.
///
/// Long lines are cut to a window, on the right if that is enough, and dots mark where.
fn excerpt(sql: &str, position: usize) -> Option<[String; 2]> {
    let chars: Vec<char> = sql.chars().collect();
    let at = position.checked_sub(1).filter(|at| *at <= chars.len())?;
    let is_break = |ix: usize| matches!(chars[ix], '\n' | '\r');
    let starts_line = |ix: &usize| is_break(*ix) && (chars[*ix] == '\r' || *ix == 0 || chars[ix - 1] != '\r');
    let number = 1 + (0..at).filter(starts_line).count();
    let mut start = (0..at).rev().find(|ix| is_break(*ix)).map_or(0, |ix| ix + 1);
    let mut end = (at..chars.len()).find(|ix| is_break(*ix)).unwrap_or(chars.len());

    let columns = |from: usize, to: usize| chars[from..to].iter().copied().map(width).sum::<usize>();
    let (mut dots_before, mut dots_after) = ("", "");
    if columns(start, end) > EXCERPT_WIDTH {
        if columns(start, at) + RIGHT_MARGIN <= EXCERPT_WIDTH {
            while columns(start, end) > EXCERPT_WIDTH {
                end -= 1;
            }
            dots_after = "...";
        } else {
            while columns(at, end) > RIGHT_MARGIN {
                end -= 1;
                dots_after = "...";
            }
            while columns(start, end) > EXCERPT_WIDTH {
                start += 1;
                dots_before = "...";
            }
        }
    }
    let shown: String = chars[start..end].iter().map(|char| if *char == '\t' { ' ' } else { *char }).collect();
    let label = format!("LINE {number}: {dots_before}");
    let indent = label.len() + columns(start, at.max(start));
    Some([format!("{label}{shown}{dots_after}"), format!("{}^", " ".repeat(indent))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sql: &str, mark: &str, expected: &[&str]) {
        let position = sql[..sql.find(mark).unwrap()].chars().count() + 1;
        assert_eq!(excerpt(sql, position).unwrap(), expected);
    }

    #[test]
    fn the_caret_stands_below_the_character() {
        check("select 1;\nselect\tnope from t", "nope", &["LINE 2: select nope from t", "               ^"]);
        check("select 'größe', nope", "nope", &["LINE 1: select 'größe', nope", "                        ^"]);
    }

    #[test]
    fn long_lines_are_cut() {
        let tail = "select nope, aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa from t";
        let shown = format!("LINE 1: {}...", &tail[..60]);
        check(tail, "nope", &[&shown, "               ^"]);
        let head = "select aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, nope, b, c, d, e from t";
        let at = head.find("nope").unwrap();
        let shown = format!("LINE 1: ...{}...", &head[at - 50..at + 10]);
        let caret = format!("{}^", " ".repeat(11 + 50));
        check(head, "nope", &[&shown, &caret]);
    }

    #[test]
    fn parts_of_a_report_follow_each_other() {
        let report = Report {
            code: "42703".into(),
            message: "column \"nope\" does not exist".into(),
            hint: Some("Perhaps you meant \"note\".".into()),
            position: Some(8),
            ..Report::default()
        };
        let error = report.into_error("select nope");
        assert_eq!(error.kind, AdapterErrorKind::Syntax);
        assert_eq!(error.position, Some(7));
        assert_eq!(
            error.message,
            "column \"nope\" does not exist\nLINE 1: select nope\n               ^\nHINT:  Perhaps you meant \"note\"."
        );
    }
}
