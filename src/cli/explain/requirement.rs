//! A requirement: what it says, what it rests on, how it is checked, and what shows that the check
//! bites.

use super::{Known, heading, listed, scenarios_where};
use crate::check;
use crate::report::{Page, cut};
use crate::role::quirk;
use crate::spec::{Catalogue, Requirement, stand_in, texts};

/// Longest passage that is shown; the rest stands in the file that is named.
const PASSAGE_CHARS_MAX: usize = 700;

pub(super) fn explain(word: &str, known: &Known, page: &mut Page) -> bool {
    let Some(row) = Catalogue::builtin().get(word) else { return false };
    heading(page, "requirement", &row.id);
    page.fill(2, &row.statement);
    page.gap();
    strength(page, row, known);
    sources(page, row);
    checks(page, row, known);
    for note in texts::notes(&row.id) {
        page.field(2, "note", &note);
    }
    for passage in texts::nearest(row, 2) {
        page.gap();
        page.fill(2, &format!("Nearest in {}, \"{}\":", passage.document, passage.heading));
        page.fill(4, &cut(&passage.text, PASSAGE_CHARS_MAX));
    }
    true
}

fn strength(page: &mut Page, row: &Requirement, known: &Known) {
    let graded = match row.level.word() {
        "MUST" => "breaking it is a fail",
        "SHOULD" => "breaking it is a warn",
        _ => "breaking it is noted",
    };
    page.field(2, "level", &format!("{}: {graded}", row.level.word()));
    page.field(2, "basis", &format!("{}: {}", row.basis.word(), super::words::of_basis(row.basis)));
    let binds: Vec<&str> = crate::spec::requirement::Party::ALL
        .iter()
        .filter(|(party, _)| row.binds.contains(party))
        .map(|(_, word)| *word)
        .collect();
    page.field(2, "binds", &binds.join(", "));
    if let Some(why) = &row.why {
        page.field(2, "why", why);
    }
    if let Some(capability) = &row.when {
        page.field(2, "applies", &format!("where the capability `{capability}` is stated"));
    }
    if let Some(reason) = &row.reason {
        page.field(2, "scope", &format!("no verdict is possible from outside: {reason}"));
    }
    if let Some(stand_in) = stand_in::of(&row.id) {
        page.field(2, "means", stand_in.means);
        page.field(2, "here", stand_in.here);
        page.field(2, "rests on", &stand_in.shows.join(", "));
    }
    if known.profile.rules_out(&row.id) {
        page.field(2, "scope", &format!("ruled out by the profile {}", known.profile.id()));
    }
}

/// The source with the titles of the documents whose codes it cites.
fn sources(page: &mut Page, row: &Requirement) {
    let Some(source) = &row.source else {
        page.field(2, "source", "our own");
        return;
    };
    page.field(2, "source", source);
    let cites = |code: &str| source.split(|c: char| !c.is_alphanumeric()).any(|word| word == code);
    for document in Catalogue::builtin().documents().iter().filter(|d| cites(&d.code)) {
        let version = document.version.as_ref().map(|text| format!(", {text}"));
        let text = format!("{}: {}{}", document.code, document.title, version.unwrap_or_default());
        page.field(2, "", &text);
    }
}

fn checks(page: &mut Page, row: &Requirement, known: &Known) {
    page.field(2, "check", &row.check);
    let covering = scenarios_where(known, |case| case.scenario.covers.contains(&row.id));
    listed(page, "scenarios", &covering, "none decides it in this version");
    let passive = check::ALL.iter().filter(|check| check.requirements().contains(&&*row.id));
    let passive: Vec<String> = passive.map(|check| check.id().to_owned()).collect();
    if !passive.is_empty() {
        page.field(2, "always", &format!("judged in every case by {}", passive.join(", ")));
    }
    let quirks = quirk::all().filter(|quirk| quirk.requirement == row.id);
    let quirks: Vec<String> = quirks.map(|quirk| quirk.id.to_owned()).collect();
    listed(page, "quirks", &quirks, "no deliberate fault of the reference breaks it");
}
