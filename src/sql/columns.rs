//! The columns of a query: selects, sets, common table expressions, and the answer as the other rooms see it.

use std::rc::Rc;

use sqlparser::ast::{
    Cte, Distinct, Expr, GroupByExpr, GroupByWithModifier, LimitClause, NamedWindowExpr, OrderBy, OrderByKind,
    Query as QueryTree, Select, SelectFlavor, SelectItem, SetExpr, SetOperator, SetQuantifier, Value, Values,
    WindowType, With,
};

use super::Dialect;
use super::analysis::{Analysis, has_aggregate};
use super::flow::{Flow, How, Sources, print, text_print};
use super::scope::{Column, Name, Open, Relation, Scope};

/// How often the recursive part of an expression is looked at before its columns are taken as they are.
const ROUNDS: usize = 8;

impl Analysis<'_> {
    /// The columns of a query, within another or alone.
    pub(super) fn query(&mut self, query: &QueryTree, outer: Option<&Scope<'_>>) -> Relation {
        let n_expressions = self.expressions.len();
        if let Some(with) = &query.with {
            self.with(with, outer);
        }
        let mut relation = match &*query.body {
            SetExpr::Select(select) => self.select(select, query.order_by.as_ref(), outer),
            body => {
                let mut relation = self.set(body, outer);
                if let Some(order) = &query.order_by {
                    self.order_set(order, &mut relation);
                }
                relation
            }
        };
        if let Some(limit) = &query.limit_clause {
            self.limit(limit, outer, &mut relation);
        } else if query.fetch.is_some() {
            relation.print = print("fetch", &[relation.print]);
        }
        if !query.pipe_operators.is_empty() {
            self.complain("pipe operators are not understood");
        }
        self.expressions.truncate(n_expressions);
        relation
    }

    /// Makes common table expressions known.
    fn with(&mut self, with: &With, outer: Option<&Scope<'_>>) {
        for cte in &with.cte_tables {
            let name = self.name(&cte.alias.name);
            if self.is_table(&name) {
                continue;
            }
            let mut relation = match (&*cte.query.body, with.recursive) {
                (SetExpr::SetOperation { left, op: SetOperator::Union, set_quantifier, right }, true) => {
                    self.recursive(cte, (left, *set_quantifier, right), outer)
                }
                _ => self.query(&cte.query, outer),
            };
            let names: Vec<Name> = cte.alias.columns.iter().map(|column| self.name(&column.name)).collect();
            self.rename(&mut relation, &names);
            self.expressions.push((name, Rc::new(relation)));
        }
    }

    /// A recursive expression: its columns are those of the first part and whatever the second part makes of them.
    fn recursive(
        &mut self,
        cte: &Cte,
        (left, quantifier, right): (&SetExpr, SetQuantifier, &SetExpr),
        outer: Option<&Scope<'_>>,
    ) -> Relation {
        let n_expressions = self.expressions.len();
        if let Some(with) = &cte.query.with {
            self.with(with, outer);
        }
        let names: Vec<Name> = cte.alias.columns.iter().map(|column| self.name(&column.name)).collect();
        let start = self.set(left, outer);
        let mut relation = start.clone();
        let name = self.name(&cte.alias.name);
        for _ in 0..ROUNDS {
            let mut known = relation.clone();
            self.rename(&mut known, &names);
            // What the expression is called by itself prints the same in every round.
            for (column, first) in known.columns.iter_mut().zip(&start.columns) {
                column.flow.print = print("recursive", &[first.flow.print]);
            }
            known.print = print("recursive", &[start.print]);
            self.expressions.push((name.clone(), Rc::new(known)));
            let next = self.set(right, outer);
            self.expressions.pop();
            let both = self.union(start.clone(), next, quantifier);
            let is_stable = same_sources(&both, &relation);
            relation = both;
            if is_stable {
                break;
            }
        }
        self.expressions.truncate(n_expressions);
        relation
    }

    fn set(&mut self, body: &SetExpr, outer: Option<&Scope<'_>>) -> Relation {
        match body {
            SetExpr::Select(select) => self.select(select, None, outer),
            SetExpr::Query(query) => self.query(query, outer),
            SetExpr::Values(values) => self.values(values, outer),
            SetExpr::Table(table) => {
                let names = [&table.schema_name, &table.table_name].into_iter().flatten();
                let names: Vec<Name> = names.map(|name| self.name_of(name, false)).collect();
                match names.last().filter(|_| names.len() == 1).and_then(|name| self.expression(name)) {
                    Some(relation) => (*relation).clone(),
                    None => self.table_relation(&names),
                }
            }
            SetExpr::SetOperation { left, op, set_quantifier, right } => {
                let left = self.set(left, outer);
                let right = self.set(right, outer);
                match op {
                    SetOperator::Union => self.union(left, right, *set_quantifier),
                    _ => difference(left, right, *op),
                }
            }
            other => {
                self.complain("a statement that changes data is not looked into");
                let reason = Rc::from(format!("`{other}` is not understood"));
                Relation::unknown(&reason)
            }
        }
    }

    fn union(&mut self, left: Relation, right: Relation, quantifier: SetQuantifier) -> Relation {
        use SetQuantifier as Q;
        let is_by_name = matches!(quantifier, Q::ByName | Q::AllByName | Q::DistinctByName);
        let keeps_all = matches!(quantifier, Q::All | Q::AllByName);
        // Positions say nothing where a star stands for columns that are not known.
        let by_name = is_by_name || left.open.is_some() || right.open.is_some();
        let (left_print, right_print) = (left.print, right.print);
        let mut rows = left.rows.clone();
        rows.add(&right.rows);
        let mut columns = left.columns;
        let mut extra = Vec::new();
        for (n, column) in right.columns.into_iter().enumerate() {
            let mine = match by_name {
                true => columns.iter_mut().find(|mine| mine.name.key == column.name.key),
                false => columns.get_mut(n),
            };
            match mine {
                Some(mine) => mine.flow.take(&column.flow, How::Pass),
                None if by_name => extra.push(column),
                None => {}
            }
        }
        columns.extend(extra);
        let open = both_open(left.open, right.open);
        if !keeps_all {
            rows.add(&all_of(&columns, How::Group));
        }
        let own = print("union", &[left_print, right_print, u64::from(keeps_all), u64::from(is_by_name)]);
        Relation { columns, open, rows, print: own }
    }

    fn values(&mut self, values: &Values, outer: Option<&Scope<'_>>) -> Relation {
        let scope = Scope::inside(outer);
        let mut columns: Vec<Column> = Vec::new();
        for row in &values.rows {
            for (n, expr) in row.content.iter().enumerate() {
                let flow = self.expr(expr, &scope);
                match columns.get_mut(n) {
                    Some(column) => column.flow.take(&flow, How::Pass),
                    None => {
                        let name = match self.dialect {
                            Dialect::DuckDb => format!("col{n}"),
                            Dialect::Postgres => format!("column{}", n + 1),
                        };
                        columns.push(Column { name: self.name_of(&name, true), flow });
                    }
                }
            }
        }
        let prints: Vec<u64> = columns.iter().map(|column| column.flow.print).collect();
        Relation { columns, print: print("values", &prints), ..Relation::default() }
    }

    fn select(&mut self, select: &Select, order: Option<&OrderBy>, outer: Option<&Scope<'_>>) -> Relation {
        let mut scope = Scope::inside(outer);
        scope.from = self.list_of_tables(&select.from, outer);
        self.windows(select, &mut scope);
        let outputs = match select.flavor {
            SelectFlavor::FromFirstNoSelect => {
                let (columns, open) = self.star(&scope, &[]);
                super::select_list::Outputs { plain: (0..columns.len()).collect(), columns, open }
            }
            _ => self.select_list(&select.projection, &mut scope),
        };
        let mut rows = scope.from.rows.clone();
        let mut prints = vec![scope.from.print];
        for condition in select.selection.iter().chain(&select.prewhere) {
            let flow = self.expr(condition, &scope);
            rows.add(&flow.sources.through(How::Filter));
            prints.push(print("where", &[flow.print]));
        }
        if self.dialect == Dialect::Postgres {
            scope.aliases.clone_from(&outputs.columns);
        }
        for flow in self.groups(&select.group_by, &outputs, &scope) {
            rows.add(&flow.sources.through(How::Group));
            prints.push(print("group", &[flow.print]));
        }
        for condition in select.having.iter().chain(&select.qualify) {
            let flow = self.expr(condition, &scope);
            rows.add(&flow.sources.through(How::Filter));
            prints.push(print("having", &[flow.print]));
        }
        scope.aliases.clone_from(&outputs.columns);
        scope.prefers_aliases = true;
        match &select.distinct {
            Some(Distinct::Distinct) => {
                rows.add(&all_of(&outputs.columns, How::Group));
                prints.push(text_print("distinct"));
            }
            Some(Distinct::On(exprs)) => {
                for expr in exprs {
                    let flow = self.place(expr, &outputs.columns, &scope);
                    rows.add(&flow.sources.through(How::Group));
                    prints.push(print("distinct on", &[flow.print]));
                }
            }
            Some(Distinct::All) | None => {}
        }
        if let Some(order) = order {
            let ordered = self.order(order, &outputs.columns, &scope);
            rows.add(&ordered.sources.through(How::Order));
            // The order decides which rows there are only where not all are kept.
            if select.distinct.is_some() {
                prints.push(print("order", &[ordered.print]));
            }
        }
        let columns = self.distinct_names(outputs.columns);
        // A select that only chooses columns has the rows of what it reads.
        let own = if prints.len() == 1 && !is_aggregated(select) { prints[0] } else { print("select", &prints) };
        Relation { columns, open: outputs.open, rows, print: own }
    }

    /// DuckDB tells columns of one name apart by numbers.
    fn distinct_names(&self, mut columns: Vec<Column>) -> Vec<Column> {
        if self.dialect != Dialect::DuckDb {
            return columns;
        }
        for n in 1..columns.len() {
            let is_taken = |columns: &[Column], key: &str| columns[..n].iter().any(|other| *other.name.key == *key);
            let text = Rc::clone(&columns[n].name.text);
            let mut number = 0;
            while is_taken(&columns, &columns[n].name.key) {
                number += 1;
                columns[n].name = self.name_of(&format!("{text}_{number}"), true);
            }
        }
        columns
    }

    fn windows(&mut self, select: &Select, scope: &mut Scope<'_>) {
        for definition in &select.named_window {
            let over = match &definition.1 {
                NamedWindowExpr::NamedWindow(name) => WindowType::NamedWindow(name.clone()),
                NamedWindowExpr::WindowSpec(spec) => WindowType::WindowSpec(spec.clone()),
            };
            let flow = self.window(&over, scope);
            let name = self.name(&definition.0);
            scope.windows.push(Column { name, flow });
        }
    }

    fn groups(&mut self, group: &GroupByExpr, outputs: &super::select_list::Outputs, scope: &Scope<'_>) -> Vec<Flow> {
        let (exprs, modifiers): (&[Expr], _) = match group {
            GroupByExpr::All(modifiers) => (&[], modifiers),
            GroupByExpr::Expressions(exprs, modifiers) => (exprs, modifiers),
        };
        let mut flows: Vec<Flow> = match group {
            GroupByExpr::All(_) => outputs.plain.iter().map(|ix| outputs.columns[*ix].flow.clone()).collect(),
            GroupByExpr::Expressions(..) => Vec::new(),
        };
        for expr in exprs {
            flows.push(self.place(expr, &outputs.columns, scope));
            if let Expr::Cube(sets) | Expr::Rollup(sets) | Expr::GroupingSets(sets) = expr {
                let numbers = sets.iter().flatten().filter(|key| matches!(key, Expr::Value(_)));
                flows.extend(numbers.map(|key| self.place(key, &outputs.columns, scope)));
            }
        }
        for modifier in modifiers {
            if let GroupByWithModifier::GroupingSets(sets) = modifier {
                flows.push(self.expr(sets, scope));
            }
        }
        flows
    }

    /// An expression, or the output column of a number.
    fn place(&mut self, expr: &Expr, outputs: &[Column], scope: &Scope<'_>) -> Flow {
        if let Expr::Value(value) = expr
            && let Value::Number(number, _) = &value.value
            && let Some(column) = number.parse::<usize>().ok().and_then(|n| outputs.get(n.checked_sub(1)?))
        {
            return column.flow.clone();
        }
        self.expr(expr, scope)
    }

    fn order(&mut self, order: &OrderBy, outputs: &[Column], scope: &Scope<'_>) -> Flow {
        let mut flow = Flow::constant(text_print("order"));
        match &order.kind {
            OrderByKind::All(_) => {
                for column in outputs {
                    flow.take(&column.flow, How::Derive);
                }
            }
            OrderByKind::Expressions(exprs) => {
                for order in exprs {
                    let part = self.place(&order.expr, outputs, scope);
                    flow.take(&part, How::Derive);
                    flow.print = print(&order.options.to_string(), &[flow.print]);
                }
            }
        }
        flow
    }

    fn order_set(&mut self, order: &OrderBy, relation: &mut Relation) {
        let mut scope = Scope::default();
        scope.aliases.clone_from(&relation.columns);
        scope.prefers_aliases = true;
        if relation.open.is_some() {
            scope.from = self.aliased(relation.clone(), None, &[]);
        }
        let columns = relation.columns.clone();
        let flow = self.order(order, &columns, &scope);
        relation.rows.add(&flow.sources.through(How::Order));
    }

    fn limit(&mut self, limit: &LimitClause, outer: Option<&Scope<'_>>, relation: &mut Relation) {
        let scope = Scope::inside(outer);
        let exprs: Vec<&Expr> = match limit {
            LimitClause::LimitOffset { limit, offset, .. } => {
                limit.iter().chain(offset.iter().map(|offset| &offset.value)).collect()
            }
            LimitClause::OffsetCommaLimit { offset, limit } => vec![offset, limit],
        };
        for expr in exprs {
            // `limit all` is no column.
            if matches!(expr, Expr::Identifier(_)) {
                continue;
            }
            let flow = self.expr(expr, &scope);
            relation.rows.add(&flow.sources.through(How::Filter));
            relation.print = print("limit", &[relation.print, flow.print]);
        }
    }
}

/// Whether a select puts all rows together although it groups by nothing.
fn is_aggregated(select: &Select) -> bool {
    select.projection.iter().any(|item| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => has_aggregate(expr),
        _ => false,
    })
}

/// `except` and `intersect`: the values are those of the left side.
fn difference(left: Relation, right: Relation, operator: SetOperator) -> Relation {
    let mut rows = left.rows;
    rows.add(&right.rows);
    rows.add(&all_of(&left.columns, How::Group));
    rows.add(&all_of(&right.columns, How::Filter));
    let own = print(&operator.to_string(), &[left.print, right.print]);
    Relation { columns: left.columns, open: left.open, rows, print: own }
}

fn all_of(columns: &[Column], how: How) -> Sources {
    let mut all = Sources::default();
    for column in columns {
        all.add(&column.flow.sources.through(how));
    }
    all
}

/// A union of open relations: a further column comes from each of them.
fn both_open(left: Option<Open>, right: Option<Open>) -> Option<Open> {
    match (left, right) {
        (Some(mut left), Some(right)) => {
            left.branches.extend(right.branches);
            left.branches.dedup();
            left.hidden.retain(|key| right.hidden.contains(key));
            Some(left)
        }
        (left, right) => left.or(right),
    }
}

fn same_sources(left: &Relation, right: &Relation) -> bool {
    left.columns.len() == right.columns.len()
        && left.rows == right.rows
        && left.columns.iter().zip(&right.columns).all(|(left, right)| left.flow.sources == right.flow.sources)
}
