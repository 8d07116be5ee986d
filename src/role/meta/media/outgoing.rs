//! A Meta client sends a file: it is encrypted, hosted, and named in a message (TF §5.1.2).

use rand::Rng as _;

use super::host::Hosted;
use super::{label, tag_bytes};
use crate::e2ee::media::{Digests, Media, MediaKeys, MediaKind, sample, seal};
use crate::evidence::{Event, Lane, Stream};
use crate::limits::FILES_HOSTED_MAX;
use crate::role::Output;
use crate::role::meta::letter::Letter;
use crate::role::meta::{Meta, Sent};
use crate::scenario::{HostFault, MediaFault};
use crate::seed::Rng;
use sha2::{Digest as _, Sha256};

/// A file to send.
#[derive(Clone, Debug)]
pub struct MediaOrder {
    pub kind: MediaKind,
    pub bytes: usize,
    /// Stands in the file, so that it is found wherever it goes.
    pub word: String,
    pub mimetype: Option<String>,
    pub caption: Option<String>,
    pub name: Option<String>,
    /// The message carries a thumbnail with this word in it.
    pub thumbnail: Option<String>,
    pub fault: Option<MediaFault>,
    pub host: Option<HostFault>,
    /// A URL at which nobody has any business.
    pub honeypot: String,
}

impl Meta {
    /// Sends a file from a Meta client; gives the message and the path of the file.
    ///
    /// # Errors
    /// Why it could not be sent, e.g. that the user has published no keys.
    pub fn send_media(
        &mut self,
        lane: Lane,
        from: &str,
        to: &str,
        order: &MediaOrder,
    ) -> Result<(Sent, String), String> {
        if self.media.hosted.len() >= FILES_HOSTED_MAX {
            return Err("the media host is full".into());
        }
        let mut rng = self.media_rng(lane, from);
        let plain = sample(order.kind, order.bytes, &order.word, &mut rng);
        let path = self.new_path(&mut rng);
        let made = self.make(order, &plain, &path, &mut rng);
        let bare = bare(&path).to_owned();
        self.out.push_back(Output::Claim { path: bare.clone() });
        let hosted = Hosted::new(path, made.file, order.host, order.honeypot.clone());
        self.media.hosted.insert(bare.clone(), hosted);
        let text = order.caption.clone().unwrap_or_default();
        let letter = Letter::of(&text, made.media.encode());
        let sent = self.send_letter(lane, from, to, letter)?;
        let event = Event::MediaSent {
            id: sent.id.clone(),
            path: bare.clone(),
            kind: order.kind.word().to_owned(),
            sha256: hex::encode(Sha256::digest(&plain)),
            len: plain.len() as u64,
        };
        self.record_in(Stream::client(from), lane, Some(from.to_owned()), event);
        Ok((sent, bare))
    }

    fn media_rng(&mut self, lane: Lane, from: &str) -> Rng {
        self.media.files += 1;
        let (number, lane) = (self.media.files.to_string(), format!("{lane:?}"));
        let draw = self.rng.next_u64().to_string();
        self.seed.rng(&["media", &draw, &lane, from, &number])
    }

    /// A path as Meta's host has them: it says nothing, and its query is part of it.
    fn new_path(&self, rng: &mut Rng) -> String {
        let mut bytes = [0; 24];
        rng.fill_bytes(&mut bytes);
        let word = hex::encode(bytes);
        let file =
            format!("62.7118-24/{}_n.enc?oh={}&oe={}", &word[..32], &word[32..40], &word[40..]);
        let template = self.profile.text("media.inbound_path").unwrap_or("/v/t{file}");
        template.replace("{file}", &file)
    }

    fn make(&self, order: &MediaOrder, plain: &[u8], path: &str, rng: &mut Rng) -> Made {
        let mut key = [0; 32];
        rng.fill_bytes(&mut key);
        let kind = match order.fault {
            Some(MediaFault::OtherKind) if order.kind == MediaKind::Video => MediaKind::Image,
            Some(MediaFault::OtherKind) => MediaKind::Video,
            _ => order.kind,
        };
        let keys = MediaKeys::expand(&key, &label(&self.profile, kind));
        let tag = match order.fault {
            Some(MediaFault::LongTag) => 32,
            _ => tag_bytes(&self.profile),
        };
        let (file, sealed) = seal(plain, &keys, tag);
        let media = Media {
            kind: Some(order.kind),
            url: Some(format!("{}{path}", self.own_url)),
            direct_path: Some(path.to_owned()),
            key: Some(key.to_vec()),
            digests: Digests {
                sha256: Some(sealed.sha256.to_vec()),
                enc_sha256: Some(sealed.enc_sha256.to_vec()),
                length: Some(sealed.length),
            },
            mimetype: order.mimetype.clone().or(Some(order.kind.mimetype().to_owned())),
            caption: order.caption.clone(),
            file_name: order.name.clone(),
            thumbnail: order.thumbnail.as_ref().map(|word| thumbnail(word)),
            sidecar: None,
        };
        let made = Made { file, media };
        match order.fault {
            Some(fault) => spoilt(made, fault, plain, &keys, tag, &order.honeypot),
            None => made,
        }
    }
}

/// A path without its query.
pub(super) fn bare(path: &str) -> &str {
    path.split('?').next().unwrap_or_default()
}

fn thumbnail(word: &str) -> Vec<u8> {
    [b"\xff\xd8\xff\xe0\x00\x10JFIF", word.as_bytes(), b"\xff\xd9"].concat()
}

/// A file and the message that names it.
struct Made {
    file: Vec<u8>,
    media: Media,
}

impl Made {
    /// The hash in the message is that of the file as it is now.
    fn hashed(mut self) -> Self {
        self.media.digests.enc_sha256 = Some(Sha256::digest(&self.file).to_vec());
        self
    }
}

fn spoilt(
    mut made: Made,
    fault: MediaFault,
    plain: &[u8],
    keys: &MediaKeys,
    tag: usize,
    honeypot: &str,
) -> Made {
    let flip = |bytes: &mut Vec<u8>, at: usize| {
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1;
        }
    };
    let after_scheme = honeypot.split_once("://").map_or(honeypot, |(_, rest)| rest);
    match fault {
        MediaFault::FlippedBody => {
            flip(&mut made.file, 3);
            return made.hashed();
        }
        MediaFault::FlippedTag => {
            let last = made.file.len().saturating_sub(1);
            flip(&mut made.file, last);
            return made.hashed();
        }
        MediaFault::TagAbsent | MediaFault::TagShort => {
            let less = if fault == MediaFault::TagAbsent { tag } else { 1 };
            made.file.truncate(made.file.len().saturating_sub(less));
            return made.hashed();
        }
        MediaFault::EncryptedHashAbsent => made.media.digests.enc_sha256 = None,
        MediaFault::EncryptedHashEmpty => made.media.digests.enc_sha256 = Some(Vec::new()),
        MediaFault::EncryptedHashShort => shorten(&mut made.media.digests.enc_sha256),
        MediaFault::PlainHashAbsent => made.media.digests.sha256 = None,
        MediaFault::PlainHashEmpty => made.media.digests.sha256 = Some(Vec::new()),
        MediaFault::PlainHashShort => shorten(&mut made.media.digests.sha256),
        MediaFault::Appended => {
            made.file.extend([0x5A; 48]);
            return made.hashed();
        }
        MediaFault::EncryptedHash => {
            made.media.digests.enc_sha256.iter_mut().for_each(|hash| flip(hash, 0));
        }
        MediaFault::PlainHash => {
            made.media.digests.sha256.iter_mut().for_each(|hash| flip(hash, 0));
        }
        MediaFault::OtherFile => {
            let other: Vec<u8> = plain.iter().map(|byte| byte ^ 0x20).collect();
            made.file = seal(&other, keys, tag).0;
        }
        MediaFault::Length => {
            let length = &mut made.media.digests.length;
            *length = length.map(|length| length + 1);
        }
        MediaFault::NoKey => {
            made.file = plain.to_vec();
            made.media.key = None;
            return made.hashed();
        }
        MediaFault::ShortKey => {
            made.media.key.iter_mut().for_each(|key| key.truncate(31));
        }
        // Made with other values.
        MediaFault::OtherKind | MediaFault::LongTag => {}
        MediaFault::ForeignUrl => made.media.url = Some(honeypot.to_owned()),
        MediaFault::PathSlashes => made.media.direct_path = Some(format!("//{after_scheme}")),
        MediaFault::PathUserinfo => made.media.direct_path = Some(format!("@{after_scheme}")),
        MediaFault::PathIsUrl => made.media.direct_path = Some(honeypot.to_owned()),
        MediaFault::NoPath => {
            made.media.direct_path = None;
            made.media.url = Some(honeypot.to_owned());
        }
    }
    made
}

fn shorten(hash: &mut Option<Vec<u8>>) {
    hash.iter_mut().for_each(|hash| hash.truncate(hash.len().saturating_sub(1)));
}
