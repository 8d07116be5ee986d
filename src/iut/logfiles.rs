//! The log files that an IUT file names (`logs:`), beside the adapter's standard error.
//!
//! Main type: [`LogFiles`], taken when a case begins: it knows how long the files were, and later
//! reads what was added. A file that was replaced meanwhile is read from its beginning, and of a
//! directory every file counts, also one that was not there before.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use crate::limits::{LOG_FILE_BYTES_MAX, LOG_FILES_MAX, LOG_LINE_BYTES_MAX};

/// Files with the place up to which they are old.
#[derive(Clone, Debug, Default)]
pub struct LogFiles {
    paths: Vec<PathBuf>,
    lengths: BTreeMap<PathBuf, u64>,
}

impl LogFiles {
    /// Marks where the files end now; one that does not exist yet is all new later.
    pub fn mark(paths: &[PathBuf]) -> Self {
        let length = |path: PathBuf| {
            let bytes = std::fs::metadata(&path).map_or(0, |data| data.len());
            (path, bytes)
        };
        Self { paths: paths.to_vec(), lengths: files(paths).into_iter().map(length).collect() }
    }

    /// Reads what was added since, at most `LOG_FILE_BYTES_MAX` of each file's end. A file that
    /// cannot be read adds nothing.
    pub fn added(&self) -> Vec<(PathBuf, Vec<String>)> {
        let added = self.added_bytes().into_iter();
        added.map(|(path, bytes)| (path, lines(&bytes))).collect()
    }

    /// The same as bytes: what is compressed has no lines.
    pub fn added_bytes(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let read = |path: PathBuf| {
            let from = self.lengths.get(&path).copied().unwrap_or(0);
            Some((path.clone(), bytes(&path, from).ok()?))
        };
        let read = files(&self.paths).into_iter().filter_map(read);
        read.filter(|(_, bytes)| !bytes.is_empty()).collect()
    }
}

/// The files that the paths stand for, in order.
fn files(paths: &[PathBuf]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in paths {
        match std::fs::read_dir(path) {
            Ok(entries) => {
                let mut inside: Vec<PathBuf> =
                    entries.flatten().map(|entry| entry.path()).filter(|p| p.is_file()).collect();
                inside.sort();
                files.extend(inside);
            }
            Err(_) => files.push(path.clone()),
        }
    }
    files.truncate(LOG_FILES_MAX);
    files
}

fn bytes(path: &Path, from: u64) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let end = file.metadata()?.len();
    let from = if end < from { 0 } else { from };
    let start = from.max(end.saturating_sub(LOG_FILE_BYTES_MAX));
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(LOG_FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn lines(bytes: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(bytes).lines().map(shortened).collect()
}

fn shortened(line: &str) -> String {
    line.chars().take(LOG_LINE_BYTES_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_added_is_read() {
        let path = std::env::temp_dir().join(format!("counterpart-log-{}", std::process::id()));
        std::fs::write(&path, "before\n").unwrap();
        let absent = path.with_extension("absent");
        let files = LogFiles::mark(&[path.clone(), absent]);
        assert_eq!(files.added(), []);
        std::fs::write(&path, "before\nafter\n").unwrap();
        assert_eq!(files.added(), [(path.clone(), vec!["after".to_owned()])]);
        std::fs::write(&path, "anew\n").unwrap();
        assert_eq!(files.added(), [(path.clone(), vec!["anew".to_owned()])]);
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_directory_stands_for_its_files_new_ones_too() {
        let folder = std::env::temp_dir().join(format!("counterpart-logs-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("old.log"), "before").unwrap();
        let files = LogFiles::mark(std::slice::from_ref(&folder));
        assert_eq!(files.added_bytes(), []);
        std::fs::write(folder.join("old.log"), "before, after").unwrap();
        std::fs::write(folder.join("new.bin"), [0xFF, 0]).unwrap();
        let added = files.added_bytes();
        let expected = [("new.bin", vec![0xFF, 0]), ("old.log", b", after".to_vec())];
        assert_eq!(added, expected.map(|(name, bytes)| (folder.join(name), bytes)));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
