//! The two ends of a media proxy that is under test: the readers who ask it, and the third party's
//! server that it asks (MPX-008 to MPX-017).
//!
//! Main type: [`ProxyEnds`]. A probe is a [`plan`]: files that lie behind the proxy, and rounds of
//! requests before it. What both ends saw is judged by [`rules`] when the last answer is in, and one
//! event tells it. Every name that is used here holds the case's word, so that a request behind the
//! proxy can be told to be this case's.

mod plan;
mod rules;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use self::plan::{Ask, Given, Plan};
use super::RequestId;
use crate::evidence::Event;
use crate::http::{Delivery, HttpRequest, HttpResponse};
use crate::limits::PROXY_CONTACTS_MAX;
use crate::scenario::ProxyProbe;
use crate::seed::Rng;

/// Where a proxy under test stands.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Where its readers ask; `None` where it does not say.
    pub proxy_url: Option<String>,
    /// The form of the paths that it serves, with `{integrator}` and `{reference}`.
    pub form: String,
    /// The third party that is registered with it.
    pub integrator: u16,
    /// The path below which that one's files lie, without a slash at its end.
    pub base_path: String,
    /// A host that is registered with nobody.
    pub stranger_url: String,
    /// What all names of the case hold.
    pub word: String,
    /// How much memory it may take for a file of any length.
    pub memory_mib_max: Option<u64>,
    /// How long it may wait for a third party that says nothing.
    pub wait: Option<Duration>,
}

/// What the ends want done.
#[derive(Debug, PartialEq)]
pub enum Output {
    Event(Box<Event>),
    /// A reader asks, and reads so many bytes of the answer's body at most.
    Read {
        number: u64,
        url: String,
        request: HttpRequest,
        bytes: u64,
        /// How long for its head, where not as long as for any other.
        wait: Option<Duration>,
    },
    Respond {
        id: RequestId,
        response: HttpResponse,
    },
    Deliver {
        id: RequestId,
        response: HttpResponse,
        how: Delivery,
    },
    /// How much memory has the proxy taken at most since the probe began?
    Weigh,
}

/// What a reader was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Got {
    /// With the beginning of its body.
    pub answer: HttpResponse,
    /// How long the body is, as far as it was read.
    pub bytes: u64,
    /// The body came to its end.
    pub whole: bool,
}

/// A request that the proxy made.
#[derive(Clone, Debug)]
struct Contact {
    request: HttpRequest,
    /// It went to the registered host.
    registered: bool,
    /// The round in which it came.
    round: usize,
}

struct Run {
    probe: ProxyProbe,
    label: Option<String>,
    plan: Plan,
    round: usize,
    answers: Vec<Option<Result<Got, String>>>,
    contacts: Vec<Contact>,
}

/// Readers and third party.
pub struct ProxyEnds {
    setting: Setting,
    rng: Rng,
    run: Option<Run>,
    /// Readers so far.
    readers: u64,
    /// Number of the first reader of the probe.
    first: u64,
    out: VecDeque<Output>,
}

impl ProxyEnds {
    pub fn new(setting: Setting, rng: Rng) -> Self {
        Self { setting, rng, run: None, readers: 0, first: 0, out: VecDeque::new() }
    }

    /// Gives the next thing to do, if there is one.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// True if a request is this case's, wherever it went.
    pub fn is_about(&self, path: &str) -> bool {
        path.contains(&self.setting.word)
    }

    /// Begins a probe.
    ///
    /// # Errors
    /// The proxy does not say where it listens, or the last probe is still under way.
    pub fn begin(&mut self, probe: ProxyProbe, label: Option<String>) -> Result<(), String> {
        if self.setting.proxy_url.is_none() {
            return Err("the proxy offers no `media_url`: nobody can ask it".to_owned());
        }
        if self.run.is_some() {
            return Err("the probe before it is still under way".to_owned());
        }
        let (method, path) = (format!("probe {}", probe.word()), self.setting.form.clone());
        let begun = Event::requested(label.clone(), &method, &path);
        self.out.push_back(Output::Event(Box::new(begun)));
        let plan = plan::of(probe, &self.setting, &mut self.rng);
        let answers = plan.asks.iter().map(|_| None).collect();
        self.first = self.readers;
        self.readers += plan.asks.len() as u64;
        self.run = Some(Run { probe, label, plan, round: 0, answers, contacts: Vec::new() });
        self.ask();
        Ok(())
    }

    /// Makes the requests of the current round.
    fn ask(&mut self) {
        let Some(run) = &self.run else { return };
        let base = self.setting.proxy_url.clone().unwrap_or_default();
        for (at, ask) in run.plan.asks.iter().enumerate() {
            let Ask { request, bytes, round, wait, .. } = ask;
            if *round == run.round {
                let url = format!("{base}{}", request.path);
                let number = self.first + at as u64;
                let request = request.clone();
                let (bytes, wait) = (*bytes, *wait);
                self.out.push_back(Output::Read { number, url, request, bytes, wait });
            }
        }
    }

    /// Takes in a request of the proxy's; `registered` if it went to the third party's host.
    pub fn asked(&mut self, id: RequestId, request: HttpRequest, registered: bool) {
        let none = |out: &mut VecDeque<Output>| {
            out.push_back(Output::Respond { id, response: HttpResponse::new(404) });
        };
        let Some(run) = &mut self.run else { return none(&mut self.out) };
        let reference = plan::reference(&self.setting, &request.path).filter(|_| registered);
        let given = reference.and_then(|reference| run.plan.given(&reference, &request));
        if run.contacts.len() < PROXY_CONTACTS_MAX {
            run.contacts.push(Contact { request, registered, round: run.round });
        }
        match given {
            Some(Given::Answer(response)) => self.out.push_back(Output::Respond { id, response }),
            Some(Given::Slowly(response, how)) => {
                self.out.push_back(Output::Deliver { id, response, how });
            }
            Some(Given::Nothing) => {}
            None => none(&mut self.out),
        }
    }

    /// Takes in what a reader was given; after the last of a round the next one begins.
    pub fn read(&mut self, number: u64, got: Result<Got, String>) {
        let Some(run) = &mut self.run else { return };
        let at = number.checked_sub(self.first).and_then(|at| usize::try_from(at).ok());
        let Some(place) = at.and_then(|at| run.answers.get_mut(at)) else { return };
        *place = Some(got);
        let open = |ask: &Ask, answer: &Option<_>| ask.round == run.round && answer.is_none();
        if run.plan.asks.iter().zip(&run.answers).any(|(ask, answer)| open(ask, answer)) {
            return;
        }
        run.round += 1;
        if run.answers.iter().any(Option::is_none) {
            return self.ask();
        }
        match run.probe {
            ProxyProbe::Volume => self.out.push_back(Output::Weigh),
            _ => self.conclude(None),
        }
    }

    /// Takes in how much memory the proxy has taken, in MiB; `None` where nobody can tell.
    pub fn weighed(&mut self, memory_mib: Option<u64>) {
        self.conclude(memory_mib);
    }

    fn conclude(&mut self, memory_mib: Option<u64>) {
        let Some(run) = self.run.take() else { return };
        let checked = rules::judge(&self.setting, &run, memory_mib);
        let (probe, requests) = (run.probe.word().to_owned(), run.answers.len() as u64);
        let (label, refused) = (run.label, None);
        let event =
            Event::MediaProbed { label, probe, requests, refused, seen: Vec::new(), checked };
        self.out.push_back(Output::Event(Box::new(event)));
    }
}
