//! Stanzas whose own bytes are wrong on purpose, in frames that are sound.
//!
//! Main function: [`malformed`]. Everything is taken from a stanza that would be right, so that the
//! one thing that is wrong with it is the fault (`wire.md` §3; STZ-008, STZ-021). What the client
//! makes of it shows as with a bad frame: it answers the ping behind it, or closes.

use super::Meta;
use super::channel::{Channel, State};
use crate::evidence::{Event, Lane};
use crate::scenario::BytesFault;
use crate::wire::{Content, Node, binary};

/// Bytes of a malformed stanza that the transcript shows.
const SHOWN_BYTES: usize = 64;
/// Levels of a stanza that is nested too deep: more than the stack of a thread holds frames for.
const LEVELS: usize = 20_000;
/// The key of an attribute that is added, as a word of the dictionary: `t`.
const KEY: u8 = 26;
/// A byte that starts no value (`wire.md` §3.1).
const RESERVED: u8 = 240;
/// A string after a length of 32 bits.
const RAW_32: u8 = 254;
/// How much more than the limit a bomb holds: more than any process may take for all that it does.
const BOMB_TIMES: u64 = 20;
/// A string after a length of 8 bits.
const RAW_8: u8 = 252;
/// A list after a count of 8 bits.
const LIST_8: u8 = 248;
/// What no UTF-8 has, in place of the end of an id.
const INVALID: [u8; 2] = [0xFF, 0xFE];

impl Meta {
    /// Sends bytes that are no stanza, in a sound frame.
    ///
    /// # Errors
    /// The user is not connected, or the stanza cannot have the fault.
    pub fn send_malformed(
        &mut self,
        lane: Lane,
        actor: &str,
        stanza: &Node,
        fault: BytesFault,
    ) -> Result<(), String> {
        let account = self.account(lane, actor).and_then(|account| account.online);
        let conn = account.ok_or(format!("{actor} is not connected"))?;
        let most = self.profile.int("limits.inflated_bytes").unwrap_or_default().unsigned_abs();
        let bytes = match fault {
            BytesFault::Bomb => bomb(stanza, most)?,
            fault => binary::pack(&malformed(stanza, fault)?, false),
        };
        let Some(Channel { state: State::Open(transport), .. }) = self.channels.get_mut(&conn)
        else {
            return Err("the channel is not open".into());
        };
        let sealed = transport.seal(&bytes);
        let sealed = sealed.map_err(|error| error.to_string())?;
        let begin = hex::encode(&bytes[..bytes.len().min(SHOWN_BYTES)]);
        let what = format!("bytes: {}: {} bytes, {begin}", fault.word(), bytes.len());
        self.record_conn(conn, false, Event::Deviated { what });
        self.send_frame(conn, &sealed);
        self.watch_channel(conn, fault.word());
        Ok(())
    }
}

/// The bytes of a stanza with one fault.
fn malformed(stanza: &Node, fault: BytesFault) -> Result<Vec<u8>, String> {
    let mut bytes = binary::encode(stanza).map_err(|error| error.to_string())?;
    match fault {
        BytesFault::ReservedTag => with_attribute(stanza, &[RESERVED])?.clone_into(&mut bytes),
        BytesFault::LongString => {
            with_attribute(stanza, &[RAW_8, 200, b'a'])?.clone_into(&mut bytes);
        }
        BytesFault::LongList => announce_one_more(&mut bytes)?,
        BytesFault::Cut => {
            bytes.pop();
        }
        BytesFault::NoList => {
            bytes.drain(..2);
        }
        BytesFault::EmptyNode => bytes = vec![LIST_8, 0],
        BytesFault::Deep => bytes = nested(bytes.get(2).copied().unwrap_or(KEY)),
        BytesFault::InvalidText => return invalid_text(stanza),
        BytesFault::Bomb => return Err("what is compressed is no stanza's bytes".into()),
    }
    Ok(bytes)
}

/// A payload that inflates to the stanza with so many times the profile's limit in zeros inside it.
fn bomb(stanza: &Node, most: u64) -> Result<Vec<u8>, String> {
    let zeros = u32::try_from(most.saturating_mul(BOMB_TIMES)).unwrap_or(u32::MAX);
    let mut head = binary::encode(stanza).map_err(|error| error.to_string())?;
    match head.as_mut_slice() {
        [LIST_8, count, ..] if *count % 2 == 1 => *count += 1,
        _ => return Err("this fault needs a stanza without content".into()),
    }
    head.push(RAW_32);
    let with_length = |zeros: u32| [head.as_slice(), &zeros.to_be_bytes()].concat();
    Ok(binary::pack_with_zeros(with_length, zeros))
}

/// The stanza, which has no content, with one attribute more whose value is these bytes.
fn with_attribute(stanza: &Node, value: &[u8]) -> Result<Vec<u8>, String> {
    let mut bytes = binary::encode(stanza).map_err(|error| error.to_string())?;
    if stanza.text("t").is_some() || stanza.content != Content::None {
        return Err("this fault needs a stanza without `t` and without content".into());
    }
    announce_one_more(&mut bytes)?;
    bytes.push(KEY);
    bytes.extend(value);
    Ok(bytes)
}

fn announce_one_more(bytes: &mut [u8]) -> Result<(), String> {
    match bytes {
        [LIST_8, count, ..] if *count <= 250 => {
            *count += 2;
            Ok(())
        }
        _ => Err("this fault needs a stanza with few attributes".into()),
    }
}

fn nested(tag: u8) -> Vec<u8> {
    let mut bytes = [LIST_8, 2, tag, LIST_8, 1].repeat(LEVELS);
    bytes.extend([LIST_8, 1, tag]);
    bytes
}

/// The stanza with an id that ends in bytes of no text.
fn invalid_text(stanza: &Node) -> Result<Vec<u8>, String> {
    const MARK: &str = "~~";
    let id = stanza.text("id").ok_or("this fault needs a stanza with an id")?;
    let marked = with_id(stanza, &format!("{id}{MARK}"));
    let mut bytes = binary::encode(&marked).map_err(|error| error.to_string())?;
    let at = bytes.windows(MARK.len()).position(|window| window == MARK.as_bytes());
    let at = at.ok_or("the id cannot be found in the bytes")?;
    bytes[at..at + INVALID.len()].copy_from_slice(&INVALID);
    Ok(bytes)
}

fn with_id(stanza: &Node, id: &str) -> Node {
    let mut stanza = stanza.clone();
    stanza.attrs.retain(|(key, _)| *key != "id");
    stanza.attr("id", id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Rule;

    #[test]
    fn every_fault_breaks_the_rule_that_it_is_about() {
        let ping = crate::stanza::iq::server_ping("bad-1");
        let reserved = Rule::Reserved(RESERVED);
        for (fault, rule) in [
            (BytesFault::ReservedTag, reserved),
            (BytesFault::LongList, Rule::Truncated),
            (BytesFault::LongString, Rule::Truncated),
            (BytesFault::Cut, Rule::Truncated),
            (BytesFault::NoList, Rule::NotANode(25)),
            (BytesFault::EmptyNode, Rule::EmptyNode),
            (BytesFault::Deep, Rule::Depth),
            (BytesFault::InvalidText, Rule::Utf8),
        ] {
            let bytes = malformed(&ping, fault).unwrap();
            assert_eq!(binary::decode(&bytes).unwrap_err().rule, rule, "{fault:?}");
        }
    }

    #[test]
    fn a_stanza_that_cannot_have_the_fault_is_said() {
        let full = Node::new("iq").attr("t", "1");
        assert!(malformed(&full, BytesFault::ReservedTag).is_err());
        assert!(malformed(&full, BytesFault::InvalidText).is_err());
    }
}
