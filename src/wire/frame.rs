//! Frames in a byte stream, and the intro before the first one.
//!
//! Main types: [`FrameReader`] and [`IntroReader`]. Both take bytes as they arrive, cut anywhere,
//! and hold only what arrived: the length that a header announces is checked, never reserved.
//! Neither knows what a frame holds (`wire.md` §1.1).

use crate::limits::{FRAME_BYTES_MAX, ROUTING_BYTES_MAX};
use crate::wire::error::{Rule, WireError};

/// Bytes of a length field, big-endian.
const LENGTH_BYTES: usize = 3;
/// Bytes of the header of a connection, and of the mark before a routing prefix.
const HEADER_BYTES: usize = 4;
/// Starts a routing prefix: "ED", 0, 1.
const ROUTING_MARK: [u8; HEADER_BYTES] = [0x45, 0x44, 0, 1];

/// Takes frames out of a byte stream. After an error the stream is lost and nothing more is kept.
#[derive(Debug)]
pub struct FrameReader {
    max: usize,
    buffer: Vec<u8>,
    /// Where in the buffer the next frame starts.
    at: usize,
    /// Bytes of the stream before the buffer.
    dropped: usize,
    failed: Option<WireError>,
}

impl FrameReader {
    /// Makes a reader that refuses frames with more than `max` bytes of payload.
    pub fn new(max: usize) -> Self {
        Self { max, buffer: Vec::new(), at: 0, dropped: 0, failed: None }
    }

    /// Changes the bound for the frames that are yet to be taken.
    pub fn set_max(&mut self, max: usize) {
        self.max = max;
    }

    /// Takes bytes from the stream.
    ///
    /// The caller takes all complete frames before it pushes more; then no more than one frame
    /// and the pushed bytes are held.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_some() {
            return;
        }
        self.dropped += self.at;
        self.buffer.drain(..self.at);
        self.at = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// Gives the payload of the next complete frame, if it has arrived.
    ///
    /// # Errors
    /// A frame longer than the bound, as soon as its length is known; the same error ever after.
    pub fn next_frame(&mut self) -> Result<Option<Vec<u8>>, WireError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let held = &self.buffer[self.at..];
        let Some((header, rest)) = held.split_first_chunk::<LENGTH_BYTES>() else {
            return Ok(None);
        };
        let len = length(*header);
        if len > self.max {
            return Err(self.fail(Rule::FrameLength(self.max)));
        }
        let Some(payload) = rest.get(..len) else {
            return Ok(None);
        };
        self.at += LENGTH_BYTES + len;
        Ok(Some(payload.to_vec()))
    }

    fn fail(&mut self, rule: Rule) -> WireError {
        let error = WireError::new(self.dropped + self.at, rule);
        self.failed = Some(error);
        self.buffer = Vec::new();
        self.at = 0;
        error
    }

    /// The length of the frame that is under way, once it is known.
    pub fn announced(&self) -> Option<usize> {
        self.buffer[self.at..].first_chunk::<LENGTH_BYTES>().map(|header| length(*header))
    }

    /// Counts the bytes that are held and belong to no frame that was taken.
    pub fn buffered(&self) -> usize {
        self.buffer.len() - self.at
    }
}

/// Puts the length before a payload.
///
/// # Errors
/// A payload whose length does not fit into three bytes.
pub fn write_frame(payload: &[u8]) -> Result<Vec<u8>, WireError> {
    if payload.len() > FRAME_BYTES_MAX {
        return Err(WireError::new(0, Rule::FrameLength(FRAME_BYTES_MAX)));
    }
    let mut frame = Vec::with_capacity(LENGTH_BYTES + payload.len());
    frame.extend_from_slice(&payload.len().to_be_bytes()[size_of::<usize>() - LENGTH_BYTES..]);
    frame.extend_from_slice(payload);
    Ok(frame)
}

fn length([high, middle, low]: [u8; LENGTH_BYTES]) -> usize {
    usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low)
}

/// What a client sends before its first frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intro {
    /// Content of the edge-routing prefix, if there was one; no part of the Noise prologue.
    pub routing: Option<Vec<u8>>,
    /// The connection header, which is the Noise prologue; whether it is right is not judged here.
    pub header: [u8; HEADER_BYTES],
    /// The bytes after it, which belong to frames.
    pub rest: Vec<u8>,
}

/// Reads an optional routing prefix and the connection header.
#[derive(Debug, Default)]
pub struct IntroReader {
    buffer: Vec<u8>,
}

impl IntroReader {
    /// Makes a reader at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes from the stream; gives the intro when it is complete and is then empty.
    ///
    /// # Errors
    /// A routing prefix longer than [`ROUTING_BYTES_MAX`], as soon as its length is known; the
    /// same error ever after.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Option<Intro>, WireError> {
        self.buffer.extend_from_slice(bytes);
        let start = self.header_start();
        if start.is_err() {
            self.buffer.truncate(HEADER_BYTES + LENGTH_BYTES);
        }
        let Some(start) = start? else {
            return Ok(None);
        };
        let Some((header, rest)) = self.buffer[start..].split_first_chunk() else {
            return Ok(None);
        };
        let routing = (start > 0).then(|| self.buffer[HEADER_BYTES + LENGTH_BYTES..start].to_vec());
        let intro = Intro { routing, header: *header, rest: rest.to_vec() };
        self.buffer = Vec::new();
        Ok(Some(intro))
    }

    fn header_start(&self) -> Result<Option<usize>, WireError> {
        let Some((mark, rest)) = self.buffer.split_first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        if *mark != ROUTING_MARK {
            return Ok(Some(0));
        }
        let Some(routing) = rest.first_chunk().map(|bytes| length(*bytes)) else {
            return Ok(None);
        };
        if routing > ROUTING_BYTES_MAX {
            return Err(WireError::new(HEADER_BYTES, Rule::RoutingLength));
        }
        let start = HEADER_BYTES + LENGTH_BYTES + routing;
        Ok((self.buffer.len() >= start).then_some(start))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER: [u8; 4] = [0x57, 0x41, 6, 3];

    fn frames(reader: &mut FrameReader) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| reader.next_frame().unwrap()).collect()
    }

    #[test]
    fn a_frame_has_its_length_in_three_bytes() {
        assert_eq!(write_frame(b"ab").unwrap(), b"\0\0\x02ab");
        assert_eq!(write_frame(&[7; 0x1_0203]).unwrap()[..4], [1, 2, 3, 7]);
        assert_eq!(write_frame(&[0; FRAME_BYTES_MAX]).unwrap()[..3], [0xFF; 3]);
        let error = write_frame(&[0; FRAME_BYTES_MAX + 1]).unwrap_err();
        assert_eq!(error.rule, Rule::FrameLength(FRAME_BYTES_MAX));
    }

    #[test]
    fn frames_may_share_a_push_and_pushes_a_frame() {
        let mut reader = FrameReader::new(10);
        reader.push(b"\0\0\x01a\0\0\0\0\0\x02b");
        assert_eq!(frames(&mut reader), [b"a".to_vec(), vec![]]);
        assert_eq!((reader.buffered(), reader.announced()), (4, Some(2)));
        reader.push(b"c");
        assert_eq!(frames(&mut reader), [b"bc".to_vec()]);
        assert_eq!(reader.buffered(), 0);
    }

    #[test]
    fn a_long_frame_is_refused_before_it_arrives_and_the_stream_stays_lost() {
        let mut reader = FrameReader::new(10);
        reader.push(b"\0\0\x01a");
        assert_eq!(frames(&mut reader).len(), 1);
        reader.push(b"\0\0");
        assert_eq!(reader.next_frame(), Ok(None));
        reader.push(b"\x0b");
        let error = WireError::new(4, Rule::FrameLength(10));
        assert_eq!(reader.next_frame(), Err(error));
        reader.push(b"\0\0\x01a");
        assert_eq!((reader.next_frame(), reader.buffered()), (Err(error), 0));
    }

    #[test]
    fn an_announced_length_reserves_no_memory() {
        let mut reader = FrameReader::new(FRAME_BYTES_MAX);
        reader.push(b"\xff\xff\xff");
        assert_eq!(reader.next_frame(), Ok(None));
        assert!(reader.buffer.capacity() < 1024);
    }

    #[test]
    fn an_intro_is_read_byte_by_byte_with_and_without_prefix() {
        let prefix = [&ROUTING_MARK[..], b"\0\0\x02rr"].concat();
        for (before, routing) in [(&b""[..], None), (&prefix, Some(b"rr".to_vec()))] {
            let stream = [before, &HEADER].concat();
            let mut reader = IntroReader::new();
            let (last, others) = stream.split_last().unwrap();
            for byte in others {
                assert_eq!(reader.push(&[*byte]), Ok(None));
            }
            let intro = reader.push(&[*last, 9, 9]).unwrap().unwrap();
            assert_eq!(intro, Intro { routing, header: HEADER, rest: vec![9, 9] });
        }
    }

    #[test]
    fn only_the_exact_mark_starts_a_prefix() {
        for header in [*b"ED\0\x02", *b"EDGE", *b"GET "] {
            let intro = IntroReader::new().push(&header).unwrap().unwrap();
            assert_eq!(intro, Intro { routing: None, header, rest: vec![] });
        }
    }

    #[test]
    fn a_long_prefix_is_refused_before_it_arrives() {
        let fed = |len: &[u8]| IntroReader::new().push(&[&ROUTING_MARK[..], len].concat());
        assert_eq!(fed(&[0, 0x10, 0]), Ok(None));
        let error = WireError::new(4, Rule::RoutingLength);
        assert_eq!(fed(&[0, 0x10, 1]), Err(error));
        let mut reader = IntroReader::new();
        for _ in 0..3 {
            reader.push(&ROUTING_MARK).ok();
            assert_eq!(reader.push(&[0xFF; 100]), Err(error));
        }
        assert_eq!(reader.buffer.len(), 7);
    }

    proptest! {
        #[test]
        fn frames_come_out_whole_however_the_stream_is_cut(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8),
            cuts in prop::collection::vec(1..9_usize, 1..30),
        ) {
            let stream: Vec<u8> =
                payloads.iter().flat_map(|payload| write_frame(payload).unwrap()).collect();
            let mut reader = FrameReader::new(40);
            let (mut read, mut rest) = (Vec::new(), &stream[..]);
            for cut in cuts.iter().cycle() {
                let (now, later) = rest.split_at(rest.len().min(*cut));
                reader.push(now);
                read.extend(frames(&mut reader));
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(read, payloads);
            prop_assert_eq!(reader.buffered(), 0);
        }
    }
}
