//! What happens by request: typed commands, commands to the user `control`, and the reactions of
//! test users.

use std::time::{Duration, Instant};

use serde_json::json;

use super::command::{COMMANDS, Command};
use super::greeting::{TOKEN_PATH, guest_lines, user_lines};
use super::guests::{self, GUESTS, Guest, Reaction};
use super::host::Host;
use super::mischief::{KINDS, Mischief};
use super::paint::{Ink, Line};
use crate::clock::UnixMs;
use crate::evidence::{Direction, Entry, Event, Lane};
use crate::http::{HttpRequest, HttpResponse};
use crate::limits::REPLIES_PER_S_MAX;
use crate::role::meta::{MediaOrder, Push};
use crate::scenario::ContentFault;
use crate::stanza::iq;
use crate::wire::jid::{LID, PHONE};
use crate::wire::{Jid, Node, binary};

/// What came of a command: lines to show, or what was wrong.
type Outcome = Result<Vec<Line>, String>;

impl Host {
    /// Carries out a typed line; false if it ends the counterpart.
    pub(super) fn typed(&mut self, line: &str) -> bool {
        let outcome = match Command::parse(line) {
            Ok(None) => return true,
            Ok(Some(Command::Quit)) => return false,
            Ok(Some(command)) => self.perform(command, None),
            Err(why) => Err(why),
        };
        match outcome {
            Ok(lines) => self.screen.show(&lines),
            Err(why) => self.say(Ink::Bad, &why),
        }
        true
    }

    /// Carries out a command. `by` is the user who wrote it to `control`: what names nobody is
    /// meant for it.
    fn perform(&mut self, command: Command, by: Option<&str>) -> Outcome {
        self.meta.tell_time(UnixMs::now());
        self.meta.set_faults(self.mischief.faults.clone());
        match command {
            Command::Help => Ok(help()),
            Command::Users => Ok(self.users()),
            Command::Faults => Ok(self.faults()),
            Command::Fault(None) => {
                self.mischief = Mischief::default();
                Ok(said("no fault is in force"))
            }
            Command::Fault(Some(text)) => {
                self.mischief.add(&text)?;
                Ok(said(&format!("in force: {}", self.mischief.words().join(", "))))
            }
            Command::Say { from, to, text } => {
                let content = self.mischief.content;
                self.each(to.as_deref().or(by), "wrote", |host, who| {
                    host.meta.send_text(Lane::Main, from, who, &text, content).map(|_| ())
                })
            }
            Command::File { from, to, kind, bytes } => {
                let word = self.canary();
                self.each(to.as_deref().or(by), "sent a file", |host, who| {
                    let order = MediaOrder {
                        kind,
                        bytes,
                        word: word.clone(),
                        mimetype: None,
                        caption: None,
                        name: None,
                        thumbnail: None,
                        fault: None,
                        host: None,
                        honeypot: String::new(),
                    };
                    host.meta.send_media(Lane::Main, from, who, &order).map(|_| ())
                })
            }
            Command::Ping(who) => self.each(who.as_deref().or(by), "pinged", |host, who| {
                let id = format!("ping-{}", UnixMs::now().0);
                host.meta.send_stanza(Lane::Main, who, iq::server_ping(&id))
            }),
            Command::Drop(who) => self.each(who.as_deref().or(by), "dropped", |host, who| {
                host.meta.hang_up(Lane::Main, who)
            }),
            Command::Push(who) => self.push(who.as_deref().or(by)),
            Command::Token(who) => self.token(who.as_deref().or(by).unwrap_or("alice")),
            Command::Quit => Err("only who started it can end it: type `quit` there".into()),
        }
    }

    /// Does something for one user, or for all who are online.
    fn each(
        &mut self,
        who: Option<&str>,
        what: &str,
        act: impl Fn(&mut Self, &str) -> Result<(), String>,
    ) -> Outcome {
        let online = self.meta.accounts().iter().filter(|account| account.is_online());
        let online: Vec<String> = online.map(|account| account.user.actor.clone()).collect();
        let targets = match who {
            Some(who) => vec![self.known(who)?],
            None if online.is_empty() => return Err("nobody of yours is online".into()),
            None => online,
        };
        for target in &targets {
            act(self, target)?;
        }
        Ok(said(&format!("{what}: {}", targets.join(", "))))
    }

    /// The user of this name or address.
    fn known(&self, who: &str) -> Result<String, String> {
        let accounts = self.meta.accounts();
        let found = accounts
            .iter()
            .find(|account| account.user.actor == who || account.jid.to_string() == who);
        let names = accounts.iter().map(|account| account.user.actor.as_str());
        found.map(|account| account.user.actor.clone()).ok_or_else(|| {
            let hint = crate::span::nearest(who, names);
            let hint = hint.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            format!("there is no user `{who}` of yours{hint}")
        })
    }

    fn push(&mut self, who: Option<&str>) -> Outcome {
        if self.options.server.is_none() {
            return Err("a push goes to your server: name it with --server URL".into());
        }
        let enlisted = self.meta.accounts().iter().filter(|account| account.enlisted);
        let targets = match who {
            Some(who) => vec![self.known(who)?],
            None => enlisted.map(|account| account.user.actor.clone()).collect(),
        };
        for to in &targets {
            let push = Push {
                lane: Lane::Main,
                to: to.clone(),
                label: None,
                fault: self.mischief.push,
                body: None,
            };
            self.meta.push(push)?;
        }
        Ok(said(&format!("pushed: {}", targets.join(", "))))
    }

    fn token(&self, who: &str) -> Outcome {
        if self.options.server.is_some() {
            return Err("your own server issues the tokens".into());
        }
        Ok(vec![Line::new(0, 0).text(self.meta.stand_in_token(who))])
    }

    /// The answer to a request for a token of the stand-in server's.
    pub(super) fn token_response(&mut self, request: &HttpRequest) -> Option<HttpResponse> {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        if path != TOKEN_PATH || self.options.server.is_some() {
            return None;
        }
        let user = query.split('&').find_map(|pair| pair.strip_prefix("user="));
        let plain = |user: &&str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_.@+".contains(c);
            !user.is_empty() && user.len() <= 64 && user.chars().all(plain)
        };
        Some(match user.filter(plain) {
            Some(user) => {
                self.meta.tell_time(UnixMs::now());
                HttpResponse::json(200, &json!({ "jwt": self.meta.stand_in_token(user) }))
            }
            None => HttpResponse::json(400, &json!({ "error": "user=NAME is wanted" })),
        })
    }

    fn users(&self) -> Vec<Line> {
        let mut out = user_lines(&self.meta);
        out.extend(guest_lines(&self.options.profile));
        out
    }

    fn faults(&self) -> Vec<Line> {
        let mut out: Vec<Line> = KINDS
            .iter()
            .map(|kind| {
                let line = Line::new(2, 22).with(Ink::Name, format!("{:<19} ", kind.name));
                line.text(format!("{}: {}", kind.about, kind.choice()))
            })
            .collect();
        let words = self.mischief.words();
        let words = if words.is_empty() { "nothing".to_owned() } else { words.join(", ") };
        out.push(Line::new(2, 4).text(format!("in force: {words}")));
        out
    }

    /// Says what would otherwise look as if nothing happened.
    pub(super) fn remark(&mut self, entry: &Entry) {
        let Event::Stanza { direction: Direction::Received, bytes, .. } = &entry.event else {
            return;
        };
        let node = bytes.bytes().and_then(|bytes| binary::decode(&bytes).ok());
        let Some(node) = node.map(|captured| captured.node) else { return };
        let to = node.jid("to");
        if node.tag == "message" && to.as_ref().is_some_and(|jid| !self.is_here(jid)) {
            let to = to.map(|jid| jid.to_string()).unwrap_or_default();
            self.say(Ink::Care, &format!("nobody here is {to}; `users` lists everybody"));
        }
        if node.tag == "receipt" && node.text("type").as_deref() == Some("retry") {
            self.say(Ink::Care, "your client asks for a message again; test users do not resend");
        }
    }

    fn is_here(&self, jid: &Jid) -> bool {
        let native = |jid: &Jid| jid.server == PHONE || jid.server == LID;
        let guest = |other: Jid| native(jid) && other.user == jid.user;
        let profile = &self.options.profile;
        GUESTS.iter().any(|other| guest(other.jid(profile))) || self.account_of(jid).is_some()
    }

    /// A test user reacts to a text.
    pub(super) fn react(&mut self, entry: &Entry) {
        let Event::Decrypted { from, content, .. } = &entry.event else { return };
        let guest = entry.actor.as_deref().and_then(guests::find);
        let account = from.parse::<Jid>().ok().and_then(|jid| self.account_of(&jid));
        let (Some(guest), Some(to)) = (guest, account) else { return };
        if guest.reaction == Reaction::Nothing {
            return;
        }
        if !self.may_reply() {
            let why = format!("{} is silent: {REPLIES_PER_S_MAX} answers a second", guest.name);
            return self.say(Ink::Care, &why);
        }
        self.meta.tell_time(UnixMs::now());
        self.meta.set_faults(self.mischief.faults.clone());
        if let Err(why) = self.reply(guest, &to, content) {
            self.say(Ink::Care, &format!("{} cannot answer {to}: {why}", guest.name));
        }
    }

    fn account_of(&self, jid: &Jid) -> Option<String> {
        let accounts = self.meta.accounts().iter();
        let mut same = accounts.filter(|account| account.jid.bare() == jid.bare());
        same.next().map(|account| account.user.actor.clone())
    }

    /// Two clients that answer each other must not spin.
    fn may_reply(&mut self) -> bool {
        let now = Instant::now();
        let old =
            |at: &tokio::time::Instant| now.duration_since(at.into_std()) > Duration::from_secs(1);
        while self.replies.front().is_some_and(old) {
            self.replies.pop_front();
        }
        let may = self.replies.len() < REPLIES_PER_S_MAX;
        if may {
            self.replies.push_back(tokio::time::Instant::from_std(now));
        }
        may
    }

    fn reply(&mut self, guest: &Guest, to: &str, content: &str) -> Result<(), String> {
        let count = content.chars().count();
        let text = match guest.reaction {
            Reaction::Echoes => content.to_owned(),
            Reaction::Obeys => self.obey(content, to),
            _ => format!("{} got {count} characters", guest.name),
        };
        if guest.reaction == Reaction::Babbles {
            self.babble(guest, to)?;
        }
        let fault = match guest.reaction {
            Reaction::Spoils(fault) => Some(fault),
            _ => self.mischief.content,
        };
        let sent = self.send(guest, to, &text, fault)?;
        if guest.reaction == Reaction::Replays {
            for same_id in [true, false] {
                self.meta.replay(Lane::Main, guest.name, to, &sent, same_id, None)?;
            }
        }
        Ok(())
    }

    fn send(
        &mut self,
        guest: &Guest,
        to: &str,
        text: &str,
        fault: Option<ContentFault>,
    ) -> Result<String, String> {
        let sent = self.meta.send_text(Lane::Main, guest.name, to, text, fault)?;
        Ok(sent.id)
    }

    /// Carries out a command that was written to `control`, and says what came of it.
    fn obey(&mut self, text: &str, by: &str) -> String {
        let outcome = match Command::parse(text) {
            Ok(Some(command)) => self.perform(command, Some(by)),
            Ok(None) => Ok(help()),
            Err(why) => Err(why),
        };
        let paper = super::paint::Paper { colour: false, width: 72 };
        match outcome {
            Ok(lines) => paper.write(&lines).trim_end().to_owned(),
            Err(why) => why,
        }
    }

    /// Stanzas that nobody knows (STZ-013).
    fn babble(&mut self, guest: &Guest, to: &str) -> Result<(), String> {
        let from = self.meta.jid_of(Lane::Main, guest.name).unwrap_or_else(Jid::server);
        let id = format!("unknown-{}", UnixMs::now().0);
        let stanzas = [
            Node::new("novelty").attr("id", id.clone()).attr("from", from),
            iq::request(&id, iq::IqType::Get, "urn:counterpart:unknown")
                .child(Node::new("novelty")),
        ];
        stanzas.into_iter().try_for_each(|node| self.meta.send_stanza(Lane::Main, to, node))
    }
}

fn help() -> Vec<Line> {
    let commands = COMMANDS.iter().map(|(name, args, about)| {
        let line = Line::new(2, 26).with(Ink::Name, format!("{:<23} ", format!("{name} {args}")));
        line.text(*about)
    });
    commands.collect()
}

fn said(text: &str) -> Vec<Line> {
    vec![Line::new(0, 2).with(Ink::Good, text)]
}
