//! The HTTP of the third party's server: what probes found (TRN-001 to TRN-009), and whether any
//! answer sends a machine elsewhere, gives it a cookie or asks it for a person (TRN-010).

use super::{Check, Grade, Observed, View};
use crate::check::http;
use crate::evidence::{Entry, Event, RuleGrade};

pub struct HttpSurface;

const PROBED: &[&str] = &[
    "TRN-001", "TRN-002", "TRN-003", "TRN-004", "TRN-005", "TRN-006", "TRN-007", "TRN-008",
    "TRN-009", "TRN-020", "TRN-021",
];

impl Check for HttpSurface {
    fn id(&self) -> &'static str {
        "http-surface"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &[
            "TRN-001", "TRN-002", "TRN-003", "TRN-004", "TRN-005", "TRN-006", "TRN-007", "TRN-008",
            "TRN-009", "TRN-010", "TRN-020", "TRN-021", "PSH-001",
        ]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let probed = view.entries().flat_map(probed);
        let machines = view.entries().filter_map(for_machines);
        let observed = probed.chain(machines).chain(over_https(view));
        // Whoever answers anything to anybody is right about much and is no server.
        let serves = view.entries().any(publishes_keys);
        observed.filter(|one| serves || one.grade != Grade::Right).collect()
    }
}

/// A key set that is one came from where the partner publishes it (JWK-001).
fn publishes_keys(entry: &Entry) -> bool {
    let Event::KeySet { checked } = &entry.event else { return false };
    checked.iter().any(|rule| rule.requirement == "JWK-001" && rule.grade == RuleGrade::Holds)
}

fn probed(entry: &Entry) -> Vec<Observed> {
    let Event::Looked { probe, endpoint, seen, .. } = &entry.event else { return Vec::new() };
    let rules = http::rules(probe, endpoint, seen).into_iter();
    let judged = rules.filter_map(|rule| {
        let row = PROBED.iter().find(|known| **known == rule.requirement)?;
        let catalogue = crate::spec::Catalogue::builtin();
        let expected = catalogue.get(row).map_or_else(String::new, |row| row.statement.clone());
        let actual = rule.why.unwrap_or_default();
        let grade = match rule.grade {
            RuleGrade::Holds => Grade::Right,
            RuleGrade::Warns => Grade::Warned,
            RuleGrade::Broken => Grade::Broken,
            RuleGrade::Open => return None,
        };
        Some(Observed { grade, ..Observed::new(row, true, expected, actual, entry) })
    });
    judged.collect()
}

/// PSH-001: "over HTTPS", where the profile does not tolerate anything else.
fn over_https(view: &View<'_>) -> Option<Observed> {
    if view.profile.text("transport.plain_http") != Some("refused") {
        return None;
    }
    let pushed = view
        .entries()
        .any(|entry| matches!(&entry.event, Event::Requested { method, .. } if method == "POST"));
    let (entry, url) = view.entries().find_map(|entry| match &entry.event {
        Event::Answered { operation, outcome: Ok(result) } if operation == "configure" => {
            Some((entry, result.pointer("/offers/base_url")?.as_str()?))
        }
        _ => None,
    })?;
    let right = url.starts_with("https://");
    let scheme = url.split("://").next().unwrap_or_default();
    let actual = format!("the server offers its endpoints by {scheme}");
    let observed = Observed::new("PSH-001", right, "https", actual, entry);
    pushed.then(|| observed.resting_on("transport.plain_http"))
}

/// TRN-010.
fn for_machines(entry: &Entry) -> Option<Observed> {
    let answers: Vec<(u16, &[(String, String)])> = match &entry.event {
        Event::Responded { status, headers, .. } => vec![(*status, headers)],
        Event::Looked { seen, .. } => {
            let answers = seen.iter().filter_map(|look| look.answer.as_ref());
            answers.map(|answer| (answer.status, answer.headers.as_slice())).collect()
        }
        _ => return None,
    };
    let odd = answers.iter().find_map(|(status, headers)| oddity(*status, headers));
    let asked = !answers.is_empty();
    let expected = "an answer to a machine: no redirect, no cookie, no challenge for a person";
    let actual = odd.clone().unwrap_or_else(|| "such an answer".to_owned());
    asked.then(|| Observed::new("TRN-010", odd.is_none(), expected, actual, entry))
}

fn oddity(status: u16, headers: &[(String, String)]) -> Option<String> {
    let header = |name: &str| {
        let found = headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    };
    // 304 answers a condition, which is no redirect.
    if (300..400).contains(&status) && status != 304 {
        let to = header("location").map(|to| format!(" to {to}")).unwrap_or_default();
        return Some(format!("{status}, a redirect{to}"));
    }
    if header("set-cookie").is_some() {
        return Some(format!("{status} with a cookie"));
    }
    let schemes = ["basic", "digest", "negotiate", "ntlm"];
    let challenge = header("www-authenticate").unwrap_or_default().to_ascii_lowercase();
    if let Some(scheme) = schemes.iter().find(|scheme| challenge.starts_with(**scheme)) {
        return Some(format!("{status} that asks a person to log in ({scheme})"));
    }
    let page = header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
    (page && matches!(status, 200 | 401 | 403)).then(|| format!("{status} with a page for people"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn odd(status: u16, headers: &[(&str, &str)]) -> bool {
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        oddity(status, &headers).is_some()
    }

    #[test]
    fn machines_are_told_from_people() {
        assert!(odd(302, &[("Location", "/login")]) && odd(200, &[("Set-Cookie", "a=b")]));
        assert!(odd(401, &[("WWW-Authenticate", "Basic realm=x")]));
        assert!(odd(403, &[("content-type", "text/html; charset=utf-8")]));
        assert!(!odd(401, &[("WWW-Authenticate", "Bearer")]));
        assert!(!odd(404, &[("content-type", "text/html")]) && !odd(304, &[]));
    }
}
