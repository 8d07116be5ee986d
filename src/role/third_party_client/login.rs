//! The two halves of a login: whether the server is trusted, and what it is told (TF Part 2).

use prost::Message as _;

use super::ThirdPartyClient;
use super::effect::{Failure, FailureKind, Notification};
use super::link::Stage;
use crate::noise::certificate::{self, ChainError, Rules};
use crate::noise::{KeyPair, ServerHelloRead};
use crate::proto::login::ClientPayload;
use crate::proto::login::client_payload::InteropData;
use crate::role::quirk::Fault;
use crate::wire::Node;

/// `connectType` WIFI_UNKNOWN and `connectReason` USER_ACTIVATED (`wire.md` §2).
const CONNECT_TYPE: i32 = 1;
const CONNECT_REASON: i32 = 1;

impl ThirdPartyClient {
    /// NOI-006: every rule of `wire.md` §1.4, but for a deliberate fault.
    pub(super) fn verify(&self, read: &ServerHelloRead) -> Result<(), ChainError> {
        let rules = Rules {
            signatures: !self.has(Fault::CertSignaturesNotChecked),
            leaf_key: !self.has(Fault::CertNotBoundToStatic),
            validity: !self.has(Fault::ExpiredCertAccepted),
        };
        let root = &self.settings.root;
        certificate::verify_with(root, &read.certificate, &read.server_static, self.now, &rules)
    }

    /// NOI-005: the key of the enlistment.
    pub(super) fn login_key(&self) -> KeyPair {
        let again = self.connection.has_been_open() && self.has(Fault::KeyChangesOnReconnect);
        let other = again || self.has(Fault::AuthkeyDiffers);
        self.static_key(if other { "another-noise-static" } else { "noise-static" })
    }

    /// NOI-008: the payload of the last handshake message carries the token.
    pub(super) fn login_payload(&self) -> Vec<u8> {
        let token = self.connection.link.as_ref().map(|link| link.token.clone().into_bytes());
        let token = token.filter(|_| !self.has(Fault::LoginWithoutToken));
        let interop_data = InteropData {
            account_id: self.enlistment.login.as_ref().map(|login| login.account_id),
            token,
            enable_read_receipts: Some(true),
        };
        ClientPayload {
            passive: Some(false),
            connect_type: Some(CONNECT_TYPE),
            connect_reason: Some(CONNECT_REASON),
            product: Some(self.settings.product.into()),
            interop_data: Some(interop_data),
            ..ClientPayload::default()
        }
        .encode_to_vec()
    }

    /// Handles what comes before `<success>`.
    pub(super) fn login_answer(&mut self, node: &Node) {
        match node.tag.as_str() {
            "success" => {
                self.set_stage(Stage::Preparing);
                self.ask_for_count();
            }
            "failure" => self.login_refused(node),
            "stream:error" => self.stream_error(node),
            _ => {}
        }
    }

    /// STZ-017, TRN-013: some reasons pass by themselves, the others do not.
    pub(super) fn login_refused(&mut self, node: &Node) {
        let reason = node.text("reason").unwrap_or_default().into_owned();
        let is = |key: &str| self.settings.values.code(key) == reason;
        let kind = if is("failure.internal") || is("failure.unavailable") {
            return self.break_link(&format!("the server cannot log us in now: {reason}"));
        } else if is("failure.unauthenticated") {
            self.enlistment.stale = true;
            FailureKind::Unauthenticated
        } else if is("failure.unsupported_version") {
            FailureKind::UnsupportedVersion
        } else {
            FailureKind::Forbidden
        };
        self.refuse(Failure::new(kind, format!("the server refuses the login: {reason}")));
    }

    /// A replaced session does not fight for its place, and a revoked one does not knock on.
    pub(super) fn stream_error(&mut self, node: &Node) {
        let code = node.text("code").unwrap_or_default();
        let replaced = node.find("conflict").is_some();
        if replaced || matches!(&*code, "401" | "403" | "405" | "409" | "516") {
            self.notify(Notification::Notice("this session was ended by the server".to_owned()));
            let why = format!("the server ended the session: {code}");
            return self.refuse(Failure::new(FailureKind::Forbidden, why));
        }
        self.break_link(&format!("the server ended the stream: {code}"));
    }
}
