//! What the third party's server answers, beyond the status that a scenario asks for: challenges,
//! waiting times, HEAD.
//!
//! An answer is told by the label of its request; a label stands for one kind of request.

use super::{Check, Grade, Observed, View};
use crate::evidence::{Entry, Event};

pub struct ServerAnswers;

impl Check for ServerAnswers {
    fn id(&self) -> &'static str {
        "server-answers"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["PSH-006", "PSH-013", "JWK-016"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let answers: Vec<Answer<'_>> = view.entries().filter_map(answer).collect();
        let sent = |answer: &Answer<'_>, wanted: &str| {
            view.entries().any(|entry| match &entry.event {
                Event::Requested { label, method, .. } => {
                    label.as_deref() == Some(answer.label) && method == wanted
                }
                _ => false,
            })
        };
        let pushes = answers.iter().filter(|answer| sent(answer, "POST"));
        let mut out: Vec<Observed> = pushes.flat_map(of_push).collect();
        let get = answers.iter().find(|answer| sent(answer, "GET"));
        let heads = answers.iter().filter(|answer| sent(answer, "HEAD"));
        out.extend(heads.filter_map(|head| of_head(head, get?)));
        out
    }
}

struct Answer<'a> {
    entry: &'a Entry,
    label: &'a str,
    status: u16,
    headers: &'a [(String, String)],
}

impl Answer<'_> {
    fn header(&self, wanted: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.as_str())
    }
}

fn answer(entry: &Entry) -> Option<Answer<'_>> {
    match &entry.event {
        Event::Responded { label: Some(label), status, headers, .. } => {
            Some(Answer { entry, label, status: *status, headers })
        }
        _ => None,
    }
}

fn of_push(answer: &Answer<'_>) -> Vec<Observed> {
    let shown = |name: &str| match answer.header(name) {
        Some(value) => format!("{} with {name}: {value}", answer.status),
        None => format!("{} without {name}", answer.status),
    };
    match answer.status {
        // RFC 9110 §15.5.2: "The server generating a 401 response MUST send a WWW-Authenticate".
        401 => {
            let right = answer.header("www-authenticate").is_some();
            let (expected, actual) = ("a 401 has WWW-Authenticate", shown("www-authenticate"));
            vec![Observed::new("PSH-006", right, expected, actual, answer.entry)]
        }
        429 | 503 => {
            let right = answer.header("retry-after").is_some();
            let (expected, actual) = ("Retry-After says when to try again", shown("retry-after"));
            let observed = Observed::new("PSH-013", right, expected, actual, answer.entry);
            // RFC 6585 §4, RFC 9110 §15.6.4: MAY in both.
            let grade = if right { Grade::Right } else { Grade::Warned };
            vec![Observed { grade, ..observed }]
        }
        _ => Vec::new(),
    }
}

/// RFC 9110 §9.3.2: "The server SHOULD send the same header fields in response to a HEAD request".
fn of_head(head: &Answer<'_>, get: &Answer<'_>) -> Option<Observed> {
    // Whoever does not have the method says so and answers nothing.
    if matches!(head.status, 405 | 501) {
        return None;
    }
    let facts = |answer: &Answer<'_>| {
        let field = |name: &str| answer.header(name).unwrap_or("none").to_owned();
        let (kind, age) = (field("content-type"), field("cache-control"));
        format!("{}, content-type {kind}, cache-control {age}", answer.status)
    };
    let (expected, actual) = (facts(get), facts(head));
    Some(Observed::new("JWK-016", expected == actual, expected, actual, head.entry))
}
