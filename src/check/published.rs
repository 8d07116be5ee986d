//! What a server publishes and issues, as fields that a scenario can name: headers, and the rules
//! that Meta's side judged when it saw the bytes.

use crate::evidence::{Event, RuleFacts, RuleGrade};

/// Headers that say something of the server, and the names of all that do not differ by chance.
pub(super) fn header_fields(headers: &[(String, String)]) -> Vec<(&'static str, String)> {
    let value = |wanted: &str| {
        let found = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.clone())
    };
    let known = [
        ("media_type", "content-type"),
        ("caching", "cache-control"),
        ("challenge", "www-authenticate"),
        ("retry_after", "retry-after"),
    ];
    let named = known.into_iter().filter_map(|(field, name)| Some((field, value(name)?)));
    let mut names: Vec<String> =
        headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.retain(|name| name != "date" && name != "content-length");
    names.sort();
    named.chain([("headers", names.join(" "))]).collect()
}

/// The rules about a token, a key set, a file or a server's HTTP that an event tells of, one
/// observation each.
pub(super) fn rules(event: &Event) -> Vec<Vec<(&'static str, String)>> {
    let looked;
    let (of, checked) = match event {
        Event::KeySet { checked } => ("key-set", checked.as_slice()),
        Event::Enlistment { form, .. } => {
            ("enlistment", form.token.as_ref().map(|t| t.checked.as_slice()).unwrap_or_default())
        }
        Event::Login { facts } => {
            ("login", facts.token.as_ref().map(|t| t.checked.as_slice()).unwrap_or_default())
        }
        Event::Downloaded { facts, .. } => ("media", facts.checked.as_slice()),
        Event::MediaProbed { label, probe, checked, .. } => {
            (label.as_deref().unwrap_or(probe), checked.as_slice())
        }
        Event::Looked { probe, endpoint, seen, .. } => {
            looked = super::http::rules(probe, endpoint, seen);
            (probe.as_str(), looked.as_slice())
        }
        _ => return Vec::new(),
    };
    let fields = |rule: &RuleFacts| {
        let grade = match rule.grade {
            RuleGrade::Holds => "holds",
            RuleGrade::Warns => "warns",
            RuleGrade::Broken => "broken",
            RuleGrade::Open => "open",
        };
        let known = [("row", rule.requirement.clone()), ("grade", grade.to_owned())];
        let why = rule.why.clone().map(|why| ("why", why));
        known.into_iter().chain([("of", of.to_owned())]).chain(why).collect()
    };
    checked.iter().map(fields).collect()
}
