//! The reference's media proxy: Meta's role, played as a subject so that its checks can be tried.
//!
//! Main type: [`MediaProxy`]. It says what becomes of a reader's request; bodies never come here, but
//! where a fault collects them. What a sound proxy asks and tells is [`super::meta`]'s own, and what it
//! is judged by stands elsewhere (`proxy_ends`).

use std::collections::BTreeMap;

use super::meta::{proxied_head, proxied_request};
use super::quirk::Fault;
use crate::http::{HttpRequest, HttpResponse};

/// Room that a faulty proxy takes for a file before it is there, at most.
const ROOM_BYTES_MAX: usize = 64 << 20;

/// An answer that is longer is still on its way when a faulty proxy uses its connection again.
const LONG_BYTES: usize = 64 << 10;
/// Where such an answer waits for the next reader: the URL of no file.
const CROSSED: &str = "";

/// What becomes of the head of a third party's answer.
pub type Head = fn(HttpResponse) -> HttpResponse;

/// What the proxy was told.
#[derive(Clone, Debug)]
pub struct ProxySettings {
    /// The form of its paths.
    pub form: String,
    /// The one third party that is registered, and where its files lie.
    pub integrator: u16,
    pub base_url: String,
}

/// What becomes of a request.
#[derive(Debug)]
pub enum Next {
    Answer(HttpResponse),
    /// The third party's answer is passed on while it comes; `alone`: whoever else asks.
    PassOn {
        url: String,
        request: HttpRequest,
        head: Head,
        alone: bool,
    },
    /// The third party's answer is wanted whole: only faults want it.
    Collect {
        url: String,
        request: HttpRequest,
    },
}

/// An answer that was collected.
#[derive(Clone, Debug)]
pub struct Collected {
    pub answer: HttpResponse,
    /// Its body came to its end.
    pub whole: bool,
}

/// The proxy.
pub struct MediaProxy {
    settings: ProxySettings,
    fault: Option<Fault>,
    /// What a faulty proxy kept of earlier answers, by URL.
    kept: BTreeMap<String, HttpResponse>,
}

impl MediaProxy {
    pub fn new(settings: ProxySettings, fault: Option<Fault>) -> Self {
        Self { settings, fault, kept: BTreeMap::new() }
    }

    /// Says what becomes of a reader's request; `http2` is how it came, and only a fault looks at it.
    pub fn asked(&self, reader: &HttpRequest, http2: bool) -> Next {
        let ProxySettings { form, integrator, base_url } = &self.settings;
        if let Some(url) = self.led_astray(&reader.path) {
            let request = HttpRequest::new("GET", "");
            return Next::PassOn { url, request, head: proxied_head, alone: false };
        }
        let asked = proxied_request(form, *integrator, Some(base_url), &self.trusted(reader));
        let (url, mut request) = match asked {
            Ok(asked) => asked,
            Err(answer) => return Next::Answer(answer),
        };
        request.headers.extend(self.told_too(reader));
        if let Some(kept) = self.kept.get(&url) {
            return Next::Answer(kept.clone());
        }
        match self.fault {
            Some(Fault::ProxyForgetsBasePath) => {
                let host = base_url.split('/').take(3).collect::<Vec<_>>().join("/");
                let url = format!("{host}{}", request.path);
                Next::PassOn { url, request, head: proxied_head, alone: false }
            }
            Some(Fault::ProxyForgetsReferenceByHttp2) if http2 => {
                let url = base_url.clone();
                Next::PassOn { url, request, head: proxied_head, alone: false }
            }
            Some(fault) if collects(fault) => Next::Collect { url, request },
            fault => {
                let alone = fault == Some(Fault::ProxyAsksForEach);
                Next::PassOn { url, request, head: head(fault), alone }
            }
        }
    }

    /// Where a faulty proxy goes by the path alone.
    fn led_astray(&self, path: &str) -> Option<String> {
        let named = path.trim_end_matches('/').rsplit('/').next()?;
        let decoded = decoded(named);
        match self.fault {
            Some(Fault::ProxyFetchesUrls) if decoded.contains("://") => Some(decoded),
            Some(Fault::ProxyDecodesReference) if decoded.contains('/') => {
                Some(format!("{}/{decoded}", self.settings.base_url))
            }
            _ => None,
        }
    }

    /// The request as a proxy takes it that believes whatever integrator is named.
    fn trusted(&self, reader: &HttpRequest) -> HttpRequest {
        let mut reader = reader.clone();
        if self.fault == Some(Fault::ProxyIgnoresIntegrator)
            && let Some((before, rest)) = self.settings.form.split_once("{integrator}")
            && let Some(named) = reader.path.strip_prefix(before)
            && let Some((_, after)) = named.split_once('/')
            && rest.starts_with('/')
        {
            reader.path = format!("{before}{}/{after}", self.settings.integrator);
        }
        reader
    }

    /// What a faulty proxy tells the third party of its reader.
    fn told_too(&self, reader: &HttpRequest) -> Vec<(String, String)> {
        let passed = |names: &[&str]| {
            let known = |name: &str| names.iter().any(|known| name.eq_ignore_ascii_case(known));
            reader.headers.iter().filter(|(name, _)| known(name)).cloned().collect()
        };
        match self.fault {
            Some(Fault::ProxyForwardsCredentials) => {
                passed(&["authorization", "cookie", "proxy-authorization"])
            }
            Some(Fault::ProxyForwardsUserAgent) => passed(&["user-agent"]),
            Some(Fault::ProxyAddsForwardedFor) => {
                vec![("x-forwarded-for".to_owned(), "127.0.0.1".to_owned())]
            }
            _ => Vec::new(),
        }
    }

    /// What a faulty proxy makes of an answer that it collected.
    pub fn collected(&mut self, url: &str, result: Result<Collected, String>) -> Next {
        let Ok(Collected { answer, whole }) = result else {
            return Next::Answer(HttpResponse::new(504));
        };
        if let (Some(Fault::ProxyFollowsRedirects), Some(place)) =
            (self.fault, answer.header("location"))
        {
            let origin = url.split('/').take(3).collect::<Vec<_>>().join("/");
            let url =
                if place.starts_with('/') { format!("{origin}{place}") } else { place.into() };
            return Next::Collect { url, request: HttpRequest::new("GET", "") };
        }
        let broken = !whole && self.fault != Some(Fault::ProxyCutTakenAsWhole);
        if broken {
            return Next::Answer(HttpResponse::new(502));
        }
        let mut told = proxied_head(HttpResponse { body: Vec::new(), ..answer.clone() });
        if told.status == answer.status {
            told.body = answer.body;
        }
        if self.fault == Some(Fault::ProxyChangesBytes) {
            told.body.push(b'\n');
        }
        if self.fault == Some(Fault::ProxyAnswersCross) {
            let late = self.kept.remove(CROSSED);
            if told.body.len() > LONG_BYTES {
                self.kept.insert(CROSSED.to_owned(), told.clone());
            }
            return Next::Answer(late.unwrap_or(told));
        }
        let keeps = match self.fault {
            Some(Fault::ProxyKeepsParts) => told.status == 206,
            Some(Fault::ProxyKeepsErrors) => told.status >= 400,
            _ => false,
        };
        if keeps {
            let status = if told.status == 206 { 200 } else { told.status };
            self.kept.insert(url.to_owned(), HttpResponse { status, ..told.clone() });
        }
        Next::Answer(told)
    }
}

fn collects(fault: Fault) -> bool {
    matches!(
        fault,
        Fault::ProxyCollectsFirst
            | Fault::ProxyFollowsRedirects
            | Fault::ProxyCutTakenAsWhole
            | Fault::ProxyChangesBytes
            | Fault::ProxyKeepsParts
            | Fault::ProxyKeepsErrors
            | Fault::ProxyAnswersCross
            | Fault::ProxyWaitsForEver
    )
}

/// The function for heads that a fault has.
fn head(fault: Option<Fault>) -> Head {
    match fault {
        Some(Fault::ProxyPassesCookies) => |answer| {
            let cookie = answer.header("set-cookie").map(str::to_owned);
            let told = proxied_head(answer);
            match cookie {
                Some(cookie) => told.with_header("set-cookie", cookie),
                None => told,
            }
        },
        Some(Fault::ProxySendsReadersOn) => |answer| match answer.header("location") {
            Some(place) => HttpResponse::new(answer.status).with_header("location", place),
            None => proxied_head(answer),
        },
        Some(Fault::ProxyErrorsAs200) => |answer| {
            let told = proxied_head(answer);
            match told.status {
                400.. => HttpResponse { body: b"no such file".to_vec(), ..HttpResponse::new(200) },
                _ => told,
            }
        },
        Some(Fault::ProxySilenceAsMissing) => |answer| match answer.status {
            504 => HttpResponse::new(404),
            _ => proxied_head(answer),
        },
        Some(Fault::ProxyMakesRoom) => |answer| {
            let length = answer.header("content-length").and_then(|length| length.parse().ok());
            // Nobody needs it any more, and nobody gives it back.
            std::mem::forget(vec![1_u8; ROOM_BYTES_MAX.min(length.unwrap_or_default())]);
            proxied_head(answer)
        },
        _ => proxied_head,
    }
}

/// Text with its percent-encoding undone, as far as it is text.
fn decoded(text: &str) -> String {
    let (bytes, mut out, mut at) = (text.as_bytes(), Vec::new(), 0);
    while let Some(byte) = bytes.get(at) {
        let hex = text.get(at + 1..at + 3).filter(|_| *byte == b'%');
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(decoded) => {
                out.push(decoded);
                at += 3;
            }
            None => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(fault: Option<Fault>, path: &str) -> Next {
        let form = "/interop/whatsapp/download/{integrator}/{reference}/".to_owned();
        let base_url = "https://localhost:1/stored".to_owned();
        let proxy = MediaProxy::new(ProxySettings { form, integrator: 1, base_url }, fault);
        let path = format!("/interop/whatsapp/download/{path}/");
        proxy.asked(&HttpRequest::new("GET", &path).with_header("user-agent", "me"), false)
    }

    fn url(fault: Option<Fault>, path: &str) -> Option<String> {
        match asked(fault, path) {
            Next::PassOn { url, .. } | Next::Collect { url, .. } => Some(url),
            Next::Answer(_) => None,
        }
    }

    #[test]
    fn a_sound_proxy_asks_the_registered_base_and_nobody_else() {
        let right = Some("https://localhost:1/stored/abc".to_owned());
        assert_eq!(url(None, "1/abc"), right);
        for path in ["2/abc", "1/..%2fabc", "1/http:%2f%2fhost%2fabc", "1/@host%2fabc"] {
            assert_eq!(url(None, path), None, "{path}");
        }
        let Next::PassOn { request, .. } = asked(None, "1/abc") else { panic!("it passes on") };
        assert_eq!(request.headers, []);
    }

    #[test]
    fn each_fault_leads_where_it_should_not() {
        let of = |fault, path| url(Some(fault), path).unwrap();
        assert_eq!(of(Fault::ProxyFetchesUrls, "1/http:%2f%2fhost%2fabc"), "http://host/abc");
        let out = of(Fault::ProxyDecodesReference, "1/..%2fabc");
        assert_eq!(out, "https://localhost:1/stored/../abc");
        assert_eq!(of(Fault::ProxyIgnoresIntegrator, "2/abc"), "https://localhost:1/stored/abc");
        assert_eq!(of(Fault::ProxyForgetsBasePath, "1/abc"), "https://localhost:1/abc");
    }
}
