//! The message content that is encrypted: text, replies, reactions, media, and what steers a client.
//!
//! Main type: [`Content`]. Text may stand in two fields, and a companion device wraps what its owner
//! sent (`wire.md` §6.1). What is no text and none of these is [`Content::Unknown`]. The module knows
//! neither padding nor keys, nor whose message a key names: that is for whoever has the thread.

use prost::Message as _;
use thiserror::Error;

use super::media::{self, Media};
use crate::proto::content::{
    ContextInfo, DeviceSentMessage, ExtendedTextMessage, Message, MessageKey, ProtocolMessage,
    ReactionMessage,
};

/// `ProtocolMessage.type` of a revocation (`wire.md` §6.1).
const REVOKE: u32 = 0;
/// Of what only the user's own devices send: history, keys of the app's state (`wire.md` §6.1).
const OWN_DEVICES: std::ops::RangeInclusive<u32> = 5..=7;

/// What a content protobuf says to a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    Text {
        text: String,
        /// The message that it answers.
        reply: Option<Quote>,
    },
    Reaction {
        of: Target,
        /// Empty where an earlier reaction is taken back.
        emoji: String,
    },
    /// An earlier message is taken back.
    Revoke(Target),
    /// A file that lies elsewhere, with what the message says of it.
    Media(Box<Media>),
    /// What only a device of the same user may say.
    OwnDevices,
    /// A valid protobuf of another kind: edits, whatever a later version brings.
    Unknown,
}

/// The message that a reply answers, as the sender tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quote {
    pub id: String,
    /// Who wrote it.
    pub author: Option<String>,
    pub text: Option<String>,
}

/// The message that something is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub id: String,
    /// It was written by who sends this.
    pub from_me: bool,
    /// Address of the chat, as the sender sees it.
    pub chat: String,
}

/// The plaintext is no protobuf of the schema: the sender's fault.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the content is no valid protobuf: {0}")]
pub struct ContentError(#[from] prost::DecodeError);

/// Encodes a plain text message as `conversation` (`wire.md` §6.1).
pub fn text(text: &str) -> Vec<u8> {
    Message { conversation: Some(text.to_owned()), ..Message::default() }.encode_to_vec()
}

/// Encodes a text that answers another message (`wire.md` §6.1, ContextInfo).
pub fn reply(text: &str, to: &Quote) -> Vec<u8> {
    let quoted = Message { conversation: to.text.clone(), ..Message::default() };
    let context = ContextInfo {
        stanza_id: Some(to.id.clone()),
        participant: to.author.clone(),
        quoted_message: Some(Box::new(quoted)),
    };
    let extended = ExtendedTextMessage {
        text: Some(text.to_owned()),
        context_info: Some(Box::new(context)),
        ..ExtendedTextMessage::default()
    };
    let extended = Some(Box::new(extended));
    Message { extended_text_message: extended, ..Message::default() }.encode_to_vec()
}

/// Encodes a text with a link in it as a client sends it that made a preview of the link's page.
pub fn link(text: &str, url: &str) -> Vec<u8> {
    let extended = ExtendedTextMessage {
        text: Some(text.to_owned()),
        matched_text: Some(url.to_owned()),
        title: Some("A page".to_owned()),
        description: Some("What stands on it".to_owned()),
        context_info: None,
    };
    let extended = Some(Box::new(extended));
    Message { extended_text_message: extended, ..Message::default() }.encode_to_vec()
}

/// Encodes a reaction; an empty `emoji` takes it back (`wire.md` §6.1). `at_ms` is Unix time.
pub fn reaction(of: &Target, emoji: &str, at_ms: u64) -> Vec<u8> {
    let reaction = ReactionMessage {
        key: Some(key(of)),
        text: Some(emoji.to_owned()),
        sender_timestamp_ms: i64::try_from(at_ms).ok(),
    };
    Message { reaction_message: Some(reaction), ..Message::default() }.encode_to_vec()
}

/// Encodes the revocation of an earlier message (`wire.md` §6.1).
pub fn revoke(of: &Target) -> Vec<u8> {
    protocol(Some(key(of)), REVOKE)
}

/// Encodes what only a user's own devices send to each other: a notice of history to fetch.
pub fn history_sync() -> Vec<u8> {
    protocol(None, *OWN_DEVICES.start())
}

fn protocol(key: Option<MessageKey>, kind: u32) -> Vec<u8> {
    let protocol = ProtocolMessage { key, r#type: Some(kind) };
    Message { protocol_message: Some(protocol), ..Message::default() }.encode_to_vec()
}

fn key(of: &Target) -> MessageKey {
    MessageKey {
        remote_jid: Some(of.chat.clone()),
        from_me: Some(of.from_me),
        id: Some(of.id.clone()),
        participant: None,
    }
}

/// Reads a message: `conversation`, the extended text, a reaction or a revocation, else what a
/// companion device wrapped. The nesting is bounded by the protobuf decoder.
///
/// # Errors
/// [`ContentError`] if the bytes are no protobuf of the schema.
pub fn read(plaintext: &[u8]) -> Result<Content, ContentError> {
    let mut message = Message::decode(plaintext)?;
    loop {
        if let Some(said) = said(&mut message) {
            return Ok(said);
        }
        match message.device_sent_message.take().and_then(|sent| sent.message) {
            Some(inner) => message = *inner,
            None => return Ok(Content::Unknown),
        }
    }
}

/// Encodes what a user's own device tells the others: that it has sent a text to somebody.
pub fn sent_elsewhere(to: &str, what: &str) -> Vec<u8> {
    let inner = Message { conversation: Some(what.to_owned()), ..Message::default() };
    let wrapper =
        DeviceSentMessage { destination_jid: Some(to.to_owned()), message: Some(Box::new(inner)) };
    let device_sent_message = Some(Box::new(wrapper));
    Message { device_sent_message, ..Message::default() }.encode_to_vec()
}

/// Whom the wrapper of a companion device names, where there is one: the sender's word.
pub fn wrapped_for(plaintext: &[u8]) -> Option<String> {
    Message::decode(plaintext).ok()?.device_sent_message?.destination_jid
}

/// True for a protobuf of the schema that holds more than the schema has.
pub fn has_unknown(plaintext: &[u8]) -> bool {
    let known = Message::decode(plaintext).map(|message| message.encoded_len());
    known.is_ok_and(|len| len < plaintext.len())
}

fn said(message: &mut Message) -> Option<Content> {
    if let Some(text) = message.conversation.take() {
        return Some(Content::Text { text, reply: None });
    }
    if let Some(extended) = message.extended_text_message.take()
        && let Some(text) = extended.text
    {
        return Some(Content::Text { text, reply: extended.context_info.and_then(|c| quote(*c)) });
    }
    if let Some(reaction) = message.reaction_message.take() {
        let of = target(reaction.key?)?;
        return Some(Content::Reaction { of, emoji: reaction.text.unwrap_or_default() });
    }
    if let Some(media) = media::of_message(message).filter(|media| !media.is_empty()) {
        return Some(Content::Media(Box::new(media)));
    }
    let protocol = message.protocol_message.take()?;
    match protocol.r#type.unwrap_or_default() {
        REVOKE => target(protocol.key?).map(Content::Revoke),
        kind if OWN_DEVICES.contains(&kind) => Some(Content::OwnDevices),
        _ => None,
    }
}

/// A context without an id quotes nothing: it may hold mentions only.
fn quote(context: ContextInfo) -> Option<Quote> {
    let text = context.quoted_message.and_then(|quoted| text_of(*quoted));
    Some(Quote { id: context.stanza_id?, author: context.participant, text })
}

fn text_of(message: Message) -> Option<String> {
    let extended = message.extended_text_message.and_then(|extended| extended.text);
    message.conversation.or(extended)
}

fn target(key: MessageKey) -> Option<Target> {
    Some(Target {
        id: key.id?,
        from_me: key.from_me.unwrap_or_default(),
        chat: key.remote_jid.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(text: &str) -> Result<Content, ContentError> {
        Ok(Content::Text { text: text.to_owned(), reply: None })
    }

    fn extended(text: &str) -> Message {
        let inner =
            ExtendedTextMessage { text: Some(text.to_owned()), ..ExtendedTextMessage::default() };
        Message { extended_text_message: Some(Box::new(inner)), ..Message::default() }
    }

    fn sent_by_companion(message: Message) -> Message {
        let wrapper = DeviceSentMessage {
            destination_jid: Some("12-5@interop".to_owned()),
            message: Some(Box::new(message)),
        };
        Message { device_sent_message: Some(Box::new(wrapper)), ..Message::default() }
    }

    fn target() -> Target {
        Target { id: "A1".to_owned(), from_me: false, chat: "12-5@interop".to_owned() }
    }

    #[test]
    fn text_is_the_field_conversation() {
        // Field 1, length-delimited: 0x0a, then the length (protobuf encoding, `wire.md` §6.1).
        assert_eq!(text("hi"), b"\x0a\x02hi");
        assert_eq!(read(b"\x0a\x02hi"), said("hi"));
    }

    #[test]
    fn a_wrapper_names_a_user_and_its_text_is_read_without_it() {
        let wrapped = sent_elsewhere("12-5@interop", "hi");
        assert_eq!(read(&wrapped), said("hi"));
        assert_eq!(wrapped_for(&wrapped).as_deref(), Some("12-5@interop"));
        assert_eq!(wrapped_for(&text("hi")), None);
        assert_eq!(wrapped_for(b"\xff"), None);
    }

    #[test]
    fn extended_and_wrapped_text_is_text() {
        assert_eq!(read(&extended("hi").encode_to_vec()), said("hi"));
        assert_eq!(read(&sent_by_companion(extended("hi")).encode_to_vec()), said("hi"));
        assert_eq!(read(&link("see u", "u")), said("see u"));
        assert_eq!(
            read(&sent_by_companion(Message::default()).encode_to_vec()),
            Ok(Content::Unknown)
        );
    }

    #[test]
    fn a_reply_names_what_it_answers() {
        let quote = Quote {
            id: "A1".to_owned(),
            author: Some("15550001@s.whatsapp.net".to_owned()),
            text: Some("first".to_owned()),
        };
        let content = Content::Text { text: "second".to_owned(), reply: Some(quote.clone()) };
        assert_eq!(read(&reply("second", &quote)), Ok(content));
        // Field 6, in it the text (1) and the context (17) with id (1) and quoted message (3).
        let bare = Quote { id: "A".to_owned(), ..Quote::default() };
        assert_eq!(reply("t", &bare), b"\x32\x0b\x0a\x01t\x8a\x01\x05\x0a\x01A\x1a\x00");
    }

    #[test]
    fn reactions_and_revocations_name_a_message() {
        let reacted = Content::Reaction { of: target(), emoji: "👍".to_owned() };
        assert_eq!(read(&reaction(&target(), "👍", 7)), Ok(reacted));
        let taken_back = Content::Reaction { of: target(), emoji: String::new() };
        assert_eq!(read(&reaction(&target(), "", 7)), Ok(taken_back));
        assert_eq!(read(&revoke(&target())), Ok(Content::Revoke(target())));
        assert_eq!(read(&history_sync()), Ok(Content::OwnDevices));
        // Field 46 is 0xf2 0x02; without a key it is about nothing.
        assert_eq!(read(b"\xf2\x02\x00"), Ok(Content::Unknown));
        // 14 is an edit, which this version does not show.
        assert_eq!(read(&protocol(Some(key(&target())), 14)), Ok(Content::Unknown));
    }

    #[test]
    fn other_content_is_unknown_and_garbage_is_an_error() {
        // Field 26, a sticker that lies nowhere.
        assert_eq!(read(b"\xd2\x01\x02\x0a\x00"), Ok(Content::Unknown));
        assert_eq!(read(b""), Ok(Content::Unknown));
        assert!(read(b"\x0a\x05hi").is_err());
        assert!(read(b"\x0a\x02\xff\xff").is_err(), "text is UTF-8");
    }

    proptest! {
        #[test]
        fn any_text_survives(text: String) {
            prop_assert_eq!(read(&super::text(&text)), said(&text));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = read(&bytes);
        }
    }
}
