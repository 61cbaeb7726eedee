//! What a query leaves as it is: whether rows may come twice, values may become null, or come from several branches.
//!
//! Only what is certain from the query's form is claimed; anything unusual counts as changing all of it.

use sqlparser::ast::{
    Expr, GroupByExpr, JoinOperator, Query as QueryTree, Select, SelectItem, SetExpr, TableFactor, TableWithJoins,
};

use super::parse::Parsed;

/// What stays true of a column that a query passes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keeping {
    /// Each value is one that the column has where it comes from, or null.
    pub values: bool,
    /// There are no nulls that were not there.
    pub no_nulls: bool,
    /// No row comes more than once.
    pub no_repeats: bool,
}

impl Keeping {
    const ALL: Self = Self { values: true, no_nulls: true, no_repeats: true };

    fn and(self, other: Self) -> Self {
        Self {
            values: self.values && other.values,
            no_nulls: self.no_nulls && other.no_nulls,
            no_repeats: self.no_repeats && other.no_repeats,
        }
    }
}

/// Parts of the names of functions that give several rows where a value stands.
const GIVE_ROWS: &[&str] = &[
    "unnest",
    "series",
    "elements",
    "each",
    "to_table",
    "subscripts",
    "recordset",
    "matches",
    "object_keys",
    "flatten",
    "range",
];

pub(super) fn of(parsed: &Parsed) -> Keeping {
    if parsed.pivots.is_empty() { of_query(&parsed.query) } else { Keeping::default() }
}

fn of_query(query: &QueryTree) -> Keeping {
    let Some(with) = &query.with else { return of_body(&query.body) };
    if with.recursive {
        return Keeping::default();
    }
    // An expression that is read twice is read in a join or a union, which is seen there.
    with.cte_tables.iter().fold(of_body(&query.body), |keeping, cte| keeping.and(of_query(&cte.query)))
}

fn of_body(body: &SetExpr) -> Keeping {
    match body {
        SetExpr::Select(select) => of_select(select),
        SetExpr::Query(query) => of_query(query),
        _ => Keeping::default(),
    }
}

fn of_select(select: &Select) -> Keeping {
    let mut keeping = select.from.iter().fold(Keeping::ALL, |keeping, from| keeping.and(of_from(from)));
    keeping.no_repeats &=
        select.from.len() == 1 && select.lateral_views.is_empty() && !select.projection.iter().any(gives_rows);
    let is_plain = match &select.group_by {
        GroupByExpr::All(modifiers) => modifiers.is_empty(),
        GroupByExpr::Expressions(keys, modifiers) => {
            let is_key = |key: &Expr| !matches!(key, Expr::Rollup(_) | Expr::Cube(_) | Expr::GroupingSets(_));
            modifiers.is_empty() && keys.iter().all(is_key)
        }
    };
    if is_plain { keeping } else { Keeping { values: keeping.values, ..Keeping::default() } }
}

fn of_from(from: &TableWithJoins) -> Keeping {
    let mut keeping = of_factor(&from.relation);
    for join in &from.joins {
        use JoinOperator::{CrossJoin, Inner, Join};
        keeping = keeping.and(of_factor(&join.relation));
        keeping.no_repeats = false;
        keeping.no_nulls &= matches!(join.join_operator, Join(_) | Inner(_) | CrossJoin(_));
    }
    keeping
}

fn of_factor(factor: &TableFactor) -> Keeping {
    match factor {
        TableFactor::Table { args: None, .. } => Keeping::ALL,
        TableFactor::Derived { lateral: false, subquery, .. } => of_query(subquery),
        TableFactor::NestedJoin { table_with_joins, .. } => of_from(table_with_joins),
        _ => Keeping::default(),
    }
}

/// Whether an item of a select list may give several rows.
fn gives_rows(item: &SelectItem) -> bool {
    let text = item.to_string().to_lowercase();
    text.contains('(') && GIVE_ROWS.iter().any(|part| text.contains(part))
}

#[cfg(test)]
mod tests {
    use super::super::{Dialect, parse};
    use super::*;

    /// Letters for what is kept: values, no nulls, no repeats.
    #[track_caller]
    fn check(sql: &str, expected: &str) {
        let keeping = of(&parse::parse(Dialect::DuckDb, sql).expect("it can be read"));
        let letters = [(keeping.values, 'v'), (keeping.no_nulls, 'n'), (keeping.no_repeats, 'r')];
        let shown: String = letters.into_iter().filter(|(is, _)| *is).map(|(_, letter)| letter).collect();
        assert_eq!(shown, expected, "{sql}");
    }

    #[test]
    fn one_relation_keeps_everything() {
        check("select id as a from t where x > 1 order by 1 limit 3", "vnr");
        check("with a as (select * from t), b as (select id from a) select distinct * from b", "vnr");
        check("select id, count(*) from (select * from t) group by id", "vnr");
    }

    #[test]
    fn joins_repeat_rows_and_some_make_nulls() {
        check("select t.id from t join u using (id)", "vn");
        check("select t.id from t, u", "vn");
        check("select t.id from t left join u using (id)", "v");
        check("with a as (select t.id from t full join u using (id)) select id from a", "v");
        check("select id, unnest(list) from t", "vn");
    }

    #[test]
    fn what_is_unusual_keeps_nothing() {
        check("select id from t union all select 1", "");
        check("with recursive r as (select 1 as id union all select id + 1 from r) select id from r", "");
        check("select id from t group by rollup (id)", "v");
        check("select x from range(3) as r(x)", "");
    }
}
