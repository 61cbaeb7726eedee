//! The parts of an expression: what every walk over expressions shares.

use sqlparser::ast::{
    AccessExpr, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments,
    ListAggOnOverflow, OrderByExpr, Query as QueryTree, Subscript, WindowFrameBound, WindowSpec, WindowType,
};

/// The expressions and queries directly below an expression, and what else there is to it.
#[derive(Debug, Default)]
pub(super) struct Parts<'a> {
    pub(super) exprs: Vec<&'a Expr>,
    pub(super) queries: Vec<&'a QueryTree>,
    /// Operators, types, keywords: whatever is no expression.
    pub(super) tag: String,
    /// Whether there may be parts that are not listed.
    pub(super) is_partial: bool,
}

impl<'a> Parts<'a> {
    fn of(tag: impl Into<String>, exprs: impl IntoIterator<Item = &'a Expr>) -> Self {
        Self { exprs: exprs.into_iter().collect(), tag: tag.into(), ..Self::default() }
    }

    fn with_query(mut self, query: &'a QueryTree) -> Self {
        self.queries.push(query);
        self
    }
}

/// Takes an expression apart.
pub(super) fn parts(expr: &Expr) -> Parts<'_> {
    match expr {
        Expr::BinaryOp { .. } => binary(expr),
        Expr::Value(value) => Parts::of(value.to_string(), []),
        Expr::TypedString(value) => Parts::of(value.to_string(), []),
        Expr::Nested(inner) => Parts::of("", [&**inner]),
        Expr::Function(function) => function_parts(function),
        Expr::Case { operand, conditions, else_result, .. } => {
            let mut exprs: Vec<&Expr> = operand.iter().map(|operand| &**operand).collect();
            exprs.extend(conditions.iter().flat_map(|when| [&when.condition, &when.result]));
            exprs.extend(else_result.iter().map(|result| &**result));
            Parts::of(format!("case {} {}", operand.is_some(), else_result.is_some()), exprs)
        }
        Expr::Cast { kind, expr, data_type, format } => {
            Parts::of(format!("cast {kind:?} {data_type} {}", format.is_some()), [&**expr])
        }
        Expr::Subquery(query) => Parts::of("query", []).with_query(query),
        Expr::Exists { subquery, negated } => Parts::of(format!("exists {negated}"), []).with_query(subquery),
        Expr::InSubquery { expr, subquery, negated } => {
            Parts::of(format!("in {negated}"), [&**expr]).with_query(subquery)
        }
        Expr::CompoundFieldAccess { root, access_chain } => access(root, access_chain),
        Expr::Lambda(lambda) => Parts::of("lambda", [&*lambda.body]),
        _ => tests(expr).or_else(|| calls(expr)).unwrap_or_else(|| collections(expr)),
    }
}

/// The operands of a chain of binary operators, without descending into its left side: chains can be long.
fn binary(expr: &Expr) -> Parts<'_> {
    let (mut exprs, mut tag, mut at) = (Vec::new(), String::new(), expr);
    while let Expr::BinaryOp { left, op, right } = at {
        exprs.push(&**right);
        tag = format!("{op} {tag}");
        at = left;
    }
    exprs.push(at);
    exprs.reverse();
    Parts::of(tag, exprs)
}

/// Tests of one or two operands.
fn tests(expr: &Expr) -> Option<Parts<'_>> {
    Some(match expr {
        Expr::IsFalse(expr) => Parts::of("is false", [&**expr]),
        Expr::IsNotFalse(expr) => Parts::of("is not false", [&**expr]),
        Expr::IsTrue(expr) => Parts::of("is true", [&**expr]),
        Expr::IsNotTrue(expr) => Parts::of("is not true", [&**expr]),
        Expr::IsNull(expr) => Parts::of("is null", [&**expr]),
        Expr::IsNotNull(expr) => Parts::of("is not null", [&**expr]),
        Expr::IsUnknown(expr) => Parts::of("is unknown", [&**expr]),
        Expr::IsNotUnknown(expr) => Parts::of("is not unknown", [&**expr]),
        Expr::IsDistinctFrom(left, right) => Parts::of("is distinct", [&**left, &**right]),
        Expr::IsNotDistinctFrom(left, right) => Parts::of("is not distinct", [&**left, &**right]),
        Expr::IsJson { expr, negated, .. } => Parts::of(format!("is json {negated}"), [&**expr]),
        Expr::IsNormalized { expr, negated, .. } => Parts::of(format!("is normalized {negated}"), [&**expr]),
        Expr::InList { expr, list, negated } => {
            Parts::of(format!("in {negated}"), std::iter::once(&**expr).chain(list))
        }
        Expr::InUnnest { expr, array_expr, negated } => {
            Parts::of(format!("in unnest {negated}"), [&**expr, &**array_expr])
        }
        Expr::Between { expr, negated, low, high } => {
            Parts::of(format!("between {negated}"), [&**expr, &**low, &**high])
        }
        Expr::Like { negated, any, expr, pattern, .. } => {
            Parts::of(format!("like {negated} {any}"), [&**expr, &**pattern])
        }
        Expr::ILike { negated, any, expr, pattern, .. } => {
            Parts::of(format!("ilike {negated} {any}"), [&**expr, &**pattern])
        }
        Expr::SimilarTo { negated, expr, pattern, .. } => {
            Parts::of(format!("similar {negated}"), [&**expr, &**pattern])
        }
        Expr::RLike { negated, expr, pattern, .. } => Parts::of(format!("rlike {negated}"), [&**expr, &**pattern]),
        Expr::AnyOp { left, compare_op, right, .. } => Parts::of(format!("any {compare_op}"), [&**left, &**right]),
        Expr::AllOp { left, compare_op, right } => Parts::of(format!("all {compare_op}"), [&**left, &**right]),
        Expr::UnaryOp { op, expr } => Parts::of(format!("unary {op}"), [&**expr]),
        _ => return None,
    })
}

/// What is written in a form of its own but is a function.
fn calls(expr: &Expr) -> Option<Parts<'_>> {
    Some(match expr {
        Expr::AtTimeZone { timestamp, time_zone } => Parts::of("at time zone", [&**timestamp, &**time_zone]),
        Expr::Extract { field, expr, .. } => Parts::of(format!("extract {field}"), [&**expr]),
        Expr::Ceil { expr, .. } => Parts::of("ceil", [&**expr]),
        Expr::Floor { expr, .. } => Parts::of("floor", [&**expr]),
        Expr::Position { expr, r#in } => Parts::of("position", [&**expr, &**r#in]),
        Expr::Substring { expr, substring_from, substring_for, .. } => {
            let bounds = [substring_from, substring_for].into_iter().flatten().map(|bound| &**bound);
            Parts::of("substring", std::iter::once(&**expr).chain(bounds))
        }
        Expr::Trim { trim_where, trim_what, expr, trim_characters } => {
            let what = trim_what.iter().map(|what| &**what).chain(trim_characters.iter().flatten());
            Parts::of(format!("trim {trim_where:?}"), std::iter::once(&**expr).chain(what))
        }
        Expr::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
            let first = [&**expr, &**overlay_what, &**overlay_from];
            Parts::of("overlay", first.into_iter().chain(overlay_for.iter().map(|length| &**length)))
        }
        Expr::Convert { expr, data_type, .. } => Parts::of(format!("convert {}", data_type.is_some()), [&**expr]),
        Expr::Collate { expr, collation } => Parts::of(format!("collate {collation}"), [&**expr]),
        Expr::Interval(interval) => {
            let unit = interval.leading_field.as_ref().map(ToString::to_string).unwrap_or_default();
            Parts::of(format!("interval {unit}"), [&*interval.value])
        }
        Expr::Prefixed { prefix, value } => Parts::of(format!("prefix {prefix}"), [&**value]),
        Expr::JsonAccess { value, path } => Parts::of(format!("json {path}"), [&**value]),
        Expr::MemberOf(member) => Parts::of("member", [&*member.value, &*member.array]),
        Expr::OuterJoin(expr) | Expr::Prior(expr) => Parts::of("", [&**expr]),
        _ => return None,
    })
}

/// Lists, rows, structs, sets of groups.
fn collections(expr: &Expr) -> Parts<'_> {
    match expr {
        Expr::Tuple(values) => Parts::of("tuple", values),
        Expr::Struct { values, fields } => Parts::of(format!("struct {}", fields.len()), values),
        Expr::Named { expr, name } => Parts::of(format!("named {name}"), [&**expr]),
        Expr::Array(array) => Parts::of("array", &array.elem),
        Expr::Dictionary(fields) => {
            let keys: Vec<_> = fields.iter().map(|field| field.key.value.as_str()).collect();
            Parts::of(format!("dictionary {}", keys.join(" ")), fields.iter().map(|field| &*field.value))
        }
        Expr::Map(map) => Parts::of("map", map.entries.iter().flat_map(|entry| [&*entry.key, &*entry.value])),
        Expr::GroupingSets(sets) => Parts::of("grouping sets", sets.iter().flatten()),
        Expr::Cube(sets) => Parts::of("cube", sets.iter().flatten()),
        Expr::Rollup(sets) => Parts::of("rollup", sets.iter().flatten()),
        Expr::Identifier(name) => Parts::of(name.to_string(), []),
        Expr::CompoundIdentifier(_) => Parts::of("name", []),
        Expr::Wildcard(_) | Expr::QualifiedWildcard(..) => Parts::of("*", []),
        other => Parts { is_partial: true, ..Parts::of(other.to_string(), []) },
    }
}

pub(super) fn access<'a>(root: &'a Expr, chain: &'a [AccessExpr]) -> Parts<'a> {
    let mut made = Parts::of("access", [root]);
    for step in chain {
        match step {
            // A field is a name within the value, not a column.
            AccessExpr::Dot(Expr::Identifier(name)) => made.tag += &format!(" .{name}"),
            AccessExpr::Dot(Expr::Value(value)) => made.tag += &format!(" .{value}"),
            AccessExpr::Dot(expr) => made.exprs.push(expr),
            AccessExpr::Subscript(Subscript::Index { index }) => made.exprs.push(index),
            AccessExpr::Subscript(Subscript::Slice { lower_bound, upper_bound, stride }) => {
                made.tag += &format!(" slice {} {}", lower_bound.is_some(), upper_bound.is_some());
                made.exprs.extend([lower_bound, upper_bound, stride].into_iter().flatten());
            }
        }
    }
    made
}

fn function_parts(function: &Function) -> Parts<'_> {
    let mut made = Parts::of(format!("{}(", function.name).to_lowercase(), []);
    arguments(&function.args, &mut made);
    arguments(&function.parameters, &mut made);
    made.exprs.extend(function.filter.iter().map(|filter| &**filter));
    made.exprs.extend(function.within_group.iter().map(|order| &order.expr));
    if let Some(WindowType::WindowSpec(spec)) = &function.over {
        made.exprs.extend(window_exprs(spec));
    }
    made
}

/// The expressions and queries of a call's arguments.
pub(super) fn arguments<'a>(arguments: &'a FunctionArguments, made: &mut Parts<'a>) {
    match arguments {
        FunctionArguments::None => {}
        FunctionArguments::Subquery(query) => made.queries.push(query),
        FunctionArguments::List(list) => {
            made.tag += &format!("{:?}", list.duplicate_treatment);
            for arg in &list.args {
                let (name, value) = match arg {
                    FunctionArg::Named { name, arg, .. } => (name.value.as_str(), arg),
                    FunctionArg::ExprNamed { arg, .. } => ("", arg),
                    FunctionArg::Unnamed(arg) => ("", arg),
                };
                made.tag += &format!(" {name}");
                match value {
                    FunctionArgExpr::Expr(expr) => made.exprs.push(expr),
                    other => made.tag += &other.to_string(),
                }
            }
            made.exprs.extend(list.clauses.iter().flat_map(clause_exprs));
        }
    }
}

fn clause_exprs(clause: &FunctionArgumentClause) -> Vec<&Expr> {
    match clause {
        FunctionArgumentClause::OrderBy(order) => order.iter().map(|order| &order.expr).collect(),
        FunctionArgumentClause::Where(expr) | FunctionArgumentClause::Limit(expr) => vec![expr],
        FunctionArgumentClause::Having(bound) => vec![&bound.1],
        FunctionArgumentClause::OnOverflow(ListAggOnOverflow::Truncate { filler: Some(filler), .. }) => vec![filler],
        _ => Vec::new(),
    }
}

/// The expressions of a window.
pub(super) fn window_exprs(spec: &WindowSpec) -> Vec<&Expr> {
    let mut exprs: Vec<&Expr> = spec.partition_by.iter().collect();
    exprs.extend(spec.order_by.iter().map(|order: &OrderByExpr| &order.expr));
    let bounds = spec.window_frame.iter().flat_map(|frame| [Some(&frame.start_bound), frame.end_bound.as_ref()]);
    for bound in bounds.flatten() {
        if let WindowFrameBound::Preceding(Some(expr)) | WindowFrameBound::Following(Some(expr)) = bound {
            exprs.push(expr);
        }
    }
    exprs
}

/// Whether an expression, or a part of it outside of subqueries, is accepted by a test.
pub(super) fn any<'a>(expr: &'a Expr, accepts: &mut impl FnMut(&'a Expr) -> bool) -> bool {
    accepts(expr) || parts(expr).exprs.into_iter().any(|part| any(part, accepts))
}
