//! `kiln deps --add-package`: writes an entry into the file that declares packages, and leaves the rest as it is.

use std::path::Path;

use serde_json::{Map, Value as Data};

use super::{Event, Watcher, lock};
use crate::artifacts::write_text;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceFile};
use crate::project::read_text;
use crate::project::yaml::{self, Yaml};

/// Where an added package comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The hub.
    Hub,
    /// A git repository.
    Git,
    /// A folder.
    Local,
}

/// A package to add.
#[derive(Clone, Debug)]
pub struct Addition {
    /// Its name, address or path.
    pub name: String,
    /// Its version, versions with commas between them, or revision.
    pub version: Option<String>,
    /// Where it comes from.
    pub origin: Origin,
}

impl Addition {
    /// Reads `name@version`. A name may hold an `@` of its own, as addresses do, if a version follows.
    #[must_use]
    pub fn read(text: &str, origin: Origin) -> Self {
        let (name, version) = match text.rsplit_once('@') {
            Some((name, version)) if !version.contains(['/', ':']) && !name.is_empty() => (name, Some(version)),
            _ => (text, None),
        };
        Self { name: name.to_owned(), version: version.map(str::to_owned), origin }
    }

    /// The keys of its entry.
    fn entry(&self) -> Map<String, Data> {
        let (key, version_key) = match self.origin {
            Origin::Hub => ("package", "version"),
            Origin::Git => ("git", "revision"),
            Origin::Local => ("local", "version"),
        };
        let mut entry = Map::from_iter([(key.to_owned(), Data::from(self.name.clone()))]);
        let version = self.version.as_ref().filter(|_| self.origin != Origin::Local);
        entry.extend(version.map(|version| {
            let parts: Vec<&str> = version.split(',').collect();
            let value = if parts.len() == 1 { Data::from(version.clone()) } else { Data::from(parts) };
            (version_key.to_owned(), value)
        }));
        entry
    }
}

/// Adds a package to the file in a project's folder that declares packages; makes `packages.yml` if there is none.
/// Entries of the same package go, as in dbt, also if they come from somewhere else.
///
/// # Errors
/// When the file cannot be read, understood or written.
pub fn add(root: &Path, addition: &Addition, watcher: &dyn Watcher) -> Result<(), Box<Diagnostic>> {
    let declares = |name: &&str| {
        let text = std::fs::read_to_string(root.join(name)).unwrap_or_default();
        yaml::parse(&SourceFile::new(*name, text), &mut Diagnostics::new())
            .is_ok_and(|yaml| yaml.get("packages").is_some())
    };
    let name = Some("dependencies.yml").filter(declares).unwrap_or("packages.yml");
    let path = root.join(name);
    if !path.exists() {
        write_text(&path, "packages: []\n")?;
        watcher.event(Event::FileMade(name));
    }
    let file = SourceFile::new(name, read_text(&path, name)?);
    let yaml = yaml::parse(&file, &mut Diagnostics::new())?;
    let items = yaml.get("packages").map(Yaml::items).unwrap_or_default();
    let is_kept = |item: &&Yaml| !is_same(&item.to_data(), &addition.name);
    let kept: Vec<Data> = items.iter().filter(is_kept).map(Yaml::to_data).collect();
    for removed in items.iter().filter(|item| !is_kept(item)) {
        watcher.event(Event::EntryRemoved(&removed.to_data().to_string()));
    }
    let wanted: Vec<Data> = kept.into_iter().chain([Data::Object(addition.entry())]).collect();
    let text = edited(file.text(), &yaml, &wanted).filter(|text| holds(text, &wanted));
    let Some(text) = text else {
        let message = format!("`{name}` is written in a way that cannot be added to");
        let error = Diagnostic::error(Code::PackageInvalid, message).in_file(&file);
        return Err(Box::new(error.hint("write `packages:` as a list with one entry a `-`")));
    };
    write_text(&path, &text)?;
    watcher.event(Event::EntryAdded(&addition.name, addition.version.as_deref().unwrap_or_default(), &path));
    Ok(())
}

/// Whether an entry is for a package of that name: with its namespace or without, with `-` or `_`.
fn is_same(entry: &Data, name: &str) -> bool {
    let keys = ["package", "git", "local", "tarball", "private"];
    let Some(known) = keys.iter().find_map(|key| entry.get(key)?.as_str()) else { return false };
    let plain = |text: &str| text.replace('-', "_");
    let (known, name) = (plain(known), plain(name));
    let short = name.rsplit('/').next().unwrap_or_default();
    [name.as_str(), short].iter().any(|part| {
        known.match_indices(part).any(|(at, _)| {
            let is_edge = |char: Option<char>| char.is_none_or(|char| ['/', '.'].contains(&char));
            is_edge(known[..at].chars().next_back()) && is_edge(known[at + part.len()..].chars().next())
        })
    })
}

/// The text with the wanted list of packages: entries that stay keep their lines and comments.
fn edited(text: &str, yaml: &Yaml, wanted: &[Data]) -> Option<String> {
    let new = wanted.last()?;
    let Some(entry) = yaml.entry("packages") else {
        let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        return Some(format!("{text}{gap}packages:\n{}", lines_of(new, "  ")));
    };
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let line_of = |offset: u32| text[..offset as usize].matches('\n').count();
    let key_line = line_of(entry.key_span.start);
    let items = entry.value.items();
    let starts: Vec<usize> = items.iter().map(|item| line_of(item.span.start)).collect();
    let is_block = starts.iter().all(|line| lines[*line].trim_start().starts_with('-')) && !starts.is_empty();
    if !is_block {
        // A list in brackets, or an empty one: it becomes one of lines.
        let end = line_of(entry.value.span.end.max(entry.key_span.end));
        let list: String = wanted.iter().map(|data| lines_of(data, "  ")).collect();
        return Some(format!("{}packages:\n{list}{}", lines[..key_line].concat(), lines[end + 1..].concat()));
    }
    let indent = &lines[starts[0]][..lines[starts[0]].len() - lines[starts[0]].trim_start().len()];
    let after = entry_end(&lines, starts[starts.len() - 1], indent.len());
    let ends = starts[1..].iter().copied().chain([after]);
    let kept: Vec<&Data> = wanted[..wanted.len() - 1].iter().collect();
    let mut out = lines[..starts[0]].concat();
    for ((item, start), end) in items.iter().zip(&starts).zip(ends) {
        if kept.contains(&&item.to_data()) {
            out += &lines[*start..end].concat();
        }
    }
    if !out.ends_with('\n') {
        out.push('\n');
    }
    Some(out + &lines_of(new, indent) + &lines[after..].concat())
}

/// The line after an entry that starts on a line: the first that is not indented deeper than its dash.
fn entry_end(lines: &[&str], start: usize, indent: usize) -> usize {
    let is_inside = |line: &&str| {
        let text = line.trim_start();
        !text.trim().is_empty() && line.len() - text.len() > indent
    };
    start + 1 + lines[start + 1..].iter().take_while(|line| is_inside(line)).count()
}

/// An entry as lines of YAML.
fn lines_of(entry: &Data, indent: &str) -> String {
    let mut out = String::new();
    for (ix, (key, value)) in entry.as_object().into_iter().flatten().enumerate() {
        let mark = if ix == 0 { "-" } else { " " };
        let value = match value {
            Data::Array(items) => {
                let items: Vec<String> = items.iter().map(ToString::to_string).collect();
                format!("[{}]", items.join(", "))
            }
            other => lock::scalar(other),
        };
        out += &format!("{indent}{mark} {key}: {value}\n");
    }
    out
}

/// Whether a text declares exactly these packages.
fn holds(text: &str, wanted: &[Data]) -> bool {
    let file = SourceFile::new("packages.yml", text);
    let read = yaml::parse(&file, &mut Diagnostics::new());
    read.is_ok_and(|yaml| yaml.get("packages").map(Yaml::to_data) == Some(Data::from(wanted.to_vec())))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Quiet;

    impl Watcher for Quiet {
        fn event(&self, _: Event<'_>) {}

        fn scrub(&self, text: &str) -> String {
            text.to_owned()
        }

        fn is_stopped(&self) -> bool {
            false
        }
    }

    #[track_caller]
    fn check(before: &str, added: &str, expected: &str) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("packages.yml");
        if !before.is_empty() {
            std::fs::write(&path, before).expect("a file");
        }
        add(folder.path(), &Addition::read(added, Origin::Hub), &Quiet).expect("the package is added");
        assert_eq!(std::fs::read_to_string(path).expect("a file"), expected);
    }

    #[test]
    fn an_entry_goes_to_the_end_of_the_list() {
        check("", "a/b@1.0.0", "packages:\n  - package: a/b\n    version: 1.0.0\n");
        check(
            "# ours\npackages:\n- local: ../x # near\n\n# end\n",
            "a/b@>=1.0.0,<2.0.0",
            "# ours\npackages:\n- local: ../x # near\n- package: a/b\n  version: [\">=1.0.0\", \"<2.0.0\"]\n\n# end\n",
        );
        check(
            "packages: [{local: ../x}]\n",
            "a/b@1.0.0",
            "packages:\n  - local: ../x\n  - package: a/b\n    version: 1.0.0\n",
        );
    }

    #[test]
    fn an_older_entry_gives_way() {
        check(
            "packages:\n  # one\n  - package: dbt-labs/dbt_utils\n    version: 1.0.0\n  - local: ../x\n",
            "dbt-labs/dbt_utils@1.1.0",
            "packages:\n  # one\n  - local: ../x\n  - package: dbt-labs/dbt_utils\n    version: 1.1.0\n",
        );
        check(
            "packages:\n  - git: https://github.com/dbt-labs/dbt-utils.git\n    revision: 1.0.0\n",
            "dbt-labs/dbt_utils@1.1.0",
            "packages:\n  - package: dbt-labs/dbt_utils\n    version: 1.1.0\n",
        );
        check(
            "packages:\n  - package: a/core_utils\n    version: 1.0.0\n",
            "a/core@1.0.0",
            "packages:\n  - package: a/core_utils\n    version: 1.0.0\n  - package: a/core\n    version: 1.0.0\n",
        );
    }

    #[test]
    fn a_name_may_hold_an_at_sign() {
        let read = |text| {
            let addition = Addition::read(text, Origin::Git);
            (addition.name, addition.version)
        };
        assert_eq!(read("a/b@1.0.0"), ("a/b".to_owned(), Some("1.0.0".to_owned())));
        assert_eq!(read("git@x.y:a/b.git"), ("git@x.y:a/b.git".to_owned(), None));
        assert_eq!(read("git@x.y:a/b.git@v1"), ("git@x.y:a/b.git".to_owned(), Some("v1".to_owned())));
    }
}
