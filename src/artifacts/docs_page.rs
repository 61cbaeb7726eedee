//! The page that shows a project: one HTML file of our own that reads `manifest.json` and `catalog.json`.
//!
//! `index.html` fetches the two files from beside it; `static_index.html` holds them inside.

use std::io::Write;
use std::path::Path;

use super::write_file;
use crate::diagnostic::Diagnostic;

/// The page.
pub const DOCS_PAGE: &str = include_str!("docs/index.html");

const MANIFEST_PLACE: &str = "null/*manifest*/";
const CATALOG_PLACE: &str = "null/*catalog*/";

/// Writes the page that reads the files beside it.
///
/// # Errors
/// When the file cannot be written.
pub fn write_docs_page(path: &Path) -> Result<(), Box<Diagnostic>> {
    write_file(path, |out| out.write_all(DOCS_PAGE.as_bytes()))
}

/// Writes the page with the two artifacts inside.
///
/// # Errors
/// When the file cannot be written.
pub fn write_static_docs_page(path: &Path, manifest: &str, catalog: &str) -> Result<(), Box<Diagnostic>> {
    let (start, rest) = DOCS_PAGE.split_once(MANIFEST_PLACE).unwrap_or((DOCS_PAGE, ""));
    let (middle, end) = rest.split_once(CATALOG_PLACE).unwrap_or((rest, ""));
    write_file(path, |out| {
        for part in [start, &in_script(manifest), middle, &in_script(catalog), end] {
            out.write_all(part.as_bytes())?;
        }
        Ok(())
    })
}

/// JSON as a script may hold it: without what a browser takes for the script's end.
fn in_script(json: &str) -> String {
    // In JSON `<` stands in texts only.
    json.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_a_place_for_each_artifact() {
        for place in [MANIFEST_PLACE, CATALOG_PLACE] {
            assert_eq!(DOCS_PAGE.matches(place).count(), 1, "{place}");
        }
        assert!(DOCS_PAGE.find(MANIFEST_PLACE) < DOCS_PAGE.find(CATALOG_PLACE));
    }

    #[test]
    fn texts_cannot_end_the_script() {
        assert_eq!(in_script(r#"{"a":"</script>"}"#), r#"{"a":"\u003c/script>"}"#);
    }
}
