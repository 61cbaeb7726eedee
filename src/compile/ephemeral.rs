//! Common table expressions of ephemeral models, put in front of a query.

/// A common table expression that a query needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InjectedCte {
    /// Unique id of the ephemeral model.
    pub id: String,
    /// `name as (…)`, as it is put into the query.
    pub sql: String,
}

/// A text to put into a query, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Insertion {
    /// Byte offset in the query.
    pub(super) at: usize,
    /// The text.
    pub(super) text: String,
}

/// What stands between two expressions.
pub(super) const SEPARATOR: &str = ", ";

/// Where the expressions go: into the query's own `with`, or a new one in front of it.
pub(super) fn insertion(sql: &str, ctes: &[InjectedCte]) -> Option<Insertion> {
    if ctes.is_empty() {
        return None;
    }
    let joined = ctes.iter().map(|cte| cte.sql.as_str()).collect::<Vec<_>>().join(SEPARATOR);
    Some(match with_end(sql) {
        Some(at) => Insertion { at: at + blank_len(&sql[at..]), text: format!("{joined}, ") },
        None => Insertion { at: blank_len(sql), text: format!("with{joined} ") },
    })
}

/// The length of the white space that a text begins with.
fn blank_len(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

/// The end of the `with` (or `with recursive`) that opens the query; `None` if it opens with another word.
fn with_end(sql: &str) -> Option<usize> {
    let first = skip_blank(sql, 0);
    let with = word_at(sql, first)?;
    if !with.eq_ignore_ascii_case("with") {
        return find_later_with(sql, first + with.len());
    }
    let end = first + with.len();
    let next = skip_blank(sql, end);
    match word_at(sql, next) {
        Some(word) if word.eq_ignore_ascii_case("recursive") => Some(next + word.len()),
        _ => Some(end),
    }
}

/// A statement may begin with other words (`create table x as with …`); its `with` counts
/// when it stands outside of all parentheses.
fn find_later_with(sql: &str, from: usize) -> Option<usize> {
    let bytes = sql.as_bytes();
    let (mut at, mut depth) = (from, 0_usize);
    while at < bytes.len() {
        let next = skip_blank(sql, at);
        if next > at {
            at = next;
            continue;
        }
        match bytes[at] {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b';' => return None,
            quote @ (b'\'' | b'"') => {
                at = skip_quoted(bytes, at, quote);
                continue;
            }
            _ => {}
        }
        match word_at(sql, at) {
            Some(word) => {
                if depth == 0 && word.eq_ignore_ascii_case("with") {
                    return Some(at + word.len());
                }
                at += word.len();
            }
            None => at += 1,
        }
    }
    None
}

fn skip_quoted(bytes: &[u8], start: usize, quote: u8) -> usize {
    let mut at = start + 1;
    while at < bytes.len() && bytes[at] != quote {
        at += 1;
    }
    at + 1
}

fn word_at(sql: &str, at: usize) -> Option<&str> {
    let rest = sql.get(at..)?;
    let end = rest.find(|ch: char| !ch.is_alphanumeric() && ch != '_').unwrap_or(rest.len());
    (end > 0).then(|| &rest[..end])
}

/// Skips white space and comments.
fn skip_blank(sql: &str, from: usize) -> usize {
    let mut at = from;
    loop {
        let Some(rest) = sql.get(at..) else { return at };
        let trimmed = rest.trim_start();
        at += rest.len() - trimmed.len();
        if trimmed.starts_with("--") {
            at += trimmed.find('\n').unwrap_or(trimmed.len());
        } else if trimmed.starts_with("/*") {
            at += trimmed.find("*/").map_or(trimmed.len(), |end| end + 2);
        } else {
            return at;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sql: &str, expected: &str) {
        let cte = InjectedCte { id: "model.p.e".to_string(), sql: " e as (\nselect 1\n)".to_string() };
        let insertion = insertion(sql, &[cte]).expect("one expression");
        let result = format!("{}{}{}", &sql[..insertion.at], insertion.text, &sql[insertion.at..]);
        assert_eq!(result, expected);
    }

    #[test]
    fn a_query_without_with_gets_one() {
        check("select 2", "with e as (\nselect 1\n) select 2");
        check("\n-- c\nselect 2", "\nwith e as (\nselect 1\n) -- c\nselect 2");
    }

    #[test]
    fn a_query_with_with_keeps_it() {
        check("with a as (select 1) select 2", "with  e as (\nselect 1\n), a as (select 1) select 2");
        check(
            "/* with */ WITH recursive a as (select 1) select 2",
            "/* with */ WITH recursive  e as (\nselect 1\n), a as (select 1) select 2",
        );
    }

    #[test]
    fn a_with_in_a_subquery_is_not_the_query_s() {
        check(
            "select * from (with a as (select 1) select * from a)",
            "with e as (\nselect 1\n) select * from (with a as (select 1) select * from a)",
        );
    }
}
