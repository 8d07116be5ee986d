//! Where reports are written: the run's own folder, and what `--report` names.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::report::{Format, Report, format};
use crate::span::nearest;

/// The run's own report.
pub const REPORT: &str = "report.json";
/// Points to the newest run.
pub const LATEST: &str = "latest";

/// `FORMAT=PATH` of `--report`.
#[derive(Clone)]
pub struct Wanted {
    format: &'static dyn Format,
    path: PathBuf,
}

impl std::fmt::Debug for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.format.id(), self.path.display())
    }
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((id, path)) if !path.is_empty() => {
                Ok(Self { format: found(id)?, path: path.into() })
            }
            _ => Err("write it as FORMAT=PATH, for example junit=report.xml".to_owned()),
        }
    }
}

/// The format of this name.
///
/// # Errors
/// In words, with the nearest name.
pub fn found(id: &str) -> Result<&'static dyn Format, String> {
    format::find(id).ok_or_else(|| {
        let ids = format::ids();
        let near = nearest(id, ids.iter().copied());
        let hint = near.map_or_else(
            || format!("formats: {}", ids.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        format!("there is no report format `{id}`; {hint}")
    })
}

/// Writes the run's report, points `latest` to the run and writes what else was asked for.
///
/// # Errors
/// Which file could not be written, and why.
pub fn write(report: &Report, out: &Path, wanted: &[Wanted]) -> Result<(), String> {
    let own = Wanted { format: found("json")?, path: out.join(REPORT) };
    own.write(report)?;
    point(out).map_err(|error| format!("cannot point `{LATEST}` to the run: {error}"))?;
    wanted.iter().try_for_each(|wanted| wanted.write(report))
}

impl Wanted {
    fn write(&self, report: &Report) -> Result<(), String> {
        let failed = |error: std::io::Error| {
            format!("cannot write the report {}: {error}", self.path.display())
        };
        if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let written = File::create(&self.path).and_then(|file| {
            let mut file = BufWriter::new(file);
            self.format.write(report, &mut file)?;
            file.flush()
        });
        written.map_err(failed)
    }
}

/// Replaces the link beside the run's folder.
fn point(out: &Path) -> std::io::Result<()> {
    let (Some(all), Some(run)) = (out.parent(), out.file_name()) else { return Ok(()) };
    let latest = all.join(LATEST);
    match std::fs::remove_file(&latest) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::os::unix::fs::symlink(run, latest)
}

/// Reads the report of a run, named by its folder, its id below `all`, `latest`, or the file.
///
/// # Errors
/// Which file cannot be read, and why.
pub fn read(run: &str, all: &Path) -> Result<(Report, PathBuf), String> {
    let direct = PathBuf::from(run);
    let path = match direct {
        path if path.is_file() => path,
        path if path.join(REPORT).is_file() => path.join(REPORT),
        _ => all.join(run).join(REPORT),
    };
    let text = std::fs::read_to_string(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound if run == LATEST => {
            "there is no earlier run in the output folder; `counterpart run` makes one, and \
             `--out DIR` names another folder"
                .to_owned()
        }
        std::io::ErrorKind::NotFound => format!(
            "there is no run `{run}`: neither a folder with a report, nor a report, nor a run in {}",
            all.display()
        ),
        _ => format!("cannot read the report {}: {error}", path.display()),
    })?;
    let report = serde_json::from_str(&text)
        .map_err(|error| format!("{} is no report: {error}", path.display()))?;
    Ok((report, path))
}
