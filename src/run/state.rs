//! A folder where an implementation may keep what must outlive its end.
//!
//! Main type: [`StateFolder`]. Only an instance gets one whose case restarts or kills it: to write
//! everything down costs time. The folder goes with the case, and nobody but its owner can read it, since
//! what is kept there are keys.

use std::fs::{self, DirBuilder};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A folder that ends with its owner.
pub(super) struct StateFolder(PathBuf);

impl StateFolder {
    /// Makes an empty folder among the temporary ones.
    ///
    /// # Errors
    /// The folder for temporary files cannot be written.
    pub fn new() -> io::Result<Self> {
        static FOLDERS: AtomicU64 = AtomicU64::new(0);
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let name = format!("counterpart-state-of-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        if path.exists() {
            // A process of this number has left it behind.
            fs::remove_dir_all(&path)?;
        }
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path)?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for StateFolder {
    fn drop(&mut self) {
        // What cannot be removed is the operating system's to clean up.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_owner_has_one_and_it_goes_with_him() {
        let [one, other] = [(); 2].map(|()| StateFolder::new().unwrap());
        assert_ne!(one.path(), other.path());
        fs::write(one.path().join("state"), b"keys").unwrap();
        let path = one.path().to_owned();
        drop(one);
        assert!(!path.exists() && other.path().is_dir());
    }
}
