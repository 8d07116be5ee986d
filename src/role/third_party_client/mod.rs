//! One user of the reference third party: a client of Meta's chat protocol (TF Parts 1 to 3).
//!
//! Main type: [`ThirdPartyClient`]. Bytes, time and the user's commands go in, [`Output`]s come out.
//! It owns no socket and asks nobody for the time; all randomness comes from seed streams that are
//! named by the user-visible identifier, so that a run repeats. A [`Fault`] makes it wrong in one
//! way, at the one line where a right implementation differs.

mod blocking;
mod contents;
mod download;
mod effect;
mod enlist;
mod handshake;
mod kept;
mod lax;
mod leaks;
mod leaving;
mod link;
mod login;
mod media;
mod misdecrypt;
mod misform;
mod mismedia;
mod misread;
mod miswrite;
mod outbox;
mod postponed;
mod reach;
mod reactions;
mod receive;
mod recent;
mod requests;
mod restart;
mod retries;
mod send;
mod settings;
#[cfg(test)]
mod tests;
mod threads;
mod typing;
mod upkeep;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rand::Rng as _;

pub use crate::e2ee::media::MediaKind;
pub use effect::{
    CallId, Command, ConnectionState, Failure, FailureKind, FileState, MessageState, Notification,
    Output, Reply,
};
pub use media::FileToSend;
pub use settings::{Settings, SettingsError, Values};
pub use threads::ThreadItem;

use crate::clock::UnixMs;
use crate::e2ee::{OneTimePrekey, Party};
use crate::limits::{COMMAND_WAIT_MS_MAX, IDS_REMEMBERED_MAX, WAKE_PAUSE_MS};
use crate::noise::KeyPair;
use crate::role::quirk::Fault;
use crate::role::{FetchId, Input};
use crate::seed::Rng;
use crate::wire::{Jid, Node};
use recent::Recent;

/// A message id with the user who sent it.
type MessageKey = (Jid, String);

/// One user of the third party.
pub struct ThirdPartyClient {
    settings: Arc<Settings>,
    visible_id: String,
    /// What the user is called. Nothing in interoperability needs it, so only faults tell it.
    name: String,
    fault: Option<Fault>,
    now: UnixMs,
    party: Box<dyn Party>,
    ephemerals: Rng,
    ids: Rng,
    paddings: Rng,
    jitter: Rng,
    enlistment: enlist::Enlistment,
    connection: link::Connection,
    waiting: Vec<Waiting>,
    requests: BTreeMap<String, requests::Asked>,
    iq_prefix: String,
    asked_so_far: u64,
    ping_at: Option<UnixMs>,
    upkeep: upkeep::Upkeep,
    /// The first token; only a fault keeps it.
    kept_token: Option<String>,
    /// The one-time prekeys of the first upload; only a fault keeps them.
    first_batch: Vec<OneTimePrekey>,
    drafts: Vec<send::Draft>,
    outbox: outbox::Outbox,
    threads: threads::Threads,
    /// Contents of own messages that are more than a text, to send them again.
    contents: Recent<MessageKey, Vec<u8>>,
    reactions: reactions::Reactions,
    /// Who types, and until when that is believed.
    typing: BTreeMap<Jid, UnixMs>,
    /// Indicators that nobody was told of; only a fault fills it.
    kept_typing: Vec<(Jid, bool)>,
    blocking: blocking::Blocking,
    leaving: leaving::Leaving,
    /// How often a user was told that this one can be reached.
    announced: Recent<Jid, u64>,
    /// Files on their way to the own server.
    uploads: BTreeMap<CallId, media::Uploading>,
    /// The references of own messages that hold a file, until their message went out.
    references: BTreeMap<String, String>,
    /// Files on their way here.
    downloads: Vec<download::Download>,
    fetches_of_files: FetchId,
    media_rng: Rng,
    /// What stands in clear beside the ciphertext of a message; only a fault sets it.
    clear_beside: Option<(String, Node)>,
    /// What messages said of their time; only a fault fills it.
    times: Recent<MessageKey, u64>,
    /// Messages that were decrypted.
    seen: Recent<MessageKey, ()>,
    /// How often a message was asked for again.
    asked_again: Recent<MessageKey, u32>,
    /// How often an own message was sent again.
    sent_again: Recent<MessageKey, u32>,
    /// Plaintexts by the digest of their ciphertext; only a fault fills it.
    kept: Recent<[u8; 32], Vec<u8>>,
    /// How often the program was started anew.
    starts: u32,
    /// Something changed since the state was last written down.
    unsaved: bool,
    /// Messages that were acknowledged and not handled; only a fault fills it.
    postponed: Vec<(UnixMs, Node)>,
    /// Keys as they were before the first message; only a fault goes back to them.
    unused: Option<Box<dyn Party>>,
    /// Codes that the user has compared, by peer.
    compared: BTreeMap<Jid, String>,
    /// Keys and sessions as they were before a message that nobody has acknowledged; only a fault
    /// goes back to them.
    checkpoint: Option<Box<dyn Party>>,
    /// Messages as they went out; only a fault sends one again.
    stanzas: Recent<MessageKey, Node>,
    /// Messages that were decrypted so far; only a fault minds.
    received: u64,
    /// Peers who began a session at the same time; only a fault minds.
    crossed: BTreeSet<Jid>,
    /// The user's switch: senders hear that their messages were read (RCP-011).
    tells_reading: bool,
    /// The app is on the screen; only a fault minds.
    in_front: bool,
    /// Only a fault sets it: no more sessions.
    rate_limited: bool,
    woken_at: Option<UnixMs>,
    alarm: Option<UnixMs>,
    /// A stanza came that no client knows.
    puzzled: bool,
    /// Something came that this process does not survive; only a fault sets it.
    doomed: bool,
    /// Stanzas that wait until all that came with them is there; only a fault keeps them.
    batch: Vec<Node>,
    /// A content came that only a fault takes harm from.
    stricken: bool,
    /// What is for the process's log; only a fault writes any.
    log_lines: Vec<String>,
    /// The text that was sent last; only a fault keeps it here.
    /// Whom a wrapper in the last content named; only a fault looks at it.
    wrapped_for: Option<Jid>,
    last_text: String,
    out: VecDeque<Output>,
}

/// A command that waits for its end.
struct Waiting {
    call: CallId,
    purpose: Purpose,
    until: UnixMs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Enlist,
    Connect,
    /// A request to the server of this call alone.
    Service(CallId),
}

impl ThirdPartyClient {
    /// A user who has not opted in yet, with keys that follow from the seed.
    pub fn new(settings: Arc<Settings>, visible_id: &str, fault: Option<Fault>) -> Self {
        Self::started(settings, visible_id, fault, 0)
    }

    /// Takes the display name that the user has chosen.
    pub fn set_name(&mut self, name: &str) {
        name.clone_into(&mut self.name);
    }

    /// The same in a program that was started so often before: what is drawn, is drawn for the first
    /// time.
    fn started(
        settings: Arc<Settings>,
        visible_id: &str,
        fault: Option<Fault>,
        starts: u32,
    ) -> Self {
        let stream = |purpose: &str| match starts {
            0 => stream(&settings, visible_id, purpose),
            _ => stream(&settings, visible_id, &format!("{purpose}, start {starts}")),
        };
        let mut ids = stream("ids");
        let [a, b] = [ids.next_u32() >> 16, ids.next_u32() >> 16];
        let party = settings.signal.party_with(stream("signal"), fault);
        Self {
            visible_id: visible_id.to_owned(),
            name: String::new(),
            fault,
            now: UnixMs::default(),
            party,
            ephemerals: stream("noise-ephemeral"),
            ids,
            paddings: stream("padding"),
            jitter: stream("jitter"),
            enlistment: enlist::Enlistment::default(),
            connection: link::Connection::default(),
            waiting: Vec::new(),
            requests: BTreeMap::new(),
            iq_prefix: format!("{a}.{b}"),
            asked_so_far: 0,
            ping_at: None,
            upkeep: upkeep::Upkeep::default(),
            kept_token: None,
            first_batch: Vec::new(),
            drafts: Vec::new(),
            outbox: outbox::Outbox::default(),
            threads: threads::Threads::default(),
            contents: Recent::new(IDS_REMEMBERED_MAX),
            reactions: reactions::Reactions::default(),
            typing: BTreeMap::new(),
            kept_typing: Vec::new(),
            blocking: blocking::Blocking::default(),
            leaving: leaving::Leaving::default(),
            announced: Recent::new(IDS_REMEMBERED_MAX),
            uploads: BTreeMap::new(),
            references: BTreeMap::new(),
            downloads: Vec::new(),
            fetches_of_files: 0,
            media_rng: stream("media"),
            clear_beside: None,
            times: Recent::new(IDS_REMEMBERED_MAX),
            seen: Recent::new(IDS_REMEMBERED_MAX),
            asked_again: Recent::new(IDS_REMEMBERED_MAX),
            sent_again: Recent::new(IDS_REMEMBERED_MAX),
            kept: Recent::new(IDS_REMEMBERED_MAX),
            starts,
            unsaved: false,
            postponed: Vec::new(),
            unused: None,
            compared: BTreeMap::new(),
            checkpoint: None,
            stanzas: Recent::new(IDS_REMEMBERED_MAX),
            received: 0,
            crossed: BTreeSet::new(),
            tells_reading: true,
            in_front: true,
            rate_limited: false,
            woken_at: None,
            alarm: None,
            puzzled: false,
            doomed: false,
            batch: Vec::new(),
            stricken: false,
            log_lines: Vec::new(),
            wrapped_for: None,
            last_text: String::new(),
            out: VecDeque::new(),
            settings,
        }
    }

    /// The identifier under which people know the user.
    pub fn visible_id(&self) -> &str {
        &self.visible_id
    }

    /// Says whether a stanza came that no client knows, since it was last asked.
    pub fn was_puzzled(&mut self) -> bool {
        std::mem::take(&mut self.puzzled)
    }

    /// Says whether something came that the process must not survive.
    pub fn is_doomed(&self) -> bool {
        self.doomed
    }

    /// Says whether a content came that the client's fault takes harm from.
    pub fn was_stricken(&mut self) -> bool {
        std::mem::take(&mut self.stricken)
    }

    /// Takes in what happened.
    pub fn handle(&mut self, now: UnixMs, input: Input) {
        self.now = now;
        match input {
            Input::Opened { conn } => self.opened(conn),
            Input::Bytes { conn, bytes } => self.receive(conn, &bytes),
            Input::Closed { conn, error } => self.lost(conn, error),
            Input::Response { id, result } => {
                if !self.file_answered(id, &result) {
                    self.answered(id, result);
                }
                self.changed();
            }
            Input::Wake => self.alarm = None,
            // A client listens nowhere.
            Input::Accepted { .. } | Input::Request { .. } => {}
        }
        self.tick();
    }

    /// Does what the user asks; [`Output::Done`] tells the outcome, at once or later.
    pub fn command(&mut self, now: UnixMs, call: CallId, command: Command) {
        self.now = now;
        match command {
            Command::OptIn => {
                self.enlistment.opted_in = true;
                self.done(call, Ok(Reply::Done));
            }
            Command::Enlist => self.enlist(call),
            Command::Connect => self.connect(call),
            Command::Disconnect => {
                self.disconnect();
                self.done(call, Ok(Reply::Done));
            }
            Command::SendText { to, text } => self.send_text(call, to, text),
            Command::SendMedia { to, file } => self.send_media(call, to, *file),
            Command::MarkRead { id } => self.mark_read(call, &id),
            Command::SetReadReceipts { on } => {
                self.tells_reading =
                    on && (self.tells_reading || !self.has(Fault::ReadSwitchStaysOff));
                self.done(call, Ok(Reply::Done));
            }
            Command::SetAppState { in_front } => {
                self.in_front = in_front;
                self.done(call, Ok(Reply::Done));
            }
            Command::SendReply { to, text, reply_to } => self.reply(call, to, text, &reply_to),
            Command::React { to, id, emoji } => self.react(call, to, id, &emoji),
            Command::SetTyping { to, on } => self.set_typing(call, &to, on),
            Command::OptOut => self.opt_out(call),
            Command::Block { jid } => self.change_blocklist(call, jid, true),
            Command::Unblock { jid } => self.change_blocklist(call, jid, false),
            Command::Blocklist => self.fetch_blocklist(call),
            Command::AnnounceReachability { to } => self.announce(call, &to),
            Command::Restart { kept } => self.restart(call, kept),
            Command::Preset { next_prekey_id } => self.preset(call, next_prekey_id),
            Command::Fingerprint { with } => self.fingerprint(call, &with),
        }
        self.changed();
        self.tick();
    }

    /// True once a user has an internal identifier.
    pub fn is_enlisted(&self) -> bool {
        self.enlistment.login.is_some()
    }

    /// Gives what [`Output::NeedToken`] asked for; `None` where no token is to be had.
    pub fn take_token(&mut self, now: UnixMs, token: Option<String>) {
        self.now = now;
        let none = || Failure::new(FailureKind::Unauthenticated, "there is no token");
        if std::mem::take(&mut self.enlistment.wants_token) {
            match token.clone() {
                Some(token) => self.post_form(token),
                None => self.enlistment_failed(none()),
            }
        }
        if std::mem::take(&mut self.connection.wants_token) {
            let token = match self.has(Fault::TokenKept) {
                true => {
                    self.kept_token.get_or_insert_with(|| token.unwrap_or_default()).clone().into()
                }
                false => token,
            };
            match token {
                Some(token) => self.open_link(token),
                None => self.refuse(none()),
            }
        }
        self.tick();
    }

    /// A push reached the device: the client connects by its ordinary way (PSH-007, PSH-012).
    ///
    /// Who is not enlisted is not woken (PSH-011), and repeated pushes are one (PSH-010).
    pub fn wake(&mut self, now: UnixMs, payload: Option<String>) {
        self.now = now;
        let lately =
            self.woken_at.is_some_and(|at| now < at.after(Duration::from_millis(WAKE_PAUSE_MS)));
        if self.has(Fault::EveryPushReconnects) && self.stage() == Some(link::Stage::Open) {
            self.disconnect();
        }
        let lately = lately && !self.has(Fault::EveryPushReconnects);
        if self.enlistment.login.is_some() && !lately {
            self.woken_at = Some(now);
            self.notify(Notification::Woken(payload));
            self.go_online();
        }
        self.tick();
    }

    /// What the user sees of the conversation with somebody, in order.
    pub fn thread(&self, with: &Jid) -> Vec<ThreadItem> {
        let mut items = self.threads.with(with);
        if self.has(Fault::FutureTimestampPins) {
            let time = |id: &String| self.times.get(&(with.bare(), id.clone())).copied();
            items.sort_by_key(|item| match item {
                ThreadItem::Own { id, .. } | ThreadItem::Theirs { id, .. } => time(id),
                ThreadItem::Notice(_) => None,
            });
        }
        items
    }

    /// ENL-015: nobody logs in without an enlistment.
    fn connect(&mut self, call: CallId) {
        if self.enlistment.login.is_none() && self.has(Fault::ConnectsUnenlisted) {
            self.enlistment.login = Some(self.login_whatever_was_said(None));
        }
        if self.enlistment.login.is_none() {
            if self.has(Fault::EnlistsOnConnect) {
                self.begin_enlisting();
            }
            let failure = Failure::new(FailureKind::Unauthenticated, "the user is not enlisted");
            return self.done(call, Err(failure));
        }
        if self.stage() == Some(link::Stage::Open) || self.has(Fault::ClaimsConnection) {
            return self.done(call, Ok(Reply::Done));
        }
        self.wait(call, Purpose::Connect);
        self.go_online();
    }

    fn mark_read(&mut self, call: CallId, id: &str) {
        let outcome = if self.stage() != Some(link::Stage::Open) {
            Err(Failure::new(FailureKind::Unavailable, "the user is offline"))
        } else if self.read_receipt(id) {
            Ok(Reply::Done)
        } else {
            Err(Failure::new(FailureKind::NotFound, "there is no such message"))
        };
        self.done(call, outcome);
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault.is_some_and(|own| own.includes(fault))
    }

    /// The stream of randomness for one purpose of this user.
    fn rng(&self, purpose: &str) -> Rng {
        stream(&self.settings, &self.visible_id, purpose)
    }

    /// A static key; the same name gives the same key at every login (NOI-005).
    fn static_key(&self, name: &str) -> KeyPair {
        KeyPair::generate(&mut self.rng(name))
    }

    fn notify(&mut self, notification: Notification) {
        self.out.push_back(Output::Notify(notification));
    }

    /// Tells the user something in a conversation.
    fn notice(&mut self, with: &Jid, text: &str) {
        self.threads.push(with, ThreadItem::Notice(text.to_owned()));
        self.notify(Notification::Notice(text.to_owned()));
    }

    fn done(&mut self, call: CallId, outcome: Result<Reply, Failure>) {
        self.out.push_back(Output::Done { call, outcome });
    }

    fn wait(&mut self, call: CallId, purpose: Purpose) {
        let until = self.now.after(Duration::from_millis(COMMAND_WAIT_MS_MAX));
        self.waiting.push(Waiting { call, purpose, until });
    }

    /// Ends all commands that wait for this.
    fn settle(&mut self, purpose: Purpose, outcome: &Result<Reply, Failure>) {
        let waiting = std::mem::take(&mut self.waiting);
        let (ended, kept) = waiting.into_iter().partition(|waiting| waiting.purpose == purpose);
        self.waiting = kept;
        let ended: Vec<Waiting> = ended;
        for waiting in ended {
            self.done(waiting.call, outcome.clone());
        }
    }

    /// Does what is due, and says when to come back.
    fn tick(&mut self) {
        let due = |at: Option<UnixMs>, now: UnixMs| at.is_some_and(|at| at <= now);
        self.expire_requests();
        let slow =
            self.connection.link.as_ref().filter(|_| self.stage() != Some(link::Stage::Open));
        if due(slow.map(|link| link.until), self.now) {
            self.break_link("the login took too long");
        }
        if due(self.connection.retry_at, self.now) {
            self.go_online();
        }
        if due(self.enlistment.retry_at, self.now) {
            self.begin_enlisting();
        }
        if self.stage() == Some(link::Stage::Open) && due(self.ping_at, self.now) {
            self.ping();
        }
        self.look_after_downloads();
        self.expire_typing();
        self.look_after_prekeys();
        self.handle_postponed(false);
        self.expire_commands();
        self.set_alarm();
    }

    fn expire_commands(&mut self) {
        let now = self.now;
        let waiting = std::mem::take(&mut self.waiting);
        let (late, kept) = waiting.into_iter().partition(|waiting| waiting.until <= now);
        self.waiting = kept;
        let late: Vec<Waiting> = late;
        for waiting in late {
            let failure = Failure::new(FailureKind::Unavailable, "it took too long");
            self.done(waiting.call, Err(failure));
        }
    }

    fn set_alarm(&mut self) {
        let stage = self.stage();
        let login = self.connection.link.as_ref().filter(|_| stage != Some(link::Stage::Open));
        let next = self
            .waiting
            .iter()
            .map(|waiting| waiting.until)
            .chain(self.requests.values().map(|asked| asked.until))
            .chain(login.map(|link| link.until))
            .chain(self.connection.retry_at)
            .chain(self.enlistment.retry_at)
            .chain(self.downloads.iter().map(|download| download.at).min())
            .chain(self.typing.values().copied().min())
            .chain(self.next_postponed())
            .chain(self.upkeep.next(stage == Some(link::Stage::Open)))
            .chain(self.ping_at.filter(|_| stage == Some(link::Stage::Open)))
            .min();
        if let Some(at) = next
            && self.alarm != Some(at)
        {
            self.out.push_back(Output::WakeAt(at));
        }
        self.alarm = next;
    }
}

fn stream(settings: &Settings, visible_id: &str, purpose: &str) -> Rng {
    settings.seed.rng(&["third-party", visible_id, purpose])
}
