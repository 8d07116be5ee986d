//! What to do about a refusal: one piece of advice each, in a developer's words.
//!
//! Only texts. Facts of the wire come from `wire.md`, by section; the requirement itself is told
//! in the catalogue's words beside them.

pub const INTRO: &str = "Send the four bytes of the profile's `noise.prologue_hex` once, raw, \
    before the first frame; an edge-routing prefix may stand before them. The same four bytes are \
    the prologue of the handshake (wire.md §1.1).";
pub const HELLO: &str = "Behind the intro comes one frame: three bytes of length, then a \
    HandshakeMessage with clientHello.ephemeral of 32 bytes and nothing else of the handshake \
    (wire.md §1.2, §1.3).";
pub const FINISH: &str = "The two transcripts differ. Compare after each message: the protocol \
    name, the prologue (the intro header), the order e / e, ee, s, es / s, se, the counter of the \
    cipher, and that what was received is mixed into the hash as it came, still encrypted \
    (wire.md §1.2).";
pub const FRAME: &str = "After the handshake each direction has a key of its own, a counter that \
    starts at 0 and steps by 1 for each frame, no associated data, and a nonce of four zero bytes \
    and the counter in eight big-endian bytes (wire.md §1.2).";
pub const FRAMES: &str = "A frame begins with its length in three big-endian bytes. A length that \
    large mostly means that the stream is read or written out of step; before the login no frame \
    is longer than a handshake message.";
pub const HALF_OPEN: &str = "Finish the handshake and log in at once; connections that do not are \
    given up so that they take no place from others.";
pub const NOT_READING: &str = "Read what the server sends while you send: its queue for you is \
    bounded.";
pub const WEBSOCKET: &str = "A connection that begins with `G` is taken for the upgrade of a \
    WebSocket (RFC 6455 §4.1). Raw TCP begins with the intro header.";
pub const PAYLOAD: &str = "The payload of the last handshake message is a ClientPayload protobuf \
    (wire.md §2).";
pub const PRODUCT: &str =
    "Set ClientPayload.product to the profile's `login.product` (wire.md §2).";
pub const ENLIST: &str = "Enlist first, then log in with the number behind the hyphen of the \
    `login` that the enlistment gave. The user `ready` of the greeting is enlisted already.";
pub const STATIC_KEY: &str = "Use the key pair whose public half was `authkey` in the enlistment as \
    the static key of every handshake, and keep it across restarts.";
pub const NO_TOKEN: &str = "Put the third-party server's token, as text, into \
    ClientPayload.interopData.token (wire.md §2).";
pub const POST: &str = "Send the form in the body of an HTTP POST.";
pub const NO_USER: &str = "Nobody is named by the token, or a fault is in force: `faults` tells. \
    This counterpart takes every user whom a valid token names, up to a bound.";
pub const PATHS: &str = "The paths that are served are";
pub const CODEC: &str = "Decrypt your own frame and decode it as wire.md §3 has it: first the byte \
    of flags, then one list. The bytes are shown above.";
pub const MESSAGE: &str = "A message has `id`, `to` and at least one <enc v type> (wire.md §4.6).";
pub const UPLOAD: &str = "An upload has <registration> of 4 bytes, <type> 05, <identity> of 32, \
    <list> of <key> with <id> of 3 and <value> of 32, and <skey> with a <signature> of 64 \
    (wire.md §4.4).";
pub const IQ: &str = "An iq has `id`, `type` and, as a request, `xmlns` (wire.md §4.2).";
pub const NO_BUNDLE: &str = "Without keys nothing can be encrypted: tell the user, and send nothing \
    in clear. `users` lists who has keys here.";
pub const REPLACED: &str = "One connection an account: do not reconnect after a conflict, or two \
    clients with one login will push each other out for ever.";

/// What to do about a rule of tokens.
pub fn token(rule: &str) -> &'static str {
    match rule {
        "JWT-004" => "Sign with an algorithm of the profile's `jwt.algorithms`.",
        "JWT-005" => "Name in `kid` the key of your published set that signed.",
        "JWT-006" => {
            "Sign `header.payload` with the key that stands in your published set. Without \
             --server only the stand-in's tokens are valid here: `token` prints a fresh one."
        }
        "JWT-007" => "Name the user in the claim of the profile's `jwt.subject_claim`.",
        "JWT-008" => "Set `iss` to the issuer of the greeting.",
        "JWT-009" => "Set `aud` to the profile's `jwt.audience`.",
        "JWT-010" => "Get a fresh token for each login: `token` prints one, `token_url` gives one.",
        _ => "Compare the token, decoded, with what the requirement says.",
    }
}

/// What to do about a rule of the enlistment form.
pub fn form(rule: &str) -> &'static str {
    match rule {
        "ENL-004" => {
            "Send authkey, e_keytype, e_regid, e_ident, e_skey_id, e_skey_val, e_skey_sig and \
             token, each once."
        }
        "ENL-005" => "Check the decoded lengths: 32, 1, 4, 32, 3, 32 and 64 bytes.",
        "ENL-006" => "Encode with `-` and `_` and without `=`.",
        "ENL-007" => "e_keytype is the byte 05, `BQ`.",
        "ENL-008" => {
            "Sign the byte 05 and the 32 bytes of e_skey_val with the private half of e_ident, by \
             XEdDSA."
        }
        _ => "Compare the form with TF §1.2.2.",
    }
}

/// What to do about a message that does not decrypt, by the reason.
pub fn decryption(reason: &str) -> &'static str {
    if reason.contains("no session") {
        "The counterpart has no session with you; it forgets all when it is restarted. Drop yours, \
         fetch the keys again and send a pkmsg."
    } else if reason.contains("names") {
        "Name the prekeys of the bundle that you fetched last; each one-time prekey serves once."
    } else if reason.contains("MAC") {
        "Check the order of identities in the MAC (sender first), the derivation of the keys \
         (wire.md §5.3), and that the version byte is part of what is authenticated."
    } else if reason.contains("before") {
        "Every message has a key of its own: never encrypt or send under one counter twice."
    } else if reason.contains("padding") {
        "Append n bytes of value n, 1 to 16, before you encrypt (wire.md §5.4)."
    } else if reason.contains("content") || reason.contains("protobuf") {
        "The plaintext is a Message protobuf, with the text in field 1 (wire.md §6.1)."
    } else {
        "Compare header and derivation with wire.md §5.2 and §5.3."
    }
}
