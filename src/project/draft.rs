//! Adding columns to property files by hand's rules: comments, order and everything else that is there stay as they are.
//!
//! A property file is text that people keep; it is edited line by line, not written anew.

/// A column that a property file should have.
#[derive(Clone, Debug, Default)]
pub struct DraftColumn {
    /// Its name.
    pub name: String,
    /// Its type, if it is to be declared.
    pub data_type: Option<String>,
    /// Its description, if it is to be declared.
    pub description: Option<String>,
}

/// Adds what is missing to the entry of a node. The text is the same if nothing is.
///
/// # Errors
/// A sentence if the entry is not found, or is written in a form that cannot be added to.
pub fn add_columns(text: &str, node: &str, columns: &[DraftColumn]) -> Result<String, String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let is_it = |line: &&String| item_name(line).is_some_and(|(_, name)| name == node);
    let depth = lines.iter().filter(is_it).filter_map(|line| item_name(line)).map(|(indent, _)| indent).min();
    let entry = depth.and_then(|depth| {
        lines.iter().position(|line| item_name(line).is_some_and(|(indent, name)| indent == depth && name == node))
    });
    let (Some(entry), Some(depth)) = (entry, depth) else {
        return Err(format!("there is no entry `- name: {node}` on a line of its own"));
    };
    let end = block_end(&lines, entry, depth);
    let key = " ".repeat(depth + 2);
    let listed = (entry + 1..end).find(|at| lines[*at].starts_with(&format!("{key}columns:")));
    let Some(listed) = listed else {
        let at = last_written(&lines, entry, end) + 1;
        let mut added = vec![format!("{key}columns:")];
        added.extend(columns.iter().flat_map(|column| entry_lines(column, depth + 4)));
        lines.splice(at..at, added);
        return Ok(joined(&lines, text));
    };
    let rest = lines[listed].trim_start().trim_start_matches("columns:").trim();
    if !rest.is_empty() && !rest.starts_with('#') {
        return Err(format!("the columns of `{node}` are written on one line"));
    }
    let indent = (listed + 1..end).find_map(|at| item_name(&lines[at])).map_or(depth + 4, |(indent, _)| indent);
    add_to_list(&mut lines, (listed, end), indent, columns);
    Ok(joined(&lines, text))
}

/// A property file for nodes that have none yet. `section` is `models`, `seeds` or `snapshots`.
#[must_use]
pub fn new_file(section: &str, nodes: &[(String, Vec<DraftColumn>)]) -> String {
    let mut lines = vec!["version: 2".to_owned(), String::new(), format!("{section}:")];
    for (name, columns) in nodes {
        lines.push(format!("  - name: {}", scalar(name)));
        lines.push("    columns:".to_owned());
        lines.extend(columns.iter().flat_map(|column| entry_lines(column, 6)));
    }
    lines.join("\n") + "\n"
}

fn add_to_list(lines: &mut Vec<String>, (listed, end): (usize, usize), indent: usize, columns: &[DraftColumn]) {
    let items: Vec<(usize, String)> = (listed + 1..end)
        .filter_map(|at| item_name(&lines[at]).filter(|(own, _)| *own == indent).map(|(_, name)| (at, name)))
        .collect();
    let mut after: Vec<(usize, Vec<String>)> = Vec::new();
    let last = last_written(lines, listed, end);
    for column in columns {
        let Some((at, _)) = items.iter().find(|(_, name)| name.eq_ignore_ascii_case(&column.name)) else {
            after.push((last, entry_lines(column, indent)));
            continue;
        };
        let until = block_end(lines, *at, indent);
        let key = " ".repeat(indent + 2);
        let has = |word: &str| lines[*at..until].iter().any(|line| line.starts_with(&format!("{key}{word}:")));
        let more = [("data_type", &column.data_type), ("description", &column.description)];
        let more = more.into_iter().filter(|(word, _)| !has(word));
        let more: Vec<String> =
            more.filter_map(|(word, value)| Some(format!("{key}{word}: {}", scalar(value.as_ref()?)))).collect();
        after.push((*at, more));
    }
    after.sort_by_key(|(at, _)| *at);
    for (at, added) in after.into_iter().rev() {
        lines.splice(at + 1..at + 1, added);
    }
}

fn entry_lines(column: &DraftColumn, indent: usize) -> Vec<String> {
    let (dash, key) = (" ".repeat(indent), " ".repeat(indent + 2));
    let mut lines = vec![format!("{dash}- name: {}", scalar(&column.name))];
    lines.extend(column.data_type.as_ref().map(|value| format!("{key}data_type: {}", scalar(value))));
    lines.extend(column.description.as_ref().map(|value| format!("{key}description: {}", scalar(value))));
    lines
}

/// `  - name: orders  # why` is (2, `orders`).
fn item_name(line: &str) -> Option<(usize, String)> {
    let rest = line.trim_start();
    let indent = line.len() - rest.len();
    let value = rest.strip_prefix("- name:")?.trim();
    let value = value.split(" #").next().unwrap_or(value).trim();
    Some((indent, value.trim_matches(['"', '\'']).to_owned()))
}

/// One past the last line of an item of a list.
fn block_end(lines: &[String], start: usize, indent: usize) -> usize {
    let is_outside = |line: &String| {
        let text = line.trim_start();
        !text.is_empty() && !text.starts_with('#') && line.len() - text.len() <= indent
    };
    (start + 1..lines.len()).find(|at| is_outside(&lines[*at])).unwrap_or(lines.len())
}

/// The last line of a block that holds something of it: comments before the next block belong to that.
fn last_written(lines: &[String], start: usize, end: usize) -> usize {
    let is_written = |at: &usize| {
        let text = lines[*at].trim_start();
        !text.is_empty() && !text.starts_with('#')
    };
    (start..end).rev().find(is_written).unwrap_or(start)
}

fn joined(lines: &[String], old: &str) -> String {
    let text = lines.join("\n");
    if old.ends_with('\n') { text + "\n" } else { text }
}

/// A value as YAML, quoted where it would mean something else.
fn scalar(value: &str) -> String {
    const WORDS: &[&str] = &["null", "true", "false", "yes", "no", "on", "off", "y", "n", "~"];
    let is_plain = value.starts_with(|first: char| first.is_alphabetic() || first == '_')
        && !value.contains(": ")
        && !value.contains(" #")
        && !value.contains("{{")
        && !value.ends_with([':', ' '])
        && !value.contains('\n')
        && !WORDS.contains(&value.to_lowercase().as_str());
    if is_plain { value.to_owned() } else { serde_json::to_string(value).unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
models:
  # The orders.
  - name: orders  # one row an order
    description: Orders.
    columns:
      - name: id   # the key
        data_tests: [unique]

      # What it costs.
      - name: amount
        data_type: double

  # Next.
  - name: customers
    description: |
      People.
";

    fn column(name: &str, data_type: &str) -> DraftColumn {
        DraftColumn { name: name.into(), data_type: Some(data_type.into()), description: None }
    }

    #[test]
    fn columns_are_added_and_comments_stay() {
        let columns = [column("id", "INTEGER"), column("AMOUNT", "DOUBLE"), column("on", "DATE")];
        let made = add_columns(FILE, "orders", &columns).expect("the entry is there");
        let expected = FILE
            .replace("the key\n", "the key\n        data_type: INTEGER\n")
            .replace("double\n", "double\n      - name: \"on\"\n        data_type: DATE\n");
        assert_eq!(made, expected);
        assert_eq!(add_columns(&made, "orders", &columns).expect("the entry is there"), made);
    }

    #[test]
    fn an_entry_without_columns_gets_them_at_its_end() {
        let made = add_columns(FILE, "customers", &[column("id", "INTEGER[]")]).expect("the entry is there");
        assert_eq!(made, format!("{FILE}    columns:\n      - name: id\n        data_type: INTEGER[]\n"));
    }

    #[test]
    fn what_cannot_be_added_to_is_said() {
        assert!(add_columns(FILE, "gone", &[]).is_err());
        assert!(add_columns("models:\n  - name: a\n    columns: [{name: b}]\n", "a", &[]).is_err());
    }
}
