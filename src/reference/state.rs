//! The state of the reference's users on the disk: one file each, in the folder that `configure` names.
//!
//! Main type: [`StateDir`]. A file is replaced as a whole, so that a process that is killed leaves the
//! state before or the one after. It is not forced to the medium: what is tried here is the end of a
//! process, and not of the machine.

use std::fs;
use std::io;
use std::path::PathBuf;

/// Where states lie.
pub(super) struct StateDir(PathBuf);

impl StateDir {
    /// Takes the folder, which exists.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    /// Accounts are named by the harness; only their digits and letters name files.
    fn path(&self, account: &str) -> PathBuf {
        self.0.join(format!("{}.json", hex::encode(account)))
    }

    /// Puts a state in the place of the one before.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn keep(&self, account: &str, state: &[u8]) -> io::Result<()> {
        let path = self.path(account);
        let next = path.with_extension("next");
        fs::write(&next, state)?;
        fs::rename(next, path)
    }

    /// The last state that was kept; `None` where there never was any.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn kept(&self, account: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.path(account)) {
            Ok(state) => Ok(Some(state)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_state_is_there_whatever_the_account_is_called() {
        let folder = std::env::temp_dir().join(format!("counterpart-state-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let states = StateDir::new(&folder);
        for account in ["a1", "../up", "a/b"] {
            assert_eq!(states.kept(account).unwrap(), None);
            states.keep(account, b"one").unwrap();
            states.keep(account, b"two").unwrap();
            assert_eq!(states.kept(account).unwrap().as_deref(), Some(&b"two"[..]));
        }
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 3);
        fs::remove_dir_all(&folder).unwrap();
        assert!(states.keep("a1", b"three").is_err());
    }
}
