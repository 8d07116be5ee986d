//! The room as a whole: between its own ends, against other implementations, against hostile peers.

mod handshake;
mod hostile;
mod patterns;
mod snow;
mod wacore;
