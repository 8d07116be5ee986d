//! The HTTP doubles of a scenario: hosts that are neither Meta's nor the third party's.
//!
//! Main type: [`Stub`]. A stub says which requests it is about, what they are answered, and how many of
//! them there are to be. That number is decided by steps which are laid out here behind the scenario's own,
//! so that it is judged, charged and explained like any other expectation, over the whole case and not only
//! from its last action on.

use std::time::Duration;

use super::model::{Action, Expect, Kind, Matching, Step};
use super::parse::{fields, read_name};
use super::shape::{self, Shape};
use super::template::Template;
use crate::span::Span;
use crate::spec::problems::Problems;
use crate::spec::yaml::Yaml;

/// How long a request that is to come may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a request that is not to come has time for it: it travels on a line of its own.
const QUIET: Duration = Duration::from_millis(500);

/// One double.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stub {
    /// `${name.url}` is where it is reached.
    pub name: String,
    pub when: When,
    pub then: Then,
    /// How often it is to be asked in the whole case.
    pub times: Option<u16>,
    /// The rows that this number decides.
    pub checks: Vec<String>,
    pub span: Span,
}

/// Which requests it answers: what is not said does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct When {
    pub method: Option<String>,
    pub path: Option<String>,
    /// Names with the exact value.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Option<String>,
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Then {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Stub {
    /// Its path, as far as a URL needs one.
    pub fn path(&self) -> &str {
        self.when.path.as_deref().unwrap_or("/")
    }

    /// The steps that decide how often it was asked.
    pub(super) fn steps(&self) -> Vec<Step> {
        let Some(times) = self.times else { return Vec::new() };
        let asked = (times > 0).then(|| Action::Expect(self.asked(Some(times), PATIENCE)));
        // No more than that; of none, not one.
        let further = (times > 0).then_some(times.saturating_add(1));
        let not_more = Action::ExpectNone(self.asked(further, QUIET));
        let step = |action| Step {
            action,
            label: None,
            checks: self.checks.clone(),
            negative: None,
            span: self.span,
        };
        asked.into_iter().chain([not_more]).map(step).collect()
    }

    fn asked(&self, times: Option<u16>, within: Duration) -> Expect {
        let of = ("of".to_owned(), Template::builtin(&self.name));
        let times = times.map(|n| ("times".to_owned(), Template::builtin(&n.to_string())));
        let matching = Matching::Fields([of].into_iter().chain(times).collect());
        Expect {
            at: super::kinds::META.into(),
            kind: Kind::Stubbed,
            matching,
            within,
            within_key: None,
        }
    }
}

pub(super) fn read_stubs(problems: &mut Problems, node: &Yaml) -> Vec<Stub> {
    let Some(map) = problems.mapping(node, "`http`") else { return Vec::new() };
    let mut stubs = Vec::new();
    for entry in map.iter() {
        read_name(problems, &entry.key, entry.key_span);
        let end = entry.value.extent(problems.source()).end;
        let span = Span::new(entry.key_span.start, end);
        stubs.extend(read_stub(problems, &entry.key, span, &entry.value));
    }
    stubs
}

fn read_stub(problems: &mut Problems, name: &str, span: Span, node: &Yaml) -> Option<Stub> {
    let top = fields(problems, node, &shape::STUB)?;
    let when = top.get("when").map_or(Some(When::default()), |node| read_when(problems, node));
    let then = read_then(problems, top.get("then"));
    let times = top.get("expect").and_then(|node| {
        let fields = fields(problems, node, &shape::STUB_EXPECT)?;
        read_number(problems, fields.get("times")?, "`times`")
    });
    let checks = top.get("checks").map(|node| problems.texts(node, "`checks`")).unwrap_or_default();
    if let (Some(entry), None) = (top.entry("checks"), top.get("expect")) {
        let help = "`expect: { times: 0 }`, if it must never be asked";
        problems.advise(entry.key_span, "a stub without `expect` decides nothing", help);
    }
    Some(Stub { name: name.to_owned(), when: when?, then: then?, times, checks, span })
}

fn read_when(problems: &mut Problems, node: &Yaml) -> Option<When> {
    let fields = fields(problems, node, &shape::STUB_WHEN)?;
    let mut text = |key: &str| {
        let node = fields.get(key)?;
        problems.text(node, &format!("`{key}`")).map(str::to_owned)
    };
    let (method, path, body) = (text("method"), text("path"), text("body"));
    if let (Some(path), Some(node)) = (&path, fields.get("path"))
        && (!path.starts_with('/') || path.contains(['?', '#']))
    {
        problems.add(node.span, "a path begins with `/` and has no query");
    }
    let headers = fields.get("headers").map(|node| read_headers(problems, node));
    Some(When { method, path, headers: headers.unwrap_or_default(), body })
}

fn read_then(problems: &mut Problems, node: Option<&Yaml>) -> Option<Then> {
    let plain = Then { status: 200, headers: Vec::new(), body: String::new() };
    let Some(node) = node else { return Some(plain) };
    let fields = fields(problems, node, &shape::STUB_THEN)?;
    let status = match fields.get("status") {
        Some(node) => {
            let status = read_number(problems, node, "`status`")?;
            if !(200..=599).contains(&status) {
                problems.add(node.span, "a status is a number from 200 to 599");
            }
            status
        }
        None => plain.status,
    };
    let body = fields.get("body").and_then(|node| problems.text(node, "`body`"));
    let body = body.unwrap_or_default().to_owned();
    let headers = fields.get("headers").map(|node| read_headers(problems, node));
    Some(Then { status, headers: headers.unwrap_or_default(), body })
}

fn read_headers(problems: &mut Problems, node: &Yaml) -> Vec<(String, String)> {
    let Some(map) = problems.mapping(node, "`headers`") else { return Vec::new() };
    let mut headers = Vec::new();
    for entry in map.iter() {
        let is_token = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if entry.key.is_empty() || !entry.key.chars().all(is_token) {
            problems.add(entry.key_span, format!("`{}` is no name of a header", entry.key));
        }
        if let Some(value) = problems.text(&entry.value, "a header") {
            if value.chars().any(char::is_control) {
                problems.add(entry.value.span, "a header has no control characters");
            }
            headers.push((entry.key.clone(), value.to_owned()));
        }
    }
    headers
}

fn read_number(problems: &mut Problems, node: &Yaml, what: &str) -> Option<u16> {
    let number = u16::try_from(problems.number(node, what)?).ok();
    if number.is_none() {
        problems.add(node.span, format!("{what} is a number up to 65535"));
    }
    number
}

/// The shapes of this part of the language.
pub(super) const SHAPES: &[&Shape] =
    &[&shape::STUB, &shape::STUB_WHEN, &shape::STUB_THEN, &shape::STUB_EXPECT];

#[cfg(test)]
mod tests {
    use super::super::{lint, parse};
    use super::*;
    use crate::span::Source;

    fn source(stubs: &str, text: &str) -> Source {
        let text = format!(
            "schema: 1\ntitle: t\nwhy: w\nmilestone: M3.3\ncovers: [MSG-019]\nproves: [q]\n\
             http:\n{stubs}actors:\n  alice: {{ plays: third-party-client, iut: true }}\n  \
             bob: {{ plays: meta-client }}\nsteps:\n  \
             - send: {{ from: bob, to: alice, text: \"{text}\", as: m }}\nmust_observe: [m.sent]\n"
        );
        Source::new("x.yaml", text)
    }

    fn errors(stubs: &str, text: &str) -> String {
        let errors = match parse("m3.3/x", &source(stubs, text)) {
            Ok(scenario) => lint(&scenario, &["q"]),
            Err(errors) => errors,
        };
        crate::spec::joined(&errors)
    }

    #[test]
    fn a_stub_has_matchers_an_answer_and_a_number_that_decides() {
        let stubs = "  pot:\n    when: { method: POST, path: /look, headers: { x-a: b }, body: hi }\n    \
                     then: { status: 302, headers: { location: /there }, body: no }\n    \
                     expect: { times: 2 }\n    checks: [MSG-019]\n  any: {}\n";
        let source = source(stubs, "see ${pot.url} and ${any.url}");
        let scenario = parse("m3.3/x", &source).unwrap_or_else(|e| panic!("{e:?}"));
        assert_eq!(lint(&scenario, &["q"]), []);
        let [pot, any] = &scenario.http[..] else { panic!("two stubs") };
        assert_eq!((pot.path(), any.path()), ("/look", "/"));
        assert_eq!(pot.when.headers, [("x-a".to_owned(), "b".to_owned())]);
        assert_eq!((pot.then.status, any.then.status), (302, 200));
        let [_, asked, not_more] = &scenario.steps[..] else { panic!("two further steps") };
        assert!(matches!(&asked.action, Action::Expect(e) if e.kind == Kind::Stubbed));
        assert!(matches!(&not_more.action, Action::ExpectNone(e) if e.kind == Kind::Stubbed));
        assert_eq!(not_more.checks, ["MSG-019"]);
    }

    #[test]
    fn what_cannot_be_is_shown_with_its_place() {
        insta::assert_snapshot!(errors(
            "  pot:\n    when: { path: look?x }\n    then: { status: 99, headers: { \"a b\": c } }\n    \
             checks: [MSG-019]\n",
            "see ${pot.port} and ${jar.url}"
        ));
        insta::assert_snapshot!(errors(
            "  pot: { expect: { times: 0 }, checks: [MSG-001] }\n  idle: {}\n",
            "see ${pot.port} and ${jar.url}"
        ));
    }
}
