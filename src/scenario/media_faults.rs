//! The words for what can be odd about a media message, its file, the host of it, and for the ways
//! in which a media server is probed.
//!
//! Main types: [`MediaFault`], [`HostFault`], [`FileProbe`] and [`ProxyProbe`]. They are names only; the bytes behind
//! them are made by Meta's side.

use super::words::words;

words! {
    /// What is odd about a media message or its file (MED-017, MED-019).
    MediaFault {
        /// One flipped bit in the ciphertext, under a hash that was reckoned afterwards.
        FlippedBody = "flipped-body",
        /// One flipped bit in the tag, under a hash that was reckoned afterwards.
        FlippedTag = "flipped-tag",
        /// There is no tag, under a hash that was reckoned afterwards. It stands in no field of its own, so
        /// that an empty one is the same.
        TagAbsent = "tag-absent",
        /// The tag lacks its last byte, under a hash that was reckoned afterwards.
        TagShort = "tag-short",
        /// The message has no hash of the encrypted file, whatever the host has.
        EncryptedHashAbsent = "encrypted-hash-absent",
        /// That hash is empty.
        EncryptedHashEmpty = "encrypted-hash-empty",
        /// That hash lacks its last byte.
        EncryptedHashShort = "encrypted-hash-short",
        /// The message has no hash of the plaintext.
        PlainHashAbsent = "plain-hash-absent",
        PlainHashEmpty = "plain-hash-empty",
        PlainHashShort = "plain-hash-short",
        /// The hash of the encrypted file has a flipped bit.
        EncryptedHash = "encrypted-hash",
        /// The hash of the plaintext has a flipped bit.
        PlainHash = "plain-hash",
        /// The host has another file, soundly encrypted with the same key.
        OtherFile = "other-file",
        /// Blocks stand behind the tag, under a hash that was reckoned afterwards.
        Appended = "appended",
        /// The length is one too much.
        Length = "length",
        /// No key, and the file in clear at the path, under its hashes.
        NoKey = "no-key",
        /// The key lacks its last byte.
        ShortKey = "short-key",
        /// Encrypted with the keys of another kind of file.
        OtherKind = "other-kind",
        /// The tag is as long as the HMAC.
        LongTag = "long-tag",
        /// The URL names the honeypot, the path is right: legal.
        ForeignUrl = "foreign-url",
        /// The path is `//` and the honeypot.
        PathSlashes = "path-slashes",
        /// The path is `@` and the honeypot.
        PathUserinfo = "path-userinfo",
        /// The path is the honeypot's whole URL.
        PathIsUrl = "path-is-url",
        /// The URL names the honeypot, and there is no path.
        NoPath = "no-path",
    }
}
impl MediaFault {
    /// True for what a right implementation takes.
    pub fn is_legal(self) -> bool {
        self == Self::ForeignUrl
    }
}
words! {
    /// What Meta's media host does instead of giving a file (MED-020).
    HostFault {
        /// The connection ends in the middle of the file, each time.
        CutOff = "cut-off",
        /// The connection ends in the middle of the file, the first time: legal.
        CutOnce = "cut-once",
        /// The file, and as much behind it.
        TooLong = "too-long",
        /// Nothing follows on the first half of the file.
        Stalled = "stalled",
        /// The file comes byte by byte, and without a length: legal.
        Dribbled = "dribbled",
        NotFound = "not-found",
        Gone = "gone",
        Forbidden = "forbidden",
        /// 500, each time.
        ServerError = "server-error",
        /// 500, the first time: legal.
        ServerErrorOnce = "server-error-once",
        /// 503 with `Retry-After: 30`, the first time: legal.
        UnavailableOnce = "unavailable-once",
        /// 200 with a page in HTML.
        Page = "page",
        /// 302 to the honeypot.
        Redirect = "redirect",
    }
}
impl HostFault {
    /// True for what a right implementation gets its file through.
    pub fn is_legal(self) -> bool {
        use HostFault::{CutOnce, Dribbled, ServerErrorOnce, UnavailableOnce};
        matches!(self, CutOnce | Dribbled | ServerErrorOnce | UnavailableOnce)
    }

    /// True for what is over after the first request.
    pub fn is_passing(self) -> bool {
        self.is_legal() && self != Self::Dribbled
    }
}
words! {
    /// The ways in which a media server is asked for a file, or for none.
    #[derive(PartialOrd, Ord, Hash)]
    FileProbe {
        /// Once, as it was stored (MED-001, MED-004, MED-012).
        Whole = "whole",
        /// Again, and with its own validators (MED-009).
        Repeat = "repeat",
        /// HEAD (MED-011, MED-026).
        Head = "head",
        /// Parts of it, and what is no part of it (MED-010, MED-025).
        Range = "range",
        /// In several codings (MED-006, MED-023).
        Coding = "coding",
        /// References that nobody issued (MED-007, MED-024).
        Unknown = "unknown",
        /// References that lead elsewhere, or nowhere (MED-013).
        Traversal = "traversal",
        /// For two readers (MPX-004, MPX-006).
        Readers = "readers",
        /// Two hundred times at once (MPX-004, MPX-005).
        Parallel = "parallel",
        /// Without what the profile has the proxy show, and with something that nobody issued
        /// (MED-015).
        Credentials = "credentials",
    }
}
words! {
    /// What readers ask of a media proxy, while the harness is the third party behind it.
    #[derive(PartialOrd, Ord, Hash)]
    ProxyProbe {
        /// Files of several kinds (MPX-008).
        Files = "files",
        /// Paths that name no file of a registered third party (MPX-009).
        Bases = "bases",
        /// Files whose host sends the reader elsewhere (MPX-010).
        Redirects = "redirects",
        /// Files for readers who bring what marks them (MPX-011).
        ReaderMarks = "reader-marks",
        /// A file whose host marks its reader (MPX-012).
        HostMarks = "host-marks",
        /// A file whose end does not come (MPX-013).
        Beginning = "beginning",
        /// A file whose host takes the request and says nothing (MPX-015).
        Silent = "silent",
        /// One file for many readers at once (MPX-014).
        Together = "together",
        /// Files that the host does not give (MPX-015).
        Errors = "errors",
        /// A file of which another reader had a part, or an error (MPX-016).
        Kept = "kept",
        /// A file that no memory holds (MPX-017).
        Volume = "volume",
    }
}
