//! What flows into a value: columns of tables, and how each gets there.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

/// How a column of a parent reaches a column, or the rows, of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// The same value under the same name.
    Pass,
    /// The same value under another name.
    Rename,
    /// Computed from it.
    Derive,
    /// Computed from it over several rows.
    Aggregate,
    /// Which rows there are depends on it.
    Filter,
    /// It is compared in a join.
    Join,
    /// Rows are put together by it: groups, distinct, sets.
    Group,
    /// Rows are ordered by it.
    Order,
}

impl How {
    /// All, in the order of their numbers in artifacts.
    pub const ALL: [Self; 8] =
        [Self::Pass, Self::Rename, Self::Derive, Self::Aggregate, Self::Filter, Self::Join, Self::Group, Self::Order];

    /// The word that artifacts and messages use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Rename => "rename",
            Self::Derive => "derive",
            Self::Aggregate => "aggregate",
            Self::Filter => "filter",
            Self::Join => "join",
            Self::Group => "group",
            Self::Order => "order",
        }
    }

    /// Whether the value itself arrives, rather than an influence on which rows there are.
    #[must_use]
    pub const fn is_value(self) -> bool {
        matches!(self, Self::Pass | Self::Rename | Self::Derive | Self::Aggregate)
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A column of a table that the query reads: numbers of the table and of its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Base {
    pub(super) table: usize,
    pub(super) column: usize,
}

/// The ways in which one column arrives: at most one that carries its value, and any that do not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Reach {
    value: Option<How>,
    influence: u8,
}

/// The columns that something is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sources(BTreeMap<Base, Reach>);

impl Sources {
    /// One column, as it is.
    pub(super) fn column(base: Base) -> Self {
        Self(BTreeMap::from([(base, Reach { value: Some(How::Pass), influence: 0 })]))
    }

    /// Adds what another value is made of.
    pub(super) fn add(&mut self, other: &Self) {
        for (base, reach) in &other.0 {
            let mine = self.0.entry(*base).or_default();
            mine.value = mine.value.max(reach.value);
            mine.influence |= reach.influence;
        }
    }

    /// The same columns when the value is used in one of these ways.
    pub(super) fn through(&self, how: How) -> Self {
        let changed = |reach: &Reach| match (reach.value, how.is_value()) {
            (Some(value), true) => Reach { value: Some(value.max(how)), ..*reach },
            (Some(_), false) => Reach { value: None, influence: reach.influence | how.bit() },
            (None, _) => *reach,
        };
        Self(self.0.iter().map(|(base, reach)| (*base, changed(reach))).collect())
    }

    /// Every column with every way in which it arrives.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Base, How)> + '_ {
        self.0.iter().flat_map(|(base, reach)| {
            let influences = How::ALL.into_iter().filter(|how| !how.is_value() && reach.influence & how.bit() != 0);
            reach.value.into_iter().chain(influences).map(|how| (*base, how))
        })
    }
}

/// Why something is not known.
pub(super) type Reason = Rc<str>;

/// A value: what it is made of, and a print that is equal for equal computations.
#[derive(Clone, Debug, Default)]
pub(super) struct Flow {
    pub(super) sources: Sources,
    /// Why not all of its sources are known, if so.
    pub(super) unknown: Option<Reason>,
    /// Names, spaces and the cutting into subqueries do not matter to it.
    pub(super) print: u64,
}

impl Flow {
    /// A value without sources.
    pub(super) fn constant(print: u64) -> Self {
        Self { print, ..Self::default() }
    }

    /// A value that nothing is known of.
    pub(super) fn unknown(reason: impl Into<Reason>) -> Self {
        let reason = reason.into();
        Self { print: print("unknown", &[text_print(&reason)]), unknown: Some(reason), ..Self::default() }
    }

    /// Takes in a part of the value.
    pub(super) fn take(&mut self, part: &Self, how: How) {
        self.sources.add(&part.sources.through(how));
        self.print = print("part", &[self.print, part.print]);
        if self.unknown.is_none() {
            self.unknown.clone_from(&part.unknown);
        }
    }

    /// The value used in another way.
    pub(super) fn through(&self, how: How) -> Self {
        Self { sources: self.sources.through(how), ..self.clone() }
    }
}

/// A print of something named, made of the prints of its parts.
pub(super) fn print(name: &str, parts: &[u64]) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    parts.hash(&mut hasher);
    hasher.finish()
}

/// The print of a text.
pub(super) fn text_print(text: &str) -> u64 {
    print(text, &[])
}
