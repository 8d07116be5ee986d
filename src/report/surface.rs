//! The third party's HTTP surface by endpoint: which rows were decided where, and how.
//!
//! Main function: [`surface`]. A row belongs to the endpoint that its case probed, or else to the one
//! that its area is about; a row of TLS belongs to the server as a whole.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::verdict::{CaseResult, Text, Verdict};

/// An endpoint with the worst verdict of each row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Endpoint {
    pub endpoint: String,
    pub rows: BTreeMap<Text, Verdict>,
}

/// The endpoints, with the areas that are about nothing else, in the order of the report.
const ENDPOINTS: &[(&str, &str, &[&str])] = &[
    ("server", "every endpoint", &["TRN-003", "TRN-004", "TRN-005", "TRN-010", "TRN-020"]),
    ("key-set", "key set", &["JWK-0", "JWT-017"]),
    ("push", "push", &["PSH-"]),
    ("upload", "upload", &["MED-014"]),
    ("media", "media", &["MED-", "MPX-"]),
];

/// Rows about Meta's keys, which the server shows by what it makes of a push.
const OF_PUSH: &[&str] = &["JWK-012", "JWK-013", "JWK-015", "JWK-017"];

/// Groups what was executed; an endpoint of which nothing was is left out.
pub fn surface(cases: &[CaseResult]) -> Vec<Endpoint> {
    let mut by_endpoint: BTreeMap<&str, BTreeMap<Text, Verdict>> = BTreeMap::new();
    for case in cases {
        for check in case.checks.iter().filter(|check| check.verdict.executed()) {
            let Some(endpoint) = endpoint(&case.id, &check.requirement) else { continue };
            let rows = by_endpoint.entry(endpoint).or_default();
            let worst = rows.entry(check.requirement.clone()).or_insert(check.verdict);
            *worst = check.verdict.max(*worst);
        }
    }
    let grouped = ENDPOINTS.iter().filter_map(|(word, name, _)| {
        let rows = by_endpoint.remove(word)?;
        Some(Endpoint { endpoint: (*name).to_owned(), rows })
    });
    grouped.collect()
}

fn endpoint(case: &str, row: &str) -> Option<&'static str> {
    let of_row = |row: &str| {
        let about = |rows: &&[&str]| rows.iter().any(|area| row.starts_with(area));
        ENDPOINTS.iter().find(|(_, _, rows)| about(rows)).map(|(word, _, _)| *word)
    };
    if OF_PUSH.contains(&row) {
        return Some("push");
    }
    // The client's half of TRN-019, and the chat's rows, are about no endpoint of a server.
    let probed = ("TRN-001"..="TRN-010").contains(&row);
    let axis = ENDPOINTS.iter().find(|(word, _, _)| case.contains(&format!("endpoint={word}")));
    match axis.filter(|_| probed) {
        Some((word, _, _)) => Some(word),
        None => of_row(row).or_else(|| (row == "TRN-009").then_some("push")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_belongs_to_what_was_probed_or_to_what_it_is_about() {
        let probed = "http/a[endpoint=push,probe=no-host]";
        assert_eq!(endpoint(probed, "TRN-006"), Some("push"));
        assert_eq!(endpoint("http/a[endpoint=key-set]", "TRN-010"), Some("key-set"));
        assert_eq!(endpoint("http/a", "TRN-004"), Some("server"));
        assert_eq!(endpoint("m3.3/a", "JWK-012"), Some("push"));
        assert_eq!(endpoint("m1/a", "JWK-005"), Some("key-set"));
        assert_eq!(endpoint("m4.1/a", "MED-014"), Some("upload"));
        assert_eq!(endpoint("m4.1/a", "MED-013"), Some("media"));
        assert_eq!(endpoint("m2/a", "TRN-014"), None);
        assert_eq!(endpoint(probed, "ROB-001"), None);
    }
}
