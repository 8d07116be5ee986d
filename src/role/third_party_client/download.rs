//! Files that others send: fetched from Meta's media host by the path in the message, and shown only
//! once all that the message says of them is true (TF §5.1.2; MED-017 to MED-020).
//!
//! Main type: [`Download`]. The host is the configured one, whatever a URL says. A file that could not
//! be had is asked for a few times, with pauses; one that is not there, or not what it should be, is
//! not asked for again.

use std::time::Duration;

use super::effect::{FileState, Notification, Output};
use super::threads::ThreadItem;
use super::{ThirdPartyClient, mismedia};
use crate::clock::UnixMs;
use crate::e2ee::media::{KEY_BYTES, Media, MediaKeys, MediaKind, sealed_len};
use crate::http::{HttpRequest, HttpResponse};
use crate::limits::{DOWNLOADS_MAX, FILE_NAME_CHARS_MAX, RETRY_AFTER_S_MAX};
use crate::role::FetchId;
use crate::role::quirk::Fault;
use crate::stanza::message::Message;
use crate::wire::Jid;

/// Requests for one file; fewer than open clients make (`wire.md` §7).
const TRIES: u32 = 3;
/// Pause before the second request; it doubles.
const PAUSE: Duration = Duration::from_secs(2);
/// Longest wait for a file.
const WAIT: Duration = Duration::from_secs(60);
/// Enlistments count their requests from 0.
const FIRST_FETCH: FetchId = 1 << 32;
/// What a faulty client asks for, instead of giving up.
const FOR_EVER: Duration = Duration::from_secs(20);

/// A file that is being fetched.
pub(super) struct Download {
    from: Jid,
    id: String,
    media: Media,
    name: String,
    url: String,
    tries: u32,
    fetch: Option<FetchId>,
    /// When the next request is due, or the current one is given up.
    pub at: UnixMs,
    /// What broken answers brought; only a fault keeps it.
    kept: Vec<u8>,
}

/// How a request came out.
enum Came {
    File(Vec<u8>),
    /// Asking again may help, after this pause at least.
    Later(Option<Duration>),
    /// Asking again would not help.
    Never,
    Elsewhere(String),
}

impl ThirdPartyClient {
    /// Tells the user of a message with a file, and begins to fetch it.
    pub(super) fn present_media(&mut self, message: &Message, media: Media) {
        self.betray_incoming_file(&media);
        let (from, id) = (message.peer.bare(), message.id.clone());
        let kind = media.kind.unwrap_or(MediaKind::Document);
        if self.has(Fault::VoiceNotShown) && kind == MediaKind::Voice {
            return self.notice(&from, "a message of a kind that this version cannot show");
        }
        let name = match self.has(Fault::FileNameRaw) {
            true => {
                format!("{id}-{}", media.file_name.clone().unwrap_or_default().replace('/', ":"))
            }
            false => safe_name(&id, kind, media.file_name.as_deref()),
        };
        let caption = media.caption.clone().filter(|_| !self.has(Fault::CaptionLost));
        let text = caption.clone().unwrap_or_default();
        self.threads.push(&from, ThreadItem::Theirs { id: id.clone(), from: from.clone(), text });
        let told = Notification::File {
            from: from.clone(),
            id: id.clone(),
            kind,
            name: name.clone(),
            caption,
        };
        self.notify(told);
        let Some(url) = self.url_of(&media) else {
            return self.file_is(&id, FileState::Refused);
        };
        if self.downloads.len() >= DOWNLOADS_MAX {
            return self.file_is(&id, FileState::Failed);
        }
        let (tries, fetch, at, kept) = (0, None, self.now, Vec::new());
        self.downloads.push(Download { from, id, media, name, url, tries, fetch, at, kept });
    }

    /// MED-018, MED-019: the configured host and the path of the message, which begins with one slash.
    fn url_of(&self, media: &Media) -> Option<String> {
        let base = self.settings.media_url.trim_end_matches('/');
        if self.has(Fault::MediaUrlFetched)
            && let Some(url) = media.url.clone()
        {
            return Some(url);
        }
        let path = media.direct_path.as_deref()?;
        if self.has(Fault::MediaPathJoined) {
            return Some(joined(base, path));
        }
        let sound = path.starts_with('/')
            && !path.starts_with("//")
            && !path.contains(['\\', '#', ' '])
            && !path.chars().any(char::is_control);
        let path = match self.has(Fault::MediaQueryDropped) {
            true => path.split('?').next().unwrap_or_default(),
            false => path,
        };
        let usable = self.has(Fault::MediaKeyDecides)
            || media.key.as_ref().is_some_and(|key| key.len() == KEY_BYTES);
        (sound && usable && !base.is_empty()).then(|| format!("{base}{path}"))
    }

    /// Makes the requests that are due, and gives up those that take too long.
    pub(super) fn look_after_downloads(&mut self) {
        let now = self.now;
        let due: Vec<String> =
            self.downloads.iter().filter(|d| d.at <= now).map(|d| d.id.clone()).collect();
        for id in due {
            let Some(at) = self.downloads.iter().position(|download| download.id == id) else {
                continue;
            };
            if self.downloads[at].fetch.take().is_some() {
                if self.has(Fault::MediaWaitedForEver) {
                    self.downloads[at].at = now.after(WAIT * 1000);
                    continue;
                }
                self.try_later(at, None);
            } else {
                self.ask_for_file(at);
            }
        }
    }

    fn ask_for_file(&mut self, at: usize) {
        self.fetches_of_files += 1;
        let id = FIRST_FETCH + self.fetches_of_files;
        let until = self.now.after(WAIT);
        let limit = self.settings.values.int("media.bytes_max");
        let tag = self.settings.values.size("media.mac_bytes");
        let download = &mut self.downloads[at];
        (download.fetch, download.at) = (Some(id), until);
        download.tries += 1;
        let length = download.media.digests.length.unwrap_or(limit).min(limit);
        // Twice the file, so that one that is too long is seen to be so.
        let bytes_max = usize::try_from(sealed_len(length, tag)).unwrap_or(usize::MAX);
        let bytes_max = bytes_max.saturating_mul(2).saturating_add(4096);
        let (url, request) = (download.url.clone(), HttpRequest::new("GET", ""));
        self.out.push_back(Output::Download { id, url, request, bytes_max });
    }

    /// Takes an answer in; false if it is none to a request for a file.
    pub(super) fn file_answered(
        &mut self,
        id: FetchId,
        result: &Result<HttpResponse, String>,
    ) -> bool {
        if id < FIRST_FETCH {
            return false;
        }
        let at = self.downloads.iter().position(|download| download.fetch == Some(id));
        let Some(at) = at else { return id != FetchId::MAX };
        self.downloads[at].fetch = None;
        if result.is_err() && self.has(Fault::MediaCutTaken) {
            // What had come by then is not ours to see; such a client shows it.
            let name = self.downloads[at].name.clone();
            self.out.push_back(Output::Save { name, bytes: vec![0] });
            self.give_up(at, FileState::Available);
            return true;
        }
        match self.read_file(at, result) {
            Came::File(file) => self.check_file(at, file),
            Came::Later(pause) => self.try_later(at, pause),
            Came::Never if self.has(Fault::MediaGoneRetried) => {
                self.downloads[at].at = self.now.after(FOR_EVER);
            }
            Came::Never => self.give_up(at, FileState::Failed),
            Came::Elsewhere(url) => {
                self.downloads[at].url = url;
                self.ask_for_file(at);
            }
        }
        true
    }

    fn read_file(&mut self, at: usize, result: &Result<HttpResponse, String>) -> Came {
        let answer = match result {
            Ok(answer) => answer,
            Err(_) => {
                if self.has(Fault::MediaRetryAppends) {
                    // As much as such a client has of the first half; its bytes are not ours to see.
                    self.downloads[at].kept.push(0);
                }
                return Came::Later(None);
            }
        };
        match answer.status {
            200 => Came::File([&self.downloads[at].kept[..], &answer.body].concat()),
            301..=308 if self.has(Fault::MediaRedirectFollowed) => {
                answer.header("location").map_or(Came::Never, |to| Came::Elsewhere(to.to_owned()))
            }
            429 | 500.. => {
                let wait = answer.header("retry-after").and_then(|text| text.parse().ok());
                let wait = wait.filter(|_| !self.has(Fault::MediaRetryAfterIgnored));
                let wait = wait.map(|s: u64| Duration::from_secs(s.min(RETRY_AFTER_S_MAX)));
                Came::Later(wait)
            }
            _ => Came::Never,
        }
    }

    /// MED-020: a few times, with growing pauses, and never before the server wants it.
    fn try_later(&mut self, at: usize, pause: Option<Duration>) {
        let tries = if self.has(Fault::MediaTriedOften) { 4 * TRIES } else { TRIES };
        let download = &mut self.downloads[at];
        let own = PAUSE * 2_u32.saturating_pow(download.tries.saturating_sub(1));
        download.at = self.now.after(pause.unwrap_or_default().max(own));
        if download.tries >= tries {
            self.give_up(at, FileState::Failed);
        }
    }

    /// MED-017: hash and tag before anything is written, the plain hash before anything is shown.
    fn check_file(&mut self, at: usize, file: Vec<u8>) {
        let media = self.downloads[at].media.clone();
        let Some(plain) = self.opened_file(&media, &file) else {
            if self.has(Fault::MediaRetryAppends) && !self.downloads[at].kept.is_empty() {
                return self.try_later(at, None);
            }
            return self.give_up(at, FileState::Refused);
        };
        let name = self.downloads[at].name.clone();
        self.betray_opened_file(&plain);
        self.out.push_back(Output::Save { name, bytes: plain });
        let sound = || {
            let keys = self.keys_of(&media)?;
            let tag = self.settings.values.size("media.mac_bytes");
            mismedia::opened(None, &file, &keys, tag, &media).ok()
        };
        if self.has(Fault::MediaReleasedEarly) && sound().is_none() {
            return self.give_up(at, FileState::Refused);
        }
        self.give_up(at, FileState::Available);
    }

    fn opened_file(&self, media: &Media, file: &[u8]) -> Option<Vec<u8>> {
        if media.key.is_none() && self.has(Fault::MediaKeyDecides) {
            return Some(file.to_vec());
        }
        let keys = self.keys_of(media)?;
        let tag = self.settings.values.size("media.mac_bytes");
        mismedia::opened(self.fault, file, &keys, tag, media).ok()
    }

    fn keys_of(&self, media: &Media) -> Option<MediaKeys> {
        let key = <[u8; KEY_BYTES]>::try_from(media.key.as_deref()?).ok()?;
        let label = self.settings.values.text(media.kind?.label_key());
        Some(MediaKeys::expand(&key, label))
    }

    /// The end of a download, good or bad; the user sees it.
    fn give_up(&mut self, at: usize, state: FileState) {
        let download = self.downloads.remove(at);
        if state != FileState::Available {
            let text = "a file could not be shown";
            self.threads.push(&download.from, ThreadItem::Notice(text.to_owned()));
        }
        self.file_is(&download.id, state);
    }

    fn file_is(&mut self, id: &str, state: FileState) {
        if state == FileState::Available || !self.has(Fault::MediaFailureHidden) {
            self.notify(Notification::FileState { id: id.to_owned(), state });
        }
    }
}

/// ABU-008: letters, digits and few signs, so that no name looks like another or leads anywhere.
fn safe_name(id: &str, kind: MediaKind, named: Option<&str>) -> String {
    let fallback = format!("file.{}", ending(kind));
    let named = named.filter(|name| !name.is_empty()).unwrap_or(&fallback);
    let safe = |c: char| c.is_ascii_alphanumeric() || "-_ .".contains(c);
    let named: String = named.chars().map(|c| if safe(c) { c } else { '_' }).collect();
    let cut = named.chars().count().saturating_sub(FILE_NAME_CHARS_MAX);
    let named: String = named.chars().skip(cut).collect();
    format!("{id}-{}", named.trim_start_matches('.'))
}

fn ending(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Image => "jpg",
        MediaKind::Video => "mp4",
        MediaKind::Audio => "m4a",
        MediaKind::Voice => "ogg",
        MediaKind::Document => "bin",
        MediaKind::Sticker => "webp",
    }
}

/// A deliberate fault: the path is taken as a reference that may lead to another host.
fn joined(base: &str, path: &str) -> String {
    match path.strip_prefix("//") {
        Some(rest) => format!("http://{rest}"),
        None if path.contains("://") => path.to_owned(),
        None => format!("{base}{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_looks_like_another_or_leads_anywhere() {
        let named = |name: &str| safe_name("A1", MediaKind::Document, Some(name));
        assert_eq!(named("plan.pdf"), "A1-plan.pdf");
        assert_eq!(named("ann\u{202e}gpj.exe"), "A1-ann_gpj.exe");
        assert_eq!(named("a.jpg\0.exe"), "A1-a.jpg_.exe");
        assert_eq!(named("../../etc/passwd"), "A1-_.._etc_passwd");
        assert_eq!(named(""), "A1-file.bin");
        assert!(named(&"x".repeat(1000)).len() < 120);
    }
}
