//! The tokens at enlistment and login, and the key set that they are verified with.

use serde_json::Value;

use super::{Check, Grade, Observed, View};
use crate::evidence::{Entry, Event, RuleGrade, TokenFacts};

pub struct Tokens;

/// The rows that `identity::token` and `identity::jwks` judge by themselves.
const ROWS: &[&str] = &[
    "JWT-003", "JWT-004", "JWT-005", "JWT-006", "JWT-007", "JWT-008", "JWT-009", "JWT-010",
    "JWT-011", "JWT-012", "JWT-013", "JWT-014", "JWT-017", "JWT-018", "JWT-021", "JWT-022",
    "JWT-023", "JWK-001", "JWK-002", "JWK-003", "JWK-004", "JWK-005", "JWK-006", "JWK-007",
    "JWK-009", "JWK-010", "JWK-011", "JWK-014", "JWK-018", "JWT-002", "JWT-028",
];

impl Check for Tokens {
    fn id(&self) -> &'static str {
        "tokens"
    }

    fn requirements(&self) -> &'static [&'static str] {
        ROWS
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let entries = view.transcript.entries();
        let mut out: Vec<Observed> = entries.iter().flat_map(rules).collect();
        // Which token it shows is the client's doing, whoever signed it.
        out.extend(entries.iter().filter_map(|entry| same_kind(entry, entries)));
        out
    }
}

fn rules(entry: &Entry) -> Vec<Observed> {
    let checked = match &entry.event {
        Event::KeySet { checked } => checked.as_slice(),
        event => token(event).map(|token| token.checked.as_slice()).unwrap_or_default(),
    };
    let judged = checked.iter().filter_map(|rule| {
        let row = ROWS.iter().find(|known| **known == rule.requirement)?;
        let actual = rule.why.clone().unwrap_or_else(|| "as required".into());
        let observed = Observed::new(row, true, meaning(row), actual, entry);
        let observed = Observed { grade: grade(rule.grade)?, ..observed };
        Some(match decisive(row) {
            Some(key) => observed.resting_on(key),
            None => observed,
        })
    });
    judged.collect()
}

/// The profile value by which a rule of a row came out.
fn decisive(row: &str) -> Option<&'static str> {
    Some(match row {
        "JWT-004" => "jwt.algorithms",
        "JWT-007" => "jwt.subject_claim",
        "JWT-009" => "jwt.audience",
        "JWT-028" => "jwt.lifetime_s_max",
        "JWT-022" => "jwt.claims",
        "JWK-001" => "jwks.path",
        "JWK-010" | "JWK-011" => "jwks.fetch_period_s",
        _ => return None,
    })
}

fn grade(grade: RuleGrade) -> Option<Grade> {
    Some(match grade {
        RuleGrade::Holds => Grade::Right,
        RuleGrade::Warns => Grade::Warned,
        RuleGrade::Broken => Grade::Broken,
        RuleGrade::Open => return None,
    })
}

fn meaning(row: &str) -> String {
    crate::spec::Catalogue::builtin()
        .get(row)
        .map_or_else(|| row.to_owned(), |row| row.statement.clone())
}

fn token(event: &Event) -> Option<&TokenFacts> {
    match event {
        Event::Enlistment { form, .. } => form.token.as_ref(),
        Event::Login { facts } => facts.token.as_ref(),
        _ => None,
    }
}

/// JWT-002: the login's token has the issuer and subject of the enlistment's.
fn same_kind(entry: &Entry, entries: &[Entry]) -> Option<Observed> {
    let Event::Login { facts } = &entry.event else { return None };
    let login = facts.token.as_ref()?;
    let enlisted = entries.iter().rev().find_map(|earlier| match &earlier.event {
        Event::Enlistment { form, .. }
            if earlier.actor == entry.actor && earlier.lane == entry.lane =>
        {
            form.token.as_ref()
        }
        _ => None,
    })?;
    let claims = |token: &TokenFacts| {
        let claim = |name: &str| token.claims.get(name).cloned().unwrap_or(Value::Null);
        ["iss", "sub", "aud"].map(claim)
    };
    let (expected, actual) = (claims(enlisted), claims(login));
    let show = |claims: &[Value; 3]| {
        format!("iss, sub, aud = {}, {}, {}", claims[0], claims[1], claims[2])
    };
    Some(Observed::new("JWT-002", expected == actual, show(&expected), show(&actual), entry))
}
