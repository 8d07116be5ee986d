//! What a JPEG tells beside its picture: the EXIF segment, as far as it says where it was taken.
//!
//! Main functions: [`taken_somewhere`], [`tells_place`] and [`without_exif`]. CIPA DC-008 §4: the
//! segment APP1 begins with `Exif` and two zeros, and holds a TIFF file whose first directory points
//! to one of positions (tag 0x8825). What cannot be read tells no place.

/// Start of image, and the markers before which no header segment comes any more (ITU-T T.81 B.1).
const START: [u8; 2] = [0xFF, 0xD8];
const SCAN_OR_END: [u8; 2] = [0xDA, 0xD9];
const APP1: u8 = 0xE1;
const EXIF: &[u8] = b"Exif\0\0";

const DESCRIPTION: u16 = 0x010E;
const POSITIONS: u16 = 0x8825;
const LATITUDE: u16 = 2;
const ASCII: u16 = 2;
const LONG: u16 = 4;
const RATIONAL: u16 = 5;
/// Length of a directory's entry.
const ENTRY_BYTES: usize = 12;
/// More entries than any camera writes.
const ENTRIES_MAX: usize = 1000;

/// The picture with an EXIF segment that describes it in these words and says where it was taken.
/// `description` has four characters at least: shorter ones stand in the entry itself.
pub fn taken_somewhere(picture: &[u8], description: &str) -> Vec<u8> {
    let tiff = tiff(description);
    let length = (2 + EXIF.len() + tiff.len()).to_be_bytes();
    let segment = [&[0xFF, APP1], &length[length.len() - 2..], EXIF, &tiff].concat();
    let body = picture.strip_prefix(&START).unwrap_or(picture);
    [&START, &segment[..], body].concat()
}

/// A directory with a description and a pointer, and one with a latitude of 60° 10′ 11″ N.
fn tiff(description: &str) -> Vec<u8> {
    let words = [description.as_bytes(), &[0]].concat();
    let directory = |entries: usize| 2 + entries * ENTRY_BYTES + 4;
    let (first, header) = (directory(2), 8);
    let text_at = header + first + directory(2);
    let numbers_at = text_at + words.len();
    let mut out = b"MM\0\x2A\0\0\0\x08".to_vec();
    out.extend(2_u16.to_be_bytes());
    out.extend(entry(DESCRIPTION, ASCII, words.len(), &offset(text_at)));
    out.extend(entry(POSITIONS, LONG, 1, &offset(header + first)));
    out.extend([0; 4]);
    out.extend(2_u16.to_be_bytes());
    out.extend(entry(1, ASCII, 2, b"N\0\0\0"));
    out.extend(entry(LATITUDE, RATIONAL, 3, &offset(numbers_at)));
    out.extend([0; 4]);
    out.extend(words);
    out.extend([60, 1, 10, 1, 11, 1].iter().flat_map(|number: &u32| number.to_be_bytes()));
    out
}

fn offset(at: usize) -> [u8; 4] {
    u32::try_from(at).unwrap_or(u32::MAX).to_be_bytes()
}

fn entry(tag: u16, kind: u16, count: usize, value: &[u8; 4]) -> Vec<u8> {
    let count = offset(count);
    [&tag.to_be_bytes()[..], &kind.to_be_bytes(), &count, value].concat()
}

/// True if the file says where its picture was taken.
pub fn tells_place(file: &[u8]) -> bool {
    segments(file).any(|segment| {
        let tiff = segment.body.strip_prefix(EXIF);
        segment.marker == APP1 && tiff.is_some_and(|tiff| Tiff::of(tiff).is_some_and(Tiff::placed))
    })
}

/// The file without its EXIF segments; the picture is the same.
pub fn without_exif(file: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(file.len());
    let mut kept_to = 0;
    for segment in segments(file) {
        if segment.marker == APP1 && segment.body.starts_with(EXIF) {
            out.extend_from_slice(&file[kept_to..segment.from]);
            kept_to = segment.to;
        }
    }
    out.extend_from_slice(&file[kept_to..]);
    out
}

/// A segment of a JPEG's header, with its marker, and where it stands.
struct Segment<'a> {
    marker: u8,
    body: &'a [u8],
    from: usize,
    to: usize,
}

/// The segments before the picture itself; none of a file that is no JPEG.
fn segments(file: &[u8]) -> impl Iterator<Item = Segment<'_>> {
    let mut at = if file.starts_with(&START) { START.len() } else { file.len() };
    std::iter::from_fn(move || {
        let [0xFF, marker, high, low] = *file.get(at..)?.first_chunk()? else { return None };
        if SCAN_OR_END.contains(&marker) {
            return None;
        }
        let length = usize::from(u16::from_be_bytes([high, low]));
        let (from, to) = (at, at + 2 + length.max(2));
        at = to;
        Some(Segment { marker, body: file.get(from + 4..to)?, from, to })
    })
}

/// A TIFF file in one of its two orders of bytes.
#[derive(Clone, Copy)]
struct Tiff<'a> {
    bytes: &'a [u8],
    little: bool,
}

impl<'a> Tiff<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let little = match bytes.get(..4)? {
            b"II\x2A\0" => true,
            b"MM\0\x2A" => false,
            _ => return None,
        };
        Some(Self { bytes, little })
    }

    fn placed(self) -> bool {
        let first = self.long(4);
        let positions = first.and_then(|first| self.value(first, POSITIONS));
        positions.is_some_and(|directory| self.value(directory, LATITUDE).is_some())
    }

    /// The value, or the place of it, that a directory has under a tag.
    fn value(self, directory: usize, tag: u16) -> Option<usize> {
        let count = usize::from(self.short(directory)?).min(ENTRIES_MAX);
        let entries = (0..count).map(|number| directory + 2 + number * ENTRY_BYTES);
        let mut of_tag = entries.filter(|at| self.short(*at) == Some(tag));
        of_tag.next().and_then(|at| self.long(at + 8))
    }

    fn short(self, at: usize) -> Option<u16> {
        let two = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.little { u16::from_le_bytes(two) } else { u16::from_be_bytes(two) })
    }

    fn long(self, at: usize) -> Option<usize> {
        let four = *self.bytes.get(at..)?.first_chunk()?;
        let long = if self.little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) };
        usize::try_from(long).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PICTURE: &[u8] =
        b"\xff\xd8\xff\xe0\x00\x07JFIF\0\xff\xda\x00\x02\xff\xe1\x00\x08Exif\0\0";

    #[test]
    fn a_place_is_found_and_goes_with_its_segment() {
        let placed = taken_somewhere(PICTURE, "a word of many characters");
        assert!(tells_place(&placed) && !tells_place(PICTURE));
        assert!(placed.windows(6).any(|window| window == b"a word"));
        assert_eq!(without_exif(&placed), PICTURE);
        assert_eq!(without_exif(PICTURE), PICTURE);
    }

    #[test]
    fn the_other_order_of_bytes_is_read_too() {
        let little = b"II\x2A\0\x08\0\0\0\x01\0\x25\x88\x04\0\x01\0\0\0\x1A\0\0\0\0\0\0\0\
            \x01\0\x02\0\x05\0\x03\0\0\0\0\0\0\0\0\0\0\0";
        assert!(Tiff::of(little).unwrap().placed());
        let none = b"II\x2A\0\x08\0\0\0\x01\0\x0E\x01\x04\0\x01\0\0\0\x1A\0\0\0\0\0\0\0";
        assert!(!Tiff::of(none).unwrap().placed());
    }

    proptest! {
        #[test]
        fn whatever_it_is_it_is_read(file: Vec<u8>, cut in 0_usize..80) {
            let _ = tells_place(&[&START[..], &file].concat());
            let placed = taken_somewhere(PICTURE, "a word");
            let _ = tells_place(&placed[..cut.min(placed.len())]);
            prop_assert!(without_exif(&file).len() <= file.len());
        }
    }
}
