//! Which rows of the catalogue the zoo breaks, and which it cannot.
//!
//! Main function: [`rows`]. A check that nobody has seen fail proves nothing, so each MUST that a black
//! box can see wants a quirk; where there is none, the row says so.

use serde::Serialize;

use crate::role::quirk;
use crate::spec::{Catalogue, Level};

/// One row with what breaks it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BrokenRow {
    pub requirement: String,
    pub level: &'static str,
    /// Quirks that break it.
    pub quirks: Vec<&'static str>,
    /// Why no verdict is possible from outside, where none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_observable: Option<String>,
}

impl BrokenRow {
    /// A MUST that can be observed and that nothing breaks.
    pub fn is_open(&self) -> bool {
        self.level == Level::Must.word() && self.not_observable.is_none() && self.quirks.is_empty()
    }
}

/// Every row of an area, or of all.
pub fn rows(area: Option<&str>) -> Vec<BrokenRow> {
    let catalogue = Catalogue::builtin();
    let found = catalogue.ids().filter_map(|id| catalogue.get(id));
    let found = found.filter(|row| area.is_none_or(|area| row.area() == area));
    found
        .map(|row| BrokenRow {
            requirement: row.id.clone(),
            level: row.level.word(),
            quirks: quirk::all().filter(|q| q.requirement == row.id).map(|q| q.id).collect(),
            not_observable: row.reason.clone().filter(|_| !row.observable),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_observable_must_of_the_encryption_areas_is_broken_by_a_quirk() {
        let areas = ["ENC", "RAT", "PRE", "RCP"];
        let rows = areas.into_iter().flat_map(|area| rows(Some(area)));
        let open: Vec<String> =
            rows.filter(BrokenRow::is_open).map(|row| row.requirement).collect();
        assert!(open.is_empty(), "no quirk breaks {open:?}");
    }

    #[test]
    fn a_row_without_a_verdict_says_why() {
        for row in rows(None) {
            assert!(row.not_observable.is_none_or(|reason| !reason.is_empty()));
        }
        let found = rows(Some("ENC"));
        let row = |id: &str| found.iter().find(|row| row.requirement == id).unwrap();
        assert!(row("ENC-009").not_observable.is_some() && !row("ENC-009").is_open());
        assert!(row("ENC-010").quirks.contains(&"ratchet-key-never-renewed"));
    }
}
