//! Where compiled SQL comes from: every piece of literal text to its own place in the template, what an
//! expression printed to that expression.
//!
//! The template is rendered with marks in front of its literal pieces; the marks are taken out of the result,
//! and where they stood is the map. Pieces inside blocks that keep their output (`set`, `call`, `filter`,
//! `macro`) are not marked: nothing a template computes with ever contains a mark.

use std::ops::Range;

const OPEN: char = '\u{F8F0}';
const CLOSE: char = '\u{F8F1}';

/// A literal piece of compiled SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Segment {
    /// Bytes of the compiled SQL.
    compiled: Range<usize>,
    /// Where its first byte stands in the template.
    template: usize,
}

/// Maps bytes of compiled SQL to bytes of the template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SqlMap {
    segments: Vec<Segment>,
}

impl SqlMap {
    /// The map of SQL that is its own template.
    #[must_use]
    pub fn identity(len: usize) -> Self {
        Self { segments: vec![Segment { compiled: 0..len, template: 0 }] }
    }

    /// The map of what [`SqlMap::segments`] gave.
    #[must_use]
    pub fn from_segments(segments: &[(usize, usize, usize)]) -> Self {
        let segment =
            |(start, end, template): &(usize, usize, usize)| Segment { compiled: *start..*end, template: *template };
        Self { segments: segments.iter().map(segment).collect() }
    }

    /// The literal pieces: start and end in the SQL, start in the template.
    #[must_use]
    pub fn segments(&self) -> Vec<(usize, usize, usize)> {
        let plain = |segment: &Segment| (segment.compiled.start, segment.compiled.end, segment.template);
        self.segments.iter().map(plain).collect()
    }

    /// The place in the template that a byte of compiled SQL comes from.
    #[must_use]
    pub fn to_template(&self, offset: usize) -> Option<usize> {
        let ix = self.segments.partition_point(|segment| segment.compiled.start <= offset).checked_sub(1)?;
        let segment = &self.segments[ix];
        // Behind a literal piece stands what the expression after it printed.
        let within = offset.min(segment.compiled.end) - segment.compiled.start;
        Some(segment.template + within)
    }

    /// Shifts everything from `at` on by the length of a text that was inserted there.
    pub fn insert(&mut self, at: usize, len: usize) {
        let mut result = Vec::with_capacity(self.segments.len() + 1);
        for segment in self.segments.drain(..) {
            let Range { start, end } = segment.compiled;
            if start >= at {
                result.push(Segment { compiled: start + len..end + len, template: segment.template });
            } else if end > at {
                result.push(Segment { compiled: start..at, template: segment.template });
                result.push(Segment { compiled: at + len..end + len, template: segment.template + (at - start) });
            } else {
                result.push(segment);
            }
        }
        self.segments = result;
    }
}

/// A template with marks, and how to get back.
#[derive(Debug)]
pub(super) struct Marked {
    /// The text to render.
    pub(super) text: String,
    /// Where marks stand in `text`, and how long they are.
    marks: Vec<(usize, usize)>,
}

impl Marked {
    /// The offset in the template of an offset in the marked text.
    pub(super) fn to_template(&self, offset: usize) -> usize {
        let inserted: usize = self.marks.iter().take_while(|(at, _)| *at < offset).map(|(_, len)| len).sum();
        offset.saturating_sub(inserted)
    }
}

/// What a tag does to the text that follows it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    None,
    Captures,
    Releases,
}

/// Marks the literal pieces of a template; `None` if it cannot be marked.
pub(super) fn mark(template: &str) -> Option<Marked> {
    if template.contains(OPEN) || template.contains(CLOSE) {
        return None;
    }
    let mut marked = Marked { text: String::with_capacity(template.len() + 64), marks: Vec::new() };
    let (mut at, mut depth) = (0, 0_usize);
    while at < template.len() {
        let next = template[at..]
            .find("{{")
            .into_iter()
            .chain(template[at..].find("{%"))
            .chain(template[at..].find("{#"))
            .min();
        let literal_end = next.map_or(template.len(), |offset| at + offset);
        marked.push_literal(template, at..literal_end, depth == 0);
        if literal_end == template.len() {
            break;
        }
        let (end, effect) = tag_end(template, literal_end)?;
        match effect {
            Effect::Captures => depth += 1,
            Effect::Releases => depth = depth.saturating_sub(1),
            Effect::None => {}
        }
        marked.text.push_str(&template[literal_end..end]);
        at = end;
    }
    Some(marked)
}

impl Marked {
    /// Copies a literal piece, with a mark in front of its first letter.
    fn push_literal(&mut self, template: &str, range: Range<usize>, is_marked: bool) {
        let text = &template[range.clone()];
        let body = text.trim_start();
        if !is_marked || body.is_empty() {
            self.text.push_str(text);
            return;
        }
        let lead = text.len() - body.len();
        self.text.push_str(&text[..lead]);
        let mark = format!("{OPEN}{}{CLOSE}", range.start + lead);
        self.marks.push((self.text.len(), mark.len()));
        self.text.push_str(&mark);
        self.text.push_str(body);
    }
}

/// Where the tag that starts at `start` ends, and what it does.
fn tag_end(template: &str, start: usize) -> Option<(usize, Effect)> {
    let rest = &template[start..];
    if rest.starts_with("{#") {
        return rest.find("#}").map(|end| (start + end + 2, Effect::None));
    }
    let close = if rest.starts_with("{{") { "}}" } else { "%}" };
    let end = start + code_end(&rest[2..], close)? + 2;
    if close == "}}" {
        return Some((end, Effect::None));
    }
    let code = template[start + 2..end - 2].trim_matches(['-', '+']).trim();
    let word = code.split(|ch: char| !ch.is_alphanumeric() && ch != '_').next().unwrap_or_default();
    match word {
        "raw" => {
            // What stands in `raw` is copied as it is, tags included.
            let body = &template[end..];
            let mut from = 0;
            loop {
                let tag = from + body[from..].find("{%")?;
                let tag_end = tag + 2 + body[tag + 2..].find("%}")?;
                if body[tag + 2..tag_end].trim_matches(['-', '+']).trim() == "endraw" {
                    return Some((end + tag_end + 2, Effect::None));
                }
                from = tag + 2;
            }
        }
        "set" if !has_assignment(code) => Some((end, Effect::Captures)),
        "call" | "filter" | "macro" | "snapshot" => Some((end, Effect::Captures)),
        "endset" | "endcall" | "endfilter" | "endmacro" | "endsnapshot" => Some((end, Effect::Releases)),
        _ => Some((end, Effect::None)),
    }
}

fn has_assignment(code: &str) -> bool {
    code.contains('=')
        && !code.trim_start_matches("set").trim_start().chars().take_while(|ch| *ch != '=').any(|ch| ch == '|')
}

/// The end of a tag's code, past its closing braces; strings and braces inside are skipped.
fn code_end(code: &str, close: &str) -> Option<usize> {
    let bytes = code.as_bytes();
    let (mut ix, mut braces) = (0, 0_usize);
    while ix < bytes.len() {
        if braces == 0 && code.is_char_boundary(ix) && code[ix..].starts_with(close) {
            return Some(ix + 2);
        }
        match bytes[ix] {
            quote @ (b'\'' | b'"') => {
                ix += 1;
                while ix < bytes.len() && bytes[ix] != quote {
                    ix += if bytes[ix] == b'\\' { 2 } else { 1 };
                }
            }
            b'{' => braces += 1,
            b'}' if braces > 0 => braces -= 1,
            _ => {}
        }
        ix += 1;
    }
    None
}

/// Takes the marks out of rendered text and makes the map of them.
pub(super) fn unmark(template: &str, rendered: &str) -> (String, SqlMap) {
    let mut sql = String::with_capacity(rendered.len());
    let mut segments = Vec::new();
    let mut rest = rendered;
    while let Some(open) = rest.find(OPEN) {
        sql.push_str(&rest[..open]);
        let after = &rest[open + OPEN.len_utf8()..];
        let Some(close) = after.find(CLOSE) else {
            rest = after;
            continue;
        };
        let body = &after[close + CLOSE.len_utf8()..];
        if let Ok(start) = after[..close].parse::<usize>() {
            let literal = template.get(start..).unwrap_or_default();
            let len = shared_prefix(literal, body);
            segments.push(Segment { compiled: sql.len()..sql.len() + len, template: start });
        }
        rest = body;
    }
    sql.push_str(rest);
    (sql, SqlMap { segments })
}

fn shared_prefix(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Renders by replacing tags with what `print` says, to test marks without an engine.
    #[track_caller]
    fn check(template: &str, printed: &[(&str, &str)], sql: &str, places: &[(&str, &str)]) {
        let marked = mark(template).expect("marks");
        let mut rendered = marked.text.clone();
        for (tag, text) in printed {
            rendered = rendered.replace(tag, text);
        }
        let (unmarked, map) = unmark(template, &rendered);
        assert_eq!(unmarked, sql);
        for (compiled, expected) in places {
            let offset = sql.find(compiled).expect("in the SQL");
            let place = map.to_template(offset).expect("a place");
            assert!(template[place..].starts_with(expected), "{compiled}: {}", &template[place..]);
        }
    }

    #[test]
    fn literals_map_to_themselves_and_output_to_its_expression() {
        check(
            "select a\nfrom {{ ref('x') }}\nwhere b",
            &[("{{ ref('x') }}", "db.x")],
            "select a\nfrom db.x\nwhere b",
            &[("a\n", "a\n"), ("db.x", "{{ ref"), ("where", "where")],
        );
    }

    #[test]
    fn white_space_stays_in_front_of_marks() {
        assert!(mark("{{ a -}}  b").is_some_and(|marked| marked.text.starts_with("{{ a -}}  \u{F8F0}")));
    }

    #[test]
    fn captured_text_is_not_marked() {
        let text = |template: &str| mark(template).map(|marked| marked.text).unwrap_or_default();
        assert_eq!(text("{% set x %}abc{% endset %}"), "{% set x %}abc{% endset %}");
        assert_eq!(text("{% call f() %}abc{% endcall %}"), "{% call f() %}abc{% endcall %}");
        assert_eq!(text("{% raw %}{{ a }}{% endraw %}"), "{% raw %}{{ a }}{% endraw %}");
        assert!(text("{% set x = 1 %}abc").contains(OPEN));
        assert!(text("{{ {'a': '}}'} }}abc").ends_with("abc"));
    }

    #[test]
    fn insertions_split_what_they_fall_into() {
        let mut map = SqlMap::identity(10);
        map.insert(4, 6);
        assert_eq!((map.to_template(3), map.to_template(10), map.to_template(15)), (Some(3), Some(4), Some(9)));
    }
}
