//! What both ends of a media proxy saw, as grades of the rows MPX-008 to MPX-017.
//!
//! Main function: [`judge`], without state. Where a probe is about what a proxy must refuse, a plain file
//! has to come through beside it: a proxy that serves nobody holds no rule.

use std::io::Read as _;

use super::plan::{self, Ask, BEGINNING_BYTES, FIRST, TOGETHER, VOLUME_BYTES};
use super::{Contact, Got, Run, Setting};
use crate::evidence::{RuleFacts, RuleGrade};
use crate::limits::READ_BYTES_KEPT;
use crate::scenario::ProxyProbe;

type Answer = Result<Got, String>;

/// Every rule that a probe decides.
pub(super) fn judge(setting: &Setting, run: &Run, memory_mib: Option<u64>) -> Vec<RuleFacts> {
    let look = Look { setting, run };
    let (row, wrong) = match run.probe {
        ProxyProbe::Files => ("MPX-008", look.files()),
        ProxyProbe::Bases => ("MPX-009", look.bases()),
        ProxyProbe::Redirects => ("MPX-010", look.redirects()),
        ProxyProbe::ReaderMarks => ("MPX-011", look.reader_marks()),
        ProxyProbe::HostMarks => ("MPX-012", look.host_marks()),
        ProxyProbe::Beginning => ("MPX-013", look.beginning()),
        ProxyProbe::Together => ("MPX-014", look.together()),
        ProxyProbe::Silent => ("MPX-015", look.silent()),
        ProxyProbe::Errors => ("MPX-015", look.errors()),
        ProxyProbe::Kept => ("MPX-016", look.kept()),
        ProxyProbe::Volume => ("MPX-017", look.volume(memory_mib)),
    };
    let grade = if wrong.is_some() { RuleGrade::Broken } else { RuleGrade::Holds };
    vec![RuleFacts { requirement: row.to_owned(), grade, why: wrong }]
}

struct Look<'a> {
    setting: &'a Setting,
    run: &'a Run,
}

impl Look<'_> {
    fn asked(&self) -> impl Iterator<Item = (&Ask, &Answer)> {
        let answers = self.run.answers.iter().map(Option::as_ref);
        self.run.plan.asks.iter().zip(answers).filter_map(|(ask, answer)| Some((ask, answer?)))
    }

    /// The first thing that is wrong, with what was asked.
    fn first(&self, wrong: impl Fn(&Ask, &Answer) -> Option<String>) -> Option<String> {
        self.asked()
            .find_map(|(ask, answer)| Some(format!("{}: {}", ask.what, wrong(ask, answer)?)))
    }

    /// What is wrong with an answer that should be the file, if anything is.
    fn not_the_file(&self, ask: &Ask, answer: &Answer) -> Option<String> {
        let got = match answer {
            Ok(got) => got,
            Err(why) => return Some(why.clone()),
        };
        let file = self.run.plan.files.get(&ask.reference)?;
        if got.answer.status != 200 {
            return Some(format!("status {}", got.answer.status));
        }
        if !got.whole {
            return Some(format!("it breaks off after {} bytes", got.bytes));
        }
        let same = file.body.len() <= READ_BYTES_KEPT && decoded(got).as_ref() == Some(&file.body);
        (!same).then(|| format!("{} bytes that are not those of the file", got.bytes))
    }

    fn in_round(&self, round: usize) -> impl Iterator<Item = &Contact> {
        self.run.contacts.iter().filter(move |contact| contact.round == round)
    }

    fn files(&self) -> Option<String> {
        self.first(|ask, answer| {
            let wrong = self.not_the_file(ask, answer);
            wrong.or_else(|| self.not_asked_for(ask))
        })
    }

    /// What the proxy asked instead of the reference below the base.
    fn not_asked_for(&self, ask: &Ask) -> Option<String> {
        let right = format!("{}/{}", self.setting.base_path, ask.reference);
        let mut paths = self.in_round(ask.round).map(|contact| &contact.request.path).peekable();
        if paths.peek().is_none() {
            return Some("the third party was not asked".to_owned());
        }
        paths.find(|path| **path != right).map(|path| format!("it asks for {path}"))
    }

    /// A plain file comes through; the rest of a probe is about others.
    fn nothing_comes_through(&self) -> Option<String> {
        let (ask, answer) = self.asked().next()?;
        let wrong = self.not_the_file(ask, answer)?;
        Some(format!("a plain file does not come through: {wrong}"))
    }

    fn bases(&self) -> Option<String> {
        self.nothing_comes_through().or_else(|| {
            let others = self.asked().skip(1);
            others.into_iter().find_map(|(ask, answer)| {
                let led = self.in_round(ask.round).find_map(|contact| self.led(ask, contact));
                let wrong = led.or_else(|| success(answer));
                Some(format!("{}: {}", ask.what, wrong?))
            })
        })
    }

    /// Where a path led the proxy that should lead nowhere. A server that is asked for such a reference
    /// as one segment below its own base is where it may be asked.
    fn led(&self, ask: &Ask, contact: &Contact) -> Option<String> {
        let path = &contact.request.path;
        if !contact.registered {
            return Some(format!("it asks a host that nobody registered for {path}"));
        }
        if ask.what == plan::OTHER_INTEGRATOR {
            return Some(format!("it asks another third party for {path}"));
        }
        let below = plan::reference(self.setting, path).is_some();
        (!below).then(|| format!("it asks for {path}, which is not below the registered base"))
    }

    fn redirects(&self) -> Option<String> {
        self.nothing_comes_through().or_else(|| {
            self.asked().skip(1).find_map(|(ask, answer)| {
                let right = format!("{}/{}", self.setting.base_path, ask.reference);
                let mut contacts = self.in_round(ask.round);
                let followed = contacts.find(|c| !c.registered || c.request.path != right);
                let wrong = followed
                    .map(|contact| format!("it follows to {}", contact.request.path))
                    .or_else(|| sent_on(answer));
                Some(format!("{}: {}", ask.what, wrong?))
            })
        })
    }

    fn reader_marks(&self) -> Option<String> {
        self.first(|ask, answer| self.not_the_file(ask, answer)).or_else(|| {
            if self.run.contacts.is_empty() {
                return Some("the third party was not asked".to_owned());
            }
            self.run.contacts.iter().find_map(|contact| self.tells(contact))
        })
    }

    /// What a request tells the third party of the reader.
    fn tells(&self, contact: &Contact) -> Option<String> {
        let marks = ["one", "two"].map(|reader| plan::mark(self.setting, reader));
        let marked = |text: &str| marks.iter().any(|mark| text.contains(mark.as_str()));
        let request = &contact.request;
        if marked(&request.path) {
            return Some("the path that is asked for holds what the reader brought".to_owned());
        }
        request.headers.iter().find_map(|(name, value)| {
            let lower = name.to_ascii_lowercase();
            if marked(value) {
                return Some(format!("the third party is told the reader's `{lower}`"));
            }
            let where_from = TELLS_OF_READERS.contains(&lower.as_str());
            where_from.then(|| format!("the third party is told `{lower}: {value}`"))
        })
    }

    fn host_marks(&self) -> Option<String> {
        self.first(|ask, answer| self.not_the_file(ask, answer)).or_else(|| {
            self.first(|_, answer| {
                let answer = &answer.as_ref().ok()?.answer;
                let passed = plan::MARKS_OF_A_HOST.iter().find(|(name, value)| {
                    answer.header(name).is_some_and(|passed| passed.contains(value))
                });
                passed.map(|(name, _)| format!("the reader is given the host's `{name}`"))
            })
        })
    }

    fn beginning(&self) -> Option<String> {
        self.first(|_, answer| match answer {
            Ok(got) if got.answer.status == 200 && got.bytes >= BEGINNING_BYTES => None,
            Ok(got) => Some(format!(
                "status {} and {} bytes, while the third party has given twice {BEGINNING_BYTES}",
                got.answer.status, got.bytes
            )),
            Err(why) => Some(format!("nothing of it comes before its end: {why}")),
        })
    }

    fn together(&self) -> Option<String> {
        self.first(|ask, answer| self.not_the_file(ask, answer)).or_else(|| {
            let contacts = self.run.contacts.len();
            let many = contacts == 0 || contacts > TOGETHER / 2;
            many.then(|| format!("{TOGETHER} readers at once are {contacts} requests"))
        })
    }

    fn errors(&self) -> Option<String> {
        self.nothing_comes_through().or_else(|| {
            self.asked().skip(1).find_map(|(ask, answer)| {
                let wrong = self.unclear(ask, answer)?;
                Some(format!("{}: {wrong}", ask.what))
            })
        })
    }

    /// A third party that says nothing is an error of the way there (RFC 9110 §15.6.5): neither a reader
    /// who waits for ever, nor a file that is said to be gone.
    fn silent(&self) -> Option<String> {
        self.nothing_comes_through().or_else(|| {
            self.asked().skip(1).find_map(|(ask, answer)| {
                let wrong = match answer {
                    _ if self.in_round(ask.round).next().is_none() => {
                        Some("the third party was not asked".to_owned())
                    }
                    Ok(got) if (500..600).contains(&got.answer.status) => None,
                    Ok(got) => Some(format!("status {}", got.answer.status)),
                    Err(why) => Some(format!("the reader is told nothing: {why}")),
                };
                Some(format!("{}: {}", ask.what, wrong?))
            })
        })
    }

    /// What keeps a reader from knowing that there is no file.
    fn unclear(&self, ask: &Ask, answer: &Answer) -> Option<String> {
        if matches!(ask.what.as_str(), plan::CUT_OFF | plan::CUT_OFF_CHUNKED) {
            let got = answer.as_ref().ok()?;
            let whole = got.whole && got.answer.status == 200;
            return whole.then(|| format!("the {} bytes before pass for all of it", got.bytes));
        }
        let got = match answer {
            Ok(got) => got,
            Err(why) => return Some(format!("no answer: {why}")),
        };
        let (status, gone) =
            (got.answer.status, ask.what.ends_with("404") || ask.what.ends_with("410"));
        match status {
            404 | 410 if gone => None,
            _ if gone => Some(format!("status {status}")),
            400..=599 => None,
            _ => Some(format!("status {status}")),
        }
    }

    fn kept(&self) -> Option<String> {
        self.first(|ask, answer| match ask.what.as_str() {
            FIRST => answer.as_ref().err().cloned(),
            _ => self.not_the_file(ask, answer),
        })
    }

    fn volume(&self, memory_mib: Option<u64>) -> Option<String> {
        let read = self.first(|_, answer| match answer {
            Ok(got) if got.answer.status == 200 && got.whole && got.bytes == VOLUME_BYTES => None,
            Ok(got) => Some(format!("status {}, {} bytes", got.answer.status, got.bytes)),
            Err(why) => Some(why.clone()),
        });
        let most = self.setting.memory_mib_max.unwrap_or_default();
        read.or_else(|| match memory_mib {
            None => Some("how much memory the proxy took cannot be told".to_owned()),
            Some(taken) if taken > most => {
                Some(format!("it took {taken} MiB of memory; {most} MiB are its share"))
            }
            Some(_) => None,
        })
    }
}

/// Headers by which proxies tell where a request comes from.
const TELLS_OF_READERS: &[&str] = &[
    "x-forwarded-for",
    "forwarded",
    "x-real-ip",
    "x-client-ip",
    "client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "x-cluster-client-ip",
    "cookie",
    "authorization",
    "proxy-authorization",
    "referer",
];

fn success(answer: &Answer) -> Option<String> {
    let status = answer.as_ref().ok()?.answer.status;
    (200..300).contains(&status).then(|| format!("status {status}"))
}

/// A reader who is sent on, or is given something for the file.
fn sent_on(answer: &Answer) -> Option<String> {
    let got = answer.as_ref().ok()?;
    let status = got.answer.status;
    match (status, got.answer.header("location")) {
        (200..300, _) => Some(format!("status {status}")),
        (300..400, Some(place)) => Some(format!("the reader is sent on to {place}")),
        _ => None,
    }
}

/// The bytes of an answer once its coding is undone.
fn decoded(got: &Got) -> Option<Vec<u8>> {
    match got.answer.header("content-encoding") {
        Some("gzip") => {
            let mut out = Vec::new();
            let gzip = flate2::read::MultiGzDecoder::new(&got.answer.body[..]);
            gzip.take(READ_BYTES_KEPT as u64).read_to_end(&mut out).ok()?;
            Some(out)
        }
        Some(_) => None,
        None => Some(got.answer.body.clone()),
    }
}
