//! The files of the reference: those that its users send are read here, those that they receive are
//! written here, in a folder of the process's own that ends with it.
//!
//! Main type: [`Files`]. Names come without any folder; what is longer than a file may be is not read.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Where received files lie.
#[derive(Default)]
pub(super) struct Files {
    folder: Option<PathBuf>,
}

/// The bytes and the name of a file that a user sends.
///
/// # Errors
/// It cannot be read, or has more than `max` bytes and so many were not read.
pub(super) fn read(path: &str, max: u64) -> io::Result<(Vec<u8>, String)> {
    let path = Path::new(path);
    let mut bytes = Vec::new();
    File::open(path)?.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok((bytes, name.unwrap_or_default()))
}

impl Files {
    /// Where a file of this name lies, or will.
    pub fn path(&mut self, account: &str, name: &str) -> PathBuf {
        static FOLDERS: AtomicU64 = AtomicU64::new(0);
        let folder = self.folder.get_or_insert_with(|| {
            let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
            let name = format!("counterpart-reference-{}-{number}", std::process::id());
            std::env::temp_dir().join(name)
        });
        folder.join(account).join(name)
    }

    /// Writes a received file.
    ///
    /// # Errors
    /// The folder for temporary files cannot be written.
    pub fn save(&mut self, account: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(account, name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, bytes)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            // What cannot be removed is the operating system's to clean up.
            let _ = fs::remove_dir_all(folder);
        }
    }
}
