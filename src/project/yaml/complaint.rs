//! The YAML parser's errors in our words.

use std::sync::Arc;

use crate::diagnostic::{Code, Diagnostic, SourceFile, Span};

/// Turns an error of the YAML package into a diagnostic with a place and something to do.
pub(super) fn explain(file: &Arc<SourceFile>, error: &serde_yaml::Error) -> Diagnostic {
    let shown = error.display_no_mark().to_string();
    if shown.contains("more than one document") {
        return second_document(file);
    }
    let (problem, context) = shown.split_once(", while ").unwrap_or((&shown, ""));
    let problem = problem.split_once(" at line ").map_or(problem, |(text, _)| text);
    let place = error.location().map(|mark| file.offset(mark.line(), mark.column()));
    let place = place.or_else(|| position(&shown)).unwrap_or(0);
    let opened = mark_in(context).map(|(line, column)| file.offset(line, column));
    let (message, hint, place) = words(file, problem, context, (place, opened.unwrap_or(place)));
    let error = Diagnostic::error(Code::YamlSyntax, format!("the YAML cannot be read: {message}"));
    error.at(file, word_at(file, place)).hint(hint)
}

fn words(file: &SourceFile, problem: &str, context: &str, (at, opened): (u32, u32)) -> (String, String, u32) {
    let (message, hint, place) = match problem {
        "mapping values are not allowed in this context" => {
            ("a `:` is not expected here", "quote the value if `: ` is a part of it, or correct the indentation", at)
        }
        "found character that cannot start any token" => return bad_character(file, at),
        "found unexpected end of stream" if context.contains("quoted") => {
            ("a quote is not closed", "close the quote", opened)
        }
        "found unexpected document indicator" if context.contains("quoted") => {
            ("a quote is not closed", "close the quote", opened)
        }
        "could not find expected ':'" => {
            ("a `:` is missing after the key", "write `key: value`, with a space after the colon", opened)
        }
        "did not find expected key" => {
            ("a key is expected here", "look at the indentation of this line and at quotes in the lines above", at)
        }
        "did not find expected '-' indicator" => {
            ("an item that begins with `-` is expected here", "indent the items of a list alike", at)
        }
        "did not find expected ',' or ']'" => {
            ("a list is not closed", "close it with `]`; put `,` between its items", opened)
        }
        "did not find expected ',' or '}'" => {
            ("a mapping is not closed", "close it with `}`; put `,` between its entries; quote `{{ }}`", opened)
        }
        "found unknown escape character" => {
            ("a `\\` stands before a letter that is no escape", "use single quotes, in which `\\` is only itself", at)
        }
        "found a tab character that violates indentation" => {
            ("a tab stands where spaces are expected", "indent with spaces", at)
        }
        "block sequence entries are not allowed in this context" => {
            ("an item with `-` is not expected here", "put the list on lines of its own, indented alike", at)
        }
        "did not find expected comment or line break" => {
            ("only a comment may follow here", "begin the text on the next line, indented", at)
        }
        "did not find expected node content" => ("a value is expected here", "write a value, or quote the text", at),
        "control characters are not allowed" => ("a control character is not allowed", "remove it", at),
        "unknown anchor" => {
            ("an alias names no anchor", "define it first: `&name`; quote the value if `*` is text", at)
        }
        "recursion limit exceeded" | "repetition limit exceeded" => {
            ("it is nested too deep", "a value may not contain itself, nor be nested more than 128 levels", at)
        }
        _ => return (problem.to_owned(), "look at the indentation, quotes and colons near this place".to_owned(), at),
    };
    (message.to_owned(), hint.to_owned(), place)
}

fn bad_character(file: &SourceFile, at: u32) -> (String, String, u32) {
    let (message, hint) = match file.text()[at as usize..].chars().next() {
        Some('\t') => ("a tab stands where spaces are expected".to_owned(), "indent with spaces"),
        Some('%') => ("a value cannot begin with `%`".to_owned(), "put the template in quotes: `\"{% ... %}\"`"),
        Some(char) => (format!("a value cannot begin with `{char}`"), "put the value in quotes"),
        None => ("it ends too early".to_owned(), "complete the last line"),
    };
    (message, hint.to_owned(), at)
}

fn second_document(file: &Arc<SourceFile>) -> Diagnostic {
    let text = file.text();
    let is_content = |line: &str| !line.trim().is_empty() && !line.starts_with(['#', '%']);
    let mut seen = false;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        if seen && line.starts_with("---") {
            break;
        }
        seen |= is_content(line);
        offset += line.len();
    }
    let span = if offset < text.len() { Span::new(offset, offset + 3) } else { Span::default() };
    let error = Diagnostic::error(Code::YamlSyntax, "the file holds more than one YAML document").at(file, span);
    error.hint("keep one document per file")
}

/// The word or single character at an offset, for the carets.
fn word_at(file: &SourceFile, offset: u32) -> Span {
    let start = offset as usize;
    let rest = &file.text()[start..];
    let is_word = |char: char| char.is_alphanumeric() || matches!(char, '_' | '-' | '+');
    let word = rest.find(|char: char| !is_word(char)).unwrap_or(rest.len());
    let one = rest.chars().next().map_or(0, |char| if char == '\n' { 0 } else { char.len_utf8() });
    Span::new(start, start + word.max(one))
}

/// Finds `at line 3 column 5`.
fn mark_in(text: &str) -> Option<(usize, usize)> {
    let rest = text.split_once(" at line ")?.1;
    let (line, column) = rest.split_once(" column ")?;
    let column: String = column.chars().take_while(char::is_ascii_digit).collect();
    Some((line.parse().ok()?, column.parse().ok()?))
}

/// Finds `at position 17`.
fn position(text: &str) -> Option<u32> {
    let rest = text.split_once(" at position ")?.1;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
