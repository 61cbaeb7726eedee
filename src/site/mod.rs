//! The documentation page: one HTML file of our own, and the data that it shows.
//!
//! The page's sources are in `page/`; what they build is committed and carried in the binary, so that building kiln
//! needs no other tools. It reads `docs_data.js` and its kin beside it, which are made here from the artifacts
//! in a target folder: a page from disk may run scripts, but not fetch. [`write_static`] puts all into one file.
//! Nothing here parses a project or asks a database.

mod data;
mod results;

pub use results::remember;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::SystemTime;

use crate::artifacts;
use crate::diagnostic::{Code, Diagnostic};
use data::{Packed, Texts};

/// The page, without data.
pub const PAGE: &str = include_str!("page/dist/index.html");

/// Where the data stands in a page that holds it.
const PLACE: &str = "<!--kiln:data-->";

/// The files that the page is made from; all but the first may be missing.
const SOURCES: [&str; 6] =
    ["manifest.json", "catalog.json", "run_results.json", "sources.json", "column_lineage.json", results::FILE];

/// Writes the page and its data into a target folder, from the artifacts in it. Without a manifest, only the page.
///
/// # Errors
/// When an artifact is not JSON, or a file cannot be written.
pub fn write(folder: &Path) -> Result<(), Box<Diagnostic>> {
    write_text(&folder.join("index.html"), &[PAGE])?;
    if !folder.join("manifest.json").is_file() {
        return Ok(());
    }
    let packed = packed(folder)?;
    for (name, text) in &packed {
        // Base64 has no letter that a string of JavaScript takes for its end.
        let script =
            ["globalThis.kilnDocs=Object.assign(globalThis.kilnDocs??{},{", name, ":\"", text.as_str(), "\"});\n"];
        write_text(&folder.join(format!("docs_{name}.js")), &script)?;
    }
    Ok(())
}

/// Writes one file that holds the page and all that it shows.
///
/// # Errors
/// When there is no manifest, an artifact is not JSON, or the file cannot be written.
pub fn write_static(folder: &Path, path: &Path) -> Result<(), Box<Diagnostic>> {
    let packed = packed(folder)?;
    let (head, tail) = PAGE.split_once(PLACE).unwrap_or((PAGE, ""));
    let mut parts = vec![head];
    for (name, text) in &packed {
        parts.extend(["<script type=\"application/x-kiln\" id=\"kiln-", name, "\">", text, "</script>\n"]);
    }
    parts.push(tail);
    write_text(path, &parts)
}

/// Writes page and data again if an artifact is newer, as after a build.
///
/// # Errors
/// As [`write`].
pub fn refresh(folder: &Path) -> Result<(), Box<Diagnostic>> {
    let newest = SOURCES.iter().filter_map(|name| modified(&folder.join(name))).max();
    if modified(&folder.join("docs_data.js")) < newest { write(folder) } else { Ok(()) }
}

fn packed(folder: &Path) -> Result<Packed, Box<Diagnostic>> {
    remember(folder)?;
    let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
    let [manifest, catalog, _, sources, column_lineage, run_results] = SOURCES.map(read);
    let Some(manifest) = manifest else {
        let path = folder.join("manifest.json");
        let message = format!("`{}` could not be read", path.display());
        let hint = "the page needs manifest.json in the target folder: leave `--no-compile` out";
        return Err(Box::new(Diagnostic::error(Code::FileUnreadable, message).hint(hint)));
    };
    data::pack(&Texts { manifest, catalog, run_results, sources, column_lineage }).map_err(|(name, error)| {
        let message = format!("`{}` is not an artifact: {error}", folder.join(name).display());
        Box::new(Diagnostic::error(Code::FileUnreadable, message).hint("remove it, or make it again"))
    })
}

fn write_text(path: &Path, parts: &[&str]) -> Result<(), Box<Diagnostic>> {
    artifacts::write_file(path, |out| parts.iter().try_for_each(|part| out.write_all(part.as_bytes())))
}

/// When a file was last written; `None` if there is none.
fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|facts| facts.modified()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_one_place_for_data() {
        assert_eq!(PAGE.matches(PLACE).count(), 1);
    }

    #[test]
    fn the_page_asks_for_nothing_from_elsewhere() {
        let policy = PAGE.split_once("Content-Security-Policy").map(|(_, rest)| rest).unwrap_or_default();
        assert!(policy.starts_with("\" content=\"default-src 'none'; script-src 'sha256-"), "{:.80}", policy);
    }
}
