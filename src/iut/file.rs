//! The file that describes an implementation under test (`interfaces.md` §5).
//!
//! Main type: [`IutFile`]. Reading it starts nothing. Paths in it are relative to the file, so that
//! a run does not depend on where the harness was started. `server` stands only beside `adapter:
//! none`: an adapter says itself, in `offers`, where its server listens.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value as Json};

use super::adapter::{
    ACCOUNTS_DEFAULT, Adapter, Address, Played, Prepared, Server, Spawn, UnusablePlace,
    is_host_and_port,
};
use super::attestation::{self, Attestation};
use super::ics;
use super::instance::Timeouts;
use super::manual::{self, Held};
use super::program::Program;
use crate::driver::Seat;
use crate::driver::session::UploadOffer;
use crate::net::Trust;
use crate::span::{Source, Span};
use crate::spec::problems::{Fields, Problems};
use crate::spec::yaml::{Entry, Value, Yaml};
use crate::spec::{LoadError, read_source};

/// An implementation under test, as its file describes it.
#[derive(Clone, Debug)]
pub struct IutFile {
    pub name: String,
    pub version: String,
    /// The seats that it can take; at least one, none twice.
    pub seats: Vec<Seat>,
    pub adapter: Adapter,
    /// What it narrows of the capabilities that `hello` will state.
    pub ics: Map<String, Json>,
    /// Log files beside standard error.
    pub logs: Vec<PathBuf>,
    pub timeouts: Timeouts,
    /// What the partner states where nothing can be run.
    pub attestations: Vec<Attestation>,
}

/// How cases share processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Instances {
    /// One process carries the users of many cases.
    #[default]
    Shared,
    PerCase,
}

impl IutFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`LoadError`]: it cannot be read, is too large, or holds mistakes, all of which are listed.
    pub fn read(path: &Path) -> Result<Self, LoadError> {
        let source = read_source(path)?;
        let failed = |error| LoadError::Read { path: path.to_owned(), error };
        let real = path.canonicalize().map_err(failed)?;
        Self::parse(&source, real.parent().unwrap_or(Path::new("/")))
    }

    /// Reads a file's text; `folder` is the absolute path of where it lies.
    ///
    /// # Errors
    /// [`LoadError::Invalid`] with every mistake.
    pub fn parse(source: &Source, folder: &Path) -> Result<Self, LoadError> {
        let tree = Yaml::parse(source).map_err(|error| LoadError::Invalid(vec![error]))?;
        let mut reader = Reader { problems: Problems::new(source), folder };
        let file = reader.file(&tree);
        reader.problems.finish(file).map_err(LoadError::Invalid)
    }
}

struct Reader<'a> {
    problems: Problems,
    folder: &'a Path,
}

pub(super) const TOP: &[&str] = &[
    "schema",
    "name",
    "version",
    "seats",
    "adapter",
    "server",
    "proxy",
    "ics",
    "logs",
    "timeouts_ms",
    "attestations",
];
pub(super) const SPAWN: &[&str] =
    &["command", "cwd", "env", "instances", "max_accounts", "digest_of"];
pub(super) const SEATS: &[(Seat, &str)] = &[
    (Seat::ThirdPartyClient, "third-party-client"),
    (Seat::ThirdPartyServer, "third-party-server"),
    (Seat::Intermediary, "intermediary"),
    (Seat::Meta, "meta"),
    (Seat::MediaProxy, "media-proxy"),
];
pub(super) const ADAPTERS: &[(Form, &str)] = &[
    (Form::Spawn, "spawn"),
    (Form::Attach, "attach"),
    (Form::Manual, "manual"),
    (Form::None, "none"),
];
pub(super) const MANUAL: &[&str] = &["answers", "hooks"];
pub(super) const SERVER: &[&str] = &["base_url", "tls_ca", "media", "media_file", "upload"];
pub(super) const UPLOAD: &[&str] = &["url", "method", "credentials"];
pub(super) const PROXY: &[&str] = &["url", "upstream"];
pub(super) const ATTACH: &[&str] = &["tcp", "unix"];

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Spawn,
    Attach,
    Manual,
    None,
}

impl Reader<'_> {
    /// Reads what is there even where something is missing, so that one run shows all mistakes.
    fn file(&mut self, tree: &Yaml) -> Option<IutFile> {
        let required = ["schema", "name", "version", "seats", "adapter"];
        let top = self.problems.fields(tree, "an IUT file", TOP, &required)?;
        self.schema(top);
        let name = self.text(top, "name");
        let version = self.text(top, "version");
        let seats = top.get("seats").map(|node| self.seats(node));
        let adapter = top.get("adapter").and_then(|node| self.adapter(node, top));
        let ics =
            top.get("ics").map(|node| ics::read(&mut self.problems, node)).unwrap_or_default();
        let logs = self.paths(top, "logs");
        let attestations = top.get("attestations");
        let attestations = attestations
            .map(|node| attestation::read(&mut self.problems, node))
            .unwrap_or_default();
        let timeouts = top.get("timeouts_ms").map(|node| self.timeouts(node)).unwrap_or_default();
        let (name, version, seats) = (name?, version?, seats?);
        let adapter = self.named(adapter?, &name, &version, &seats, top);
        Some(IutFile { name, version, seats, adapter, ics, logs, timeouts, attestations })
    }

    fn schema(&mut self, top: Fields<'_>) {
        let Some(node) = top.get("schema") else {
            return;
        };
        if self.problems.number(node, "schema").is_some_and(|number| number != 1) {
            self.problems.advise(
                node.span,
                "this version reads IUT files of schema 1",
                "write `schema: 1`",
            );
        }
    }

    /// Gives a server without a driver its name, and sees that it takes the one seat it can.
    fn named(
        &mut self,
        adapter: Adapter,
        name: &str,
        version: &str,
        seats: &[Seat],
        top: Fields<'_>,
    ) -> Adapter {
        let server = match adapter {
            Adapter::None(server) => server,
            Adapter::Manual(held) => {
                let (name, version) = (name.to_owned(), version.to_owned());
                return Adapter::Manual(Held { name, version, seats: seats.to_vec(), ..held });
            }
            driven => return driven,
        };
        let seat = server.seat();
        if seats != [seat]
            && let Some(node) = top.get("seats")
        {
            self.problems.advise(
                node.anchor(),
                "without a driver a third party's server or a media proxy can be tested, and no more",
                format!("write `seats: [{seat}]`"),
            );
        }
        Adapter::None(Server { name: name.to_owned(), version: version.to_owned(), ..server })
    }

    fn text(&mut self, fields: Fields<'_>, key: &str) -> Option<String> {
        let node = fields.get(key)?;
        let text = self.problems.text(node, key)?;
        if text.is_empty() {
            self.problems.add(node.span, format!("{key} is empty"));
        }
        Some(text.to_owned())
    }

    fn seats(&mut self, node: &Yaml) -> Vec<Seat> {
        let items = self.problems.items(node, "seats");
        if items.is_empty() {
            self.problems.add(node.anchor(), "an implementation takes at least one seat");
        }
        let mut seats = Vec::new();
        for item in items {
            let Some(seat) = self.problems.word(item, "seat", SEATS) else {
                continue;
            };
            if seats.contains(&seat) {
                self.problems.add(item.span, format!("the seat `{seat}` stands here twice"));
            }
            seats.push(seat);
        }
        seats
    }

    fn adapter(&mut self, node: &Yaml, top: Fields<'_>) -> Option<Adapter> {
        let (word, span, settings) = match &node.value {
            Value::Map(entries) if entries.len() == 1 => {
                (&entries[0].key, entries[0].key_span, Some(&entries[0].value))
            }
            Value::Scalar { text, .. } => (text, node.span, None),
            _ => {
                self.problems.add(node.anchor(), "adapter is one of spawn, attach, manual, none");
                return None;
            }
        };
        let Some((form, _)) = ADAPTERS.iter().find(|(_, known)| known == word) else {
            let known: Vec<&str> = ADAPTERS.iter().map(|(_, word)| *word).collect();
            self.problems.unknown(span, "adapter", word, &known);
            return None;
        };
        if *form != Form::None {
            self.no_server(top);
        }
        match form {
            Form::Spawn => self.spawn(settings.unwrap_or(node)).map(Adapter::Spawn),
            Form::Attach => self.attach(settings.unwrap_or(node)).map(Adapter::Attach),
            Form::Manual => {
                let (answers, hooks) = settings.map(|node| self.person(node)).unwrap_or_default();
                let (name, version) = (String::new(), String::new());
                Some(Adapter::Manual(Held { name, version, seats: Vec::new(), answers, hooks }))
            }
            Form::None => self.silent(span, top).map(Adapter::None),
        }
    }

    /// Where the person's lines come from, and which hooks the person has.
    fn person(&mut self, node: &Yaml) -> (Option<PathBuf>, Vec<&'static str>) {
        let Some(fields) = self.problems.fields(node, "manual", MANUAL, &[]) else {
            return (None, Vec::new());
        };
        let answers = self.text(fields, "answers").map(|path| self.folder.join(path));
        let named = fields.get("hooks").map(|node| self.problems.items(node, "hooks"));
        let known = manual::HOOKS.iter().map(|hook| (*hook, *hook)).collect::<Vec<_>>();
        let hooks = named.unwrap_or_default().iter();
        (answers, hooks.filter_map(|node| self.problems.word(node, "hook", &known)).collect())
    }

    fn no_server(&mut self, top: Fields<'_>) {
        if let Some(entry) = top.entry("server") {
            self.problems.advise(
                entry.key_span,
                "an adapter says itself where its server listens",
                "answer `configure` with `offers: {base_url: …}`, or write `adapter: none`",
            );
        }
        if let Some(entry) = top.entry("proxy") {
            self.problems.advise(
                entry.key_span,
                "an adapter says itself where its proxy listens",
                "answer `configure` with `offers: {media_url: …}`, or write `adapter: none`",
            );
        }
    }

    /// What has no driver: a server, or else a proxy.
    fn silent(&mut self, adapter: Span, top: Fields<'_>) -> Option<Server> {
        match (top.get("proxy"), top.entry("server")) {
            (None, _) => self.server(adapter, top),
            (Some(node), None) => self.proxy(node),
            (Some(_), Some(entry)) => {
                let advice = "write a file for each of them";
                self.problems.advise(entry.key_span, "beside `proxy` nothing serves", advice);
                None
            }
        }
    }

    fn proxy(&mut self, node: &Yaml) -> Option<Server> {
        let fields = self.problems.fields(node, "proxy", PROXY, PROXY)?;
        let url = self.text(fields, "url")?.trim_end_matches('/').to_owned();
        let upstream = fields.get("upstream")?;
        let place = self.text(fields, "upstream")?;
        let upstream = match place.parse() {
            Ok(place) => place,
            Err(why) => {
                let help = "write the address at which the proxy finds the third party's files, \
                            `http://127.0.0.1:PORT` and a path";
                let UnusablePlace(why) = why;
                self.problems.advise(upstream.span, why, help);
                return None;
            }
        };
        let played = Played::Proxy { url, upstream };
        Some(Server { name: String::new(), version: String::new(), played })
    }

    fn server(&mut self, adapter: Span, top: Fields<'_>) -> Option<Server> {
        let Some(node) = top.get("server") else {
            self.problems.advise(
                adapter,
                "without an adapter nothing says where the server is",
                "add `server: { base_url: \"http://HOST:PORT\" }`",
            );
            return None;
        };
        let fields = self.problems.fields(node, "server", SERVER, &["base_url"])?;
        let base_url = self.text(fields, "base_url")?.trim_end_matches('/').to_owned();
        let media = match fields.get("media") {
            Some(_) => Some(self.prepared(fields)?),
            None => {
                if let Some(entry) = fields.entry("media_file") {
                    let help = "`media: REFERENCE` says where the server serves it";
                    self.problems.advise(entry.key_span, "a file without a reference", help);
                }
                None
            }
        };
        let tls_ca = fields.get("tls_ca").and_then(|node| self.pem(node));
        let upload = fields.get("upload").and_then(|node| self.upload(node));
        let played = Played::Server { base_url, tls_ca, media, upload };
        Some(Server { name: String::new(), version: String::new(), played })
    }

    /// The file that it serves, and what its bytes are.
    fn prepared(&mut self, fields: Fields<'_>) -> Option<Prepared> {
        let reference = self.text(fields, "media")?.trim_start_matches('/').to_owned();
        let file = fields.get("media_file").and_then(|node| {
            let path = self.folder.join(self.problems.text(node, "media_file")?);
            if !path.is_file() {
                let message = format!("there is no file `{}`", path.display());
                let help = "`media_file` is a copy of what the server serves, byte by byte";
                self.problems.advise(node.span, message, help);
            }
            Some(path)
        });
        Some(Prepared { reference, file })
    }

    /// How a user stores files there.
    fn upload(&mut self, node: &Yaml) -> Option<UploadOffer> {
        let fields = self.problems.fields(node, "upload", UPLOAD, &["url", "credentials"])?;
        let url = self.text(fields, "url")?.to_owned();
        let methods = [("POST", "POST"), ("PUT", "PUT")];
        let method = match fields.get("method") {
            Some(node) => self.problems.word(node, "method", &methods)?,
            None => "POST",
        };
        let shown = fields.get("credentials")?;
        let mut credentials = BTreeMap::new();
        for entry in self.problems.mapping(shown, "`credentials`")?.iter() {
            let value = self.problems.text(&entry.value, "a credential")?;
            credentials.insert(entry.key.clone(), value.to_owned());
        }
        Some(UploadOffer { url, method: method.to_owned(), credentials })
    }

    /// The text of a file with certificates.
    fn pem(&mut self, node: &Yaml) -> Option<String> {
        let path = self.folder.join(self.problems.text(node, "tls_ca")?);
        let text = std::fs::read_to_string(&path).ok().filter(|text| Trust::in_pem(text).is_ok());
        if text.is_none() {
            let help = "`tls_ca` is a file in PEM with the authority of the server's certificate";
            let message = format!("`{}` holds no certificate", path.display());
            self.problems.advise(node.span, message, help);
        }
        text
    }

    fn attach(&mut self, node: &Yaml) -> Option<Address> {
        let fields = self.problems.fields(node, "attach", ATTACH, &[])?;
        match (fields.get("tcp"), fields.get("unix")) {
            (Some(place), None) => {
                let text = self.problems.text(place, "tcp")?;
                if !is_host_and_port(text) {
                    self.problems.add(place.span, "tcp is an address such as `127.0.0.1:7000`");
                }
                Some(Address::Tcp(text.to_owned()))
            }
            (None, Some(path)) => {
                let path = self.problems.text(path, "unix")?;
                Some(Address::Unix(self.folder.join(path)))
            }
            _ => {
                let advice = "write `attach: { tcp: \"127.0.0.1:7000\" }` or `{ unix: PATH }`";
                self.problems.advise(node.anchor(), "attach names one address", advice);
                None
            }
        }
    }

    fn spawn(&mut self, node: &Yaml) -> Option<Spawn> {
        let fields = self.problems.fields(node, "spawn", SPAWN, &["command"])?;
        let cwd = fields.get("cwd").and_then(|node| self.problems.text(node, "cwd")).unwrap_or(".");
        let cwd = Some(self.folder.join(cwd));
        let env = fields.get("env").map(|node| self.env(node)).unwrap_or_default();
        let instances = fields.get("instances").and_then(|node| {
            let words = [(Instances::Shared, "shared"), (Instances::PerCase, "per-case")];
            self.problems.word(node, "instances", &words)
        });
        let max_accounts = self.positive(fields, "max_accounts").unwrap_or(ACCOUNTS_DEFAULT);
        let digest_of = self.paths(fields, "digest_of");
        let (command, args) = self.command(fields.get("command")?)?;
        Some(Spawn {
            program: Program { command, args, cwd, env },
            instances: instances.unwrap_or_default(),
            max_accounts,
            digest_of,
        })
    }

    /// A program with a slash in its name is relative to the file; one without is in `PATH`.
    fn command(&mut self, node: &Yaml) -> Option<(PathBuf, Vec<String>)> {
        let mut args = self.problems.texts(node, "command").into_iter();
        match args.next() {
            Some(program) if program.contains('/') => {
                Some((self.folder.join(program), args.collect()))
            }
            Some(program) if !program.is_empty() => Some((program.into(), args.collect())),
            _ => {
                self.problems.add(node.anchor(), "command names no program");
                None
            }
        }
    }

    fn env(&mut self, node: &Yaml) -> Vec<(String, String)> {
        let Some(map) = self.problems.mapping(node, "env") else {
            return Vec::new();
        };
        map.iter().filter_map(|entry| self.variable(entry)).collect()
    }

    fn variable(&mut self, entry: &Entry) -> Option<(String, String)> {
        if entry.key.is_empty() || entry.key.contains('=') {
            self.problems.add(entry.key_span, "a variable's name is not empty and has no `=`");
        }
        let value = self.problems.text(&entry.value, &entry.key)?;
        Some((entry.key.clone(), value.to_owned()))
    }

    fn paths(&mut self, fields: Fields<'_>, key: &str) -> Vec<PathBuf> {
        let Some(node) = fields.get(key) else {
            return Vec::new();
        };
        let texts = self.problems.texts(node, key);
        texts.into_iter().map(|path| self.folder.join(path)).collect()
    }

    fn timeouts(&mut self, node: &Yaml) -> Timeouts {
        let mut timeouts = Timeouts::default();
        let known = ["start", "operation"];
        if let Some(fields) = self.problems.fields(node, "timeouts_ms", &known, &[]) {
            let mut read = |key: &str, into: &mut Option<Duration>| {
                if let Some(ms) = self.positive(fields, key) {
                    *into = Some(Duration::from_millis(ms));
                }
            };
            read("start", &mut timeouts.start);
            read("operation", &mut timeouts.operation);
        }
        timeouts
    }

    fn positive(&mut self, fields: Fields<'_>, key: &str) -> Option<u64> {
        let node = fields.get(key)?;
        let number = self.problems.number(node, key)?;
        if number == 0 {
            self.problems.add(node.span, format!("{key} is at least 1"));
        }
        Some(number)
    }
}

#[cfg(test)]
mod tests;
