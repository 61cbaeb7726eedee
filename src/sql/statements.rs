//! Cutting a text into statements, without reading them.

use std::ops::Range;

/// The statements of a text, without the semicolons after them. What is only white space and comments is none.
#[must_use]
pub fn statements(sql: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let (mut start, mut at, mut is_empty) = (0, 0, true);
    let mut end = |start: usize, at: usize, is_empty: bool| {
        if !is_empty {
            found.push(start..at);
        }
    };
    while at < sql.len() {
        let rest = &sql[at..];
        let letter = rest.chars().next().unwrap_or_default();
        if letter == ';' {
            end(start, at, is_empty);
            (start, is_empty) = (at + 1, true);
        } else if let Some(len) = comment(rest) {
            at += len;
            continue;
        } else if let Some(len) = quoted(rest, &sql[..at]) {
            is_empty = false;
            at += len;
            continue;
        } else {
            is_empty &= letter.is_whitespace();
        }
        at += letter.len_utf8();
    }
    end(start, sql.len(), is_empty);
    found
}

/// The words that a statement begins with, in lower case, up to as many as asked for. Comments are left out; quoted
/// names count as words.
#[must_use]
pub fn first_words(sql: &str, n_words: usize) -> Vec<String> {
    let (mut words, mut at) = (Vec::new(), 0);
    while at < sql.len() && words.len() < n_words {
        let rest = &sql[at..];
        if let Some(len) = comment(rest) {
            at += len;
            continue;
        }
        let is_word = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '.' | '"');
        let len = rest.find(|letter| !is_word(letter)).unwrap_or(rest.len());
        if len > 0 {
            words.push(rest[..len].to_lowercase());
        }
        at += if len > 0 { len } else { rest.chars().next().map_or(1, char::len_utf8) };
    }
    words
}

/// The length of the comment that a text begins with.
fn comment(text: &str) -> Option<usize> {
    if text.starts_with("--") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if !text.starts_with("/*") {
        return None;
    }
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    Some(at)
}

/// The length of the text, name or dollar-quoted body that a text begins with.
fn quoted(text: &str, before: &str) -> Option<usize> {
    let mark = text.chars().next()?;
    match mark {
        '\'' | '"' => {
            let mut letters = before.chars().rev();
            let is_prefix = matches!(letters.next(), Some('e' | 'E'));
            let has_escapes =
                mark == '\'' && is_prefix && !letters.next().is_some_and(|letter| letter.is_alphanumeric());
            let mut inner = text.char_indices().skip(1);
            while let Some((at, letter)) = inner.next() {
                if has_escapes && letter == '\\' {
                    inner.next();
                } else if letter == mark {
                    // A doubled mark goes on as a second text, which comes to the same.
                    return Some(at + 1);
                }
            }
            Some(text.len())
        }
        '$' => {
            let is_within_name = before.ends_with(|letter: char| letter.is_alphanumeric() || letter == '_');
            let end = text[1..].find('$')? + 2;
            let tag = &text[..end];
            let is_tag = tag[1..end - 1].chars().all(|letter| letter.is_alphanumeric() || letter == '_')
                && !tag[1..].starts_with(|letter: char| letter.is_ascii_digit());
            if is_within_name || !is_tag {
                return None;
            }
            Some(text[end..].find(tag).map_or(text.len(), |at| end + at + tag.len()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sql: &str, expected: &[&str]) {
        let found: Vec<&str> = statements(sql).into_iter().map(|range| sql[range].trim()).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn semicolons_end_statements_where_they_are_no_text() {
        check("select 1", &["select 1"]);
        check("select ';' as \"a;b\"; -- one; two\n;", &["select ';' as \"a;b\""]);
        check("a /* ; /* ; */ ; */ b; c", &["a /* ; /* ; */ ; */ b", "c"]);
        check("do $$ begin; end; $$; select $1", &["do $$ begin; end; $$", "select $1"]);
        check("do $x$ $$ ; $$ $x$; b", &["do $x$ $$ ; $$ $x$", "b"]);
        check(r"select e'\';', 'it''s;'; b", &[r"select e'\';', 'it''s;'", "b"]);
    }

    #[test]
    fn first_words_skip_comments() {
        assert_eq!(first_words("-- why\n create OR replace macro f(x)", 4), ["create", "or", "replace", "macro"]);
        assert_eq!(first_words("drop table \"A b\".c", 3), ["drop", "table", "\"a"]);
    }
}
