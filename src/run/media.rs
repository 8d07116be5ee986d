//! Steps about files: a Meta client sends one, the implementation is to send one, its server is probed.

use std::path::{Path, PathBuf};

use rand::Rng as _;

use super::files::{Files, Wanted, sha256_of};
use super::session::Session;
use crate::canary::Canary;
use crate::e2ee::media::MediaKind;
use crate::evidence::{EXIF_DESCRIPTION, Event, Payload};
use crate::role::meta::{MediaOrder, Stored};
use crate::scenario::{Act, FileProbe, Mutation, Send, Template};

/// Length of a file where a step does not say.
const BYTES: usize = 1000;

impl Session<'_> {
    /// Has a Meta client send a file.
    pub(super) fn send_file(
        &mut self,
        send: &Send,
        said: &[(String, Template)],
        label: Option<&str>,
    ) -> Result<(), String> {
        let board = self.recorder.progress.board(self.lane);
        let honeypot = board.value("honeypot").unwrap_or_default();
        let mut of = std::collections::BTreeMap::new();
        for (name, template) in said {
            of.insert(name.as_str(), template.render(board).map_err(|error| error.to_string())?);
        }
        let word = of.get("kind").cloned().unwrap_or_default();
        let kind = MediaKind::named(&word).ok_or_else(|| no_kind(&word))?;
        let bytes = match of.get("bytes") {
            Some(text) => text.parse().map_err(|_| format!("`{text}` is no length"))?,
            None => BYTES,
        };
        let (fault, host) = match &send.mutate {
            Some(Mutation::Media(fault)) => (Some(*fault), None),
            Some(Mutation::Host(host)) => (None, Some(*host)),
            _ => (None, None),
        };
        let field = |name: &str| of.get(name).cloned();
        let order = MediaOrder {
            kind,
            bytes,
            word: self.canary.clone(),
            mimetype: field("mimetype"),
            caption: field("caption"),
            name: field("name"),
            thumbnail: field("thumbnail"),
            fault,
            host,
            honeypot: field("elsewhere").unwrap_or(honeypot),
        };
        let (sent, path) = self.meta.send_media(self.lane, &send.from, &send.to, &order)?;
        self.bind_id(label, &sent.id);
        if let Some(label) = label {
            self.bind(&format!("{label}.path"), &path);
        }
        Ok(())
    }

    /// From here on a piece of this file must be seen nowhere in clear (ENC-001).
    fn watch_file(&mut self, path: &Path) {
        if let Some(piece) = Files::piece(path) {
            self.watch("a file's content", &piece);
        }
    }

    fn watch(&mut self, what: &str, bytes: &[u8]) {
        self.meta.watch_for(Canary::new(what, bytes));
        self.note(Event::Canary { what: what.to_owned(), bytes: Payload::of(bytes) });
    }

    /// What the EXIF data of this case's pictures says of them.
    fn description(&self) -> String {
        let mut bytes = [0; 10];
        self.shared.seed.rng(&[&self.case.id(), "file", "exif"]).fill_bytes(&mut bytes);
        format!("xmcy{}", hex::encode(bytes))
    }

    /// True once a Meta client has sent a file in this case.
    pub(super) fn has_sent_a_file(&self) -> bool {
        let entries = self.recorder.transcript.entries();
        entries.iter().any(|entry| matches!(entry.event, Event::MediaSent { .. }))
    }

    /// What a server stored at a step: the file that was named, but for one that serves what lies there.
    pub(super) fn is_stored(&mut self, label: &str, named: Option<PathBuf>) {
        let path = match &self.shared.prepared {
            Some(prepared) => prepared.file.clone(),
            None => named,
        };
        path.into_iter().for_each(|path| self.files.is_stored(label, path));
    }

    /// Probes the server about the file that an earlier step stored.
    pub(super) fn probe_media(
        &mut self,
        probe: FileProbe,
        http2: bool,
        of: &str,
        label: Option<&str>,
    ) -> Result<(), String> {
        let reference = self.reference_of(of)?;
        let path = self.files.stored(of);
        let name = path.and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
        let stored = Stored { reference, name, sha256: path.and_then(|path| sha256_of(path).ok()) };
        self.meta.probe_media(probe, http2, stored, label.map(str::to_owned))
    }

    /// The reference of the file that an earlier step stored.
    pub(super) fn reference_of(&mut self, of: &str) -> Result<String, String> {
        let reference = self.recorder.progress.board(self.lane).value(&format!("{of}.reference"));
        reference.ok_or(format!("`{of}` stored no file"))
    }

    /// The file that an operation is to send, made now; its path.
    pub(super) fn file_for(&mut self, act: &Act, named: &str) -> Result<String, String> {
        let limit = self.shared.profile.int("media.bytes_max");
        let limit = limit.and_then(|limit| usize::try_from(limit).ok());
        let wanted = Wanted::read(named, limit)?;
        let said = act.params.iter().find(|(name, _)| name == "kind");
        let board = self.recorder.progress.board(self.lane);
        let kind = match said {
            Some((_, template)) => {
                let word = template.render(board).map_err(|error| error.to_string())?;
                MediaKind::named(&word).ok_or_else(|| no_kind(&word))?
            }
            None => by_name(&wanted.name),
        };
        let mut rng = self.shared.seed.rng(&[&self.case.id(), "file", named]);
        // What a server is to store as it is, is nothing that a user wrote.
        let stored = act.operation == "upload_media";
        let word = if stored { "stored".to_owned() } else { self.canary.clone() };
        let limit = limit.unwrap_or_default();
        let description = self.description();
        let made = self.files.make(&wanted, kind, &word, &description, limit, &mut rng);
        let path = made.map_err(|error| format!("the harness cannot make a file: {error}"))?;
        if !stored {
            self.watch_file(&path);
        }
        if wanted.placed {
            self.watch(EXIF_DESCRIPTION, description.as_bytes());
        }
        Ok(path.to_string_lossy().into_owned())
    }
}

fn no_kind(word: &str) -> String {
    let known: Vec<&str> = MediaKind::ALL.iter().map(|(_, word)| *word).collect();
    format!("`{word}` is none of {}", known.join(", "))
}

fn by_name(name: &str) -> MediaKind {
    match Path::new(name).extension().and_then(|end| end.to_str()) {
        Some("jpg" | "jpeg") => MediaKind::Image,
        Some("mp4") => MediaKind::Video,
        Some("webp") => MediaKind::Sticker,
        Some("ogg") => MediaKind::Voice,
        _ => MediaKind::Document,
    }
}
