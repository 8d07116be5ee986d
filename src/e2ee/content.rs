//! The message content that is encrypted: text, and everything else as [`Content::Unknown`].
//!
//! Text may stand in two fields, and a companion device wraps what its owner sent (`wire.md` §6.1).
//! The module knows neither padding nor keys.

use prost::Message as _;
use thiserror::Error;

use crate::proto::content::Message;

/// What a content protobuf says to a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    Text(String),
    /// A valid protobuf without text: media, receipts, whatever a later version brings.
    Unknown,
}

/// The plaintext is no protobuf of the schema: the sender's fault.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the content is no valid protobuf: {0}")]
pub struct ContentError(#[from] prost::DecodeError);

/// Encodes a plain text message as `conversation` (`wire.md` §6.1).
pub fn text(text: &str) -> Vec<u8> {
    Message { conversation: Some(text.to_owned()), ..Message::default() }.encode_to_vec()
}

/// Reads the text of a message: `conversation`, else the extended text, else the message that a
/// companion device wrapped. The nesting is bounded by the protobuf decoder.
///
/// # Errors
/// [`ContentError`] if the bytes are no protobuf of the schema.
pub fn read(plaintext: &[u8]) -> Result<Content, ContentError> {
    let mut message = Message::decode(plaintext)?;
    loop {
        let extended = message.extended_text_message.take().and_then(|extended| extended.text);
        if let Some(text) = message.conversation.take().or(extended) {
            return Ok(Content::Text(text));
        }
        match message.device_sent_message.take().and_then(|sent| sent.message) {
            Some(inner) => message = *inner,
            None => return Ok(Content::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::proto::content::{DeviceSentMessage, ExtendedTextMessage};

    fn extended(text: &str) -> Message {
        let inner = ExtendedTextMessage { text: Some(text.to_owned()) };
        Message { extended_text_message: Some(inner), ..Message::default() }
    }

    fn sent_by_companion(message: Message) -> Message {
        let wrapper = DeviceSentMessage {
            destination_jid: Some("12-5@interop".to_owned()),
            message: Some(Box::new(message)),
        };
        Message { device_sent_message: Some(Box::new(wrapper)), ..Message::default() }
    }

    #[test]
    fn text_is_the_field_conversation() {
        // Field 1, length-delimited: 0x0a, then the length (protobuf encoding, `wire.md` §6.1).
        assert_eq!(text("hi"), b"\x0a\x02hi");
        assert_eq!(read(b"\x0a\x02hi"), Ok(Content::Text("hi".to_owned())));
    }

    #[test]
    fn extended_and_wrapped_text_is_text() {
        let said = Ok(Content::Text("hi".to_owned()));
        assert_eq!(read(&extended("hi").encode_to_vec()), said);
        assert_eq!(read(&sent_by_companion(extended("hi")).encode_to_vec()), said);
        assert_eq!(
            read(&sent_by_companion(Message::default()).encode_to_vec()),
            Ok(Content::Unknown)
        );
    }

    #[test]
    fn other_content_is_unknown_and_garbage_is_an_error() {
        // Field 3, an image message with a URL.
        assert_eq!(read(b"\x1a\x03\x0a\x01u"), Ok(Content::Unknown));
        assert_eq!(read(b""), Ok(Content::Unknown));
        assert!(read(b"\x0a\x05hi").is_err());
        assert!(read(b"\x0a\x02\xff\xff").is_err(), "text is UTF-8");
    }

    proptest! {
        #[test]
        fn any_text_survives(said: String) {
            prop_assert_eq!(read(&text(&said)), Ok(Content::Text(said)));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = read(&bytes);
        }
    }
}
