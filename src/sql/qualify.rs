//! Names to columns: which column of which relation a name means, and which columns a star stands for.

use std::rc::Rc;

use super::analysis::Analysis;
use super::flow::{Flow, How, Reason, text_print};
use super::scope::{Column, Item, Name, Open, Relation, Scope};

/// Stands for a table that is not known, where open relations list what their columns may come from.
pub(super) const NOWHERE: usize = usize::MAX;

impl Analysis<'_> {
    /// What a name means. What nothing is found for is said to be unknown.
    pub(super) fn resolve(&mut self, scope: &Scope<'_>, names: &[Name]) -> Flow {
        if let Some(flow) = self.find(scope, names) {
            return flow;
        }
        if let Some(flow) = self.guess(scope, names) {
            return flow;
        }
        let text = written(names);
        self.complain(format!("`{text}` is not found"));
        if !self.missing.contains(&text) {
            self.missing.push(text.clone());
        }
        Flow::unknown(format!("`{text}` is not found"))
    }

    /// What a name means, by columns that are known, from the innermost scope outwards.
    pub(super) fn find(&mut self, scope: &Scope<'_>, names: &[Name]) -> Option<Flow> {
        let mut at = Some(scope);
        while let Some(scope) = at {
            if let Some(flow) = self.find_here(scope, names) {
                return Some(flow);
            }
            at = scope.parent;
        }
        None
    }

    fn find_here(&mut self, scope: &Scope<'_>, names: &[Name]) -> Option<Flow> {
        for n in (1..names.len()).rev() {
            let (qualifier, rest) = names.split_at(n);
            let Some(item) = scope.item(qualifier) else { continue };
            let relation = Rc::clone(&scope.from.items[item].relation);
            let found = match relation.find(&rest[0].key) {
                Some(column) => Some(column.flow.clone()),
                None => relation.open.as_ref().and_then(|open| self.discover(open, &rest[0])),
            };
            if let Some(flow) = found {
                return Some(fields(flow, &rest[1..]));
            }
        }
        let first = &names[0];
        let number = first.key.strip_prefix('#').and_then(|number| number.parse::<usize>().ok());
        if let Some(visible) = number.and_then(|number| scope.from.visible.get(number.checked_sub(1)?)) {
            return Some(visible.column.flow.clone());
        }
        let found = scope.parameters.iter().find(|column| column.name.key == first.key);
        let found = found.map(|column| column.flow.clone()).or_else(|| self.column_or_alias(scope, first));
        if let Some(flow) = found {
            return Some(fields(flow, &names[1..]));
        }
        if names.len() == 1 {
            let item = scope.item(names)?;
            return Some(self.whole(&scope.from.items[item].relation.clone()));
        }
        None
    }

    fn column_or_alias(&mut self, scope: &Scope<'_>, name: &Name) -> Option<Flow> {
        let is_it = |column: &&Column| column.name.key == name.key;
        let column = scope.from.visible.iter().map(|visible| &visible.column).find(is_it);
        let alias = scope.aliases.iter().find(is_it);
        let found = if scope.prefers_aliases { alias.or(column) } else { column.or(alias) };
        // `lower(name) as name`: what is called `name` beside it is more likely the column, even if it is not listed.
        let is_doubtful = column.is_none() && !scope.prefers_aliases;
        if is_doubtful
            && alias.is_some_and(|alias| self.reads(&alias.flow, name))
            && let Some(flow) = merged(visible(&scope.from.items)).and_then(|open| self.discover(&open, name))
        {
            return Some(flow);
        }
        found.map(|column| column.flow.clone())
    }

    /// Whether a value is made of a column of this name.
    fn reads(&self, flow: &Flow, name: &Name) -> bool {
        flow.sources.iter().any(|(base, _)| self.tables[base.table].columns[base.column].key == name.key)
    }

    /// What a name means if a relation whose columns are not all known has it.
    fn guess(&mut self, scope: &Scope<'_>, names: &[Name]) -> Option<Flow> {
        let mut at = Some(scope);
        while let Some(scope) = at {
            let open = merged(visible(&scope.from.items));
            if let Some(flow) = open.and_then(|open| self.discover(&open, &names[0])) {
                return Some(fields(flow, &names[1..]));
            }
            at = scope.parent;
        }
        None
    }

    /// A column that is not listed, of a relation that may have more than are listed.
    pub(super) fn discover(&mut self, open: &Open, name: &Name) -> Option<Flow> {
        if open.hidden.contains(&name.key) {
            return None;
        }
        let mut flow: Option<Flow> = None;
        for branch in &open.branches {
            let part = match branch.as_slice() {
                [NOWHERE] => Flow::unknown(Rc::clone(&open.reason)),
                [table] => self.table_column(*table, name),
                several => Flow::unknown(self.doubt(several, name)),
            };
            flow = Some(match flow {
                None => part,
                Some(mut flow) => {
                    flow.take(&part, How::Pass);
                    flow
                }
            });
        }
        flow
    }

    fn doubt(&self, tables: &[usize], name: &Name) -> Reason {
        let names: Vec<String> = tables
            .iter()
            .map(|table| match self.tables.get(*table) {
                Some(facts) => format!("`{}`", facts.name),
                None => "a relation that is not understood".to_owned(),
            })
            .collect();
        let names = names.join(" or ");
        Rc::from(format!("`{}` may come from {names}, whose columns are not all known", name.text))
    }

    /// A whole row as one value.
    fn whole(&mut self, relation: &Relation) -> Flow {
        // A function that gives one column is its value: `from generate_series(1, 3) as n`.
        if let ([column], None) = (relation.columns.as_slice(), &relation.open) {
            return column.flow.clone();
        }
        let mut flow = Flow::constant(text_print("row"));
        for column in &relation.columns {
            flow.take(&column.flow, How::Derive);
        }
        if let Some(open) = &relation.open {
            flow.unknown = flow.unknown.or_else(|| Some(Rc::clone(&open.reason)));
        }
        flow
    }

    /// All columns of an item, or of all items, as one value.
    pub(super) fn row(&mut self, scope: &Scope<'_>, qualifier: &[Name]) -> Flow {
        let (columns, open) = self.star(scope, qualifier);
        let mut flow = Flow::constant(text_print("row"));
        for column in &columns {
            flow.take(&column.flow, How::Derive);
        }
        flow.unknown = flow.unknown.or(open.map(|open| open.reason));
        flow
    }

    /// The columns that `*` or `t.*` stands for.
    pub(super) fn star(&mut self, scope: &Scope<'_>, qualifier: &[Name]) -> (Vec<Column>, Option<Open>) {
        if qualifier.is_empty() {
            let columns = scope.from.visible.iter().map(|visible| visible.column.clone()).collect();
            return (columns, merged(visible(&scope.from.items)));
        }
        let mut at = Some(scope);
        while let Some(scope) = at {
            if let Some(item) = scope.item(qualifier) {
                let relation = &scope.from.items[item].relation;
                return (relation.columns.clone(), relation.open.clone());
            }
            at = scope.parent;
        }
        let text = written(qualifier);
        let reason: Reason = match self.find(scope, qualifier) {
            Some(_) => Rc::from(format!("the fields of `{text}` are not known")),
            None => Rc::from(format!("`{text}.*` names no relation")),
        };
        self.complain(reason.to_string());
        (Vec::new(), Relation::unknown(&reason).open)
    }
}

fn visible(items: &[Item]) -> impl Iterator<Item = &Open> {
    items.iter().filter(|item| item.is_visible).filter_map(|item| item.relation.open.as_ref())
}

/// Relations side by side: what is not listed may come from any of those that are open.
pub(super) fn merged<'o>(opens: impl Iterator<Item = &'o Open>) -> Option<Open> {
    let opens: Vec<&Open> = opens.collect();
    match opens.as_slice() {
        [] => None,
        [open] => Some((*open).clone()),
        several => {
            let branch: Vec<usize> = several.iter().flat_map(|open| open.branches.iter().flatten().copied()).collect();
            let all_hide = |key: &Rc<str>| several.iter().all(|open| open.hidden.contains(key));
            Some(Open {
                reason: Rc::clone(&several[0].reason),
                branches: vec![branch],
                hidden: several[0].hidden.iter().filter(|key| all_hide(key)).cloned().collect(),
            })
        }
    }
}

/// A field of a value.
fn fields(flow: Flow, names: &[Name]) -> Flow {
    if names.is_empty() {
        return flow;
    }
    let path: Vec<&str> = names.iter().map(|name| &*name.key).collect();
    let mut made = Flow::constant(text_print(&path.join(".")));
    made.take(&flow, How::Derive);
    made
}

fn written(names: &[Name]) -> String {
    names.iter().map(|name| &*name.text).collect::<Vec<_>>().join(".")
}
