//! What a partner states where nothing can be run: the dossier of ENC-020, retention, key deletion.
//!
//! Main type: [`Attestation`]. It stands in the report beside the verdicts, under its row, and is
//! never one of them: the harness has seen nothing of it.

use serde::{Deserialize, Serialize};

use crate::spec::Catalogue;
use crate::spec::problems::Problems;
use crate::spec::yaml::Yaml;

/// A statement about one row of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attestation {
    pub row: String,
    pub statement: String,
    /// Where the evidence stands: a title, a URL or a path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
}

pub(super) const KEYS: &[&str] = &["row", "statement", "document"];

/// Reads the list of an IUT file.
pub(super) fn read(problems: &mut Problems, node: &Yaml) -> Vec<Attestation> {
    let items = problems.items(node, "`attestations`").iter();
    items.filter_map(|item| read_one(problems, item)).collect()
}

fn read_one(problems: &mut Problems, node: &Yaml) -> Option<Attestation> {
    let fields = problems.fields(node, "an attestation", KEYS, &["row", "statement"])?;
    let mut text = |key: &str| {
        let text = problems.text(fields.get(key)?, key).map(|text| text.trim().to_owned());
        if text.as_deref() == Some("") {
            problems.add(fields.get(key)?.span, format!("`{key}` is empty"));
        }
        text
    };
    let (row, statement, document) = (text("row")?, text("statement")?, text("document"));
    if Catalogue::builtin().get(&row).is_none() {
        let ids: Vec<&str> = Catalogue::builtin().ids().collect();
        problems.unknown(fields.get("row")?.span, "requirement", &row, &ids);
    }
    Some(Attestation { row, statement, document })
}
