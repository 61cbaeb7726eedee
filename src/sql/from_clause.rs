//! The from clause: tables, subqueries, functions, joins, pivots.

use std::rc::Rc;

use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Join, JoinConstraint, JoinOperator, JsonTableColumn, ObjectName,
    ObjectNamePart, TableAlias, TableFactor, TableWithJoins, XmlTableColumn,
};

use super::Dialect;
use super::analysis::Analysis;
use super::expr;
use super::flow::{Flow, How, print, text_print};
use super::functions;
use super::rewrite::{DESCRIBED, PIVOT_NAME};
use super::scope::{Column, From, Item, Name, Open, Relation, Scope, Visible};

impl From {
    /// A from clause of one relation.
    fn of(names: Vec<Name>, relation: Rc<Relation>) -> Self {
        let visible =
            relation.columns.iter().map(|column| Visible { column: column.clone(), items: vec![0] }).collect();
        let (rows, print) = (relation.rows.clone(), relation.print);
        Self { items: vec![Item { names, relation, is_visible: true }], visible, rows, print }
    }

    /// Puts another beside it.
    fn beside(&mut self, mut other: Self) {
        if self.items.is_empty() {
            *self = other;
            return;
        }
        let n = self.items.len();
        for visible in &mut other.visible {
            for item in &mut visible.items {
                *item += n;
            }
        }
        self.items.extend(other.items);
        self.visible.extend(other.visible);
        self.rows.add(&other.rows);
        self.print = print("beside", &[self.print, other.print]);
    }

    fn find(&self, key: &str) -> Option<&Column> {
        self.visible.iter().map(|visible| &visible.column).find(|column| *column.name.key == *key)
    }
}

/// Which side of a join survives where its other side has no row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
    Both,
    /// Only the rows of the left side are kept: semi and anti joins.
    LeftOnly,
    /// Only the rows of the right side are kept.
    RightOnly,
}

impl Analysis<'_> {
    /// A whole from clause: relations separated by commas. Later ones may use earlier ones.
    pub(super) fn list_of_tables(&mut self, list: &[TableWithJoins], outer: Option<&Scope<'_>>) -> From {
        let mut from = From::default();
        for tables in list {
            let next = self.tables_with_joins(tables, &from, outer);
            from.beside(next);
        }
        from
    }

    fn tables_with_joins(&mut self, tables: &TableWithJoins, before: &From, outer: Option<&Scope<'_>>) -> From {
        let mut from = self.factor(&tables.relation, before, outer);
        for join in &tables.joins {
            from = self.join(from, join, before, outer);
        }
        from
    }

    fn join(&mut self, left: From, join: &Join, before: &From, outer: Option<&Scope<'_>>) -> From {
        let mut around = before.clone();
        around.beside(left.clone());
        let right = self.factor(&join.relation, &around, outer);
        let (constraint, side) = side_of(&join.join_operator);
        let kind = text_print(&format!("{:?}", std::mem::discriminant(&join.join_operator)));
        let (n_left, is_known) = (left.items.len(), constraint.is_some());
        let mut joined = left;
        let merged = match constraint {
            Some(JoinConstraint::Using(names)) => names.iter().flat_map(|name| self.object_name(name)).collect(),
            Some(JoinConstraint::Natural) => self.common(&joined, &right),
            _ => Vec::new(),
        };
        let on = match (constraint, &join.join_operator) {
            (Some(JoinConstraint::On(expr)), _) => Some(expr),
            _ => None,
        };
        joined.print = print("join", &[joined.print, right.print, kind]);
        let print_before = joined.print;
        let left_columns = self.merge(&mut joined, right, &merged, side);
        joined.print = print("using", &[print_before, left_columns]);
        let conditions = match &join.join_operator {
            JoinOperator::AsOf { match_condition, .. } => vec![match_condition],
            _ => Vec::new(),
        };
        for expr in conditions.into_iter().chain(on) {
            let mut scope = Scope::inside(outer);
            scope.from = before.clone();
            scope.from.beside(joined.clone());
            let flow = self.expr(expr, &scope);
            joined.rows.add(&flow.sources.through(How::Join));
            joined.print = print("on", &[joined.print, flow.print]);
        }
        if !is_known {
            self.complain(format!("the join `{join}` is not understood"));
        }
        hide(&mut joined, n_left, side);
        joined
    }

    /// The columns that both sides of a natural join have.
    fn common(&mut self, left: &From, right: &From) -> Vec<Name> {
        if left.items.iter().chain(&right.items).any(|item| item.relation.open.is_some()) {
            self.complain("which columns a natural join compares is not known, as not all columns of its sides are");
        }
        let names = left.visible.iter().map(|visible| visible.column.name.clone());
        names.filter(|name| right.find(&name.key).is_some()).collect()
    }

    /// Puts the sides of a join together. The named columns of both become one. Gives a print of those columns.
    fn merge(&mut self, left: &mut From, right: From, names: &[Name], side: Side) -> u64 {
        let mut prints = Vec::new();
        let mut merged = Vec::new();
        for name in names {
            let (mine, theirs) = (self.side_column(left, name), self.side_column(&right, name));
            left.rows.add(&mine.flow.sources.through(How::Join));
            left.rows.add(&theirs.flow.sources.through(How::Join));
            prints.extend([mine.flow.print, theirs.flow.print]);
            let column = match side {
                Side::Left | Side::LeftOnly => mine,
                Side::Right | Side::RightOnly => Column { name: mine.name, flow: theirs.flow },
                Side::Both => {
                    let mut flow = Flow::constant(text_print("coalesce"));
                    flow.take(&mine.flow, How::Derive);
                    flow.take(&theirs.flow, How::Derive);
                    Column { name: mine.name, flow }
                }
            };
            merged.push(column);
        }
        let is_merged = |visible: &Visible| names.iter().any(|name| name.key == visible.column.name.key);
        let print_before = left.print;
        let mut right = right;
        right.visible.retain(|visible| !is_merged(visible));
        let items = |n: usize| (0..n).collect::<Vec<_>>();
        let n_left = left.items.len();
        match self.dialect {
            // DuckDB leaves the column where the left side has it; Postgres puts it first.
            Dialect::DuckDb => {
                for visible in left.visible.iter_mut().filter(|visible| is_merged(visible)) {
                    if let Some(column) = merged.iter().find(|column| column.name.key == visible.column.name.key) {
                        visible.column.flow = column.flow.clone();
                        visible.items.push(n_left);
                    }
                }
                let missing: Vec<&Column> =
                    merged.iter().filter(|column| left.find(&column.name.key).is_none()).collect();
                let missing: Vec<Visible> = missing
                    .into_iter()
                    .map(|column| Visible { column: column.clone(), items: items(n_left) })
                    .collect();
                left.visible.extend(missing);
            }
            Dialect::Postgres => {
                left.visible.retain(|visible| !is_merged(visible));
                let first = merged.into_iter().map(|column| Visible { column, items: items(n_left) });
                left.visible.splice(0..0, first);
            }
        }
        left.beside(right);
        left.print = print_before;
        print("merged", &prints)
    }

    fn side_column(&mut self, side: &From, name: &Name) -> Column {
        let known = side.find(&name.key).cloned();
        known.unwrap_or_else(|| {
            let scope = Scope { from: side.clone(), ..Scope::default() };
            Column { name: name.clone(), flow: self.resolve(&scope, std::slice::from_ref(name)) }
        })
    }

    pub(super) fn factor(&mut self, factor: &TableFactor, before: &From, outer: Option<&Scope<'_>>) -> From {
        let mut scope = Scope::inside(outer);
        match factor {
            TableFactor::Table { name, alias, args, with_ordinality, .. } => match args {
                Some(args) => {
                    scope.from = before.clone();
                    let args: Vec<&FunctionArg> = args.args.iter().collect();
                    self.table_function(name, &args, (alias.as_ref(), *with_ordinality), &scope)
                }
                None => self.table_factor(name, alias.as_ref()),
            },
            TableFactor::Derived { subquery, alias, .. } => {
                scope.from = before.clone();
                let relation = self.query(subquery, Some(&scope));
                self.aliased(relation, alias.as_ref(), &[])
            }
            TableFactor::Function { name, args, alias, with_ordinality, .. } => {
                scope.from = before.clone();
                let args: Vec<&FunctionArg> = args.iter().collect();
                self.table_function(name, &args, (alias.as_ref(), *with_ordinality), &scope)
            }
            TableFactor::TableFunction { expr, alias } => {
                scope.from = before.clone();
                let content = self.expr(expr, &scope);
                let relation = self.made_relation(&expr.to_string(), content.through(How::Derive), None);
                self.aliased(relation, alias.as_ref(), &[])
            }
            TableFactor::UNNEST { alias, array_exprs, with_offset, with_offset_alias, with_ordinality } => {
                scope.from = before.clone();
                let mut flows = Vec::new();
                for expr in array_exprs {
                    flows.push(("unnest".to_owned(), self.expr(expr, &scope).through(How::Derive)));
                }
                if *with_ordinality || *with_offset {
                    let name = with_offset_alias.as_ref().map_or("ordinality".to_owned(), |name| name.value.clone());
                    flows.push((name, Flow::constant(text_print("ordinality"))));
                }
                let relation = with_rows(self.listed("unnest", flows));
                self.function_aliased(relation, alias.as_ref(), "unnest")
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                let from = self.tables_with_joins(table_with_joins, before, outer);
                match alias {
                    None => from,
                    Some(alias) => self.aliased(self.joined_relation(&from), Some(alias), &[]),
                }
            }
            TableFactor::Pivot { alias, .. } | TableFactor::Unpivot { alias, .. } => {
                let relation = self.pivot_factor(factor, before, outer);
                self.aliased(relation, alias.as_ref(), &[])
            }
            TableFactor::JsonTable { json_expr, columns, alias, .. } => {
                scope.from = before.clone();
                let content = self.expr(json_expr, &scope).through(How::Derive);
                let mut names = Vec::new();
                json_columns(columns, &mut names);
                let flows = names.into_iter().map(|name| (name, content.clone())).collect();
                let relation = with_rows(self.listed("json_table", flows));
                self.aliased(relation, alias.as_ref(), &[])
            }
            TableFactor::XmlTable { row_expression, passing, columns, alias, .. } => {
                scope.from = before.clone();
                let mut content = self.expr(row_expression, &scope).through(How::Derive);
                for argument in &passing.arguments {
                    let part = self.expr(&argument.expr, &scope);
                    content.take(&part, How::Derive);
                }
                let flows = columns.iter().map(|XmlTableColumn { name, .. }| (name.value.clone(), content.clone()));
                let relation = with_rows(self.listed("xmltable", flows.collect()));
                self.aliased(relation, alias.as_ref(), &[])
            }
            other => {
                let reason = format!("`{other}` is not understood");
                self.complain(reason.clone());
                From::of(Vec::new(), Rc::new(Relation::unknown(&Rc::from(reason))))
            }
        }
    }

    /// A table, a common table expression, or what stands for something that was cut out.
    fn table_factor(&mut self, name: &ObjectName, alias: Option<&TableAlias>) -> From {
        let names = self.object_name(name);
        let Some(last) = names.last() else { return From::default() };
        if let Some(number) = last.text.strip_prefix(PIVOT_NAME).and_then(|number| number.parse::<usize>().ok()) {
            let relation = self.pivot_statement(number);
            return self.aliased(relation, alias, &[]);
        }
        if let Some(what) = last.text.strip_prefix(DESCRIBED).map(|what| what.trim_start_matches('_').to_owned()) {
            let flows = functions::described_columns(&what);
            let flows = flows.iter().map(|name| ((*name).to_owned(), Flow::constant(text_print(name))));
            let relation = self.listed(&what, flows.collect());
            return self.aliased(relation, alias, &[]);
        }
        if names.len() == 1
            && let Some(relation) = self.expression(last)
        {
            return self.aliased((*relation).clone(), alias, &names);
        }
        let is_file =
            matches!(name.0.last(), Some(ObjectNamePart::Identifier(ident)) if ident.quote_style == Some('\''));
        let stands_for = if is_file { self.written(&last.text) } else { None };
        let relation = if let Some(names) = &stands_for {
            self.table_relation(names)
        } else if is_file {
            self.made_relation(&last.text, Flow::constant(text_print(&last.text)), None)
        } else {
            self.table_relation(&names)
        };
        self.aliased(relation, alias, &names)
    }

    /// The columns of a table.
    pub(super) fn table_relation(&mut self, names: &[Name]) -> Relation {
        let table = self.table(names);
        let facts = &self.tables[table];
        let known: Vec<Name> = facts.columns[..facts.n_known].to_vec();
        let columns = known.into_iter().map(|name| Column { flow: self.table_column(table, &name), name }).collect();
        let open = self.tables[table].open.clone();
        let open = open.map(|reason| Open { reason, branches: vec![vec![table]], hidden: Vec::new() });
        let own = print("table", &[text_print(&self.tables[table].identity)]);
        Relation { columns, open, print: own, ..Relation::default() }
    }

    /// A relation whose columns are all made of the same; all of them, if they are given.
    pub(super) fn made_relation(&mut self, name: &str, content: Flow, columns: Option<&[&str]>) -> Relation {
        let own = print("function", &[text_print(name), content.print]);
        if let Some(columns) = columns {
            let flows = columns.iter().map(|column| {
                let flow = Flow { print: print(column, &[own]), ..content.clone() };
                ((*column).to_owned(), flow)
            });
            let mut relation = self.listed(name, flows.collect());
            relation.rows = content.sources.through(How::Filter);
            return relation;
        }
        let rows = content.sources.through(How::Filter);
        let table = self.made_table(name, content);
        let reason = self.tables[table].open.clone().unwrap_or_else(|| std::rc::Rc::from("its columns are not known"));
        let open = Some(Open { reason, branches: vec![vec![table]], hidden: Vec::new() });
        Relation { open, print: own, rows, ..Relation::default() }
    }

    /// A relation with these columns.
    pub(super) fn listed(&mut self, name: &str, flows: Vec<(String, Flow)>) -> Relation {
        let parts: Vec<u64> = flows.iter().map(|(_, flow)| flow.print).collect();
        let columns = flows.into_iter().map(|(name, flow)| Column { name: self.name_of(&name, true), flow }).collect();
        Relation { columns, print: print(name, &parts), ..Relation::default() }
    }

    fn table_function(
        &mut self,
        name: &ObjectName,
        args: &[&FunctionArg],
        (alias, has_ordinality): (Option<&TableAlias>, bool),
        scope: &Scope<'_>,
    ) -> From {
        let names = self.object_name(name);
        let function = names.last().map(|name| name.text.to_lowercase()).unwrap_or_default();
        let listed = args.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let written = format!("{function}({listed})");
        if let Some(names) = self.written(&written) {
            let relation = self.table_relation(&names);
            return self.aliased(relation, alias, &names);
        }
        let mut flows = Vec::new();
        for expr in args.iter().filter_map(|arg| argument(arg)) {
            flows.push(self.expr(expr, scope).through(How::Derive));
        }
        let mut content = Flow::constant(text_print(&listed));
        for flow in &flows {
            content.take(flow, How::Derive);
        }
        let mut relation = if function == "unnest" && !flows.is_empty() {
            with_rows(self.listed("unnest", flows.into_iter().map(|flow| ("unnest".to_owned(), flow)).collect()))
        } else {
            let mut relation = self.made_relation(&written, content, functions::table_columns(self.dialect, &function));
            if relation.open.is_some() && alias.is_some_and(|alias| !alias.columns.is_empty()) {
                self.close(&mut relation, alias);
            }
            relation
        };
        if has_ordinality {
            let flow = Flow::constant(text_print("ordinality"));
            relation.columns.push(Column { name: self.name_of("ordinality", true), flow });
        }
        self.function_aliased(relation, alias, &function)
    }

    /// Takes the columns of an alias as those of a function: `json_to_record(x) as t(a int, b text)`.
    fn close(&mut self, relation: &mut Relation, alias: Option<&TableAlias>) {
        let Some(open) = relation.open.take() else { return };
        for column in alias.iter().flat_map(|alias| &alias.columns) {
            let name = self.name(&column.name);
            if let Some(flow) = self.discover(&open, &name) {
                relation.columns.push(Column { name, flow });
            }
        }
    }

    /// A function in a from clause: the alias of one with one column names the column too.
    fn function_aliased(&mut self, mut relation: Relation, alias: Option<&TableAlias>, function: &str) -> From {
        let names_column = self.dialect == Dialect::Postgres
            || (function != "unnest" && function != "generate_series" && function != "range");
        if let (Some(alias), [column], None) = (alias, relation.columns.as_mut_slice(), &relation.open)
            && alias.columns.is_empty()
            && names_column
            && *column.name.key == *function
        {
            column.name = self.name(&alias.name);
        }
        let name = self.name_of(function, true);
        self.aliased(relation, alias, &[name])
    }

    /// A relation under its alias, or under its own name.
    pub(super) fn aliased(&mut self, mut relation: Relation, alias: Option<&TableAlias>, own: &[Name]) -> From {
        let names = match alias {
            Some(alias) => {
                let names: Vec<Name> = alias.columns.iter().map(|column| self.name(&column.name)).collect();
                self.rename(&mut relation, &names);
                vec![self.name(&alias.name)]
            }
            None => own.to_vec(),
        };
        From::of(names, Rc::new(relation))
    }

    /// Gives new names to the first columns.
    pub(super) fn rename(&mut self, relation: &mut Relation, names: &[Name]) {
        if names.is_empty() {
            return;
        }
        for (column, name) in relation.columns.iter_mut().zip(names) {
            column.name = name.clone();
        }
        if let Some(open) = &mut relation.open
            && names.len() > relation.columns.len()
        {
            // Which columns the names are given to depends on columns that are not known.
            let reason = open.reason.clone();
            let known = relation.columns.len();
            let more = names[known..].iter();
            relation
                .columns
                .extend(more.map(|name| Column { name: name.clone(), flow: Flow::unknown(reason.clone()) }));
        }
    }

    /// A join in brackets as one relation.
    fn joined_relation(&self, from: &From) -> Relation {
        let columns = from.visible.iter().map(|visible| visible.column.clone()).collect();
        let open = super::qualify::merged(from.items.iter().filter_map(|item| item.relation.open.as_ref()));
        Relation { columns, open, rows: from.rows.clone(), print: from.print }
    }

    /// Everything that a from clause offers, as one relation.
    pub(super) fn whole_from(&self, from: &From) -> Relation {
        self.joined_relation(from)
    }
}

/// A function's rows depend on what its columns are made of.
fn with_rows(mut relation: Relation) -> Relation {
    for column in &relation.columns {
        relation.rows.add(&column.flow.sources.through(How::Filter));
    }
    relation
}

/// Takes away what the other side of a semi join had.
fn hide(joined: &mut From, n_left: usize, side: Side) {
    let is_kept = |item: usize| match side {
        Side::LeftOnly => item < n_left,
        Side::RightOnly => item >= n_left,
        _ => true,
    };
    for (ix, item) in joined.items.iter_mut().enumerate() {
        item.is_visible = item.is_visible && is_kept(ix);
    }
    joined.visible.retain(|visible| visible.items.iter().any(|item| is_kept(*item)));
}

/// The constraint of a join and the side that its merged columns come from. No constraint: the join is not understood.
fn side_of(operator: &JoinOperator) -> (Option<&JoinConstraint>, Side) {
    use JoinOperator as J;
    match operator {
        J::Join(on) | J::Inner(on) | J::CrossJoin(on) | J::StraightJoin(on) => (Some(on), Side::Left),
        J::Left(on) | J::LeftOuter(on) => (Some(on), Side::Left),
        J::Right(on) | J::RightOuter(on) => (Some(on), Side::Right),
        J::FullOuter(on) => (Some(on), Side::Both),
        J::Semi(on) | J::LeftSemi(on) | J::Anti(on) | J::LeftAnti(on) => (Some(on), Side::LeftOnly),
        J::RightSemi(on) | J::RightAnti(on) => (Some(on), Side::RightOnly),
        J::AsOf { constraint, .. } => (Some(constraint), Side::Left),
        _ => (None, Side::Left),
    }
}

/// The value of an argument. Options of DuckDB's functions, `header = true`, are no columns.
fn argument(arg: &FunctionArg) -> Option<&Expr> {
    let (FunctionArg::Unnamed(value)
    | FunctionArg::Named { arg: value, .. }
    | FunctionArg::ExprNamed { arg: value, .. }) = arg;
    let FunctionArgExpr::Expr(value) = value else { return None };
    match value {
        Expr::BinaryOp { left, op: sqlparser::ast::BinaryOperator::Eq, right }
            if matches!(**left, Expr::Identifier(_)) && expr::parts(right).exprs.is_empty() =>
        {
            Some(right)
        }
        other => Some(other),
    }
}

fn json_columns(columns: &[JsonTableColumn], names: &mut Vec<String>) {
    for column in columns {
        match column {
            JsonTableColumn::Named(column) => names.push(column.name.value.clone()),
            JsonTableColumn::ForOrdinality(name) => names.push(name.value.clone()),
            JsonTableColumn::Nested(nested) => json_columns(&nested.columns, names),
        }
    }
}
