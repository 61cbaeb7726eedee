//! The documentation page: the one that its sources build, looked at in a browser.
//!
//! Without `chromedriver` the tests in a browser say that they are skipped; `./test` installs it where it can.

mod browser;
mod large;
mod sample;

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::harness::root;

#[test]
fn the_built_page_is_current() {
    let folder = root().join("src/site/page");
    let mut names: Vec<String> = walkdir::WalkDir::new(&folder)
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || is_source(entry.path(), &folder))
        .map(|entry| entry.expect("the page's sources can be read"))
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| name_below(entry.path(), &folder))
        .collect();
    names.sort();
    let mut hash = Sha256::new();
    for name in &names {
        hash.update(format!("{name}\0"));
        hash.update(std::fs::read(folder.join(name)).expect("a source of the page can be read"));
        hash.update("\0");
    }
    let expected: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let built = kiln::site::PAGE.split_once("<meta name=\"kiln-sources\" content=\"").map(|(_, rest)| &rest[..64]);
    assert_eq!(built, Some(expected.as_str()), "run `npm ci && npm run build` in src/site/page and commit dist/");
}

/// As in build.mjs: not what is installed, built or hidden.
fn is_source(path: &Path, folder: &Path) -> bool {
    let name = name_below(path, folder);
    !name.starts_with('.') && name != "node_modules" && name != "dist"
}

fn name_below(path: &Path, folder: &Path) -> String {
    path.strip_prefix(folder).expect("it lies in the folder").to_string_lossy().replace('\\', "/")
}
