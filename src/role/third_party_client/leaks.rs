//! Faults that let what the user wrote out of the client beside its ciphertext, or sign it.
//!
//! Each leaks through one channel in one form, as real clients did for the sake of previews, crash
//! reports and debugging. A sound client passes through here unchanged.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use super::ThirdPartyClient;
use super::effect::Output;
use super::media::FileToSend;
use super::send::Draft;
use super::threads::ThreadItem;
use crate::e2ee::media::Media;
use crate::http::HttpRequest;
use crate::role::FetchId;
use crate::role::quirk::Fault;
use crate::wire::Node;

/// Names the request of a fault; enlistments count from 0.
const REPORT_FETCH: FetchId = FetchId::MAX - 1;
/// Characters of a preview.
const PREVIEW_CHARS: usize = 24;
/// The tag of `pushName` in a login payload, and most bytes of it here.
const PUSH_NAME: u8 = 7 << 3 | 2;
const NAME_BYTES: usize = 100;
/// A field of the login payload that nobody knows.
const UNKNOWN_FIELD: [u8; 2] = [0xFA, 0x3F];
/// Bytes of a file that a report holds.
const REPORTED_BYTES: usize = 256;
/// A field of the content that no reader knows (`wire.md` §6.1), with a length of 64 bytes.
const SIGNATURE_FIELD: [u8; 4] = [0xFA, 0xF0, 0x04, 64];

impl ThirdPartyClient {
    /// Lines for the log, which only a fault writes.
    pub fn take_log_lines(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log_lines)
    }

    /// The content as it is encrypted: a sound client signs nothing that its user says (ENC-011).
    pub(super) fn unsigned(&mut self, draft: &Draft, mut content: Vec<u8>) -> Vec<u8> {
        if self.has(Fault::ContentSigned) {
            let signature = self.party.sign(draft.text.as_bytes());
            content.extend(SIGNATURE_FIELD);
            content.extend(signature);
        }
        content
    }

    /// The message as it goes out: nothing in it but the ciphertext comes from the text.
    pub(super) fn unadorned(&mut self, draft: &Draft, ciphertext: &[u8], message: Node) -> Node {
        let text = draft.text.as_str();
        let preview: String = text.chars().take(PREVIEW_CHARS).collect();
        match self.fault {
            Some(Fault::CiphertextSigned) => {
                let signature = self.party.sign(ciphertext);
                message.children([Node::new("sig").bytes(signature)])
            }
            Some(Fault::NameBesideCiphertext) => {
                let name = STANDARD.encode(&self.name);
                message.children([Node::new("profile").bytes(name)])
            }
            Some(Fault::TextInNotify) => message.attr("notify", preview.as_str()),
            Some(Fault::TextInBase64) => {
                message.children([Node::new("preview").bytes(STANDARD.encode(text))])
            }
            Some(Fault::TextInUtf16) => {
                let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
                message.children([Node::new("preview").bytes(wide)])
            }
            _ => message,
        }
    }

    /// What a faulty client tells others of a text that it sends.
    pub(super) fn betray(&mut self, text: &str) {
        match self.fault {
            Some(Fault::TextInUrl) => {
                let path = format!("/report?last={}", hex::encode(text));
                self.report(HttpRequest::new("GET", &path));
            }
            Some(Fault::TextInHeader) => {
                let escaped = text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
                let mut request = HttpRequest::new("POST", "/report");
                request.headers.push(("x-last-action".to_owned(), escaped));
                self.report(request);
            }
            Some(Fault::TextInCrashReport) => {
                let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
                let report = format!("{{\"event\":\"send\",\"body\":{text:?}}}");
                let packed = gzip.write_all(report.as_bytes()).and_then(|()| gzip.finish());
                let mut request = HttpRequest::new("POST", "/report");
                request.headers.push(("content-encoding".to_owned(), "gzip".to_owned()));
                request.body = packed.unwrap_or_default();
                self.report(request);
            }
            Some(Fault::TextInLogin) => self.last_text = text.to_owned(),
            Some(Fault::TextInLog) => self.log_lines.push(format!("DEBUG send text={text:?}")),
            Some(Fault::TextDeflated) => {
                let mut deflate = DeflateEncoder::new(Vec::new(), Compression::default());
                let packed = deflate.write_all(text.as_bytes()).and_then(|()| deflate.finish());
                let mut request = HttpRequest::new("POST", "/report");
                request.body = STANDARD.encode(packed.unwrap_or_default()).into_bytes();
                self.report(request);
            }
            Some(Fault::NameInLog) => self.log_lines.push(format!("INFO {} sends", self.name)),
            Some(Fault::TextInLogDump) => {
                let dump = text.bytes().map(|byte| format!("{byte:02x} ")).collect::<String>();
                self.log_lines.push(format!("TRACE plaintext {dump}"));
            }
            Some(Fault::TextInLogBytes) => {
                let bytes = text.bytes().map(|byte| format!("\\x{byte:02x}")).collect::<String>();
                self.log_lines.push(format!("TRACE plaintext b\"{bytes}\""));
            }
            Some(Fault::TextInLogEscaped) => {
                let escape = |c: char| format!("\\u{:04x}", u32::from(c));
                let escaped = text.chars().map(escape).collect::<String>();
                self.log_lines.push(format!("{{\"level\":\"debug\",\"text\":\"{escaped}\"}}"));
            }
            _ => {}
        }
    }

    /// What a faulty client tells others of a file that it sends.
    pub(super) fn betray_file(&mut self, file: &FileToSend) {
        match self.fault {
            Some(Fault::FileNameInUrl) => {
                let path = format!("/report?file={}", file.name);
                self.report(HttpRequest::new("GET", &path));
            }
            Some(Fault::FileNameInLog) => {
                self.log_lines.push(format!("DEBUG upload name={:?}", file.name.as_bytes()));
            }
            Some(Fault::FileInReport) => self.report_compressed(&file.bytes),
            Some(Fault::DescriptionInReport) => {
                let mut request = HttpRequest::new("POST", "/report");
                let begun = &file.bytes[..file.bytes.len().min(REPORTED_BYTES)];
                request.body = STANDARD.encode(begun).into_bytes();
                self.report(request);
            }
            _ => {}
        }
    }

    /// What a faulty client tells others of a message with a file that comes in.
    pub(super) fn betray_incoming_file(&mut self, media: &Media) {
        let said = |text: &Option<String>| text.clone().unwrap_or_default();
        match self.fault {
            Some(Fault::ReceivedNameInUrl) => {
                let path = format!("/report?got={}", hex::encode(said(&media.file_name)));
                self.report(HttpRequest::new("GET", &path));
            }
            Some(Fault::ReceivedCaptionInLog) => {
                self.log_lines.push(format!("DEBUG got caption={:?}", said(&media.caption)));
            }
            Some(Fault::ReceivedThumbnailInReport) => {
                let preview = STANDARD.encode(media.thumbnail.as_deref().unwrap_or_default());
                let mut request = HttpRequest::new("POST", "/report");
                request.body = format!("{{\"preview\":\"{preview}\"}}").into_bytes();
                self.report(request);
            }
            _ => {}
        }
    }

    /// What it tells of the file itself, once it is opened.
    pub(super) fn betray_opened_file(&mut self, plain: &[u8]) {
        if self.has(Fault::ReceivedFileInReport) {
            self.report_compressed(plain);
        }
    }

    fn report_compressed(&mut self, bytes: &[u8]) {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        let begun = &bytes[..bytes.len().min(REPORTED_BYTES)];
        let packed = zlib.write_all(begun).and_then(|()| zlib.finish());
        let mut request = HttpRequest::new("POST", "/report");
        request.body = packed.unwrap_or_default();
        self.report(request);
    }

    /// The login payload: a sound client tells the server nothing of what its user wrote.
    pub(super) fn silent_about_texts(&self, mut payload: Vec<u8>) -> Vec<u8> {
        let mut add = |tag: &[u8], text: &str| {
            let text: Vec<u8> = text.bytes().take(NAME_BYTES).collect();
            payload.extend(tag);
            payload.push(text.len() as u8);
            payload.extend(text);
        };
        match self.fault {
            Some(Fault::TextInLogin) if !self.last_text.is_empty() => {
                add(&[PUSH_NAME], &self.last_text);
            }
            Some(Fault::NameInPushName) => add(&[PUSH_NAME], &self.name),
            Some(Fault::NameInLogin) => add(&UNKNOWN_FIELD, &self.name),
            _ => {}
        }
        payload
    }

    /// What a faulty client tells others of who writes to whom.
    pub(super) fn betray_sender(&mut self, message: &Node) {
        match self.fault {
            Some(Fault::SenderNameInReport) => {
                let mut request = HttpRequest::new("POST", "/report");
                let name = message.text("notify").unwrap_or_default();
                request.body = format!("{{\"from\":{name:?}}}").into_bytes();
                self.report(request);
            }
            Some(Fault::NameInUrl) => {
                let path = format!("/report?at={}", hex::encode(&self.name));
                self.report(HttpRequest::new("GET", &path));
            }
            _ => {}
        }
    }

    /// With whom the user wrote last; a deliberate fault shows it.
    pub fn last_peer(&self) -> Option<String> {
        self.threads.all().last().map(|(peer, _)| peer.to_string())
    }

    /// The last text of a conversation; a deliberate fault shows it.
    pub fn last_shown(&self) -> Option<String> {
        self.threads
            .all()
            .filter_map(|(_, item)| match item {
                ThreadItem::Own { text, .. } | ThreadItem::Theirs { text, .. } => {
                    Some(text.clone())
                }
                ThreadItem::Notice(_) => None,
            })
            .last()
    }

    /// What a faulty client writes down of a text that it shows.
    pub(super) fn betray_incoming(&mut self, text: &str) {
        if self.has(Fault::IncomingTextInLog) {
            let digits = hex::encode(text);
            self.log_lines.push(format!("TRACE decrypted {digits}"));
        }
    }

    fn report(&mut self, request: HttpRequest) {
        let base = &self.settings.enlistment_url;
        let end = base.find("://").and_then(|at| Some(at + 3 + base[at + 3..].find('/')?));
        let url = format!("{}{}", &base[..end.unwrap_or(base.len())], request.path);
        self.out.push_back(Output::Fetch { id: REPORT_FETCH, url, request });
    }
}
