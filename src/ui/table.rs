//! Rows as tables for people and as JSON for programs.

use comfy_table::{CellAlignment, Table as Drawing, presets};
use serde_json::{Map, Value as Data};

use crate::adapter::{Cell, Table};

/// Rows to show.
#[derive(Clone, Copy, Debug)]
pub struct Preview<'a> {
    /// The rows.
    pub table: &'a Table,
    /// What stands for NULL.
    pub null: &'a str,
}

impl Preview<'_> {
    /// Draws a table with `|` between columns; numbers and times are aligned to the right.
    #[must_use]
    pub fn render(&self) -> String {
        let mut drawing = Drawing::new();
        drawing.load_style(presets::ASCII_MARKDOWN);
        drawing.set_header(self.table.columns.iter().map(|column| column.name.clone()));
        for row in &self.table.rows {
            drawing.add_row(row.iter().map(|cell| self.shown(cell)));
        }
        for (ix, column) in drawing.column_iter_mut().enumerate() {
            if self.is_right_aligned(ix) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        drawing.to_string()
    }

    /// The rows as JSON objects.
    #[must_use]
    pub fn json(&self) -> Data {
        let names: Vec<&str> = self.table.columns.iter().map(|column| column.name.as_str()).collect();
        let object = |row: &Vec<Cell>| {
            let pairs = names.iter().zip(row).map(|(name, cell)| ((*name).to_owned(), cell_json(cell)));
            Data::Object(pairs.collect::<Map<_, _>>())
        };
        Data::Array(self.table.rows.iter().map(object).collect())
    }

    fn shown(&self, cell: &Cell) -> String {
        if *cell == Cell::Null { self.null.to_owned() } else { one_line(&cell_text(cell)) }
    }

    fn is_right_aligned(&self, ix: usize) -> bool {
        let mut cells = self.table.rows.iter().filter_map(|row| row.get(ix)).filter(|cell| **cell != Cell::Null);
        let mut has_any = false;
        let all = cells.all(|cell| {
            has_any = true;
            !matches!(cell, Cell::Text(_) | Cell::Bytes(_) | Cell::List(_) | Cell::Struct(_) | Cell::Bool(_))
        });
        has_any && all
    }
}

fn one_line(text: &str) -> String {
    if text.contains(['\n', '\r', '\t']) {
        text.replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t")
    } else {
        text.to_owned()
    }
}

/// The rows as comma-separated lines with a header. NULL is empty, and an empty text is `""`.
#[must_use]
pub fn csv(table: &Table) -> String {
    let line = |cells: &mut dyn Iterator<Item = String>| cells.collect::<Vec<_>>().join(",");
    let mut lines = vec![line(&mut table.columns.iter().map(|column| csv_field(&column.name)))];
    let cell = |cell: &Cell| if *cell == Cell::Null { String::new() } else { csv_field(&cell_text(cell)) };
    lines.extend(table.rows.iter().map(|row| line(&mut row.iter().map(cell))));
    lines.join("\n")
}

fn csv_field(text: &str) -> String {
    if text.is_empty() || text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// A value as text; NULL is empty.
#[must_use]
pub fn cell_text(cell: &Cell) -> String {
    match cell {
        Cell::Null => String::new(),
        Cell::Bool(value) => value.to_string(),
        Cell::Int(value) => value.to_string(),
        Cell::Decimal(text) => text.clone(),
        Cell::Float(value) => format!("{value:?}"),
        Cell::Text(text) => text.clone(),
        Cell::Date(date) => date.to_string(),
        Cell::Time(time) => time.to_string(),
        Cell::Timestamp(moment) => moment.to_string().replace('T', " "),
        Cell::TimestampTz(moment) => format!("{}+00:00", moment.to_string().replace('T', " ")),
        Cell::Bytes(bytes) => format!("\\x{}", base16ct::lower::encode_string(bytes)),
        Cell::List(_) | Cell::Struct(_) => cell_json(cell).to_string(),
    }
}

/// A value as JSON: decimals as numbers, times in ISO form.
#[must_use]
pub fn cell_json(cell: &Cell) -> Data {
    match cell {
        Cell::Null => Data::Null,
        Cell::Bool(value) => Data::Bool(*value),
        Cell::Int(value) => i64::try_from(*value).map_or_else(|_| Data::String(value.to_string()), Data::from),
        Cell::Decimal(text) => text.parse::<f64>().map_or_else(|_| Data::String(text.clone()), Data::from),
        Cell::Float(value) => Data::from(*value),
        Cell::Timestamp(moment) => Data::String(moment.to_string()),
        Cell::TimestampTz(moment) => Data::String(format!("{moment}+00:00")),
        Cell::List(cells) => Data::Array(cells.iter().map(cell_json).collect()),
        Cell::Struct(fields) => {
            Data::Object(fields.iter().map(|(name, cell)| (name.clone(), cell_json(cell))).collect::<Map<_, _>>())
        }
        Cell::Text(_) | Cell::Date(_) | Cell::Time(_) | Cell::Bytes(_) => Data::String(cell_text(cell)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::Column;

    fn sample() -> Table {
        Table {
            columns: vec![Column::new("id", "INTEGER"), Column::new("name", "VARCHAR")],
            rows: vec![vec![Cell::Int(1), Cell::Text("a\nb".to_owned())], vec![Cell::Int(10), Cell::Null]],
        }
    }

    #[test]
    fn rows_are_drawn_between_bars() {
        let drawn = Preview { table: &sample(), null: "" }.render();
        assert_eq!(drawn, "| id | name |\n|----|------|\n|  1 | a\\nb |\n| 10 |      |");
    }

    #[test]
    fn rows_are_quoted_in_csv_where_they_must() {
        let mut table = sample();
        table.rows.push(vec![Cell::Int(11), Cell::Text(String::new())]);
        table.rows.push(vec![Cell::Int(12), Cell::Text("say \"a, b\"".to_owned())]);
        assert_eq!(csv(&table), "id,name\n1,\"a\nb\"\n10,\n11,\"\"\n12,\"say \"\"a, b\"\"\"");
    }

    #[test]
    fn rows_are_objects_in_json() {
        let rows = Preview { table: &sample(), null: "" }.json();
        assert_eq!(rows.to_string(), r#"[{"id":1,"name":"a\nb"},{"id":10,"name":null}]"#);
    }
}
