//! What the words of a scenario mean, for whoever meets one in a report.
//!
//! Main function: [`all`]. The words and their comments stand where the enums are; here is only
//! under which key each enum is read.

use super::shape::{MUTATION, SEND};
use super::{
    AnswerFault, BodyFault, BundleFault, BytesFault, CertificateWord, ChainFault, CiphertextFault,
    ContentFault, Endpoint, FileProbe, FrameFault, HelloFault, HostFault, LoginFault, Loss,
    MediaFault, PrekeyFault, ProbeKind, ProxyProbe, PushKeys, Relaying, SignatureFault, TimeFault,
    TokenFault,
};

/// The words of one key.
pub struct Vocabulary {
    pub key: &'static str,
    /// It says what differs between a negative step and its twin.
    pub mutates: bool,
    /// Where the key stands, and what it does.
    pub doc: &'static str,
    pub about: &'static str,
    /// Each with its meaning, which is empty where the word says it itself.
    pub words: Vec<(&'static str, &'static str)>,
}

macro_rules! vocabulary {
    ($($key:literal => $words:ident),+ $(,)?) => {
        vec![$(of(
            $key,
            $words::ABOUT,
            $words::ALL.iter().map(|(_, word)| *word).zip($words::DOCS.iter().copied()),
        )),+]
    };
}

/// Every key whose values are words.
pub fn all() -> Vec<Vocabulary> {
    vocabulary! {
        "tls" => CertificateWord,
        "server_chain" => ChainFault,
        "server_hello" => HelloFault,
        "server_login" => LoginFault,
        "frame" => FrameFault,
        "bytes" => BytesFault,
        "bundle" => BundleFault,
        "bundle_signature" => SignatureFault,
        "prekey" => PrekeyFault,
        "enlistment_answer" => AnswerFault,
        "content" => ContentFault,
        "ciphertext" => CiphertextFault,
        "time" => TimeFault,
        "push_token" => TokenFault,
        "push_body" => BodyFault,
        "media" => MediaFault,
        "host" => HostFault,
        "publish" => PushKeys,
        "probe" => ProbeKind,
        "endpoint" => Endpoint,
        "probe_file" => FileProbe,
        "probe_proxy" => ProxyProbe,
        "how" => Relaying,
        "lose" => Loss,
    }
}

fn of(
    key: &'static str,
    about: &'static str,
    words: impl Iterator<Item = (&'static str, &'static str)>,
) -> Vocabulary {
    let mutates = MUTATION.keys.iter().find(|spec| spec.name == key);
    let sends = SEND.keys.iter().find(|spec| spec.name == key);
    let doc = mutates.or(sends).map_or("", |spec| spec.doc);
    let words = words.map(|(word, doc)| (word, doc.trim())).collect();
    Vocabulary { key, mutates: mutates.is_some(), doc, about: about.trim(), words }
}

#[cfg(test)]
mod tests {
    use super::super::shape::Form;
    use super::*;

    #[test]
    fn every_key_of_mutate_with_words_is_here_with_all_of_them() {
        for key in MUTATION.keys {
            let Form::Word(words) = key.form else { continue };
            let told = all().into_iter().find(|one| one.key == key.name).unwrap_or_else(|| {
                panic!("{} has no words here", key.name);
            });
            let known: Vec<&str> = told.words.iter().map(|(word, _)| *word).collect();
            assert_eq!(known, words(), "{}", key.name);
        }
        assert!(all().iter().all(|one| !one.doc.is_empty() && !one.about.is_empty()));
    }

    #[test]
    fn a_comment_over_several_lines_is_one_text() {
        let all = all();
        let probes = all.iter().find(|one| one.key == "probe").unwrap();
        let (_, doc) = probes.words.iter().find(|(word, _)| *word == "both-framings").unwrap();
        assert_eq!(
            *doc,
            "`Content-Length` and `Transfer-Encoding`, with a second request where one of them ends \
             the first (TRN-007)."
        );
    }
}
