//! What a probe puts before and behind a media proxy: files, and rounds of requests for them.
//!
//! Main type: [`Plan`], made by [`of`]. Each round begins when all answers of the one before are in, so
//! that what a proxy kept of one reader shows to the next. Nothing is judged here.

use std::collections::{BTreeMap, VecDeque};
use std::io::Write as _;
use std::time::Duration;

use super::Setting;
use crate::http::{Delivery, Ending, HttpRequest, HttpResponse};
use crate::scenario::ProxyProbe;
use crate::seed::Rng;
use rand::Rng as _;

/// A file that no memory of a proxy should hold.
pub(super) const VOLUME_BYTES: u64 = 1 << 30;
/// What a reader must have of a file whose end does not come, and what of it there is.
pub(super) const BEGINNING_BYTES: u64 = 64 * 1024;
const GIVEN_BYTES: usize = 128 * 1024;
/// Readers of one file at once.
pub(super) const TOGETHER: usize = 8;
/// How long the third party takes while they all come.
const TOGETHER_DELAY: Duration = Duration::from_millis(120);
const FILE_BYTES: usize = 3000;
const LONG_FILE_BYTES: usize = 200_000;
/// What a reader takes of a long file before leaving.
const LEFT_AFTER_BYTES: u64 = 1000;

/// One request of a reader's.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    /// What is asked, in words.
    pub what: String,
    pub request: HttpRequest,
    /// How many bytes of the body are read.
    pub bytes: u64,
    pub round: usize,
    /// The file that it is about.
    pub reference: String,
    /// How long its reader waits for the head, where not as long as for any other.
    pub wait: Option<Duration>,
}

/// What the third party answers.
#[derive(Clone, Debug)]
pub(super) enum Given {
    Answer(HttpResponse),
    Slowly(HttpResponse, Delivery),
    /// The request is taken, and nothing follows.
    Nothing,
}

/// A file that lies behind the proxy.
pub(super) struct File {
    pub body: Vec<u8>,
    /// As it is given whole.
    pub whole: HttpResponse,
    /// What is given instead, one after the other; the last one for ever.
    instead: VecDeque<Option<Given>>,
}

/// What a probe consists of.
#[derive(Default)]
pub(super) struct Plan {
    pub files: BTreeMap<String, File>,
    pub asks: Vec<Ask>,
}

impl Plan {
    /// What the third party answers to a request for a file; `None` if it has no such file.
    pub fn given(&mut self, reference: &str, request: &HttpRequest) -> Option<Given> {
        let file = self.files.get_mut(reference)?;
        let instead = match file.instead.len() {
            0 | 1 => file.instead.front().cloned(),
            _ => file.instead.pop_front(),
        };
        Some(match instead.flatten() {
            Some(given) => given,
            None => Given::Answer(as_asked(file, request)),
        })
    }

    fn file(&mut self, reference: String, whole: HttpResponse, body: Vec<u8>) -> String {
        let file = File { body, whole, instead: VecDeque::new() };
        self.files.insert(reference.clone(), file);
        reference
    }

    /// Has a file given in these ways, one after the other; `None` is as it should be.
    fn instead(&mut self, reference: &str, given: impl IntoIterator<Item = Option<Given>>) {
        if let Some(file) = self.files.get_mut(reference) {
            file.instead = given.into_iter().collect();
        }
    }
}

/// A part, nothing new, a head, or all of a file (RFC 9110 §13, §14).
fn as_asked(file: &File, request: &HttpRequest) -> HttpResponse {
    let etag = file.whole.header("etag");
    if etag.is_some() && request.header("if-none-match") == etag {
        return HttpResponse::new(304).with_header("etag", etag.unwrap_or_default());
    }
    let asked = request.header("range").and_then(|range| range.strip_prefix("bytes=0-"));
    let last = asked.and_then(|last| last.parse::<usize>().ok());
    match last.filter(|last| *last < file.whole.body.len()) {
        Some(last) => {
            let range = format!("bytes 0-{last}/{}", file.whole.body.len());
            let body = file.whole.body[..=last].to_vec();
            let part = HttpResponse { status: 206, body, ..file.whole.clone() };
            part.with_header("content-range", range)
        }
        None => file.whole.clone(),
    }
}

/// The reference in the path of a request that is one segment below the registered base.
pub(super) fn reference(setting: &Setting, path: &str) -> Option<String> {
    let below = path.strip_prefix(&setting.base_path)?.strip_prefix('/')?;
    let below = below.split('?').next()?;
    let one = !below.is_empty() && !below.contains('/') && !below.bytes().all(|b| b == b'.');
    one.then(|| below.to_owned())
}

/// Makes plans.
struct Maker<'a> {
    setting: &'a Setting,
    rng: &'a mut Rng,
    plan: Plan,
    /// References so far.
    named: usize,
}

/// The plan of a probe.
pub(super) fn of(probe: ProxyProbe, setting: &Setting, rng: &mut Rng) -> Plan {
    let mut maker = Maker { setting, rng, plan: Plan::default(), named: 0 };
    match probe {
        ProxyProbe::Files => maker.files(),
        ProxyProbe::Bases => maker.bases(),
        ProxyProbe::Redirects => maker.redirects(),
        ProxyProbe::ReaderMarks => maker.reader_marks(),
        ProxyProbe::HostMarks => maker.host_marks(),
        ProxyProbe::Beginning => maker.beginning(),
        ProxyProbe::Together => maker.together(),
        ProxyProbe::Silent => maker.silent(),
        ProxyProbe::Errors => maker.errors(),
        ProxyProbe::Kept => maker.kept(),
        ProxyProbe::Volume => maker.volume(),
    }
    maker.plan
}

impl Maker<'_> {
    fn name(&mut self) -> String {
        self.named += 1;
        format!("{}-{}", self.setting.word, self.named)
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }

    /// A file of so many bytes that nobody can pack.
    fn file(&mut self, count: usize) -> String {
        let (reference, body) = (self.name(), self.bytes(count));
        let whole = HttpResponse { body: body.clone(), ..HttpResponse::new(200) }
            .with_header("content-type", "application/octet-stream")
            .with_header("etag", format!("\"{reference}\""));
        self.plan.file(reference, whole, body)
    }

    fn path(&self, integrator: &str, reference: &str) -> String {
        let form = self.setting.form.replace("{integrator}", integrator);
        form.replace("{reference}", reference)
    }

    fn push(&mut self, what: &str, request: HttpRequest, reference: &str) {
        let round = self.plan.asks.last().map_or(0, |ask| ask.round + 1);
        let (what, reference) = (what.to_owned(), reference.to_owned());
        let (bytes, wait) = (u64::MAX, None);
        self.plan.asks.push(Ask { what, request, bytes, round, reference, wait });
    }

    /// A reader asks for a file, in a round of its own.
    fn get(&mut self, what: &str, reference: &str, headers: &[(&str, &str)]) {
        let path = self.path(&self.setting.integrator.to_string(), reference);
        let request = HttpRequest::new("GET", &path);
        let request = headers.iter().fold(request, |r, (name, value)| r.with_header(name, *value));
        self.push(what, request, reference);
    }

    fn files(&mut self) {
        for (what, count) in [("a file", FILE_BYTES), ("a long file", LONG_FILE_BYTES)] {
            let file = self.file(count);
            self.get(what, &file, &[]);
        }
        let empty = self.file(0);
        self.get("an empty file", &empty, &[]);
        let packed = self.packed();
        self.get("a file with a content coding", &packed, &[("accept-encoding", "gzip")]);
    }

    /// A file that its server packs, and says so.
    fn packed(&mut self) -> String {
        let (reference, body) = (self.name(), vec![b'a'; FILE_BYTES]);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let packed = gzip.write_all(&body).and_then(|()| gzip.finish()).unwrap_or_default();
        let whole = HttpResponse { body: packed, ..HttpResponse::new(200) }
            .with_header("content-type", "application/octet-stream")
            .with_header("content-encoding", "gzip");
        self.plan.file(reference, whole, body)
    }

    /// Paths as they are made to lead a proxy elsewhere: to a third party that nobody registered, out of
    /// the registered base, and to a host within.
    fn bases(&mut self) {
        let (file, stranger) = (self.file(FILE_BYTES), self.name());
        self.get("a file", &file, &[]);
        let url = self.setting.stranger_url.clone();
        let host = url.split("://").nth(1).unwrap_or_default().to_owned();
        let integrator = self.setting.integrator.to_string();
        let mut ask = |what: &str, integrator: &str, reference: &str| {
            let request = HttpRequest::new("GET", &self.path(integrator, reference));
            self.push(what, request, &stranger);
        };
        ask(OTHER_INTEGRATOR, "999", &file);
        for (what, reference) in [
            ("a reference out of the base", format!("..%2f{stranger}")),
            (
                "a reference out of the base, in dots that are encoded",
                format!("%2e%2e%2f{stranger}"),
            ),
            ("a reference in two segments", format!("%2e%2e/{stranger}")),
            ("a reference encoded twice", format!("..%252f{stranger}")),
            ("a reference that is a URL", format!("{}%2f{stranger}", url.replace('/', "%2f"))),
            ("a reference that is an encoded URL", {
                format!("{}%2f{stranger}", url.replace(':', "%3a").replace('/', "%2f"))
            }),
            ("a reference with another host", format!("%2f%2f{host}%2f{stranger}")),
            ("a reference with a host behind an @", format!("@{host}%2f{stranger}")),
        ] {
            ask(what, &integrator, &reference);
        }
    }

    fn redirects(&mut self) {
        let good = self.file(FILE_BYTES);
        self.get("a file", &good, &[]);
        let elsewhere = format!("{}/{}", self.setting.stranger_url, self.name());
        let beside = format!("{}/{}", self.setting.base_path, self.name());
        for (status, place) in [
            (301, &elsewhere),
            (302, &elsewhere),
            (303, &elsewhere),
            (307, &elsewhere),
            (308, &elsewhere),
            (302, &beside),
        ] {
            let file = self.file(FILE_BYTES);
            let answer = HttpResponse::new(status).with_header("location", place.as_str());
            self.plan.instead(&file, [Some(Given::Answer(answer))]);
            let whither = if *place == beside { "to another file" } else { "to another host" };
            self.get(&format!("a file that is {status}, {whither}"), &file, &[]);
        }
    }

    /// Two readers; all that one brings holds a mark of that one.
    fn reader_marks(&mut self) {
        for reader in ["one", "two"] {
            let file = self.file(FILE_BYTES);
            let mark = mark(self.setting, reader);
            let marked = [
                ("user-agent", format!("Reader/{mark}")),
                ("cookie", format!("who={mark}")),
                ("authorization", format!("Bearer {mark}")),
                ("proxy-authorization", format!("Basic {mark}")),
                ("referer", format!("https://{mark}.example/chat")),
                ("accept-language", format!("x-{mark}")),
                ("x-forwarded-for", format!("192.0.2.1, {mark}")),
                ("forwarded", format!("for={mark}")),
                ("x-real-ip", mark.clone()),
                ("from", format!("{mark}@example.org")),
                ("x-device-id", mark.clone()),
            ];
            let headers: Vec<(&str, &str)> =
                marked.iter().map(|(name, value)| (*name, value.as_str())).collect();
            self.get(&format!("a file for reader {reader}"), &file, &headers);
        }
    }

    fn host_marks(&mut self) {
        let file = self.file(FILE_BYTES);
        if let Some(file) = self.plan.files.get_mut(&file) {
            for (name, value) in MARKS_OF_A_HOST {
                file.whole.headers.push(((*name).to_owned(), (*value).to_owned()));
            }
        }
        self.get("a file whose host marks its reader", &file, &[]);
    }

    fn beginning(&mut self) {
        let file = self.file(GIVEN_BYTES);
        let Some(whole) = self.plan.files.get(&file).map(|file| file.whole.clone()) else { return };
        let announced = Some(2 * GIVEN_BYTES as u64);
        let how = Delivery { announced, end: Ending::Stalled, ..Delivery::default() };
        self.plan.instead(&file, [Some(Given::Slowly(whole, how))]);
        self.get("a file whose end does not come", &file, &[]);
        if let Some(ask) = self.plan.asks.last_mut() {
            ask.bytes = BEGINNING_BYTES;
        }
    }

    fn together(&mut self) {
        let file = self.file(FILE_BYTES);
        let Some(whole) = self.plan.files.get(&file).map(|file| file.whole.clone()) else { return };
        let (delay, announced) = (TOGETHER_DELAY, Some(FILE_BYTES as u64));
        let how = Delivery { announced, delay, ..Delivery::default() };
        self.plan.instead(&file, [Some(Given::Slowly(whole, how))]);
        for reader in 1..=TOGETHER {
            self.get(&format!("one file for reader {reader}"), &file, &[]);
        }
        self.plan.asks.iter_mut().for_each(|ask| ask.round = 0);
    }

    fn errors(&mut self) {
        let good = self.file(FILE_BYTES);
        self.get("a file", &good, &[]);
        for status in [404, 410, 403, 500, 503] {
            let file = self.file(FILE_BYTES);
            let body = b"<html>an error page</html>".to_vec();
            let answer = HttpResponse { body, ..HttpResponse::new(status) };
            let answer = answer.with_header("content-type", "text/html");
            let answer =
                if status == 503 { answer.with_header("retry-after", "9") } else { answer };
            self.plan.instead(&file, [Some(Given::Answer(answer))]);
            self.get(&format!("a file that is {status}"), &file, &[]);
        }
        for (what, announced) in [(CUT_OFF, Some(2 * FILE_BYTES as u64)), (CUT_OFF_CHUNKED, None)] {
            let file = self.file(FILE_BYTES);
            let Some(whole) = self.plan.files.get(&file).map(|f| f.whole.clone()) else { continue };
            let how = Delivery { announced, end: Ending::Broken, ..Delivery::default() };
            self.plan.instead(&file, [Some(Given::Slowly(whole, how))]);
            self.get(what, &file, &[]);
        }
    }

    fn silent(&mut self) {
        let good = self.file(FILE_BYTES);
        self.get("a file", &good, &[]);
        let file = self.file(FILE_BYTES);
        self.plan.instead(&file, [Some(Given::Nothing)]);
        self.get("a file whose host says nothing", &file, &[]);
        let wait = self.setting.wait;
        if let Some(ask) = self.plan.asks.last_mut() {
            ask.wait = wait;
        }
    }

    /// Each file has a first reader who is given something else than the file.
    fn kept(&mut self) {
        let part = self.file(FILE_BYTES);
        self.get(FIRST, &part, &[("range", "bytes=0-99")]);
        self.get("a file of which somebody had a part", &part, &[]);
        let known = self.file(FILE_BYTES);
        self.get(FIRST, &known, &[("if-none-match", &format!("\"{known}\""))]);
        self.get("a file that somebody had already", &known, &[]);
        let head = self.file(FILE_BYTES);
        let path = self.path(&self.setting.integrator.to_string(), &head);
        self.push(FIRST, HttpRequest::new("HEAD", &path), &head);
        self.get("a file of which somebody had the head", &head, &[]);
        let failed = self.file(FILE_BYTES);
        let unavailable = Given::Answer(HttpResponse::new(503));
        self.plan.instead(&failed, [Some(unavailable), None]);
        self.get(FIRST, &failed, &[]);
        self.get("a file that could not be had before", &failed, &[]);
        // What is left of an answer belongs to nobody else.
        let left = self.file(LONG_FILE_BYTES);
        self.get(FIRST, &left, &[]);
        if let Some(ask) = self.plan.asks.last_mut() {
            ask.bytes = LEFT_AFTER_BYTES;
        }
        let other = self.file(FILE_BYTES);
        self.get("another file, after a reader who left", &other, &[]);
    }

    fn volume(&mut self) {
        let file = self.file(0);
        let Some(whole) = self.plan.files.get(&file).map(|file| file.whole.clone()) else { return };
        let (announced, filler_bytes) = (Some(VOLUME_BYTES), VOLUME_BYTES);
        let how = Delivery { announced, filler_bytes, ..Delivery::default() };
        self.plan.instead(&file, [Some(Given::Slowly(whole, how))]);
        self.get("a file of 1 GiB", &file, &[]);
    }
}

/// What everything that a reader brings has in it.
pub(super) fn mark(setting: &Setting, reader: &str) -> String {
    format!("{}-reader-{reader}", setting.word)
}

/// Asks that are told apart by what they are.
pub(super) const OTHER_INTEGRATOR: &str = "a file under a third party that nobody registered";
pub(super) const CUT_OFF: &str = "a file that breaks off";
pub(super) const CUT_OFF_CHUNKED: &str = "a file of no stated length that breaks off";
pub(super) const FIRST: &str = "the first reader";

/// Headers by which a host, or whoever it names, sees a reader again or is called by that one.
pub(super) const MARKS_OF_A_HOST: &[(&str, &str)] = &[
    ("set-cookie", "who=you; Max-Age=31536000"),
    ("refresh", "0; url=https://elsewhere.example/"),
    ("link", "<https://elsewhere.example/pixel>; rel=preload"),
    (
        "report-to",
        "{\"group\":\"a\",\"max_age\":9,\"endpoints\":[{\"url\":\"https://elsewhere.example/\"}]}",
    ),
    ("nel", "{\"report_to\":\"a\",\"max_age\":9}"),
    ("reporting-endpoints", "a=\"https://elsewhere.example/\""),
    ("content-location", "https://elsewhere.example/file"),
    ("accept-ch", "Sec-CH-UA-Model"),
    ("alt-svc", "h2=\"elsewhere.example:443\""),
];
