//! The closed list of profile keys with their types: a value under any other key is a mistake.
//!
//! Main type: [`Key`] (the registry [`ALL`]). Knows no values; those stand in
//! `scenarios/profiles/`. Every key may also be `null`, which says that the value is not known and
//! makes what depends on it not testable (`interfaces.md` §1).

/// What a key's value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Text,
    /// A whole number, not negative.
    Number,
    /// One of some numbers.
    OneOf(&'static [u64]),
    /// A list of texts.
    Texts,
    /// One of some words.
    Choice(&'static [&'static str]),
    /// A list of some words.
    Words(&'static [&'static str]),
    /// Bytes in hexadecimal digits.
    Hex,
}

/// One value that the harness and the implementation must agree on.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    pub name: &'static str,
    pub form: Form,
    pub doc: &'static str,
}

const fn key(name: &'static str, form: Form, doc: &'static str) -> Key {
    Key { name, form, doc }
}

/// Every key there is, by area.
pub const ALL: &[Key] = &[
    key(
        "transport.plain_http",
        Form::Choice(&["tolerated", "refused"]),
        "what an http base URL of the third party means for the TLS rows",
    ),
    key("noise.prologue_hex", Form::Hex, "the intro header, which is also the Noise prologue"),
    key("noise.patterns", Form::Words(&["XX", "IK", "XXfallback"]), "handshake patterns in use"),
    key(
        "noise.dialect",
        Form::Choice(&["meta", "standard"]),
        "`meta` does not mix an empty payload while no key is set",
    ),
    key("noise.deadline_s", Form::Number, "how long a client may wait for a handshake message"),
    key(
        "version.enlist_argument",
        Form::Text,
        "argument of the enlistment call that carries the protocol version",
    ),
    key(
        "version.login_field",
        Form::Choice(&["userAgent.appVersion"]),
        "field of the login payload that carries the protocol version",
    ),
    key("version.value", Form::Text, "the protocol version that a client states"),
    key(
        "login.product",
        Form::Choice(&["WHATSAPP", "MESSENGER", "INTEROP", "INTEROP_MSGR"]),
        "product that the login payload names",
    ),
    key(
        "login.authenticated_by",
        Form::Choice(&["token", "companion"]),
        "what proves a login: the third party's token, or registered companion keys",
    ),
    key(
        "login.account_id",
        Form::Choice(&["digits-after-hyphen"]),
        "how `interopData.accountId` follows from the login",
    ),
    key(
        "login.token",
        Form::Choice(&["compact-utf8"]),
        "which bytes of the token `interopData.token` holds",
    ),
    key("meta_user.jid", Form::Text, "address of a Meta user; `{digits}` stands for the number"),
    key("enlistment.path", Form::Text, "path of Meta's enlistment API"),
    key(
        "enlistment.failure_reasons",
        Form::Texts,
        "values of `reason` that the API is known to answer",
    ),
    key(
        "enlistment.retries_max",
        Form::Number,
        "calls that a client may make by itself after one that failed",
    ),
    key(
        "enlistment.lifetime_days",
        Form::Number,
        "days without a connection after which the server un-enlists",
    ),
    key("jwks.path", Form::Text, "path of the third party's key set"),
    key("jwks.fetch_period_s", Form::Number, "time between two fetches of that key set by Meta"),
    key("jwt.algorithms", Form::Texts, "signature algorithms allowed in the third party's tokens"),
    key("jwt.subject_claim", Form::Text, "claim with the user-visible identifier"),
    key("jwt.issuer", Form::Text, "`iss` that is required; where null, a missing claim warns"),
    key("jwt.audience", Form::Text, "`aud` that is required; where null, a missing claim warns"),
    key("jwt.claims", Form::Texts, "claims that a token needs; any other one warns"),
    key("jwt.leeway_s", Form::Number, "skew between two clocks that is forgiven"),
    key("jwt.lifetime_s_max", Form::Number, "longest life of a token; a longer one warns"),
    key("push.path", Form::Text, "path of the third party's wake-up call, below its base URL"),
    key("push.iss", Form::Text, "`iss` of Meta's push tokens"),
    key("push.algorithm", Form::Text, "signature algorithm of Meta's push tokens"),
    key("push.lifetime_s", Form::Number, "life of Meta's push tokens"),
    key("push.keys_max_age_s", Form::Number, "`max-age` of Meta's published push keys"),
    key("push.reconnect_s", Form::Number, "time from an accepted push to the client's reconnect"),
    key(
        "signal.version",
        Form::OneOf(&[3, 4]),
        "message version of the Signal Protocol: 3 is X3DH, 4 is PQXDH",
    ),
    key("signal.prefix_byte", Form::Number, "type byte before a key where the signature covers it"),
    key("signal.kdf_info", Form::Text, "info string of the key agreement's HKDF"),
    key(
        "signal.mac_order",
        Form::Choice(&["sender-first", "initiator-first"]),
        "which identity key comes first in the associated data",
    ),
    key("signal.skipped_max", Form::Number, "messages that may be skipped in one chain"),
    key(
        "prekeys.low_stock",
        Form::Number,
        "one-time prekeys at the server below which a client refills",
    ),
    key(
        "prekeys.rotation_days_max",
        Form::Number,
        "days after which a client has replaced its signed prekey",
    ),
    key("prekeys.upload_batch", Form::Number, "one-time prekeys in one upload"),
    key(
        "prekeys.kem_element",
        Form::Text,
        "element of a bundle that holds a KEM prekey, with the children of a signed prekey",
    ),
    key("retry.count_max", Form::Number, "retry receipts for one message"),
    key(
        "failure.unauthenticated",
        Form::Number,
        "reason of `<failure>` for a login that is not accepted",
    ),
    key(
        "failure.unsupported_version",
        Form::Number,
        "reason of `<failure>` for a protocol version that is not supported",
    ),
    key("failure.banned", Form::Number, "reason of `<failure>` for a temporary ban"),
    key("failure.internal", Form::Number, "reason of `<failure>` for a fault of the server"),
    key(
        "failure.unavailable",
        Form::Number,
        "reason of `<failure>` for a server that is overloaded",
    ),
    key(
        "failure.replaced",
        Form::Text,
        "type of `<conflict>` for a connection that a newer one replaced",
    ),
    key(
        "stream.removed",
        Form::Number,
        "code of `<stream:error>` for a session that may not come back",
    ),
    key("stream.restart", Form::Number, "code of `<stream:error>` that asks to connect again"),
    key(
        "stream.unavailable",
        Form::Number,
        "code of `<stream:error>` for a server that is overloaded",
    ),
    key("ping.client_xmlns", Form::Text, "namespace of a client's ping"),
    key("ping.server_xmlns", Form::Text, "namespace of the server's ping"),
    key(
        "liveness.question",
        Form::Choice(&["ping", "notification"]),
        "by what a client is asked where only its answer shows something",
    ),
    key(
        "message.taken_by",
        Form::Choice(&["ack", "receipt"]),
        "what says that a message was taken: its ack, or its delivery receipt as well",
    ),
    key(
        "privacy.readreceipts",
        Form::Text,
        "the setting of native accounts that their clients ask for before a read receipt",
    ),
    key(
        "iq.unknown_code",
        Form::Number,
        "code with which Meta's side refuses a request that it does not know; null: an empty result",
    ),
    key("ping.interval_s_max", Form::Number, "longest silence before a client pings"),
    key("typing.element", Form::Text, "element of a typing indicator"),
    key("typing.on", Form::Text, "its child for somebody who types"),
    key("typing.off", Form::Text, "its child for somebody who has stopped"),
    key(
        "typing.expires_s_max",
        Form::Number,
        "longest time for which an indicator without a sequel is shown",
    ),
    key("blocklist.xmlns", Form::Text, "namespace of the blocklist's get and set"),
    key("deletion.xmlns", Form::Text, "namespace of the deletion request"),
    key("deletion.element", Form::Text, "child of the deletion request"),
    key("reachability.xmlns", Form::Text, "namespace in which reachability is announced"),
    key("reachability.element", Form::Text, "child that names the user to whom it is announced"),
    key("reachability.per_user_max", Form::Number, "announcements to one user"),
    key("mailbox.retention_days", Form::Number, "days that a message waits for an offline client"),
    key("limits.frame_bytes", Form::Number, "longest frame payload"),
    key("limits.inflated_bytes", Form::Number, "largest stanza after inflation"),
    key("limits.text_bytes", Form::Number, "longest text of a message"),
    key("media.download_path", Form::Text, "path in a message for media at the third party"),
    key(
        "media.inbound_path",
        Form::Text,
        "path in a message for media at Meta; `{file}` stands for its name",
    ),
    key("media.bytes_max", Form::Number, "largest media file"),
    key("media.mac_bytes", Form::Number, "length of the tag at the end of an encrypted file"),
    key("media.label_image", Form::Text, "label of the key expansion of images and stickers"),
    key("media.label_video", Form::Text, "label of the key expansion of videos"),
    key("media.label_audio", Form::Text, "label of the key expansion of audio and voice"),
    key("media.label_document", Form::Text, "label of the key expansion of documents"),
    key(
        "media.proxy_memory_mib_max",
        Form::Number,
        "memory that a media proxy may take for a file of any length",
    ),
    key(
        "media.proxy_wait_s",
        Form::Number,
        "how long a media proxy may wait for a third party that says nothing",
    ),
    key("media.tries_max", Form::Number, "requests that a client makes for one file by itself"),
    key(
        "media.exif",
        Form::Choice(&["stripped", "kept"]),
        "what becomes of the place that a picture tells in its EXIF data when it is sent as one",
    ),
    key(
        "media.download_auth",
        Form::Choice(&["none", "token"]),
        "how Meta's media proxy shows who it is; `token` is one like that of a push",
    ),
    key(
        "robustness.memory_mib_max",
        Form::Number,
        "memory in MiB that a process may take during one case",
    ),
    key(
        "robustness.descriptors_max",
        Form::Number,
        "descriptors that a process may open during one case",
    ),
];

/// The key of this name.
pub fn find(name: &str) -> Option<&'static Key> {
    ALL.iter().find(|key| key.name == name)
}

/// The names, for suggestions and lists.
pub fn names() -> Vec<&'static str> {
    ALL.iter().map(|key| key.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of every file below a folder, without what stands in tests.
    fn texts(folder: &std::path::Path, of: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let own = path.ends_with("spec/key.rs") || path.ends_with("scenarios/profiles");
            let end = path.extension().and_then(|end| end.to_str());
            if path.is_dir() && !own && name != "tests" {
                texts(&path, of);
            } else if !own && name != "tests.rs" && matches!(end, Some("rs" | "yaml")) {
                let text = std::fs::read_to_string(&path).unwrap();
                of.push(text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned());
            }
        }
    }

    #[test]
    fn every_key_has_a_reader_or_cannot_be_changed() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut all = Vec::new();
        for folder in ["src", "scenarios"] {
            texts(&root.join(folder), &mut all);
        }
        let fixed: Vec<&str> = crate::spec::fixed::keys().collect();
        for key in ALL {
            let forms = [format!("\"{}\"", key.name), format!("profile.{}}}", key.name)];
            let read = |text: &&String| forms.iter().any(|form| text.contains(form));
            let known = fixed.contains(&key.name) || all.iter().any(|text| read(&text));
            assert!(known, "nothing reads `{}`", key.name);
        }
    }

    #[test]
    fn names_are_unique() {
        for (n, key) in ALL.iter().enumerate() {
            assert!(!ALL[..n].iter().any(|earlier| earlier.name == key.name), "{}", key.name);
            assert!(find(key.name).is_some());
        }
    }
}
