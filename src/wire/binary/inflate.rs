//! The payload of a decrypted frame: one flag byte, then the stanza, compressed or not.
//!
//! Main type: [`Unpacked`]. A compressed stanza is inflated twice, first only to count: then a
//! bomb costs the time of [`INFLATED_BYTES_MAX`] bytes and no memory, and an honest stanza one
//! allocation of its size (`wire.md` §1.5, STZ-007).

use std::io::Write;

use flate2::write::{ZlibDecoder, ZlibEncoder};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

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

/// A compressed payload of these bytes and about so many zeros, at least; neither they nor their
/// compression are computed, but for one piece that is repeated. `head` gets their true number.
pub fn pack_with_zeros(head: impl Fn(u32) -> Vec<u8>, zeros: u32) -> Vec<u8> {
    static PIECE: [u8; 1 << 20] = [0; 1 << 20];
    let pieces = zeros.div_ceil(1 << 20).max(1);
    let head = head(pieces << 20);
    let mut deflate = Compress::new(Compression::default(), false);
    let mut piece = |bytes: &[u8], flush| {
        let mut out = Vec::with_capacity(bytes.len() + 64);
        deflate.compress_vec(bytes, &mut out, flush).expect("the room suffices");
        out
    };
    // The second piece refers to nothing but zeros, so that it says the same wherever it stands.
    let (begin, first) = (piece(&head, FlushCompress::Sync), piece(&PIECE, FlushCompress::Sync));
    let again = piece(&PIECE, FlushCompress::Sync);
    let end = piece(&[], FlushCompress::Finish);
    let times = usize::try_from(pieces - 1).unwrap_or_default();
    let sum = adler32_with_zeros(&head, u64::from(pieces) << 20);
    let begins: &[u8] = &[COMPRESSED, 0x78, 0x9c];
    [begins, &begin, &first, &again.repeat(times), &end, &sum.to_be_bytes()].concat()
}

/// The checksum of zlib (RFC 1950 §8.2) over bytes and so many zeros.
fn adler32_with_zeros(head: &[u8], zeros: u64) -> u32 {
    const PRIME: u64 = 65_521;
    let (a, b) = head.iter().fold((1, 0), |(a, b), byte| {
        let a = (a + u64::from(*byte)) % PRIME;
        (a, (b + a) % PRIME)
    });
    let b = (b + zeros % PRIME * a) % PRIME;
    u32::try_from(b << 16 | a).expect("both are below 2^16")
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

    #[test]
    fn zeros_that_nobody_held_inflate_to_what_was_asked_for() {
        let packed = pack_with_zeros(|zeros| zeros.to_be_bytes().to_vec(), 3_000_000);
        let unpacked = unpack(&packed).unwrap();
        assert_eq!(unpacked.bytes[..4], (3_u32 << 20).to_be_bytes());
        assert_eq!(unpacked.bytes.len(), 4 + (3 << 20));
        assert!(unpacked.bytes[4..].iter().all(|byte| *byte == 0));
        let bomb = pack_with_zeros(|_| vec![7], 320 << 20);
        assert!(bomb.len() < 1 << 20, "{}", bomb.len());
        assert_eq!(unpack(&bomb).unwrap_err().rule, Rule::Inflated);
    }

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
