//! Files of the third party: where they lie, how they were encrypted, how they are served.
//!
//! The rules were judged by whoever saw the bytes, since a transcript keeps no files; what stands in
//! the stanza beside a ciphertext is judged here (MED-022).

use super::{Check, Grade, Observed, View};
use crate::e2ee::content::{self, Content};
use crate::e2ee::media::MediaKind;
use crate::e2ee::padding;
use crate::evidence::{Direction, EXIF_DESCRIPTION, Entry, Event, RuleFacts, RuleGrade};
use crate::wire::{Node, binary};

pub struct Media;

const PLACELESS: &str = "a picture goes out without the place where it was taken";

const ROWS: &[&str] = &[
    "MED-001", "MED-002", "MED-003", "MED-004", "MED-006", "MED-007", "MED-009", "MED-010",
    "MED-011", "MED-012", "MED-013", "MED-015", "MED-016", "MED-022", "MED-023", "MED-024",
    "MED-025", "MED-026", "MPX-004", "MPX-005", "MPX-006", "MPX-008", "MPX-009", "MPX-010",
    "MPX-011", "MPX-012", "MPX-013", "MPX-014", "MPX-015", "MPX-016", "MPX-017", "PRV-001",
];

impl Check for Media {
    fn id(&self) -> &'static str {
        "media"
    }

    fn requirements(&self) -> &'static [&'static str] {
        ROWS
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let entries = view.transcript.entries();
        let judged = entries.iter().flat_map(|entry| {
            let checked: &[RuleFacts] = match &entry.event {
                Event::Downloaded { facts, .. } => &facts.checked,
                Event::MediaProbed { checked, .. } => checked,
                _ => &[],
            };
            checked.iter().filter_map(|rule| observed(entry, rule))
        });
        let outside = entries.iter().filter_map(|entry| outside(entry, entries));
        let strips = view.profile.text("media.exif") == Some("stripped");
        let places = entries.iter().filter(|_| strips).filter_map(|entry| place(entry, entries));
        judged.chain(outside).chain(places).collect()
    }
}

fn observed(entry: &Entry, rule: &RuleFacts) -> Option<Observed> {
    let row = ROWS.iter().find(|known| **known == rule.requirement)?;
    let grade = match rule.grade {
        RuleGrade::Holds => Grade::Right,
        RuleGrade::Warns => Grade::Warned,
        RuleGrade::Broken => Grade::Broken,
        RuleGrade::Open => return None,
    };
    let actual = rule.why.clone().unwrap_or_else(|| "as required".into());
    let observed = Observed { grade, ..Observed::new(row, true, meaning(row), actual, entry) };
    Some(match *row {
        "MED-015" => observed.resting_on("media.download_auth"),
        "MED-003" => observed.resting_on("media.download_path"),
        "MED-016" => observed.resting_on("media.mac_bytes"),
        "MPX-017" => observed.resting_on("media.proxy_memory_mib_max"),
        _ => observed,
    })
}

fn meaning(row: &str) -> String {
    let row_of = crate::spec::Catalogue::builtin().get(row);
    row_of.map_or_else(|| row.to_owned(), |row| row.statement.clone())
}

/// MED-022: nothing that the content says of its file stands beside the ciphertext.
fn outside(entry: &Entry, entries: &[Entry]) -> Option<Observed> {
    let Event::Decrypted { id, enc, .. } = &entry.event else { return None };
    let padded = enc.plaintext.as_ref()?.bytes()?;
    let Ok(Content::Media(media)) = content::read(padding::strip(&padded).ok()?) else {
        return None;
    };
    let stanza = entries.iter().find_map(|earlier| match &earlier.event {
        Event::Stanza { direction: Direction::Received, bytes, .. } => {
            let node = binary::decode(&bytes.bytes()?).ok()?.node;
            (node.tag == "message" && node.text("id").as_deref() == Some(id)).then_some(node)
        }
        _ => None,
    })?;
    let texts = [&media.caption, &media.file_name, &media.mimetype];
    let said = texts.into_iter().flatten().map(String::as_bytes).chain(media.thumbnail.as_deref());
    let found = said.filter(|part| part.len() >= 4).find(|part| shows(&stanza, part));
    let actual = match found {
        Some(_) => "something of it stands in the stanza in clear",
        None => "all of it is inside the ciphertext",
    };
    let expected = meaning("MED-022");
    Some(Observed::new("MED-022", found.is_none(), expected, actual, entry))
}

/// MED-022: the place that a picture told before it was sent is gone, where the profile says so. A
/// document is sent as it is.
fn place(entry: &Entry, entries: &[Entry]) -> Option<Observed> {
    let Event::Downloaded { facts, .. } = &entry.event else { return None };
    let placed = entries.iter().any(
        |entry| matches!(&entry.event, Event::Canary { what, .. } if what == EXIF_DESCRIPTION),
    );
    if !placed || facts.kind != MediaKind::Image.word() || facts.state != "available" {
        return None;
    }
    let actual = match facts.tells_place {
        true => "its EXIF data tells where it was taken",
        false => "it tells no place any more",
    };
    let observed = Observed::new("MED-022", !facts.tells_place, PLACELESS, actual, entry);
    Some(observed.resting_on("media.exif"))
}

fn shows(node: &Node, part: &[u8]) -> bool {
    let in_bytes = |bytes: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    node.attrs.iter().any(|(_, value)| in_bytes(value.to_string().as_bytes()))
        || (node.tag != "enc" && node.body().is_some_and(in_bytes))
        || node.kids().iter().any(|kid| shows(kid, part))
}
