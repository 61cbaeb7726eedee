//! Reads literate cases: Markdown with files and commands in fenced blocks.
//!
//! A `##` heading starts a case. A block with a title is a file; a `console`
//! block holds commands after `$ ` and what they print. Blocks before the first
//! `##` belong to every case of the document.

/// One document of cases.
pub struct Document {
    /// Its lines, kept for rewriting.
    pub lines: Vec<String>,
    /// Its cases in order.
    pub cases: Vec<Case>,
}

/// One case: a small project and what commands do with it.
pub struct Case {
    /// The heading.
    pub name: String,
    /// Files and commands in the order of the document.
    pub steps: Vec<Step>,
}

/// One thing to do.
#[derive(Clone)]
pub enum Step {
    /// Write a file.
    File {
        /// Its path in the project.
        path: String,
        /// Its text.
        text: String,
    },
    /// Run a command and compare.
    Command(Command),
}

/// A command with what it should print.
#[derive(Clone)]
pub struct Command {
    /// The command line.
    pub line: String,
    /// What it should print.
    pub expected: String,
    /// The exit status that it should have.
    pub status: i32,
    /// The lines of the document that hold `expected` and the status.
    pub range: std::ops::Range<usize>,
}

impl Document {
    /// Reads a document.
    pub fn read(text: &str) -> Result<Self, String> {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let (mut shared, mut cases, mut ix) = (Vec::new(), Vec::<Case>::new(), 0);
        while ix < lines.len() {
            let line = &lines[ix];
            if let Some(name) = line.strip_prefix("## ") {
                cases.push(Case { name: name.trim().to_owned(), steps: shared.clone() });
            }
            let Some(fence) = fence_of(line) else {
                ix += 1;
                continue;
            };
            let Some(length) = lines[ix + 1..].iter().position(|line| line.trim_end() == fence) else {
                return Err(format!("line {}: the block is not closed", ix + 1));
            };
            let body = ix + 1..ix + 1 + length;
            let steps = cases.last_mut().map_or(&mut shared, |case| &mut case.steps);
            steps.extend(steps_of(line[fence.len()..].trim(), &lines, body.clone())?);
            ix = body.end + 1;
        }
        Ok(Self { lines, cases })
    }
}

/// The run of backticks that a line opens a block with.
fn fence_of(line: &str) -> Option<&str> {
    let length = line.len() - line.trim_start_matches('`').len();
    (length >= 3).then(|| &line[..length])
}

fn steps_of(info: &str, lines: &[String], body: std::ops::Range<usize>) -> Result<Vec<Step>, String> {
    if info == "console" {
        return commands_of(lines, body);
    }
    let Some((_, rest)) = info.split_once("title=\"") else { return Ok(Vec::new()) };
    let path = rest.trim_end_matches('"').to_owned();
    let text = lines[body].iter().map(|line| format!("{line}\n")).collect();
    Ok(vec![Step::File { path, text }])
}

fn commands_of(lines: &[String], body: std::ops::Range<usize>) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    let mut ix = body.start;
    while ix < body.end {
        let Some(line) = lines[ix].strip_prefix("$ ") else {
            return Err(format!("line {}: a console block starts with `$ `", ix + 1));
        };
        let start = ix + 1;
        let length = lines[start..body.end].iter().take_while(|line| !line.starts_with("$ ")).count();
        let range = start..start + length;
        let mut expected = &lines[range.clone()];
        // An empty line may stand between a command's output and the next command.
        while let Some((_, rest)) = expected.split_last().filter(|(last, _)| last.is_empty()) {
            expected = rest;
        }
        let mut status = 0;
        if let Some(number) = expected.last().and_then(|line| line.strip_prefix("[exit ")?.strip_suffix(']')) {
            status = number.parse().map_err(|_| format!("line {}: not an exit status", range.end))?;
            expected = &expected[..expected.len() - 1];
        }
        let expected = expected.join("\n").trim_matches('\n').to_owned();
        steps.push(Step::Command(Command { line: line.to_owned(), expected, status, range: range.clone() }));
        ix = range.end;
    }
    Ok(steps)
}
