//! YAML with a place for every value: the only door to the YAML package.

mod complaint;
mod locate;
mod mark;
mod moment;
mod scalar;

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value as Data};
use serde_yaml::StringNode;

use self::locate::Locator;
pub use self::mark::{mark, marked, plain, plain_map};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Label, SourceFile, Span};

/// A value of a YAML file and where it stands.
#[derive(Clone, Debug)]
pub struct Yaml {
    /// The value.
    pub kind: YamlKind,
    /// The bytes of the value in its file.
    pub span: Span,
}

/// What a YAML value is, by PyYAML's rules (YAML 1.1).
#[derive(Clone, Debug)]
pub enum YamlKind {
    /// `null`, `~` or nothing.
    Null,
    /// `true`, `yes`, `on` and their kin.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A floating-point number.
    Float(f64),
    /// Text.
    String(String),
    /// A date or a moment, in ISO form.
    Moment(String),
    /// A list.
    Seq(Vec<Yaml>),
    /// A mapping in the order of the file.
    Map(Vec<YamlEntry>),
}

/// A key and its value.
#[derive(Clone, Debug)]
pub struct YamlEntry {
    /// The key as text.
    pub key: String,
    /// Where the key stands.
    pub key_span: Span,
    /// The value.
    pub value: Yaml,
}

impl Yaml {
    /// The value under a key, if this is a mapping that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Yaml> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of a key, if this is a mapping that has it.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&YamlEntry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The entries of a mapping; none for anything else.
    #[must_use]
    pub fn entries(&self) -> &[YamlEntry] {
        match &self.kind {
            YamlKind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none for anything else.
    #[must_use]
    pub fn items(&self) -> &[Yaml] {
        match &self.kind {
            YamlKind::Seq(items) => items,
            _ => &[],
        }
    }

    /// The text of a string, the ISO form of a date.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            YamlKind::String(text) | YamlKind::Moment(text) => Some(text),
            _ => None,
        }
    }

    /// Tells whether there is no value.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self.kind, YamlKind::Null)
    }

    /// The word for its kind in messages.
    #[must_use]
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            YamlKind::Null => "nothing",
            YamlKind::Bool(_) => "a boolean",
            YamlKind::Int(_) => "an integer",
            YamlKind::Float(_) => "a number",
            YamlKind::String(_) => "a string",
            YamlKind::Moment(_) => "a date",
            YamlKind::Seq(_) => "a list",
            YamlKind::Map(_) => "a mapping",
        }
    }

    /// The value without its places. Dates and moments are texts.
    #[must_use]
    pub fn to_data(&self) -> Data {
        match &self.kind {
            YamlKind::Null => Data::Null,
            YamlKind::Bool(value) => Data::Bool(*value),
            YamlKind::Int(value) => Data::from(*value),
            YamlKind::Float(value) => Data::from(*value),
            YamlKind::String(text) | YamlKind::Moment(text) => Data::String(text.clone()),
            YamlKind::Seq(items) => items.iter().map(Yaml::to_data).collect(),
            YamlKind::Map(entries) => Data::Object(
                entries.iter().map(|entry| (entry.key.clone(), entry.value.to_data())).collect::<Map<_, _>>(),
            ),
        }
    }

    /// The value without its places, in which dates and moments are [`marked`].
    #[must_use]
    pub fn to_marked_data(&self) -> Data {
        match &self.kind {
            YamlKind::Float(value) if value.is_nan() => mark("nan"),
            YamlKind::Float(value) if value.is_infinite() => mark(if *value > 0.0 { "inf" } else { "-inf" }),
            YamlKind::Moment(text) => mark(text),
            YamlKind::Seq(items) => items.iter().map(Yaml::to_marked_data).collect(),
            YamlKind::Map(entries) => {
                entries.iter().map(|entry| (entry.key.clone(), entry.value.to_marked_data())).collect()
            }
            _ => self.to_data(),
        }
    }
}

/// Reads a file. Duplicate keys are warned about and the last one wins; an empty file is null.
///
/// # Errors
/// When the text is not YAML.
pub fn parse(file: &Arc<SourceFile>, diagnostics: &mut Diagnostics) -> Result<Yaml, Box<Diagnostic>> {
    let text = file.text().strip_prefix('\u{feff}').unwrap_or(file.text());
    let base = file.text().len() - text.len();
    // Without what ends the file, as in dbt: it would count to a block of text in the last place.
    let node = StringNode::from_str(text.trim_end()).map_err(|error| Box::new(complaint::explain(file, &error)))?;
    let locator = Locator::new(text, base);
    Reader { file, locator, diagnostics, n_aliases: 0 }.read(node)
}

/// Parses a YAML value given on the command line, as `--vars` takes it. Dates and moments are [`marked`].
///
/// # Errors
/// When the text is not YAML; the message says where.
pub fn parse_argument(text: &str) -> Result<Data, String> {
    let file = SourceFile::new("command line", text);
    match parse(&file, &mut Diagnostics::new()) {
        Ok(yaml) => Ok(yaml.to_marked_data()),
        Err(diagnostic) => {
            let place = diagnostic.at.as_ref().map(|label| file.place(label.span.start));
            let place = place.map(|place| format!(" at line {}, column {}", place.line, place.column));
            Err(format!("{}{}", diagnostic.message, place.unwrap_or_default()))
        }
    }
}

/// Turns the parser's nodes into ours: resolves scalars, applies merge keys, finds spans.
struct Reader<'a> {
    file: &'a Arc<SourceFile>,
    locator: Locator<'a>,
    diagnostics: &'a mut Diagnostics,
    /// How many aliases we are inside of: what they repeat was reported where it is written.
    n_aliases: usize,
}

type Pairs = Vec<(StringNode, StringNode)>;

impl Reader<'_> {
    fn read(&mut self, node: StringNode) -> Result<Yaml, Box<Diagnostic>> {
        let start = self.locator.start(node.span().start.index());
        if !self.locator.is_alias(start) {
            return self.read_at(node, start);
        }
        self.n_aliases += 1;
        let value = self.read_at(node, start);
        self.n_aliases -= 1;
        let span = self.locator.span(start, self.locator.word_end(start));
        value.map(|value| Yaml { kind: value.kind, span })
    }

    fn read_at(&mut self, node: StringNode, start: usize) -> Result<Yaml, Box<Diagnostic>> {
        let (tag, body) = self.locator.properties(start);
        if let Some(tag) = tag.filter(|tag| !TAGS.contains(tag)) {
            return Err(self.unknown_tag(tag, start));
        }
        match node {
            StringNode::Scalar(text, _) if text.is_empty() && tag.is_none() => {
                Ok(Yaml { kind: self.empty(body), span: self.locator.span(start, start) })
            }
            StringNode::Scalar(text, _) => {
                let span = self.locator.span(body, self.locator.scalar_end(body, &text));
                let is_text = matches!(tag, Some("!" | "!!str" | "!!binary"));
                let is_block = self.locator.is_block(body);
                let is_text = is_text || (is_block && tag.is_none());
                if !is_text && matches!(text.as_str(), "=" | "<<") {
                    return Err(self.reserved(&text, span));
                }
                Ok(Yaml { kind: if is_text { YamlKind::String(text) } else { scalar::resolve(text) }, span })
            }
            StringNode::QuotedScalar(text, _) => {
                let span = self.locator.span(body, self.locator.scalar_end(body, &text));
                let is_plain = matches!(tag, Some("!!int" | "!!float" | "!!bool" | "!!null" | "!!timestamp"));
                Ok(Yaml { kind: if is_plain { scalar::resolve(text) } else { YamlKind::String(text) }, span })
            }
            StringNode::Sequence(nodes, _) => {
                let items = nodes.into_iter().map(|node| self.read(node)).collect::<Result<Vec<_>, _>>()?;
                let last = items.last().map_or(body, |item| self.locator.end_of(item.span));
                let span = self.locator.span(body, self.locator.collection_end(body, last));
                Ok(Yaml { kind: YamlKind::Seq(items), span })
            }
            StringNode::Mapping(pairs, _) => self.mapping(pairs, body),
        }
    }

    /// An empty block scalar is an empty text; an empty plain one is nothing.
    fn empty(&self, start: usize) -> YamlKind {
        if self.locator.is_block(start) { YamlKind::String(String::new()) } else { YamlKind::Null }
    }

    fn mapping(&mut self, pairs: Pairs, start: usize) -> Result<Yaml, Box<Diagnostic>> {
        let mut merged = Entries::default();
        let mut own = Entries::default();
        own.list.reserve(pairs.len());
        let mut last = start;
        for (key, value) in pairs {
            if matches!(&key, StringNode::Scalar(text, _) if text == "<<") {
                let value = self.read(value)?;
                last = last.max(self.locator.end_of(value.span));
                self.merge(value, &mut merged)?;
                continue;
            }
            let (key, key_span) = self.key(key, start)?;
            let value = self.read(value)?;
            last = last.max(self.locator.end_of(key_span)).max(self.locator.end_of(value.span));
            if let Some(first) = own.insert(YamlEntry { key, key_span, value }) {
                self.warn_duplicate(&first, key_span);
            }
        }
        let span = self.locator.span(start, self.locator.collection_end(start, last));
        if merged.list.is_empty() {
            return Ok(Yaml { kind: YamlKind::Map(own.list), span });
        }
        for entry in own.list {
            merged.insert(entry);
        }
        Ok(Yaml { kind: YamlKind::Map(merged.list), span })
    }

    fn key(&mut self, node: StringNode, map_start: usize) -> Result<(String, Span), Box<Diagnostic>> {
        let start = self.locator.start(node.span().start.index());
        let is_alias = self.locator.is_alias(start);
        let (tag, body) = self.locator.properties(start);
        if let Some(tag) = tag.filter(|tag| !TAGS.contains(tag)) {
            return Err(self.unknown_tag(tag, start));
        }
        match node {
            StringNode::Scalar(text, _) | StringNode::QuotedScalar(text, _) => {
                let end = if is_alias { self.locator.word_end(start) } else { self.locator.scalar_end(body, &text) };
                Ok((text, self.locator.span(body, end)))
            }
            StringNode::Sequence(..) | StringNode::Mapping(..) => Err(self.nested_key(start, map_start)),
        }
    }

    /// `<<: *a` and `<<: [*a, *b]`, where the earlier wins.
    fn merge(&mut self, value: Yaml, merged: &mut Entries) -> Result<(), Box<Diagnostic>> {
        match value.kind {
            YamlKind::Map(entries) => merged.extend(entries),
            YamlKind::Seq(items) => {
                for item in items.into_iter().rev() {
                    let YamlKind::Map(entries) = item.kind else { return Err(self.not_mergeable(item.span)) };
                    merged.extend(entries);
                }
            }
            _ => return Err(self.not_mergeable(value.span)),
        }
        Ok(())
    }

    fn warn_duplicate(&mut self, first: &YamlEntry, span: Span) {
        if self.n_aliases > 0 {
            return;
        }
        let message = format!("key `{}` is given twice; the last one holds", first.key);
        let other = Label::new(self.file, first.key_span).with_text("first given here");
        let warning = Diagnostic::warning(Code::DuplicateKey, message).at(self.file, span).related(other);
        self.diagnostics.push(warning.hint("remove one of the two"));
    }

    fn not_mergeable(&self, span: Span) -> Box<Diagnostic> {
        let message = "`<<` takes a mapping or a list of mappings";
        let error = Diagnostic::error(Code::YamlSyntax, message).at(self.file, span);
        Box::new(error.hint("name an anchored mapping: `<<: *defaults`"))
    }

    fn nested_key(&self, start: usize, map_start: usize) -> Box<Diagnostic> {
        let text = self.file.text();
        let from = (self.locator.span(map_start.min(start), start).start as usize).min(text.len());
        let line_end = text[from..].find('\n').map_or(text.len(), |ix| from + ix);
        let span = Span::new(from, from + text[from..line_end].trim_end().len());
        let error = if text[from..].starts_with("{{") || text[from..].starts_with("{%") {
            Diagnostic::error(Code::YamlSyntax, "a template is not quoted, so YAML takes it for a mapping")
                .hint("put the value in quotes: `\"{{ ... }}\"`")
        } else {
            Diagnostic::error(Code::YamlSyntax, "a list or mapping cannot be a key")
                .hint("quote the key if it is meant as text")
        };
        Box::new(error.at(self.file, span))
    }

    fn reserved(&self, text: &str, span: Span) -> Box<Diagnostic> {
        let error = Diagnostic::error(Code::YamlSyntax, format!("`{text}` has a meaning of its own in YAML"));
        Box::new(error.at(self.file, span).hint(format!("quote it if it is meant as text: `\"{text}\"`")))
    }

    fn unknown_tag(&self, tag: &str, start: usize) -> Box<Diagnostic> {
        let span = self.locator.span(start, start + tag.len());
        let error = Diagnostic::error(Code::YamlSyntax, format!("`{tag}` is a YAML tag that is not known"));
        Box::new(error.at(self.file, span).hint("quote the value if it is meant as text"))
    }
}

/// The tags of YAML 1.1 that we take.
const TAGS: &[&str] = &[
    "!",
    "!!str",
    "!!int",
    "!!float",
    "!!bool",
    "!!null",
    "!!seq",
    "!!map",
    "!!timestamp",
    "!!binary",
    "!!omap",
    "!!set",
    "!!pairs",
];

/// The entries of a mapping while it is made: the last of two equal keys wins, in the place of the first.
#[derive(Default)]
struct Entries {
    list: Vec<YamlEntry>,
    /// Where keys are, once there are many.
    index: HashMap<String, usize>,
}

impl Entries {
    const MANY: usize = 16;

    /// Adds an entry; gives the one that it replaces.
    fn insert(&mut self, entry: YamlEntry) -> Option<YamlEntry> {
        if let Some(ix) = self.find(&entry.key) {
            return Some(std::mem::replace(&mut self.list[ix], entry));
        }
        if !self.index.is_empty() {
            self.index.insert(entry.key.clone(), self.list.len());
        }
        self.list.push(entry);
        if self.index.is_empty() && self.list.len() >= Self::MANY {
            self.index = self.list.iter().enumerate().map(|(ix, entry)| (entry.key.clone(), ix)).collect();
        }
        None
    }

    fn find(&self, key: &str) -> Option<usize> {
        if self.index.is_empty() {
            return self.list.iter().position(|entry| entry.key == key);
        }
        self.index.get(key).copied()
    }

    fn extend(&mut self, entries: Vec<YamlEntry>) {
        for entry in entries {
            self.insert(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Form, render};

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let mut diagnostics = Diagnostics::new();
        let shown = match parse(&SourceFile::new("a.yml", text), &mut diagnostics) {
            Ok(yaml) => {
                let mut lines = vec![yaml.to_data().to_string()];
                lines.extend(diagnostics.iter().map(|item| render(item, Form::Full)));
                lines.join("\n")
            }
            Err(diagnostic) => render(&diagnostic, Form::Full),
        };
        assert_eq!(shown, expected, "{text}");
    }

    /// Lists the text of every value under its span.
    fn spans<'a>(text: &'a str, yaml: &Yaml, out: &mut Vec<&'a str>) {
        out.push(&text[yaml.span.start as usize..yaml.span.end as usize]);
        yaml.items().iter().for_each(|item| spans(text, item, out));
        for entry in yaml.entries() {
            out.push(&text[entry.key_span.start as usize..entry.key_span.end as usize]);
            spans(text, &entry.value, out);
        }
    }

    #[track_caller]
    fn check_spans(text: &str, expected: &[&str]) {
        let yaml = parse(&SourceFile::new("a.yml", text), &mut Diagnostics::new()).expect("valid");
        let mut found = Vec::new();
        spans(text, &yaml, &mut found);
        assert_eq!(found, expected);
    }

    #[test]
    fn an_empty_file_is_null() {
        check("", "null");
        check("# nothing\n", "null");
        check("---\n", "null");
    }

    #[test]
    fn quotes_and_blocks_are_text() {
        check("a: '1'\nb: |\n  1\nc: !!str 1\nd: |\ne: >-\n  yes\n", r#"{"a":"1","b":"1\n","c":"1","d":"","e":"yes"}"#);
    }

    #[test]
    fn merge_keys_give_way_to_written_ones() {
        check("x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3\n", r#"{"x":{"a":1,"b":2},"y":{"a":1,"b":3}}"#);
        check(
            "x: &x {a: 1}\nz: &z {a: 2, c: 3}\ny: {<<: [*x, *z]}",
            r#"{"x":{"a":1},"z":{"a":2,"c":3},"y":{"a":1,"c":3}}"#,
        );
    }

    #[test]
    fn the_last_of_two_keys_wins_and_both_places_are_told() {
        check(
            "a: 1\na: 2\n",
            "{\"a\":2}\nwarning[K0203]: key `a` is given twice; the last one holds\n  --> a.yml:2:1\n  |\n2 | a: 2\n  | ^\nfirst given here\n  --> a.yml:1:1\n  |\n1 | a: 1\n  | ^\nhint: remove one of the two",
        );
    }

    #[test]
    fn an_unquoted_template_is_explained() {
        check(
            "a: {{ x }}\n",
            "error[K0201]: a template is not quoted, so YAML takes it for a mapping\n  --> a.yml:1:4\n  |\n1 | a: {{ x }}\n  |    ^^^^^^^\nhint: put the value in quotes: `\"{{ ... }}\"`",
        );
    }

    #[test]
    fn a_tab_is_explained() {
        check(
            "a:\n\tb: 1\n",
            "error[K0201]: the YAML cannot be read: a tab stands where spaces are expected\n  --> a.yml:2:1\n  |\n2 |  b: 1\n  | ^\nhint: indent with spaces",
        );
    }

    #[test]
    fn an_unclosed_quote_is_shown_where_it_opens() {
        check(
            "a: 1\nb: \"x\nc: 2\n",
            "error[K0201]: the YAML cannot be read: a quote is not closed\n  --> a.yml:2:4\n  |\n2 | b: \"x\n  |    ^\nhint: close the quote",
        );
    }

    #[test]
    fn a_missing_colon_is_shown_on_its_line() {
        check(
            "models:\n  - name: a\n    columns\n    x: 1\n",
            "error[K0201]: the YAML cannot be read: a `:` is missing after the key\n  --> a.yml:3:5\n  |\n3 |     columns\n  |     ^^^^^^^\nhint: write `key: value`, with a space after the colon",
        );
    }

    #[test]
    fn two_documents_are_one_too_many() {
        check(
            "a: 1\n---\nb: 2\n",
            "error[K0201]: the file holds more than one YAML document\n  --> a.yml:2:1\n  |\n2 | ---\n  | ^^^\nhint: keep one document per file",
        );
    }

    #[test]
    fn every_value_and_key_has_its_bytes() {
        check_spans(
            "é: [a, 'b''c']  # note\nk:\n  - x: |\n      one\n\n      two\n  - *z\nn:\n".replace("*z", "w").as_str(),
            &[
                "é: [a, 'b''c']  # note\nk:\n  - x: |\n      one\n\n      two\n  - w\nn:",
                "é",
                "[a, 'b''c']",
                "a",
                "'b''c'",
                "k",
                "- x: |\n      one\n\n      two\n  - w",
                "x: |\n      one\n\n      two",
                "x",
                "|\n      one\n\n      two",
                "w",
                "n",
                "",
            ],
        );
        check_spans("a: &x {b: 1 }\nc: *x\n", &["a: &x {b: 1 }\nc: *x", "a", "{b: 1 }", "b", "1", "c", "*x", "b", "1"]);
        check_spans("\u{feff}a: b\n", &["a: b", "a", "b"]);
    }

    #[test]
    fn hostile_input_is_an_error() {
        let deep = "[".repeat(100_000);
        assert!(parse_argument(&deep).is_err());
        assert!(parse_argument("a: &a [*a]").is_err());
        assert!(parse_argument("*a").is_err());
        assert!(parse_argument("a: \u{1}").is_err());
        assert_eq!(parse_argument("{a: 1, b: [yes]}"), Ok(serde_json::json!({"a": 1, "b": [true]})));
    }
}
