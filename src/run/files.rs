//! The files of a case: those that the implementation is to send, and those that it has received.
//!
//! Main type: [`Files`]. What is sent is made here, from the seed, in a folder of the case's own that
//! ends with it. What was received is read where the adapter says that it lies, and compared with
//! what the Meta client sent: bytes are recorded as a verdict about them, never whole.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::e2ee::media::{MediaKind, exif, sample};
use crate::evidence::Event;
use crate::limits::FILE_BYTES_MAX;
use crate::seed::Rng;

/// Messages with a file that are remembered until it is there.
const MESSAGES_MAX: usize = 1000;
/// Where the noise of a file has begun, whatever its kind, and as much of it as nobody has by chance.
const PIECE_AT: usize = 64;
const PIECE_BYTES: usize = 16;
/// More than the EXIF data of a picture that is made here.
const EXIF_BYTES_MAX: usize = 1024;

/// The files of one case.
#[derive(Default)]
pub(super) struct Files {
    folder: Option<PathBuf>,
    /// What servers were to store, by the label of the step.
    stored: BTreeMap<String, PathBuf>,
    /// What the user was told of a message with a file: kind, path, caption.
    told: BTreeMap<String, Told>,
}

#[derive(Clone, Default)]
struct Told {
    kind: Option<String>,
    path: Option<String>,
    caption: Option<String>,
}

/// How long a file is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    Bytes(usize),
    /// One byte over the profile's limit: a hole, since nobody is to read it.
    Over,
}

/// A file as a step names it: `photo.jpg#1000`, `film.mp4#max`, `film.mp4#over`; `photo.jpg#1000,placed`
/// is a picture that tells where it was taken, beside its length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub name: String,
    pub length: Length,
    pub placed: bool,
}

impl Wanted {
    /// Reads what a step says; `limit` is the profile's.
    pub fn read(text: &str, limit: Option<usize>) -> Result<Self, String> {
        let (name, length) = text.rsplit_once('#').unwrap_or((text, "1000"));
        if name.is_empty() || name.contains(['/', '\\', '\0']) {
            return Err(format!("`{name}` is no name of a file"));
        }
        let (length, placed) = match length.strip_suffix(",placed") {
            Some(length) => (length, true),
            None => (length, false),
        };
        let length = match (length, limit) {
            ("max", Some(limit)) => Length::Bytes(limit),
            ("over", Some(_)) => Length::Over,
            ("max" | "over", None) => return Err("the profile has no limit of files".into()),
            (bytes, _) => {
                let bytes = bytes.parse().ok().filter(|bytes| *bytes <= FILE_BYTES_MAX);
                Length::Bytes(bytes.ok_or_else(|| format!("`{length}` is no length of a file"))?)
            }
        };
        Ok(Self { name: name.to_owned(), length, placed })
    }
}

impl Files {
    /// Makes a file and says where it lies.
    ///
    /// # Errors
    /// The folder for temporary files cannot be written.
    pub fn make(
        &mut self,
        wanted: &Wanted,
        kind: MediaKind,
        word: &str,
        description: &str,
        limit: usize,
        rng: &mut Rng,
    ) -> io::Result<PathBuf> {
        let path = self.folder()?.join(&wanted.name);
        match wanted.length {
            Length::Bytes(len) if wanted.placed => {
                let picture = sample(kind, len, word, rng);
                fs::write(&path, exif::taken_somewhere(&picture, description))?;
            }
            Length::Bytes(len) => fs::write(&path, sample(kind, len, word, rng))?,
            Length::Over => File::create(&path)?.set_len(limit as u64 + 1)?,
        }
        Ok(path)
    }

    /// Remembers what the server stored at a step, or serves whatever is to be stored.
    pub fn is_stored(&mut self, label: &str, path: PathBuf) {
        self.stored.insert(label.to_owned(), path);
    }

    /// The file that was stored at a step.
    pub fn stored(&self, label: &str) -> Option<&Path> {
        self.stored.get(label).map(PathBuf::as_path)
    }

    /// A piece of a file that stands nowhere else: behind what begins every file of its kind, and the
    /// case's word. `None` where the file is too short to have one.
    pub fn piece(path: &Path) -> Option<Vec<u8>> {
        let mut begun = Vec::new();
        let room = (PIECE_AT + PIECE_BYTES + EXIF_BYTES_MAX) as u64;
        File::open(path).ok()?.take(room).read_to_end(&mut begun).ok()?;
        let begun = exif::without_exif(&begun);
        let piece = begun.get(PIECE_AT..PIECE_AT + PIECE_BYTES)?.to_vec();
        piece.iter().any(|byte| *byte != 0).then_some(piece)
    }

    fn folder(&mut self) -> io::Result<&Path> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        if self.folder.is_none() {
            let number = MADE.fetch_add(1, Ordering::Relaxed);
            let name = format!("counterpart-files-{}-{number}", std::process::id());
            let folder = std::env::temp_dir().join(name);
            fs::create_dir_all(&folder)?;
            self.folder = Some(folder);
        }
        Ok(self.folder.as_deref().unwrap_or(Path::new(".")))
    }

    /// What a notification says of a file, once it says what became of it. `sent` are the files that
    /// Meta clients sent, by message.
    pub fn seen(
        &mut self,
        name: &str,
        params: &Value,
        sent: impl IntoIterator<Item = (String, String)>,
    ) -> Option<Event> {
        let text = |at: &str| params.pointer(at).and_then(Value::as_str).map(str::to_owned);
        let id = text("/id")?;
        match name {
            "message" => {
                params.pointer("/content/media")?;
                let told = Told {
                    kind: text("/content/media/kind"),
                    path: text("/content/media/path"),
                    caption: text("/content/media/caption"),
                };
                if self.told.len() < MESSAGES_MAX {
                    self.told.insert(id, told);
                }
                None
            }
            "media" => {
                let told = self.told.get(&id).cloned().unwrap_or_default();
                let hash = sent.into_iter().find(|(known, _)| *known == id).map(|(_, hash)| hash);
                let path = told.path.as_deref().map(Path::new);
                let file = path.map_or("none", |path| compared(path, hash.as_deref())).to_owned();
                let name = path.and_then(|path| Some(path.file_name()?.to_string_lossy().into()));
                let (kind, caption) = (told.kind, told.caption);
                Some(Event::FileSeen { id, state: text("/state")?, file, name, kind, caption })
            }
            _ => None,
        }
    }
}

/// Whether what lies at a path is what was sent.
fn compared(path: &Path, sha256: Option<&str>) -> &'static str {
    match sha256_of(path) {
        Err(_) => "none",
        Ok(hash) if sha256 == Some(&hash) => "exact",
        Ok(_) => "other",
    }
}

/// SHA-256 of a file in hexadecimal digits; of one that is too long, of more than can be right.
pub(super) fn sha256_of(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(hex::encode(Sha256::digest(&bytes)))
}

impl Drop for Files {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            // What cannot be removed is the operating system's to clean up.
            let _ = fs::remove_dir_all(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;
    use serde_json::json;

    #[test]
    fn a_step_names_a_file_and_its_length() {
        let read = |text: &str| Wanted::read(text, Some(64));
        let wanted =
            |name: &str, length| Ok(Wanted { name: name.to_owned(), length, placed: false });
        assert_eq!(read("a.jpg#7"), wanted("a.jpg", Length::Bytes(7)));
        assert_eq!(read("a.jpg"), wanted("a.jpg", Length::Bytes(1000)));
        assert_eq!(read("a.jpg#max"), wanted("a.jpg", Length::Bytes(64)));
        assert_eq!(read("a.jpg#over"), wanted("a.jpg", Length::Over));
        let placed = Wanted { name: "a.jpg".into(), length: Length::Bytes(7), placed: true };
        assert_eq!(read("a.jpg#7,placed"), Ok(placed));
        assert!(read("../a#7").is_err() && read("a#-1").is_err() && read("#7").is_err());
        assert!(Wanted::read("a#max", None).is_err());
    }

    #[test]
    fn what_lies_there_is_compared_with_what_was_sent() {
        let mut files = Files::default();
        let wanted = Wanted { name: "a.jpg".into(), length: Length::Bytes(40), placed: false };
        let mut rng = Seed(1).rng(&["files"]);
        let path = files.make(&wanted, MediaKind::Image, "cnry", "", 64, &mut rng).unwrap();
        let bytes = fs::read(&path).unwrap();
        assert!(bytes.len() == 40 && bytes.starts_with(b"\xff\xd8"));
        let hash = hex::encode(Sha256::digest(&bytes));
        let message = json!({"id": "A", "content": {"media":
            {"kind": "image", "path": path.to_str(), "caption": "c"}}});
        assert_eq!(files.seen("message", &message, []), None);
        let mut seen = |hash: &str| {
            let media = json!({"id": "A", "state": "available"});
            match files.seen("media", &media, [("A".to_owned(), hash.to_owned())]) {
                Some(Event::FileSeen { file, name, caption, .. }) => (file, name, caption),
                other => panic!("{other:?}"),
            }
        };
        let told = (Some("a.jpg".to_owned()), Some("c".to_owned()));
        assert_eq!(seen(&hash), ("exact".to_owned(), told.0.clone(), told.1.clone()));
        assert_eq!(seen("00").0, "other");
        fs::remove_file(&path).unwrap();
        assert_eq!(seen(&hash).0, "none");
    }
}
