//! Wildcards as a shell has them: `*`, `?`, `[abc]`, `[!abc]`. A `*` crosses `/` and `.` too.

/// Tells whether a whole text fits a pattern.
pub(super) fn fits(text: &str, pattern: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    if !has_wildcard(pattern) {
        return text == pattern;
    }
    let text: Vec<char> = text.chars().collect();
    let pattern: Vec<char> = pattern.chars().collect();
    let (mut t, mut p) = (0, 0);
    // Where the last `*` was, and how much of the text it has taken.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        let step = match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
                continue;
            }
            Some('[') => class(&pattern[p..], text[t]),
            Some('?') => Some(1),
            Some(char) => (*char == text[t]).then_some(1),
            None => None,
        };
        match (step, star) {
            (Some(length), _) => {
                p += length;
                t += 1;
            }
            (None, Some((star_p, star_t))) => {
                star = Some((star_p, star_t + 1));
                p = star_p + 1;
                t = star_t + 1;
            }
            (None, None) => return false,
        }
    }
    pattern[p..].iter().all(|char| *char == '*')
}

/// Tells whether a text has anything but itself to match.
pub(super) fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?', '[', ']'])
}

/// Matches one character with `[...]`; gives the length of the class. An unclosed `[` is itself.
fn class(pattern: &[char], char: char) -> Option<usize> {
    let is_negated = pattern.get(1) == Some(&'!');
    let start = if is_negated { 2 } else { 1 };
    // A `]` directly after the opening is a member.
    let close = pattern.iter().skip(start + 1).position(|char| *char == ']').map(|ix| ix + start + 1);
    let Some(close) = close else { return (char == '[').then_some(1) };
    let members = &pattern[start..close];
    let mut is_member = false;
    let mut ix = 0;
    while ix < members.len() {
        if ix + 2 < members.len() && members[ix + 1] == '-' {
            is_member |= (members[ix]..=members[ix + 2]).contains(&char);
            ix += 3;
        } else {
            is_member |= members[ix] == char;
            ix += 1;
        }
    }
    (is_member != is_negated).then_some(close + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, pattern: &str, expected: bool) {
        assert_eq!(fits(text, pattern), expected, "{text} {pattern}");
    }

    #[test]
    fn patterns_fit_whole_texts() {
        check("orders", "orders", true);
        check("orders", "order", false);
        check("stg_orders", "stg_*", true);
        check("a.b.c", "a*c", true);
        check("abcabd", "*ab?", true);
        check("abcabd", "*abc", false);
        check("v1", "v[0-9]", true);
        check("vx", "v[!0-9]", true);
        check("a]", "a[]]", true);
        check("a[", "a[", true);
        check("", "**", true);
    }
}
