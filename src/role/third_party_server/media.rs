//! The store of encrypted files, from which Meta's proxy fetches them: `GET {base}/{reference}`
//! (TF §5.1.1).
//!
//! Main type: [`Store`]. It holds bytes that it cannot read, under references that nobody can guess,
//! and is bounded: when it is full, the oldest file goes. It knows no reader: the only one is a proxy.

use std::collections::{BTreeMap, VecDeque};

use rand::Rng as _;
use sha2::{Digest as _, Sha256};

use crate::http::{HttpRequest, HttpResponse};
use crate::limits::{STORE_BYTES_MAX, STORE_FILES_MAX};
use crate::role::quirk::Fault;
use crate::seed::Seed;

/// Random bytes of a reference: 192 bits (MED-012).
const REFERENCE_BYTES: usize = 24;
/// Answers within a second with which a faulty server has enough.
const RATION: usize = 20;

/// A file to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Who sends it.
    pub user: String,
    pub bytes: Vec<u8>,
    /// Of the plaintext, as the client says; only a fault tells it to anybody.
    pub mimetype: String,
    pub name: String,
}

struct Stored {
    bytes: Vec<u8>,
    mimetype: String,
    /// As the client said; only a fault tells it to anybody.
    name: String,
    etag: String,
    /// Requests so far; only faults count them.
    asked: u64,
}

/// The files.
pub(super) struct Store {
    seed: Seed,
    /// How many references each user was given.
    given: BTreeMap<String, u64>,
    files: BTreeMap<String, Stored>,
    order: VecDeque<String>,
    bytes: usize,
}

impl Store {
    pub fn new(seed: Seed) -> Self {
        let given = BTreeMap::new();
        Self { seed, given, files: BTreeMap::new(), order: VecDeque::new(), bytes: 0 }
    }

    pub fn put(&mut self, fault: Option<Fault>, upload: Upload) -> Result<String, String> {
        if upload.bytes.len() > STORE_BYTES_MAX {
            return Err("the file is longer than the store".into());
        }
        let reference = self.reference(fault, &upload);
        if fault == Some(Fault::MediaNeverStored) {
            return Ok(reference);
        }
        while self.files.len() >= STORE_FILES_MAX
            || self.bytes + upload.bytes.len() > STORE_BYTES_MAX
        {
            let Some(oldest) = self.order.pop_front() else { break };
            let gone = self.files.remove(&oldest);
            self.bytes -= gone.map_or(0, |file| file.bytes.len());
        }
        let mut bytes = upload.bytes;
        if fault == Some(Fault::MediaBytesChanged) {
            bytes.push(b'\n');
        }
        self.bytes += bytes.len();
        let etag = format!("\"{}\"", hex::encode(&Sha256::digest(&bytes)[..16]));
        let (mimetype, name) = (upload.mimetype, upload.name);
        let stored = Stored { bytes, mimetype, name, etag, asked: 0 };
        self.files.insert(reference.clone(), stored);
        self.order.push_back(reference.clone());
        Ok(reference)
    }

    fn reference(&mut self, fault: Option<Fault>, upload: &Upload) -> String {
        // Of each user's own, whoever else uploads meanwhile: one seed gives one reference.
        let given = self.given.entry(upload.user.clone()).or_default();
        *given += 1;
        let purpose = ["third-party", "server", "media", &upload.user, &given.to_string()];
        let mut bytes = [0; REFERENCE_BYTES];
        self.seed.rng(&purpose).fill_bytes(&mut bytes);
        match fault {
            Some(Fault::MediaReferenceCounts) => format!("{:08}", self.order.len() + 1),
            Some(Fault::MediaReferenceTellsTime) => {
                // As RFC 9562 §5.1 has it: the time's lowest part, its middle and end, and the place.
                format!(
                    "{:08x}-1c2d-11ef-9a3b-0242ac120002",
                    0x5d0c_1a2b + 10_007 * self.order.len()
                )
            }
            Some(Fault::MediaReferenceCountsInside) => {
                let mut fixed = [0; REFERENCE_BYTES];
                self.seed.rng(&["third-party", "server", "place"]).fill_bytes(&mut fixed);
                let fixed = hex::encode(fixed);
                format!("{}{:08x}{}", &fixed[..24], self.order.len() + 1, &fixed[24..])
            }
            Some(Fault::MediaReferenceNamesUser) => {
                format!("{}-{}", upload.user, hex::encode(bytes))
            }
            _ => hex::encode(bytes),
        }
    }

    /// Answers a request for a file; `lately` counts the requests of the last second.
    pub fn answer(
        &mut self,
        fault: Option<Fault>,
        request: &HttpRequest,
        lately: usize,
    ) -> HttpResponse {
        let path = request.path.split('?').next().unwrap_or_default();
        if fault == Some(Fault::MediaRefTraversal) && leads_out(path) {
            let body = b"root:x:0:0:root:/root:/bin/sh\n".to_vec();
            return HttpResponse { body, ..HttpResponse::new(200) };
        }
        let reference = path.strip_prefix('/').unwrap_or_default();
        let Some(stored) = self.files.get_mut(reference) else { return unknown(fault) };
        let headless = fault == Some(Fault::MediaHeadNotServed) && request.method == "HEAD";
        if headless || !matches!(request.method.as_str(), "GET" | "HEAD") {
            return match fault {
                Some(Fault::MediaHeadNotServed) => {
                    HttpResponse::new(405).with_header("allow", "GET")
                }
                Some(Fault::MethodsNotTold) => HttpResponse::new(405),
                _ => HttpResponse::new(405).with_header("allow", "GET, HEAD"),
            };
        }
        stored.asked += 1;
        if let Some(refused) = refused(fault, stored, request, lately) {
            return refused;
        }
        faulty(fault, stored, given(stored, request), request)
    }
}

/// The file, a part of it, or word that nothing has changed (RFC 9110 §13, §14).
fn given(stored: &Stored, request: &HttpRequest) -> HttpResponse {
    let told = |status: u16| {
        HttpResponse::new(status)
            .with_header("content-type", "application/octet-stream")
            .with_header("etag", stored.etag.as_str())
            .with_header("accept-ranges", "bytes")
            .with_header("cache-control", "public, max-age=86400, immutable")
            .with_header("x-content-type-options", "nosniff")
    };
    if request.header("if-none-match") == Some(stored.etag.as_str()) {
        return told(304);
    }
    let whole = || HttpResponse { body: stored.bytes.clone(), ..told(200) };
    let current = request.header("if-range").is_none_or(|etag| etag == stored.etag);
    let range = request.header("range").filter(|_| request.method == "GET" && current);
    match range.and_then(|range| asked_for(range, stored.bytes.len())) {
        None => whole(),
        Some(None) => HttpResponse::new(416)
            .with_header("content-range", format!("bytes */{}", stored.bytes.len())),
        Some(Some((start, end))) => {
            let range = format!("bytes {start}-{end}/{}", stored.bytes.len());
            let body = stored.bytes[start..=end].to_vec();
            HttpResponse { body, ..told(206) }.with_header("content-range", range)
        }
    }
}

/// First and last byte of a single range; `Some(None)` cannot be satisfied. Several ranges, and other
/// units, are passed over.
fn asked_for(range: &str, total: usize) -> Option<Option<(usize, usize)>> {
    let (start, end) = range.strip_prefix("bytes=")?.split_once('-')?;
    let last = total.checked_sub(1);
    let number = |text: &str| text.parse::<usize>().ok();
    Some(match (start, end) {
        ("", count) => {
            let count = number(count)?;
            last.filter(|_| count > 0).map(|last| (total.saturating_sub(count), last))
        }
        (start, "") => {
            let start = number(start)?;
            last.filter(|last| start <= *last).map(|last| (start, last))
        }
        (start, end) => {
            let (start, end) = (number(start)?, number(end)?);
            last.filter(|last| start <= *last && start <= end).map(|last| (start, end.min(last)))
        }
    })
}

fn unknown(fault: Option<Fault>) -> HttpResponse {
    if fault == Some(Fault::MediaUnknownIs400) {
        return HttpResponse::new(400);
    }
    if fault != Some(Fault::MediaErrorAs200) {
        return HttpResponse::new(404);
    }
    let body = b"<!doctype html><title>Not found</title>".to_vec();
    HttpResponse { body, ..HttpResponse::new(200) }.with_header("content-type", "text/html")
}

/// Who is not given a file that is there: nobody, but for a fault.
fn refused(
    fault: Option<Fault>,
    stored: &Stored,
    request: &HttpRequest,
    lately: usize,
) -> Option<HttpResponse> {
    match fault? {
        // The file is stored when somebody first misses it.
        Fault::MediaStoredLate if stored.asked == 1 => Some(HttpResponse::new(404)),
        Fault::MediaNeedsCookie if stored.asked > 1 && request.header("cookie").is_none() => {
            Some(HttpResponse::new(401))
        }
        Fault::MediaRationed if lately > RATION => Some(HttpResponse::new(429)),
        _ => None,
    }
}

/// What a faulty server makes of a right answer.
fn faulty(
    fault: Option<Fault>,
    stored: &Stored,
    mut answer: HttpResponse,
    request: &HttpRequest,
) -> HttpResponse {
    let set = |answer: &mut HttpResponse, name: &str, value: &str| {
        answer.headers.retain(|(known, _)| known != name);
        answer.headers.push((name.to_owned(), value.to_owned()));
    };
    match fault {
        Some(Fault::MediaServedAsUploaded) => {
            set(&mut answer, "content-type", &stored.mimetype);
            answer.headers.retain(|(name, _)| name != "x-content-type-options");
        }
        Some(Fault::FileNameInAnswer) => {
            set(
                &mut answer,
                "content-disposition",
                &format!("attachment; filename={}", stored.name),
            );
        }
        Some(Fault::MediaNoPartGivesAll) if answer.status == 416 => {
            answer = HttpResponse { body: stored.bytes.clone(), ..HttpResponse::new(200) };
        }
        Some(Fault::MediaPartsAs200) if answer.status == 206 => answer.status = 200,
        Some(Fault::MediaHeadIsEmpty) if request.method == "HEAD" => answer.body = Vec::new(),
        Some(Fault::MediaEtagChanges) => {
            let etag = format!("\"{}-{}\"", &stored.etag[1..9], stored.asked);
            set(&mut answer, "etag", &etag);
        }
        Some(Fault::MediaSetsCookies | Fault::MediaNeedsCookie) => {
            let cookie = format!("reader={}", stored.asked);
            set(&mut answer, "set-cookie", &cookie);
        }
        Some(Fault::MediaUncacheable) => set(&mut answer, "cache-control", "no-store"),
        Some(Fault::MediaGzipUndeclared) if answer.status == 200 => {
            let gzip = request.header("accept-encoding").is_some_and(|it| it.contains("gzip"));
            if gzip {
                answer.body = gzipped(&answer.body);
            }
        }
        _ => {}
    }
    answer
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let written = gzip.write_all(bytes).and_then(|()| gzip.finish());
    written.unwrap_or_default()
}

/// A deliberate fault: the path is joined to a folder once it is decoded.
fn leads_out(path: &str) -> bool {
    let decoded = path.to_ascii_lowercase().replace("%2e", ".").replace("%2f", "/");
    decoded.contains("/../")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored() -> (Store, String) {
        let mut store = Store::new(Seed(1));
        let upload = Upload {
            user: "alice-1".into(),
            bytes: (0..40).collect(),
            mimetype: "text/html".into(),
            name: "a.html".into(),
        };
        let reference = store.put(None, upload).unwrap();
        (store, reference)
    }

    fn ask(store: &mut Store, path: &str, headers: &[(&str, &str)]) -> HttpResponse {
        let request = HttpRequest::new("GET", path);
        let request = headers.iter().fold(request, |r, (name, value)| r.with_header(name, *value));
        store.answer(None, &request, 1)
    }

    #[test]
    fn a_reference_gives_the_bytes_and_nothing_of_what_they_are() {
        let (mut store, reference) = stored();
        let answer = ask(&mut store, &format!("/{reference}"), &[]);
        assert_eq!((answer.status, answer.body.len()), (200, 40));
        assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
        assert_eq!(reference.len(), 48);
        for path in ["/", "/../x", "/%2e%2e%2fx", "/nobody", &format!("/{reference}/")] {
            assert_eq!(ask(&mut store, path, &[]).status, 404, "{path}");
        }
        let post = HttpRequest::new("POST", &format!("/{reference}"));
        assert_eq!(store.answer(None, &post, 1).status, 405);
    }

    #[test]
    fn parts_are_given_rightly_or_not_at_all() {
        let (mut store, reference) = stored();
        let path = format!("/{reference}");
        let mut of = |range: &str| {
            let answer = ask(&mut store, &path, &[("range", range)]);
            (answer.status, answer.body.len(), answer.header("content-range").map(str::to_owned))
        };
        let told = |text: &str| Some(text.to_owned());
        assert_eq!(of("bytes=0-0"), (206, 1, told("bytes 0-0/40")));
        assert_eq!(of("bytes=-1"), (206, 1, told("bytes 39-39/40")));
        assert_eq!(of("bytes=30-99"), (206, 10, told("bytes 30-39/40")));
        assert_eq!(of("bytes=40-"), (416, 0, told("bytes */40")));
        assert_eq!(of("bytes=0-0,5-6"), (200, 40, None));
        assert_eq!(of("parts=0-1"), (200, 40, None));
        let stale = [("range", "bytes=0-3"), ("if-range", "\"x\"")];
        assert_eq!(ask(&mut store, &path, &stale).status, 200);
    }

    #[test]
    fn a_full_store_forgets_the_oldest() {
        let mut store = Store::new(Seed(1));
        let mut put = |len: usize| {
            let bytes = vec![0; len];
            let upload =
                Upload { user: "a".into(), bytes, mimetype: String::new(), name: String::new() };
            store.put(None, upload)
        };
        let first = put(STORE_BYTES_MAX / 2 + 1).unwrap();
        let second = put(STORE_BYTES_MAX / 2).unwrap();
        assert!(put(STORE_BYTES_MAX + 1).is_err());
        assert_eq!(ask(&mut store, &format!("/{first}"), &[]).status, 404);
        assert_eq!(ask(&mut store, &format!("/{second}"), &[]).status, 200);
    }
}
