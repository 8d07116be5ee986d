//! What a probe of a server's HTTP means for the rows TRN-001 to TRN-009, TRN-020, TRN-021, MED-014.
//!
//! Main function: [`rules`]. It reads what the connections saw and judges it by the catalogue's
//! `why`: `Warns` is the half of a row that only warns, `Broken` the one that the level decides.

use crate::evidence::{HttpAnswer, Look, Payload, RuleFacts, RuleGrade};
use crate::http::{LATE, NO_TLS, NOBODY};

/// The rules that a probe decides.
pub(super) fn rules(probe: &str, endpoint: &str, seen: &[Look]) -> Vec<RuleFacts> {
    let Some(first) = seen.first() else { return Vec::new() };
    if let Some((grade, why)) = seen.iter().find_map(|look| unreached(probe, look)) {
        let why = format!("{endpoint}: {why}");
        return of_probe(probe).iter().map(|row| fact(row, grade, why.clone())).collect();
    }
    let judged = match (probe, seen) {
        ("versions", [one, two, rest @ ..]) => return versions(endpoint, one, two, rest.first()),
        ("tls", [new, old]) => return tls(endpoint, new, old),
        ("old-tls", _) => ("TRN-004", old_tls(seen)),
        ("certificate", _) => ("TRN-005", certificate(first)),
        ("no-host" | "two-hosts", _) => ("TRN-006", refused(first)),
        ("both-framings" | "both-framings-swapped", _) => ("TRN-007", one_reading(first)),
        ("two-lengths" | "odd-length", _) => ("TRN-007", refused_and_closed(first)),
        // That an upload is taken at all is an expectation of the scenario.
        ("upload", _) => return Vec::new(),
        ("no-credentials" | "wrong-credentials", _) => ("MED-014", who_uploads(first)),
        ("foreign-method", _) => return not_allowed(endpoint, first),
        ("text-body" | "large-body", _) if refused_for_its_token(endpoint, first) => {
            let why = format!("{}: the token was refused before the body was read", outcome(first));
            ("TRN-009", (RuleGrade::Open, why))
        }
        ("text-body", _) => ("TRN-009", answered_by(415, first)),
        ("large-body", _) => ("TRN-009", too_large(first)),
        _ => ("TRN-009", no_failure(first)),
    };
    let (row, (grade, why)) = judged;
    vec![fact(row, grade, format!("{endpoint}: {why}"))]
}

/// The rows that a probe can decide.
fn of_probe(probe: &str) -> &'static [&'static str] {
    match probe {
        "versions" => &["TRN-001", "TRN-002"],
        "tls" => &["TRN-003", "TRN-020"],
        "old-tls" => &["TRN-004"],
        "certificate" => &["TRN-005"],
        "no-host" | "two-hosts" => &["TRN-006"],
        "both-framings" | "both-framings-swapped" | "two-lengths" | "odd-length" => &["TRN-007"],
        "foreign-method" => &["TRN-008", "TRN-021"],
        "upload" => &[],
        "no-credentials" | "wrong-credentials" => &["MED-014"],
        _ => &["TRN-009"],
    }
}

/// What came of a rule, with what was seen.
type Judged = (RuleGrade, String);

fn fact(row: &str, grade: RuleGrade, why: String) -> RuleFacts {
    RuleFacts { requirement: row.to_owned(), grade, why: Some(why) }
}

fn grade(right: bool) -> RuleGrade {
    if right { RuleGrade::Holds } else { RuleGrade::Broken }
}

fn warned(right: bool) -> RuleGrade {
    if right { RuleGrade::Holds } else { RuleGrade::Warns }
}

/// TRN-001: both versions carry the call. TRN-002: with the same outcome.
/// `nobody` is a push of somebody who shows no token.
fn versions(endpoint: &str, one: &Look, two: &Look, nobody: Option<&Look>) -> Vec<RuleFacts> {
    let shown = |name: &str, look: &Look| format!("{name} {}", outcome(look));
    let why = format!("{endpoint}: {}, {}", shown("HTTP/1.1", one), shown("HTTP/2", two));
    let carries = |answer: &HttpAnswer| carries(endpoint, answer);
    let carried = [one, two].iter().all(|look| look.answer.as_ref().is_some_and(carries));
    // A server without manners says 404 of a user whom it does not know (PSH-011), and something else
    // to who shows no token. Where there is no endpoint, all are told the same.
    let unknown = |look: &Look| look.answer.as_ref().is_some_and(|answer| answer.status == 404);
    let told_apart = nobody.is_some_and(|look| look.answer.is_some() && !unknown(look));
    let carried = carried || unknown(one) && unknown(two) && told_apart;
    let mut out = vec![fact("TRN-001", grade(carried), why)];
    if let (Some(one), Some(two), true) = (&one.answer, &two.answer, carried) {
        let differences = differences(one, two);
        let why = match differences.as_slice() {
            [] => format!("{endpoint}: the answers are alike"),
            some => format!("{endpoint}: HTTP/1.1 and HTTP/2 differ in {}", some.join(", ")),
        };
        out.push(fact("TRN-002", grade(differences.is_empty()), why));
    }
    out
}

/// The endpoint is there and speaks this version; what it thinks of the call is another row's. A key
/// set is not empty, and a push that is taken is answered without a body (TF §3.2.2): anything else
/// comes from somebody who is not asked.
fn carries(endpoint: &str, answer: &HttpAnswer) -> bool {
    let taken = (200..300).contains(&answer.status);
    let empty = answer.body.bytes().is_some_and(|body| body.is_empty());
    let right_body = match endpoint {
        "key-set" | "media" => !empty,
        "push" => empty,
        _ => true,
    };
    answer.status < 500 && !matches!(answer.status, 404 | 405 | 421 | 426) && (right_body || !taken)
}

/// Fields that say something to the caller.
const SIGNIFICANT: [&str; 6] =
    ["content-type", "cache-control", "www-authenticate", "allow", "location", "retry-after"];

fn differences(one: &HttpAnswer, two: &HttpAnswer) -> Vec<String> {
    let mut out = Vec::new();
    if one.status != two.status {
        out.push(format!("status ({} and {})", one.status, two.status));
    }
    if one.body != two.body {
        out.push("body".to_owned());
    }
    let differ = |name: &&&str| header(one, name) != header(two, name);
    out.extend(SIGNIFICANT.iter().filter(differ).map(|name| (*name).to_owned()));
    out
}

fn header<'a>(answer: &'a HttpAnswer, name: &str) -> Option<&'a str> {
    let found = answer.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

/// TRN-003: TLS 1.3 is spoken. TRN-020: TLS 1.2 too.
fn tls(endpoint: &str, new: &Look, old: &Look) -> Vec<RuleFacts> {
    let spoken = |row: &str, version: &str, look: &Look| {
        let why = match &look.failed {
            Some(why) => format!("{endpoint}: {version} alone is refused: {why}"),
            None => format!("{endpoint}: {version} alone is accepted"),
        };
        fact(row, grade(look.failed.is_none()), why)
    };
    vec![spoken("TRN-003", "TLS 1.3", new), spoken("TRN-020", "TLS 1.2", old)]
}

fn old_tls(seen: &[Look]) -> Judged {
    let agreed = seen.iter().find_map(|look| look.tls.as_ref());
    match (agreed, seen.iter().find_map(|look| look.failed.as_ref())) {
        (Some(version), _) => (RuleGrade::Broken, format!("{version} was agreed to")),
        (None, Some(why)) => (RuleGrade::Broken, why.clone()),
        (None, None) => (RuleGrade::Holds, "TLS 1.0 and TLS 1.1 are refused".to_owned()),
    }
}

fn certificate(look: &Look) -> Judged {
    match &look.failed {
        Some(why) => (RuleGrade::Broken, format!("a caller that verifies does not connect: {why}")),
        None => (RuleGrade::Holds, "chain, name and validity are in order".to_owned()),
    }
}

/// Why a probe shows nothing: the server took longer than a caller waits, for whatever reason, or what
/// is about requests met no server that reads any.
fn unreached(probe: &str, look: &Look) -> Option<Judged> {
    let why = look.failed.as_ref()?;
    let about_requests = ["TRN-006", "TRN-007", "TRN-009"].contains(of_probe(probe).first()?);
    let no_line = [NOBODY, NO_TLS].iter().any(|what| why.starts_with(what));
    if why.starts_with(LATE) {
        return Some((RuleGrade::Open, format!("the server did not answer in time: {why}")));
    }
    (about_requests && no_line).then(|| (RuleGrade::Open, format!("nobody read a request: {why}")))
}

fn refused(look: &Look) -> Judged {
    let statuses = statuses(look);
    (grade(statuses == [400]), outcome_of_raw(look, &statuses))
}

fn refused_and_closed(look: &Look) -> Judged {
    let statuses = statuses(look);
    (grade(statuses == [400] && look.closed), outcome_of_raw(look, &statuses))
}

/// RFC 9112 §6.1: refused, or read by `Transfer-Encoding` alone, and the connection closed.
fn one_reading(look: &Look) -> Judged {
    let statuses = statuses(look);
    let right = match statuses.as_slice() {
        [400..=499 | 501] => true,
        [_] => look.closed,
        // Who ends the connection without a word has refused too.
        [] => look.closed,
        _ => false,
    };
    (grade(right), outcome_of_raw(look, &statuses))
}

/// TRN-008: the answer is 405. TRN-021, RFC 9110 §15.5.6: "The origin server MUST generate an Allow
/// header field in a 405 response".
fn not_allowed(endpoint: &str, look: &Look) -> Vec<RuleFacts> {
    let Some(answer) = &look.answer else {
        return vec![fact("TRN-008", RuleGrade::Broken, format!("{endpoint}: {}", outcome(look)))];
    };
    if answer.status != 405 {
        let why = format!("{endpoint}: {}, and not 405", answer.status);
        return vec![fact("TRN-008", RuleGrade::Warns, why)];
    }
    let (told, why) = match header(answer, "allow") {
        Some(allow) => (true, format!("{endpoint}: 405, Allow: {allow}")),
        None => (false, format!("{endpoint}: 405 without Allow")),
    };
    vec![
        fact("TRN-008", RuleGrade::Holds, format!("{endpoint}: 405")),
        fact("TRN-021", grade(told), why),
    ]
}

/// MED-014: refused for who asks, or at least refused.
fn who_uploads(look: &Look) -> Judged {
    let grade = match look.answer.as_ref().map(|answer| answer.status) {
        Some(401 | 403) => RuleGrade::Holds,
        Some(200..=299) => RuleGrade::Broken,
        _ => RuleGrade::Warns,
    };
    (grade, format!("{}, where 401 or 403 says that somebody must be known", outcome(look)))
}

fn answered_by(status: u16, look: &Look) -> Judged {
    let right = look.answer.as_ref().is_some_and(|answer| answer.status == status);
    (warned(right), format!("{}, where {status} says what is wrong", outcome(look)))
}

fn refused_for_its_token(endpoint: &str, look: &Look) -> bool {
    let status = look.answer.as_ref().map(|answer| answer.status);
    endpoint == "push" && matches!(status, Some(401 | 403))
}

/// A server that stops reading may be heard or not; only an answer can be of the wrong kind.
fn too_large(look: &Look) -> Judged {
    match &look.answer {
        Some(_) => answered_by(413, look),
        None => (RuleGrade::Holds, "the connection was ended before ten megabytes".to_owned()),
    }
}

fn no_failure(look: &Look) -> Judged {
    let statuses = statuses(look);
    // 501 and 505 say that the request is beyond the server, and not that the server failed.
    let fails = statuses.iter().any(|status| *status >= 500 && !matches!(status, 501 | 505));
    let silent = statuses.is_empty() && !look.closed && look.failed.is_none();
    (warned(!fails && !silent && look.failed.is_none()), outcome_of_raw(look, &statuses))
}

fn outcome(look: &Look) -> String {
    match (&look.answer, &look.failed) {
        (Some(answer), _) => format!("{}", answer.status),
        (None, Some(why)) => format!("no answer ({why})"),
        (None, None) => "no answer".to_owned(),
    }
}

fn outcome_of_raw(look: &Look, statuses: &[u16]) -> String {
    let end = if look.closed { "the connection was closed" } else { "the connection stayed open" };
    match (statuses, &look.failed) {
        (_, Some(why)) => format!("no answer ({why})"),
        ([], None) => format!("no answer, and {end}"),
        ([one], None) => format!("{one}, and {end}"),
        (several, None) => {
            let several: Vec<String> = several.iter().map(u16::to_string).collect();
            format!("{} answers ({}), and {end}", several.len(), several.join(", "))
        }
    }
}

/// The statuses of the answers in raw bytes. A body is skipped by its `Content-Length`, or searched
/// for the next status line, where it has none.
fn statuses(look: &Look) -> Vec<u16> {
    let bytes = look.bytes.as_ref().and_then(Payload::bytes).unwrap_or_default();
    let (mut rest, mut out) = (bytes.as_slice(), Vec::new());
    while let Some((status, after)) = one_status(rest) {
        if status >= 200 {
            out.push(status);
        }
        rest = after;
    }
    out
}

fn one_status(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let start = bytes.windows(7).position(|window| window == b"HTTP/1.")?;
    let mut headers = [httparse::EMPTY_HEADER; 100];
    let mut response = httparse::Response::new(&mut headers);
    let head = match response.parse(&bytes[start..]) {
        Ok(httparse::Status::Complete(head)) => head,
        _ => return None,
    };
    let mut fields = response.headers.iter();
    let length = fields.find(|field| field.name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|field| std::str::from_utf8(field.value).ok()?.parse().ok());
    let end = (start + head).saturating_add(length.unwrap_or(0)).min(bytes.len());
    Some((response.code?, &bytes[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str, closed: bool) -> Look {
        let text = text.replace('\n', "\r\n");
        Look { bytes: Some(Payload::of(text.as_bytes())), closed, ..Look::default() }
    }

    fn answered(status: u16, headers: &[(&str, &str)]) -> Look {
        let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let (headers, body) = (headers.collect(), Payload::of(b"x"));
        Look { answer: Some(HttpAnswer { status, headers, body }), ..Look::default() }
    }

    fn failed() -> Look {
        Look { failed: Some("alert".into()), ..Look::default() }
    }

    fn judged(probe: &str, seen: &[Look]) -> Vec<(String, RuleGrade)> {
        let rules = rules(probe, "key-set", seen).into_iter();
        rules.map(|rule| (rule.requirement, rule.grade)).collect()
    }

    fn only(probe: &str, seen: &[Look]) -> RuleGrade {
        match judged(probe, seen).as_slice() {
            [(_, grade)] => *grade,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn several_answers_are_counted_whatever_stands_in_their_bodies() {
        let two = raw("HTTP/1.1 200 OK\ncontent-length: 3\n\nabcHTTP/1.1 404 -\n\n", false);
        assert_eq!(statuses(&two), [200, 404]);
        let quoted = raw("HTTP/1.1 400 -\ncontent-length: 9\n\nHTTP/1.1 ", true);
        assert_eq!(statuses(&quoted), [400]);
        let early = raw("HTTP/1.1 100 Continue\n\nHTTP/1.1 200 OK\n\n", true);
        assert_eq!(statuses(&early), [200]);
        assert_eq!(statuses(&raw("no HTTP", true)), [0_u16; 0]);
    }

    #[test]
    fn framing_that_is_ambiguous_is_read_once_or_not_at_all() {
        use RuleGrade::{Broken, Holds};
        let (one, two) = ("HTTP/1.1 200 OK\n\n", "HTTP/1.1 200 OK\n\nHTTP/1.1 200 OK\n\n");
        assert_eq!(only("both-framings", &[raw(one, true)]), Holds);
        assert_eq!(only("both-framings", &[raw(one, false)]), Broken);
        assert_eq!(only("both-framings", &[raw(two, true)]), Broken);
        assert_eq!(only("two-lengths", &[raw("HTTP/1.1 400 -\n\n", true)]), Holds);
        assert_eq!(only("two-lengths", &[raw("HTTP/1.1 400 -\n\n", false)]), Broken);
        assert_eq!(only("odd-length", &[raw("", true)]), Broken);
        assert_eq!(only("no-host", &[raw(one, true)]), Broken);
    }

    #[test]
    fn who_is_late_has_broken_no_other_rule() {
        let late = Look { failed: Some(format!("{LATE} 10000 ms")), ..Look::default() };
        for probe in ["both-framings", "no-host", "versions", "old-tls", "garbage"] {
            let found = judged(probe, &[late.clone(), late.clone()]);
            assert!(!found.is_empty());
            assert!(found.iter().all(|(_, grade)| *grade == RuleGrade::Open), "{found:?}");
        }
        let alert = Look { failed: Some("no TLS: alert".into()), ..Look::default() };
        assert_eq!(only("two-lengths", std::slice::from_ref(&alert)), RuleGrade::Open);
        assert_eq!(judged("versions", &[alert, answered(200, &[])])[0].1, RuleGrade::Broken);
        let refused = rules("large-body", "push", &[answered(401, &[])]);
        assert_eq!(refused[0].grade, RuleGrade::Open);
    }

    #[test]
    fn what_only_recommends_warns() {
        use RuleGrade::{Holds, Warns};
        assert_eq!(only("foreign-method", &[answered(404, &[])]), Warns);
        assert_eq!(only("text-body", &[answered(200, &[])]), Warns);
        assert_eq!(only("large-body", &[failed()]), Holds);
        assert_eq!(only("garbage", &[raw("HTTP/1.1 500 -\n\n", true)]), Warns);
        assert_eq!(only("odd-version", &[raw("HTTP/1.1 505 -\n\n", true)]), Holds);
        assert_eq!(only("garbage", &[Look::default()]), Warns);
    }

    #[test]
    fn an_upload_by_nobody_is_refused_for_who_asks() {
        use RuleGrade::{Broken, Holds, Warns};
        for probe in ["no-credentials", "wrong-credentials"] {
            let of = |status| judged(probe, &[answered(status, &[])]);
            let row = |grade| vec![("MED-014".to_owned(), grade)];
            assert_eq!([of(401), of(403)], [row(Holds), row(Holds)]);
            assert_eq!([of(201), of(204)], [row(Broken), row(Broken)]);
            assert_eq!([of(400), of(404), of(302)], [row(Warns), row(Warns), row(Warns)]);
            assert_eq!(judged(probe, &[failed()]), row(Warns));
        }
        assert!(judged("upload", &[answered(201, &[])]).is_empty());
    }

    #[test]
    fn each_level_has_a_row_of_its_own() {
        use RuleGrade::{Broken, Holds};
        let of = |row: &str, grade| (row.to_owned(), grade);
        let tls = |new, old| judged("tls", &[new, old]);
        let (new, old) = (of("TRN-003", Holds), of("TRN-020", Broken));
        assert_eq!(tls(Look::default(), failed()), [new, old]);
        let (new, old) = (of("TRN-003", Broken), of("TRN-020", Holds));
        assert_eq!(tls(failed(), Look::default()), [new, old]);
        let method = |allow: &[(&str, &str)]| judged("foreign-method", &[answered(405, allow)]);
        assert_eq!(method(&[("Allow", "GET")]), [of("TRN-008", Holds), of("TRN-021", Holds)]);
        assert_eq!(method(&[]), [of("TRN-008", Holds), of("TRN-021", Broken)]);
    }

    #[test]
    fn both_versions_are_there_and_say_the_same() {
        use RuleGrade::{Broken, Holds};
        let of = |row: &str, grade| (row.to_owned(), grade);
        let one = answered(200, &[("content-type", "a"), ("date", "1")]);
        let alike = answered(200, &[("Content-Type", "a"), ("date", "2")]);
        let both = [of("TRN-001", Holds), of("TRN-002", Holds)];
        let nobody = [answered(404, &[]), answered(404, &[])];
        let told = |third| {
            let [one, two] = nobody.clone();
            rules("versions", "push", &[one, two, answered(third, &[])])[0].grade
        };
        assert_eq!(told(401), Holds, "a user whom nobody knows");
        assert_eq!(told(404), Broken, "no endpoint at all");
        assert_eq!(judged("versions", &[one.clone(), alike]), both);
        let other = answered(200, &[]);
        let differ = [of("TRN-001", Holds), of("TRN-002", Broken)];
        assert_eq!(judged("versions", &[one.clone(), other]), differ);
        assert_eq!(judged("versions", &[one.clone(), failed()]), [of("TRN-001", Broken)]);
        // Whoever sends back what it was sent carries no push.
        let pushed = rules("versions", "push", &[one.clone(), one]);
        assert_eq!((pushed.len(), pushed[0].grade), (1, Broken));
    }
}
