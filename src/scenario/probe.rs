//! The words for looking at a server's HTTP as no well-behaved caller would (TRN-001 to TRN-010, MED-014).
//!
//! Main types: [`ProbeKind`] and [`Endpoint`]. They are names only: what goes over the wire is made
//! by the runner, and what an answer means is judged by `check`.

use super::words::words;

words! {
    /// What is asked of a server.
    ProbeKind {
        /// The same request by HTTP/1.1 alone and by HTTP/2 alone (TRN-001, TRN-002).
        Versions = "versions",
        /// TLS 1.3 alone, and TLS 1.2 alone (TRN-003, TRN-020).
        Tls = "tls",
        /// TLS 1.1 and TLS 1.0, each as the newest (TRN-004).
        OldTls = "old-tls",
        /// A caller that verifies chain, name and validity (TRN-005).
        Certificate = "certificate",
        /// HTTP/1.1 without `Host` (TRN-006).
        NoHost = "no-host",
        /// HTTP/1.1 with two `Host`s (TRN-006).
        TwoHosts = "two-hosts",
        /// `Content-Length` and `Transfer-Encoding`, with a second request where one of them ends
        /// the first (TRN-007).
        BothFramings = "both-framings",
        /// The same, and the second request where the other one ends the first (TRN-007).
        BothFramingsSwapped = "both-framings-swapped",
        /// Two `Content-Length`s that differ (TRN-007).
        TwoLengths = "two-lengths",
        /// A `Content-Length` that is no number (TRN-007).
        OddLength = "odd-length",
        /// A method that the resource does not have (TRN-008, TRN-021).
        ForeignMethod = "foreign-method",
        /// A body of another media type (TRN-009).
        TextBody = "text-body",
        /// A body of ten megabytes (TRN-009).
        LargeBody = "large-body",
        /// Bytes that are no request (TRN-009).
        Garbage = "garbage",
        /// A target of 60,000 characters (TRN-009).
        LongTarget = "long-target",
        /// A header field of 60,000 characters (TRN-009).
        LongField = "long-field",
        /// A chunk whose length is no number (TRN-009).
        BrokenChunk = "broken-chunk",
        /// A version of HTTP that does not exist (TRN-009).
        OddVersion = "odd-version",
        /// A path whose percent-encoding is broken (TRN-009).
        OddPath = "odd-path",
        /// A file, stored as the server says that its users do (MED-014).
        Upload = "upload",
        /// The same by somebody who does not say who he is (MED-014).
        NoCredentials = "no-credentials",
        /// The same with one character of each credential changed (MED-014).
        WrongCredentials = "wrong-credentials",
    }
}
words! {
    /// An endpoint of the third party's server.
    Endpoint {
        /// Where it publishes its keys (TF §1.3.1).
        KeySet = "key-set",
        /// Where Meta calls to wake a user (TF §3.2.2).
        Push = "push",
        /// Where it gives a file that an earlier step stored (TF §5.1.1).
        Media = "media",
        /// Where its own users store files; the partner's private interface, which it may name
        /// (`offers.upload`).
        Upload = "upload",
    }
}

impl ProbeKind {
    /// True for what cannot be seen of a server without TLS.
    pub fn needs_tls(self) -> bool {
        matches!(self, Self::Tls | Self::OldTls | Self::Certificate)
    }

    /// True for what is asked of an upload, and of nothing else.
    pub fn uploads(self) -> bool {
        matches!(self, Self::Upload | Self::NoCredentials | Self::WrongCredentials)
    }
}
