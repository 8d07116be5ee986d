//! The protobuf messages of `proto/`, compiled by `build.rs`.

/// Handshake messages and the server's certificate chain.
pub mod handshake {
    include!(concat!(env!("OUT_DIR"), "/counterpart.handshake.rs"));
}
/// The payload of the client's last handshake message.
pub mod login {
    include!(concat!(env!("OUT_DIR"), "/counterpart.login.rs"));
}
/// What is encrypted end to end.
pub mod content {
    include!(concat!(env!("OUT_DIR"), "/counterpart.content.rs"));
}
/// The Signal messages' outer form, for inspection without keys.
pub mod signal {
    include!(concat!(env!("OUT_DIR"), "/counterpart.signal.rs"));
}
