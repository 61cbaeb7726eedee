//! Packages that come as archives: one folder, in a tar file, usually gzipped.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::Shared;
use super::http::{Failure, persist};
use crate::artifacts::unwritable;
use crate::diagnostic::{Code, Diagnostic};

/// Downloads and unpacks an archive. Gives the folder in it.
pub(super) fn fetch(shared: &Shared<'_>, url: &str, name: &str) -> Result<PathBuf, Box<Diagnostic>> {
    if let Some(path) = url.strip_prefix("file://") {
        return unpack(shared, Path::new(path), name);
    }
    persist(shared, url, || {
        let folder = shared.workspace.download()?;
        let file = folder.join("archive");
        shared.client.file(shared, (url, name), &file)?;
        // An archive that does not end well has often come badly: it is fetched anew.
        unpack_file(&file, &folder.join("files")).map_err(|error| Failure::Passing(unreadable(&error)))?;
        Ok(the_folder(&folder.join("files"), name)?)
    })
}

/// Unpacks an archive that lies in a file. Gives the folder in it.
pub(super) fn unpack(shared: &Shared<'_>, file: &Path, name: &str) -> Result<PathBuf, Box<Diagnostic>> {
    let folder = shared.workspace.download()?;
    unpack_file(file, &folder).map_err(|error| {
        let message = format!("`{}`: {}", file.display(), unreadable(&error));
        Box::new(Diagnostic::error(Code::PackageUnavailable, message))
    })?;
    the_folder(&folder, name)
}

/// Why an archive cannot be unpacked. Further lines hold what stands in the file.
fn unreadable(error: &io::Error) -> String {
    let why = error.to_string();
    format!("it is not a whole archive: {}", why.lines().next().unwrap_or_default())
}

/// Unpacks a file. Nothing is written outside the folder, and a damaged archive is an error.
fn unpack_file(file: &Path, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut file = File::open(file)?;
    let mut magic = [0; 2];
    let is_gzip = file.read_exact(&mut magic).is_ok() && magic == [0x1f, 0x8b];
    file.seek(SeekFrom::Start(0))?;
    let mut bytes: Box<dyn Read> =
        if is_gzip { Box::new(MultiGzDecoder::new(BufReader::new(file))) } else { Box::new(BufReader::new(file)) };
    let mut archive = tar::Archive::new(&mut bytes);
    archive.set_preserve_permissions(false);
    archive.set_preserve_mtime(false);
    for entry in archive.entries()? {
        entry?.unpack_in(folder)?;
    }
    // The checksum stands at the very end.
    io::copy(&mut bytes, &mut io::sink()).map(drop)
}

/// The one folder that an archive of a package holds.
fn the_folder(folder: &Path, name: &str) -> Result<PathBuf, Box<Diagnostic>> {
    let entries = fs::read_dir(folder).map_err(|error| unwritable(folder, &error))?;
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    match (found.pop(), found.is_empty()) {
        (Some(only), true) if only.is_dir() => Ok(only),
        _ => {
            let message = format!("the archive of `{name}` does not hold one folder with the package in it");
            Err(Box::new(Diagnostic::error(Code::PackageUnavailable, message)))
        }
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn archive(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (path, text) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
            header.set_cksum();
            builder.append(&header, text.as_bytes()).expect("an entry");
        }
        builder.into_inner().and_then(GzEncoder::finish).expect("an archive")
    }

    fn unpacked(bytes: &[u8]) -> (tempfile::TempDir, io::Result<()>) {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("archive"), bytes).expect("a file");
        let result = unpack_file(&folder.path().join("archive"), &folder.path().join("files"));
        (folder, result)
    }

    #[test]
    fn an_archive_that_was_cut_off_is_an_error() {
        let whole = archive(&[("lib-1.0/dbt_project.yml", "name: lib\n")]);
        let (folder, result) = unpacked(&whole);
        assert!(result.is_ok() && the_folder(&folder.path().join("files"), "lib").is_ok());
        assert!(unpacked(&whole[..whole.len() - 6]).1.is_err());
        assert!(unpacked(b"<html>not found</html>").1.is_err());
    }

    #[test]
    fn nothing_is_written_outside_the_folder() {
        let (folder, _) = unpacked(&archive(&[("../outside", "x"), ("lib/a", "y")]));
        assert!(!folder.path().join("outside").exists());
        assert!(folder.path().join("files/lib/a").exists());
    }
}
