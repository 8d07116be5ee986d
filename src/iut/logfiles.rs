//! The log files that an IUT file names (`logs:`), beside the adapter's standard error.
//!
//! Main type: [`LogFiles`], taken when a case begins: it knows how long the files were, and later
//! reads what was added. A file that was replaced meanwhile is read from its beginning.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use crate::limits::{LOG_FILE_BYTES_MAX, LOG_LINE_BYTES_MAX};

/// Files with the place up to which they are old.
#[derive(Clone, Debug, Default)]
pub struct LogFiles(Vec<(PathBuf, u64)>);

impl LogFiles {
    /// Marks where the files end now; one that does not exist yet is all new later.
    pub fn mark(paths: &[PathBuf]) -> Self {
        let length = |path: &PathBuf| std::fs::metadata(path).map_or(0, |data| data.len());
        Self(paths.iter().map(|path| (path.clone(), length(path))).collect())
    }

    /// Reads what was added since, at most `LOG_FILE_BYTES_MAX` of each file's end. A file that
    /// cannot be read adds nothing.
    pub fn added(&self) -> Vec<(PathBuf, Vec<String>)> {
        let read = |(path, from): &(PathBuf, u64)| Some((path.clone(), lines(path, *from).ok()?));
        self.0.iter().filter_map(read).filter(|(_, lines)| !lines.is_empty()).collect()
    }
}

fn lines(path: &Path, from: u64) -> std::io::Result<Vec<String>> {
    let mut file = File::open(path)?;
    let end = file.metadata()?.len();
    let from = if end < from { 0 } else { from };
    let start = from.max(end.saturating_sub(LOG_FILE_BYTES_MAX));
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(LOG_FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.lines().map(shortened).collect())
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
}
