//! Python models: what can be told without running them.
//!
//! The text is read with tree-sitter, and the same calls are found in it that dbt finds in Python's own tree:
//! those of `dbt.ref`, `dbt.source` and `dbt.config`, also within the arguments of other calls, but not, say,
//! within an operator among those arguments. Nothing is executed.

use serde_json::{Map, Value as Data, json};
use tree_sitter::{Node as Syntax, Parser};

use super::{Setup, render};
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::jinja::{PythonCall, py};
use crate::manifest::Node;

/// Reads a Python model; returns what its `dbt.config()` calls say.
///
/// # Errors
/// When it is not Python, has no usable `model` function, or calls `dbt` with something that is no literal.
pub(super) fn read(setup: &Setup<'_>, node: &mut Node) -> Result<Map<String, Data>, Box<Diagnostic>> {
    let model = Model { node };
    model.refuse_jinja()?;
    let mut parser = Parser::new();
    let tree = parser
        .set_language(&tree_sitter_python::LANGUAGE.into())
        .ok()
        .and_then(|()| parser.parse(model.text(), None))
        .ok_or_else(|| model.error(None, "cannot be read"))?;
    let root = tree.root_node();
    model.refuse_broken(root)?;
    // dbt says nothing of a file without statements, and running it fails.
    let calls = if statements(root).next().is_none() {
        Vec::new()
    } else {
        model.check_function(root)?;
        let mut calls = Vec::new();
        model.visit(root, &mut calls)?;
        calls
    };
    let calls = with_config_keys(&model, calls)?;
    let mut facts = render::python(setup, node, &calls)?;
    let call = std::mem::take(&mut facts.config);
    render::take_facts(node, facts);
    Ok(call)
}

/// Takes the calls of `dbt.config.get` and `dbt.config.meta_get` together into one of `config`, which says what the
/// model asks for: that is what the macros build its own `dbt.config` from.
fn with_config_keys(model: &Model<'_>, calls: Vec<PythonCall>) -> Result<Vec<PythonCall>, Box<Diagnostic>> {
    let (questions, mut others): (Vec<_>, Vec<_>) =
        calls.into_iter().partition(|call| matches!(call.function, "get" | "meta_get"));
    if questions.is_empty() {
        return Ok(others);
    }
    let mut lists = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
    for mut call in questions {
        if !(1..=2).contains(&call.args.len()) {
            let (function, given) = (call.function, call.args.len());
            let message = match given {
                0 => format!("calls `dbt.config.{function}()` without a key"),
                _ => format!("calls `dbt.config.{function}()` with {given} arguments, which takes at most 2"),
            };
            return Err(model.error(Some(call.span), &message));
        }
        let default = if call.args.len() == 2 { call.args.pop() } else { None };
        let [keys, defaults] = if call.function == "get" { [0, 1] } else { [2, 3] };
        lists[keys].extend(call.args.pop());
        lists[defaults].push(default.unwrap_or(Data::Null));
    }
    let names = ["config_keys_used", "config_keys_defaults", "meta_keys_used", "meta_keys_defaults"];
    let kwargs = names.iter().zip(lists).map(|(name, list)| ((*name).to_owned(), Data::Array(list))).collect();
    others.push(PythonCall { function: "config", args: Vec::new(), kwargs, span: Span::default() });
    Ok(others)
}

/// The statements of a module or a block.
fn statements(block: Syntax<'_>) -> impl Iterator<Item = Syntax<'_>> {
    children(block).into_iter().filter(|child| child.is_named() && child.kind() != "comment")
}

fn children(node: Syntax<'_>) -> Vec<Syntax<'_>> {
    node.children(&mut node.walk()).collect()
}

/// The column that white space leads to: a tab goes to the next multiple of eight.
fn column_of(indent: &str) -> usize {
    indent.chars().fold(0, |column, char| match char {
        '\t' => (column / 8 + 1) * 8,
        '\u{c}' => 0,
        _ => column + 1,
    })
}

/// Python's tree has no parentheses.
fn bare(node: Syntax<'_>) -> Syntax<'_> {
    let inner = || children(node).into_iter().find(|child| child.is_named() && child.kind() != "comment");
    match (node.kind(), inner()) {
        ("parenthesized_expression", Some(inner)) => bare(inner),
        _ => node,
    }
}

/// The model that is read.
struct Model<'a> {
    node: &'a Node,
}

impl Model<'_> {
    fn text(&self) -> &str {
        &self.node.raw_code
    }

    fn slice(&self, node: Syntax<'_>) -> &str {
        self.text().get(node.byte_range()).unwrap_or_default()
    }

    fn span(&self, node: Syntax<'_>) -> Span {
        let offset = self.node.raw_code_offset as usize;
        Span::new(node.start_byte() + offset, node.end_byte() + offset)
    }

    /// An error that begins with the model's name.
    fn error(&self, span: Option<Span>, what: &str) -> Box<Diagnostic> {
        let message = format!("Python model `{}` {what}", self.node.name);
        let error = Diagnostic::error(Code::PythonInvalid, message);
        Box::new(match span {
            Some(span) => error.at(&self.node.file, span),
            None => error.in_file(&self.node.file),
        })
    }

    fn refuse_jinja(&self) -> Result<(), Box<Diagnostic>> {
        let Some(at) = ["{{", "{%", "{#"].iter().filter_map(|mark| self.text().find(mark)).min() else {
            return Ok(());
        };
        let start = at + self.node.raw_code_offset as usize;
        let error = self.error(Some(Span::new(start, start + 2)), "has Jinja in it");
        Err(Box::new(error.hint("use `dbt.ref`, `dbt.source` and `dbt.config`; for braces in a text, write `'{' '{'`")))
    }

    /// Finds the first place that is no Python.
    fn refuse_broken(&self, root: Syntax<'_>) -> Result<(), Box<Diagnostic>> {
        let mut open = vec![root];
        while let Some(node) = open.pop() {
            let is_old = matches!(node.kind(), "print_statement" | "exec_statement");
            if node.is_error() || node.is_missing() || is_old {
                let start = self.span(node).start as usize;
                let line = self.node.file.text().get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
                let span = Span::new(start, start + line.trim_end().len());
                return Err(self.error(Some(span), "is not valid Python"));
            }
            if matches!(node.kind(), "module" | "block")
                && let Some(odd) = self.oddly_indented(node)
            {
                return Err(self.error(
                    Some(self.span(odd)),
                    "is not valid Python: the line is indented otherwise than the block",
                ));
            }
            if node.has_error() || node.descendant_count() > 1 {
                open.extend(children(node).into_iter().rev());
            }
        }
        Ok(())
    }

    /// The first statement of a block that begins in another column than the block, which tree-sitter lets pass.
    fn oddly_indented<'t>(&self, block: Syntax<'t>) -> Option<Syntax<'t>> {
        let mut wanted = (block.kind() == "module").then_some(0);
        statements(block).find(|statement| {
            let before = self.text().get(..statement.start_byte()).unwrap_or_default();
            let line = before.rsplit('\n').next().unwrap_or_default();
            if !line.chars().all(|char| matches!(char, ' ' | '\t' | '\u{c}')) {
                return false;
            }
            let column = column_of(line);
            *wanted.get_or_insert(column) != column
        })
    }

    /// Checks that there is one function `model(dbt, session)` that ends by returning one thing.
    fn check_function(&self, root: Syntax<'_>) -> Result<(), Box<Diagnostic>> {
        let mut found = Vec::new();
        self.find_models(root, &mut found);
        let model = match found[..] {
            [model] => model,
            [] => {
                let error = self.error(None, "has no function `model`");
                return Err(Box::new(error.hint("write `def model(dbt, session):` and return a data frame from it")));
            }
            [_, second, ..] => {
                let message = format!("has {} functions `model`, and may have one", found.len());
                return Err(self.error(Some(self.span(second.child_by_field_name("name").unwrap_or(second))), &message));
            }
        };
        self.check_parameters(model)?;
        self.check_return(model)
    }

    /// Functions named `model` that are not within other functions.
    fn find_models<'t>(&self, node: Syntax<'t>, found: &mut Vec<Syntax<'t>>) {
        let is_async = || node.child(0).is_some_and(|first| first.kind() == "async");
        if node.kind() == "function_definition" && !is_async() {
            found.extend(node.child_by_field_name("name").filter(|name| self.slice(*name) == "model").map(|_| node));
            return;
        }
        for child in children(node) {
            self.find_models(child, found);
        }
    }

    fn check_parameters(&self, model: Syntax<'_>) -> Result<(), Box<Diagnostic>> {
        let list = model.child_by_field_name("parameters").unwrap_or(model);
        let mut names = Vec::new();
        for parameter in statements(list) {
            let name = match parameter.kind() {
                "identifier" => Some(parameter),
                "default_parameter" | "typed_default_parameter" => parameter.child_by_field_name("name"),
                "typed_parameter" => parameter.child(0).filter(|name| name.kind() == "identifier"),
                // What stands before the slash cannot be given by name, and does not count.
                "positional_separator" => {
                    names.clear();
                    None
                }
                "keyword_separator" | "list_splat_pattern" => break,
                _ => None,
            };
            names.extend(name.map(|name| self.slice(name)));
        }
        let hint = "write `def model(dbt, session):`";
        let refuse = |what: &str| Err(Box::new(self.error(Some(self.span(list)), what).hint(hint)));
        match names[..] {
            [first, _] if first != "dbt" => refuse("does not take `dbt` as its first argument"),
            [_, _] => Ok(()),
            _ => refuse("must take two arguments, `dbt` and a session with the database"),
        }
    }

    fn check_return(&self, model: Syntax<'_>) -> Result<(), Box<Diagnostic>> {
        let body = model.child_by_field_name("body").unwrap_or(model);
        let last = statements(body).last().unwrap_or(body);
        if last.kind() != "return_statement" {
            let error = self.error(Some(self.span(last)), "does not end by returning a data frame");
            return Err(Box::new(error.hint("make `return` the last statement of `model`")));
        }
        let value = statements(last).next().map(bare);
        if value.is_some_and(|value| matches!(value.kind(), "expression_list" | "tuple")) {
            let error = self.error(Some(self.span(last)), "returns several things, and may return one data frame");
            return Err(Box::new(error.hint("make a model of each")));
        }
        Ok(())
    }

    fn visit(&self, node: Syntax<'_>, calls: &mut Vec<PythonCall>) -> Result<(), Box<Diagnostic>> {
        if node.kind() == "call" {
            return self.visit_call(node, calls);
        }
        children(node).into_iter().try_for_each(|child| self.visit(child, calls))
    }

    /// Notes a call of `dbt`, and looks at those in its arguments and before its dots.
    fn visit_call(&self, call: Syntax<'_>, calls: &mut Vec<PythonCall>) -> Result<(), Box<Diagnostic>> {
        let Some(function) = call.child_by_field_name("function").map(bare) else { return Ok(()) };
        if let Some(name) = self.dotted(function).and_then(|path| known(&path)) {
            calls.push(self.literal_call(name, call)?);
        }
        let list = call.child_by_field_name("arguments").filter(|list| list.kind() == "argument_list");
        for argument in list.into_iter().flat_map(statements) {
            let value = match argument.kind() {
                "keyword_argument" => argument.child_by_field_name("value"),
                "dictionary_splat" => statements(argument).next(),
                _ => Some(argument),
            };
            for inner in value.into_iter().flat_map(|value| calls_within(bare(value))) {
                self.visit_call(inner, calls)?;
            }
        }
        let mut before = function;
        while before.kind() == "attribute" {
            let Some(object) = before.child_by_field_name("object") else { return Ok(()) };
            before = bare(object);
        }
        if before.kind() == "call" && before.id() != function.id() {
            self.visit_call(before, calls)?;
        }
        Ok(())
    }

    /// `dbt.config.get` of a chain of names and dots.
    fn dotted(&self, node: Syntax<'_>) -> Option<String> {
        match node.kind() {
            "identifier" => Some(self.slice(node).to_owned()),
            "attribute" => {
                let object = self.dotted(bare(node.child_by_field_name("object")?))?;
                Some(format!("{object}.{}", self.slice(node.child_by_field_name("attribute")?)))
            }
            _ => None,
        }
    }

    fn literal_call(&self, function: &'static str, call: Syntax<'_>) -> Result<PythonCall, Box<Diagnostic>> {
        let list = call.child_by_field_name("arguments").unwrap_or(call);
        let mut read = PythonCall { function, args: Vec::new(), kwargs: Vec::new(), span: self.span(call) };
        if list.kind() != "argument_list" {
            return Err(self.not_literal(call, list));
        }
        for argument in statements(list) {
            let named = (argument.kind() == "keyword_argument")
                .then(|| argument.child_by_field_name("name").zip(argument.child_by_field_name("value")))
                .flatten();
            let (name, value) = named.map_or((None, argument), |(name, value)| (Some(self.slice(name)), value));
            let literal = self.literal(value).ok_or_else(|| self.not_literal(call, value))?;
            match name {
                Some(name) => read.kwargs.push((name.to_owned(), literal)),
                None => read.args.push(literal),
            }
        }
        Ok(read)
    }

    fn not_literal(&self, call: Syntax<'_>, value: Syntax<'_>) -> Box<Diagnostic> {
        let function = call.child_by_field_name("function").map_or("dbt", |function| self.slice(function));
        let what = format!("calls `{function}` with an argument that is not a literal");
        let error = self.error(Some(self.span(value)), &what);
        Box::new(error.hint(
            "the call is read without running the model: write the value itself, or set the config in a property file",
        ))
    }

    /// The value of a literal, as `ast.literal_eval` reads it; `None` for anything else.
    fn literal(&self, node: Syntax<'_>) -> Option<Data> {
        let node = bare(node);
        let inner: Vec<Syntax<'_>> = statements(node).collect();
        let all = |nodes: &[Syntax<'_>]| nodes.iter().map(|node| self.literal(*node)).collect::<Option<Vec<_>>>();
        match node.kind() {
            "string" => self.string(node).map(Data::String),
            "concatenated_string" => {
                Some(Data::String(inner.iter().map(|part| self.string(*part)).collect::<Option<String>>()?))
            }
            "true" => Some(json!(true)),
            "false" => Some(json!(false)),
            "none" => Some(Data::Null),
            "integer" | "float" => self.evaluated(self.slice(node)),
            "unary_operator" => {
                let operand = bare(node.child_by_field_name("argument")?);
                let is_number = matches!(operand.kind(), "integer" | "float" | "unary_operator");
                is_number.then(|| self.evaluated(self.slice(node))).flatten()
            }
            "list" | "tuple" => all(&inner).map(Data::Array),
            "dictionary" => {
                let mut map = Map::new();
                for pair in inner {
                    let (key, value) = (pair.child_by_field_name("key")?, pair.child_by_field_name("value")?);
                    let key = match self.literal(key)? {
                        Data::String(text) => text,
                        other => other.to_string(),
                    };
                    map.insert(key, self.literal(value)?);
                }
                Some(Data::Object(map))
            }
            _ => None,
        }
    }

    fn evaluated(&self, text: &str) -> Option<Data> {
        py::native::literal_eval(text).map(|value| py::to_json(&value))
    }

    /// A string without anything to fill in.
    fn string(&self, node: Syntax<'_>) -> Option<String> {
        let text = self.slice(node);
        let quote = text.find(['\'', '"'])?;
        let (prefix, quoted) = text.split_at(quote);
        match prefix.to_ascii_lowercase().as_str() {
            "" | "u" => self.evaluated(quoted)?.as_str().map(str::to_owned),
            "r" => {
                let marks = if quoted.starts_with("\"\"\"") || quoted.starts_with("'''") { 3 } else { 1 };
                quoted.get(marks..quoted.len().checked_sub(marks)?).map(str::to_owned)
            }
            _ => None,
        }
    }
}

/// The calls that dbt looks at within an argument: itself, or those right within a list, a mapping or a text.
fn calls_within(value: Syntax<'_>) -> Vec<Syntax<'_>> {
    let candidates: Vec<Syntax<'_>> = match value.kind() {
        "list" | "tuple" => statements(value).collect(),
        "dictionary" => statements(value).filter_map(|pair| pair.child_by_field_name("value")).collect(),
        "string" => interpolations(value).collect(),
        "concatenated_string" => statements(value).flat_map(interpolations).collect(),
        _ => vec![value],
    };
    candidates.into_iter().map(bare).filter(|node| node.kind() == "call").collect()
}

fn interpolations(string: Syntax<'_>) -> impl Iterator<Item = Syntax<'_>> {
    let parts = statements(string).filter(|part| part.kind() == "interpolation");
    parts.filter_map(|part| part.child_by_field_name("expression"))
}

fn known(path: &str) -> Option<&'static str> {
    Some(match path {
        "dbt.ref" => "ref",
        "dbt.source" => "source",
        "dbt.config" => "config",
        "dbt.config.get" => "get",
        "dbt.config.meta_get" => "meta_get",
        _ => return None,
    })
}
