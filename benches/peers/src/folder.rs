//! A folder for one bench: it holds many copies of a file, and goes when the bench ends.

use std::fs;
use std::path::{Path, PathBuf};

/// A folder of its own under the system's for temporary files.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes the folder; the name is that of the bench.
    ///
    /// # Panics
    /// If it cannot be made.
    pub fn new(name: &str) -> Self {
        let name = format!("counterpart-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("the system's folder can be written to");
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Makes a folder in it that holds this text a number of times, as `0.EXTENSION` and so on.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn copies(&self, name: &str, text: &str, extension: &str, times: u32) -> Vec<PathBuf> {
        let folder = self.0.join(name);
        // Fewer copies than last time would leave some of those.
        if folder.exists() {
            fs::remove_dir_all(&folder).expect("it is ours");
        }
        fs::create_dir_all(&folder).expect("it is ours");
        let write = |number| {
            let file = folder.join(format!("{number}.{extension}"));
            fs::write(&file, text).expect("it is ours");
            file
        };
        (0..times).map(write).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left is in a folder for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_copies_as_were_asked_for_last_and_none_at_the_end() {
        let folder = Folder::new("test");
        let path = folder.path().to_owned();
        folder.copies("a", "text", "yaml", 3);
        let files = folder.copies("a", "text", "yaml", 2);
        assert_eq!(fs::read_dir(path.join("a")).unwrap().count(), 2);
        assert_eq!(fs::read_to_string(&files[1]).unwrap(), "text");
        drop(folder);
        assert!(!path.exists());
    }
}
