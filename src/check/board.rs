//! The inboxes of one lane: what was observed, and what is still unconsumed.
//!
//! Each observation point (place and kind) keeps one inbox; an expectation takes the oldest match
//! that nobody took (`interfaces.md` §2).

use std::collections::BTreeMap;

use super::observation::{Body, failure, observation};
use super::signatures::Signatures;
use super::thief::Thieves;
use super::{fields, published};
use crate::diff::Diff;
use crate::evidence::{Entry, EntryId, Event};
use crate::scenario::kinds::filling;
use crate::scenario::{Action, Expect, Kind, Matching, Scenario, Scope, Template};
use crate::spec::Profile;

/// Observations and values of one lane.
pub struct Board<'a> {
    scenario: &'a Scenario,
    profile: &'a Profile,
    bound: BTreeMap<String, String>,
    items: Vec<Item>,
    thieves: Option<Thieves>,
    signatures: Signatures,
    /// Number of items when the last `send` or `act` began.
    mark: usize,
}

struct Item {
    entry: EntryId,
    at: String,
    kind: Kind,
    body: Body,
    consumed: bool,
}

/// The best candidate that did not match, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Near {
    pub entry: EntryId,
    pub actual: String,
    pub why: String,
    pub diff: Diff,
}

impl<'a> Board<'a> {
    /// An empty board; `bound` values come from the transcript.
    pub fn new(scenario: &'a Scenario, profile: &'a Profile) -> Self {
        let bound = BTreeMap::new();
        let steals = scenario.steps.iter().any(|s| matches!(s.action, Action::Compromise(_)));
        let thieves = steals.then(Thieves::default);
        let signatures = Signatures::default();
        Self { scenario, profile, bound, items: Vec::new(), thieves, signatures, mark: 0 }
    }

    /// Takes in an entry of this lane.
    pub fn observe(&mut self, entry: &Entry) {
        if let Event::Bound { name, value } = &entry.event {
            self.bound.insert(name.clone(), value.clone());
        }
        self.follow_thieves(entry);
        self.find_signature(entry);
        for rule in published::rules(&entry.event) {
            let (at, entry) = ("meta".to_owned(), entry.id.clone());
            let body = Body::Fields(rule);
            self.items.push(Item { entry, at, kind: Kind::Rule, body, consumed: false });
        }
        for (at, kind, mut body) in observation(entry).into_iter().chain(failure(entry)) {
            if let (Kind::Fetched, Body::Fields(fields)) = (kind, &mut body) {
                fields.push(("times", (self.fetched(fields) + 1).to_string()));
            }
            if let (Kind::Stubbed, Body::Fields(fields)) = (kind, &mut body) {
                fields.push(("times", (self.stubbed(fields) + 1).to_string()));
            }
            if let (Kind::Decrypted, Body::Fields(fields)) = (kind, &mut body) {
                fields.push(("times", (self.decrypted(&at, fields) + 1).to_string()));
            }
            let entry = entry.id.clone();
            self.items.push(Item { entry, at, kind, body, consumed: false });
        }
    }

    /// How often a peer has decrypted a message of this id and sender.
    fn decrypted(&self, at: &str, fields: &[(&'static str, String)]) -> usize {
        let named = |name: &str| fields.iter().find(|(known, _)| *known == name);
        let (Some(id), Some(from)) = (named("id"), named("from")) else { return 0 };
        let same = |item: &&Item| {
            item.kind == Kind::Decrypted
                && item.at == at
                && item.body.has(id)
                && item.body.has(from)
        };
        self.items.iter().filter(same).count()
    }

    /// What a thief reads is one observation that grows, and not one that is consumed.
    fn follow_thieves(&mut self, entry: &Entry) {
        let Some(thieves) = &mut self.thieves else { return };
        for thief in thieves.observe(entry) {
            let (at, body) = (thief.robbed().1.to_owned(), Body::Fields(thief.fields()));
            let of = ("of", thief.label.clone());
            let known = |item: &Item| item.kind == Kind::Thief && item.body.has(&of);
            if let Some(at) = self.items.iter().position(known) {
                self.items.remove(at);
                self.mark -= usize::from(at < self.mark);
            }
            let (entry, kind) = (thief.evidence.clone(), Kind::Thief);
            self.items.push(Item { entry, at, kind, body, consumed: false });
        }
    }

    fn find_signature(&mut self, entry: &Entry) {
        let Some(scanned) = self.signatures.observe(entry) else { return };
        let (Some(found), Some(at)) = (scanned.signature, entry.actor.clone()) else { return };
        let fields = vec![
            ("id", scanned.id),
            ("place", found.place),
            ("over", found.over.to_owned()),
            ("key", found.key),
        ];
        let (entry, kind) = (entry.id.clone(), Kind::Signature);
        self.items.push(Item { entry, at, kind, body: Body::Fields(fields), consumed: false });
    }

    /// How often the same was asked for before.
    fn fetched(&self, asked: &[(&'static str, String)]) -> usize {
        // Method and path; what was answered does not matter.
        let asked = &asked[..asked.len().min(2)];
        let same = |item: &&Item| match &item.body {
            Body::Fields(fields) => item.kind == Kind::Fetched && fields.starts_with(asked),
            Body::Stanza(_) => false,
        };
        self.items.iter().filter(same).count()
    }

    /// How often the same stub was asked before.
    fn stubbed(&self, asked: &[(&'static str, String)]) -> usize {
        let same = |item: &&Item| match &item.body {
            Body::Fields(fields) => item.kind == Kind::Stubbed && fields.first() == asked.first(),
            Body::Stanza(_) => false,
        };
        self.items.iter().filter(same).count()
    }

    /// From where on an absence is judged: what a stub is asked counts over the whole case.
    fn absent_from(&self, expect: &Expect) -> usize {
        if expect.kind == Kind::Stubbed { 0 } else { self.mark }
    }

    /// Remembers this moment: absences are judged from here on.
    pub fn mark(&mut self) {
        self.mark = self.items.len();
    }

    /// The oldest unconsumed match.
    pub fn find(&self, expect: &Expect) -> Option<EntryId> {
        self.position(expect, 0).map(|at| self.items[at].entry.clone())
    }

    /// A match since the mark.
    pub fn find_since_mark(&self, expect: &Expect) -> Option<(EntryId, String)> {
        let at = self.position(expect, self.absent_from(expect))?;
        Some((self.items[at].entry.clone(), self.items[at].body.show()))
    }

    /// Shows a match since the mark, which should not have come.
    pub fn unwanted(&self, expect: &Expect) -> Option<Diff> {
        let at = self.position(expect, self.absent_from(expect))?;
        Some(self.items[at].body.unexpected())
    }

    /// Shows what is expected, where nothing of its kind came.
    pub fn expected(&self, expect: &Expect) -> Diff {
        match &expect.matching {
            Matching::Stanza(pattern) => pattern.expected(self),
            Matching::Fields(wanted) => fields::expected(wanted, self),
        }
    }

    /// Consumes the oldest match and says what it was. Under a label, its attributes or fields
    /// become values: `${label.id}`.
    pub fn take(&mut self, expect: &Expect, label: Option<&str>) -> Option<(EntryId, String)> {
        let at = self.position(expect, 0)?;
        self.items[at].consumed = expect.kind != Kind::Thief;
        for (name, value) in label.map(|_| self.items[at].body.values()).into_iter().flatten() {
            self.bound.insert(format!("{}.{name}", label.unwrap_or_default()), value);
        }
        Some((self.items[at].entry.clone(), self.items[at].body.show()))
    }

    /// The unconsumed observation of the right place and kind that came nearest.
    pub fn nearest(&self, expect: &Expect) -> Option<Near> {
        if let Some(near) = self.undecryptable_instead(expect) {
            return Some(near);
        }
        let candidates = self.items.iter().filter(|item| item.is_for(expect));
        let candidates = candidates.filter(|item| !item.entry.stream.is_fence());
        let candidates = candidates.filter(|item| self.is_about(item, &expect.matching));
        let ranked = candidates.map(|item| (self.satisfied(item, &expect.matching), item));
        // A stanza that has no more than the tag in common explains nothing; of equals the last does.
        let alike = ranked.filter(|(satisfied, item)| *satisfied > 1 || item.has_fields());
        let (_, closest) = alike.max_by_key(|(satisfied, _)| *satisfied)?;
        self.near(closest, &expect.matching)
    }

    /// How another row came out, or this one elsewhere, says nothing of a rule.
    fn is_about(&self, item: &Item, matching: &Matching) -> bool {
        let (Body::Fields(seen), Matching::Fields(wanted)) = (&item.body, matching) else {
            return true;
        };
        let mut named = wanted.iter().filter(|(name, _)| name == "row" || name == "of");
        item.kind != Kind::Rule
            || named.all(|(name, template)| {
                let value = seen.iter().find(|(field, _)| field == name);
                value.is_some_and(|(_, value)| template.matches(value, self).is_ok())
            })
    }

    fn near(&self, item: &Item, matching: &Matching) -> Option<Near> {
        let why = self.mismatch(item, matching)?;
        let diff = match (&item.body, matching) {
            (Body::Stanza(node), Matching::Stanza(pattern)) => pattern.diff(node, self),
            (Body::Fields(seen), Matching::Fields(wanted)) => fields::diff(seen, wanted, self),
            _ => return None,
        };
        Some(Near { entry: item.entry.clone(), actual: item.body.show(), why, diff })
    }

    /// Why nothing can be said of a rule that a step waits for, if that is the last that was found of it.
    pub fn open(&self, expect: &Expect) -> Option<String> {
        let Matching::Fields(wanted) = &expect.matching else { return None };
        let wanted = wanted.iter().filter(|(name, _)| name != "grade").cloned().collect();
        let wanted = Matching::Fields(wanted);
        let rules = self.items.iter().rev().filter(|_| expect.kind == Kind::Rule);
        let mut same = rules.filter(|item| item.is_for(expect) && self.fits(item, &wanted));
        let last = same.next().filter(|item| item.body.has(&("grade", "open".to_owned())))?;
        let Body::Fields(seen) = &last.body else { return None };
        seen.iter().find(|(name, _)| *name == "why").map(|(_, why)| why.clone())
    }

    /// How much of what is expected an observation has; another stanza altogether has nothing.
    fn satisfied(&self, item: &Item, matching: &Matching) -> usize {
        match (&item.body, matching) {
            (Body::Stanza(node), Matching::Stanza(pattern)) => pattern
                .matches(node, self)
                .map_or_else(|mismatch| mismatch.satisfied, |()| usize::MAX),
            (Body::Fields(seen), Matching::Fields(wanted)) => {
                let fits = |(name, template): &&(String, Template)| {
                    let value = seen.iter().find(|(field, _)| field == name);
                    value.is_some_and(|(_, value)| template.matches(value, self).is_ok())
                };
                wanted.iter().filter(fits).count()
            }
            _ => 0,
        }
    }

    /// Where something should have been decrypted, what could not be is the nearest there is.
    fn undecryptable_instead(&self, expect: &Expect) -> Option<Near> {
        let is_it = |item: &&Item| item.kind == Kind::Undecryptable && item.at == expect.at;
        let item =
            self.items.iter().rev().filter(|_| expect.kind == Kind::Decrypted).find(is_it)?;
        let why = "it could not be decrypted".to_owned();
        let mut diff = self.expected(expect);
        diff.lines.extend(item.body.unexpected().lines);
        Some(Near { entry: item.entry.clone(), actual: item.body.show(), why, diff })
    }

    fn position(&self, expect: &Expect, from: usize) -> Option<usize> {
        let items = self.items.iter().enumerate().skip(from);
        items
            .filter(|(_, item)| item.is_for(expect))
            .find(|(_, item)| self.fits(item, &expect.matching))
            .map(|(at, _)| at)
    }

    /// The same as [`Self::mismatch`] without words, which most observations need not be wasted on.
    fn fits(&self, item: &Item, matching: &Matching) -> bool {
        match (&item.body, matching) {
            (Body::Stanza(node), Matching::Stanza(pattern)) => pattern.fits(node, self),
            (Body::Fields(fields), Matching::Fields(wanted)) => {
                wanted.iter().all(|(name, template)| {
                    let actual = fields.iter().find(|(field, _)| field == name);
                    let fits = |actual: &str| template.fits(actual.as_bytes(), self);
                    actual.is_some_and(|(_, actual)| fits(actual).unwrap_or(false))
                })
            }
            _ => false,
        }
    }

    fn mismatch(&self, item: &Item, matching: &Matching) -> Option<String> {
        match (&item.body, matching) {
            (Body::Stanza(node), Matching::Stanza(pattern)) => {
                pattern.matches(node, self).err().map(|mismatch| mismatch.to_string())
            }
            (Body::Fields(fields), Matching::Fields(wanted)) => {
                wanted.iter().find_map(|(name, template)| {
                    let actual = fields.iter().find(|(field, _)| field == name);
                    let Some((_, actual)) = actual else {
                        return Some(format!("`{name}` is absent"));
                    };
                    template.matches(actual, self).err().map(|why| format!("`{name}`: {why}"))
                })
            }
            _ => Some("another kind".into()),
        }
    }

    /// A value by its dotted path.
    pub fn value(&self, path: &str) -> Option<String> {
        if let Some(value) = self.bound.get(path) {
            return Some(value.clone());
        }
        if let Some(key) = path.strip_prefix("profile.") {
            return self.profile.text(key).map(str::to_owned);
        }
        if let Some(count) = path.strip_prefix("fill.") {
            return filling(count);
        }
        let (_, template) = self.scenario.vars.iter().find(|(name, _)| name == path)?;
        template.render(self).ok()
    }
}

impl Scope for Board<'_> {
    fn lookup(&self, path: &str) -> Option<String> {
        self.value(path)
    }
}

impl Item {
    fn is_for(&self, expect: &Expect) -> bool {
        // What was expected as a receipt may say as well that its message was taken.
        let takes = matches!(&expect.matching, Matching::Stanza(pattern) if pattern.is_taking());
        (!self.consumed || takes) && self.kind == expect.kind && self.at == expect.at
    }

    fn has_fields(&self) -> bool {
        matches!(self.body, Body::Fields(_))
    }
}
