//! Files as text with places in them. Reading files is `project::scan`'s duty.

use std::sync::{Arc, OnceLock};

/// A range of bytes in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// Makes a span from byte offsets; offsets past 4 GiB are clamped.
    #[must_use]
    pub fn new(start: usize, end: usize) -> Self {
        let clamp = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Self { start: clamp(start), end: clamp(end.max(start)) }
    }
}

/// A line and a column, both counted from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// A text file that was read once and is shared from then on.
pub struct SourceFile {
    path: String,
    text: Arc<str>,
    line_starts: OnceLock<Vec<u32>>,
}

impl std::fmt::Debug for SourceFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SourceFile({})", self.path)
    }
}

impl SourceFile {
    /// Makes a file. `path` is the one shown to users: relative to the project where it lies inside.
    pub fn new(path: impl Into<String>, text: impl Into<Arc<str>>) -> Arc<Self> {
        Arc::new(Self { path: path.into(), text: text.into(), line_starts: OnceLock::new() })
    }

    /// The path as shown to users.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The whole text, shared.
    #[must_use]
    pub fn shared_text(&self) -> Arc<str> {
        Arc::clone(&self.text)
    }

    /// Finds line and column of a byte offset; offsets past the end mean the end.
    #[must_use]
    pub fn place(&self, offset: u32) -> Place {
        let starts = self.line_starts();
        let line_ix = starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = starts[line_ix] as usize;
        let mut end = (offset as usize).min(self.text.len()).max(start);
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        Place { line: line_ix + 1, column: self.text[start..end].chars().count() + 1 }
    }

    /// The text of a line (from 1) without its line end; empty past the last line.
    #[must_use]
    pub fn line(&self, line: usize) -> &str {
        let starts = self.line_starts();
        let Some(start) = line.checked_sub(1).and_then(|ix| starts.get(ix)) else { return "" };
        let end = starts.get(line).map_or(self.text.len(), |next| *next as usize);
        self.text[*start as usize..end].trim_end_matches(['\n', '\r'])
    }

    /// The byte offset at which a line (from 1) and column (from 1, in characters) lies.
    #[must_use]
    pub fn offset(&self, line: usize, column: usize) -> u32 {
        let starts = self.line_starts();
        let start = starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let text = self.line(line);
        let bytes = text.char_indices().nth(column.saturating_sub(1)).map_or(text.len(), |(ix, _)| ix);
        start + u32::try_from(bytes).unwrap_or(u32::MAX)
    }

    fn line_starts(&self) -> &[u32] {
        self.line_starts.get_or_init(|| {
            let ends = self.text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
            let starts = ends.map(|(ix, _)| u32::try_from(ix + 1).unwrap_or(u32::MAX));
            std::iter::once(0).chain(starts).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, offset: u32, line: usize, column: usize) {
        let file = SourceFile::new("a.sql", text);
        assert_eq!(file.place(offset), Place { line, column });
        assert_eq!(file.offset(line, column), offset);
    }

    #[test]
    fn places_count_lines_and_characters_from_one() {
        check("ab\ncd", 0, 1, 1);
        check("ab\ncd", 4, 2, 2);
        check("é\nüx", 5, 2, 2);
    }

    #[test]
    fn a_place_past_the_end_is_the_end() {
        assert_eq!(SourceFile::new("a", "ab").place(99), Place { line: 1, column: 3 });
    }
}
