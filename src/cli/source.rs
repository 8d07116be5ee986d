//! Where scenarios, profiles and the subject come from.

use std::path::{Path, PathBuf};

use clap::Args;

use super::World;
use crate::iut::reference::{Bundled, Target as Place};
use crate::iut::{Adapter, Instances, IutFile, IutRef, Program, Spawn, Timeouts};
use crate::role::quirk;
use crate::run::Target;
use crate::scenario::library::Library;
use crate::scenario::{Case, Scenario, expand, lint, parse};
use crate::span::{Diagnostic, Source, nearest};
use crate::spec::problems::suggestion;
use crate::spec::profile::BUILTIN;
use crate::spec::{LoadError, Profile, joined};

/// The profile of who names none.
pub const PROFILE: &str = "whatsapp-1.0.3";

/// Which scenarios and which profile.
#[derive(Clone, Debug, Args)]
pub struct Sources {
    /// Add the scenarios of this folder; a file with the path of a bundled one replaces it
    #[arg(long, value_name = "DIR")]
    pub scenarios: Option<PathBuf>,
    /// Profile: `whatsapp-1.0.3`, `consumer`, or a file that extends one of them
    #[arg(long, value_name = "NAME|FILE", default_value = PROFILE)]
    pub profile: String,
}

impl Sources {
    /// Loads the profile.
    pub fn profile(&self) -> Result<Profile, LoadError> {
        profile(&self.profile)
    }

    /// All scenarios as texts.
    pub fn library(&self) -> Result<Library, LoadError> {
        let mut library = Library::builtin();
        if let Some(dir) = &self.scenarios {
            library.load_dir(dir)?;
        }
        Ok(library)
    }

    /// All cases of all scenarios, which are parsed and linted.
    pub fn cases(&self) -> Result<Vec<Case>, LoadError> {
        let cases = each(&self.library()?, |id, source| expand(&checked(id, source)?))?;
        Ok(cases.into_iter().flatten().map(Case::without_places).collect())
    }
}

/// Reads every text, on all cores: it is what a user waits for before anything else happens. In the
/// library's order, and so are the errors.
fn each<T: Send>(
    library: &Library,
    read: impl Fn(&str, &Source) -> Result<T, Vec<Diagnostic>> + Sync,
) -> Result<Vec<T>, LoadError> {
    let texts: Vec<(&str, &Source)> = library.iter().collect();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let share = texts.len().div_ceil(cores).max(1);
    let read_all = |texts: &[(&str, &Source)]| -> Vec<_> {
        texts.iter().map(|(id, source)| read(id, source)).collect()
    };
    let read: Vec<Result<T, Vec<Diagnostic>>> = std::thread::scope(|scope| {
        let shares: Vec<_> =
            texts.chunks(share).map(|texts| scope.spawn(|| read_all(texts))).collect();
        shares.into_iter().flat_map(|share| share.join().expect("reading does not panic")).collect()
    });
    let mut errors: Vec<Diagnostic> = Vec::new();
    let mut good = Vec::with_capacity(read.len());
    for one in read {
        match one {
            Ok(one) => good.push(one),
            Err(found) => errors.extend(found),
        }
    }
    if errors.is_empty() { Ok(good) } else { Err(LoadError::Invalid(errors)) }
}

/// Parses and lints one scenario.
pub fn checked(id: &str, source: &Source) -> Result<Scenario, Vec<Diagnostic>> {
    let scenario = parse(id, source)?;
    let quirks: Vec<&str> = quirk::all().map(|quirk| quirk.id).collect();
    let found = lint(&scenario, &quirks);
    if found.is_empty() { Ok(scenario) } else { Err(found) }
}

/// Resolves `--iut`.
///
/// # Errors
/// The reference or the file is not usable; in words.
pub fn target(text: &str, world: &World) -> Result<Target, String> {
    let reference = IutRef::parse(text).map_err(|error| error.to_string())?;
    match reference.target {
        Place::Bundled { which: which @ (Bundled::ThirdParty | Bundled::MediaProxy), quirk } => {
            if let Some(id) = &quirk {
                known_quirk(id)?;
            }
            Ok(Target { seats: reference.seats, ..bundled(which, quirk.as_deref(), world) })
        }
        Place::Bundled { which, .. } => {
            Err(format!("reference:{} is not bundled in this version", which.as_str()))
        }
        Place::File(path) => {
            let file = IutFile::read(&path).map_err(|error| error.to_string())?;
            Ok(Target {
                name: text.to_owned(),
                foreign: true,
                adapter: file.adapter,
                timeouts: file.timeouts,
                ics: file.ics,
                seats: if reference.seats.is_empty() { file.seats } else { reference.seats },
                logs: file.logs,
                attestations: file.attestations,
                pause: None,
                lent: Some(lent(world)),
            })
        }
    }
}

/// Refuses an id that neither a quirk nor a control has.
///
/// # Errors
/// What is to be said of it.
pub fn known_quirk(id: &str) -> Result<(), String> {
    let ids = || quirk::all().map(|q| q.id).chain(quirk::CONTROLS.iter().map(|c| c.id));
    if ids().any(|known| known == id) {
        return Ok(());
    }
    let hint = nearest(id, ids()).map(|near| format!("; did you mean `{near}`?"));
    Err(format!("there is no quirk `{id}`{}", hint.unwrap_or_default()))
}

/// A bundled implementation, started as a process of its own.
pub fn bundled(which: Bundled, quirk: Option<&str>, world: &World) -> Target {
    let mut args = vec!["reference".to_owned(), which.as_str().to_owned()];
    let mut name = format!("reference:{}", which.as_str());
    if let Some(quirk) = quirk {
        args.extend(["--quirk".to_owned(), quirk.to_owned()]);
        name = format!("{name}?quirk={quirk}");
    }
    let mut spawn = Spawn::of(Program::new(&world.program).args(args));
    if quirk.is_some() {
        // A fault must not show in another case than the one that is judged.
        spawn.instances = Instances::PerCase;
    }
    Target {
        name,
        foreign: false,
        adapter: Adapter::Spawn(spawn),
        timeouts: Timeouts::default(),
        ics: serde_json::Map::new(),
        seats: Vec::new(),
        logs: Vec::new(),
        attestations: Vec::new(),
        pause: None,
        lent: Some(lent(world)),
    }
}

/// The bundled client, for servers that have none.
fn lent(world: &World) -> Adapter {
    let args = ["reference", Bundled::ThirdParty.as_str()];
    Adapter::Spawn(Spawn::of(Program::new(&world.program).args(args)))
}

/// Errors as one text.
pub fn all(errors: &[Diagnostic]) -> String {
    joined(errors)
}

/// The profile of this name, bundled or a file.
///
/// # Errors
/// There is none, or the file says something that a profile cannot say.
pub fn profile(name: &str) -> Result<Profile, LoadError> {
    match Profile::builtin(name).or_else(|| Profile::overlay(name)) {
        Some(profile) => Ok(profile),
        None if Path::new(name).exists() => Profile::load(Path::new(name)),
        None => {
            let known: Vec<&str> = BUILTIN.iter().map(|(name, _)| *name).collect();
            let hint = suggestion("profiles", name, &known).unwrap_or_default();
            Err(LoadError::NoProfile { name: name.to_owned(), hint })
        }
    }
}
