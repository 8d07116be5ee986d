//! The part of `waproto` 0.7.0 that `wacore-libsignal` 0.7.0 and `wacore-noise` 0.7.0 use: the
//! messages of the Signal Protocol, the records of its sessions, and the Noise handshake.
//!
//! The published crate compiles WhatsApp's whole schema, 200 kB of it, in every first build; these
//! are the thirteen messages that are read here. `README.md` says how the code was generated.

pub use buffa;

/// The messages and their views.
#[rustfmt::skip]
#[allow(
    dead_code, non_camel_case_types, non_snake_case, unreachable_patterns, unused_imports,
    unused_qualifications, clippy::all
)]
pub mod whatsapp {
    include!("messages.rs");

    pub mod __buffa {
        use super::*;
        pub mod view {
            use super::*;
            include!("views.rs");
        }
    }

    pub use __buffa::view::{
        CertChainOwnedView, CertChainView, HandshakeMessageOwnedView, HandshakeMessageView,
        IdentityKeyPairStructureOwnedView, IdentityKeyPairStructureView,
        PreKeyRecordStructureOwnedView, PreKeyRecordStructureView,
        PreKeySignalMessageOwnedView, PreKeySignalMessageView,
        RecordStructureOwnedView, RecordStructureView,
        SenderKeyDistributionMessageOwnedView, SenderKeyDistributionMessageView,
        SenderKeyMessageOwnedView, SenderKeyMessageView,
        SenderKeyRecordStructureOwnedView, SenderKeyRecordStructureView,
        SenderKeyStateStructureOwnedView, SenderKeyStateStructureView,
        SessionStructureOwnedView, SessionStructureView,
        SignalMessageOwnedView, SignalMessageView,
        SignedPreKeyRecordStructureOwnedView, SignedPreKeyRecordStructureView,
    };
}

/// The number of every field, for partial decoders.
pub mod tags;

/// Encoding and decoding of the records that are stored, and of the handshake.
pub mod codec {
    use buffa::{DecodeError, Message};

    use crate::whatsapp::cert_chain::noise_certificate::Details;
    use crate::whatsapp::{
        CertChain, HandshakeMessage, PreKeyRecordStructure, SenderKeyRecordStructure,
        SignedPreKeyRecordStructure,
    };

    pub fn pre_key_record_decode(bytes: &[u8]) -> Result<PreKeyRecordStructure, DecodeError> {
        Message::decode_from_slice(bytes)
    }

    pub fn pre_key_record_to_vec(record: &PreKeyRecordStructure) -> Vec<u8> {
        record.encode_to_vec()
    }

    pub fn signed_pre_key_record_decode(
        bytes: &[u8],
    ) -> Result<SignedPreKeyRecordStructure, DecodeError> {
        Message::decode_from_slice(bytes)
    }

    pub fn signed_pre_key_record_to_vec(record: &SignedPreKeyRecordStructure) -> Vec<u8> {
        record.encode_to_vec()
    }

    pub fn sender_key_record_decode(bytes: &[u8]) -> Result<SenderKeyRecordStructure, DecodeError> {
        Message::decode_from_slice(bytes)
    }

    pub fn sender_key_record_to_vec(record: &SenderKeyRecordStructure) -> Vec<u8> {
        record.encode_to_vec()
    }

    pub fn handshake_message_decode(bytes: &[u8]) -> Result<HandshakeMessage, DecodeError> {
        Message::decode_from_slice(bytes)
    }

    pub fn handshake_message_to_vec(message: &HandshakeMessage) -> Vec<u8> {
        message.encode_to_vec()
    }

    pub fn cert_chain_decode(bytes: &[u8]) -> Result<CertChain, DecodeError> {
        Message::decode_from_slice(bytes)
    }

    pub fn noise_certificate_details_decode(bytes: &[u8]) -> Result<Details, DecodeError> {
        Message::decode_from_slice(bytes)
    }
}
