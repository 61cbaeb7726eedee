//! What names mean at a place of a query: relations with their columns, aliases, parameters of lambdas.

use std::rc::Rc;

use super::flow::{Flow, Reason, Sources};

/// A name with the form in which it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// As it is shown.
    pub(super) text: Rc<str>,
    /// As it is compared.
    pub(super) key: Rc<str>,
}

impl Name {
    pub(super) fn new(text: impl Into<Rc<str>>, key: impl Into<Rc<str>>) -> Self {
        Self { text: text.into(), key: key.into() }
    }
}

/// A column of a relation.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: Name,
    pub(super) flow: Flow,
}

/// Why a relation may have more columns than are listed, and where they would come from.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) reason: Reason,
    /// The tables that a further column comes from: of each branch of a union one, of those that a join offers.
    pub(super) branches: Vec<Vec<usize>>,
    /// Names that do not pass: excluded, renamed, replaced.
    pub(super) hidden: Vec<Rc<str>>,
}

/// The columns of a table, a subquery, a join.
#[derive(Clone, Debug, Default)]
pub(super) struct Relation {
    pub(super) columns: Vec<Column>,
    pub(super) open: Option<Open>,
    /// What decides which rows there are.
    pub(super) rows: Sources,
    /// Equal for relations that have the same rows, as far as their text tells.
    pub(super) print: u64,
}

impl Relation {
    /// A relation of which nothing is known.
    pub(super) fn unknown(reason: &Reason) -> Self {
        let open =
            Open { reason: Rc::clone(reason), branches: vec![vec![super::qualify::NOWHERE]], hidden: Vec::new() };
        Self { open: Some(open), print: super::flow::text_print(reason), ..Self::default() }
    }

    pub(super) fn find(&self, key: &str) -> Option<&Column> {
        self.columns.iter().find(|column| *column.name.key == *key)
    }
}

/// A relation in a from clause.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// The alias, or the parts of the name.
    pub(super) names: Vec<Name>,
    pub(super) relation: Rc<Relation>,
    /// Whether an unqualified name or a star finds its columns: not after a semi join.
    pub(super) is_visible: bool,
}

/// A column that a name without a qualifier finds.
#[derive(Clone, Debug)]
pub(super) struct Visible {
    pub(super) column: Column,
    /// The items that it belongs to: two of them after `using`.
    pub(super) items: Vec<usize>,
}

/// What a from clause offers.
#[derive(Clone, Debug, Default)]
pub(super) struct From {
    pub(super) items: Vec<Item>,
    pub(super) visible: Vec<Visible>,
    pub(super) rows: Sources,
    pub(super) print: u64,
}

/// What names mean, innermost first.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope<'p> {
    pub(super) from: From,
    /// Aliases of the select list.
    pub(super) aliases: Vec<Column>,
    /// Whether aliases come before columns: in `order by`.
    pub(super) prefers_aliases: bool,
    /// Named windows.
    pub(super) windows: Vec<Column>,
    /// Parameters of lambdas.
    pub(super) parameters: Vec<Column>,
    /// What `columns(…)` stands for at the moment.
    pub(super) matched: Option<Column>,
    pub(super) parent: Option<&'p Scope<'p>>,
}

impl<'p> Scope<'p> {
    /// An empty scope inside of another.
    pub(super) fn inside(parent: Option<&'p Scope<'p>>) -> Self {
        Self { parent, ..Self::default() }
    }

    /// A named window.
    pub(super) fn window(&self, name: &Name) -> Option<Flow> {
        self.windows.iter().find(|window| window.name.key == name.key).map(|window| window.flow.clone())
    }

    /// What `columns(…)` stands for at the moment, here or around.
    pub(super) fn matched(&self) -> Option<&Column> {
        self.matched.as_ref().or_else(|| self.parent.and_then(Scope::matched))
    }

    /// The item that a qualifier names: an alias, a table, a schema and a table.
    pub(super) fn item(&self, qualifier: &[Name]) -> Option<usize> {
        self.from.items.iter().rposition(|item| {
            let n = item.names.len();
            n >= qualifier.len() && item.names[n - qualifier.len()..].iter().zip(qualifier).all(|(a, b)| a.key == b.key)
        })
    }
}
