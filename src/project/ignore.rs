//! `.dbtignore`: files that are not looked at, by the rules of `.gitignore`.

use std::path::Path;

use globset::{GlobBuilder, GlobMatcher};

use crate::diagnostic::Diagnostics;

/// The rules of one package; the last that fits decides.
#[derive(Debug, Default)]
pub(super) struct Ignore {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    is_exception: bool,
    matchers: Vec<GlobMatcher>,
}

impl Ignore {
    /// Reads the package's `.dbtignore`, if it has one.
    pub(super) fn read(root: &Path, diagnostics: &mut Diagnostics) -> Self {
        let path = root.join(".dbtignore");
        if !path.is_file() {
            return Self::default();
        }
        match super::scan::read_text(&path, ".dbtignore") {
            Ok(text) => Self::new(&text),
            Err(problem) => {
                diagnostics.push(*problem);
                Self::default()
            }
        }
    }

    /// Reads rules, one a line.
    pub(super) fn new(text: &str) -> Self {
        Self { rules: text.lines().filter_map(rule).collect() }
    }

    /// Tells whether a path below the package's root is to be left out.
    pub(super) fn is_ignored(&self, path: &str) -> bool {
        let fits = |rule: &&Rule| rule.matchers.iter().any(|matcher| matcher.is_match(path));
        self.rules.iter().rev().find(fits).is_some_and(|rule| !rule.is_exception)
    }
}

fn rule(line: &str) -> Option<Rule> {
    let trimmed = line.trim_end_matches(['\r', '\n']);
    let trimmed = if trimmed.ends_with("\\ ") { trimmed } else { trimmed.trim_end() };
    if trimmed.is_empty() || trimmed.starts_with('#') {
        return None;
    }
    let (is_exception, pattern) = match trimmed.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, trimmed.strip_prefix('\\').filter(|rest| rest.starts_with(['#', '!'])).unwrap_or(trimmed)),
    };
    let is_folder = pattern.ends_with('/');
    let pattern = pattern.trim_end_matches('/');
    let is_anchored = pattern.contains('/');
    let pattern = pattern.trim_start_matches('/');
    if pattern.is_empty() {
        return None;
    }
    let pattern = if is_anchored { pattern.to_owned() } else { format!("**/{pattern}") };
    let mut globs = vec![format!("{pattern}/**")];
    if !is_folder {
        globs.push(pattern);
    }
    let build = |glob: &String| GlobBuilder::new(glob).literal_separator(true).build().ok();
    let matchers: Vec<_> = globs.iter().filter_map(build).map(|glob| glob.compile_matcher()).collect();
    (!matchers.is_empty()).then_some(Rule { is_exception, matchers })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rules: &str, path: &str, expected: bool) {
        assert_eq!(Ignore::new(rules).is_ignored(path), expected, "{path}");
    }

    #[test]
    fn rules_are_those_of_gitignore() {
        check("*.sql", "models/a/b.sql", true);
        check("/a.sql", "models/a.sql", false);
        check("models/a*", "models/ab/c.sql", true);
        check("old/", "models/old/a.sql", true);
        check("old/", "models/old", false);
        check("*.sql\n!keep.sql", "models/keep.sql", false);
        check("# a.sql\n\n", "a.sql", false);
        check("models/**/x.sql", "models/x.sql", true);
        check("[", "a", false);
    }
}
