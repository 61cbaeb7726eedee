//! Names of what metrics are grouped and filtered by: `metric_time__month`, `customer__country`, and the same in
//! templates: `{{ TimeDimension('metric_time', 'month') }}`.

use crate::manifest::GRAINS;

/// The time by which every measure is aggregated, whatever it is called in its model.
pub(super) const METRIC_TIME: &str = "metric_time";

/// Parts of a time that can be asked for: `__extract_month`.
const PARTS: &[&str] = &["year", "quarter", "month", "day", "dow", "doy"];

/// A name, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ItemName {
    /// The entities on the way to it.
    pub(super) links: Vec<String>,
    /// The dimension or entity.
    pub(super) name: String,
    /// The grain that is asked for.
    pub(super) grain: Option<String>,
    /// The part of a time that is asked for.
    pub(super) part: Option<String>,
    /// The metric that is asked for; the name is that of an entity then.
    pub(super) metric: Option<String>,
}

impl ItemName {
    /// Takes a name apart, in small letters. `grains` are the names of grains that time spines add.
    pub(super) fn read(text: &str, grains: &[&str]) -> Self {
        let lower = text.trim().to_lowercase();
        let mut parts: Vec<String> = lower.split("__").map(str::to_owned).collect();
        let mut item = Self::default();
        let last = parts.last().map(String::as_str).unwrap_or_default();
        if parts.len() > 1 && (GRAINS.contains(&last) || grains.iter().any(|grain| grain.to_lowercase() == last)) {
            item.grain = parts.pop();
        } else if parts.len() > 1 && last.strip_prefix("extract_").is_some_and(|part| PARTS.contains(&part)) {
            item.part = parts.pop().map(|last| last.trim_start_matches("extract_").to_owned());
        }
        item.name = parts.pop().unwrap_or_default();
        item.links = parts;
        item
    }

    /// Whether it is `metric_time`.
    pub(super) fn is_metric_time(&self) -> bool {
        self.links.is_empty() && self.name == METRIC_TIME
    }

    /// The name without grain.
    pub(super) fn base(&self) -> String {
        let mut parts = self.links.clone();
        parts.push(self.name.clone());
        parts.join("__")
    }

    /// The name of its column.
    pub(super) fn column(&self) -> String {
        if let Some(metric) = &self.metric {
            return format!("{metric}__by__{}", self.base());
        }
        match (&self.grain, &self.part) {
            (_, Some(part)) => format!("{}__extract_{part}", self.base()),
            (Some(grain), None) => format!("{}__{grain}", self.base()),
            // The name of an entity alone may be a word of SQL, such as `order`.
            (None, None) if self.links.is_empty() => format!("{ENTITY}{}", self.name),
            (None, None) => self.base(),
        }
    }
}

/// What the column of an entity alone begins with.
const ENTITY: &str = "entity__";

/// The name under which a column is shown.
pub(super) fn shown(column: &str) -> &str {
    column.strip_prefix(ENTITY).unwrap_or(column)
}

/// A piece of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// SQL.
    Text(String),
    /// A name.
    Item(ItemName),
}

/// Takes a condition apart.
///
/// # Errors
/// A sentence about a template that is none of those that conditions may hold.
pub(super) fn pieces(condition: &str, grains: &[&str]) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = condition;
    while let Some(start) = rest.find("{{") {
        let end = rest[start..].find("}}").ok_or_else(|| format!("`{condition}` has no end of a template"))? + start;
        pieces.push(Piece::Text(rest[..start].to_owned()));
        pieces.push(Piece::Item(call(rest[start + 2..end].trim(), grains)?));
        rest = &rest[end + 2..];
    }
    pieces.push(Piece::Text(rest.to_owned()));
    Ok(pieces)
}

/// Reads `Dimension('customer__country')` and its kin.
fn call(text: &str, grains: &[&str]) -> Result<ItemName, String> {
    let expected = || {
        format!(
            "`{text}` is not understood: conditions may hold `Dimension('…')`, `TimeDimension('…', '…')`, `Entity('…')` \
             and `Metric('…', group_by=['…'])`"
        )
    };
    let (function, rest) = text.split_once('(').ok_or_else(expected)?;
    let (arguments, mut methods) = rest.split_once(')').ok_or_else(expected)?;
    if function.trim() == "Metric" {
        return if methods.trim().is_empty() { metric(text, arguments) } else { Err(expected()) };
    }
    let arguments: Vec<&str> = arguments.split(',').map(unquoted).collect();
    let first = arguments.first().filter(|name| !name.is_empty()).ok_or_else(expected)?;
    let mut item = ItemName::read(first, grains);
    match function.trim() {
        "Dimension" | "Entity" => {}
        "TimeDimension" => {
            let grain = arguments.get(1).map(|grain| unquoted(grain.split('=').next_back().unwrap_or(grain)));
            item.grain = grain.map(str::to_lowercase).or(item.grain);
        }
        _ => return Err(expected()),
    }
    while let Some((method, rest)) = methods.trim().strip_prefix('.').and_then(|rest| rest.split_once('(')) {
        let (argument, behind) = rest.split_once(')').ok_or_else(expected)?;
        let argument = unquoted(argument).to_lowercase();
        match method.trim() {
            "grain" => item.grain = Some(argument),
            "date_part" => item.part = Some(argument),
            "descending" => {}
            _ => return Err(expected()),
        }
        methods = behind;
    }
    if methods.trim().is_empty() { Ok(item) } else { Err(expected()) }
}

/// Reads the arguments of `Metric('orders', group_by=['customer'])`.
fn metric(text: &str, arguments: &str) -> Result<ItemName, String> {
    let (name, entities) = arguments.split_once(',').unwrap_or((arguments, ""));
    let entities = entities.split('=').next_back().unwrap_or_default().trim().trim_matches(['[', ']']);
    let entities: Vec<&str> = entities.split(',').map(unquoted).filter(|entity| !entity.is_empty()).collect();
    let name = unquoted(name).to_lowercase();
    match entities.as_slice() {
        [entity] if !entity.contains("__") && !name.is_empty() => {
            Ok(ItemName { name: entity.to_lowercase(), metric: Some(name), ..ItemName::default() })
        }
        _ => Err(format!("`{text}` is not by one entity: write it as `Metric('{name}', group_by=['…'])`")),
    }
}

fn unquoted(text: &str) -> &str {
    let text = text.trim();
    let inner = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    inner('\'').or_else(|| inner('"')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let item = ItemName::read("Customer__country", &[]);
        assert_eq!((item.links.as_slice(), item.name.as_str()), (["customer".to_owned()].as_slice(), "country"));
        assert_eq!(ItemName::read("metric_time__month", &[]).grain.as_deref(), Some("month"));
        assert_eq!(ItemName::read("metric_time__shift", &[]).grain, None);
        assert_eq!(ItemName::read("metric_time__shift", &["Shift"]).grain.as_deref(), Some("shift"));
        assert_eq!(ItemName::read("a__b__at__extract_year", &[]).part.as_deref(), Some("year"));
        assert_eq!(ItemName::read("a__b__at__day", &[]).column(), "a__b__at__day");
        assert_eq!(ItemName::read("month", &[]).name, "month");
    }

    #[test]
    fn conditions_are_taken_apart() {
        let column = |piece: Piece| match piece {
            Piece::Item(item) => Some(item.column()),
            Piece::Text(_) => None,
        };
        let read =
            |text: &str| pieces(text, &[]).map(|pieces| pieces.into_iter().filter_map(column).collect::<Vec<_>>());
        assert_eq!(
            read("{{ Dimension('a__b') }} = 'x' and {{ TimeDimension(\"metric_time\", 'MONTH') }} > 1"),
            Ok(vec!["a__b".to_owned(), "metric_time__month".to_owned()])
        );
        assert_eq!(read("{{ Dimension('metric_time').grain('week') }}"), Ok(vec!["metric_time__week".to_owned()]));
        assert_eq!(read("{{ Metric('X', group_by=['b']) }} > 1"), Ok(vec!["x__by__b".to_owned()]));
        assert!(read("{{ Metric('x') }} > 1").is_err());
        assert!(read("{{ Metric('x', group_by=['a', 'b']) }} > 1").is_err());
        assert!(read("{{ Metric('x', group_by=['a__b']) }} > 1").is_err());
    }
}
