//! `require-dbt-version`: does it admit the dbt version whose behavior kiln follows?

use std::cmp::Ordering;

/// The dbt-core version whose behavior kiln follows.
pub const DBT_VERSION: &str = "1.11.16";

/// The adapters of dbt whose behavior kiln follows, with their versions.
pub const DBT_PLUGINS: &[(&str, &str)] = &[("duckdb", "1.11.1"), ("postgres", "1.11.0")];

/// Tells whether every range admits a version. A range is a comparison such as `>=1.6.0`; `None` if one is not readable.
pub(super) fn admits(ranges: &[String], version: &str) -> Result<bool, String> {
    let version = parse(version).ok_or_else(|| version.to_owned())?;
    let mut all = true;
    for range in ranges.iter().flat_map(|range| range.split(',')) {
        let range = range.trim();
        let text = range.trim_start_matches(['<', '>', '=']);
        let bound = parse(text.trim()).ok_or_else(|| range.to_owned())?;
        let order = compare(&version, &bound);
        all &= match &range[..range.len() - text.len()] {
            "" | "=" | "==" => order == Ordering::Equal,
            ">=" => order != Ordering::Less,
            "<=" => order != Ordering::Greater,
            ">" => order == Ordering::Greater,
            "<" => order == Ordering::Less,
            _ => return Err(range.to_owned()),
        };
    }
    Ok(all)
}

type Version = ([u64; 3], Option<String>);

fn parse(text: &str) -> Option<Version> {
    let text = text.split('+').next()?;
    // Python writes `1.0.0b1`, semantic versioning `1.0.0-b1`.
    let end = text.find(|char: char| !char.is_ascii_digit() && char != '.').unwrap_or(text.len());
    let mut numbers = [0; 3];
    let parts: Vec<&str> = text[..end].split('.').collect();
    if parts.len() > 3 {
        return None;
    }
    for (number, part) in numbers.iter_mut().zip(parts) {
        *number = part.parse().ok()?;
    }
    let rest = text[end..].trim_start_matches('-');
    Some((numbers, (!rest.is_empty()).then(|| rest.to_owned())))
}

fn compare(left: &Version, right: &Version) -> Ordering {
    left.0.cmp(&right.0).then_with(|| match (&left.1, &right.1) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(left), Some(right)) => left.cmp(right),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ranges: &[&str], expected: Result<bool, &str>) {
        let ranges: Vec<String> = ranges.iter().map(|range| (*range).to_owned()).collect();
        assert_eq!(admits(&ranges, "1.11.16"), expected.map_err(str::to_owned));
    }

    #[test]
    fn every_range_must_admit_the_version() {
        check(&[], Ok(true));
        check(&[">=1.6.0", "<2.0.0"], Ok(true));
        check(&[">=1.6.0, <1.11.0"], Ok(false));
        check(&["=1.11.16"], Ok(true));
        check(&["1.11.16"], Ok(true));
        check(&[">1.11.16"], Ok(false));
        check(&[">=1.11.16-rc1"], Ok(true));
        check(&[">=1.2"], Ok(true));
        check(&["~1.2"], Err("~1.2"));
    }
}
