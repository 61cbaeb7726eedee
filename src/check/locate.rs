//! Where the fault of a statement is, if the database does not say so: parts are taken out until it is another fault.

use std::ops::Range;

use regex::Regex;

use super::message;
use crate::adapter::Bench;

/// How many parts are tried at most.
const TRIES: usize = 40;

/// The byte at which a refusal without a place is meant to be, if it can be told.
pub(super) fn locate(bench: &Bench, said: &str, sql: &str) -> Option<usize> {
    let blank = blank(sql);
    let guess = message::place(said, sql);
    if message::headline(said).contains("Set operations") {
        return set_operation(bench, said, sql, &blank).or(guess);
    }
    let guess = guess?;
    let word = message::name_at(sql, guess).map(|range| &sql[range])?;
    let pattern = Regex::new(&format!(r"(?i)\b{}\b", regex::escape(word))).ok()?;
    let places: Vec<usize> = pattern.find_iter(&blank).map(|found| found.start()).collect();
    let calls = places.iter().take(TRIES).filter_map(|at| Some((*at, expression(&blank, *at, word)?)));
    let mut found = calls.filter(|(_, range)| is_elsewhere(bench, said, sql, range, "null"));
    // What stands within another is nearer to the fault.
    let Some(first) = found.next() else { return Some(guess) };
    let (at, range) = found.take_while(|(_, range)| range.end <= first.1.end).last().unwrap_or(first);
    Some(part(bench, said, sql, (&blank, range)).unwrap_or(at))
}

/// The argument of a call, or the branch of a `case`, that does not fit: of several, the first that is no constant.
fn part(bench: &Bench, said: &str, sql: &str, (blank, range): (&str, Range<usize>)) -> Option<usize> {
    let parts = parts(blank, range);
    let is_cause = |part: &&Range<usize>| is_elsewhere(bench, said, sql, part, "null");
    let is_constant = |part: &Range<usize>| {
        let text = blank[part.clone()].trim();
        text.chars().all(|letter| letter.is_ascii_digit() || letter == '.')
            || ["true", "false", "null"].iter().any(|word| text.eq_ignore_ascii_case(word))
    };
    parts.iter().filter(|part| !is_constant(part)).find(is_cause).map(|part| part.start)
}

/// The arguments of a call, or what a `case` may come to.
fn parts(blank: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let text = &blank[range.clone()];
    let is_case = text.get(..4).is_some_and(|word| word.eq_ignore_ascii_case("case"));
    let inner = match (is_case, text.find('(')) {
        (true, _) => 4..text.len().saturating_sub(3),
        (false, Some(open)) => open + 1..text.len().saturating_sub(1),
        (false, None) => return Vec::new(),
    };
    let pattern = Regex::new(r"(?i)[(),]|\b(?:case|end|when|then|else)\b").expect("the pattern is valid");
    let (mut depth, mut start, mut found) = (0, (!is_case).then_some(inner.start), Vec::new());
    for mark in pattern.find_iter(&text[inner.clone()]) {
        let (at, end) = (inner.start + mark.start(), inner.start + mark.end());
        let word = mark.as_str().to_lowercase();
        match word.as_str() {
            "(" | "case" => depth += 1,
            ")" | "end" => depth -= 1,
            _ if depth > 0 || is_case == (word == ",") => {}
            _ => {
                found.extend(start.take().map(|start| start..at));
                start = (word != "when").then_some(end);
            }
        }
    }
    found.extend(start.map(|start| start..inner.end));
    let trimmed = |part: Range<usize>| {
        let text = &text[part.clone()];
        let start = range.start + part.start + (text.len() - text.trim_start().len());
        start..start + text.trim().len()
    };
    found.into_iter().map(trimmed).filter(|part| !part.is_empty()).collect()
}

/// Whether a statement is refused for something else, or not at all, without one of its parts.
fn is_elsewhere(bench: &Bench, said: &str, sql: &str, part: &Range<usize>, instead: &str) -> bool {
    let mut text = sql.to_owned();
    text.replace_range(part.clone(), instead);
    match bench.describe(&text) {
        Ok(_) => true,
        Err(error) => message::headline(&error.message) != message::headline(said),
    }
}

/// The set operation whose branches do not fit: that of the smallest brackets without which the fault is gone.
fn set_operation(bench: &Bench, said: &str, sql: &str, blank: &str) -> Option<usize> {
    let pattern = Regex::new(r"(?i)\b(?:union|except|intersect)\b").ok()?;
    let places: Vec<usize> = pattern.find_iter(blank).map(|found| found.start()).take(TRIES).collect();
    let mut groups: Vec<Range<usize>> = places.iter().map(|at| brackets(blank, *at)).collect();
    groups.dedup();
    groups.sort_by_key(ExactSizeIterator::len);
    let is_cause = |group: &&Range<usize>| {
        group.len() == sql.len() || is_elsewhere(bench, said, sql, group, "select * from (select null) where false")
    };
    let group = groups.iter().find(is_cause)?;
    let own: Vec<usize> = places.into_iter().filter(|at| brackets(blank, *at) == *group).collect();
    // The first branch that does not fit to those before it.
    let fits = |next: &usize| {
        let mut text = sql.to_owned();
        text.replace_range(*next..group.end, " ");
        bench.describe(&text).err().is_none_or(|error| message::headline(&error.message) != message::headline(said))
    };
    let mut at = 0;
    while at + 1 < own.len() && fits(&own[at + 1]) {
        at += 1;
    }
    own.get(at).copied()
}

/// What is between the brackets around a byte; the whole text if there are none.
fn brackets(blank: &str, at: usize) -> Range<usize> {
    let mut depth = 0;
    let mut start = 0;
    for (byte, letter) in blank[..at].char_indices().rev() {
        match letter {
            ')' => depth += 1,
            '(' if depth == 0 => {
                start = byte + 1;
                break;
            }
            '(' => depth -= 1,
            _ => {}
        }
    }
    let end = closing(blank, start).unwrap_or(blank.len());
    start..end
}

/// Where the bracket closes within which a byte is.
fn closing(blank: &str, from: usize) -> Option<usize> {
    let mut depth = 0;
    for (byte, letter) in blank[from..].char_indices() {
        match letter {
            '(' => depth += 1,
            ')' if depth == 0 => return Some(from + byte),
            ')' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The call, or the `case`, that begins with a word.
fn expression(blank: &str, at: usize, word: &str) -> Option<Range<usize>> {
    if word.eq_ignore_ascii_case("case") {
        let pattern = Regex::new(r"(?i)\b(case|end)\b").ok()?;
        let mut depth = 0;
        for found in pattern.find_iter(&blank[at..]) {
            depth += if found.as_str().eq_ignore_ascii_case("case") { 1 } else { -1 };
            if depth == 0 {
                return Some(at..at + found.end());
            }
        }
        return None;
    }
    let after = at + word.len();
    let open = after + blank[after..].find(|letter: char| !letter.is_whitespace())?;
    if !blank[open..].starts_with('(') {
        return Some(at..after);
    }
    Some(at..closing(blank, open + 1)? + 1)
}

/// The statement with texts and comments blanked, so that each byte keeps its place.
fn blank(sql: &str) -> String {
    let pattern = Regex::new(r"(?s)'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/").expect("the pattern is valid");
    let hidden = |found: &regex::Captures<'_>| " ".repeat(found[0].len());
    pattern.replace_all(sql, hidden).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_and_brackets_are_found() {
        let sql = "select coalesce(a, ')'), case when b then case when c then 1 end end from (select 1 union select 2)";
        let blank = blank(sql);
        assert_eq!(&sql[expression(&blank, 7, "coalesce").unwrap_or_default()], "coalesce(a, ')')");
        assert_eq!(
            &sql[expression(&blank, 25, "case").unwrap_or_default()],
            "case when b then case when c then 1 end end"
        );
        let texts = |range| parts(&blank, range).into_iter().map(|part| &sql[part]).collect::<Vec<_>>();
        assert_eq!(texts(expression(&blank, 7, "coalesce").unwrap_or_default()), ["a"]);
        assert_eq!(texts(expression(&blank, 25, "case").unwrap_or_default()), ["case when c then 1 end"]);
        assert_eq!(&sql[brackets(&blank, sql.find("union").unwrap_or_default())], "select 1 union select 2");
    }
}
