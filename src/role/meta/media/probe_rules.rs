//! What the answers to a probe mean for the rows of the catalogue (MED-006 to MED-013, MED-023 to
//! MED-026, MPX).
//!
//! Main function: [`judge`], without state.

use std::io::Read as _;

use flate2::read::{MultiGzDecoder, ZlibDecoder};

use super::judged::{open, rule};
use super::probe::Ask;
use crate::evidence::RuleFacts;
use crate::http::{HttpResponse, is_refusal};
use crate::limits::FILE_BYTES_MAX;
use crate::scenario::FileProbe;

pub(super) type Answer = Result<HttpResponse, String>;
type Asked<'a> = &'a [(&'a Ask, &'a Answer)];

/// Headers that differ from answer to answer and follow nobody.
const PASSING: &[&str] = &[
    "date",
    "age",
    "via",
    "connection",
    "keep-alive",
    "server-timing",
    "expires",
    "x-request-id",
    "x-amz-request-id",
    "x-amz-id-2",
    "cf-ray",
    "alt-svc",
];

/// Every rule that a probe decides.
/// `auth` is how the proxy shows who it is, by the profile.
pub(super) fn judge(
    probe: FileProbe,
    auth: &str,
    base: &Answer,
    asked: Asked<'_>,
) -> Vec<RuleFacts> {
    let whole = match base {
        Ok(whole) if whole.status == 200 => whole,
        other => {
            let why = format!("the file itself cannot be had: {}", said(other));
            // Who is asked by the proxy and refuses it has decided; any other reason says nothing.
            let refuses = matches!(other, Ok(answer) if is_refusal(answer.status));
            let about_readers =
                matches!(probe, FileProbe::Credentials | FileProbe::Readers | FileProbe::Parallel);
            let said = |row: &&str| match refuses && about_readers {
                true => rule(row, Some(why.clone())),
                false => open(row, why.clone()),
            };
            return rows(probe).iter().map(said).collect();
        }
    };
    match probe {
        // Judged by who knows what was stored.
        FileProbe::Whole => Vec::new(),
        FileProbe::Repeat => vec![rule("MED-009", first(asked, |answer| changed(whole, answer)))],
        FileProbe::Head => head(whole, asked),
        FileProbe::Range => parts(whole, asked),
        FileProbe::Coding => coding(whole, asked),
        FileProbe::Unknown => vec![
            rule("MED-007", first(asked, not_refused)),
            rule("MED-024", first(asked, not_missing)),
        ],
        FileProbe::Traversal => vec![rule("MED-013", first(asked, way_out))],
        FileProbe::Readers => readers(whole, asked),
        FileProbe::Parallel => parallel(whole, asked),
        FileProbe::Credentials => {
            vec![rule("MED-015", first(asked, |answer| otherwise(auth, whole, answer)))]
        }
    }
}

fn rows(probe: FileProbe) -> &'static [&'static str] {
    match probe {
        FileProbe::Whole => &[],
        FileProbe::Repeat => &["MED-009"],
        FileProbe::Head => &["MED-011", "MED-026"],
        FileProbe::Range => &["MED-010"],
        FileProbe::Coding => &["MED-006", "MED-023"],
        FileProbe::Unknown => &["MED-007", "MED-024"],
        FileProbe::Traversal => &["MED-013"],
        FileProbe::Readers => &["MPX-004", "MPX-006"],
        FileProbe::Parallel => &["MPX-004", "MPX-005"],
        FileProbe::Credentials => &["MED-015"],
    }
}

/// MED-015: who shows nothing, or something that was not asked for, is given the file where the profile
/// has no credentials, and none where it has.
fn otherwise(auth: &str, whole: &HttpResponse, (_, answer): &(&Ask, &Answer)) -> Option<String> {
    let given =
        answer.as_ref().is_ok_and(|answer| answer.status == 200 && answer.body == whole.body);
    let right = given == (auth == "none");
    (!right).then(|| said(answer))
}

fn said(answer: &Answer) -> String {
    match answer {
        Ok(answer) => format!("status {}", answer.status),
        Err(why) => why.clone(),
    }
}

/// The first thing that is wrong, with what was asked.
fn first(asked: Asked<'_>, wrong: impl Fn(&(&Ask, &Answer)) -> Option<String>) -> Option<String> {
    asked.iter().find_map(|pair| Some(format!("{}: {}", pair.0.what, wrong(pair)?)))
}

fn changed(whole: &HttpResponse, (ask, answer): &(&Ask, &Answer)) -> Option<String> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(why) => return Some(why.clone()),
    };
    let conditional = ask.request.header("if-none-match").is_some();
    if conditional && answer.status == 304 {
        return None;
    }
    if answer.status != 200 || answer.body != whole.body {
        return Some(format!("other bytes than before (status {})", answer.status));
    }
    let differs = |name: &&str| whole.header(name) != answer.header(name);
    let name = ["etag", "last-modified"].into_iter().find(differs)?;
    Some(format!("`{name}` changed and the bytes did not"))
}

/// MED-011: what HEAD says of the length is true. MED-026: HEAD is served, with the fields of GET.
fn head(whole: &HttpResponse, asked: Asked<'_>) -> Vec<RuleFacts> {
    let Some((_, answer)) = asked.first() else { return Vec::new() };
    let answer = match answer {
        // Who says that there is no HEAD says nothing wrong of the file.
        Ok(answer) if matches!(answer.status, 405 | 501) => {
            return vec![rule("MED-026", Some(format!("HEAD is answered {}", answer.status)))];
        }
        Ok(answer) if answer.status == 200 => answer,
        other => {
            let why = format!("HEAD: {}, GET: status 200", said(other));
            return rows(FileProbe::Head).iter().map(|row| rule(row, Some(why.clone()))).collect();
        }
    };
    let real = whole.body.len().to_string();
    let stated = answer.header("content-length").filter(|length| *length != real);
    let wrong = stated.map(|stated| format!("HEAD states {stated} bytes, GET gives {real}"));
    let differs = |name: &&str| whole.header(name) != answer.header(name);
    let other =
        ["content-type", "etag", "last-modified", "content-length"].into_iter().find(differs);
    let other = other.map(|name| format!("HEAD and GET differ in `{name}`"));
    vec![rule("MED-011", wrong), rule("MED-026", other)]
}

/// MED-010: the right part or everything. MED-025, of a server that gives parts: 416 where there is
/// none.
fn parts(whole: &HttpResponse, asked: Asked<'_>) -> Vec<RuleFacts> {
    let mut rules = vec![rule("MED-010", first(asked, |pair| part(whole, pair)))];
    let gives =
        |(_, answer): &(&Ask, &Answer)| matches!(answer, Ok(answer) if answer.status == 206);
    if asked.iter().any(gives) {
        rules.push(rule("MED-025", first(asked, |pair| all_for_none(whole, pair))));
    }
    rules
}

fn all_for_none(whole: &HttpResponse, (ask, answer): &(&Ask, &Answer)) -> Option<String> {
    let range = ask.request.header("range").unwrap_or_default();
    let one = range.starts_with("bytes=") && !range.contains(',');
    let none = one && wanted(range, whole.body.len()).is_none();
    let status = answer.as_ref().ok()?.status;
    (none && status == 200).then(|| "the whole file with 200, and not 416".to_owned())
}

/// MED-010: everything with 200, or the very part with 206 (RFC 9110 §14.2, §15.3.7).
fn part(whole: &HttpResponse, (ask, answer): &(&Ask, &Answer)) -> Option<String> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(why) => return Some(format!("a broken answer: {why}")),
    };
    let total = whole.body.len();
    let told = answer.header("content-range");
    match answer.status {
        200 if told.is_some() => Some("status 200 with a Content-Range".to_owned()),
        200 if answer.body != whole.body => {
            Some(format!("status 200 with {} bytes of {total}", answer.body.len()))
        }
        200 => None,
        206 if ask.request.header("if-range") == Some("\"never-was\"") => {
            Some("a part, though If-Range did not match".to_owned())
        }
        206 => partial(whole, ask.request.header("range").unwrap_or_default(), answer),
        416 if wanted(ask.request.header("range").unwrap_or_default(), total).is_none() => None,
        other => Some(format!("status {other}")),
    }
}

fn partial(whole: &HttpResponse, range: &str, answer: &HttpResponse) -> Option<String> {
    let total = whole.body.len();
    let several = answer.header("content-type").is_some_and(|t| t.starts_with("multipart/byter"));
    if several {
        return (!range.contains(',')).then(|| "several parts, and one was asked for".to_owned());
    }
    let told = answer.header("content-range").unwrap_or_default();
    let Some((start, end)) = told_range(told, total) else {
        return Some(format!("status 206 with the Content-Range `{told}`"));
    };
    if answer.body != whole.body[start..=end] {
        let given = answer.body.len();
        return Some(format!("{given} bytes that are not those of its Content-Range `{told}`"));
    }
    let one = !range.contains(',');
    let right = wanted(range, total);
    let other = one && right.is_some_and(|right| right != (start, end));
    if other || (one && right.is_none()) {
        return Some(format!("the part `{told}`, which was not asked for"));
    }
    None
}

/// First and last byte of `bytes a-b/total`.
fn told_range(told: &str, total: usize) -> Option<(usize, usize)> {
    let (range, of) = told.strip_prefix("bytes ")?.split_once('/')?;
    let (start, end) = range.split_once('-')?;
    let (start, end): (usize, usize) = (start.parse().ok()?, end.parse().ok()?);
    let right = of == "*" || of == total.to_string();
    (right && start <= end && end < total).then_some((start, end))
}

/// First and last byte of a single range that can be satisfied.
fn wanted(range: &str, total: usize) -> Option<(usize, usize)> {
    let (start, end) = range.strip_prefix("bytes=")?.split_once('-')?;
    let last = total.checked_sub(1)?;
    match (start, end) {
        ("", count) => {
            let count: usize = count.parse().ok()?;
            (count > 0).then(|| (total.saturating_sub(count), last))
        }
        (start, "") => start.parse().ok().filter(|start| *start <= last).map(|start| (start, last)),
        (start, end) => {
            let (start, end): (usize, usize) = (start.parse().ok()?, end.parse().ok()?);
            (start <= last && start <= end).then(|| (start, end.min(last)))
        }
    }
}

/// MED-006: the bytes are those stored. MED-023: length and type are told, and it is no page.
fn coding(whole: &HttpResponse, asked: Asked<'_>) -> Vec<RuleFacts> {
    let absent = |name: &&str| whole.header(name).is_none();
    let absent = ["content-length", "content-type"].into_iter().find(absent);
    let absent = absent.map(|name| format!("the answer has no `{name}`"));
    vec![
        rule("MED-006", first(asked, |answer| recoded(whole, answer))),
        rule("MED-023", absent.or_else(|| runs_in_a_browser(whole))),
    ]
}

fn recoded(whole: &HttpResponse, (ask, answer): &(&Ask, &Answer)) -> Option<String> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(why) => return Some(format!("a broken answer: {why}")),
    };
    let only_gzip = ask.request.header("accept-encoding").is_some_and(|c| c.contains("q=0"));
    if answer.status == 406 && only_gzip {
        return None;
    }
    if answer.status != 200 {
        return Some(format!("status {}", answer.status));
    }
    let decoded = match answer.header("content-encoding").map(str::to_ascii_lowercase).as_deref() {
        None | Some("identity") => Some(answer.body.clone()),
        Some("gzip" | "x-gzip") => inflated(MultiGzDecoder::new(&answer.body[..])),
        Some("deflate") => inflated(ZlibDecoder::new(&answer.body[..])),
        // Nothing here undoes it, so nothing is said of it.
        Some(_) => return None,
    };
    (decoded.as_deref() != Some(&whole.body[..]))
        .then(|| "other bytes than those stored, once its coding is undone".to_owned())
}

fn inflated(reader: impl std::io::Read) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    reader.take(FILE_BYTES_MAX as u64).read_to_end(&mut out).ok().map(|_| out)
}

/// A stored file that a browser would run on the server's origin; ciphertext is no such thing.
fn runs_in_a_browser(answer: &HttpResponse) -> Option<String> {
    const ACTIVE: &[&str] =
        &["text/html", "image/svg+xml", "application/xhtml+xml", "text/xml", "application/xml"];
    let kind = answer.header("content-type")?.split(';').next()?.trim().to_ascii_lowercase();
    let active = ACTIVE.contains(&kind.as_str()) || kind.contains("javascript");
    let tamed = answer
        .header("content-disposition")
        .is_some_and(|how| how.trim_start().to_ascii_lowercase().starts_with("attachment"));
    (active && !tamed).then(|| format!("what was uploaded is served as `{kind}`, to be shown"))
}

fn not_refused((_, answer): &(&Ask, &Answer)) -> Option<String> {
    match answer {
        Ok(answer) if (400..500).contains(&answer.status) => None,
        Ok(answer) => Some(format!("status {}", answer.status)),
        Err(why) => Some(why.clone()),
    }
}

/// MED-024: 403 hides whether there is such a file, as 404 does.
fn not_missing((_, answer): &(&Ask, &Answer)) -> Option<String> {
    match answer {
        Ok(answer) if matches!(answer.status, 403 | 404 | 410) => None,
        Ok(answer) => Some(format!("status {}", answer.status)),
        Err(why) => Some(why.clone()),
    }
}

/// MED-013: whatever is not given away is refused, be it by closing the connection.
fn way_out((_, answer): &(&Ask, &Answer)) -> Option<String> {
    match answer {
        Ok(answer) if matches!(answer.status, 200..300 | 500..) => {
            Some(format!("status {} with {} bytes", answer.status, answer.body.len()))
        }
        _ => None,
    }
}

fn readers(whole: &HttpResponse, asked: Asked<'_>) -> Vec<RuleFacts> {
    let failed = first(asked, |(_, answer)| other_bytes(whole, answer));
    let mut rules = vec![];
    let stateless = asked.iter().find_map(|(_, answer)| match answer {
        Ok(answer) if answer.status != 200 => {
            Some(format!("a reader without a past gets {}", answer.status))
        }
        Ok(_) => None,
        Err(why) => Some(why.clone()),
    });
    rules.push(rule("MPX-004", stateless));
    let answers = || asked.iter().filter_map(|(_, answer)| answer.as_ref().ok());
    let traced = failed
        .or_else(|| std::iter::once(whole).chain(answers()).find_map(follows))
        .or_else(|| answers().find_map(|answer| tells_apart(whole, answer)));
    rules.push(rule("MPX-006", traced));
    rules
}

fn other_bytes(whole: &HttpResponse, answer: &Answer) -> Option<String> {
    match answer {
        Ok(answer) if answer.status != 200 => Some(format!("status {}", answer.status)),
        Ok(answer) if answer.body != whole.body => Some("other bytes than before".to_owned()),
        Ok(_) => None,
        Err(why) => Some(why.clone()),
    }
}

/// What marks a reader or keeps a shared cache from serving the next one.
fn follows(answer: &HttpResponse) -> Option<String> {
    if answer.header("set-cookie").is_some() {
        return Some("the answer sets a cookie".to_owned());
    }
    let caching = answer.header("cache-control").unwrap_or_default().to_ascii_lowercase();
    let defeats = |word: &&str| caching.split(',').any(|part| part.trim().starts_with(word));
    if let Some(word) = ["no-store", "private", "no-cache"].into_iter().find(defeats) {
        return Some(format!("`Cache-Control: {word}` keeps the proxy from caching"));
    }
    let vary = answer.header("vary").unwrap_or_default().to_ascii_lowercase();
    let by_reader = |word: &&str| vary.split(',').any(|part| part.trim() == *word);
    let by = ["*", "cookie", "user-agent", "authorization", "x-forwarded-for"].into_iter();
    by.into_iter().find(by_reader).map(|word| format!("`Vary: {word}` tells readers apart"))
}

fn tells_apart(whole: &HttpResponse, answer: &HttpResponse) -> Option<String> {
    let steady = |response: &HttpResponse| {
        let kept = response
            .headers
            .iter()
            .filter(|(name, _)| !PASSING.iter().any(|passing| name.eq_ignore_ascii_case(passing)));
        let mut kept: Vec<(String, String)> =
            kept.map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
        kept.sort();
        kept
    };
    let (one, other) = (steady(whole), steady(answer));
    let differs = other
        .iter()
        .find(|pair| !one.contains(pair))
        .or_else(|| one.iter().find(|pair| !other.contains(pair)));
    differs.map(|(name, _)| format!("the header `{name}` differs from answer to answer"))
}

fn parallel(whole: &HttpResponse, asked: Asked<'_>) -> Vec<RuleFacts> {
    let limited =
        |answer: &Answer| matches!(answer, Ok(answer) if matches!(answer.status, 403 | 429));
    let count = asked.iter().filter(|(_, answer)| limited(answer)).count();
    let rationed = (count > 0)
        .then(|| format!("{count} of {} requests from one address are refused", asked.len()));
    let others: Vec<(&Ask, &Answer)> =
        asked.iter().filter(|(_, answer)| !limited(answer)).copied().collect();
    let failed = others.iter().filter_map(|(_, answer)| other_bytes(whole, answer));
    let failed: Vec<String> = failed.collect();
    let broken =
        failed.first().map(|why| format!("{} of {} fail: {why}", failed.len(), asked.len()));
    vec![rule("MPX-004", broken), rule("MPX-005", rationed)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::RuleGrade;
    use crate::http::HttpRequest;

    fn whole() -> HttpResponse {
        let body: Vec<u8> = (0..40).collect();
        HttpResponse { body, ..HttpResponse::new(200) }
            .with_header("content-type", "application/octet-stream")
            .with_header("content-length", "40")
            .with_header("etag", "\"e\"")
    }

    fn ask(headers: &[(&str, &str)]) -> Ask {
        let request = HttpRequest::new("GET", "/a");
        let request = headers.iter().fold(request, |r, (name, value)| r.with_header(name, *value));
        Ask { what: "it".into(), request }
    }

    fn grades(probe: FileProbe, ask: &Ask, answer: HttpResponse) -> Vec<RuleGrade> {
        let answer = Ok(answer);
        let rules = judge(probe, "none", &Ok(whole()), &[(ask, &answer)]);
        rules.iter().map(|rule| rule.grade).collect()
    }

    fn one(probe: FileProbe, headers: &[(&str, &str)], answer: HttpResponse) -> RuleGrade {
        grades(probe, &ask(headers), answer)[0]
    }

    fn slice(told: &str, body: std::ops::Range<u8>) -> HttpResponse {
        HttpResponse { body: body.collect(), ..HttpResponse::new(206) }
            .with_header("content-range", told)
    }

    use RuleGrade::{Broken, Holds};

    #[test]
    fn a_part_is_the_part_that_was_asked_for() {
        let of = |range: &str, answer| one(FileProbe::Range, &[("range", range)], answer);
        assert_eq!(of("bytes=0-0", slice("bytes 0-0/40", 0..1)), Holds);
        assert_eq!(of("bytes=-1", slice("bytes 39-39/40", 39..40)), Holds);
        assert_eq!(of("bytes=10-", slice("bytes 10-39/40", 10..40)), Holds);
        assert_eq!(of("bytes=0-0", whole()), Holds, "ranges may be ignored");
        assert_eq!(of("bytes=50-", HttpResponse::new(416)), Holds);
        assert_eq!(of("bytes=0-0", slice("bytes 0-0/41", 0..1)), Broken);
        assert_eq!(of("bytes=5-9", slice("bytes 5-9/40", 5..9)), Broken);
        assert_eq!(of("bytes=5-9", slice("bytes 0-4/40", 0..5)), Broken);
        assert_eq!(of("bytes=50-", slice("bytes 0-4/40", 0..5)), Broken);
        assert_eq!(of("bytes=0-0", HttpResponse::new(416)), Broken);
        assert_eq!(of("bytes=0-0", whole().with_header("content-range", "bytes 0-39/40")), Broken);
        let short = HttpResponse { body: vec![0], ..HttpResponse::new(200) };
        assert_eq!(of("bytes=0-0", short), Broken);
        let other = [("range", "bytes=0-3"), ("if-range", "\"never-was\"")];
        assert_eq!(one(FileProbe::Range, &other, slice("bytes 0-3/40", 0..4)), Broken);
    }

    #[test]
    fn a_coding_is_declared_and_undone_to_the_same_bytes() {
        use std::io::Write as _;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&whole().body).unwrap();
        let packed = HttpResponse { body: gzip.finish().unwrap(), ..HttpResponse::new(200) };
        let of = |answer| one(FileProbe::Coding, &[("accept-encoding", "gzip")], answer);
        assert_eq!(of(whole()), Holds);
        assert_eq!(of(packed.clone().with_header("content-encoding", "gzip")), Holds);
        assert_eq!(of(packed), Broken);
        assert_eq!(of(HttpResponse::new(406)), Broken);
        let refuses = [("accept-encoding", "identity;q=0, gzip")];
        assert_eq!(one(FileProbe::Coding, &refuses, HttpResponse::new(406)), Holds);
    }

    #[test]
    fn a_file_has_a_length_and_a_type_and_is_no_page() {
        let mut page = whole();
        page.headers[0].1 = "text/html".into();
        let grade = |base: HttpResponse| judge(FileProbe::Coding, "none", &Ok(base), &[])[1].grade;
        assert_eq!(grade(page.clone()), Broken);
        assert_eq!(grade(page.with_header("content-disposition", "attachment")), Holds);
        assert_eq!(grade(HttpResponse::new(200)), Broken);
        assert_eq!(grade(whole()), Holds);
    }

    #[test]
    fn head_is_get_without_its_body() {
        let of = |answer| {
            let (ask, answer) = (ask(&[]), Ok(answer));
            let rules = judge(FileProbe::Head, "none", &Ok(whole()), &[(&ask, &answer)]);
            let told = rules.into_iter().map(|rule| (rule.requirement, rule.grade));
            told.collect::<Vec<_>>()
        };
        let both =
            |length, fields| vec![("MED-011".to_owned(), length), ("MED-026".to_owned(), fields)];
        let bare = HttpResponse { body: Vec::new(), ..whole() };
        assert_eq!(of(bare), both(Holds, Holds));
        assert_eq!(of(HttpResponse::new(405)), both(Holds, Broken)[1..]);
        assert_eq!(of(HttpResponse::new(404)), both(Broken, Broken));
        assert_eq!(of(HttpResponse::new(200)), both(Holds, Broken));
        let wrong = HttpResponse::new(200).with_header("content-length", "0");
        assert_eq!(of(wrong), both(Broken, Broken));
    }

    #[test]
    fn who_gives_parts_says_where_there_is_none() {
        let ask = |range: &str| ask(&[("range", range)]);
        let (part, beyond) = (ask("bytes=0-0"), ask("bytes=50-"));
        let of = |first: HttpResponse, second: HttpResponse| {
            let (first, second) = (Ok(first), Ok(second));
            let asked = [(&part, &first), (&beyond, &second)];
            let rules = judge(FileProbe::Range, "none", &Ok(whole()), &asked);
            rules.iter().map(|rule| rule.grade).collect::<Vec<_>>()
        };
        let one = || slice("bytes 0-0/40", 0..1);
        assert_eq!(of(one(), HttpResponse::new(416)), [Holds, Holds]);
        assert_eq!(of(one(), whole()), [Holds, Broken]);
        assert_eq!(of(whole(), whole()), [Holds], "who gives no parts has none to lack");
    }

    #[test]
    fn what_nobody_issued_is_missing() {
        let of = |status| grades(FileProbe::Unknown, &ask(&[]), HttpResponse::new(status));
        assert_eq!([of(404), of(410), of(403)], [[Holds, Holds], [Holds, Holds], [Holds, Holds]]);
        assert_eq!([of(400), of(200)], [[Holds, Broken], [Broken, Broken]]);
    }

    #[test]
    fn refusals_are_client_errors() {
        for (status, known, elsewhere) in [
            (404, Holds, Holds),
            (403, Holds, Holds),
            (200, Broken, Broken),
            (302, Broken, Holds),
            (500, Broken, Broken),
        ] {
            assert_eq!(one(FileProbe::Unknown, &[], HttpResponse::new(status)), known, "{status}");
            assert_eq!(
                one(FileProbe::Traversal, &[], HttpResponse::new(status)),
                elsewhere,
                "{status}"
            );
        }
        let closed: Answer = Err("closed".into());
        let ask = ask(&[]);
        assert_eq!(
            judge(FileProbe::Traversal, "none", &Ok(whole()), &[(&ask, &closed)])[0].grade,
            Holds
        );
    }

    #[test]
    fn nothing_tells_readers_apart() {
        let of = |answer| grades(FileProbe::Readers, &ask(&[]), answer);
        assert_eq!(of(whole()), [Holds, Holds]);
        assert_eq!(of(whole().with_header("date", "now")), [Holds, Holds]);
        assert_eq!(of(whole().with_header("set-cookie", "a=b")), [Holds, Broken]);
        assert_eq!(of(whole().with_header("cache-control", "private, max-age=3")), [Holds, Broken]);
        assert_eq!(of(whole().with_header("vary", "User-Agent")), [Holds, Broken]);
        assert_eq!(of(whole().with_header("x-reader", "7")), [Holds, Broken]);
        assert_eq!(of(HttpResponse::new(401)), [Broken, Broken]);
        let other = HttpResponse { body: vec![1], ..whole() };
        assert_eq!(of(other), [Holds, Broken]);
    }

    #[test]
    fn many_at_once_are_served_and_not_rationed() {
        let of = |status| grades(FileProbe::Parallel, &ask(&[]), HttpResponse::new(status));
        assert_eq!(grades(FileProbe::Parallel, &ask(&[]), whole()), [Holds, Holds]);
        assert_eq!(of(429), [Holds, Broken]);
        assert_eq!(of(503), [Broken, Holds]);
    }

    #[test]
    fn the_same_reference_gives_the_same() {
        assert_eq!(one(FileProbe::Repeat, &[], whole()), Holds);
        let matched = [("if-none-match", "\"e\"")];
        assert_eq!(one(FileProbe::Repeat, &matched, HttpResponse::new(304)), Holds);
        assert_eq!(one(FileProbe::Repeat, &[], HttpResponse::new(304)), Broken);
        let mut other = whole();
        other.headers[2].1 = "\"f\"".into();
        assert_eq!(one(FileProbe::Repeat, &[], other), Broken);
    }

    #[test]
    fn a_file_is_given_to_those_who_show_what_the_profile_says() {
        let of = |auth: &str, answer: HttpResponse| {
            let (probe, ask) = (FileProbe::Credentials, ask(&[]));
            judge(probe, auth, &Ok(whole()), &[(&ask, &Ok(answer))])[0].grade
        };
        assert_eq!(of("none", whole()), Holds);
        assert_eq!(of("none", HttpResponse::new(401)), Broken);
        assert_eq!(of("token", HttpResponse::new(401)), Holds);
        assert_eq!(of("token", whole()), Broken);
    }

    #[test]
    fn what_cannot_be_had_says_nothing_but_of_who_is_refused() {
        let of = |probe, base: HttpResponse| judge(probe, "none", &Ok(base), &[])[0].grade;
        for probe in [FileProbe::Traversal, FileProbe::Unknown, FileProbe::Readers] {
            assert_eq!(of(probe, HttpResponse::new(404)), RuleGrade::Open, "{probe:?}");
        }
        assert_eq!(of(FileProbe::Traversal, HttpResponse::new(401)), RuleGrade::Open);
        assert_eq!(of(FileProbe::Readers, HttpResponse::new(401)), Broken);
        assert_eq!(of(FileProbe::Credentials, HttpResponse::new(403)), Broken);
    }
}
