//! The body of the enlistment call (TF §1.2.2, §1.2.3).

use super::{Check, Observed, View};
use crate::evidence::{Entry, Event, FormFacts};

pub struct EnlistmentForm;

/// The rows that the form's own rules decide.
const ROWS: &[(&str, &str)] = &[
    ("ENL-004", "all eight arguments, each once"),
    ("ENL-005", "decoded sizes 32, 1, 4, 32, 3, 32, 64; token at most 4096"),
    ("ENL-006", "base64url without padding"),
];

impl Check for EnlistmentForm {
    fn id(&self) -> &'static str {
        "enlistment-form"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["ENL-001", "ENL-003", "ENL-004", "ENL-005", "ENL-006", "ENL-007", "ENL-008"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let calls = view.transcript.entries().iter().filter_map(|entry| match &entry.event {
            Event::Enlistment { method, form, .. } => Some((entry, method, form)),
            _ => None,
        });
        calls.flat_map(|(entry, method, form)| examine(entry, method, form)).collect()
    }
}

fn examine(entry: &Entry, method: &str, form: &FormFacts) -> Vec<Observed> {
    let content_type = form.content_type.as_deref().unwrap_or("none");
    let media = content_type.split(';').next().unwrap_or_default().trim();
    let urlencoded = media.eq_ignore_ascii_case("application/x-www-form-urlencoded");
    let mut out = vec![
        Observed::new("ENL-001", method == "POST", "HTTP POST", method, entry),
        Observed::new(
            "ENL-003",
            urlencoded,
            "Content-Type: application/x-www-form-urlencoded",
            content_type,
            entry,
        ),
    ];
    out.extend(ROWS.iter().map(|(row, expected)| {
        let broken: Vec<String> = form
            .faults
            .iter()
            .filter(|fault| fault.requirement == *row)
            .filter_map(|fault| fault.why.clone())
            .collect();
        let actual = if broken.is_empty() { "as required".into() } else { broken.join(", ") };
        Observed::new(row, broken.is_empty(), *expected, actual, entry)
    }));
    let key_type = form.arguments.iter().find(|(name, _)| name == "e_keytype");
    out.extend(key_type.map(|(_, value)| {
        // BQ is the byte 05 in base64url.
        Observed::new("ENL-007", value == "BQ", "e_keytype is BQ (05)", value.clone(), entry)
    }));
    out.extend(form.signature_verifies.map(|verifies| {
        let expected = "e_skey_sig verifies with e_ident over 05 || e_skey_val";
        let actual = if verifies { "it verifies" } else { "it does not verify" };
        Observed::new("ENL-008", verifies, expected, actual, entry)
    }));
    out
}
