//! Pivots and unpivots: values that become columns, and columns that become values.

use sqlparser::ast::{Expr, ExprWithAlias, PivotValueSource, SelectItem, TableFactor};

use super::Dialect;
use super::analysis::Analysis;
use super::expr;
use super::flow::{Flow, How, print, text_print};
use super::naming;
use super::qualify::merged;
use super::scope::{Column, From, Open, Relation, Scope};

/// What a pivot computes for each value.
struct Aggregates {
    names: Vec<Option<String>>,
    flows: Vec<Flow>,
}

impl Analysis<'_> {
    /// The relation of a statement that was cut out.
    pub(super) fn pivot_statement(&mut self, number: usize) -> Relation {
        let pivots = self.pivots;
        let Some(pivot) = pivots.get(number) else { return Relation::default() };
        let mut scope = Scope { from: self.list_of_tables(&pivot.from, None), ..Scope::default() };
        if pivot.is_unpivot {
            let items: Vec<(&Expr, Option<String>)> = pivot.on.iter().filter_map(item_of).collect();
            let mut names = pivot.names.iter().cloned();
            let name = names.next().unwrap_or_else(|| "name".to_owned());
            let values: Vec<String> = names.collect();
            let values = if values.is_empty() { vec!["value".to_owned()] } else { values };
            let list = self.select_list(&pivot.on, &mut scope);
            let columns: Vec<Column> = list.columns;
            scope.aliases.clear();
            return self.unpivoted(&scope, (&items, columns), &name, &values);
        }
        let aggregates: Vec<(&Expr, Option<String>)> = pivot.using.iter().filter_map(item_of).collect();
        let on: Vec<&Expr> = pivot.on.iter().filter_map(|item| item_of(item).map(|(expr, _)| expr)).collect();
        let aggregates = self.aggregates(&aggregates, &scope);
        let group = if pivot.group.is_empty() { None } else { Some(pivot.group.as_slice()) };
        let values = values_of(&on);
        self.pivoted(&scope, (&aggregates, &on), group, values)
    }

    /// The relation of `t pivot (…)` and `t unpivot (…)` in a from clause.
    pub(super) fn pivot_factor(&mut self, factor: &TableFactor, before: &From, outer: Option<&Scope<'_>>) -> Relation {
        let mut scope = Scope::inside(outer);
        match factor {
            TableFactor::Pivot { table, aggregate_functions, value_column, value_source, .. } => {
                scope.from = self.factor(table, before, outer);
                let aggregates: Vec<(&Expr, Option<String>)> = aggregate_functions.iter().map(named).collect();
                let aggregates = self.aggregates(&aggregates, &scope);
                let on: Vec<&Expr> = value_column.iter().collect();
                let values = match value_source {
                    PivotValueSource::List(list) => {
                        let values = list.iter().map(|value| match &value.alias {
                            Some(alias) => Some(alias.value.clone()),
                            None => text_of(&value.expr),
                        });
                        values.collect()
                    }
                    _ => None,
                };
                self.pivoted(&scope, (&aggregates, &on), None, values)
            }
            TableFactor::Unpivot { table, value, name, columns, .. } => {
                scope.from = self.factor(table, before, outer);
                let items: Vec<(&Expr, Option<String>)> = columns.iter().map(named).collect();
                let mut flows = Vec::new();
                for (expr, _) in &items {
                    let name = naming::default_name(self, expr, &scope);
                    flows.push(Column { name, flow: self.expr(expr, &scope) });
                }
                let values = match value {
                    Expr::Tuple(values) => values.iter().map(ToString::to_string).collect(),
                    other => vec![other.to_string()],
                };
                self.unpivoted(&scope, (&items, flows), &name.value, &values)
            }
            _ => Relation::default(),
        }
    }

    fn aggregates(&mut self, items: &[(&Expr, Option<String>)], scope: &Scope<'_>) -> Aggregates {
        let mut made = Aggregates { names: Vec::new(), flows: Vec::new() };
        for (expr, alias) in items {
            made.flows.push(self.expr(expr, scope).through(How::Aggregate));
            made.names.push(
                alias
                    .clone()
                    .or_else(|| (items.len() > 1).then(|| naming::default_name(self, expr, scope).text.to_string())),
            );
        }
        if items.is_empty() {
            // Without `using` rows are counted.
            made.flows.push(Flow::constant(text_print("count")));
            made.names.push(None);
        }
        made
    }

    /// Columns kept, and for each value a column of each aggregate. The values are columns only if they are listed.
    fn pivoted(
        &mut self,
        scope: &Scope<'_>,
        (aggregates, on): (&Aggregates, &[&Expr]),
        group: Option<&[Expr]>,
        values: Option<Vec<String>>,
    ) -> Relation {
        let source = self.whole_from(&scope.from);
        let mut on_flow = Flow::constant(text_print("pivot"));
        for expr in on {
            let flow = self.expr(expr, scope);
            on_flow.take(&flow, How::Derive);
        }
        let used: Vec<Flow> = aggregates.flows.iter().cloned().chain([on_flow.clone()]).collect();
        let mut columns: Vec<Column> = match group {
            Some(group) => {
                let mut columns = Vec::new();
                for expr in group {
                    let name = naming::default_name(self, expr, scope);
                    columns.push(Column { name, flow: self.expr(expr, scope) });
                }
                columns
            }
            None => source.columns.iter().filter(|column| !is_used(&column.flow, &used)).cloned().collect(),
        };
        let mut rows = source.rows.clone();
        for column in &columns {
            rows.add(&column.flow.sources.through(How::Group));
        }
        let mut open = if group.is_none() { source.open.clone() } else { None };
        let print = print("pivot", &[source.print, on_flow.print]);
        let single = aggregates.flows.len() == 1;
        match values {
            Some(values) => {
                for value in &values {
                    for (name, flow) in aggregates.names.iter().zip(&aggregates.flows) {
                        let name = match name {
                            Some(name) if !single || self.dialect == Dialect::DuckDb => format!("{value}_{name}"),
                            _ => value.clone(),
                        };
                        let mut cell = Flow::constant(text_print(value));
                        cell.take(flow, How::Aggregate);
                        cell.take(&on_flow, How::Derive);
                        columns.push(Column { name: self.name_of(&name, true), flow: cell });
                    }
                }
            }
            None => {
                let mut cell = Flow::constant(print);
                for flow in &used {
                    cell.take(flow, How::Aggregate);
                }
                let table = self.made_table("pivot", cell);
                let reason = std::rc::Rc::from("which columns a pivot makes depends on the values in its rows");
                let made = Open { reason, branches: vec![vec![table]], hidden: Vec::new() };
                open = merged([&made].into_iter().chain(&open));
            }
        }
        Relation { columns, open, rows, print }
    }

    /// Columns kept, one for the names of the others, and one or several for their values.
    fn unpivoted(
        &mut self,
        scope: &Scope<'_>,
        (items, listed): (&[(&Expr, Option<String>)], Vec<Column>),
        name: &str,
        values: &[String],
    ) -> Relation {
        let source = self.whole_from(&scope.from);
        let mut cells: Vec<Flow> = values.iter().map(|value| Flow::constant(text_print(value))).collect();
        let mut used = Vec::new();
        for (n, column) in listed.iter().enumerate() {
            let tuple = items.get(n).filter(|_| items.len() == listed.len()).and_then(|(expr, _)| match expr {
                Expr::Tuple(parts) => Some(parts),
                _ => None,
            });
            match tuple {
                Some(parts) => {
                    for (part, cell) in parts.iter().zip(&mut cells) {
                        let flow = self.expr(part, scope);
                        cell.take(&flow, How::Derive);
                        used.push(flow);
                    }
                }
                None => {
                    for cell in &mut cells {
                        cell.take(&column.flow, How::Derive);
                    }
                    used.push(column.flow.clone());
                }
            }
        }
        let mut columns: Vec<Column> = source
            .columns
            .iter()
            .filter(|column| !used.iter().any(|flow| flow.print == column.flow.print))
            .cloned()
            .collect();
        let mut rows = source.rows.clone();
        for cell in &cells {
            rows.add(&cell.sources.through(How::Filter));
        }
        columns.push(Column { name: self.name_of(name, true), flow: Flow::constant(text_print(name)) });
        let own = print("unpivot", &cells.iter().map(|cell| cell.print).chain([source.print]).collect::<Vec<_>>());
        for (value, flow) in values.iter().zip(cells) {
            columns.push(Column { name: self.name_of(value, true), flow });
        }
        Relation { columns, open: source.open, rows, print: own }
    }
}

/// Whether a column of the source is used up by what is computed.
fn is_used(column: &Flow, used: &[Flow]) -> bool {
    let bases: Vec<_> = column.sources.iter().map(|(base, _)| base).collect();
    !bases.is_empty()
        && bases.iter().all(|base| used.iter().any(|flow| flow.sources.iter().any(|(other, _)| other == *base)))
}

fn item_of(item: &SelectItem) -> Option<(&Expr, Option<String>)> {
    match item {
        SelectItem::UnnamedExpr(expr) => Some((expr, None)),
        SelectItem::ExprWithAlias { expr, alias } => Some((expr, Some(alias.value.clone()))),
        _ => None,
    }
}

fn named(item: &ExprWithAlias) -> (&Expr, Option<String>) {
    (&item.expr, item.alias.as_ref().map(|alias| alias.value.clone()))
}

/// The values of `on x in ('a', 'b')`, if all are listed.
fn values_of(on: &[&Expr]) -> Option<Vec<String>> {
    match on {
        [Expr::InList { list, .. }] => list.iter().map(text_of).collect(),
        _ => None,
    }
}

/// A literal as the name of a column.
fn text_of(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Value(value) => Some(value.value.clone().into_string().unwrap_or_else(|| value.to_string())),
        Expr::Identifier(ident) => Some(ident.value.clone()),
        Expr::Nested(inner) => text_of(inner),
        other => expr::parts(other).exprs.is_empty().then(|| other.to_string()),
    }
}
