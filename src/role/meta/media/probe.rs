//! Asking a third party's media server in odd ways, as a proxy's readers may make it do.
//!
//! Main type: [`Run`]. Every probe begins with a plain request for the file, and judges the others by
//! what that gave. What is asked stands here; what the answers mean in `probe_rules`.

use rand::Rng as _;
use sha2::{Digest as _, Sha256};

use super::judged;
use super::probe_rules::{self, Answer};
use crate::evidence::{Event, Exchanged, Stream};
use crate::http::{HttpRequest, HttpResponse, is_refusal};
use crate::limits::{FILE_BYTES_MAX, PROBE_REQUESTS_MAX};
use crate::role::Output;
use crate::role::meta::{Fetch, Meta};
use crate::scenario::FileProbe;

/// As many as the catalogue names (MPX-004).
const READERS: usize = 200;

/// Of a path that is too long on purpose.
const PATH_CHARS_KEPT: usize = 200;

/// One request of a probe.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    /// What is asked, in words.
    pub what: String,
    pub request: HttpRequest,
}

/// A file that the third party's server stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// What stands behind its base URL and a slash.
    pub reference: String,
    /// SHA-256 of its bytes in hexadecimal digits, and the name it had, where they are known.
    pub sha256: Option<String>,
    pub name: Option<String>,
}

/// A probe that is under way.
pub(in crate::role::meta) struct Run {
    probe: FileProbe,
    /// By HTTP/2 alone, and not by HTTP/1.1.
    http2: bool,
    label: Option<String>,
    stored: Stored,
    base: Option<Answer>,
    asks: Vec<Ask>,
    answers: Vec<Option<Answer>>,
}

impl Meta {
    /// Begins to probe the third party's server about a file that it stores.
    ///
    /// # Errors
    /// The third-party server is unknown.
    pub fn probe_media(
        &mut self,
        probe: FileProbe,
        http2: bool,
        stored: Stored,
        label: Option<String>,
    ) -> Result<(), String> {
        let base = self.integrator.base_url.clone().ok_or("no third-party server is known")?;
        self.media.probed += 1;
        let number = self.media.probed;
        let run = Run {
            probe,
            http2,
            label: label.clone(),
            stored,
            base: None,
            asks: Vec::new(),
            answers: Vec::new(),
        };
        let path = format!("/{}", run.stored.reference);
        self.media.probes.insert(number, run);
        let event = Event::requested(label, "GET", &path);
        self.record(Stream::http_out(), None, event);
        let request = self.as_the_proxy(HttpRequest::new("GET", &path));
        let url = format!("{}{path}", base.trim_end_matches('/'));
        self.ask_probe(Fetch::Probe { number, at: None }, url, request, http2);
        Ok(())
    }

    /// A request to the third party with what the profile has Meta's proxy show (MED-015): nothing, or
    /// a token like those of pushes. Nothing public says what a static secret would look like.
    pub(in crate::role::meta) fn as_the_proxy(&mut self, request: HttpRequest) -> HttpRequest {
        let base = self.integrator.base_url.clone().unwrap_or_default();
        match self.profile.text("media.download_auth") {
            Some("token") => match self.push_token(&base, None) {
                Some(token) => request.with_header("authorization", format!("Bearer {token}")),
                None => request,
            },
            _ => request,
        }
    }

    /// A sound request for a file that the third party stores, with its URL.
    pub fn file_request(&mut self, reference: &str) -> Option<(String, HttpRequest)> {
        let (base, path) = (self.integrator.base_url.clone()?, format!("/{reference}"));
        let request = self.as_the_proxy(HttpRequest::new("GET", &path));
        Some((format!("{}{path}", base.trim_end_matches('/')), request))
    }

    fn ask_probe(&mut self, what: Fetch, url: String, request: HttpRequest, http2: bool) {
        let id = self.next_fetch;
        self.next_fetch += 1;
        self.fetches.insert(id, what);
        self.out.push_back(Output::Download { id, url, request, bytes_max: FILE_BYTES_MAX, http2 });
    }

    /// Takes an answer in; with the first one the others are asked, with the last one judged.
    pub(in crate::role::meta) fn probed(
        &mut self,
        number: u64,
        at: Option<usize>,
        result: Result<HttpResponse, String>,
    ) {
        if let Ok(answer) = &result {
            self.search_answer(answer);
        }
        let Some(run) = self.media.probes.get_mut(&number) else { return };
        match at {
            Some(at) => {
                if let Some(place) = run.answers.get_mut(at) {
                    *place = Some(result);
                }
                if run.probe != FileProbe::Parallel {
                    self.ask_further(number, at + 1..at + 2);
                }
            }
            None => {
                run.asks = match &result {
                    Ok(base) if base.status == 200 => {
                        let rng = &mut self.rng;
                        asks(run.probe, &run.stored.reference, base, &mut || rng.next_u64())
                    }
                    _ => Vec::new(),
                };
                run.asks.truncate(PROBE_REQUESTS_MAX);
                run.answers = run.asks.iter().map(|_| None).collect();
                run.base = Some(result);
                let at_once = if run.probe == FileProbe::Parallel { run.asks.len() } else { 1 };
                self.ask_further(number, 0..at_once);
            }
        }
        self.conclude_probe(number);
    }

    /// Makes some of a probe's requests: one after another, but where many at once are the point.
    fn ask_further(&mut self, number: u64, which: std::ops::Range<usize>) {
        let base = self.integrator.base_url.clone().unwrap_or_default();
        for at in which {
            let run = self.media.probes.get(&number);
            let Some((ask, http2, probe)) =
                run.and_then(|run| Some((run.asks.get(at)?.clone(), run.http2, run.probe)))
            else {
                continue;
            };
            let url = format!("{}{}", base.trim_end_matches('/'), ask.request.path);
            let request = match probe {
                FileProbe::Credentials => ask.request,
                _ => self.as_the_proxy(ask.request),
            };
            self.ask_probe(Fetch::Probe { number, at: Some(at) }, url, request, http2);
        }
    }

    fn conclude_probe(&mut self, number: u64) {
        let open = |run: &Run| run.base.is_none() || run.answers.iter().any(Option::is_none);
        if self.media.probes.get(&number).is_none_or(open) {
            return;
        }
        let Some(run) = self.media.probes.remove(&number) else { return };
        let answers: Vec<Answer> = run.answers.into_iter().flatten().collect();
        let asked = run.asks.iter().zip(&answers);
        let asked: Vec<(&Ask, &Answer)> = asked.collect();
        let base = run.base.unwrap_or_else(|| Err("no answer".into()));
        let auth = self.profile.text("media.download_auth").unwrap_or("none");
        let checked = match run.probe {
            FileProbe::Whole => judged::stored(&run.stored, &base, &self.media.references),
            probe => probe_rules::judge(probe, auth, &base, &asked),
        };
        self.media.references.insert(run.stored.reference.clone());
        let requests = asked.len() as u64 + 1;
        let seen = exchanged(&format!("/{}", run.stored.reference), &base, &asked);
        let asks_who = base.as_ref().ok().map(|base| base.status).filter(|s| is_refusal(*s));
        let (probe, label) = (run.probe.word().to_owned(), run.label);
        self.record(
            Stream::http_out(),
            None,
            Event::MediaProbed { label, probe, requests, refused: asks_who, seen, checked },
        );
    }
}

/// What a transcript keeps of a probe: alike answers to alike questions once.
fn exchanged(path: &str, base: &Answer, asked: &[(&Ask, &Answer)]) -> Vec<Exchanged> {
    let first = HttpRequest::new("GET", path);
    let all = std::iter::once((&first, base));
    let all = all.chain(asked.iter().map(|(ask, answer)| (&ask.request, *answer)));
    let mut seen: Vec<Exchanged> = Vec::new();
    for (request, answer) in all {
        let one = one_exchange(request, answer);
        match seen.last_mut() {
            Some(last) if (Exchanged { times: 1, ..last.clone() }) == one => last.times += 1,
            _ => seen.push(one),
        }
    }
    seen
}

fn one_exchange(request: &HttpRequest, answer: &Answer) -> Exchanged {
    // A token of Meta's proxy stands in the profile's own words elsewhere.
    let asked = request.headers.iter().filter(|(name, _)| name != "authorization");
    let answer = answer.as_ref();
    let body = answer.map_or(&[][..], |answer| &answer.body);
    Exchanged {
        method: request.method.clone(),
        path: request.path.chars().take(PATH_CHARS_KEPT).collect(),
        asked: asked.cloned().collect(),
        failed: answer.err().cloned(),
        status: answer.ok().map(|answer| answer.status),
        headers: answer.map(|answer| answer.headers.clone()).unwrap_or_default(),
        len: body.len() as u64,
        sha256: hex::encode(Sha256::digest(body)),
        times: 1,
    }
}

fn asks(
    probe: FileProbe,
    reference: &str,
    base: &HttpResponse,
    draw: &mut dyn FnMut() -> u64,
) -> Vec<Ask> {
    let path = format!("/{reference}");
    let get = |what: &str, headers: &[(&str, &str)]| {
        let request = HttpRequest::new("GET", &path);
        let request = headers.iter().fold(request, |r, (name, value)| r.with_header(name, *value));
        Ask { what: what.to_owned(), request }
    };
    let at = |path: &str| Ask { what: shown(path), request: HttpRequest::new("GET", path) };
    match probe {
        FileProbe::Whole => Vec::new(),
        FileProbe::Repeat => {
            let mut asks = vec![get("again", &[]), get("a third time", &[])];
            if let Some(etag) = base.header("etag") {
                asks.push(get("if none matches", &[("if-none-match", etag)]));
            }
            asks
        }
        FileProbe::Head => {
            vec![Ask { what: "HEAD".to_owned(), request: HttpRequest::new("HEAD", &path) }]
        }
        FileProbe::Range => ranges(base)
            .iter()
            .map(|(what, headers)| {
                let headers: Vec<(&str, &str)> =
                    headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
                get(what, &headers)
            })
            .collect(),
        FileProbe::Coding => {
            ["identity", "gzip", "gzip, deflate, br, zstd", "*", "identity;q=0, gzip"]
                .iter()
                .map(|coding| get(coding, &[("accept-encoding", coding)]))
                .collect()
        }
        FileProbe::Unknown => unknown(reference, draw).iter().map(|path| at(path)).collect(),
        FileProbe::Traversal => ways_out(reference).iter().map(|path| at(path)).collect(),
        FileProbe::Readers => vec![get("one reader", &[]), get("another reader", &[])],
        FileProbe::Credentials => vec![
            get("without credentials", &[]),
            get("with credentials that nobody issued", &[("authorization", "Bearer bm9ib2R5")]),
        ],
        FileProbe::Parallel => (0..READERS).map(|_| get("at once", &[])).collect(),
    }
}

fn shown(path: &str) -> String {
    match path.char_indices().nth(60) {
        None => format!("`{path}`"),
        Some((end, _)) => format!("`{}…` ({} characters)", &path[..end], path.len()),
    }
}

type Headers = Vec<(&'static str, String)>;

fn ranges(base: &HttpResponse) -> Vec<(&'static str, Headers)> {
    let len = base.body.len();
    let range = |text: String| vec![("range", text)];
    let mut rows = vec![
        ("bytes=0-0", range("bytes=0-0".into())),
        ("bytes=-1", range("bytes=-1".into())),
        ("bytes=5-9", range("bytes=5-9".into())),
        ("bytes=10-", range("bytes=10-".into())),
        ("a part beyond the end", range(format!("bytes={}-", len + 10))),
        ("two parts", range("bytes=0-0,5-6".into())),
        ("another unit", range("parts=0-1".into())),
    ];
    let conditional = |etag: &str| vec![("range", "bytes=0-3".into()), ("if-range", etag.into())];
    if let Some(etag) = base.header("etag").filter(|etag| !etag.starts_with("W/")) {
        rows.push(("If-Range that matches", conditional(etag)));
    }
    rows.push(("If-Range that does not match", conditional("\"never-was\"")));
    rows
}

/// References of the same make that nobody issued.
fn unknown(reference: &str, draw: &mut dyn FnMut() -> u64) -> Vec<String> {
    let turned = |c: char, by: u64| match c {
        '0'..='9' => char::from_digit((c as u32 - '0' as u32 + 1 + (by % 9) as u32) % 10, 10),
        'a'..='f' => Some((b'a' + (c as u8 - b'a' + 1 + (by % 5) as u8) % 6) as char),
        'g'..='z' => Some((b'g' + (c as u8 - b'g' + 1 + (by % 19) as u8) % 20) as char),
        'A'..='Z' => Some((b'A' + (c as u8 - b'A' + 1 + (by % 25) as u8) % 26) as char),
        other => Some(other),
    };
    let other: String = reference.chars().map(|c| turned(c, draw()).unwrap_or(c)).collect();
    let half: String = reference.chars().take(reference.chars().count() / 2).collect();
    vec![format!("/{other}"), format!("/{reference}x"), format!("/{half}"), format!("/{other}?x=1")]
}

/// Ways out of a store, as they were found in the wild: plain, encoded once and twice, with the other
/// slash, with a drive, with a NUL; and references that are too long.
fn ways_out(reference: &str) -> Vec<String> {
    let mut paths: Vec<String> = [
        "/../../../../etc/passwd",
        "/..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/%2e%2e%2f%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/..%252f..%252f..%252fetc%252fpasswd",
        "/..%5c..%5c..%5cetc%5cpasswd",
        "/....//....//etc/passwd",
        "/%2fetc%2fpasswd",
        "//etc/passwd",
        "/C:%5cboot.ini",
        "/file:%2f%2f%2fetc%2fpasswd",
    ]
    .map(str::to_owned)
    .to_vec();
    paths.push(format!("/{reference}%2f..%2f..%2f..%2fetc%2fpasswd"));
    paths.push(format!("/{reference}%00.jpg"));
    paths.extend([4 * 1024, 32 * 1024].map(|len| format!("/{}", "a".repeat(len))));
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_references_are_of_the_same_make_and_never_the_known_one() {
        let mut next = 0;
        let mut draw = || {
            next += 7;
            next
        };
        for known in ["b1ff2f7e", "kJx9_2mQ-Lp"] {
            for path in unknown(known, &mut draw) {
                assert_ne!(path, format!("/{known}"));
            }
        }
    }

    #[test]
    fn every_probe_asks_something_beside_the_file_itself() {
        let base = HttpResponse { body: vec![0; 40], ..HttpResponse::new(200) };
        for (probe, word) in FileProbe::ALL.iter().filter(|(probe, _)| *probe != FileProbe::Whole) {
            let asks = asks(*probe, "abc", &base.clone().with_header("etag", "\"e\""), &mut || 1);
            assert!(!asks.is_empty() && asks.len() <= PROBE_REQUESTS_MAX, "{word}");
        }
    }

    #[test]
    fn alike_answers_stand_once_and_no_token_at_all() {
        let request = HttpRequest::new("GET", "/a").with_header("range", "bytes=0-0");
        let asks = [
            Ask { what: "it".into(), request: request.clone() },
            Ask { what: "it".into(), request: request.with_header("authorization", "Bearer t") },
        ];
        let answer: Answer = Ok(HttpResponse { body: vec![1, 2], ..HttpResponse::new(206) });
        let failed: Answer = Err("closed".into());
        let asked: Vec<(&Ask, &Answer)> = asks.iter().map(|ask| (ask, &answer)).collect();
        let seen = exchanged("/a", &failed, &asked);
        assert_eq!(seen.len(), 2);
        assert_eq!((seen[0].failed.as_deref(), seen[0].times), (Some("closed"), 1));
        assert_eq!((seen[1].status, seen[1].len, seen[1].times), (Some(206), 2, 2));
        assert_eq!(seen[1].asked, [("range".to_owned(), "bytes=0-0".to_owned())]);
    }
}
