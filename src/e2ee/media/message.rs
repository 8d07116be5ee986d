//! The content protobuf of a media message (`wire.md` §6.1).
//!
//! Main type: [`Media`]. Five messages with other field numbers say nearly the same; here they are
//! one. What a message leaves out is `None`: whether that may be is for whoever receives it.

use prost::Message as _;

use super::{Digests, MediaKind};
use crate::proto::content::{
    AudioMessage, DocumentMessage, ImageMessage, Message, StickerMessage, VideoMessage,
};

/// What a message says of its file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Media {
    /// `None` only in a value that is being made.
    pub kind: Option<MediaKind>,
    pub url: Option<String>,
    pub direct_path: Option<String>,
    pub key: Option<Vec<u8>>,
    pub digests: Digests,
    pub mimetype: Option<String>,
    pub caption: Option<String>,
    pub file_name: Option<String>,
    pub thumbnail: Option<Vec<u8>>,
    pub sidecar: Option<Vec<u8>>,
}

impl Media {
    /// Encodes it as the message of its kind; an image where it has none.
    pub fn encode(&self) -> Vec<u8> {
        self.message().encode_to_vec()
    }

    fn message(&self) -> Message {
        let it = self.clone();
        let Digests { sha256, enc_sha256, length } = it.digests;
        match self.kind.unwrap_or(MediaKind::Image) {
            MediaKind::Image => Message {
                image_message: Some(ImageMessage {
                    url: it.url,
                    mimetype: it.mimetype,
                    caption: it.caption,
                    file_sha256: sha256,
                    file_length: length,
                    media_key: it.key,
                    file_enc_sha256: enc_sha256,
                    direct_path: it.direct_path,
                    jpeg_thumbnail: it.thumbnail,
                }),
                ..Message::default()
            },
            MediaKind::Video => Message {
                video_message: Some(VideoMessage {
                    url: it.url,
                    mimetype: it.mimetype,
                    caption: it.caption,
                    file_sha256: sha256,
                    file_length: length,
                    media_key: it.key,
                    file_enc_sha256: enc_sha256,
                    direct_path: it.direct_path,
                    jpeg_thumbnail: it.thumbnail,
                    streaming_sidecar: it.sidecar,
                }),
                ..Message::default()
            },
            kind @ (MediaKind::Audio | MediaKind::Voice) => Message {
                audio_message: Some(AudioMessage {
                    url: it.url,
                    mimetype: it.mimetype,
                    file_sha256: sha256,
                    file_length: length,
                    ptt: (kind == MediaKind::Voice).then_some(true),
                    media_key: it.key,
                    file_enc_sha256: enc_sha256,
                    direct_path: it.direct_path,
                    streaming_sidecar: it.sidecar,
                }),
                ..Message::default()
            },
            MediaKind::Document => Message {
                document_message: Some(DocumentMessage {
                    url: it.url,
                    mimetype: it.mimetype,
                    caption: it.caption,
                    file_sha256: sha256,
                    file_length: length,
                    media_key: it.key,
                    file_enc_sha256: enc_sha256,
                    direct_path: it.direct_path,
                    file_name: it.file_name,
                    jpeg_thumbnail: it.thumbnail,
                }),
                ..Message::default()
            },
            MediaKind::Sticker => Message {
                sticker_message: Some(StickerMessage {
                    url: it.url,
                    mimetype: it.mimetype,
                    file_sha256: sha256,
                    file_length: length,
                    media_key: it.key,
                    file_enc_sha256: enc_sha256,
                    direct_path: it.direct_path,
                }),
                ..Message::default()
            },
        }
    }

    /// True where it names no file at all: a kind that holds nothing to show.
    pub fn is_empty(&self) -> bool {
        let path = self.direct_path.as_deref().unwrap_or_default();
        path.is_empty() && self.url.as_deref().unwrap_or_default().is_empty()
    }
}

/// What kind of file a message holds, and what it says of it; taken out of the message.
pub(in crate::e2ee) fn of_message(message: &mut Message) -> Option<Media> {
    image(message)
        .or_else(|| video(message))
        .or_else(|| audio(message))
        .or_else(|| document(message))
        .or_else(|| sticker(message))
}

fn image(message: &mut Message) -> Option<Media> {
    let it = message.image_message.take()?;
    Some(Media {
        kind: Some(MediaKind::Image),
        url: it.url,
        direct_path: it.direct_path,
        key: it.media_key,
        digests: digests(it.file_sha256, it.file_enc_sha256, it.file_length),
        mimetype: it.mimetype,
        caption: it.caption,
        thumbnail: it.jpeg_thumbnail,
        ..Media::default()
    })
}

fn video(message: &mut Message) -> Option<Media> {
    let it = message.video_message.take()?;
    Some(Media {
        kind: Some(MediaKind::Video),
        url: it.url,
        direct_path: it.direct_path,
        key: it.media_key,
        digests: digests(it.file_sha256, it.file_enc_sha256, it.file_length),
        mimetype: it.mimetype,
        caption: it.caption,
        thumbnail: it.jpeg_thumbnail,
        sidecar: it.streaming_sidecar,
        ..Media::default()
    })
}

fn audio(message: &mut Message) -> Option<Media> {
    let it = message.audio_message.take()?;
    let voice = it.ptt == Some(true);
    Some(Media {
        kind: Some(if voice { MediaKind::Voice } else { MediaKind::Audio }),
        url: it.url,
        direct_path: it.direct_path,
        key: it.media_key,
        digests: digests(it.file_sha256, it.file_enc_sha256, it.file_length),
        mimetype: it.mimetype,
        sidecar: it.streaming_sidecar,
        ..Media::default()
    })
}

fn document(message: &mut Message) -> Option<Media> {
    let it = message.document_message.take()?;
    Some(Media {
        kind: Some(MediaKind::Document),
        url: it.url,
        direct_path: it.direct_path,
        key: it.media_key,
        digests: digests(it.file_sha256, it.file_enc_sha256, it.file_length),
        mimetype: it.mimetype,
        caption: it.caption,
        file_name: it.file_name,
        thumbnail: it.jpeg_thumbnail,
        ..Media::default()
    })
}

fn sticker(message: &mut Message) -> Option<Media> {
    let it = message.sticker_message.take()?;
    Some(Media {
        kind: Some(MediaKind::Sticker),
        url: it.url,
        direct_path: it.direct_path,
        key: it.media_key,
        digests: digests(it.file_sha256, it.file_enc_sha256, it.file_length),
        mimetype: it.mimetype,
        ..Media::default()
    })
}

fn digests(sha256: Option<Vec<u8>>, enc_sha256: Option<Vec<u8>>, length: Option<u64>) -> Digests {
    Digests { sha256, enc_sha256, length }
}
