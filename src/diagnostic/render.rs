//! Diagnostics as text: sentence, place, excerpt with carets, hints.

use std::fmt::Write;

use serde_json::{Value as Data, json};

use super::{Diagnostic, Label, Severity};

/// How much of a diagnostic is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Sentence, place, excerpt, hints.
    Full,
    /// One line: place, code, sentence.
    Short,
}

/// Renders a diagnostic without color and without a trailing line end.
#[must_use]
pub fn render(diagnostic: &Diagnostic, form: Form) -> String {
    let word = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let head = format!("{word}[{}]: {}", diagnostic.code.number(), diagnostic.message);
    match form {
        Form::Short => short(diagnostic, &head),
        Form::Full => full(diagnostic, head),
    }
}

/// A diagnostic as JSON, for tools.
#[must_use]
pub fn to_json(diagnostic: &Diagnostic) -> Data {
    json!({
        "code": diagnostic.code.number(),
        "name": diagnostic.code.name(),
        "severity": match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "message": diagnostic.message,
        "at": diagnostic.at.as_ref().map(label_json),
        "related": diagnostic.related.iter().map(label_json).collect::<Vec<_>>(),
        "hints": diagnostic.hints,
    })
}

fn label_json(label: &Label) -> Data {
    let start = label.file.place(label.span.start);
    let end = label.file.place(label.span.end);
    json!({
        "file": label.file.path(),
        "line": start.line,
        "column": start.column,
        "end_line": end.line,
        "end_column": end.column,
        "text": label.text,
    })
}

fn short(diagnostic: &Diagnostic, head: &str) -> String {
    match &diagnostic.at {
        Some(label) => format!("{}: {head}", location(label)),
        None => head.to_owned(),
    }
}

fn full(diagnostic: &Diagnostic, head: String) -> String {
    head + &details(diagnostic)
}

/// Everything below the sentence: places and hints, each beginning with a line end.
#[must_use]
pub fn details(diagnostic: &Diagnostic) -> String {
    let mut out = String::new();
    if let Some(label) = &diagnostic.at {
        write_excerpt(&mut out, label);
    }
    let n_hidden = diagnostic.related.len().saturating_sub(MOST_RELATED);
    for (ix, label) in diagnostic.related.iter().enumerate() {
        if n_hidden > 0 && ix == MOST_RELATED / 2 {
            let _ = write!(out, "\n… and {n_hidden} more places …");
        }
        if (MOST_RELATED / 2..MOST_RELATED / 2 + n_hidden).contains(&ix) {
            continue;
        }
        if !label.text.is_empty() {
            let _ = write!(out, "\n{}", label.text);
        }
        write_excerpt(&mut out, &Label { text: String::new(), ..label.clone() });
    }
    for hint in &diagnostic.hints {
        let _ = write!(out, "\nhint: {hint}");
    }
    // An error always ends with something to do: its own hint, or the catalog's.
    if diagnostic.hints.is_empty() && diagnostic.severity == Severity::Error {
        let _ = write!(out, "\nhint: {}", diagnostic.code.help());
    }
    out
}

/// How many further places are shown: those nearest to the error and those farthest.
const MOST_RELATED: usize = 8;

fn location(label: &Label) -> String {
    if label.file.text().is_empty() {
        return label.file.path().to_owned();
    }
    let place = label.file.place(label.span.start);
    format!("{}:{}:{}", label.file.path(), place.line, place.column)
}

/// The place of a label and the line it stands on, with carets.
#[must_use]
pub fn excerpt(label: &Label) -> String {
    let mut out = String::new();
    write_excerpt(&mut out, label);
    out
}

fn write_excerpt(out: &mut String, label: &Label) {
    if label.span.start == label.span.end && label.span.start == 0 {
        let _ = write!(out, "\n  --> {}", label.file.path());
        return;
    }
    let _ = write!(out, "\n  --> {}", location(label));
    let place = label.file.place(label.span.start);
    let line = label.file.line(place.line).replace('\t', " ");
    let number = place.line.to_string();
    let margin = " ".repeat(number.len());
    let room = line.chars().count().saturating_sub(place.column - 1).max(1);
    let marked = &label.file.text()[clamp(label, label.span.start)..clamp(label, label.span.end)];
    let width = marked.lines().next().map_or(0, |text| text.chars().count()).clamp(1, room);
    let _ = write!(out, "\n{margin} |\n{number} | {line}");
    let _ = write!(out, "\n{margin} | {}{}", " ".repeat(place.column - 1), "^".repeat(width));
    if !label.text.is_empty() {
        let _ = write!(out, " {}", label.text);
    }
}

fn clamp(label: &Label, offset: u32) -> usize {
    let text = label.file.text();
    let mut offset = (offset as usize).min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Code, SourceFile, Span};

    #[test]
    fn an_error_shows_its_line_with_carets_and_hints() {
        let file = SourceFile::new("models/a.sql", "select 1\nfrom {{ ref('x') }}\n");
        let shown = render(
            &Diagnostic::error(Code::UnknownRef, "`a` refers to `x`").at(&file, Span::new(17, 25)).hint("write it"),
            Form::Full,
        );
        let expected = "error[K0401]: `a` refers to `x`\n  --> models/a.sql:2:9\n  |\n2 | from {{ ref('x') }}\n  |         ^^^^^^^^\nhint: write it";
        assert_eq!(shown, expected);
    }
}
