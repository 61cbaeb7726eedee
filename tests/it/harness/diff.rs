//! Compares two texts line by line.

/// Tells whether `actual` is `expected`, where a line `...` stands for any lines.
pub fn matches(expected: &str, actual: &str) -> bool {
    let expected: Vec<&str> = expected.lines().collect();
    let actual: Vec<&str> = actual.lines().collect();
    lines_match(&expected, &actual)
}

fn lines_match(expected: &[&str], actual: &[&str]) -> bool {
    match expected.split_first() {
        None => actual.is_empty(),
        Some((line, rest)) if line.trim() == "..." => (0..=actual.len()).any(|n| lines_match(rest, &actual[n..])),
        Some((line, rest)) => actual.first().is_some_and(|first| first == line) && lines_match(rest, &actual[1..]),
    }
}

/// Shows what is missing (`-`) and what is too much (`+`) in `actual`.
pub fn diff(expected: &str, actual: &str) -> String {
    let left: Vec<&str> = expected.lines().collect();
    let right: Vec<&str> = actual.lines().collect();
    let common = common_lengths(&left, &right);
    let (mut i, mut j, mut out) = (0, 0, String::new());
    while i < left.len() || j < right.len() {
        let (mark, line) = if i < left.len() && j < right.len() && left[i] == right[j] {
            (i, j) = (i + 1, j + 1);
            (' ', left[i - 1])
        } else if j == right.len() || (i < left.len() && common[i + 1][j] >= common[i][j + 1]) {
            i += 1;
            ('-', left[i - 1])
        } else {
            j += 1;
            ('+', right[j - 1])
        };
        out.push_str(&format!("    {mark} {line}\n"));
    }
    out
}

/// The length of the longest common subsequence of every pair of endings.
fn common_lengths(left: &[&str], right: &[&str]) -> Vec<Vec<usize>> {
    let mut common = vec![vec![0; right.len() + 1]; left.len() + 1];
    for i in (0..left.len()).rev() {
        for j in (0..right.len()).rev() {
            common[i][j] =
                if left[i] == right[j] { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    common
}

#[test]
fn dots_stand_for_any_lines() {
    assert!(matches("a\n...\nd", "a\nb\nc\nd"));
    assert!(matches("...", ""));
    assert!(!matches("a\n...\nd", "a\nb\nc"));
}

#[test]
fn differences_are_marked() {
    assert_eq!(diff("a\nb\nc", "a\nx\nc"), "      a\n    - b\n    + x\n      c\n");
}
