//! The payload of a decrypted frame: one flag byte, then the stanza, compressed or not.
//!
//! Main type: [`Unpacked`]. A compressed stanza is inflated twice, first only to count: then a
//! bomb costs the time of [`INFLATED_BYTES_MAX`] bytes and no memory, and an honest stanza one
//! allocation of its size (`wire.md` §1.5, STZ-007).

use std::io::Write;

use flate2::write::{ZlibDecoder, ZlibEncoder};
use flate2::{Compression, Decompress, FlushDecompress, Status};

use crate::limits::INFLATED_BYTES_MAX;
use crate::wire::error::{Rule, WireError};

/// The bit of the flag byte that means zlib; the others mean nothing.
const COMPRESSED: u8 = 2;

/// A payload without flag byte and compression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpacked {
    pub compressed: bool,
    /// The inflated stanza.
    pub bytes: Vec<u8>,
}

/// Takes flag byte and compression off a payload.
///
/// # Errors
/// An empty payload, a broken or truncated zlib stream, bytes after it, and more than
/// [`INFLATED_BYTES_MAX`] bytes inside it; offsets count in the payload.
pub fn unpack(payload: &[u8]) -> Result<Unpacked, WireError> {
    let (flags, body) = payload.split_first().ok_or(WireError::new(0, Rule::Truncated))?;
    let compressed = flags & COMPRESSED != 0;
    let bytes = if compressed { inflate(body)? } else { body.to_vec() };
    Ok(Unpacked { compressed, bytes })
}

/// Puts the flag byte before a stanza, and compresses it if asked to.
pub fn pack(inflated: &[u8], compress: bool) -> Vec<u8> {
    if !compress {
        return [&[0], inflated].concat();
    }
    let mut encoder = ZlibEncoder::new(vec![COMPRESSED], Compression::default());
    encoder.write_all(inflated).expect("a Vec takes all bytes");
    encoder.finish().expect("a Vec takes all bytes")
}

fn inflate(body: &[u8]) -> Result<Vec<u8>, WireError> {
    let len = count(body)?;
    let mut decoder = ZlibDecoder::new(Vec::with_capacity(len));
    decoder.write_all(body).map_err(|_| WireError::new(1, Rule::Zlib))?;
    decoder.finish().map_err(|_| WireError::new(1, Rule::Zlib))
}

/// Counts the bytes inside a zlib stream that must fill `body`.
fn count(body: &[u8]) -> Result<usize, WireError> {
    let mut stream = Decompress::new(true);
    let mut sink = [0; 8 * 1024];
    loop {
        let read = position(stream.total_in());
        let result = stream.decompress(&body[read..], &mut sink, FlushDecompress::None);
        let (read_now, inflated) = (position(stream.total_in()), position(stream.total_out()));
        let fault = |rule| Err(WireError::new(1 + read_now, rule));
        match result {
            Err(_) => return fault(Rule::Zlib),
            Ok(_) if inflated > INFLATED_BYTES_MAX => return fault(Rule::Inflated),
            Ok(Status::StreamEnd) if read_now < body.len() => return fault(Rule::Leftover),
            Ok(Status::StreamEnd) => return Ok(inflated),
            Ok(Status::BufError) => return fault(Rule::Truncated),
            Ok(Status::Ok) => {}
        }
    }
}

fn position(count: u64) -> usize {
    usize::try_from(count).expect("both counts are bounded by lengths in memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(payload: &[u8]) -> Rule {
        unpack(payload).unwrap_err().rule
    }

    fn bomb(len: usize) -> Vec<u8> {
        pack(&vec![0; len], true)
    }

    #[test]
    fn payloads_are_unpacked_with_and_without_compression() {
        for compress in [false, true] {
            let unpacked = unpack(&pack(b"\xf8\x01\x02", compress)).unwrap();
            assert_eq!(unpacked, Unpacked { compressed: compress, bytes: vec![0xf8, 1, 2] });
        }
        assert_eq!(unpack(&[0xFD, 1]).unwrap(), Unpacked { compressed: false, bytes: vec![1] });
        assert!(unpack(&pack(&[], true)).unwrap().bytes.is_empty());
    }

    #[test]
    fn broken_streams_are_refused() {
        let whole = pack(b"some stanza, some stanza, some stanza", true);
        assert_eq!(rule(&[]), Rule::Truncated);
        assert_eq!(rule(&[2]), Rule::Truncated);
        for cut in 1..whole.len() {
            assert_eq!(rule(&whole[..cut]), Rule::Truncated, "{cut}");
        }
        assert_eq!(rule(&[&whole[..], &[0]].concat()), Rule::Leftover);
        let mut checksum = whole.clone();
        *checksum.last_mut().unwrap() ^= 1;
        assert_eq!(rule(&checksum), Rule::Zlib);
        assert_eq!(rule(&[2, 1, 2, 3]), Rule::Zlib);
    }

    #[test]
    fn a_bomb_is_refused_and_the_largest_stanza_is_not() {
        assert_eq!(unpack(&bomb(INFLATED_BYTES_MAX)).unwrap().bytes.len(), INFLATED_BYTES_MAX);
        let error = unpack(&bomb(INFLATED_BYTES_MAX + 1)).unwrap_err();
        assert_eq!(error.rule, Rule::Inflated);
        assert_eq!(rule(&bomb(4 * INFLATED_BYTES_MAX)), Rule::Inflated);
    }
}
