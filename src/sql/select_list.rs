//! The select list: expressions, stars with what is excluded, replaced and renamed, and DuckDB's `columns(…)`.

use std::rc::Rc;

use regex::Regex;
use sqlparser::ast::{
    BinaryOperator, ExceptSelectItem, ExcludeSelectItem, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArguments, Ident, LambdaFunction, ObjectName, OneOrManyWithParens, RenameSelectItem, SelectItem,
    SelectItemQualifiedWildcardKind, UnaryOperator, Value, WildcardAdditionalOptions,
};

use super::Dialect;
use super::analysis::Analysis;
use super::expr;
use super::flow::{Flow, How, text_print};
use super::naming;
use super::rewrite::EXPAND;
use super::scope::{Column, Name, Open, Relation, Scope};

/// The columns of a select list.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    pub(super) columns: Vec<Column>,
    pub(super) open: Option<Open>,
    /// The columns that are no aggregates, by number: what `group by all` groups by.
    pub(super) plain: Vec<usize>,
}

impl Outputs {
    fn push(&mut self, column: Column, is_plain: bool) {
        if is_plain {
            self.plain.push(self.columns.len());
        }
        self.columns.push(column);
    }

    fn extend(&mut self, columns: Vec<Column>, open: Option<Open>) {
        for column in columns {
            self.push(column, true);
        }
        if open.is_some() {
            self.open = super::qualify::merged(self.open.iter().chain(&open));
        }
    }
}

impl Analysis<'_> {
    /// The columns of a select list. Their aliases are added to the scope where later items may use them.
    pub(super) fn select_list(&mut self, items: &[SelectItem], scope: &mut Scope<'_>) -> Outputs {
        let mut outputs = Outputs::default();
        for item in items {
            match item {
                SelectItem::Wildcard(options) => {
                    let star = self.star(scope, &[]);
                    let (columns, open) = self.with_options(star, options, scope);
                    outputs.extend(columns, open);
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
                    let star = self.star(scope, &self.object_name(name));
                    let (columns, open) = self.with_options(star, options, scope);
                    outputs.extend(columns, open);
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::Expr(expr), _) => {
                    outputs.extend(
                        Vec::new(),
                        Relation::unknown(&Rc::from(format!("the fields of `{expr}` are not known"))).open,
                    );
                }
                SelectItem::UnnamedExpr(expr) => self.item(expr, None, scope, &mut outputs),
                SelectItem::ExprWithAlias { expr, alias } => self.item(expr, Some(alias), scope, &mut outputs),
                SelectItem::ExprWithAliases { expr, aliases } => {
                    for alias in aliases {
                        self.item(expr, Some(alias), scope, &mut outputs);
                    }
                }
            }
        }
        outputs
    }

    fn item(&mut self, expr: &Expr, alias: Option<&Ident>, scope: &mut Scope<'_>, outputs: &mut Outputs) {
        if let Some(call) = columns_call(expr).filter(|_| self.dialect == Dialect::DuckDb) {
            return self.each_column(call, (expr, alias), scope, outputs);
        }
        if let Some(inner) = expanded(expr) {
            let (columns, open) = self.fields_of(inner, scope);
            return outputs.extend(columns, open);
        }
        let flow = self.expr(expr, scope);
        let name = match alias {
            Some(alias) => self.name(alias),
            None => naming::default_name(self, expr, scope),
        };
        if alias.is_some() && self.dialect == Dialect::DuckDb {
            scope.aliases.push(Column { name: name.clone(), flow: flow.clone() });
        }
        outputs.push(Column { name, flow }, !super::analysis::has_aggregate(expr));
    }

    /// The columns of a composite value: those of a relation if it is a whole row.
    fn fields_of(&mut self, expr: &Expr, scope: &Scope<'_>) -> (Vec<Column>, Option<Open>) {
        let mut at = expr;
        while let Expr::Nested(inner) = at {
            at = inner;
        }
        if let Expr::Identifier(ident) = at {
            let name = self.name(ident);
            if scope.item(std::slice::from_ref(&name)).is_some() {
                return self.star(scope, &[name]);
            }
        }
        let content = self.expr(expr, scope);
        let mut flow = Flow::constant(text_print("fields"));
        flow.take(&content, How::Derive);
        let table = self.made_table(&format!("({expr}).*"), flow);
        let reason = Rc::from(format!("the fields of `{expr}` are not known"));
        (Vec::new(), Some(Open { reason, branches: vec![vec![table]], hidden: Vec::new() }))
    }

    /// `* exclude (a) replace (b + 1 as b) rename (c as d)`.
    fn with_options(
        &mut self,
        (mut columns, mut open): (Vec<Column>, Option<Open>),
        options: &WildcardAdditionalOptions,
        scope: &Scope<'_>,
    ) -> (Vec<Column>, Option<Open>) {
        let mut hidden = Vec::new();
        let qualified = self.qualified_excludes(options.opt_exclude.as_ref(), scope);
        columns.retain(|column| !qualified.contains(&column.flow.print));
        for name in excluded(options) {
            let key = self.name(name).key;
            columns.retain(|column| column.name.key != key);
            hidden.push(key);
        }
        if let Some(ilike) = &options.opt_ilike {
            let pattern = like_pattern(&ilike.pattern, true);
            columns.retain(|column| pattern.as_ref().is_some_and(|pattern| pattern.is_match(&column.name.text)));
        }
        for element in options.opt_replace.iter().flat_map(|replace| &replace.items) {
            let name = self.name(&element.column_name);
            let flow = self.expr(&element.expr, scope);
            match columns.iter_mut().find(|column| column.name.key == name.key) {
                Some(column) => column.flow = flow,
                None => columns.push(Column { name: name.clone(), flow }),
            }
            hidden.push(name.key);
        }
        let renames = match &options.opt_rename {
            Some(RenameSelectItem::Single(rename)) => std::slice::from_ref(rename),
            Some(RenameSelectItem::Multiple(renames)) => renames.as_slice(),
            None => &[],
        };
        for rename in renames {
            let (old, new) = (self.name(&rename.ident), self.name(&rename.alias));
            match columns.iter_mut().find(|column| column.name.key == old.key) {
                Some(column) => column.name = new,
                None => {
                    let found = open.as_ref().and_then(|open| self.discover(open, &old));
                    columns.extend(found.map(|flow| Column { name: new, flow }));
                }
            }
            hidden.push(old.key);
        }
        if let Some(open) = &mut open {
            open.hidden.extend(hidden);
        }
        (columns, open)
    }

    /// The prints of columns excluded with a qualifier, `exclude (t.a)`: others of the name stay.
    fn qualified_excludes(&mut self, exclude: Option<&ExcludeSelectItem>, scope: &Scope<'_>) -> Vec<u64> {
        let names: Vec<&ObjectName> = exclude.map(exclude_names).unwrap_or_default();
        let names =
            names.into_iter().filter(|name| name.0.len() > 1).map(|name| self.object_name(name)).collect::<Vec<_>>();
        names.iter().filter_map(|names| self.find(scope, names)).map(|flow| flow.print).collect()
    }

    /// An item with `columns(…)` in it: once for every column that it stands for.
    fn each_column(
        &mut self,
        call: &Function,
        (item, alias): (&Expr, Option<&Ident>),
        scope: &mut Scope<'_>,
        outputs: &mut Outputs,
    ) {
        let (matches, open) = self.matches(call, scope);
        for (column, groups) in matches {
            let text = Rc::clone(&column.name.text);
            scope.matched = Some(column);
            let flow = self.expr(item, scope);
            let name = match alias {
                Some(alias) => {
                    let mut text = alias.value.clone();
                    for (n, group) in groups.iter().enumerate() {
                        text = text.replace(&format!("\\{n}"), group);
                    }
                    self.name_of(&text, true)
                }
                None => self.name_of(&text, true),
            };
            outputs.push(Column { name, flow }, !super::analysis::has_aggregate(item));
        }
        scope.matched = None;
        if let Some(open) = open {
            // Which of the further columns match is not known, nor is under which names they arrive.
            self.complain(open.reason.to_string());
            outputs.extend(Vec::new(), Relation::unknown(&open.reason).open);
        }
    }

    /// The columns that `columns(…)` stands for, with the groups of its pattern.
    fn matches(&mut self, call: &Function, scope: &Scope<'_>) -> (Vec<(Column, Vec<String>)>, Option<Open>) {
        let all = |(columns, open): (Vec<Column>, Option<Open>)| {
            let columns = columns.into_iter().map(|column| {
                let text = column.name.text.to_string();
                (column, vec![text])
            });
            (columns.collect::<Vec<_>>(), open)
        };
        let qualifier = self.object_name(&call.name);
        let star = self.star(scope, &qualifier[..qualifier.len().saturating_sub(1)]);
        match argument(call) {
            Some(FunctionArgExpr::Wildcard) => all(star),
            Some(FunctionArgExpr::WildcardWithOptions(options)) => all(self.with_options(star, options, scope)),
            Some(FunctionArgExpr::QualifiedWildcard(name)) => {
                let name = self.object_name(name);
                all(self.star(scope, &name))
            }
            Some(FunctionArgExpr::Expr(expr)) => self.matching(expr, star),
            None => (Vec::new(), Relation::unknown(&Rc::from(format!("`{call}` is not understood"))).open),
        }
    }

    fn matching(
        &mut self,
        pattern: &Expr,
        (columns, open): (Vec<Column>, Option<Open>),
    ) -> (Vec<(Column, Vec<String>)>, Option<Open>) {
        let refused = || Relation::unknown(&Rc::from(format!("`columns({pattern})` is not understood"))).open;
        match pattern {
            Expr::Value(value) => {
                let pattern = value.value.clone().into_string().and_then(|text| Regex::new(&text).ok());
                let Some(pattern) = pattern else { return (Vec::new(), refused()) };
                let found = columns.into_iter().filter_map(|column| {
                    let groups = pattern.captures(&column.name.text)?;
                    let groups = groups.iter().map(|group| group.map_or("", |group| group.as_str()).to_owned());
                    let groups = groups.collect();
                    Some((column, groups))
                });
                (found.collect(), open)
            }
            Expr::Array(array) => {
                let mut found = Vec::new();
                for name in array.elem.iter().filter_map(literal) {
                    let name = self.name_of(&name, true);
                    let known = columns.iter().find(|column| column.name.key == name.key).cloned();
                    let column = known.or_else(|| {
                        let flow = open.as_ref().and_then(|open| self.discover(open, &name))?;
                        Some(Column { name: name.clone(), flow })
                    });
                    found.extend(column.map(|column| (column, vec![name.text.to_string()])));
                }
                (found, None)
            }
            Expr::Lambda(lambda) => {
                let verdicts: Option<Vec<bool>> = columns.iter().map(|column| accepts(lambda, &column.name)).collect();
                let Some(verdicts) = verdicts else { return (Vec::new(), refused()) };
                let kept = columns.into_iter().zip(verdicts).filter(|(_, is_kept)| *is_kept);
                (
                    kept.map(|(column, _)| {
                        let text = column.name.text.to_string();
                        (column, vec![text])
                    })
                    .collect(),
                    open,
                )
            }
            _ => (Vec::new(), refused()),
        }
    }

    /// `columns(…)` within an item stands for one column after another; elsewhere for all that match.
    pub(super) fn matched(&mut self, call: &Function, scope: &Scope<'_>) -> Flow {
        match scope.matched() {
            Some(column) => column.flow.clone(),
            None => self.spread_over(call, scope),
        }
    }

    /// `*columns(…)`: all columns that match, as arguments.
    pub(super) fn spread(&mut self, call: &Function, scope: &Scope<'_>) -> Flow {
        match argument(call) {
            Some(FunctionArgExpr::Expr(Expr::Function(inner))) => self.spread_over(inner, scope),
            _ => Flow::unknown(format!("`{call}` is not understood")),
        }
    }

    fn spread_over(&mut self, call: &Function, scope: &Scope<'_>) -> Flow {
        let (matches, open) = self.matches(call, scope);
        let mut flow = Flow::constant(text_print("columns"));
        for (column, _) in &matches {
            flow.take(&column.flow, How::Derive);
        }
        flow.unknown = flow.unknown.or(open.map(|open| open.reason));
        flow
    }
}

fn excluded(options: &WildcardAdditionalOptions) -> Vec<&Ident> {
    let mut names: Vec<&Ident> = match &options.opt_except {
        Some(ExceptSelectItem { first_element, additional_elements }) => {
            std::iter::once(first_element).chain(additional_elements).collect()
        }
        None => Vec::new(),
    };
    let plain = options.opt_exclude.as_ref().map(exclude_names).unwrap_or_default();
    names.extend(plain.into_iter().filter(|name| name.0.len() == 1).filter_map(|name| name.0[0].as_ident()));
    names
}

fn exclude_names(exclude: &ExcludeSelectItem) -> Vec<&ObjectName> {
    match exclude {
        ExcludeSelectItem::Single(name) => vec![name],
        ExcludeSelectItem::Multiple(names) => names.iter().collect(),
    }
}

/// The call of `columns` within an item, if there is one.
fn columns_call(expr: &Expr) -> Option<&Function> {
    let mut found = None;
    expr::any(expr, &mut |part| {
        if let Expr::Function(function) = part {
            let name = function.name.0.last().and_then(|part| part.as_ident());
            let name = name.map(|name| name.value.to_lowercase()).unwrap_or_default();
            if name == super::rewrite::SPREAD {
                return true;
            }
            if name == "columns" {
                found = Some(function);
            }
        }
        found.is_some()
    });
    found
}

/// The value whose fields an item stands for: `(value).*`.
fn expanded(expr: &Expr) -> Option<&Expr> {
    let Expr::Function(function) = expr else { return None };
    if function.name.to_string() != EXPAND {
        return None;
    }
    match argument(function) {
        Some(FunctionArgExpr::Expr(inner)) => Some(inner),
        _ => None,
    }
}

fn argument(call: &Function) -> Option<&FunctionArgExpr> {
    let FunctionArguments::List(list) = &call.args else { return None };
    match list.args.first()? {
        FunctionArg::Unnamed(value)
        | FunctionArg::Named { arg: value, .. }
        | FunctionArg::ExprNamed { arg: value, .. } => Some(value),
    }
}

fn literal(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text.clone()),
            _ => None,
        },
        Expr::Nested(inner) => literal(inner),
        _ => None,
    }
}

/// Whether a lambda accepts the name of a column; `None` when it does what is not understood here.
fn accepts(lambda: &LambdaFunction, name: &Name) -> Option<bool> {
    let param = match &lambda.params {
        OneOrManyWithParens::One(param) => param,
        OneOrManyWithParens::Many(params) => params.first()?,
    };
    is_true(&lambda.body, &param.name.value, &name.text)
}

fn is_true(expr: &Expr, param: &str, name: &str) -> Option<bool> {
    let text = |expr: &Expr| text_of(expr, param, name);
    match expr {
        Expr::Nested(inner) => is_true(inner, param, name),
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => is_true(expr, param, name).map(|is| !is),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            Some(is_true(left, param, name)? && is_true(right, param, name)?)
        }
        Expr::BinaryOp { left, op: BinaryOperator::Or, right } => {
            Some(is_true(left, param, name)? || is_true(right, param, name)?)
        }
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => Some(text(left)? == text(right)?),
        Expr::BinaryOp { left, op: BinaryOperator::NotEq, right } => Some(text(left)? != text(right)?),
        Expr::Like { negated, expr, pattern, .. } => {
            Some(like_pattern(&text(pattern)?, false)?.is_match(&text(expr)?) != *negated)
        }
        Expr::ILike { negated, expr, pattern, .. } => {
            Some(like_pattern(&text(pattern)?, true)?.is_match(&text(expr)?) != *negated)
        }
        Expr::SimilarTo { negated, expr, pattern, .. } => {
            let pattern = Regex::new(&format!("^(?:{})$", text(pattern)?)).ok()?;
            Some(pattern.is_match(&text(expr)?) != *negated)
        }
        Expr::InList { expr, list, negated } => {
            let list: Option<Vec<String>> = list.iter().map(text).collect();
            Some(list?.contains(&text(expr)?) != *negated)
        }
        Expr::Function(function) => {
            let FunctionArguments::List(list) = &function.args else { return None };
            let args: Option<Vec<String>> = list
                .args
                .iter()
                .map(|arg| match arg {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => text(expr),
                    _ => None,
                })
                .collect();
            let args = args?;
            let [value, pattern] = args.as_slice() else { return None };
            match function.name.to_string().to_lowercase().as_str() {
                "starts_with" | "prefix" => Some(value.starts_with(pattern)),
                "ends_with" | "suffix" => Some(value.ends_with(pattern)),
                "contains" => Some(value.contains(pattern)),
                "regexp_matches" => Some(Regex::new(pattern).ok()?.is_match(value)),
                "regexp_full_match" => Some(Regex::new(&format!("^(?:{pattern})$")).ok()?.is_match(value)),
                _ => None,
            }
        }
        _ => None,
    }
}

fn text_of(expr: &Expr, param: &str, name: &str) -> Option<String> {
    match expr {
        Expr::Identifier(ident) if ident.value.eq_ignore_ascii_case(param) => Some(name.to_owned()),
        Expr::Function(function) if function.name.to_string().eq_ignore_ascii_case("lower") => {
            match argument(function)? {
                FunctionArgExpr::Expr(inner) => Some(text_of(inner, param, name)?.to_lowercase()),
                _ => None,
            }
        }
        other => literal(other),
    }
}

/// The pattern of a `like` as a regular expression.
fn like_pattern(pattern: &str, ignores_case: bool) -> Option<Regex> {
    let mut text = String::from(if ignores_case { "(?is)^" } else { "(?s)^" });
    for letter in pattern.chars() {
        match letter {
            '%' => text.push_str(".*"),
            '_' => text.push('.'),
            other => text.push_str(&regex::escape(&other.to_string())),
        }
    }
    text.push('$');
    Regex::new(&text).ok()
}
