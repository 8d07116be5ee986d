//! Between what a user means and the content protobuf: padding, replies, and what each kind of
//! content does when it comes (`wire.md` §5.4, §6.1).
//!
//! What a protobuf says of others is the sender's word: a message is taken back by who sent it and by
//! nobody else, and a quote is no more than a reference.

use super::ThirdPartyClient;
use super::effect::{CallId, Failure, FailureKind, Notification, Output};
use super::send::{Draft, Origin};
use crate::e2ee::content::{self, Content, Quote};
use crate::e2ee::padding;
use crate::http::HttpRequest;
use crate::role::FetchId;
use crate::role::quirk::Fault;
use crate::stanza::message::Message;
use crate::stanza::receipt;
use crate::wire::{Jid, Node};

/// Longer than any content but one that was made to exhaust a stack.
const DEEP_BYTES: usize = 20_000;
/// Names the request of a fault; enlistments count from 0.
const LINK_FETCH: FetchId = FetchId::MAX;

impl ThirdPartyClient {
    /// MSG-007: the answer names the message, its author and its text.
    pub(super) fn reply(&mut self, call: CallId, to: Jid, text: String, reply_to: &str) {
        let quote = match self.sendable(&to, &text).and_then(|()| self.quote(&to, reply_to)) {
            Ok(quote) => quote,
            Err(failure) => return self.done(call, Err(failure)),
        };
        let id = self.message_id();
        let content = match self.has(Fault::ReplyLosesQuote) {
            true => content::text(&text),
            false => content::reply(&text, &quote),
        };
        self.contents.insert((to.bare(), id.clone()), content);
        self.dispatch(Draft { id, to, text, origin: Origin::User(call) });
    }

    fn quote(&self, with: &Jid, id: &str) -> Result<Quote, Failure> {
        let unknown = || Failure::new(FailureKind::NotFound, "there is no such message");
        let own = self.threads.is_own(with, id).ok_or_else(unknown)?;
        let own_jid = || self.enlistment.login.as_ref().map(|login| login.jid.bare());
        let text = match own {
            true => self.threads.own_text(with, id),
            false => self.threads.incoming(id).map(|(_, text)| text),
        };
        let mine = own != self.has(Fault::ReplyNamesWrongAuthor);
        let author = if mine { own_jid() } else { Some(with.bare()) };
        Ok(Quote {
            id: id.to_owned(),
            author: author.map(|jid| jid.to_string()),
            text: text.map(str::to_owned),
        })
    }

    /// What a draft holds: its own content where it has one, else its text.
    pub(super) fn content_of(&self, draft: &Draft) -> Vec<u8> {
        let own = self.contents.get(&(draft.to.bare(), draft.id.clone()));
        if self.has(Fault::ContentIsBareText) {
            return draft.text.clone().into_bytes();
        }
        let trimmed = self.has(Fault::TextTrimmed);
        let text = if trimmed { draft.text.trim() } else { &draft.text };
        own.cloned().unwrap_or_else(|| content::text(text))
    }

    /// MSG-020: so that nobody learns the length of a text from that of its ciphertext.
    pub(super) fn padded(&mut self, content: &[u8]) -> Vec<u8> {
        if self.has(Fault::PaddingAbsent) {
            return content.to_vec();
        }
        if self.has(Fault::PaddingConstant) {
            return [content, &[1]].concat();
        }
        padding::pad(content, &mut self.paddings)
    }

    /// MSG-012: what is no padded protobuf of the schema is no content.
    pub(super) fn read_content(&mut self, padded: &[u8]) -> Option<Content> {
        let plain = match padding::strip(padded) {
            Ok(plain) => plain,
            Err(_) => {
                self.stricken |= self.has(Fault::PaddingPanics);
                return None;
            }
        };
        let content = content::read(plain);
        match content {
            Ok(_)
                if self.has(Fault::UnknownFieldsOfContentRefused)
                    && content::has_unknown(plain) =>
            {
                None
            }
            Ok(content) => {
                self.wrapped_for = content::wrapped_for(plain).and_then(|jid| jid.parse().ok());
                Some(content)
            }
            Err(_) => self.misread(plain),
        }
    }

    /// What a faulty client makes of an invalid protobuf.
    fn misread(&mut self, plain: &[u8]) -> Option<Content> {
        self.stricken |= self.has(Fault::DeepContentOverflows) && plain.len() > DEEP_BYTES;
        if self.has(Fault::InvalidContentReceipted) {
            return Some(Content::Unknown);
        }
        if !self.has(Fault::InvalidContentShown) {
            return None;
        }
        // As a decoder does that stops at what it cannot read and gives what it has.
        let (head, rest) = plain.split_at_checked(2)?;
        let text = rest.get(..usize::from(head[1]))?;
        let text = String::from_utf8_lossy(text).into_owned();
        Some(Content::Text { text, reply: None })
    }

    /// MSG-011: a kind that is not known is told of and receipted.
    pub(super) fn present(&mut self, message: &Message, content: Content) {
        match content {
            Content::Text { text, reply } => self.show_text(message, text, reply),
            Content::Reaction { of, emoji } => self.reacted(message, &of, emoji),
            Content::Revoke(of) => self.revoked(message, &of.id),
            Content::Media(media) => self.present_media(message, *media),
            Content::OwnDevices => self.told_as_own_device(message),
            Content::Unknown => {
                self.notice(&message.peer, "a message of a kind that this version cannot show");
            }
        }
    }

    fn show_text(&mut self, message: &Message, text: String, reply: Option<Quote>) {
        let whole = !self.has(Fault::TextCutAtNul);
        let text = if whole { text } else { text.split('\0').next().unwrap_or_default().into() };
        self.note_time(message);
        self.follow_link(&text);
        self.stopped_typing(&message.peer);
        let known = |quote: &Quote| self.threads.is_own(&message.peer, &quote.id).is_some();
        if self.has(Fault::UnknownQuoteDropped) && reply.as_ref().is_some_and(|q| !known(q)) {
            return;
        }
        let text = self.beside(message).unwrap_or(text);
        match reply.filter(|_| !self.has(Fault::ReplyShownPlain)) {
            Some(quote) => self.show_reply(message, text, quote.id),
            None => {
                let shown = self.sender_of(message);
                self.show(&shown, &message.id, text);
            }
        }
    }

    /// Who is shown: who sent it; a deliberate fault believes a wrapper.
    fn sender_of(&mut self, message: &Message) -> Jid {
        let named = self.wrapped_for.take().filter(|_| self.has(Fault::WrapperTrusted));
        named.unwrap_or_else(|| message.peer.clone())
    }

    fn show_reply(&mut self, message: &Message, text: String, reply_to: String) {
        let (from, id) = (message.peer.bare(), message.id.clone());
        self.keep(&from, &id, &text);
        self.notify(Notification::Reply { from, id, text, reply_to });
    }

    /// Only its sender takes a message back.
    fn revoked(&mut self, message: &Message, id: &str) {
        const TAKEN_BACK: &str = "a message was taken back";
        let author = self.threads.incoming(id).map(|(from, _)| from.clone());
        let from = match author {
            Some(author) if self.has(Fault::RevokeFromAnybody) => author,
            _ => message.peer.clone(),
        };
        if self.threads.revoke(&from, id, TAKEN_BACK) {
            self.notify(Notification::Notice(TAKEN_BACK.to_owned()));
        }
    }

    /// Nobody else is a device of this user, so there is nothing to do.
    fn told_as_own_device(&mut self, message: &Message) {
        if self.has(Fault::OwnDeviceMessageObeyed) {
            let done = receipt::delivered(&message.id, &message.peer).attr("type", "hist_sync");
            self.send(&done);
        }
    }

    /// A deliberate fault: an element in clear rules over what was encrypted.
    pub(super) fn obeys_clear_control(&self, message: &Message) -> bool {
        let says = |tag: &str| message.others.iter().any(|node| node.tag == tag);
        self.has(Fault::ClearControlObeyed) && says("unavailable")
    }

    /// A deliberate fault: the gate for what is not encrypted knows bodies only.
    pub(super) fn show_clear_plaintext(&mut self, message: &Message) {
        let clear = message.others.iter().find(|node| node.tag == "plaintext");
        let content = clear.and_then(Node::body).and_then(|bytes| content::read(bytes).ok());
        if let (true, Some(Content::Text { text, .. })) = (self.has(Fault::GateMissesOne), content)
        {
            self.show(&message.peer, &message.id, text);
        }
    }

    /// A deliberate fault: the text in clear beside a ciphertext.
    fn beside(&self, message: &Message) -> Option<String> {
        let body = message.others.iter().find(|node| node.tag == "body")?;
        let text = || String::from_utf8_lossy(body.body().unwrap_or_default()).into_owned();
        self.has(Fault::ClearBodyPreferred).then(text)
    }

    /// A deliberate fault: whatever looks like a link is fetched.
    fn follow_link(&mut self, text: &str) {
        let parts = |word: &'_ str| {
            let (scheme, rest) = word.split_once("://")?;
            let path = rest.find('/').map_or("/", |at| &rest[at..]).to_owned();
            matches!(scheme, "http" | "https").then(|| (word.to_owned(), path))
        };
        let link = text.split_whitespace().find_map(parts);
        if let (true, Some((url, path))) = (self.has(Fault::LinksFetched), link) {
            let request = HttpRequest::new("GET", &path);
            self.out.push_back(Output::Fetch { id: LINK_FETCH, url, request });
        }
    }

    fn note_time(&mut self, message: &Message) {
        if self.has(Fault::FutureTimestampPins)
            && let Some(t) = message.t
        {
            self.times.insert((message.peer.bare(), message.id.clone()), t);
        }
    }
}
