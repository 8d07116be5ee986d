//! The two halves of a login: whether the server is trusted, and what it is told (TF Part 2).

use std::time::Duration;

use prost::Message as _;

use super::ThirdPartyClient;
use super::effect::{Failure, FailureKind, Notification};
use super::link::Stage;
use crate::noise::certificate::{self, ChainError, Rules, Signatures};
use crate::noise::{KeyPair, ServerHelloRead};
use crate::proto::login::ClientPayload;
use crate::proto::login::client_payload::user_agent::AppVersion;
use crate::proto::login::client_payload::{InteropData, UserAgent};
use crate::role::quirk::Fault;
use crate::wire::Node;

/// `connectType` WIFI_UNKNOWN and `connectReason` USER_ACTIVATED (`wire.md` §2).
const CONNECT_TYPE: i32 = 1;
const CONNECT_REASON: i32 = 1;

impl ThirdPartyClient {
    /// NOI-006: every rule of `wire.md` §1.4, but for a deliberate fault.
    pub(super) fn verify(&self, read: &ServerHelloRead) -> Result<(), ChainError> {
        let rules = Rules {
            signatures: self.signatures(),
            leaf_key: !self.has(Fault::CertNotBoundToStatic),
            validity: !self.has(Fault::ExpiredCertAccepted),
        };
        if self.has(Fault::RejectsAll) {
            return Err(ChainError::LeafKey);
        }
        let root = &self.settings.root;
        certificate::verify_with(root, &read.certificate, &read.server_static, self.now, &rules)
    }

    /// Both are verified, but for a deliberate fault.
    fn signatures(&self) -> Signatures {
        match self.fault {
            Some(Fault::CertSignaturesNotChecked | Fault::AcceptsAll) => Signatures::NotRead,
            Some(Fault::CertVerifyResultIgnored) => Signatures::ResultIgnored,
            Some(Fault::CertEmptySignaturePasses) => Signatures::OnlyIfPresent,
            Some(Fault::CertShortSignaturePasses) => Signatures::OnlyIfWhole,
            Some(Fault::CertRootNotAnchored) => Signatures::LeafOnly,
            _ => Signatures::Verified,
        }
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
            account_id: self.enlistment.login.as_ref().map(|login| login.stated(self.fault)),
            token,
            enable_read_receipts: Some(self.tells_reading),
        };
        let payload = ClientPayload {
            passive: Some(false),
            connect_type: Some(CONNECT_TYPE),
            connect_reason: Some(CONNECT_REASON),
            product: Some(self.settings.product.into()),
            user_agent: self.user_agent(),
            interop_data: Some(interop_data),
            ..ClientPayload::default()
        };
        self.silent_about_texts(payload.encode_to_vec())
    }

    /// TRN-012: where the profile has the version in the login payload, and which.
    fn user_agent(&self) -> Option<UserAgent> {
        let field = self.settings.values.text("version.login_field");
        let version = self.stated_version().filter(|_| field == "userAgent.appVersion")?;
        let mut numbers = version.split('.').map(|number| number.parse().ok());
        let mut next = || numbers.next().flatten();
        let app_version = AppVersion {
            primary: next(),
            secondary: next(),
            tertiary: next(),
            quaternary: next(),
            quinary: next(),
        };
        Some(UserAgent { platform: None, app_version: Some(app_version) })
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
            if self.is_deleted() {
                return;
            }
            self.enlistment.stale = true;
            if self.has(Fault::EnlistsWhenReplaced) {
                self.begin_enlisting();
            }
            FailureKind::Unauthenticated
        } else if is("failure.unsupported_version") && self.has(Fault::VersionRefusalRetried)
            || is("failure.banned") && self.has(Fault::BanRetried)
        {
            self.break_link("the server cannot log us in now");
            self.connection.retry_at = Some(self.now.after(Duration::from_millis(50)));
            return;
        } else if is("failure.unsupported_version") {
            FailureKind::UnsupportedVersion
        } else {
            FailureKind::Forbidden
        };
        self.refuse(Failure::new(kind, format!("the server refuses the login: {reason}")));
    }

    /// STZ-017: a replaced session does not fight for its place, and a removed one does not knock
    /// on; whatever else ends a stream may pass by itself.
    pub(super) fn stream_error(&mut self, node: &Node) {
        if self.has(Fault::StreamErrorIgnored) {
            return;
        }
        let code = node.text("code").unwrap_or_default();
        let removed = self.settings.values.code("stream.removed") == code;
        let for_good = node.find("conflict").is_some() || removed;
        let for_good = match self.fault {
            Some(Fault::RestartIsFinal) => true,
            Some(Fault::ConflictRetried) => false,
            _ => for_good,
        };
        if for_good {
            self.notify(Notification::Notice("this session was ended by the server".to_owned()));
            let why = format!("the server ended the session: {code}");
            return self.refuse(Failure::new(FailureKind::Forbidden, why));
        }
        self.break_link(&format!("the server ended the stream: {code}"));
    }
}
