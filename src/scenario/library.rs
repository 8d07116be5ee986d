//! Where scenarios come from: the embedded ones, and directories that add to them or replace.
//!
//! Main type: [`Library`], sources by id. `build.rs` writes the list of the embedded files, so that
//! a new file is in the binary without a line of code. Nothing is parsed here: one file that cannot
//! be read must not keep the others from being listed.

use std::collections::BTreeMap;
use std::path::Path;

use crate::limits::SCENARIO_FILES_MAX;
use crate::span::Source;
use crate::spec::{LoadError, read_source};

include!(concat!(env!("OUT_DIR"), "/scenarios.rs"));

/// Deepest nesting of directories that is walked; ours have two levels.
const DIRECTORY_DEPTH_MAX: usize = 8;

/// The embedded scenarios: path below `scenarios/`, and text, sorted by path.
pub fn builtin() -> &'static [(&'static str, &'static str)] {
    SCENARIOS
}

/// Scenario sources by id, which is the path below the directory without `.yaml`.
#[derive(Clone, Debug, Default)]
pub struct Library {
    sources: BTreeMap<String, Source>,
}

impl Library {
    /// The embedded scenarios.
    pub fn builtin() -> Self {
        let mut library = Self::default();
        for (path, text) in builtin() {
            library.add(path, Source::new(format!("scenarios/{path}"), *text));
        }
        library
    }

    /// Adds every `.yaml` file below a directory; one with an id that is known replaces it.
    /// `requirements/` and `profiles/` are left out; symbolic links to directories are not walked.
    ///
    /// # Errors
    /// A directory or file that cannot be read or is too large, and more files than
    /// [`SCENARIO_FILES_MAX`].
    pub fn load_dir(&mut self, dir: &Path) -> Result<(), LoadError> {
        let mut files = Vec::new();
        walk(dir, "", 0, &mut files)?;
        if files.is_empty() {
            return Err(LoadError::Empty { path: dir.to_owned() });
        }
        for (path, source) in files {
            self.add(&path, source);
        }
        Ok(())
    }

    pub fn get(&self, id: &str) -> Option<&Source> {
        self.sources.get(id)
    }

    /// Ids and sources, sorted by id.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Source)> {
        self.sources.iter().map(|(id, source)| (id.as_str(), source))
    }

    fn add(&mut self, path: &str, source: Source) {
        let id = path.strip_suffix(".yaml").unwrap_or(path);
        self.sources.insert(id.to_owned(), source);
    }
}

fn walk(
    dir: &Path,
    prefix: &str,
    depth: usize,
    files: &mut Vec<(String, Source)>,
) -> Result<(), LoadError> {
    let failed = |error| LoadError::Read { path: dir.to_owned(), error };
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        let other = depth == 0 && matches!(name.as_str(), "requirements" | "profiles");
        if entry.file_type().map_err(failed)?.is_dir() {
            if depth < DIRECTORY_DEPTH_MAX && !other {
                walk(&entry.path(), &format!("{path}/"), depth + 1, files)?;
            }
        } else if name.ends_with(".yaml") {
            if files.len() >= SCENARIO_FILES_MAX {
                return Err(LoadError::TooMany { path: dir.to_owned(), max: SCENARIO_FILES_MAX });
            }
            files.push((path, read_source(&entry.path())?));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_files_are_scenarios_only_and_sorted() {
        assert!(builtin().is_sorted_by_key(|(path, _)| *path));
        for (path, _) in builtin() {
            assert!(path.ends_with(".yaml"), "{path}");
            assert!(!path.starts_with("requirements/") && !path.starts_with("profiles/"), "{path}");
        }
        assert_eq!(Library::builtin().iter().count(), builtin().len());
    }

    #[test]
    fn a_directory_adds_and_replaces() {
        let dir = std::env::temp_dir().join(format!("counterpart-library-{}", std::process::id()));
        for sub in ["m3/deep", "profiles"] {
            std::fs::create_dir_all(dir.join(sub)).unwrap();
        }
        for (file, text) in [
            ("a.yaml", "one"),
            ("m3/deep/b.yaml", "two"),
            ("m3/readme.md", "no"),
            ("profiles/p.yaml", "no"),
        ] {
            std::fs::write(dir.join(file), text).unwrap();
        }
        let mut library = Library::default();
        library.add("a.yaml", Source::new("old", "old"));
        library.load_dir(&dir).unwrap();
        let ids: Vec<&str> = library.iter().map(|(id, _)| id).collect();
        assert_eq!(ids, ["a", "m3/deep/b"]);
        assert_eq!(&*library.get("a").unwrap().text, "one");
        std::fs::remove_dir_all(&dir).unwrap();
        assert!(library.load_dir(&dir).is_err());
    }
}
