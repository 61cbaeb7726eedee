//! Versions of packages and ranges of them, as dbt compares them.
//!
//! Close to semantic versioning, with dbt's own rules for bounds: `<1.0.0` does not admit `1.0.0-rc1`.

use std::cmp::Ordering;
use std::fmt;
use std::sync::LazyLock;

use regex::Regex;

/// How a version bounds a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    Exactly,
    Above,
    From,
    Below,
    UpTo,
}

impl Bound {
    fn read(text: &str) -> Self {
        match text {
            ">" => Self::Above,
            ">=" => Self::From,
            "<" => Self::Below,
            "<=" => Self::UpTo,
            _ => Self::Exactly,
        }
    }

    const fn sign(self) -> &'static str {
        match self {
            Self::Exactly => "=",
            Self::Above => ">",
            Self::From => ">=",
            Self::Below => "<",
            Self::UpTo => "<=",
        }
    }

    const fn is_lower(self) -> bool {
        matches!(self, Self::Above | Self::From)
    }

    const fn is_upper(self) -> bool {
        matches!(self, Self::Below | Self::UpTo)
    }

    /// Which of two bounds at the same version lies lower.
    const fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Below, Self::UpTo) | (Self::From, Self::Above) => Ordering::Less,
            (Self::UpTo, Self::Below) | (Self::Above, Self::From) => Ordering::Greater,
            (Self::From, Self::UpTo) | (Self::UpTo, Self::From) => Ordering::Equal,
            _ if self.is_upper() && other.is_lower() => Ordering::Less,
            _ if self.is_lower() && other.is_upper() => Ordering::Greater,
            _ => Ordering::Equal,
        }
    }
}

/// A version with the bound that it is: `1.2.3`, `>=1.2.3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    bound: Bound,
    numbers: [u64; 3],
    prerelease: Option<String>,
    build: Option<String>,
}

static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
    let number = r"(0|[1-9]\d*)";
    let word = r"(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)";
    let any = "[0-9A-Za-z-]*";
    let text = format!(
        r"^(>=|<=|>|<|=)?\s*{number}\.{number}\.{number}(?:-?({word}(?:\.{word})*))?(?:\+({any}(?:\.{any})*))?$"
    );
    Regex::new(&text).unwrap_or_else(|error| unreachable!("the pattern is fixed: {error}"))
});

impl Version {
    /// Reads a version, with or without a comparison in front; `None` if it is none.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let found = PATTERN.captures(text.trim())?;
        let group = |ix: usize| found.get(ix).map(|group| group.as_str());
        let number = |ix: usize| group(ix)?.parse().ok();
        Some(Self {
            bound: Bound::read(group(1).unwrap_or_default()),
            numbers: [number(2)?, number(3)?, number(4)?],
            prerelease: group(5).map(str::to_owned),
            build: group(6).map(str::to_owned),
        })
    }

    /// Tells whether it is a version before a release, such as `1.0.0-rc1`.
    #[must_use]
    pub fn is_prerelease(&self) -> bool {
        self.prerelease.is_some()
    }

    fn is_exact(&self) -> bool {
        self.bound == Bound::Exactly
    }

    /// dbt's order: by version, then by which bound lies lower.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        self.numbers
            .cmp(&other.numbers)
            .then_with(|| match (&self.prerelease, &other.prerelease) {
                (None, None) => Ordering::Equal,
                // An upper bound that is a release lies below the versions that lead to it.
                (None, Some(_)) if self.bound == Bound::Below => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(_), None) => Ordering::Less,
                (Some(left), Some(right)) => compare_prereleases(left, right),
            })
            .then_with(|| self.bound.compare(other.bound))
    }
}

fn compare_prereleases(left: &str, right: &str) -> Ordering {
    let parts = left.split('.').zip(right.split('.'));
    let compare = |(left, right): (&str, &str)| match (left.parse::<u64>(), right.parse::<u64>()) {
        (Ok(left), Ok(right)) => left.cmp(&right),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => left.cmp(right),
    };
    let different = parts.map(compare).find(|order| order.is_ne());
    different.unwrap_or_else(|| left.len().cmp(&right.len()))
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.numbers;
        write!(f, "{}{major}.{minor}.{patch}", self.bound.sign())?;
        if let Some(prerelease) = &self.prerelease {
            write!(f, "-{prerelease}")?;
        }
        self.build.as_ref().map_or(Ok(()), |build| write!(f, "+{build}"))
    }
}

/// What all of several versions admit. A side that is `None` is open.
#[derive(Clone, Debug, Default)]
pub struct Range {
    start: Option<Version>,
    end: Option<Version>,
}

impl Range {
    /// The range that every one of these admits; `None` if there is none.
    #[must_use]
    pub fn of<'a>(versions: impl IntoIterator<Item = &'a Version>) -> Option<Self> {
        let mut ranges = versions.into_iter().map(Self::from);
        let Some(first) = ranges.next() else { return Some(Self::default()) };
        ranges.try_fold(first, |range, other| range.and(&other))
    }

    fn from(version: &Version) -> Self {
        let is_start = version.is_exact() || version.bound.is_lower();
        let is_end = version.is_exact() || version.bound.is_upper();
        Self { start: is_start.then(|| version.clone()), end: is_end.then(|| version.clone()) }
    }

    fn and(&self, other: &Self) -> Option<Self> {
        let is_exact = |side: &Option<Version>| side.as_ref().is_some_and(Version::is_exact);
        let (start, end) = if is_exact(&self.start) && is_exact(&other.start) {
            let (left, right) = (self.start.as_ref()?, other.start.as_ref()?);
            let same = (left.compare(right).is_eq()).then(|| self.start.clone())?;
            (same.clone(), same)
        } else {
            let start = combine(self.start.as_ref(), other.start.as_ref(), Ordering::Greater)?;
            (start, combine(self.end.as_ref(), other.end.as_ref(), Ordering::Less)?)
        };
        let is_empty = matches!((&start, &end), (Some(start), Some(end)) if start.compare(end).is_gt());
        (!is_empty).then_some(Self { start, end })
    }

    /// Tells whether a version lies in it.
    #[must_use]
    pub fn admits(&self, version: &Version) -> bool {
        let sides = [&self.start, &self.end].into_iter().flatten();
        Self::of(std::iter::once(version).chain(sides)).is_some()
    }
}

/// The narrower of two bounds of one side: the greater of two lower bounds, the lesser of two upper ones.
/// The outer `None` says that they exclude each other.
fn combine(left: Option<&Version>, right: Option<&Version>, narrower: Ordering) -> Option<Option<Version>> {
    let (left, right) = match (left, right) {
        (Some(left), Some(right)) => (left, right),
        (one, None) | (None, one) => return Some(one.cloned()),
    };
    let (bound, exact) = match (left.is_exact(), right.is_exact()) {
        (true, _) => (right, left),
        (false, true) => (left, right),
        (false, false) => {
            let is_left = left.compare(right) == narrower;
            return Some(Some(if is_left { left.clone() } else { right.clone() }));
        }
    };
    let order = bound.compare(exact);
    let touches = order.is_eq() && matches!(bound.bound, Bound::From | Bound::UpTo);
    (order == narrower.reverse() || touches).then(|| Some(exact.clone()))
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.start, &self.end) {
            (None, None) => f.write_str("any"),
            (Some(one), None) | (None, Some(one)) => one.fmt(f),
            (Some(start), Some(end)) if start == end => start.fmt(f),
            (Some(start), Some(end)) => write!(f, "{start}, {end}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Version {
        Version::read(text).unwrap_or_else(|| panic!("{text} is a version"))
    }

    #[track_caller]
    fn check(wanted: &[&str], expected: &str) {
        let wanted: Vec<Version> = wanted.iter().map(|text| read(text)).collect();
        let versions = ["0.9.0", "1.0.0-rc1", "1.0.0", "1.1.0-a.2", "1.1.0-a.10", "1.1.0", "2.0.0"];
        let shown = match Range::of(&wanted) {
            None => "conflict".to_owned(),
            Some(range) => versions.into_iter().filter(|text| range.admits(&read(text))).collect::<Vec<_>>().join(" "),
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn ranges_admit_what_lies_in_them() {
        check(&[], "0.9.0 1.0.0-rc1 1.0.0 1.1.0-a.2 1.1.0-a.10 1.1.0 2.0.0");
        check(&["1.0.0"], "1.0.0");
        check(&[">=1.0.0", "<1.1.0"], "1.0.0");
        check(&[">1.0.0", "<=2.0.0"], "1.1.0-a.2 1.1.0-a.10 1.1.0 2.0.0");
        check(&["<1.0.0"], "0.9.0");
        check(&["<=1.0.0"], "0.9.0 1.0.0-rc1 1.0.0");
        check(&[">=1.1.0-a.3", "<2.0.0"], "1.1.0-a.10 1.1.0");
        check(&["=1.0.0", ">=0.9.0"], "1.0.0");
    }

    #[test]
    fn ranges_that_exclude_each_other_conflict() {
        check(&["1.0.0", "1.1.0"], "conflict");
        check(&[">=2.0.0", "<1.0.0"], "conflict");
        check(&[">1.0.0", "1.0.0"], "conflict");
        check(&[">1.0.0", "<1.0.0"], "conflict");
    }

    #[test]
    fn versions_are_three_numbers() {
        for text in ["1.0", "v1.0.0", "1.0.0.0", "01.0.0", "~1.0.0", ">=1.0.0,<2.0.0"] {
            assert!(Version::read(text).is_none(), "{text}");
        }
        assert_eq!(read("0.8.6b1").to_string(), "=0.8.6-b1");
        assert_eq!(read(">=1.0.0+x").to_string(), ">=1.0.0+x");
    }
}
