//! Files that the user sends: encrypted under a key of their own, uploaded to the own server, named in
//! a message by the path of Meta's proxy (TF §5.1.1).
//!
//! Main type: [`Uploading`]. A file goes out encrypted or not at all, and its message after it.

use rand::Rng as _;

use super::ThirdPartyClient;
use super::effect::{CallId, Failure, FailureKind, Output};
use super::mismedia;
use super::send::{Draft, Origin};
use crate::e2ee::media::{Digests, Media, MediaKeys, MediaKind, Sidecar, SidecarForm, exif, seal};
use crate::role::quirk::Fault;
use crate::wire::Jid;

/// Uploads that may be under way.
const UPLOADS_MAX: usize = 64;

/// A file to send.
#[derive(Clone, Debug, PartialEq)]
pub struct FileToSend {
    pub kind: MediaKind,
    pub bytes: Vec<u8>,
    /// Its name without any folder.
    pub name: String,
    pub caption: Option<String>,
}

/// A file on its way to the own server.
pub(super) struct Uploading {
    call: CallId,
    to: Jid,
    media: Media,
    caption: String,
}

impl ThirdPartyClient {
    pub(super) fn send_media(&mut self, call: CallId, to: Jid, file: FileToSend) {
        let caption = file.caption.clone().unwrap_or_default();
        let fits = self.sendable(&to, &caption).and_then(|()| self.fits(file.bytes.len()));
        if let Err(failure) = fits {
            return self.done(call, Err(failure));
        }
        self.betray_file(&file);
        let file = self.without_place(file);
        let (media, sealed) = self.encrypted(&file);
        let bytes = match self.has(Fault::MediaSentInClear) {
            true => file.bytes,
            false => sealed,
        };
        let mimetype = media.mimetype.clone().unwrap_or_default();
        self.uploads.insert(call, Uploading { call, to, media, caption });
        let name = file.name;
        self.out.push_back(Output::Upload { call, bytes, mimetype, name });
    }

    /// MED-022: a picture tells nobody where it was taken; a document is sent as it is.
    fn without_place(&self, file: FileToSend) -> FileToSend {
        if file.kind != MediaKind::Image || self.has(Fault::MediaPlaceKept) {
            return file;
        }
        FileToSend { bytes: exif::without_exif(&file.bytes), ..file }
    }

    /// MED-021: what is too long is refused before it goes anywhere.
    fn fits(&self, len: usize) -> Result<(), Failure> {
        let limit = self.settings.values.size("media.bytes_max");
        let short = self.has(Fault::MediaLimitShort) && len == limit;
        if short || (len > limit && !self.has(Fault::MediaLimitUnchecked)) {
            return Err(Failure::new(FailureKind::Limit, "the file is too long"));
        }
        if self.uploads.len() >= UPLOADS_MAX {
            return Err(Failure::new(FailureKind::Limit, "too many files are on their way"));
        }
        Ok(())
    }

    /// MED-016: a fresh key for each file, expanded by its kind.
    fn encrypted(&mut self, file: &FileToSend) -> (Media, Vec<u8>) {
        let mut key = [0; 32];
        let mut rng = match self.has(Fault::MediaKeyReused) {
            true => self.rng("media-key"),
            false => self.media_rng.clone(),
        };
        rng.fill_bytes(&mut key);
        if !self.has(Fault::MediaKeyReused) {
            self.media_rng = rng;
        }
        let kind = match self.has(Fault::MediaLabelOfImages) {
            true => MediaKind::Image,
            false => file.kind,
        };
        let keys = MediaKeys::expand(&key, self.settings.values.text(kind.label_key()));
        let tag = match self.has(Fault::MediaTagWhole) {
            true => 32,
            false => self.settings.values.size("media.mac_bytes"),
        };
        let (sealed, said) = seal(&file.bytes, &keys, tag);
        let streams = matches!(file.kind, MediaKind::Video | MediaKind::Audio | MediaKind::Voice);
        let sidecar = streams.then(|| {
            let mut sidecar = Sidecar::new(&keys, SidecarForm::WithoutIv);
            sidecar.update(&sealed);
            sidecar.finish()
        });
        let pictured = matches!(file.kind, MediaKind::Image | MediaKind::Video);
        let media = Media {
            kind: Some(file.kind),
            key: Some(key.to_vec()),
            digests: Digests {
                sha256: Some(said.sha256.to_vec()),
                enc_sha256: Some(said.enc_sha256.to_vec()),
                length: Some(said.length),
            },
            mimetype: Some(FileToSend::mimetype(file.kind, &file.name).to_owned()),
            caption: file.caption.clone(),
            file_name: (file.kind == MediaKind::Document).then(|| file.name.clone()),
            thumbnail: pictured.then(|| file.bytes.iter().take(64).copied().collect()),
            sidecar,
            ..Media::default()
        };
        (media, sealed)
    }

    /// The own server has stored a file, or has not; then the message goes out.
    pub fn uploaded(
        &mut self,
        now: crate::clock::UnixMs,
        call: CallId,
        stored: Result<String, String>,
    ) {
        self.now = now;
        let Some(Uploading { call, to, mut media, caption }) = self.uploads.remove(&call) else {
            return;
        };
        let reference = match stored {
            Ok(reference) => reference,
            Err(why) => {
                let failure = Failure::new(FailureKind::Unavailable, why);
                self.done(call, Err(failure));
                return self.tick();
            }
        };
        // MED-003: the path of Meta's proxy, with the own integrator's id.
        let form = self.settings.values.text("media.download_path");
        let path = form
            .replace("{integrator}", &self.settings.integrator.to_string())
            .replace("{reference}", &reference);
        media.direct_path = Some(mismedia::path(self.fault, path, &media));
        let id = self.message_id();
        self.contents.insert((to.bare(), id.clone()), media.encode());
        self.references.insert(id.clone(), reference);
        self.clear_beside = mismedia::beside(self.fault, &media).map(|node| (id.clone(), node));
        self.dispatch(Draft { id, to, text: caption, origin: Origin::User(call) });
        self.tick();
    }
}

impl FileToSend {
    /// The media type of a file: that of its kind, but for a document, where its name tells.
    pub fn mimetype(kind: MediaKind, name: &str) -> &'static str {
        let end = name.rsplit('.').next().unwrap_or_default();
        match (kind, end) {
            (MediaKind::Document, "html") => "text/html",
            (MediaKind::Document, "pdf") => "application/pdf",
            (MediaKind::Document, "txt") => "text/plain",
            _ => kind.mimetype(),
        }
    }
}
