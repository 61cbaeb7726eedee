//! One analysis: what it knows of tables and of common table expressions, and the values of expressions.

use std::collections::HashMap;
use std::rc::Rc;

use sqlparser::ast::{
    AccessExpr, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, LambdaFunction, ObjectName,
    ObjectNamePart, OneOrManyWithParens, Query as QueryTree, WindowType,
};

use super::expr::{self, Parts};
use super::flow::{Base, Flow, How, Reason, Sources, print, text_print};
use super::functions;
use super::parse::ParsedPivot;
use super::rewrite::{EXPAND, SPREAD};
use super::scope::{Column, Name, Relation, Scope};
use super::{Dialect, TableName, Tables};

/// A table that the query reads.
pub(super) struct TableFacts {
    pub(super) name: TableName,
    /// What it is called in prints.
    pub(super) identity: String,
    /// Known columns first, then those that the query reads besides.
    pub(super) columns: Vec<Name>,
    /// How many of them are known.
    pub(super) n_known: usize,
    by_key: HashMap<Rc<str>, usize>,
    /// Why the list of columns may be incomplete.
    pub(super) open: Option<Reason>,
    /// What every column is made of, for what is no table: a table function, a pivot.
    pub(super) content: Option<Flow>,
}

/// The state of one analysis.
pub(super) struct Analysis<'a> {
    pub(super) dialect: Dialect,
    known: &'a dyn Tables,
    pub(super) tables: Vec<TableFacts>,
    pub(super) pivots: &'a [ParsedPivot],
    /// Common table expressions that can be named at the moment, innermost last.
    pub(super) expressions: Vec<(Name, Rc<Relation>)>,
    /// What could not be understood.
    pub(super) unknown: Vec<String>,
    /// Names of columns that are nowhere.
    pub(super) missing: Vec<String>,
}

impl<'a> Analysis<'a> {
    pub(super) fn new(dialect: Dialect, known: &'a dyn Tables, pivots: &'a [ParsedPivot]) -> Self {
        Self {
            dialect,
            known,
            tables: Vec::new(),
            pivots,
            expressions: Vec::new(),
            unknown: Vec::new(),
            missing: Vec::new(),
        }
    }

    /// A name with the form in which the dialect compares it.
    pub(super) fn name(&self, ident: &Ident) -> Name {
        self.name_of(&ident.value, ident.quote_style.is_some())
    }

    pub(super) fn name_of(&self, text: &str, is_quoted: bool) -> Name {
        let key = self.dialect.key(text, is_quoted);
        match self.dialect {
            Dialect::DuckDb => Name::new(text, key),
            Dialect::Postgres => Name::new(key.as_str(), key.as_str()),
        }
    }

    pub(super) fn object_name(&self, name: &ObjectName) -> Vec<Name> {
        let parts = name.0.iter().map(|part| match part {
            ObjectNamePart::Identifier(ident) => self.name(ident),
            ObjectNamePart::Function(function) => self.name(&function.name),
        });
        parts.collect()
    }

    /// Remembers what could not be understood, once.
    pub(super) fn complain(&mut self, reason: impl Into<String>) {
        let reason = reason.into();
        if !self.unknown.contains(&reason) {
            self.unknown.push(reason);
        }
    }

    /// The number of a table that is named in the query.
    pub(super) fn table(&mut self, names: &[Name]) -> usize {
        let name = TableName { parts: names.iter().map(|name| name.text.to_string()).collect() };
        let is_same = |table: &TableFacts| {
            let parts = &table.name.parts;
            table.content.is_none()
                && parts.len() == names.len()
                && parts.iter().zip(names).all(|(part, name)| self.dialect.key(part, true) == *name.key)
        };
        if let Some(ix) = self.tables.iter().position(is_same) {
            return ix;
        }
        let known = self.known.columns(&name);
        let columns: Vec<Name> = known.columns.iter().map(|column| self.name_of(column, true)).collect();
        self.push_table(name, columns, known.open.map(Rc::from), None)
    }

    /// A relation that is no table, but whose columns are all made of the same.
    pub(super) fn made_table(&mut self, name: &str, content: Flow) -> usize {
        let name = TableName { parts: vec![name.to_owned()] };
        let reason = Rc::from(format!("the columns of `{name}` are not known"));
        self.push_table(name, Vec::new(), Some(reason), Some(content))
    }

    fn push_table(
        &mut self,
        name: TableName,
        columns: Vec<Name>,
        open: Option<Reason>,
        content: Option<Flow>,
    ) -> usize {
        let by_key = columns.iter().enumerate().map(|(ix, name)| (Rc::clone(&name.key), ix)).collect();
        let identity = self.known.identity(&name);
        self.tables.push(TableFacts { name, identity, n_known: columns.len(), columns, by_key, open, content });
        self.tables.len() - 1
    }

    /// A column of a table, which has it even if it is not listed.
    pub(super) fn table_column(&mut self, table: usize, name: &Name) -> Flow {
        let facts = &mut self.tables[table];
        let table_print = print("table", &[text_print(&facts.identity)]);
        let own = print("column", &[table_print, text_print(&name.key)]);
        if let Some(content) = &facts.content {
            return Flow { print: print("made", &[content.print, own]), ..content.clone() };
        }
        let column = *facts.by_key.entry(Rc::clone(&name.key)).or_insert_with(|| {
            facts.columns.push(name.clone());
            facts.columns.len() - 1
        });
        Flow { sources: Sources::column(Base { table, column }), unknown: None, print: own }
    }

    /// A common table expression by name, innermost first.
    pub(super) fn expression(&self, name: &Name) -> Option<Rc<Relation>> {
        self.expressions.iter().rev().find(|(known, _)| known.key == name.key).map(|(_, relation)| Rc::clone(relation))
    }

    /// The name of the table that a file or the call of a function stands for.
    pub(super) fn written(&self, text: &str) -> Option<Vec<Name>> {
        let name = self.known.written(text)?;
        Some(name.parts.iter().map(|part| self.name_of(part, true)).collect())
    }

    /// Whether a common table expression is to be treated as a table: an ephemeral model.
    pub(super) fn is_table(&self, name: &Name) -> bool {
        self.known.is_table(&name.text)
    }

    /// The value of an expression.
    pub(super) fn expr(&mut self, expr: &Expr, scope: &Scope<'_>) -> Flow {
        match expr {
            Expr::Identifier(ident) => self.resolve(scope, &[self.name(ident)]),
            Expr::CompoundIdentifier(idents) => {
                let names: Vec<Name> = idents.iter().map(|ident| self.name(ident)).collect();
                self.resolve(scope, &names)
            }
            Expr::Nested(inner) => self.expr(inner, scope),
            Expr::Subquery(query) => self.scalar(query, scope),
            Expr::Exists { subquery, .. } => {
                let relation = self.query(subquery, Some(scope));
                Flow { sources: relation.rows, unknown: None, print: print("exists", &[relation.print]) }
            }
            Expr::Function(function) => self.function(function, scope),
            Expr::Lambda(lambda) => self.lambda(lambda, scope),
            Expr::CompoundFieldAccess { root, access_chain } => self.field(expr, (root, access_chain), scope),
            Expr::QualifiedWildcard(name, _) => self.row(scope, &self.object_name(name)),
            Expr::Wildcard(_) => self.row(scope, &[]),
            _ => {
                let parts = expr::parts(expr);
                if parts.is_partial {
                    self.complain(format!("`{expr}` is not understood"));
                }
                self.parts(parts, How::Derive, scope)
            }
        }
    }

    /// The value computed from the parts of an expression.
    pub(super) fn parts(&mut self, parts: Parts<'_>, how: How, scope: &Scope<'_>) -> Flow {
        let mut flow = Flow::constant(text_print(&parts.tag));
        for part in parts.exprs {
            let part = self.expr(part, scope);
            flow.take(&part, how);
        }
        for query in parts.queries {
            let part = self.subquery(query, scope);
            flow.take(&part, how);
        }
        if parts.is_partial {
            flow.unknown = flow.unknown.or_else(|| Some(Rc::from(format!("`{}` is not understood", parts.tag))));
        }
        flow
    }

    /// The value of a subquery with one column.
    fn scalar(&mut self, query: &QueryTree, scope: &Scope<'_>) -> Flow {
        let relation = self.query(query, Some(scope));
        let mut flow = relation.columns.first().map(|column| column.flow.clone()).unwrap_or_default();
        flow.sources.add(&relation.rows);
        flow.print = print("scalar", &[flow.print, relation.print]);
        flow
    }

    /// The value of a subquery whose rows are looked into: `in`, `any`, `array(…)`.
    fn subquery(&mut self, query: &QueryTree, scope: &Scope<'_>) -> Flow {
        let relation = self.query(query, Some(scope));
        let mut flow = Flow::constant(relation.print);
        for column in &relation.columns {
            flow.take(&column.flow, How::Derive);
        }
        flow.sources.add(&relation.rows);
        flow
    }

    fn lambda(&mut self, lambda: &LambdaFunction, scope: &Scope<'_>) -> Flow {
        let params: Vec<_> = match &lambda.params {
            OneOrManyWithParens::One(param) => vec![param],
            OneOrManyWithParens::Many(params) => params.iter().collect(),
        };
        // The parser takes `payload -> 'a'` for a lambda; one that does not use its parameter is none.
        if let [param] = params.as_slice()
            && !uses(&lambda.body, &param.name)
        {
            let mut flow = Flow::constant(text_print("->"));
            let names = [self.name(&param.name)];
            let value = self.resolve(scope, &names);
            flow.take(&value, How::Derive);
            let path = self.expr(&lambda.body, scope);
            flow.take(&path, How::Derive);
            return flow;
        }
        let mut inner = Scope::inside(Some(scope));
        inner.parameters = params
            .iter()
            .enumerate()
            .map(|(n, param)| Column {
                name: self.name(&param.name),
                flow: Flow::constant(print("parameter", &[n as u64])),
            })
            .collect();
        let body = self.expr(&lambda.body, &inner);
        body.through(How::Derive)
    }

    /// `a.b[1].c`: names as far as they go, then fields.
    fn field(&mut self, expr: &Expr, (root, chain): (&Expr, &[AccessExpr]), scope: &Scope<'_>) -> Flow {
        let mut names: Vec<Name> = match root {
            Expr::Identifier(ident) => vec![self.name(ident)],
            Expr::CompoundIdentifier(idents) => idents.iter().map(|ident| self.name(ident)).collect(),
            Expr::Nested(inner) => match &**inner {
                Expr::Identifier(ident) => vec![self.name(ident)],
                Expr::CompoundIdentifier(idents) => idents.iter().map(|ident| self.name(ident)).collect(),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        };
        let n_fields = chain.iter().take_while(|step| matches!(step, AccessExpr::Dot(Expr::Identifier(_)))).count();
        if names.is_empty() || n_fields == 0 {
            return self.parts(expr::parts(expr), How::Derive, scope);
        }
        for step in &chain[..n_fields] {
            if let AccessExpr::Dot(Expr::Identifier(ident)) = step {
                names.push(self.name(ident));
            }
        }
        let mut flow = Flow::constant(text_print("field"));
        let whole = self.resolve(scope, &names);
        if n_fields == chain.len() {
            return whole;
        }
        flow.take(&whole, How::Derive);
        let nothing = Expr::Tuple(Vec::new());
        let mut rest = expr::access(&nothing, &chain[n_fields..]);
        rest.exprs.remove(0);
        let rest = self.parts(rest, How::Derive, scope);
        flow.take(&rest, How::Derive);
        flow
    }

    fn function(&mut self, function: &Function, scope: &Scope<'_>) -> Flow {
        let names = self.object_name(&function.name);
        let Some((last, before)) = names.split_last() else { return Flow::default() };
        let name = last.text.to_lowercase();
        match name.as_str() {
            "columns" if self.dialect == Dialect::DuckDb => return self.matched(function, scope),
            EXPAND => return self.parts(expr::parts(&Expr::Function(function.clone())), How::Derive, scope),
            SPREAD => return self.spread(function, scope),
            _ => {}
        }
        let how = if is_aggregation(function, &name) { How::Aggregate } else { How::Derive };
        let mut flow = Flow::constant(text_print(&name));
        // `name.upper()` is `upper(name)`.
        if let Some(object) = (!before.is_empty()).then(|| self.find(scope, before)).flatten() {
            flow.take(&object, how);
        }
        if name != "count" {
            self.stars(&function.args, how, scope, &mut flow);
        }
        let mut call = expr::parts(&Expr::Function(Function { over: None, ..function.clone() })).tag;
        call.retain(|letter| letter != ' ');
        let mut parts = Parts { tag: String::new(), ..Parts::default() };
        expr::arguments(&function.args, &mut parts);
        parts.tag = call;
        parts.exprs.extend(function.filter.iter().map(|filter| &**filter));
        parts.exprs.extend(function.within_group.iter().map(|order| &order.expr));
        let arguments = self.parts(parts, how, scope);
        flow.take(&arguments, how);
        if let Some(over) = &function.over {
            let window = self.window(over, scope);
            flow.take(&window, How::Derive);
        }
        flow
    }

    /// Adds whole rows given to a function: `f(*)`, `f(t.*)`.
    fn stars(&mut self, arguments: &FunctionArguments, how: How, scope: &Scope<'_>, flow: &mut Flow) {
        let FunctionArguments::List(list) = arguments else { return };
        for arg in &list.args {
            let (FunctionArg::Unnamed(value)
            | FunctionArg::Named { arg: value, .. }
            | FunctionArg::ExprNamed { arg: value, .. }) = arg;
            let qualifier = match value {
                FunctionArgExpr::QualifiedWildcard(name) => self.object_name(name),
                FunctionArgExpr::Wildcard | FunctionArgExpr::WildcardWithOptions(_) => Vec::new(),
                FunctionArgExpr::Expr(_) => continue,
            };
            let row = self.row(scope, &qualifier);
            flow.take(&row, how);
        }
    }

    pub(super) fn window(&mut self, over: &WindowType, scope: &Scope<'_>) -> Flow {
        match over {
            WindowType::NamedWindow(name) => {
                let name = self.name(name);
                scope.window(&name).unwrap_or_default()
            }
            WindowType::WindowSpec(spec) => {
                let mut flow =
                    Flow::constant(print("window", &[text_print(&format!("{:?}", spec.window_frame.is_some()))]));
                if let Some(base) = spec.window_name.as_ref().and_then(|name| scope.window(&self.name(name))) {
                    flow.take(&base, How::Derive);
                }
                for order in &spec.order_by {
                    flow.print = print("order", &[flow.print, text_print(&order.options.to_string())]);
                }
                for part in expr::window_exprs(spec) {
                    let part = self.expr(part, scope);
                    flow.take(&part, How::Derive);
                }
                flow
            }
        }
    }
}

/// Whether an expression names something.
fn uses(expr: &Expr, name: &Ident) -> bool {
    let is_it = |ident: Option<&Ident>| ident.is_some_and(|ident| ident.value.eq_ignore_ascii_case(&name.value));
    expr::any(expr, &mut |part| match part {
        Expr::Identifier(ident) => is_it(Some(ident)),
        Expr::CompoundIdentifier(idents) => is_it(idents.first()),
        // `x.upper()`.
        Expr::Function(function) if function.name.0.len() > 1 => is_it(function.name.0[0].as_ident()),
        Expr::Subquery(_) => true,
        _ => false,
    })
}

/// Whether a call puts several rows together.
fn is_aggregation(function: &Function, name: &str) -> bool {
    functions::is_aggregate(name)
        || !function.within_group.is_empty()
        || (function.filter.is_some() && function.over.is_none())
}

/// Whether an expression, outside of subqueries, puts several rows together.
pub(super) fn has_aggregate(expr: &Expr) -> bool {
    expr::any(expr, &mut |part| match part {
        Expr::Function(function) => {
            let name = function.name.0.last().and_then(ObjectNamePart::as_ident);
            let name = name.map(|name| name.value.to_lowercase()).unwrap_or_default();
            function.over.is_none() && is_aggregation(function, &name)
        }
        _ => false,
    })
}
