//! A Meta client fetches what a third party's message names, through the proxy (TF §5.1.1).

use super::judged::{self, Arrived};
use super::{label, proxy, tag_bytes};
use crate::e2ee::content::{self, Content};
use crate::e2ee::media::{Media, MediaKeys, exif, open};
use crate::e2ee::padding;
use crate::evidence::{Event, Lane, MediaFacts, Payload, RuleFacts, Stream};
use crate::http::{HttpRequest, HttpResponse};
use crate::limits::{FILE_BYTES_MAX, MEDIA_KEYS_REMEMBERED_MAX};
use crate::role::meta::{Fetch, Meta};
use crate::role::{Output, RequestId};

/// A file that a Meta client waits for.
#[derive(Clone, Debug)]
pub(in crate::role::meta) struct Pending {
    pub lane: Lane,
    pub client: String,
    /// Id of the message.
    pub id: String,
    /// Who sent it: address and visible identifier.
    pub from: String,
    pub visible_id: String,
    pub media: Media,
    /// The path that the message names.
    pub path: String,
    /// The key was used for another file before.
    pub repeated_key: bool,
}

impl Meta {
    /// Fetches the file of a message that a Meta client decrypted, if it has one.
    pub(in crate::role::meta) fn follow_media(
        &mut self,
        account: usize,
        client: &str,
        id: &str,
        plaintext: Option<&Payload>,
    ) {
        let Some(media) = plaintext.and_then(media_in) else { return };
        if self.media.proxy_url.is_empty() {
            return;
        }
        let repeated_key = self.remember_key(media.key.as_deref().unwrap_or_default());
        let user = &self.accounts[account];
        let path = media.direct_path.clone().filter(|path| !path.is_empty());
        let path = path.or_else(|| path_of_url(media.url.as_deref()?)).unwrap_or_default();
        let pending = Pending {
            lane: user.user.lane,
            client: client.to_owned(),
            id: id.to_owned(),
            from: user.jid.to_string(),
            visible_id: user.user.visible_id.clone(),
            media,
            path,
            repeated_key,
        };
        if !pending.path.starts_with('/') {
            return self.conclude_media(pending, None);
        }
        let url = format!("{}{}", self.media.proxy_url, pending.path);
        let request = HttpRequest::new("GET", &pending.path);
        self.out.push_back(Output::Claim { path: pending.path.clone() });
        let fetch = self.next_fetch;
        self.next_fetch += 1;
        self.fetches.insert(fetch, Fetch::Media(Box::new(pending)));
        self.out.push_back(Output::Download {
            id: fetch,
            url,
            request,
            bytes_max: FILE_BYTES_MAX,
            http2: false,
        });
    }

    /// The network broke the reading of a file off: what became of it is nobody's fault, so that nothing
    /// is concluded of it.
    pub fn forget_read(&mut self, path: &str) {
        self.fetches
            .retain(|_, fetch| !matches!(fetch, Fetch::Media(pending) if pending.path == path));
    }

    /// True if the key was there before.
    fn remember_key(&mut self, key: &[u8]) -> bool {
        let keys = &mut self.media.keys;
        if keys.iter().any(|known| known == key) {
            return true;
        }
        if keys.len() >= MEDIA_KEYS_REMEMBERED_MAX {
            keys.pop_front();
        }
        keys.push_back(key.to_vec());
        false
    }

    /// Passes a reader's request on to the third party; false if the path is none of the proxy's.
    pub(in crate::role::meta) fn pass_on(&mut self, id: RequestId, request: &HttpRequest) -> bool {
        let form = self.profile.text("media.download_path").unwrap_or_default();
        if form.is_empty() || !request.path.starts_with(proxy::prefix(form)) {
            return false;
        }
        let Self { integrator, .. } = self;
        let asked = proxy::upstream(form, integrator.id, integrator.base_url.as_deref(), request);
        let output = match asked {
            Ok((url, request)) => Output::Relay { id, url, request: self.as_the_proxy(request) },
            Err(response) => Output::Respond { id, response },
        };
        self.out.push_back(output);
        true
    }

    /// Judges what came, and records what the Meta client's user has of it.
    pub(in crate::role::meta) fn conclude_media(
        &mut self,
        pending: Pending,
        result: Option<Result<HttpResponse, String>>,
    ) {
        let form = self.profile.text("media.download_path").unwrap_or_default();
        let named = proxy::named(form, &pending.path);
        let named = named.filter(|named| named.integrator == self.integrator.id.to_string());
        let opened = match &result {
            Some(Ok(answer)) if answer.status == 200 => {
                Some(self.open_file(&pending, &answer.body))
            }
            _ => None,
        };
        if let Some(Ok(answer)) = &result {
            self.search_answer(answer);
        }
        let reference = named.map(|named| named.reference);
        let label = pending.media.kind.map(|kind| label(&self.profile, kind));
        let reference_of = reference.as_deref();
        let arrived = Arrived { pending: &pending, reference: reference_of, result, label, opened };
        let checked = judged::rules(&arrived, &self.media.references);
        self.media.references.extend(reference.clone());
        let facts = facts(&arrived, checked);
        let stream = Stream::client(&pending.client);
        let event = Event::Downloaded { id: pending.id.clone(), from: pending.from.clone(), facts };
        self.record_in(stream, pending.lane, Some(pending.client.clone()), event);
    }

    fn open_file(&self, pending: &Pending, file: &[u8]) -> Result<Vec<u8>, String> {
        let media = &pending.media;
        let key = media.key.as_deref().and_then(|key| <[u8; 32]>::try_from(key).ok());
        let key = key.ok_or("the message has no key of 32 bytes")?;
        let kind = media.kind.ok_or("the message has no kind")?;
        let keys = MediaKeys::expand(&key, &label(&self.profile, kind));
        let opened = open(file, &keys, tag_bytes(&self.profile), &media.digests);
        opened.map_err(|error| error.to_string())
    }
}

fn facts(arrived: &Arrived<'_>, checked: Vec<RuleFacts>) -> MediaFacts {
    let media = &arrived.pending.media;
    let status = match &arrived.result {
        Some(Ok(answer)) => Some(answer.status),
        _ => None,
    };
    let state = match arrived.opened {
        Some(Ok(_)) => "available",
        Some(Err(_)) => "refused",
        None => "failed",
    };
    MediaFacts {
        state: state.to_owned(),
        kind: media.kind.map_or("", |kind| kind.word()).to_owned(),
        path: arrived.pending.path.clone(),
        reference: arrived.reference.map(str::to_owned),
        status,
        mimetype: media.mimetype.clone(),
        caption: media.caption.clone(),
        file_name: media.file_name.clone(),
        thumbnail: media.thumbnail.is_some(),
        len: match &arrived.opened {
            Some(Ok(plain)) => Some(plain.len() as u64),
            _ => None,
        },
        sha256: match &arrived.opened {
            Some(Ok(plain)) => Some(hex::encode(<sha2::Sha256 as sha2::Digest>::digest(plain))),
            _ => None,
        },
        sidecar: arrived.sidecar().map(str::to_owned),
        tells_place: matches!(&arrived.opened, Some(Ok(plain)) if exif::tells_place(plain)),
        checked,
    }
}

fn media_in(padded: &Payload) -> Option<Media> {
    let padded = padded.bytes()?;
    match content::read(padding::strip(&padded).ok()?).ok()? {
        Content::Media(media) => Some(*media),
        _ => None,
    }
}

fn path_of_url(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    rest.find('/').map(|at| rest[at..].to_owned())
}
