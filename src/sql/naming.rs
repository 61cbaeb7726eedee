//! The names that engines give to columns without an alias.

use sqlparser::ast::{AccessExpr, Expr, Function, FunctionArguments, ObjectNamePart, SelectItem, SetExpr};

use super::Dialect;
use super::analysis::Analysis;
use super::scope::{Name, Scope};

/// The name of an item without an alias.
pub(super) fn default_name(analysis: &Analysis<'_>, expr: &Expr, scope: &Scope<'_>) -> Name {
    if let Some(name) = column_name(analysis, expr, scope) {
        return name;
    }
    let text = match analysis.dialect {
        Dialect::DuckDb => duckdb(expr),
        Dialect::Postgres => postgres(expr).unwrap_or_else(|| "?column?".to_owned()),
    };
    analysis.name_of(&text, true)
}

/// The name of a column or field that is an item by itself, in the letters of the column.
fn column_name(analysis: &Analysis<'_>, expr: &Expr, scope: &Scope<'_>) -> Option<Name> {
    let ident = match expr {
        Expr::Identifier(ident) => ident,
        Expr::CompoundIdentifier(idents) => idents.last()?,
        Expr::Nested(inner) => return column_name(analysis, inner, scope),
        Expr::CompoundFieldAccess { access_chain, .. } => match access_chain.last()? {
            AccessExpr::Dot(Expr::Identifier(ident)) => ident,
            _ => return None,
        },
        _ => return None,
    };
    let name = analysis.name(ident);
    if let Some(n) = ident.value.strip_prefix('#').and_then(|n| n.parse::<usize>().ok()) {
        return Some(scope.from.visible.get(n.checked_sub(1)?)?.column.name.clone());
    }
    let known = scope.from.items.iter().find_map(|item| item.relation.find(&name.key));
    Some(known.map_or(name, |column| column.name.clone()))
}

fn function_name(function: &Function) -> String {
    let name = function.name.0.last().and_then(ObjectNamePart::as_ident);
    name.map(|name| name.value.to_lowercase()).unwrap_or_default()
}

/// DuckDB writes the expression out in its own form, which is met for the usual ones.
fn duckdb(expr: &Expr) -> String {
    match expr {
        Expr::Nested(inner) => duckdb(inner),
        Expr::Function(function) => {
            let name = function_name(function);
            let is_star = matches!(&function.args, FunctionArguments::List(list)
                if list.args.len() == 1 && list.args[0].to_string() == "*");
            if name == "count" && is_star && function.over.is_none() && function.filter.is_none() {
                return "count_star()".to_owned();
            }
            let text = function.to_string();
            let written = function.name.to_string();
            match text.strip_prefix(&written) {
                Some(rest) => format!("{name}{rest}"),
                None => text,
            }
        }
        Expr::BinaryOp { left, op, right } => format!("({} {op} {})", duckdb(left), duckdb(right)),
        Expr::Cast { expr, data_type, .. } => format!("CAST({} AS {data_type})", duckdb(expr)),
        other => other.to_string(),
    }
}

/// Postgres names functions and casts; the rest has no name.
fn postgres(expr: &Expr) -> Option<String> {
    Some(match expr {
        Expr::Identifier(ident) => ident.value.clone(),
        Expr::CompoundIdentifier(idents) => idents.last()?.value.clone(),
        Expr::CompoundFieldAccess { root, access_chain } => match access_chain.last()? {
            AccessExpr::Dot(Expr::Identifier(ident)) => ident.value.clone(),
            _ => postgres(root)?,
        },
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => postgres(inner)?,
        Expr::Function(function) => function_name(function),
        Expr::Cast { expr, data_type, .. } => postgres(expr).unwrap_or_else(|| type_name(&data_type.to_string())),
        Expr::TypedString(value) => type_name(&value.data_type.to_string()),
        Expr::Case { else_result: Some(result), .. } => postgres(result).unwrap_or_else(|| "case".to_owned()),
        Expr::Case { .. } => "case".to_owned(),
        Expr::Array(_) => "array".to_owned(),
        Expr::Exists { .. } => "exists".to_owned(),
        Expr::Subquery(query) => match &*query.body {
            SetExpr::Select(select) => match select.projection.first()? {
                SelectItem::UnnamedExpr(expr) => postgres(expr)?,
                SelectItem::ExprWithAlias { alias, .. } => alias.value.clone(),
                _ => return None,
            },
            _ => return None,
        },
        Expr::Extract { .. } => "extract".to_owned(),
        Expr::Ceil { .. } => "ceil".to_owned(),
        Expr::Floor { .. } => "floor".to_owned(),
        Expr::Substring { .. } => "substring".to_owned(),
        Expr::Position { .. } => "position".to_owned(),
        Expr::Overlay { .. } => "overlay".to_owned(),
        Expr::Trim { .. } => "btrim".to_owned(),
        Expr::AtTimeZone { .. } => "timezone".to_owned(),
        Expr::Interval(_) => "interval".to_owned(),
        Expr::Tuple(_) => "row".to_owned(),
        _ => return None,
    })
}

/// The name that Postgres shows for a type.
fn type_name(written: &str) -> String {
    let lower = written.to_lowercase();
    let base = lower.split('(').next().unwrap_or_default().trim();
    match base {
        "integer" | "int" => "int4",
        "bigint" => "int8",
        "smallint" => "int2",
        "boolean" => "bool",
        "double precision" => "float8",
        "real" => "float4",
        "character varying" => "varchar",
        "timestamp with time zone" => "timestamptz",
        "timestamp without time zone" => "timestamp",
        "decimal" => "numeric",
        other => other,
    }
    .to_owned()
}
