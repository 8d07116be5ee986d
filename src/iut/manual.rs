//! A person as the adapter (`adapter: manual`): operations become instructions, and what the app
//! shows is typed.
//!
//! [`serve`] speaks the driver protocol on one side and to the person on the other. No app shows ids
//! of messages and few show the own address: where the person types nothing for one, the harness
//! takes it from the wire ([`UNSEEN`]). All else is the person's word: what is not confirmed was not
//! done, and who a message is from is asked for, since the wire must not answer that for the app.

use std::collections::BTreeSet;
use std::io::{self, BufRead, Read as _};

use serde_json::{Value, json};
use tokio::io::{AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf};
use tokio::sync::mpsc;

use super::instruction::{self, UNSEEN_LOGIN};
use super::question::Question;
use crate::driver::line::Closed;
use crate::driver::notification;
use crate::driver::operation::{self, Kind, Operation};
use crate::driver::session::{Hello, Identity};
use crate::driver::{self, ErrorClass, Params, RpcError, Seat, ServerEvent, message};
use crate::limits::{DRIVER_LINES_QUEUED_MAX, LOG_LINE_BYTES_MAX};

/// What the file says of the implementation that the person holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub name: String,
    pub version: String,
    pub seats: Vec<Seat>,
    /// A file or pipe with the person's lines, where nobody sits at the terminal.
    pub answers: Option<std::path::PathBuf>,
    /// The hooks that the person can carry out with the app: some of [`HOOKS`].
    pub hooks: Vec<&'static str>,
}

/// The hooks that a person may have: what can be switched or read in an app or at its server.
pub const HOOKS: &[&str] =
    &["fingerprint", "set_account_state", "set_app_state", "set_read_receipts"];

/// Bytes on their way between harness and person.
const BUFFER_BYTES: usize = 64 * 1024;

const HELP: &str = "\
Do what follows each >, then answer each ?: Enter when it is done, or what is
asked for; `no WHY` if it failed (an error class may come first: `no forbidden:
too young`); `none` if the app has no such thing.
Whatever the app shows meanwhile, type it as soon as it does:
    message TEXT      receipt ID sent|delivered|read|failed
    connection open|closed|refused      woken      notice TEXT
    reaction ID EMOJI (no emoji: taken back)       typing on|off
    error CLASS       help
With several users, put the user first: @USER message TEXT";

/// Width of what is told; it fits a terminal of 80 columns.
const WIDTH: usize = 79;

/// Starts to talk to a person and gives the harness's end of the line.
///
/// # Panics
/// Outside a Tokio runtime.
pub fn serve<R, W>(
    held: Held,
    input: R,
    output: W,
) -> (ReadHalf<DuplexStream>, WriteHalf<DuplexStream>)
where
    R: BufRead + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let (near, far) = tokio::io::duplex(BUFFER_BYTES);
    let (reader, writer) = tokio::io::split(far);
    let (line, requests) = driver::Server::new(reader, writer);
    let (typed, lines) = mpsc::channel(DRIVER_LINES_QUEUED_MAX);
    // A thread of its own: nothing can take a terminal's reader back, and a pool would wait for it.
    std::thread::spawn(move || read(input, &typed));
    let talk = Talk { held, line, lines, output, account: None, accounts: BTreeSet::new() };
    // It ends with the harness, or with the person.
    tokio::spawn(async move { drop(talk.run(requests).await) });
    tokio::io::split(near)
}

fn read(mut input: impl BufRead, typed: &mpsc::Sender<String>) {
    loop {
        let mut line = Vec::new();
        let limit = LOG_LINE_BYTES_MAX as u64;
        match (&mut input).take(limit).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line).trim().to_owned();
        if typed.blocking_send(text).is_err() {
            break;
        }
    }
}

struct Talk<W> {
    held: Held,
    line: driver::Server,
    lines: mpsc::Receiver<String>,
    output: W,
    /// The user of whom was spoken last.
    account: Option<String>,
    accounts: BTreeSet<String>,
}

/// Why the conversation is over.
enum Over {
    Harness,
    Terminal,
}

impl From<Closed> for Over {
    fn from(_: Closed) -> Self {
        Self::Harness
    }
}

impl From<io::Error> for Over {
    fn from(_: io::Error) -> Self {
        Self::Terminal
    }
}

/// What an operation came to; a failure is the person's word, too.
type Outcome = Result<Value, RpcError>;

impl<W: AsyncWrite + Unpin> Talk<W> {
    async fn run(mut self, mut requests: mpsc::Receiver<ServerEvent>) -> Result<(), Over> {
        self.say(&format!("You are the adapter of {}.\n{HELP}", self.held.name)).await?;
        loop {
            tokio::select! {
                request = requests.recv() => {
                    let Some(ServerEvent::Request { id, method, params }) = request else {
                        return Ok(());
                    };
                    let outcome = self.asked(&method, &params).await?;
                    self.line.respond(id, outcome).await?;
                }
                // Lines of a script wait until something is asked.
                Some(text) = self.lines.recv(), if self.held.answers.is_none() => {
                    if !text.is_empty() && !self.seen(&text).await? {
                        self.complain("nothing was asked, so that was not taken; type: help").await?;
                    }
                }
            }
        }
    }

    async fn asked(&mut self, method: &str, params: &Params) -> Result<Outcome, Over> {
        if let Some(account) = params.get("account").and_then(Value::as_str) {
            self.account = Some(account.to_owned());
            self.accounts.insert(account.to_owned());
        }
        match method {
            "hello" => Ok(Ok(self.hello())),
            "health" => match params.get("x-expected").and_then(Question::read) {
                Some(question) => self.ask_whether(&question).await,
                None => {
                    self.say("? What did the app show meanwhile? Type it; Enter when that is all.")
                        .await?;
                    Ok(self.answer().await?.map(|_| json!({})))
                }
            },
            "stop" => {
                self.say("  That was all; thank you.").await?;
                Ok(Ok(json!({})))
            }
            _ => match operation::find(method).filter(|known| self.can_do(known)) {
                Some(known) => self.instruct(known, params).await,
                None => Ok(Err(RpcError::method_not_found())),
            },
        }
    }

    /// A yes is a notification; what the app shows instead may be typed, too.
    async fn ask_whether(&mut self, question: &Question) -> Result<Outcome, Over> {
        self.account = Some(question.account.clone());
        self.accounts.insert(question.account.clone());
        self.say(&question.render()).await?;
        while let Some(typed) = self.lines.recv().await {
            match typed.as_str() {
                "yes" | "y" => {
                    self.notify(question.name, question.params.clone()).await?;
                    break;
                }
                "" | "no" | "n" => break,
                _ if self.seen(&typed).await? => {}
                _ => self.complain("that was not taken. yes or no?").await?,
            }
        }
        Ok(Ok(json!({})))
    }

    /// A person has the hooks that the file names, and would have to type a whole thread.
    fn can_do(&self, known: &Operation) -> bool {
        known.name != "thread"
            && (known.kind != Kind::Hook || self.held.hooks.contains(&known.name))
    }

    fn hello(&self) -> Value {
        let Held { name, version, seats, hooks, .. } = self.held.clone();
        json!(Hello {
            driver: message::VERSION.to_owned(),
            iut: Identity { name, version },
            seats,
            capabilities: hooks
                .iter()
                .map(|hook| ((*hook).to_owned(), Value::Bool(true)))
                .collect(),
        })
    }

    /// Asks until the answer fits the operation.
    async fn instruct(
        &mut self,
        known: &'static Operation,
        params: &Params,
    ) -> Result<Outcome, Over> {
        let wanted = instruction::wanted(known.name, params);
        self.say(&instruction::render(known.name, params)).await?;
        self.say(&format!("? Done? {wanted}; or: no WHY, or: none")).await?;
        loop {
            let typed = match self.answer().await? {
                Ok(typed) => typed,
                Err(error) => return Ok(Err(error)),
            };
            let result = instruction::result(known.name, params, &typed);
            match known.check_result(&result) {
                Ok(()) => return Ok(Ok(result)),
                Err(error) => self.complain(&format!("that does not fit: {error}. Again:")).await?,
            }
        }
    }

    /// The next line that is no notification. `no WHY` is a failure, `none` a lack of the app; done
    /// is an empty line, by whatever word.
    async fn answer(&mut self) -> Result<Result<String, RpcError>, Over> {
        loop {
            let Some(typed) = self.lines.recv().await else {
                let why = "nobody answers: the terminal is closed";
                return Ok(Err(RpcError::failed(ErrorClass::Unavailable, why)));
            };
            match typed.split_once(' ').unwrap_or((&typed, "")) {
                ("none", "") => return Ok(Err(RpcError::method_not_found())),
                ("no" | "n", why) => return Ok(Err(failure(why.trim()))),
                ("" | "yes" | "y" | "done", "") => return Ok(Ok(String::new())),
                _ if self.seen(&typed).await? => {}
                _ => return Ok(Ok(typed)),
            }
        }
    }

    /// Passes on what the app showed; false if the line says nothing of that kind.
    async fn seen(&mut self, typed: &str) -> Result<bool, Over> {
        if typed == "help" {
            self.say(HELP).await?;
            return Ok(true);
        }
        let addressed = typed.strip_prefix('@').and_then(|rest| rest.split_once(' '));
        let (account, said) = match addressed {
            Some((account, said)) => (Some(account.to_owned()), said.trim()),
            None => (self.account.clone(), typed),
        };
        let Some((name, mut params)) = instruction::shown(said) else { return Ok(false) };
        let Some(account) = account.filter(|account| self.accounts.contains(account)) else {
            self.complain("there is no such user yet, so that was not taken").await?;
            return Ok(true);
        };
        params.insert("account".to_owned(), Value::from(account));
        self.notify(name, params).await?;
        Ok(true)
    }

    /// Passes a notification on, with its sender, or says why not.
    async fn notify(&mut self, name: &'static str, mut params: Params) -> Result<(), Over> {
        if matches!(name, "message" | "reaction" | "typing") && !params.contains_key("from") {
            let from = self.sender().await?;
            params.insert("from".to_owned(), Value::from(from));
        }
        match notification::find(name).map(|kind| kind.check(&params)) {
            Some(Ok(())) => self.line.notify(name, params).await?,
            Some(Err(error)) => {
                self.complain(&format!("that is no {name}, and was not taken: {error}")).await?;
            }
            None => self.complain(&format!("there is no {name}, so that was not taken")).await?,
        }
        Ok(())
    }

    /// The wire knows who sent a message; only the app knows whom it shows.
    async fn sender(&mut self) -> Result<String, Over> {
        self.say("? From whom, as the app shows it: a number; Enter if it shows none").await?;
        let typed = self.lines.recv().await.unwrap_or_default();
        Ok(match typed.as_str() {
            "" => UNSEEN_LOGIN.to_owned(),
            address if address.contains('@') => address.to_owned(),
            number => format!("{}@s.whatsapp.net", number.replace(['+', ' ', '-'], "")),
        })
    }

    async fn complain(&mut self, text: &str) -> Result<(), Over> {
        let indents = textwrap::Options::new(WIDTH).initial_indent("  ").subsequent_indent("  ");
        self.say(&textwrap::fill(text, indents)).await
    }

    async fn say(&mut self, text: &str) -> Result<(), Over> {
        self.output.write_all(format!("{text}\n").as_bytes()).await?;
        Ok(self.output.flush().await?)
    }
}

/// The first word may be an error class; what is none is the implementation's own matter.
fn failure(why: &str) -> RpcError {
    let class = why.split([' ', ':']).next().and_then(|word| word.parse().ok());
    RpcError::failed(class.unwrap_or(ErrorClass::Internal), why)
}

#[cfg(test)]
mod tests;
