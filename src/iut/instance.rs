//! One driver connection to an implementation under test, with its process if there is one.
//!
//! Main type: [`Instance`]. Starting it shows that somebody honest is there: `hello`, the version,
//! an operation that does not exist. It is configured once per seat and never again
//! (`interfaces.md` §3); that order is the runner's to keep. It judges nothing: a call that timed
//! out is a hang, an [`Exit`] a death, and both are reported as they are.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

use super::log::{Log, LogLine};
use super::program::Program;
use super::spawn::Process;
use super::start::{self, StartError, StartFault};
use super::vitals::{Usage, usage};
use super::watch::{Alarm, Exit};
use crate::driver::{CallError, Client, Hello, Incoming, Offers, Owner, Params, Pending, Seat};
use crate::limits::{EXIT_WAIT_MS_MAX, OPERATION_WAIT_MS_MAX, START_WAIT_MS_MAX, STOP_WAIT_MS_MAX};
use crate::spec::Ics;

/// How the harness presents itself, and how long it waits.
#[derive(Clone, Debug)]
pub struct Options {
    /// Name and version of the harness, e.g. `counterpart 0.1.0`.
    pub harness: String,
    /// Makes the name of the operation that does not exist; drawn from the seed.
    pub nonsense: u32,
    pub timeouts: Timeouts,
    /// Held before a spawned adapter is spoken to.
    pub pause: Option<Pause>,
}

/// Waits until somebody has got hold of the process with this id, e.g. with a debugger.
#[derive(Clone)]
pub struct Pause(Arc<dyn Fn(u32) -> Held + Send + Sync>);

type Held = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Pause {
    pub fn new<F: Future<Output = ()> + Send + 'static>(
        wait: impl Fn(u32) -> F + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(move |process| Box::pin(wait(process))))
    }
}

impl fmt::Debug for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pause")
    }
}

/// How long to wait for answers; `None` waits for ever, for a debugger's sake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For each answer while the instance starts: a runtime may have to warm up.
    pub start: Option<Duration>,
    /// For each operation thereafter; beyond it the implementation hangs (ROB-002).
    pub operation: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        let limit = |ms| Some(Duration::from_millis(ms));
        Self { start: limit(START_WAIT_MS_MAX), operation: limit(OPERATION_WAIT_MS_MAX) }
    }
}

impl Timeouts {
    /// Waits for ever.
    pub const OFF: Self = Self { start: None, operation: None };
}

/// A started instance. Dropping it kills the process.
#[derive(Debug)]
pub struct Instance {
    client: Client,
    process: Option<Process>,
    hello: Hello,
    ics: Ics,
    timeouts: Timeouts,
    /// It was there before the harness and stays after it.
    attached: bool,
}

/// How an instance was ended.
#[derive(Debug)]
pub struct Stopped {
    /// What it answered to `stop`.
    pub answer: Result<Value, CallError>,
    /// How the process ended; none where there is no process.
    pub exit: Option<Exit>,
    /// It did not end in time and was killed.
    pub killed: bool,
}

impl Instance {
    /// Starts a program and greets the adapter that it is. The receiver is to be drained all the
    /// time, see [`crate::driver::client`].
    ///
    /// # Errors
    /// [`StartError`]; the process is gone then.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn start(
        program: &Program,
        options: &Options,
    ) -> Result<(Self, mpsc::Receiver<Incoming>), StartError> {
        let (process, stdin, stdout) = Process::spawn(program).map_err(|error| StartError {
            fault: StartFault::CannotSpawn { program: program.to_string(), error },
            stderr: Vec::new(),
        })?;
        if let Some(Pause(wait)) = &options.pause {
            wait(process.id()).await;
        }
        Self::open(Some(process), stdout, stdin, options).await
    }

    /// Greets an adapter that runs by itself. It is not told to stop when the instance ends.
    ///
    /// # Errors
    /// [`StartError`].
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn attached<R, W>(
        reader: R,
        writer: W,
        options: &Options,
    ) -> Result<(Self, mpsc::Receiver<Incoming>), StartError>
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let (instance, incoming) = Self::open(None, reader, writer, options).await?;
        Ok((Self { attached: true, ..instance }, incoming))
    }

    /// Greets an adapter over two byte streams, without a process of its own.
    ///
    /// # Errors
    /// [`StartError`].
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn over<R, W>(
        reader: R,
        writer: W,
        options: &Options,
    ) -> Result<(Self, mpsc::Receiver<Incoming>), StartError>
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        Self::open(None, reader, writer, options).await
    }

    async fn open<R, W>(
        process: Option<Process>,
        reader: R,
        writer: W,
        options: &Options,
    ) -> Result<(Self, mpsc::Receiver<Incoming>), StartError>
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let (client, mut incoming) = Client::new(reader, writer);
        match start::greet(&client, &mut incoming, options).await {
            Ok((hello, ics)) => {
                let timeouts = options.timeouts;
                Ok((Self { client, process, hello, ics, timeouts, attached: false }, incoming))
            }
            Err(ungreeted) => Err(start::explain(ungreeted, process).await),
        }
    }

    /// True if nobody is hurried: a debugger or a person takes its time.
    pub fn is_patient(&self) -> bool {
        self.timeouts.operation.is_none()
    }

    /// What the adapter says of itself.
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// The capabilities that it states, with what silence means filled in.
    pub fn ics(&self) -> &Ics {
        &self.ics
    }

    /// The process id of a spawned adapter, for what the operating system tells of it.
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// What the process holds; `None` where it was not started here, or the system does not tell.
    pub fn usage(&self) -> Option<Usage> {
        usage(self.process_id()?)
    }

    /// Asks for an operation on somebody's behalf and returns before it is answered.
    ///
    /// # Errors
    /// [`CallError`] where it could not be sent.
    pub async fn begin(
        &self,
        owner: Owner,
        method: &str,
        params: Params,
    ) -> Result<Pending, CallError> {
        self.client.begin(owner, method, params).await
    }

    /// Gives a seat its surroundings; `params` holds `seed` and `instance`.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn configure(&self, seat: Seat, mut params: Params) -> Result<Offers, CallError> {
        params.insert("seat".to_owned(), json!(seat));
        let mut result = self.call("configure", params).await?;
        let offers = result.get_mut("offers").map(Value::take);
        let offers = offers.map(serde_json::from_value).transpose();
        Ok(offers.expect("the registry's shape of offers covers the type").unwrap_or_default())
    }

    /// Announces a user and gives its login, where the adapter has one already.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn account(&self, account: &str, user: Params) -> Result<Option<String>, CallError> {
        let mut params = Params::new();
        params.insert("account".to_owned(), json!(account));
        params.insert("user".to_owned(), Value::Object(user));
        let result = self.call("account", params).await?;
        Ok(result.get("login").and_then(Value::as_str).map(str::to_owned))
    }

    /// Asks for an operation, within the file's timeout.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call(&self, method: &str, params: Params) -> Result<Value, CallError> {
        self.client.call(method, params, self.timeouts.operation).await
    }

    /// Asks whether it is well. Everything that earlier input caused stands in the stream then.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn health(&self) -> Result<Value, CallError> {
        self.call("health", Params::new()).await
    }

    /// Asks it to stop, waits for at most `STOP_WAIT_MS_MAX`, and then kills it. From an adapter that
    /// runs by itself the harness only takes its leave.
    pub async fn stop(&self) -> Stopped {
        let limit = Duration::from_millis(STOP_WAIT_MS_MAX);
        let deadline = tokio::time::Instant::now() + limit;
        let answer = match self.attached {
            true => Ok(Value::Null),
            false => self.client.call("stop", Params::new(), Some(limit)).await,
        };
        // An adapter that does not read any more cannot take the end of its input either.
        let _ = tokio::time::timeout_at(deadline, self.client.close()).await;
        let Some(process) = &self.process else {
            return Stopped { answer, exit: None, killed: false };
        };
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        let ended = process.wait(left).await;
        if ended.is_none() {
            process.kill();
        }
        let killed = ended.is_none();
        let exit = process.wait(Duration::from_millis(EXIT_WAIT_MS_MAX)).await;
        process.drain_log(Duration::from_millis(EXIT_WAIT_MS_MAX)).await;
        Stopped { answer, exit, killed }
    }

    /// Kills the process at once.
    pub fn kill(&self) {
        if let Some(process) = &self.process {
            process.kill();
        }
    }

    /// How the process ended, if it has.
    pub fn exit_status(&self) -> Option<Exit> {
        self.process.as_ref().and_then(Process::exit)
    }

    /// Waits shortly for the end of a process whose output has ended, and for the rest of its log.
    pub async fn ended(&self) -> Option<Exit> {
        let process = self.process.as_ref()?;
        let exit = process.wait(Duration::from_millis(EXIT_WAIT_MS_MAX)).await?;
        process.drain_log(Duration::from_millis(EXIT_WAIT_MS_MAX)).await;
        Some(exit)
    }

    /// The last lines of its standard error, at most `count`.
    pub fn stderr_tail(&self, count: usize) -> Vec<LogLine> {
        self.log().map(|log| log.tail(count)).unwrap_or_default()
    }

    /// The place in its log where a case begins.
    pub fn log_mark(&self) -> u64 {
        self.log().map_or(0, |log| log.mark())
    }

    /// The lines of its standard error from a mark on, as far as they are kept.
    pub fn stderr_since(&self, mark: u64) -> Vec<LogLine> {
        self.log().map(|log| log.since(mark)).unwrap_or_default()
    }

    /// Reports of a crash in its standard error from a mark on (ROB-004).
    pub fn alarms_since(&self, mark: u64) -> Vec<Alarm> {
        self.log().map(|log| log.alarms(mark)).unwrap_or_default()
    }

    fn log(&self) -> Option<MutexGuard<'_, Log>> {
        self.process.as_ref().map(Process::log)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::DuplexStream;

    use super::*;
    use crate::driver::{RpcError, Server, ServerEvent};
    use crate::iut::watch::AlarmKind;

    const HELLO: &str = r#"{"driver":"1","iut":{"name":"acme","version":"2"},"seats":["meta"],"capabilities":{"groups":true}}"#;

    fn options() -> Options {
        let harness = "counterpart 0.1.0".to_owned();
        Options { harness, nonsense: 7, timeouts: Timeouts::default(), pause: None }
    }

    fn params(value: Value) -> Params {
        value.as_object().unwrap().clone()
    }

    /// An honest adapter that wakes its user whenever it is asked for its health.
    async fn adapt(stream: DuplexStream) {
        let (reader, writer) = tokio::io::split(stream);
        let (server, mut events) = Server::new(reader, writer);
        while let Some(ServerEvent::Request { id, method, params }) = events.recv().await {
            let outcome = match method.as_str() {
                "hello" => Ok(serde_json::from_str(HELLO).unwrap()),
                "configure" => Ok(json!({"offers": {"base_url": params["seed"].to_string()}})),
                "account" => Ok(json!({"login": "1-5@interop"})),
                "health" => {
                    server.notify("woken", params_of("a1")).await.unwrap();
                    Ok(json!({}))
                }
                "stop" => Ok(json!({})),
                _ => Err(RpcError::method_not_found()),
            };
            server.respond(id, outcome).await.unwrap();
        }
    }

    fn params_of(account: &str) -> Params {
        params(json!({"account": account}))
    }

    #[tokio::test]
    async fn an_honest_adapter_is_greeted_configured_and_asked() {
        let (near, far) = tokio::io::duplex(1 << 16);
        tokio::spawn(adapt(far));
        let (reader, writer) = tokio::io::split(near);
        let (instance, mut incoming) = Instance::over(reader, writer, &options()).await.unwrap();
        assert_eq!(instance.hello().iut.name, "acme");
        assert!(instance.ics().has("groups") && !instance.ics().has("clock"));
        let offers = instance.configure(Seat::Meta, params(json!({"seed": 7, "instance": {}})));
        assert_eq!(offers.await.unwrap().base_url.as_deref(), Some("7"));
        let login = instance.account("a1", params(json!({"visible_id": "alice"}))).await.unwrap();
        assert_eq!(login.as_deref(), Some("1-5@interop"));
        instance.health().await.unwrap();
        let seen: Vec<Incoming> = std::iter::from_fn(|| incoming.try_recv().ok()).collect();
        assert!(seen.iter().any(|message| matches!(message, Incoming::Notification { .. })));
        let lacking = instance.call("kill", params(json!({"seat": "meta"}))).await.unwrap_err();
        assert!(matches!(lacking, CallError::Rpc(error) if error.is_method_not_found()));
        let stopped = instance.stop().await;
        assert!(stopped.answer.is_ok() && stopped.exit.is_none() && !stopped.killed);
    }

    /// A shell script that greets honestly and goes on with `then`.
    fn greeting_sh(then: &str) -> Program {
        let script = format!(
            "read -r hello; echo '{{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{HELLO}}}'
             read -r nonsense
             echo '{{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{{\"code\":-32601,\"message\":\"no\"}}}}'
             {then}"
        );
        Program::new("/bin/sh").args(["-c", &script])
    }

    const STOPPED: &str = "read -r stop; echo '{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}'";

    #[tokio::test]
    async fn an_adapter_that_stops_when_asked_is_not_killed() {
        let program = greeting_sh(&format!("{STOPPED}; read -r eof; exit 5"));
        let (instance, _incoming) = Instance::start(&program, &options()).await.unwrap();
        assert!(instance.process_id().is_some());
        let stopped = instance.stop().await;
        assert!(stopped.answer.is_ok() && !stopped.killed);
        assert_eq!(stopped.exit, Some(Exit::Code(5)));
    }

    #[tokio::test]
    async fn an_adapter_that_does_not_stop_is_killed() {
        let program = greeting_sh(&format!("{STOPPED}; exec tail -f /dev/null"));
        let (instance, _incoming) = Instance::start(&program, &options()).await.unwrap();
        let stopped = instance.stop().await;
        assert!(stopped.answer.is_ok() && stopped.killed);
        assert_eq!(stopped.exit, Some(Exit::Signal(9)));
    }

    #[tokio::test]
    async fn a_death_during_a_call_is_told_with_its_last_words() {
        let panic = "thread '\\''main'\\'' panicked at src/a.rs:1:1:";
        let program = greeting_sh(&format!("read -r call; echo \"{panic}\" >&2; kill -ABRT $$"));
        let program = Program { env: vec![("A".into(), "b".into())], ..program };
        let (instance, mut incoming) = Instance::start(&program, &options()).await.unwrap();
        let mark = instance.log_mark();
        assert!(matches!(instance.health().await, Err(CallError::Closed)));
        assert_eq!(instance.ended().await, Some(Exit::Signal(6)));
        assert_eq!(instance.exit_status(), Some(Exit::Signal(6)));
        assert_eq!(instance.alarms_since(mark)[0].kind, AlarmKind::Panic);
        assert_eq!(instance.stderr_tail(1), instance.stderr_since(mark));
        let last = std::iter::from_fn(|| incoming.try_recv().ok()).last();
        assert!(matches!(last, Some(Incoming::Closed { error: None, .. })));
    }

    #[tokio::test]
    async fn a_hang_is_a_timeout_and_the_instance_lives_on() {
        let program = greeting_sh("read -r call; read -r next; echo nothing");
        let (mut instance, _incoming) = Instance::start(&program, &options()).await.unwrap();
        instance.timeouts.operation = Some(Duration::from_millis(20));
        assert!(matches!(instance.health().await, Err(CallError::Timeout(_))));
        assert_eq!(instance.exit_status(), None);
    }

    #[tokio::test]
    async fn a_line_without_end_is_a_breach_and_costs_a_bounded_amount() {
        let flood = "read -r call; head -c 40000000 /dev/zero | tr '\\\\0' a; echo";
        let answer = "echo '{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}'";
        let program = greeting_sh(&format!("{flood}; {answer}; read -r end"));
        let (instance, mut incoming) = Instance::start(&program, &options()).await.unwrap();
        instance.health().await.unwrap();
        let breach = std::iter::from_fn(|| incoming.try_recv().ok()).find_map(|it| match it {
            Incoming::Breach { breach, .. } => Some(breach.to_string()),
            _ => None,
        });
        assert!(breach.unwrap().starts_with("a line is longer than 1048576 bytes"));
    }
}
