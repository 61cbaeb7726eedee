//! Colors. Every message reads well without them.

use anstyle::{AnsiColor, Style};

/// Paints text, or leaves it as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    is_colored: bool,
}

const fn fg(color: AnsiColor) -> Style {
    Style::new().fg_color(Some(anstyle::Color::Ansi(color)))
}

const GREEN: Style = fg(AnsiColor::Green);
const YELLOW: Style = fg(AnsiColor::Yellow);
const RED: Style = fg(AnsiColor::Red);
const BLUE: Style = fg(AnsiColor::Blue);
const CYAN: Style = fg(AnsiColor::Cyan);

impl Theme {
    /// A theme that paints if told so.
    #[must_use]
    pub const fn new(is_colored: bool) -> Self {
        Self { is_colored }
    }

    /// For what went well.
    #[must_use]
    pub fn good(self, text: &str) -> String {
        self.paint(GREEN, text)
    }

    /// For warnings and what was left out.
    #[must_use]
    pub fn caution(self, text: &str) -> String {
        self.paint(YELLOW, text)
    }

    /// For failures.
    #[must_use]
    pub fn bad(self, text: &str) -> String {
        self.paint(RED, text)
    }

    /// For side remarks.
    #[must_use]
    pub fn faint(self, text: &str) -> String {
        self.paint(Style::new().dimmed(), text)
    }

    /// For headings.
    #[must_use]
    pub fn strong(self, text: &str) -> String {
        self.paint(Style::new().bold(), text)
    }

    /// Paints a diagnostic that was rendered as text, by the shape of its lines.
    #[must_use]
    pub fn diagnostic(self, rendered: &str) -> String {
        if !self.is_colored {
            return rendered.to_owned();
        }
        let lines: Vec<String> = rendered.lines().map(|line| self.diagnostic_line(line)).collect();
        lines.join("\n")
    }

    fn diagnostic_line(self, line: &str) -> String {
        let body = line.trim_start();
        let indent = &line[..line.len() - body.len()];
        if let Some((head, rest)) = split_head(body, &["error[", "fail["]) {
            return format!("{indent}{}{}", self.paint(RED.bold(), head), self.strong(rest));
        }
        if let Some((head, rest)) = split_head(body, &["warning["]) {
            return format!("{indent}{}{}", self.paint(YELLOW.bold(), head), self.strong(rest));
        }
        if let Some(rest) = body.strip_prefix("-->") {
            return format!("{indent}{}{rest}", self.paint(BLUE, "-->"));
        }
        if let Some(rest) = body.strip_prefix("hint:") {
            return format!("{indent}{}{rest}", self.paint(CYAN, "hint:"));
        }
        if let Some(marks) = body.strip_prefix("| ").filter(|rest| rest.trim_start().starts_with('^')) {
            return format!("{indent}{}{}", self.paint(BLUE, "| "), self.paint(RED, marks));
        }
        line.to_owned()
    }

    fn paint(self, style: Style, text: &str) -> String {
        if self.is_colored { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

fn split_head<'a>(line: &'a str, words: &[&str]) -> Option<(&'a str, &'a str)> {
    words.iter().any(|word| line.starts_with(word)).then(|| line.split_at(line.find("]:").map_or(0, |at| at + 2)))
}

/// Takes ANSI color codes out.
#[must_use]
pub fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}
