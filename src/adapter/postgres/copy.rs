//! Rows in the text format of `copy`.

/// Writes rows: columns separated by tabs, rows by line ends, null as `\N`.
pub(super) fn text(rows: &[Vec<Option<String>>]) -> Vec<u8> {
    let mut out = Vec::new();
    for row in rows {
        for (ix, value) in row.iter().enumerate() {
            if ix > 0 {
                out.push(b'\t');
            }
            match value {
                None => out.extend_from_slice(b"\\N"),
                Some(value) => escape(value, &mut out),
            }
        }
        out.push(b'\n');
    }
    out
}

fn escape(value: &str, out: &mut Vec<u8>) {
    for byte in value.bytes() {
        let letter = match byte {
            b'\\' => b'\\',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            byte => {
                out.push(byte);
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', letter]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_is_escaped() {
        let value = |text: &str| Some(text.to_owned());
        let rows = [vec![value("a\tb\\"), None], vec![value(""), value("\\N")]];
        assert_eq!(text(&rows), b"a\\tb\\\\\t\\N\n\t\\\\N\n");
    }
}
