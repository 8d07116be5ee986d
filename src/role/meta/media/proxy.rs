//! Meta's media proxy: it turns the path of a message into a request to the third party that is
//! registered under it, and passes the answer on (TF §5.1.1).
//!
//! Main functions: [`upstream`] and [`head`], without state. It contacts registered bases only, for
//! a reference is one segment of safe characters; it tells the third party nothing of the reader and
//! the reader nothing that the third party would follow it by; it follows no redirect. Bodies never
//! come here: they stream (`net::Net::relay`).

use crate::http::{HttpRequest, HttpResponse, is_refusal};

/// Longest reference that is asked for.
const REFERENCE_CHARS_MAX: usize = 512;
/// What of a reader's request the third party learns: which part of the file is wanted.
const ASKED: &[&str] = &["range", "if-range", "if-none-match", "accept-encoding"];
/// What of the third party's answer a reader learns.
const TOLD: &[&str] = &[
    "content-type",
    "content-encoding",
    "content-range",
    "accept-ranges",
    "etag",
    "last-modified",
    "cache-control",
    "retry-after",
];

/// A path of the proxy, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub integrator: String,
    pub reference: String,
}

/// Takes a path apart by the profile's form of it; `None` where it has another form.
pub fn named(form: &str, path: &str) -> Option<Named> {
    let (before, rest) = form.split_once("{integrator}")?;
    let (between, after) = rest.split_once("{reference}")?;
    let rest = path.strip_prefix(before)?;
    let (integrator, rest) = rest.split_once(between)?;
    let reference = rest.strip_suffix(after)?;
    let digits = !integrator.is_empty() && integrator.bytes().all(|byte| byte.is_ascii_digit());
    let sound = digits && !reference.is_empty() && !reference.contains(['/', '?', '#']);
    sound.then(|| Named { integrator: integrator.to_owned(), reference: reference.to_owned() })
}

/// The fixed beginning of the proxy's paths.
pub fn prefix(form: &str) -> &str {
    form.split("{integrator}").next().unwrap_or_default()
}

/// What the third party is asked for a reader's request.
///
/// # Errors
/// The answer to a reader who asks for what no registered third party can have.
pub fn upstream(
    form: &str,
    integrator: u16,
    base: Option<&str>,
    request: &HttpRequest,
) -> Result<(String, HttpRequest), HttpResponse> {
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        return Err(HttpResponse::new(405).with_header("allow", "GET, HEAD"));
    }
    let none = || HttpResponse::new(404);
    let named = named(form, &request.path).ok_or_else(none)?;
    let base = base.filter(|_| named.integrator == integrator.to_string()).ok_or_else(none)?;
    if !is_safe(&named.reference) {
        return Err(none());
    }
    let path = format!("/{}", named.reference);
    let url = format!("{}{path}", base.trim_end_matches('/'));
    let mut asked = HttpRequest::new(&request.method, &path);
    asked.headers = kept(&request.headers, ASKED);
    Ok((url, asked))
}

/// One segment that is no way out of the third party's base, however it is decoded.
fn is_safe(reference: &str) -> bool {
    let of_the_set = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~=".contains(&byte);
    reference.len() <= REFERENCE_CHARS_MAX
        && reference.bytes().all(of_the_set)
        && !reference.bytes().all(|byte| byte == b'.')
}

/// What a reader gets for the head of a third party's answer.
pub fn head(answer: HttpResponse) -> HttpResponse {
    match answer.status {
        200 | 206 | 304 => HttpResponse {
            headers: kept(&answer.headers, TOLD),
            ..HttpResponse::new(answer.status)
        },
        404 | 410 | 416 | 504 => HttpResponse::new(answer.status),
        // The reader cannot know what the store wants of the proxy, only that it gives nothing.
        status if is_refusal(status) => HttpResponse::new(403),
        429 | 503 => HttpResponse {
            headers: kept(&answer.headers, &["retry-after"]),
            ..HttpResponse::new(503)
        },
        // A redirect too is an answer that nobody here follows.
        _ => HttpResponse::new(502),
    }
}

fn kept(headers: &[(String, String)], names: &[&str]) -> Vec<(String, String)> {
    let known = |name: &str| names.iter().any(|known| name.eq_ignore_ascii_case(known));
    headers.iter().filter(|(name, _)| known(name)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "/interop/whatsapp/download/{integrator}/{reference}/";
    const BASE: &str = "http://127.0.0.1:7/base";

    fn ask(path: &str) -> Result<(String, HttpRequest), u16> {
        let request = HttpRequest::new("GET", path)
            .with_header("Range", "bytes=0-1")
            .with_header("cookie", "who=you")
            .with_header("user-agent", "WhatsApp/2")
            .with_header("x-forwarded-for", "192.0.2.1");
        upstream(FORM, 12, Some(BASE), &request).map_err(|answer| answer.status)
    }

    #[test]
    fn a_path_names_a_registered_base_and_tells_nothing_of_its_reader() {
        let (url, request) = ask("/interop/whatsapp/download/12/AbC-_1/").unwrap();
        assert_eq!(
            (url.as_str(), request.path.as_str()),
            ("http://127.0.0.1:7/base/AbC-_1", "/AbC-_1")
        );
        assert_eq!(request.headers, [("Range".to_owned(), "bytes=0-1".to_owned())]);
    }

    #[test]
    fn nothing_else_is_contacted() {
        let long = format!("/interop/whatsapp/download/12/{}/", "a".repeat(600));
        let paths = [
            "/interop/whatsapp/download/12/AbC",
            "/interop/whatsapp/download/13/AbC/",
            "/interop/whatsapp/download//AbC/",
            "/interop/whatsapp/download/12//",
            "/interop/whatsapp/download/12/../",
            "/interop/whatsapp/download/12/a/b/",
            "/interop/whatsapp/download/12/%2e%2e%2fpush/",
            "/interop/whatsapp/download/12/@127.0.0.1:1/",
            "/interop/whatsapp/download/12/http:%2f%2f169.254.169.254/",
            "/interop/whatsapp/download/12/a/?x=",
            &long,
        ];
        for path in paths {
            assert_eq!(ask(path).err(), Some(404), "{path}");
        }
        let post = HttpRequest::new("POST", "/interop/whatsapp/download/12/a/");
        assert_eq!(upstream(FORM, 12, Some(BASE), &post).unwrap_err().status, 405);
        let get = HttpRequest::new("GET", "/interop/whatsapp/download/12/a/");
        assert_eq!(upstream(FORM, 12, None, &get).unwrap_err().status, 404);
    }

    #[test]
    fn a_reader_learns_of_the_file_and_of_no_trace() {
        let answer = HttpResponse::new(206)
            .with_header("Content-Range", "bytes 0-1/9")
            .with_header("set-cookie", "who=you")
            .with_header("location", "http://elsewhere/")
            .with_header("x-reader", "7");
        let told = head(answer);
        assert_eq!(told.status, 206);
        assert_eq!(told.headers, [("Content-Range".to_owned(), "bytes 0-1/9".to_owned())]);
    }

    #[test]
    fn what_goes_wrong_upstream_is_a_clear_error() {
        let rows = [(404, 404), (410, 410), (416, 416), (429, 503), (503, 503), (504, 504)];
        let others = [301, 302, 307, 400, 500, 100, 204].map(|status| (status, 502));
        let refusals = [401, 403, 407].map(|status| (status, 403));
        for (from, to) in rows.into_iter().chain(others).chain(refusals) {
            assert_eq!(head(HttpResponse::new(from)).status, to, "{from}");
        }
        let waits = HttpResponse::new(429).with_header("retry-after", "9");
        assert_eq!(head(waits).header("retry-after"), Some("9"));
    }
}
