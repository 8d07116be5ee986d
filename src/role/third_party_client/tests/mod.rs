//! The client against hand-made stanzas; [`bench`] is the server's end of the line.

mod asides;
mod bench;
mod connecting;
mod enlisting;
mod files;
mod receiving;
mod restarting;
mod sending;
