//! A person as the adapter (`adapter: manual`): operations become instructions, and what the app
//! shows is typed.
//!
//! [`serve`] speaks the driver protocol on one side and to the person on the other. No app shows ids
//! of messages and few show the own address: where the person types nothing for one, the harness
//! takes it from the wire ([`UNSEEN`]). All else is the person's word: what is not confirmed was not
//! done, and who a message is from is asked for, since the wire must not answer that for the app.

use std::collections::BTreeSet;
use std::io::{self, BufRead, Read as _};

use serde_json::{Map, Value, json};
use tokio::io::{AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf};
use tokio::sync::mpsc;

use super::instruction::{self, UNSEEN_LOGIN};
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
}

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
            "health" => {
                self.say("? What did the app show meanwhile? Type it; Enter when that is all.")
                    .await?;
                Ok(self.answer().await?.map(|_| json!({})))
            }
            "stop" => {
                self.say("  That was all; thank you.").await?;
                Ok(Ok(json!({})))
            }
            _ => match operation::find(method).filter(|known| can_be_done(known)) {
                Some(known) => self.instruct(known, params).await,
                None => Ok(Err(RpcError::method_not_found())),
            },
        }
    }

    fn hello(&self) -> Value {
        let Held { name, version, seats, .. } = self.held.clone();
        json!(Hello {
            driver: message::VERSION.to_owned(),
            iut: Identity { name, version },
            seats,
            capabilities: Map::new(),
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
        if matches!(name, "message" | "reaction" | "typing") {
            let from = self.sender().await?;
            params.insert("from".to_owned(), Value::from(from));
        }
        match notification::find(name).map(|kind| kind.check(&params)) {
            Some(Ok(())) => self.line.notify(name, params).await?,
            Some(Err(error)) => {
                self.complain(&format!("that is no {name}, and was not taken: {error}")).await?;
            }
            None => return Ok(false),
        }
        Ok(true)
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

/// A person has no hooks, and would have to type a whole thread.
fn can_be_done(known: &Operation) -> bool {
    known.kind != Kind::Hook && known.name != "thread"
}

/// The first word may be an error class; what is none is the implementation's own matter.
fn failure(why: &str) -> RpcError {
    let class = why.split([' ', ':']).next().and_then(|word| word.parse().ok());
    RpcError::failed(class.unwrap_or(ErrorClass::Internal), why)
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::instruction::UNSEEN;
    use super::*;
    use crate::driver::{CallError, Incoming};
    use crate::iut::{Instance, Options, Timeouts};

    type Person = (Instance, mpsc::Receiver<Incoming>, DuplexStream);

    /// A person who types these lines when something is asked, and what was shown to the person.
    async fn person(lines: &'static str) -> Person {
        let (shown, output) = tokio::io::duplex(BUFFER_BYTES);
        let (name, version) = ("a phone".to_owned(), "1".to_owned());
        let seats = vec![Seat::ThirdPartyClient, Seat::ThirdPartyServer];
        let held = Held { name, version, seats, answers: Some("script".into()) };
        let (reader, writer) = serve(held, lines.as_bytes(), output);
        let harness = "counterpart 0".to_owned();
        let options = Options { harness, nonsense: 1, timeouts: Timeouts::OFF, pause: None };
        let (instance, incoming) = Instance::over(reader, writer, &options).await.unwrap();
        (instance, incoming, shown)
    }

    fn params(value: Value) -> Params {
        value.as_object().unwrap().clone()
    }

    async fn a1(instance: &Instance, operation: &str, more: Value) -> Result<Value, CallError> {
        let mut params = params(more);
        params.insert("account".to_owned(), json!("a1"));
        instance.call(operation, params).await
    }

    fn class(refused: Result<Value, CallError>) -> Option<ErrorClass> {
        match refused {
            Err(CallError::Rpc(error)) => error.class,
            other => panic!("{other:?}"),
        }
    }

    async fn configure(instance: &Instance, seat: &str) -> Result<Value, CallError> {
        let root = "0f".repeat(32);
        let place = json!({"seat": seat, "seed": 1, "instance": {
            "chat": {"tcp": "127.0.0.1:5", "ws": "ws://127.0.0.1:5/ws/chat"},
            "noise_root": root, "integrator": {"id": 1, "iss": "acme"}, "enlistment_url": "http://127.0.0.1:6/3p/interop_reg"}});
        instance.call("configure", params(place)).await
    }

    /// What was told, after everything was said.
    async fn told(instance: Instance, mut shown: DuplexStream) -> String {
        instance.stop().await;
        let mut text = vec![0; BUFFER_BYTES];
        let read = shown.read(&mut text).await.unwrap();
        let text = String::from_utf8_lossy(&text[..read]).into_owned();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        text
    }

    #[tokio::test]
    async fn operations_are_instructions_and_what_is_typed_is_what_was_seen() {
        let typed = "\nhttp://127.0.0.1:7\n\nno unauthenticated: it wants a code\n\
            connection open\n\n\nmessage hello there\n+1 555 0001\nnone\nnonsense here\n\
            7@interop\nmessage hidden\n\n@a9 notice who\nreceipt 1 lost\nhelp\n\n";
        let (instance, mut incoming, shown) = person(typed).await;
        configure(&instance, "third-party-client").await.unwrap();
        let offers = configure(&instance, "third-party-server").await.unwrap();
        assert_eq!(offers, json!({"offers": {"base_url": "http://127.0.0.1:7"}}));
        a1(&instance, "account", json!({"user": {"visible_id": "alice-1"}})).await.unwrap();
        let refused = a1(&instance, "enlist", json!({"token": "e30.e30.c2ln"})).await;
        assert_eq!(class(refused), Some(ErrorClass::Unauthenticated));
        a1(&instance, "connect", json!({})).await.unwrap();
        let sent = json!({"to": "15550001@s.whatsapp.net", "text": "Grüße, hi"});
        assert_eq!(a1(&instance, "send_text", sent).await.unwrap(), json!({"id": UNSEEN}));
        let blocked = json!({"jid": "15550001@s.whatsapp.net"});
        let lacking = a1(&instance, "block", blocked.clone()).await.unwrap_err();
        assert!(matches!(lacking, CallError::Rpc(error) if error.is_method_not_found()));
        let list = a1(&instance, "unblock", blocked).await.unwrap();
        assert_eq!(list, json!({"list": ["7@interop"]}), "what does not fit is asked for again");
        instance.health().await.unwrap();
        let said: Vec<(String, Value)> = std::iter::from_fn(|| incoming.try_recv().ok())
            .filter_map(|said| match said {
                Incoming::Notification { notification, .. } => {
                    let from = notification.params.get("from").cloned().unwrap_or_default();
                    Some((notification.method, from))
                }
                Incoming::Breach { breach, .. } => panic!("{breach}"),
                _ => None,
            })
            .collect();
        let said: Vec<(&str, &str)> =
            said.iter().map(|(name, from)| (&**name, from.as_str().unwrap_or(""))).collect();
        assert_eq!(
            said,
            [("connection", ""), ("message", "15550001@s.whatsapp.net"), ("message", UNSEEN_LOGIN)]
        );
        insta::assert_snapshot!(told(instance, shown).await);
    }

    #[tokio::test]
    async fn a_closed_terminal_confirms_nothing_and_a_person_has_no_hooks() {
        let (instance, _incoming, _shown) = person("").await;
        let refused = a1(&instance, "account", json!({"user": {"visible_id": "a"}})).await;
        assert_eq!(class(refused), Some(ErrorClass::Unavailable));
        let lacking = a1(&instance, "inject_wake", json!({})).await.unwrap_err();
        assert!(matches!(lacking, CallError::Rpc(error) if error.is_method_not_found()));
    }

    #[test]
    fn lines_of_any_length_are_read_in_bounded_pieces() {
        let (typed, mut lines) = mpsc::channel(8);
        let long = format!("{}\nend", "x".repeat(LOG_LINE_BYTES_MAX + 1));
        read(long.as_bytes(), &typed);
        drop(typed);
        let lengths: Vec<usize> =
            std::iter::from_fn(|| lines.blocking_recv()).map(|l| l.len()).collect();
        assert_eq!(lengths, [LOG_LINE_BYTES_MAX, 1, 3]);
    }
}
