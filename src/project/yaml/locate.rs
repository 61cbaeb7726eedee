//! Where a YAML value begins and ends, to the byte.
//!
//! The parser tells where a node begins and where the next one begins; what lies between
//! (white space, comments, dashes) is not the value's.

use crate::diagnostic::Span;

/// Finds bytes in the text of one file.
pub(super) struct Locator<'a> {
    text: &'a str,
    /// Bytes before `text` in the file: those of a byte order mark.
    base: usize,
}

impl<'a> Locator<'a> {
    /// Prepares a text without its byte order mark, which is `base` bytes long.
    pub(super) fn new(text: &'a str, base: usize) -> Self {
        Self { text, base }
    }

    /// Where the parser says a node begins; within the text in any case.
    pub(super) fn start(&self, index: usize) -> usize {
        let mut start = index.min(self.text.len());
        while !self.text.is_char_boundary(start) {
            start -= 1;
        }
        start
    }

    /// Bytes of the text as a span of the file.
    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        Span::new(start + self.base, end + self.base)
    }

    /// The end of a span of the file, in the text.
    pub(super) fn end_of(&self, span: Span) -> usize {
        (span.end as usize).saturating_sub(self.base)
    }

    /// Tells whether a node is written as an alias.
    pub(super) fn is_alias(&self, start: usize) -> bool {
        self.text.as_bytes().get(start) == Some(&b'*')
    }

    /// Tells whether a node is written as a block of lines.
    pub(super) fn is_block(&self, start: usize) -> bool {
        matches!(self.text.as_bytes().get(start), Some(b'|' | b'>'))
    }

    /// The end of an alias, an anchor or a tag.
    pub(super) fn word_end(&self, start: usize) -> usize {
        let rest = &self.text.as_bytes()[start..];
        let is_end = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b',' | b'[' | b']' | b'{' | b'}');
        start + rest.iter().position(is_end).unwrap_or(rest.len())
    }

    /// Skips anchors and tags before a node; gives the tag and where the node proper begins.
    pub(super) fn properties(&self, start: usize) -> (Option<&'a str>, usize) {
        let bytes = self.text.as_bytes();
        let (mut tag, mut ix) = (None, start);
        while let Some(mark @ (b'&' | b'!')) = bytes.get(ix) {
            let end = self.word_end(ix);
            if *mark == b'!' {
                tag = Some(&self.text[ix..end]);
            }
            ix = self.skip_space(end);
        }
        (tag, ix)
    }

    /// The end of a scalar that begins at `start` and has the given value.
    pub(super) fn scalar_end(&self, start: usize, value: &str) -> usize {
        match self.text.as_bytes().get(start) {
            Some(quote @ (b'"' | b'\'')) => self.quoted_end(start, *quote),
            Some(b'|' | b'>') => {
                let header = self.text[start..].find('\n').map_or(self.text.len(), |ix| start + ix);
                self.value_end(header, value).max(start + 1)
            }
            _ if self.text[start..].starts_with(value) => start + value.len(),
            _ => self.value_end(start, value),
        }
    }

    /// The end of a list or mapping whose last part ends at `last`.
    pub(super) fn collection_end(&self, start: usize, last: usize) -> usize {
        let bytes = self.text.as_bytes();
        let close = match bytes.get(start) {
            Some(b'[') => b']',
            Some(b'{') => b'}',
            _ => return last,
        };
        let mut ix = last.max(start + 1);
        loop {
            ix = self.skip_space(ix);
            match bytes.get(ix) {
                Some(byte) if *byte == close => return ix + 1,
                Some(b',' | b':') => ix += 1,
                _ => return last.max(start + 1),
            }
        }
    }

    fn skip_space(&self, start: usize) -> usize {
        let bytes = self.text.as_bytes();
        let mut ix = start;
        while let Some(byte) = bytes.get(ix) {
            match byte {
                b'#' => ix = self.text[ix..].find('\n').map_or(bytes.len(), |end| ix + end),
                _ if byte.is_ascii_whitespace() => ix += 1,
                _ => break,
            }
        }
        ix
    }

    fn quoted_end(&self, start: usize, quote: u8) -> usize {
        let bytes = self.text.as_bytes();
        let mut ix = start + 1;
        while let Some(byte) = bytes.get(ix) {
            match byte {
                b'\\' if quote == b'"' => ix += 1,
                b'\'' if quote == b'\'' && bytes.get(ix + 1) == Some(&b'\'') => ix += 1,
                _ if *byte == quote => return ix + 1,
                _ => {}
            }
            ix += 1;
        }
        bytes.len()
    }

    /// Follows a value that runs over lines: white space may differ, everything else is there.
    fn value_end(&self, start: usize, value: &str) -> usize {
        let mut end = start;
        let mut chars = self.text[start..].char_indices().filter(|(_, char)| !char.is_whitespace());
        for wanted in value.chars().filter(|char| !char.is_whitespace()) {
            match chars.next() {
                Some((ix, char)) if char == wanted => end = start + ix + char.len_utf8(),
                _ => break,
            }
        }
        end
    }
}
