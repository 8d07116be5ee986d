//! `init`: the first files of somebody who puts a client under test.
//!
//! The templates are whole programs that answer `driver-check` at once; they are embedded, so that a
//! binary alone is enough. A file that exists is never touched.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};

use super::fail;
use super::stdout;
use crate::verdict::Exit;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// An adapter that answers the driver check at once, with its IUT file
    Adapter {
        /// The language that it is written in
        #[arg(long)]
        lang: Lang,
        /// Where to put it
        #[arg(default_value = "adapter")]
        dir: PathBuf,
    },
    /// An IUT file with everything that it may say
    Iut {
        #[arg(default_value = "iut.yaml")]
        file: PathBuf,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Lang {
    Rust,
    Python,
    Node,
}

const IUT: &str = include_str!("../../fixtures/adapters/templates/iut.yaml");
const PYTHON: &str = include_str!("../../fixtures/adapters/templates/python/adapter.py");
const NODE: &str = include_str!("../../fixtures/adapters/templates/node/adapter.mjs");
const RUST: &str = include_str!("../../fixtures/adapters/templates/rust/src/main.rs");
const MANIFEST: &str = include_str!("../../fixtures/adapters/templates/rust/Cargo.toml.txt");

impl Lang {
    /// Files below the folder, with their contents.
    fn files(self) -> Vec<(&'static str, String)> {
        let iut = |command: &str| ("iut.yaml", IUT.replace("COMMAND", command));
        match self {
            Self::Rust => vec![
                ("Cargo.toml", MANIFEST.to_owned()),
                ("src/main.rs", RUST.to_owned()),
                (
                    "iut.yaml",
                    IUT.replace("COMMAND", "cargo, run, --quiet").replace("30000", "300000"),
                ),
            ],
            Self::Python => vec![("adapter.py", PYTHON.to_owned()), iut("python3, adapter.py")],
            Self::Node => vec![("adapter.mjs", NODE.to_owned()), iut("node, adapter.mjs")],
        }
    }
}

pub fn execute(args: &Args) -> Exit {
    let (dir, files) = match &args.what {
        What::Adapter { lang, dir } => (dir.clone(), lang.files()),
        What::Iut { file } => {
            let name = file.file_name().and_then(|name| name.to_str()).unwrap_or("iut.yaml");
            let dir = file.parent().unwrap_or(Path::new("")).to_owned();
            return report(&dir, &write_all(&dir, &[(name, IUT.replace("COMMAND", "./adapter"))]));
        }
    };
    report(&dir, &write_all(&dir, &files))
}

type Written = Result<Vec<PathBuf>, (PathBuf, io::Error)>;

/// Writes all files or, where one exists already, none.
fn write_all(dir: &Path, files: &[(&str, String)]) -> Written {
    let path = |name: &str| dir.join(name);
    if let Some((name, _)) = files.iter().find(|(name, _)| path(name).exists()) {
        let error = io::Error::new(io::ErrorKind::AlreadyExists, "it exists and is left as it is");
        return Err((path(name), error));
    }
    files.iter().map(|(name, text)| write(path(name), text)).collect()
}

fn write(path: PathBuf, text: &str) -> Result<PathBuf, (PathBuf, io::Error)> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let made = parent.map_or(Ok(()), std::fs::create_dir_all);
    match made.and_then(|()| std::fs::write(&path, text)) {
        Ok(()) => Ok(path),
        Err(error) => Err((path, error)),
    }
}

fn report(dir: &Path, written: &Written) -> Exit {
    match written {
        Ok(paths) => {
            paths.iter().for_each(|path| stdout::line(format_args!("wrote {}", path.display())));
            let iut = paths.last().cloned().unwrap_or_else(|| dir.join("iut.yaml"));
            stdout::line(format_args!("next: counterpart driver-check --iut {}", iut.display()));
            Exit::Good
        }
        Err((path, error)) => {
            fail(Exit::Usage, &format!("cannot write {}: {error}", path.display()))
        }
    }
}
