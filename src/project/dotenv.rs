//! `.env` in the working folder: variables for those who have not set them.

use std::collections::BTreeMap;

/// Reads lines of `NAME=value`. Values may be quoted; `export` in front and comments are allowed. Other lines are left
/// out, as shells' own files may have them.
pub(super) fn parse(text: &str) -> BTreeMap<String, String> {
    text.lines().filter_map(line).collect()
}

fn line(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    let line = line.strip_prefix("export ").map_or(line, str::trim_start);
    let (name, value) = line.split_once('=')?;
    let name = name.trim_end();
    let is_first = |char: char| char.is_ascii_alphabetic() || char == '_';
    let is_name = name.starts_with(is_first) && name.chars().all(|char| is_first(char) || char.is_ascii_digit());
    is_name.then(|| (name.to_owned(), unquoted(value.trim())))
}

fn unquoted(value: &str) -> String {
    if let Some((text, _)) = value.strip_prefix('\'').and_then(|rest| rest.split_once('\'')) {
        return text.to_owned();
    }
    let Some(rest) = value.strip_prefix('"') else {
        // A `#` within a word belongs to it.
        let end = value.find(" #").or_else(|| value.find("\t#")).unwrap_or(value.len());
        return value[..end].trim_end().to_owned();
    };
    let mut text = String::new();
    let mut chars = rest.chars();
    while let Some(char) = chars.next() {
        match char {
            '"' => break,
            '\\' => match chars.next() {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some(other) => text.push(other),
                None => {}
            },
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let found = parse(text);
        let found: Vec<(&str, &str)> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn values_may_be_quoted_and_commented() {
        check("A=1\nexport B = two # words\nC='it''s'\n", &[("A", "1"), ("B", "two"), ("C", "it")]);
        check("D=\"a \\\"b\\\"\\n\" # c\nE=a#b\nF=\n", &[("D", "a \"b\"\n"), ("E", "a#b"), ("F", "")]);
    }

    #[test]
    fn other_lines_are_left_out() {
        check("# A=1\n\nif true; then\n1A=2\nA B=3\n", &[]);
    }
}
