//! The catalogue of requirements: one row is one sentence that can be tested.
//!
//! Main types: [`Requirement`] and [`Catalogue`]. Rows are data (`scenarios/requirements/`), not
//! code, because people argue about them and cite them; levels and bases are never changed here.
//! Knows nothing of how a row is checked.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::basis::Basis;
use super::problems::{Fields, Problems};
use super::yaml::{Entry, Yaml};
use crate::span::{Diagnostic, Source};

/// How strongly a row binds (RFC 2119).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    May,
    Should,
    Must,
}

impl Level {
    /// Every level with its word.
    pub const ALL: &'static [(Level, &'static str)] =
        &[(Level::Must, "MUST"), (Level::Should, "SHOULD"), (Level::May, "MAY")];

    /// The word that stands for it in files and reports.
    pub fn word(self) -> &'static str {
        match self {
            Level::Must => "MUST",
            Level::Should => "SHOULD",
            Level::May => "MAY",
        }
    }
}

/// Who is bound by a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Party {
    /// The third-party client.
    Client,
    /// The third-party server.
    Server,
    /// The third party's proxy.
    Intermediary,
    /// Meta's side: chat server, enlistment API, clients, media proxy.
    Meta,
    /// The suite itself.
    Harness,
}

impl Party {
    /// Every party with its word.
    pub const ALL: &'static [(Party, &'static str)] = &[
        (Party::Client, "client"),
        (Party::Server, "server"),
        (Party::Intermediary, "intermediary"),
        (Party::Meta, "meta"),
        (Party::Harness, "harness"),
    ];
}

/// One testable sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// Area and number, e.g. `NOI-006`.
    pub id: String,
    pub statement: String,
    pub level: Level,
    pub binds: Vec<Party>,
    pub basis: Basis,
    /// Document and section; a few rows of our own have none.
    pub source: Option<String>,
    /// How it is checked, in words.
    pub check: String,
    /// Why the level stands, or how a row with two halves is graded.
    pub why: Option<String>,
    /// `false`: no verdict is possible from outside, and `reason` says why.
    pub observable: bool,
    pub reason: Option<String>,
    /// The hook of the driver with which a scenario can decide a row that is not observable.
    pub hook: Option<String>,
    /// The capability under which alone the row applies.
    pub when: Option<String>,
}

impl Requirement {
    /// The area: the letters before the number.
    pub fn area(&self) -> &str {
        self.id.split_once('-').map_or(self.id.as_str(), |(area, _)| area)
    }

    /// True if the third party's server keeps or breaks it, whatever its clients do.
    pub fn binds_server_alone(&self) -> bool {
        self.binds.contains(&Party::Server) && !self.binds.contains(&Party::Client)
    }
}

/// A document that rows cite by its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    pub code: String,
    pub title: String,
    pub version: Option<String>,
}

/// All requirements, in the order of the file.
#[derive(Clone, Debug)]
pub struct Catalogue {
    rows: Vec<Requirement>,
    index: BTreeMap<String, usize>,
    documents: Vec<Document>,
}

const ROW_KEYS: &[&str] = &[
    "id",
    "statement",
    "level",
    "binds",
    "basis",
    "source",
    "check",
    "why",
    "verified",
    "observable",
    "reason",
    "hook",
    "when",
];

const BUILTIN_TEXT: &str = include_str!("../../scenarios/requirements/requirements.yaml");

impl Catalogue {
    /// The catalogue that is embedded in the binary.
    pub fn builtin() -> &'static Catalogue {
        static BUILTIN: LazyLock<Catalogue> = LazyLock::new(|| {
            let source = Source::new("requirements/requirements.yaml", BUILTIN_TEXT);
            Catalogue::parse(&source).expect("a test reads the embedded catalogue")
        });
        &BUILTIN
    }

    /// The ids of the embedded catalogue, without reading the rest of it: a reference process needs
    /// no more, and a run starts many.
    pub fn builtin_ids() -> impl Iterator<Item = &'static str> {
        BUILTIN_TEXT
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("- id:"))
            .map(str::trim)
    }

    /// Reads a catalogue file.
    ///
    /// # Errors
    /// Every row that is incomplete, repeats an id, or names an unknown level, party or basis.
    pub fn parse(source: &Source) -> Result<Self, Vec<Diagnostic>> {
        let tree = Yaml::parse(source).map_err(|error| vec![error])?;
        let mut problems = Problems::new(source);
        let catalogue = read_catalogue(&mut problems, &tree);
        problems.finish(catalogue)
    }

    pub fn get(&self, id: &str) -> Option<&Requirement> {
        self.index.get(id).map(|row| &self.rows[*row])
    }

    pub fn iter(&self) -> impl Iterator<Item = &Requirement> {
        self.rows.iter()
    }

    /// The ids, for suggestions.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(|row| row.id.as_str())
    }

    /// The documents that `source` cites by code.
    pub fn documents(&self) -> &[Document] {
        &self.documents
    }
}

fn read_catalogue(problems: &mut Problems, tree: &Yaml) -> Option<Catalogue> {
    let known = ["sources", "requirements"];
    let top = problems.fields(tree, "a catalogue", &known, &["requirements"])?;
    let documents = top.get("sources").map(|node| read_documents(problems, node));
    let mut rows: Vec<Requirement> = Vec::new();
    let mut index = BTreeMap::new();
    for node in problems.items(top.get("requirements")?, "requirements") {
        let Some(row) = read_row(problems, node) else { continue };
        if index.insert(row.id.clone(), rows.len()).is_some() {
            problems.add(node.place("id"), format!("the id `{}` stands here twice", row.id));
        }
        rows.push(row);
    }
    Some(Catalogue { rows, index, documents: documents.unwrap_or_default() })
}

fn read_documents(problems: &mut Problems, node: &Yaml) -> Vec<Document> {
    let entries = problems.mapping(node, "sources").into_iter().flat_map(|map| map.iter());
    entries.filter_map(|entry| read_document(problems, entry)).collect()
}

fn read_document(problems: &mut Problems, entry: &Entry) -> Option<Document> {
    let fields = problems.fields(&entry.value, "a source", &["title", "version"], &["title"])?;
    Some(Document {
        code: entry.key.clone(),
        title: optional(problems, fields, "title")?,
        version: optional(problems, fields, "version"),
    })
}

fn optional(problems: &mut Problems, fields: Fields<'_>, key: &str) -> Option<String> {
    fields.get(key).and_then(|node| problems.text(node, key)).map(str::to_owned)
}

fn read_row(problems: &mut Problems, node: &Yaml) -> Option<Requirement> {
    let required = ["id", "statement", "level", "binds", "basis", "check"];
    let fields = problems.fields(node, "a requirement", ROW_KEYS, &required)?;
    let observable = fields.get("observable").and_then(|node| problems.flag(node, "observable"));
    let reason = optional(problems, fields, "reason");
    if (observable == Some(false)) != reason.is_some() {
        problems.add(node.place("reason"), "`observable: false` and `reason` belong together");
    }
    let binds = problems.items(fields.get("binds")?, "binds").iter();
    let binds = binds.filter_map(|node| problems.word(node, "party", Party::ALL)).collect();
    let id = problems.text(fields.get("id")?, "id")?;
    if !is_id(id) {
        problems.add(node.place("id"), "an id is three letters, a hyphen and three digits");
    }
    Some(Requirement {
        id: id.to_owned(),
        statement: optional(problems, fields, "statement")?,
        level: problems.word(fields.get("level")?, "level", Level::ALL)?,
        binds,
        basis: problems.word(fields.get("basis")?, "basis", Basis::ALL)?,
        source: optional(problems, fields, "source"),
        check: optional(problems, fields, "check")?,
        why: optional(problems, fields, "why"),
        observable: observable.unwrap_or(true),
        reason,
        hook: optional(problems, fields, "hook"),
        when: optional(problems, fields, "when"),
    })
}

fn is_id(id: &str) -> bool {
    let bytes = id.as_bytes();
    bytes.len() == 7
        && bytes[..3].iter().all(u8::is_ascii_uppercase)
        && bytes[3] == b'-'
        && bytes[4..].iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_catalogue_is_complete() {
        let catalogue = Catalogue::builtin();
        assert_eq!(catalogue.iter().count(), 340);
        assert_eq!(catalogue.iter().filter(|row| row.level == Level::Must).count(), 229);
        assert_eq!(catalogue.iter().filter(|row| !row.observable).count(), 39);
        let row = catalogue.get("NOI-006").unwrap();
        assert_eq!((row.level, row.basis), (Level::Must, Basis::Observed));
        assert_eq!(row.binds, [Party::Client, Party::Intermediary]);
        assert_eq!(row.area(), "NOI");
        assert!(row.why.as_deref().unwrap().starts_with("security: "));
        assert_eq!(catalogue.get("NOI-999"), None);
        assert!(catalogue.documents().iter().any(|document| document.code == "TF"));
        assert!(Catalogue::builtin_ids().eq(catalogue.ids()));
    }

    #[test]
    fn capabilities_that_rows_name_exist() {
        for row in Catalogue::builtin().iter() {
            if let Some(name) = &row.when {
                assert!(crate::spec::capability::find(name).is_some(), "{}: {name}", row.id);
            }
        }
    }

    #[test]
    fn every_error_of_a_row_is_shown_at_its_place() {
        let text = "\
requirements:
  - {id: NOI-1, statement: s, level: MUSTT, binds: [cleint], basis: stated, check: c}
  - {id: NOI-002, statement: s, level: MAY, binds: [], basis: observd, check: c}
  - {id: NOI-003, statement: s, level: MAY, binds: [], basis: law, check: c, reason: r}
  - {id: NOI-003, statement: s, level: MAY, binds: [], basis: law, check: c}
  - {id: NOI-004, level: MAY, binds: [], basis: law, chek: c}
";
        let errors = Catalogue::parse(&Source::new("r.yaml", text)).unwrap_err();
        insta::assert_snapshot!(crate::spec::joined(&errors));
    }
}
