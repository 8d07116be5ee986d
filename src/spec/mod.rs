//! What must hold: the catalogue of requirements, the profile of values, the optional capabilities.
//!
//! Main types: [`Catalogue`], [`Profile`], [`Ics`]. Knows nothing of scenarios, checks or sockets.
//! Everything that Meta keeps unpublished is a profile value with its basis, never a constant, so
//! that a partner can overlay what it was told under NDA.

pub mod basis;
pub mod capability;
mod fixed;
pub mod key;
mod overlay;
pub mod problems;
pub mod profile;
pub mod requirement;
mod schema;
pub mod stand_in;
pub mod texts;
pub mod yaml;

pub use basis::Basis;
pub use capability::Ics;
pub use fixed::why as why_fixed;
pub use profile::{Profile, ProfileValue};
pub use requirement::{Catalogue, Level, Requirement};
pub use schema::profile_schema;

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::limits::YAML_BYTES_MAX;
use crate::span::{Diagnostic, Source};

/// A file of the user's that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("cannot read {}: {error}", path.display())]
    Read { path: PathBuf, error: std::io::Error },
    #[error("{} is larger than {YAML_BYTES_MAX} bytes", path.display())]
    TooLarge { path: PathBuf },
    #[error("{} holds more than {max} scenarios", path.display())]
    TooMany { path: PathBuf, max: usize },
    #[error("{} holds no scenario: no file in it ends in .yaml", path.display())]
    Empty { path: PathBuf },
    #[error("there is no profile `{name}`, bundled or as a file; {hint}")]
    NoProfile { name: String, hint: String },
    #[error("{}", joined(.0))]
    Invalid(Vec<Diagnostic>),
}

/// Reads a file that a person wrote, under its path as its name.
///
/// # Errors
/// [`LoadError::Read`], also where it is no UTF-8, and [`LoadError::TooLarge`].
pub fn read_source(path: &Path) -> Result<Source, LoadError> {
    let failed = |error| LoadError::Read { path: path.to_owned(), error };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(YAML_BYTES_MAX as u64 + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() > YAML_BYTES_MAX {
        return Err(LoadError::TooLarge { path: path.to_owned() });
    }
    Ok(Source::new(path.to_string_lossy(), text))
}

/// Several errors as one text, with an empty line between them.
pub fn joined(errors: &[Diagnostic]) -> String {
    let mut text = String::new();
    for (n, error) in errors.iter().enumerate() {
        let gap = if n == 0 { "" } else { "\n\n" };
        write!(text, "{gap}{error}").expect("writing to a String cannot fail");
    }
    text
}

/// Matches a requirement id against a pattern in which `*` stands for any text.
pub fn id_matches(pattern: &str, id: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == id };
    let Some(rest) = id.strip_prefix(head) else { return false };
    rest.char_indices()
        .map(|(at, _)| at)
        .chain([rest.len()])
        .any(|at| id_matches(tail, &rest[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        assert!(id_matches("ENL-*", "ENL-001"));
        assert!(id_matches("*-00*", "MED-001"));
        assert!(id_matches("NOI-005", "NOI-005"));
        assert!(!id_matches("TRN-00*", "TRN-010"));
        assert!(!id_matches("NOI-005", "NOI-0051"));
        assert!(!id_matches("É*x", "É"));
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = read_source(Path::new("/nowhere/profile.yaml")).unwrap_err().to_string();
        assert!(error.starts_with("cannot read /nowhere/profile.yaml: "), "{error}");
    }
}
