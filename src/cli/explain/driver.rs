//! The driver protocol: what an adapter is asked for, with parameters and results.

use super::{Known, heading, listed, scenarios_where};
use crate::driver::operation::{self, Kind, Operation};
use crate::driver::shape::{Member, Record, Shape};
use crate::report::Page;
use crate::scenario::{Action, Case};
use crate::spec::capability;

/// What the registry's shapes do not say.
const NOTES: &[(&str, &str)] = &[
    (
        "hello",
        "`capabilities` is an object: each key is one of `counterpart list capabilities`, and a hook is declared by its own name, but `advance_clock` by `clock`. What is not named counts as its default.",
    ),
    (
        "configure",
        "Asked once for each seat. A server answers where it listens: `{\"offers\": {\"base_url\": …, \"tls_ca\": PEM}}`, a media proxy `{\"offers\": {\"media_url\": …}}`, and a client `{}`.",
    ),
    (
        "account",
        "`account` is the driver's name of a user, by which other operations call him; `user.visible_id` is how others know him, and whom a token names. One process has many users at once.",
    ),
    (
        "token",
        "`user` is the visible id that `account` announced; `jwt` is the token that is enlisted and logged in with. The harness asks for it before it does either with a client that it lends.",
    ),
    (
        "upload_media",
        "The file at `path` is stored as it is, for it stands for ciphertext. `reference` is what stands behind `base_url` and a slash.",
    ),
    (
        "rotate_keys",
        "A server is asked with `seat` and the phase `begin`: a change of the signing key begins as on an ordinary day. Everything after that is its own timing, moved by `advance_clock`.",
    ),
    (
        "set_account_state",
        "`account` is the driver's name of the user, `state` is `disabled` or `enabled`. It is the server's, also where the client is lent.",
    ),
    ("set_app_state", "`state` is `background` or `foreground`."),
    (
        "advance_clock",
        "The capability is `clock`. Every timer moves, and one that became due fires once.",
    ),
];

pub(super) fn operation(word: &str, known: &Known, page: &mut Page) -> bool {
    let Some(operation) = operation::find(word) else { return false };
    let kind = if operation.kind == Kind::Hook { "hook" } else { "operation" };
    heading(page, kind, operation.name);
    let what = match operation.kind {
        Kind::Session => "Every adapter has it",
        Kind::Product => "What a user or the partner's server does",
        Kind::Hook => "It serves the test alone",
    };
    page.fill(2, &format!("{what}."));
    if let Some((_, note)) = NOTES.iter().find(|(name, _)| *name == word) {
        page.fill(2, note);
    }
    page.gap();
    page.field(2, "answered", &format!("when this is so: {}", operation.complete));
    let mut params = members(operation.scope.members());
    params.extend(of_record(&operation.params));
    listed(page, "params", &params, "none");
    listed(page, "result", &of_record(&operation.result), "{}");
    if let Some(capability) = operation.capability {
        page.field(2, "declared", &format!("`{capability}` in `capabilities` of `hello`"));
    }
    let asking = scenarios_where(known, |case| asks(case, operation));
    let none =
        if operation.kind == Kind::Session { "every case" } else { "no scenario by its name" };
    listed(page, "asked by", &asking, none);
    true
}

/// True if a case asks for an operation.
pub(super) fn asks(case: &Case, operation: &Operation) -> bool {
    case.scenario.steps.iter().any(|step| match &step.action {
        Action::Act(act) => act.operation == operation.name,
        Action::Advance(_) => operation.name == "advance_clock",
        _ => false,
    })
}

fn members(members: &[Member]) -> Vec<String> {
    members.iter().map(member).collect()
}

fn of_record(record: &Record) -> Vec<String> {
    let mut told = members(record.members);
    if record.open {
        told.push("and any others".to_owned());
    }
    told
}

fn member(member: &Member) -> String {
    let optional = if member.required { "" } else { " (may be absent)" };
    format!("{}: {}{optional}", member.name, form(member.shape))
}

fn form(shape: Shape) -> String {
    match shape {
        Shape::Record(record) => {
            let names = record.members.iter().map(|one| match one.required {
                true => one.name.to_owned(),
                false => format!("{}?", one.name),
            });
            let more = record.open.then(|| "…".to_owned());
            format!("{{{}}}", names.chain(more).collect::<Vec<_>>().join(", "))
        }
        Shape::List(item) => format!("a list of {}", form(*item)),
        other => other.to_string(),
    }
}

/// The member of `hello` in which everything optional stands.
pub(super) fn capabilities(word: &str, _: &Known, page: &mut Page) -> bool {
    if word != "capabilities" {
        return false;
    }
    heading(page, "member of hello", word);
    page.fill(2, "What the implementation can do beyond what every partner must: an object in the answer to `hello`, e.g. {\"media.send\": true, \"clock\": true}. What is not named counts as the default, for most of them false. The IUT file may narrow it under `ics`.");
    page.gap();
    for one in capability::ALL {
        let hook = if one.hook { "hook: " } else { "" };
        page.hang(&format!("  {:<20} ", one.name), 23, &format!("{hook}{}", one.doc));
    }
    true
}

/// The words of this page.
pub(super) fn words() -> Vec<&'static str> {
    operation::all().map(|operation| operation.name).chain(["capabilities"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_about_operations_that_exist() {
        assert!(NOTES.iter().all(|(name, _)| operation::find(name).is_some()));
    }
}
