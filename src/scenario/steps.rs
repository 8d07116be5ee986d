//! From the steps of a scenario file to their model.
//!
//! Main function: `read_steps`. One function for each verb; each reads its mapping by its shape
//! and leaves to `lint` whether names exist and things fit together.

use std::time::Duration;

use super::ciphertext::CiphertextFault;
use super::key_faults::{BundleFault, Loss, PrekeyFault};
use super::kinds::{KINDS, KindInfo};
use super::line;
use super::media_faults::{FileProbe, HostFault, MediaFault, ProxyProbe};
use super::operations::{self, Operation};
use super::parse::{fields, is_empty_mapping, problem, read_duration, read_name, read_template};
use super::pattern::Pattern;
use super::probe::{Endpoint, ProbeKind};
use super::push::{BodyFault, PushKeys, TokenFault};
use super::template::Template;
use super::{
    Act, Action, After, AnswerFault, BytesFault, CertificateWord, ChainFault, Compromise,
    ContentFault, Expect, FrameFault, HelloFault, Kind, LoginFault, Matching, Mutation, Negative,
    Payload, Relaying, Send, SignatureFault, Step, TimeFault, Twin,
};
use super::{said, shape};
use crate::limits::CALLS_MAX;
use crate::span::Span;
use crate::spec::key::{self, Form};
use crate::spec::problems::{Fields, Problems, listed};
use crate::spec::yaml::{Entry, Value, Yaml};
use crate::wire::{EncodeAs, Style};

/// How long an expectation waits where it does not say.
const WITHIN: Duration = Duration::from_secs(5);

pub(super) fn read_steps(problems: &mut Problems, node: &Yaml) -> Vec<Step> {
    let items = problems.items(node, "`steps`").iter();
    items.filter_map(|item| read_step(problems, item)).collect()
}

fn read_step(problems: &mut Problems, node: &Yaml) -> Option<Step> {
    let verb = single(problems, node, &shape::STEP)?;
    let read = match verb.key.as_str() {
        "act" => read_act,
        "send" => read_send,
        "expect" | "expect_none" => read_expect,
        "fault" => read_fault,
        "advance" => read_advance,
        "compromise" => read_compromise,
        // `single` has refused every other key.
        _ => return None,
    };
    let (mut action, fields) = read(problems, &verb.value)?;
    if verb.key == "expect_none"
        && let Action::Expect(expect) = action
    {
        action = Action::ExpectNone(expect);
    }
    Some(Step {
        action,
        label: fields.get("as").and_then(|node| read_label(problems, node)),
        checks: read_checks(problems, fields),
        negative: fields.get("negative").and_then(|node| read_negative(problems, node)),
        span: Span::new(verb.key_span.start, verb.value.extent(problems.source()).end),
    })
}

/// The only entry of a mapping that must have exactly one.
fn single<'y>(problems: &mut Problems, node: &'y Yaml, shape: &shape::Shape) -> Option<&'y Entry> {
    let fields = fields(problems, node, shape)?;
    let mut entries = fields.iter().filter(|entry| shape.known().contains(&entry.key.as_str()));
    let first = entries.next();
    if first.is_none() && is_empty_mapping(node) {
        let help = listed("one of", &shape.known());
        problems.advise(node.anchor(), format!("{} is empty", shape.name), help);
    }
    for further in entries {
        let message = format!("{} has one key, this is a second one", shape.name);
        problems.add(further.key_span, message);
    }
    first
}

fn read_label(problems: &mut Problems, node: &Yaml) -> Option<String> {
    let label = problems.text(node, "a label")?;
    read_name(problems, label, node.span);
    Some(label.to_owned())
}

fn read_checks(problems: &mut Problems, fields: Fields<'_>) -> Vec<String> {
    fields.get("checks").map(|node| problems.texts(node, "`checks`")).unwrap_or_default()
}

fn read_negative(problems: &mut Problems, node: &Yaml) -> Option<Negative> {
    let fields = fields(problems, node, &shape::NEGATIVE)?;
    let twin = fields.get("twin").and_then(|node| problems.word(node, "twin", Twin::ALL));
    let after = fields.get("after").and_then(|node| problems.word(node, "place", After::ALL));
    Some(Negative { twin: twin?, after: after? })
}

fn read_act<'y>(problems: &mut Problems, node: &'y Yaml) -> Option<(Action, Fields<'y>)> {
    let operation = read_operation(problems, node);
    let fields = match operation {
        Some(operation) => act_fields(problems, node, operation)?,
        None => problems.mapping(node, shape::ACT.name)?,
    };
    let on = fields.get("on").and_then(|node| problems.text(node, "`on`"));
    let mutate = fields.get("mutate").and_then(|node| read_mutation(problems, node));
    let encode = fields.entry("encode").and_then(|entry| read_encode(problems, entry, fields));
    let may_fail = fields.get("may_fail").and_then(|node| problems.flag(node, "`may_fail`"));
    let operation = operation?;
    let params = operation.params.iter().filter_map(|param| {
        let value = read_template(problems, fields.get(param.key)?, "a parameter")?;
        Some((param.name.to_owned(), value))
    });
    let params: Vec<(String, Template)> = params.collect();
    let act = Act {
        on: on?.to_owned(),
        operation: operation.name.to_owned(),
        params,
        mutate,
        may_fail: may_fail.unwrap_or(false),
        encode,
    };
    Some((Action::Act(act), fields))
}

fn read_operation(problems: &mut Problems, node: &Yaml) -> Option<&'static Operation> {
    let Some(node) = node.find("do") else {
        problems.add(node.anchor(), "`act` lacks the key `do`");
        return None;
    };
    let name = problems.text(node, "`do`")?;
    let found = operations::find(name);
    if found.is_none() {
        problems.unknown(node.span, "operation", name, &operations::names());
    }
    found
}

fn act_fields<'y>(
    problems: &mut Problems,
    node: &'y Yaml,
    operation: &Operation,
) -> Option<Fields<'y>> {
    let params = operation.params.iter();
    let known: Vec<&str> =
        shape::ACT.known().into_iter().chain(params.clone().map(|param| param.key)).collect();
    let required = params.filter(|param| param.required).map(|param| param.key);
    let required: Vec<&str> = shape::ACT.required().into_iter().chain(required).collect();
    let what = format!("`{}`", operation.name);
    problems.fields(node, &what, &known, &required)
}

fn read_send<'y>(problems: &mut Problems, node: &'y Yaml) -> Option<(Action, Fields<'y>)> {
    let fields = fields(problems, node, &shape::SEND)?;
    let mut name =
        |key: &str| fields.get(key).and_then(|node| problems.text(node, &format!("`{key}`")));
    let (from, to) = (name("from"), name("to"));
    let payload = read_payload(problems, node, fields);
    let mutate = fields.get("mutate").and_then(|node| read_mutation(problems, node));
    let encode = fields.entry("encode").and_then(|entry| read_encode(problems, entry, fields));
    let hold = fields.get("hold").and_then(|node| problems.flag(node, "`hold`")).unwrap_or(false);
    let with = fields.get("with").and_then(|node| read_with(problems, node, fields));
    let (from, to) = (from?.to_owned(), to?.to_owned());
    let send = Send { from, to, payload: payload?, hold, mutate, encode, with };
    Some((Action::Send(send), fields))
}

/// What a message has besides its own; only texts become messages here.
fn read_with(problems: &mut Problems, node: &Yaml, send: Fields<'_>) -> Option<Pattern> {
    if send.get("text").is_none() {
        problems.add(node.span, "`with` belongs to `text`");
    }
    let pattern = read_pattern(problems, node)?;
    if pattern.tag() != "message" {
        let help = "e.g. `with: '<message notify=\"Ann\"/>'`";
        problems.advise(node.span, "`with` is a `<message>`", help);
    }
    Some(pattern)
}

fn read_encode(problems: &mut Problems, entry: &Entry, send: Fields<'_>) -> Option<EncodeAs> {
    for word in ["push", "fetch", "probe_file", "publish", "drain", "blocks", "enlist_elsewhere"] {
        if send.get(word).is_some() {
            problems.add(entry.key_span, format!("a `{word}` is no stanza to encode"));
        }
    }
    let enlists = matches!(
        send.get("do").map(|node| &node.value),
        Some(Value::Scalar { text, .. }) if text == "enlist"
    );
    if enlists {
        problems.add(entry.key_span, "`enlist` is answered over HTTP, in no stanza");
    }
    let fields = fields(problems, &entry.value, &shape::ENCODE)?;
    if is_empty_mapping(&entry.value) {
        let help = listed("one of", &shape::ENCODE.known());
        problems.advise(entry.value.anchor(), "`encode` is empty", help);
    }
    let styles = Style::ALL.map(|style| (style, style.name()));
    let style = match fields.get("style") {
        Some(node) => problems.word(node, "style", &styles)?,
        None => Style::Canonical,
    };
    let compressed = fields.get("compressed").and_then(|node| problems.flag(node, "`compressed`"));
    Some(EncodeAs { style, compressed: compressed.unwrap_or(false) })
}

const PAYLOADS: &[&str] = &[
    "text",
    "content",
    "media",
    "probe_file",
    "probe_proxy",
    "typing",
    "blocks",
    "stanza",
    "replay",
    "relay",
    "release",
    "ask_again",
    "resend",
    "lose",
    "unsent",
    "soak",
    "drain",
    "enlist_elsewhere",
    "push",
    "fetch",
    "probe",
    "publish",
];

/// Keys that stand only beside some payloads.
const BESIDE: &[(&str, &[&str])] = &[
    ("of", &["probe_file", "probe"]),
    ("by", &["probe_file", "probe_proxy"]),
    ("id", &["replay"]),
    ("how", &["relay"]),
    ("hold", &["text"]),
    ("endpoint", &["probe"]),
    ("count", &["ask_again"]),
    ("keys", &["ask_again"]),
    ("spoilt", &["resend"]),
    ("times", &["ask_again", "resend", "push", "fetch"]),
];

/// True where a probe speaks HTTP/2.
fn read_version(problems: &mut Problems, fields: Fields<'_>) -> Option<bool> {
    match fields.get("by") {
        Some(by) => problems.word(by, "version of HTTP", shape::BY),
        None => Some(false),
    }
}

fn read_payload(problems: &mut Problems, node: &Yaml, fields: Fields<'_>) -> Option<Payload> {
    let mut present = fields.iter().filter(|entry| PAYLOADS.contains(&entry.key.as_str()));
    let Some(first) = present.next() else {
        if all_known(fields, &shape::SEND) {
            let help = listed("one of", PAYLOADS);
            problems.advise(node.anchor(), "`send` does not say what is sent", help);
        }
        return None;
    };
    if let Some(second) = present.next() {
        let message = format!("`send` already has `{}`, it sends one thing", first.key);
        problems.add(second.key_span, message);
    }
    for (key, payloads) in BESIDE {
        if let (Some(entry), false) = (fields.entry(key), payloads.contains(&first.key.as_str())) {
            let belongs = payloads.join("` or `");
            problems.add(entry.key_span, format!("`{key}` belongs to `{belongs}`"));
        }
    }
    let value = &first.value;
    match first.key.as_str() {
        "text" => read_template(problems, value, "`text`").map(Payload::Text),
        "typing" => problems.flag(value, "`typing`").map(Payload::Typing),
        "blocks" => read_template(problems, value, "`blocks`").map(Payload::Blocks),
        "content" => said::read(problems, value).map(Payload::Content),
        "media" => read_media(problems, value).map(Payload::Media),
        "probe_file" => {
            let probe = problems.word(value, "probe", FileProbe::ALL)?;
            let Some(of) = fields.get("of") else {
                let help = "`of:` and the label of a step that stored a file";
                problems.advise(value.span, "`probe_file` lacks `of`", help);
                return None;
            };
            let http2 = read_version(problems, fields)?;
            Some(Payload::ProbeFile { probe, of: problems.text(of, "`of`")?.to_owned(), http2 })
        }
        "probe_proxy" => {
            let probe = problems.word(value, "probe", ProxyProbe::ALL)?;
            Some(Payload::ProbeProxy { probe, http2: read_version(problems, fields)? })
        }
        "stanza" => read_pattern(problems, value).map(Payload::Stanza),
        "replay" => read_replay(problems, value, fields),
        "relay" => {
            let of = problems.text(value, "`relay`")?.to_owned();
            let Some(how) = fields.get("how") else {
                let help = listed("one of", &shape::words(Relaying::ALL));
                problems.advise(value.span, "`relay` lacks `how`", help);
                return None;
            };
            problems.word(how, "way", Relaying::ALL).map(|how| Payload::Relay { of, how })
        }
        "release" => {
            let of = problems.text(value, "`release`")?.to_owned();
            Some(Payload::Release { of })
        }
        "ask_again" | "resend" => read_again(problems, first, fields),
        "unsent" => read_code(problems, value).map(Payload::Unsent),
        "soak" => read_code(problems, value).map(Payload::Soak),
        "lose" => problems.word(value, "loss", Loss::ALL).map(Payload::Lose),
        "drain" => read_code(problems, value).map(|left| Payload::Drain { left }),
        "enlist_elsewhere" => {
            let does = problems.flag(value, "`enlist_elsewhere`")?;
            if !does {
                problems.add(value.span, "`enlist_elsewhere: false` does nothing");
            }
            does.then_some(Payload::EnlistElsewhere)
        }
        "push" => read_push(problems, value, fields),
        "probe" => read_probe(problems, value, fields),
        "publish" => problems.word(value, "set", PushKeys::ALL).map(Payload::Publish),
        _ => {
            let words = [(false, shape::FETCHES[0]), (true, shape::FETCHES[1])];
            let head = problems.word(value, "fetch", &words)?;
            Some(Payload::FetchKeys { times: read_times(problems, fields)?, head })
        }
    }
}

/// What is said of a file that a Meta client sends.
fn read_media(problems: &mut Problems, node: &Yaml) -> Option<Vec<(String, Template)>> {
    let known = fields(problems, node, &shape::MEDIA)?;
    let mut said = Vec::new();
    for key in shape::MEDIA.keys {
        if let Some(value) = known.get(key.name) {
            said.push((key.name.to_owned(), read_template(problems, value, "a field")?));
        }
    }
    Some(said)
}

/// Whether no key was refused; a misspelt one may be the one that is missing.
fn all_known(fields: Fields<'_>, shape: &shape::Shape) -> bool {
    fields.iter().all(|entry| shape.known().contains(&entry.key.as_str()))
}

fn read_replay(problems: &mut Problems, node: &Yaml, fields: Fields<'_>) -> Option<Payload> {
    let of = problems.text(node, "`replay`")?.to_owned();
    let ids = [(true, shape::REPLAY_IDS[0]), (false, shape::REPLAY_IDS[1])];
    let Some(id) = fields.get("id") else {
        problems.advise(node.span, "`replay` lacks `id`", "`id: same` or `id: new`");
        return None;
    };
    let same_id = problems.word(id, "id", &ids)?;
    Some(Payload::Replay { of, same_id })
}

fn read_again(problems: &mut Problems, entry: &Entry, fields: Fields<'_>) -> Option<Payload> {
    let of = problems.text(&entry.value, &format!("`{}`", entry.key))?.to_owned();
    let mut number = |key: &str| match fields.get(key) {
        Some(node) => read_code(problems, node),
        None => Some(1),
    };
    let (count, times) = (number("count")?, number("times")?);
    let mut flag =
        |key: &str| fields.get(key).and_then(|node| problems.flag(node, &format!("`{key}`")));
    let (keys, spoilt) = (flag("keys").unwrap_or(false), flag("spoilt").unwrap_or(false));
    Some(match entry.key.as_str() {
        "resend" => Payload::Resend { of, spoilt, times },
        _ => Payload::AskAgain { of, count, keys, times },
    })
}

/// How often, at once.
fn read_times(problems: &mut Problems, fields: Fields<'_>) -> Option<u16> {
    let Some(node) = fields.get("times") else { return Some(1) };
    let times = read_code(problems, node)?;
    if !(1..=CALLS_MAX).contains(&times) {
        problems.add(node.span, format!("`times` is 1 to {CALLS_MAX}"));
        return None;
    }
    Some(times)
}

fn read_push(problems: &mut Problems, node: &Yaml, fields: Fields<'_>) -> Option<Payload> {
    match problems.flag(node, "`push`")? {
        true => Some(Payload::Push { times: read_times(problems, fields)? }),
        false => {
            problems.add(node.span, "`push: false` sends nothing");
            None
        }
    }
}

fn read_probe(problems: &mut Problems, node: &Yaml, fields: Fields<'_>) -> Option<Payload> {
    let kind = problems.word(node, "probe", ProbeKind::ALL);
    let Some(endpoint) = fields.get("endpoint") else {
        let help = listed("one of", &shape::words(Endpoint::ALL));
        problems.advise(node.span, "`probe` lacks `endpoint`", help);
        return None;
    };
    let at = problems.word(endpoint, "endpoint", Endpoint::ALL);
    let of = fields.get("of").and_then(|node| problems.text(node, "`of`")).map(str::to_owned);
    if (at == Some(Endpoint::Media)) != of.is_some() {
        let help = "`of:` is the label of a step that stored a file, and belongs to `media`";
        problems.advise(endpoint.span, "this endpoint and `of` do not go together", help);
        return None;
    }
    let (kind, at) = (kind?, at?);
    if kind.uploads() != (at == Endpoint::Upload) {
        let help = "`upload`, `no-credentials` and `wrong-credentials` are asked of `upload`, and \
                    nothing else is";
        problems.advise(endpoint.span, "this probe and this endpoint do not go together", help);
        return None;
    }
    Some(Payload::Probe { kind, at, of })
}

fn read_pattern(problems: &mut Problems, node: &Yaml) -> Option<Pattern> {
    let text = problems.text(node, "a stanza")?;
    Pattern::parse(text)
        .map_err(|error| {
            let span = node.within(problems.source(), error.range.clone());
            problem(problems, span, error.to_string(), error.rule.help());
        })
        .ok()
}

fn read_mutation(problems: &mut Problems, node: &Yaml) -> Option<Mutation> {
    let entry = single(problems, node, &shape::MUTATION)?;
    let value = &entry.value;
    match entry.key.as_str() {
        "server_hello" => problems.word(value, "fault", HelloFault::ALL).map(Mutation::ServerHello),
        "offline_count" => read_code(problems, value).map(Mutation::OfflineCount),
        "bytes" => problems.word(value, "fault", BytesFault::ALL).map(Mutation::Bytes),
        "frame" => problems.word(value, "fault", FrameFault::ALL).map(Mutation::Frame),
        "tls" => problems.word(value, "fault", CertificateWord::ALL).map(Mutation::Tls),
        "server_chain" => problems.word(value, "fault", ChainFault::ALL).map(Mutation::ServerChain),
        "bundle_signature" => {
            problems.word(value, "fault", SignatureFault::ALL).map(Mutation::BundleSignature)
        }
        "bundle" => problems.word(value, "fault", BundleFault::ALL).map(Mutation::Bundle),
        "prekey" => problems.word(value, "prekey", PrekeyFault::ALL).map(Mutation::Prekey),
        "bundle_error" => read_code(problems, value).map(Mutation::BundleError),
        "enlistment_reason" => problems
            .text(value, "a reason")
            .map(|reason| Mutation::EnlistmentReason(reason.to_owned())),
        "enlistment_answer" => {
            problems.word(value, "answer", AnswerFault::ALL).map(Mutation::EnlistmentAnswer)
        }
        "login_digits" => read_digits(problems, value).map(Mutation::LoginDigits),
        "server_login" => problems.word(value, "fault", LoginFault::ALL).map(Mutation::ServerLogin),
        "content" => problems.word(value, "fault", ContentFault::ALL).map(Mutation::Content),
        "push_token" => problems.word(value, "fault", TokenFault::ALL).map(Mutation::PushToken),
        "push_body" => problems.word(value, "fault", BodyFault::ALL).map(Mutation::PushBody),
        "media" => problems.word(value, "fault", MediaFault::ALL).map(Mutation::Media),
        "host" => problems.word(value, "fault", HostFault::ALL).map(Mutation::Host),
        "ciphertext" => {
            problems.word(value, "fault", CiphertextFault::ALL).map(Mutation::Ciphertext)
        }
        "sender" => {
            problems.text(value, "a Meta client").map(|name| Mutation::Sender(name.to_owned()))
        }
        "time" => problems.word(value, "fault", TimeFault::ALL).map(Mutation::Time),
        "device" => read_code(problems, value).map(Mutation::Device),
        // `single` has refused every other key.
        _ => None,
    }
}

/// The number of an internal identifier: 64 bits, which is more than YAML's own numbers promise.
fn read_digits(problems: &mut Problems, node: &Yaml) -> Option<u64> {
    let text = problems.text(node, "an internal identifier")?;
    let digits = text.parse().ok();
    if digits.is_none() {
        problems.add(node.span, format!("`{text}` is no number of 64 bits"));
    }
    digits
}

fn read_code(problems: &mut Problems, node: &Yaml) -> Option<u16> {
    let number = problems.number(node, "an error code")?;
    let code = u16::try_from(number).ok();
    if code.is_none() {
        problems.add(node.span, "an error code is at most 65535");
    }
    code
}

fn read_fault<'y>(problems: &mut Problems, node: &'y Yaml) -> Option<(Action, Fields<'y>)> {
    line::read_fault(problems, node).map(|(fault, fields)| (Action::Fault(fault), fields))
}

fn read_advance<'y>(problems: &mut Problems, node: &'y Yaml) -> Option<(Action, Fields<'y>)> {
    line::read_advance(problems, node).map(|(by, fields)| (Action::Advance(by), fields))
}

fn read_compromise<'y>(problems: &mut Problems, node: &'y Yaml) -> Option<(Action, Fields<'y>)> {
    let fields = fields(problems, node, &shape::COMPROMISE)?;
    let mut name =
        |key: &str| fields.get(key).and_then(|node| problems.text(node, &format!("`{key}`")));
    let (of, with) = (name("of")?.to_owned(), name("with")?.to_owned());
    Some((Action::Compromise(Compromise { of, with }), fields))
}

fn read_expect<'y>(problems: &mut Problems, node: &'y Yaml) -> Option<(Action, Fields<'y>)> {
    let fields = fields(problems, node, &shape::EXPECT)?;
    let at = fields.get("at").and_then(|node| problems.text(node, "`at`"));
    let (within, within_key) = match fields.get("within") {
        Some(node) => read_within(problems, node)?,
        None => (WITHIN, None),
    };
    let (info, entry) = read_kind(problems, node, fields)?;
    let matching = match info.kind {
        Kind::Stanza => Matching::Stanza(read_pattern(problems, &entry.value)?),
        _ => Matching::Fields(read_matching(problems, info, &entry.value)?),
    };
    let expect = Expect { at: at?.to_owned(), kind: info.kind, matching, within, within_key };
    Some((Action::Expect(expect), fields))
}

/// `5s`, or `${profile.push.reconnect_s}`: so many seconds as the profile says.
fn read_within(problems: &mut Problems, node: &Yaml) -> Option<(Duration, Option<&'static str>)> {
    let text = problems.text(node, "a duration")?;
    let named = text.strip_prefix("${profile.").and_then(|rest| rest.strip_suffix('}'));
    let Some(name) = named else {
        return read_duration(problems, node).map(|within| (within, None));
    };
    let known = key::ALL.iter().filter(|key| key.name.ends_with("_s") && key.form == Form::Number);
    let names: Vec<&str> = known.clone().map(|key| key.name).collect();
    let found = known.clone().find(|key| key.name == name);
    if found.is_none() {
        problems.unknown(node.span, "profile key in seconds", name, &names);
    }
    found.map(|key| (WITHIN, Some(key.name)))
}

fn read_kind<'y>(
    problems: &mut Problems,
    node: &Yaml,
    fields: Fields<'y>,
) -> Option<(&'static KindInfo, &'y Entry)> {
    let mut kinds = fields.iter().filter_map(|entry| {
        KINDS.iter().find(|info| info.word == entry.key).map(|info| (info, entry))
    });
    let first = kinds.next();
    if let (Some((info, _)), Some((_, second))) = (first, kinds.next()) {
        let message = format!("the step already has `{}`, it expects one thing", info.word);
        problems.add(second.key_span, message);
    }
    if first.is_none() && all_known(fields, &shape::EXPECT) {
        let words: Vec<&str> = KINDS.iter().map(|info| info.word).collect();
        let help = listed("one of", &words);
        problems.advise(node.anchor(), "the step does not say what is expected", help);
    }
    first
}

fn read_matching(
    problems: &mut Problems,
    info: &KindInfo,
    node: &Yaml,
) -> Option<Vec<(String, Template)>> {
    let what = format!("`{}`", info.word);
    let map = problems.mapping(node, &what)?;
    let mut matching = Vec::new();
    for entry in map.iter() {
        if !info.fields.contains(&entry.key.as_str()) {
            problems.unknown(entry.key_span, "field", &entry.key, info.fields);
        } else if let Some(template) = read_template(problems, &entry.value, "a field") {
            matching.push((entry.key.clone(), template));
        }
    }
    Some(matching)
}
