//! Cuts a file into its top-level blocks, before any of it is rendered.

use std::ops::Range;

/// What a top-level block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BlockKind {
    /// `{% macro %}`.
    Macro,
    /// `{% test %}`.
    Test,
    /// `{% data_test %}`, the newer word for a test.
    DataTest,
    /// `{% materialization %}`.
    Materialization,
    /// `{% snapshot %}`.
    Snapshot,
    /// `{% docs %}`.
    Docs,
}

/// One top-level block of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// What it is.
    pub kind: BlockKind,
    /// Its name, as written.
    pub name: String,
    /// Byte range of the whole block, tags included (dbt's `full_block`).
    pub span: Range<usize>,
    /// Byte range of what stands between the tags (dbt's `contents`).
    pub body: Range<usize>,
    /// Line of the block's first character, from 1.
    pub line: u32,
    /// Column of the block's first character, from 1.
    pub column: u32,
}

impl Block {
    /// The whole block's text.
    pub fn text<'a>(&self, file: &'a str) -> &'a str {
        file.get(self.span.clone()).unwrap_or_default()
    }

    /// The text between the tags.
    pub fn contents<'a>(&self, file: &'a str) -> &'a str {
        file.get(self.body.clone()).unwrap_or_default()
    }
}

/// The blocks of a file, and what stands between them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scanned {
    /// The blocks, in the order of the file.
    pub blocks: Vec<Block>,
    /// Tags outside of all blocks: the word and its byte range. They do nothing.
    pub strays: Vec<(String, Range<usize>)>,
}

/// A file whose blocks cannot be told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockError {
    /// One sentence.
    pub message: String,
    /// Byte range of the tag to blame.
    pub span: Range<usize>,
}

impl BlockKind {
    fn of_tag(tag: &str) -> Option<BlockKind> {
        Some(match tag {
            "macro" => BlockKind::Macro,
            "test" => BlockKind::Test,
            "data_test" => BlockKind::DataTest,
            "materialization" => BlockKind::Materialization,
            "snapshot" => BlockKind::Snapshot,
            "docs" => BlockKind::Docs,
            _ => return None,
        })
    }

    /// The word that opens such a block.
    pub fn tag(self) -> &'static str {
        match self {
            BlockKind::Macro => "macro",
            BlockKind::Test => "test",
            BlockKind::DataTest => "data_test",
            BlockKind::Materialization => "materialization",
            BlockKind::Snapshot => "snapshot",
            BlockKind::Docs => "docs",
        }
    }
}

/// Finds the top-level blocks of the given kinds.
///
/// The rules are dbt's: the blocks may not stand inside `if` or `for`, nor
/// inside each other; strings, comments and `raw` hide tags. Inside `docs`
/// nothing but the end of the block is looked for: it is prose. White space
/// around the whole file is no part of any block.
pub fn scan(text: &str, kinds: &[BlockKind]) -> Result<Scanned, BlockError> {
    let mut scanner = Scanner {
        text: text.trim_end(),
        kinds,
        pos: text.len() - text.trim_start().len(),
        control: Vec::new(),
        open: None,
        found: Scanned::default(),
        lines: LineCounter::default(),
    };
    scanner.run()?;
    Ok(scanner.found)
}

/// A `{% … %}` tag.
#[derive(Debug, Clone)]
struct Tag<'a> {
    word: &'a str,
    name: &'a str,
    /// With the white space that `-` takes away on both sides.
    span: Range<usize>,
}

struct Scanner<'a> {
    text: &'a str,
    kinds: &'a [BlockKind],
    pos: usize,
    control: Vec<&'a str>,
    open: Option<(BlockKind, Tag<'a>)>,
    found: Scanned,
    lines: LineCounter,
}

impl<'a> Scanner<'a> {
    fn run(&mut self) -> Result<(), BlockError> {
        while let Some(at) = find_open(self.text, self.pos) {
            match self.text.as_bytes()[at + 1] {
                b'#' => self.pos = self.after(at + 2, "#}", "comment", at)?,
                b'{' => self.skip_expression(at)?,
                _ => {
                    if let Some(tag) = self.read_tag(at)? {
                        self.take_tag(tag)?;
                    }
                }
            }
        }
        match &self.open {
            None => Ok(()),
            Some((kind, tag)) => Err(BlockError {
                message: format!(
                    "the `{}` block `{}` is never closed: there is no `{{% end{} %}}`",
                    kind.tag(),
                    tag.name,
                    kind.tag()
                ),
                span: trimmed(self.text, &tag.span),
            }),
        }
    }

    fn after(&self, from: usize, end: &str, what: &str, at: usize) -> Result<usize, BlockError> {
        match self.text[from..].find(end) {
            Some(ix) => Ok(from + ix + end.len()),
            None => Err(BlockError {
                message: format!("this {what} is never closed: there is no `{end}`"),
                span: at..at + 2,
            }),
        }
    }

    /// Skips `{{ … }}`; only strings can hide its end.
    fn skip_expression(&mut self, at: usize) -> Result<(), BlockError> {
        let mut pos = at + 2;
        loop {
            match self.text.as_bytes().get(pos) {
                None => {
                    return Err(BlockError {
                        message: "this expression is never closed: there is no `}}`".to_string(),
                        span: at..at + 2,
                    });
                }
                Some(b'\'' | b'"') => pos = self.skip_string(pos)?,
                Some(b'}') if self.text[pos..].starts_with("}}") => {
                    self.pos = pos + 2;
                    return Ok(());
                }
                Some(_) => pos += 1,
            }
        }
    }

    fn skip_string(&self, at: usize) -> Result<usize, BlockError> {
        let bytes = self.text.as_bytes();
        let quote = bytes[at];
        let mut pos = at + 1;
        while let Some(byte) = bytes.get(pos) {
            match byte {
                b'\\' => pos += 2,
                _ if *byte == quote => return Ok(pos + 1),
                _ => pos += 1,
            }
        }
        Err(BlockError { message: "this string is never closed".to_string(), span: at..at + 1 })
    }

    /// Reads the tag at `{%`; `None` for what dbt does not take for a tag.
    fn read_tag(&mut self, at: usize) -> Result<Option<Tag<'a>>, BlockError> {
        let trims = self.text.as_bytes().get(at + 2) == Some(&b'-');
        let word_at = skip_space(self.text, at + 2 + usize::from(trims));
        let word = name_at(self.text, word_at);
        if word.is_empty() {
            self.pos = at + 2;
            return Ok(None);
        }
        let name_start = skip_space(self.text, word_at + word.len());
        let name = if name_start > word_at + word.len() { name_at(self.text, name_start) } else { "" };
        let close = if word == "raw" { self.after_raw(at)? } else { self.tag_close(word_at + word.len(), at)? };
        let end = if self.text[..close].ends_with("-%}") { skip_space(self.text, close) } else { close };
        let start = if trims { self.text[self.pos..at].trim_end().len() + self.pos } else { at };
        self.pos = end;
        Ok(Some(Tag { word, name, span: start..end }))
    }

    fn tag_close(&self, from: usize, at: usize) -> Result<usize, BlockError> {
        let mut pos = from;
        loop {
            match self.text.as_bytes().get(pos) {
                None => {
                    return Err(BlockError {
                        message: "this tag is never closed: there is no `%}`".to_string(),
                        span: at..at + 2,
                    });
                }
                Some(b'\'' | b'"') => pos = self.skip_string(pos)?,
                Some(b'%') if self.text[pos..].starts_with("%}") => return Ok(pos + 2),
                Some(_) => pos += 1,
            }
        }
    }

    fn after_raw(&self, at: usize) -> Result<usize, BlockError> {
        let mut from = at + 2;
        while let Some(ix) = self.text[from..].find("{%") {
            let tag = from + ix;
            let trims = self.text.as_bytes().get(tag + 2) == Some(&b'-');
            let word = skip_space(self.text, tag + 2 + usize::from(trims));
            if name_at(self.text, word) == "endraw" {
                return self.after(word, "%}", "tag", tag);
            }
            from = tag + 2;
        }
        Err(BlockError {
            message: "the `raw` block is never closed: there is no `{% endraw %}`".to_string(),
            span: at..at + 2,
        })
    }

    fn take_tag(&mut self, tag: Tag<'a>) -> Result<(), BlockError> {
        self.take_control(&tag)?;
        if let Some(kind) = BlockKind::of_tag(tag.word).filter(|kind| self.kinds.contains(kind)) {
            self.check_top(&tag)?;
            if kind == BlockKind::Docs {
                return self.take_docs(tag);
            }
            self.open = Some((kind, tag));
        } else if let Some((kind, _)) = &self.open
            && tag.word.strip_prefix("end") == Some(kind.tag())
            && let Some((kind, open)) = self.open.take()
        {
            self.push(kind, &open, &tag.span);
        } else if self.open.is_none() {
            self.found.strays.push((tag.word.to_owned(), trimmed(self.text, &tag.span)));
        }
        Ok(())
    }

    fn take_control(&mut self, tag: &Tag<'a>) -> Result<(), BlockError> {
        let fail = |message: String| Err(BlockError { message, span: trimmed(self.text, &tag.span) });
        match tag.word {
            "if" | "for" => self.control.push(tag.word),
            "endif" | "endfor" => match self.control.pop() {
                None => {
                    return fail(format!("`{{% {} %}}` without a `{{% {} %}}` before it", tag.word, &tag.word[3..]));
                }
                Some(open) if open != &tag.word[3..] => {
                    return fail(format!("`{{% {} %}}` where `{{% end{open} %}}` must come first", tag.word));
                }
                Some(_) => {}
            },
            _ => {}
        }
        Ok(())
    }

    fn check_top(&self, tag: &Tag<'a>) -> Result<(), BlockError> {
        let span = trimmed(self.text, &tag.span);
        if let Some(open) = self.control.last() {
            return Err(BlockError {
                message: format!(
                    "a `{}` block must stand at the top of the file, not inside `{{% {open} %}}`",
                    tag.word
                ),
                span,
            });
        }
        if let Some((kind, open)) = &self.open {
            return Err(BlockError {
                message: format!(
                    "a `{}` block inside the `{}` block `{}`, which is not closed yet",
                    tag.word,
                    kind.tag(),
                    open.name
                ),
                span,
            });
        }
        Ok(())
    }

    /// Looks for the end of a docs block and nothing else.
    fn take_docs(&mut self, open: Tag<'a>) -> Result<(), BlockError> {
        let mut from = open.span.end;
        while let Some(ix) = self.text[from..].find("{%") {
            let at = from + ix;
            let trims = self.text.as_bytes().get(at + 2) == Some(&b'-');
            let word_at = skip_space(self.text, at + 2 + usize::from(trims));
            match name_at(self.text, word_at) {
                "enddocs" => {
                    self.pos = from;
                    if let Some(tag) = self.read_tag(at)? {
                        self.push(BlockKind::Docs, &open, &tag.span);
                        return Ok(());
                    }
                }
                "raw" => from = self.after_raw(at)?,
                _ => from = at + 2,
            }
        }
        self.open = Some((BlockKind::Docs, open));
        self.pos = self.text.len();
        Ok(())
    }

    fn push(&mut self, kind: BlockKind, open: &Tag<'a>, close: &Range<usize>) {
        let (line, column) = self.lines.at(self.text, open.span.start);
        self.found.blocks.push(Block {
            kind,
            name: open.name.to_string(),
            span: open.span.start..close.end,
            body: open.span.end..close.start.max(open.span.end),
            line,
            column,
        });
    }
}

/// Counts lines forward only, so that a file is read once.
struct LineCounter {
    offset: usize,
    line: u32,
}

impl Default for LineCounter {
    fn default() -> Self {
        LineCounter { offset: 0, line: 1 }
    }
}

impl LineCounter {
    fn at(&mut self, text: &str, offset: usize) -> (u32, u32) {
        let passed = text[self.offset..offset].matches('\n').count();
        self.line += u32::try_from(passed).unwrap_or(0);
        self.offset = offset;
        let start = text[..offset].rfind('\n').map_or(0, |ix| ix + 1);
        let column = text[start..offset].chars().count() + 1;
        (self.line, u32::try_from(column).unwrap_or(u32::MAX))
    }
}

fn find_open(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut pos = from;
    while let Some(ix) = text.get(pos..)?.find('{') {
        let at = pos + ix;
        if matches!(bytes.get(at + 1), Some(b'{' | b'%' | b'#')) {
            return Some(at);
        }
        pos = at + 1;
    }
    None
}

fn skip_space(text: &str, from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    from + (rest.len() - rest.trim_start().len())
}

fn name_at(text: &str, from: usize) -> &str {
    let rest = text.get(from..).unwrap_or_default();
    let is_name =
        |byte: u8, first: bool| byte == b'_' || byte.is_ascii_alphabetic() || (!first && byte.is_ascii_digit());
    let len = rest.bytes().enumerate().take_while(|(ix, byte)| is_name(*byte, *ix == 0)).count();
    &rest[..len]
}

/// The tag itself, without the white space around it.
fn trimmed(text: &str, span: &Range<usize>) -> Range<usize> {
    let tag = &text[span.clone()];
    let start = span.start + (tag.len() - tag.trim_start().len());
    start..start + tag.trim().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[BlockKind] = &[
        BlockKind::Macro,
        BlockKind::Test,
        BlockKind::DataTest,
        BlockKind::Materialization,
        BlockKind::Snapshot,
        BlockKind::Docs,
    ];

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str, u32)]) {
        let found: Vec<(String, String, u32)> = scan(text, ALL)
            .unwrap()
            .blocks
            .into_iter()
            .map(|b| (b.name.clone(), b.contents(text).to_string(), b.line))
            .collect();
        let found: Vec<(&str, &str, u32)> = found.iter().map(|(n, c, l)| (n.as_str(), c.as_str(), *l)).collect();
        assert_eq!(found, expected);
    }

    #[track_caller]
    fn check_error(text: &str, expected: &str, at: &str) {
        let err = scan(text, ALL).unwrap_err();
        assert_eq!(err.message, expected);
        assert_eq!(&text[err.span], at);
    }

    #[test]
    fn blocks_come_with_name_body_and_line() {
        check(
            "x\n{% macro a(b) %}1{% endmacro %}\n\n{%- test t(model) -%} 2 {%- endtest -%}\n",
            &[("a", "1", 2), ("t", "2", 2)],
        );
    }

    #[test]
    fn white_space_around_the_file_is_no_part_of_a_block() {
        let text = "\n{%- macro a() -%}{%- endmacro -%}\n{%- macro b() -%}{%- endmacro -%}\n";
        let texts: Vec<String> =
            scan(text, ALL).unwrap().blocks.iter().map(|block| block.text(text).to_string()).collect();
        assert_eq!(texts, ["{%- macro a() -%}{%- endmacro -%}\n", "{%- macro b() -%}{%- endmacro -%}"]);
    }

    #[test]
    fn strings_comments_and_raw_hide_tags() {
        check(
            "{# {% macro no() %} #}{% raw %}{% macro no() %}{% endraw %}{{ '{% macro no() %}' }}\
             {% set x = \"%}{% macro no() %}\" %}{% macro yes() %}{% endmacro %}",
            &[("yes", "", 1)],
        );
    }

    #[test]
    fn prose_in_docs_is_not_read() {
        check("{% docs d %}it's {{ weird ? }} {% if %}{% enddocs %}", &[("d", "it's {{ weird ? }} {% if %}", 1)]);
    }

    #[test]
    fn macro_bodies_may_hold_any_other_tag() {
        check(
            "{% macro a() %}{% if x %}{% for y in z %}{% endfor %}{% endif %}{% endmacro %}",
            &[("a", "{% if x %}{% for y in z %}{% endfor %}{% endif %}", 1)],
        );
    }

    #[test]
    fn misplaced_blocks_are_reported_at_their_tag() {
        check_error(
            "{% if x %}{% macro a() %}{% endmacro %}{% endif %}",
            "a `macro` block must stand at the top of the file, not inside `{% if %}`",
            "{% macro a() %}",
        );
        check_error(
            "{% macro a() %}\n{%- macro b() %}{% endmacro %}{% endmacro %}",
            "a `macro` block inside the `macro` block `a`, which is not closed yet",
            "{%- macro b() %}",
        );
        check_error(
            "{% snapshot s %}select 1",
            "the `snapshot` block `s` is never closed: there is no `{% endsnapshot %}`",
            "{% snapshot s %}",
        );
        check_error("{% endif %}", "`{% endif %}` without a `{% if %}` before it", "{% endif %}");
        check_error("{% for a in b %}{% endif %}", "`{% endif %}` where `{% endfor %}` must come first", "{% endif %}");
        check_error("a {{ 'x }}", "this string is never closed", "'");
        check_error("a {{ x ", "this expression is never closed: there is no `}}`", "{{");
    }
}
