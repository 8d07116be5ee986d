//! Probes of a server's HTTP: what each word of a scenario sends, and what is noted of it.
//!
//! A probe is one or more connections, all opened at once; when the last has come to something, one
//! event tells what they saw. Nothing is judged here.

use std::collections::BTreeMap;

use rand::Rng as _;

use super::instance::Host;
use super::session::Session;
use crate::driver::session::UploadOffer;
use crate::evidence::{Event, HttpAnswer, Lane, Look, Payload as Bytes, Stream};
use crate::http::HttpRequest;
use crate::net::probe::{OldVersion, TlsVersion};
use crate::net::tls::CertificateFault;
use crate::net::{ExchangeId, HttpVersion, Probe, Probed};
use crate::scenario::{
    Action, Case, CertificateWord, Endpoint, Mutation, Payload, ProbeKind, Send,
};
use crate::spec::Profile;

/// More than a server takes of a target or a field (RFC 9110 §4.1 asks for 8000 octets).
const LONG: usize = 60_000;
const LARGE_BODY_BYTES: usize = 10 * 1024 * 1024;
/// Whole blocks, as an encrypted file has with its 10 bytes of a tag (TF §5.1.1).
const UPLOAD_BYTES: usize = 3 * 16 + 10;

/// Probes that are under way.
#[derive(Default)]
pub(super) struct Looking {
    probes: Vec<Pending>,
    /// The probe and the connection of each exchange.
    exchanges: BTreeMap<ExchangeId, (usize, usize)>,
}

struct Pending {
    lane: Lane,
    label: Option<String>,
    kind: ProbeKind,
    at: Endpoint,
    seen: Vec<Option<Look>>,
}

/// Why a case shows nothing of this server, if it does not: there is no TLS to look at where a
/// server offers `http:` and the profile tolerates it (`interfaces.md` §4), and nobody can upload who
/// is not told where.
pub(super) fn ruled_out(case: &Case, host: &Host, profile: &Profile) -> Option<String> {
    let asks = |what: fn(ProbeKind) -> bool| {
        case.scenario.steps.iter().any(|step| match &step.action {
            Action::Send(Send { payload: Payload::Probe { kind, .. }, .. }) => what(*kind),
            _ => false,
        })
    };
    if asks(ProbeKind::uploads) && host.upload().is_none() {
        return Some("the server does not say where its users upload files (`upload`)".into());
    }
    let looks = asks(ProbeKind::needs_tls);
    let plain = host.base_url().is_some_and(|url| url.starts_with("http://"));
    let tolerated = profile.text("transport.plain_http") != Some("refused");
    (looks && plain && tolerated).then(|| {
        "the server offers plain http, which the profile tolerates (transport.plain_http)".into()
    })
}

/// True if a case shows certificates that are not in order.
pub(super) fn shows_certificates(case: &Case) -> bool {
    case.scenario.steps.iter().any(|step| match &step.action {
        Action::Act(act) => matches!(act.mutate, Some(Mutation::Tls(_))),
        _ => false,
    })
}

impl Session<'_> {
    /// Begins a probe; what it sees is an event.
    ///
    /// # Errors
    /// The step that is named stored no file.
    pub(super) fn look(
        &mut self,
        kind: ProbeKind,
        at: Endpoint,
        of: Option<&str>,
        label: Option<&str>,
    ) -> Result<(), String> {
        let sound = match at {
            Endpoint::KeySet => self.meta.key_set_request(),
            Endpoint::Push => self.meta.push_for_nobody(),
            Endpoint::Media => {
                let reference = self.reference_of(of.unwrap_or_default())?;
                self.meta.file_request(&reference)
            }
            Endpoint::Upload => self.host().upload().map(|offer| self.upload_request(kind, offer)),
        };
        let label = label.map(str::to_owned);
        let Some((url, request)) = sound else { return Ok(()) };
        let (method, path) = (format!("probe {}", kind.word()), request.path.clone());
        let asked = Event::requested(label.clone(), &method, &path);
        self.record(Stream::http_out(), None, asked);
        let probes = probes(kind, at, &url, &request);
        let number = self.looking.probes.len();
        let seen = vec![None; probes.len()];
        self.looking.probes.push(Pending { lane: self.lane, label, kind, at, seen });
        if kind.needs_tls() && url.starts_with("http://") {
            let plain =
                || Some(Look { failed: Some("it offers no TLS".into()), ..Look::default() });
            self.looking.probes[number].seen.fill_with(plain);
            self.note_look(number);
            return Ok(());
        }
        for (n, probe) in probes.into_iter().enumerate() {
            let exchange = self.guest.probe(&url, probe);
            self.looking.exchanges.insert(exchange, (number, n));
        }
        Ok(())
    }

    /// The upload that a server offers, or one that lacks what it asks for.
    fn upload_request(&self, kind: ProbeKind, offer: &UploadOffer) -> (String, HttpRequest) {
        let uri: hyper::Uri = offer.url.parse().unwrap_or_default();
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request = HttpRequest::new(&offer.method, path)
            .with_header("content-type", "application/octet-stream");
        request.body = vec![0; UPLOAD_BYTES];
        self.shared.seed.rng(&[&self.case.id(), "upload"]).fill_bytes(&mut request.body);
        let shown = offer.credentials.iter().filter(|_| kind != ProbeKind::NoCredentials);
        for (name, value) in shown {
            let changed = kind == ProbeKind::WrongCredentials;
            let value = if changed { altered(value) } else { value.clone() };
            request = request.with_header(name, value);
        }
        (offer.url.clone(), request)
    }

    /// Takes what one connection of a probe saw.
    pub(super) fn looked(&mut self, id: ExchangeId, result: Result<Probed, String>) {
        let Some((number, n)) = self.looking.exchanges.remove(&id) else { return };
        self.looking.probes[number].seen[n] = Some(look(result));
        if self.looking.probes[number].seen.iter().all(Option::is_some) {
            self.note_look(number);
        }
    }

    fn note_look(&mut self, number: usize) {
        let Pending { lane, label, kind, at, seen } = &self.looking.probes[number];
        let event = Event::Looked {
            label: label.clone(),
            probe: kind.word().to_owned(),
            endpoint: at.word().to_owned(),
            seen: seen.iter().flatten().cloned().collect(),
        };
        self.recorder.record(Stream::http_out(), *lane, None, event);
    }
}

impl Session<'_> {
    /// Shows another certificate wherever Meta's side serves HTTPS, or the right one again.
    ///
    /// # Errors
    /// The subject makes its calls without TLS.
    pub(super) fn show_certificate(&mut self, word: Option<CertificateWord>) -> Result<(), String> {
        let fault = word.map(|word| match word {
            CertificateWord::ForeignAuthority => CertificateFault::ForeignAuthority,
            CertificateWord::SelfSigned => CertificateFault::SelfSigned,
            CertificateWord::OtherName => CertificateFault::OtherName,
            CertificateWord::Expired => CertificateFault::Expired,
            CertificateWord::NotYetValid => CertificateFault::NotYetValid,
        });
        let authority = self.host().authority.clone();
        let authority = authority.ok_or("Meta's side serves plain http to this subject")?;
        authority.show(fault)?;
        if let Some(word) = word {
            let what = format!("Meta's HTTP services show a certificate that is {}", word.word());
            self.record(Stream::http_in(), None, Event::Deviated { what });
        }
        Ok(())
    }
}

fn look(result: Result<Probed, String>) -> Look {
    let probed = match result {
        Ok(probed) => probed,
        Err(why) => return Look { failed: Some(why), ..Look::default() },
    };
    let answer = probed.answer.map(|answer| HttpAnswer {
        status: answer.status,
        headers: answer.headers,
        body: Bytes::of(&answer.body),
    });
    let bytes = (!probed.bytes.is_empty()).then(|| Bytes::of(&probed.bytes));
    Look { failed: None, tls: probed.tls, alpn: probed.alpn, answer, bytes, closed: probed.closed }
}

/// A credential with another letter or digit in the middle of its last word, where no coding has bits
/// to spare.
fn altered(value: &str) -> String {
    let word = value.rfind(' ').map_or(0, |space| space + 1);
    let letters = value[word..].char_indices().filter(|(_, c)| c.is_ascii_alphanumeric());
    let letters: Vec<(usize, char)> = letters.collect();
    let Some((at, letter)) = letters.get(letters.len() / 2) else { return format!("{value}x") };
    let other = if *letter == '7' { "8" } else { "7" };
    let at = word + at;
    format!("{}{other}{}", &value[..at], &value[at + letter.len_utf8()..])
}

/// What goes over the wire for a word.
fn probes(kind: ProbeKind, at: Endpoint, url: &str, sound: &HttpRequest) -> Vec<Probe> {
    let over = |version, request: &HttpRequest| Probe::Request(version, request.clone());
    let raw = |text: String| vec![Probe::Raw(text.into_bytes())];
    let host = url.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let path = &sound.path;
    let end = "Connection: close\r\n\r\n";
    // A request that shows by its answer that it was read as one.
    let second = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{end}");
    let post = |lengths: &str| format!("POST {path} HTTP/1.1\r\nHost: {host}\r\n{lengths}\r\n");
    match kind {
        ProbeKind::Upload | ProbeKind::NoCredentials | ProbeKind::WrongCredentials => {
            vec![over(HttpVersion::Http1, sound)]
        }
        ProbeKind::Versions => {
            let mut both = vec![over(HttpVersion::Http1, sound), over(HttpVersion::Http2, sound)];
            if at == Endpoint::Push {
                // Tells a user who is unknown from an endpoint that is not there.
                let mut nobody = sound.clone();
                nobody.headers.retain(|(name, _)| name != "authorization");
                both.push(over(HttpVersion::Http1, &nobody));
            }
            both
        }
        ProbeKind::Tls => vec![Probe::Tls(TlsVersion::Tls13), Probe::Tls(TlsVersion::Tls12)],
        ProbeKind::OldTls => vec![Probe::Old(OldVersion::Tls11), Probe::Old(OldVersion::Tls10)],
        ProbeKind::Certificate => vec![Probe::Trusted],
        ProbeKind::NoHost => raw(format!("GET {path} HTTP/1.1\r\n{end}")),
        ProbeKind::TwoHosts => {
            raw(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nHost: elsewhere.test\r\n{end}"))
        }
        ProbeKind::BothFramings => {
            let body = "0\r\n\r\n";
            let lengths = format!(
                "Content-Length: {}\r\nTransfer-Encoding: chunked\r\n",
                body.len() + second.len()
            );
            raw(post(&lengths) + body + &second)
        }
        ProbeKind::BothFramingsSwapped => {
            let chunk = format!("{:x}\r\n{second}\r\n0\r\n\r\n", second.len());
            let line = chunk.find("\r\n").map_or(0, |at| at + 2);
            let lengths = format!("Transfer-Encoding: chunked\r\nContent-Length: {line}\r\n");
            raw(post(&lengths) + &chunk)
        }
        ProbeKind::TwoLengths => {
            let lengths = format!("Content-Length: 0\r\nContent-Length: {}\r\n", second.len());
            raw(post(&lengths) + &second)
        }
        ProbeKind::OddLength => raw(post("Content-Length: 0x0\r\n") + &second),
        ProbeKind::ForeignMethod => {
            let method = match at {
                Endpoint::KeySet | Endpoint::Media => "POST",
                Endpoint::Push | Endpoint::Upload => "GET",
            };
            let headers = sound.headers.clone();
            vec![over(
                HttpVersion::Http1,
                &HttpRequest { headers, ..HttpRequest::new(method, path) },
            )]
        }
        ProbeKind::TextBody => {
            let mut request = sound.clone();
            request.headers.retain(|(name, _)| name != "content-type");
            vec![over(HttpVersion::Http1, &request.with_header("content-type", "text/plain"))]
        }
        ProbeKind::LargeBody => {
            let large =
                HttpRequest { body: Vec::new(), padding: LARGE_BODY_BYTES, ..sound.clone() };
            vec![over(HttpVersion::Http1, &large)]
        }
        ProbeKind::Garbage => raw("\u{1}\u{2} no request at all\r\n\r\n".to_owned()),
        ProbeKind::LongTarget => {
            raw(format!("GET {path}?{} HTTP/1.1\r\nHost: {host}\r\n{end}", "a".repeat(LONG)))
        }
        ProbeKind::LongField => {
            let field = "a".repeat(LONG);
            raw(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nX-Long: {field}\r\n{end}"))
        }
        ProbeKind::BrokenChunk => {
            raw(post("Transfer-Encoding: chunked\r\n") + "xyz\r\n{}\r\n0\r\n\r\n")
        }
        ProbeKind::OddVersion => raw(format!("GET {path} HTTP/7.3\r\nHost: {host}\r\n{end}")),
        ProbeKind::OddPath => {
            raw(format!("GET {path}/%zz%00%c3%28 HTTP/1.1\r\nHost: {host}\r\n{end}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_credential_differs_in_one_letter_of_its_last_word() {
        assert_eq!(altered("Bearer abcde"), "Bearer ab7de");
        assert_eq!(altered("a-7-b"), "a-8-b");
        assert_eq!(altered("Basic =="), "Basic ==x");
        assert_eq!(altered(""), "x");
    }
}
