//! The greeting of an adapter, and why an instance did not start, in words for its author.
//!
//! Main type: [`StartError`]. Whose fault it is follows from [`StartFault`]: the file's where there
//! is nothing to run, the adapter's otherwise. The end of the adapter's standard error stands with
//! every fault, since it mostly says more than the harness can.

use std::fmt;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;

use super::instance::Options;
use super::spawn::Process;
use super::watch::Exit;
use crate::driver::message::VERSION;
use crate::driver::{Breach, CallError, Client, Hello, Incoming, InvalidCall, RpcError};
use crate::limits::EXIT_WAIT_MS_MAX;
use crate::spec::Ics;
use crate::spec::capability::IcsError;

/// An instance that did not come up.
#[derive(Debug)]
pub struct StartError {
    pub fault: StartFault,
    /// The last lines of the adapter's standard error.
    pub stderr: Vec<String>,
}

/// What kept an instance from coming up.
#[derive(Debug, thiserror::Error)]
pub enum StartFault {
    #[error("the adapter `{program}` cannot be started: {error}")]
    CannotSpawn { program: String, error: std::io::Error },
    #[error(
        "the adapter at {address} cannot be reached: {error}; \
         it must run and listen before the harness attaches to it"
    )]
    CannotReach { address: String, error: std::io::Error },
    #[error(
        "`adapter: manual` needs a person, and standard input is no terminal; \
         run it in one, or name a file or pipe: `adapter: {{ manual: {{ answers: PATH }} }}`"
    )]
    NoPerson,
    #[error("the answers of `adapter: manual` cannot be read from {path}: {error}")]
    NoAnswers { path: String, error: std::io::Error },
    #[error("the adapter ended before it had answered `{during}`: {exit}")]
    Died { during: &'static str, exit: Exit },
    #[error("the adapter closed its standard output before it had answered `{during}`")]
    Closed { during: &'static str },
    #[error(
        "the adapter did not answer `{during}` within {} ms; \
         it must read its standard input and flush what it writes", .after.as_millis()
    )]
    Timeout { during: &'static str, after: Duration },
    #[error("the adapter refused `hello`: {0}")]
    HelloRefused(RpcError),
    #[error(
        "the adapter speaks version {theirs:?} of the driver protocol, the harness {VERSION:?}"
    )]
    WrongVersion { theirs: String },
    /// [`Breach::AnsweredNonsense`] among them: the driver lies.
    #[error("the adapter broke the driver protocol: {0}")]
    Breach(Breach),
    #[error("the adapter states capabilities that cannot be: {0}")]
    Capabilities(IcsError),
    /// The harness's own.
    #[error("{0}")]
    Invalid(InvalidCall),
}

impl StartFault {
    /// Says what a failed call during the start means; `exit` is how the process ended, if it has.
    pub(super) fn of(during: &'static str, error: CallError, exit: Option<Exit>) -> Self {
        match (error, exit) {
            (CallError::Closed, Some(exit)) => Self::Died { during, exit },
            (CallError::Closed, None) => Self::Closed { during },
            (CallError::Timeout(after), _) => Self::Timeout { during, after },
            (CallError::Rpc(error), _) => Self::HelloRefused(error),
            (CallError::Breach(breach), _) => Self::Breach(breach),
            (CallError::Invalid(why), _) => Self::Invalid(why),
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.fault)?;
        if !self.stderr.is_empty() {
            write!(f, "\n  its standard error ends:")?;
        }
        self.stderr.iter().try_for_each(|line| write!(f, "\n    | {line}"))
    }
}

impl std::error::Error for StartError {}

/// Why there was no greeting, before it is known how the process fares.
pub(super) enum Ungreeted {
    Call { during: &'static str, error: CallError },
    Fault(StartFault),
}

/// Greets an adapter: `hello`, its version, the operation that does not exist, its capabilities.
pub(super) async fn greet(
    client: &Client,
    incoming: &mut mpsc::Receiver<Incoming>,
    options: &Options,
) -> Result<(Hello, Ics), Ungreeted> {
    tokio::select! {
        biased;
        // An adapter that logs to its standard output is told so, and not that it is slow.
        breach = first_breach(incoming) => Err(Ungreeted::Fault(StartFault::Breach(breach))),
        greeted = converse(client, options) => greeted,
    }
}

async fn converse(client: &Client, options: &Options) -> Result<(Hello, Ics), Ungreeted> {
    let limit = options.timeouts.start;
    let hello = client.hello(&options.harness, limit).await;
    let hello = hello.map_err(|error| Ungreeted::Call { during: "hello", error })?;
    if hello.driver != VERSION {
        return Err(Ungreeted::Fault(StartFault::WrongVersion { theirs: hello.driver }));
    }
    let probed = client.nonsense_probe(options.nonsense, limit).await;
    probed.map_err(|error| Ungreeted::Call { during: "no-such-operation", error })?;
    let stated = Value::Object(hello.capabilities.clone());
    let ics = Ics::from_hello(&stated)
        .map_err(|error| Ungreeted::Fault(StartFault::Capabilities(error)))?;
    Ok((hello, ics))
}

/// Waits for a breach; before the greeting nothing else in the stream matters.
async fn first_breach(incoming: &mut mpsc::Receiver<Incoming>) -> Breach {
    while let Some(message) = incoming.recv().await {
        if let Incoming::Breach { breach, .. } = message {
            return breach;
        }
    }
    std::future::pending().await
}

pub(super) async fn explain(ungreeted: Ungreeted, process: Option<Process>) -> StartError {
    const TAIL_LINES: usize = 20;
    let limit = Duration::from_millis(EXIT_WAIT_MS_MAX);
    let exit = match (&ungreeted, &process) {
        (Ungreeted::Call { error: CallError::Closed, .. }, Some(process)) => {
            process.wait(limit).await
        }
        _ => None,
    };
    let fault = match ungreeted {
        Ungreeted::Call { during, error } => StartFault::of(during, error, exit),
        Ungreeted::Fault(fault) => fault,
    };
    let mut stderr = Vec::new();
    if let Some(process) = process {
        process.kill();
        process.drain_log(limit).await;
        stderr = process.log().tail(TAIL_LINES).into_iter().map(|line| line.text).collect();
    }
    StartError { fault, stderr }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iut::{Instance, Program, Timeouts};

    fn options() -> Options {
        let limit = Some(Duration::from_secs(20));
        let timeouts = Timeouts { start: limit, operation: limit };
        Options { harness: "counterpart 0.1.0".to_owned(), nonsense: 7, timeouts, pause: None }
    }

    async fn refused(program: Program, options: &Options) -> StartError {
        Instance::start(&program, options).await.map(|_| ()).unwrap_err()
    }

    /// What the author of an adapter reads whose shell script is this.
    async fn told(script: &str) -> String {
        refused(Program::new("/bin/sh").args(["-c", script]), &options()).await.to_string()
    }

    fn hello(driver: &str, capabilities: &str) -> String {
        format!(
            r#"read -r hello; echo '{{"jsonrpc":"2.0","id":1,"result":{{"driver":"{driver}","iut":{{"name":"a","version":"1"}},"seats":["meta"],"capabilities":{capabilities}}}}}'; read -r probe"#
        )
    }

    #[tokio::test]
    async fn an_adapter_that_does_not_exist_is_named() {
        let error = refused(Program::new("/nowhere/adapter").args(["x"]), &options()).await;
        insta::assert_snapshot!(error);
    }

    #[tokio::test]
    async fn an_adapter_that_dies_at_once_is_quoted() {
        let script = "echo 'Error: Cannot find module acme' >&2; exit 3";
        insta::assert_snapshot!(told(script).await);
        let script = "read -r hello; kill -SEGV $$";
        insta::assert_snapshot!(told(script).await);
        let script = format!("{}; exit 0", hello("1", "{}"));
        insta::assert_snapshot!(told(&script).await);
    }

    #[tokio::test]
    async fn an_adapter_that_never_answers_is_waited_for_and_killed() {
        let mut options = options();
        options.timeouts.start = Some(Duration::from_millis(100));
        let program = Program::new("/bin/sh").args(["-c", "echo up >&2; exec tail -f /dev/null"]);
        let error = refused(program, &options).await;
        assert!(matches!(error.fault, StartFault::Timeout { during: "hello", .. }));
        insta::assert_snapshot!(error.fault);
    }

    #[tokio::test]
    async fn an_adapter_that_closes_its_output_is_told_so() {
        let script = "exec >&-; echo 'still here' >&2; exec tail -f /dev/null >/dev/null";
        insta::assert_snapshot!(told(script).await);
    }

    #[tokio::test]
    async fn a_log_on_standard_output_is_shown_at_once() {
        insta::assert_snapshot!(told("echo 'Listening on port 1'; exec tail -f /dev/null").await);
    }

    #[tokio::test]
    async fn a_line_that_never_ends_costs_a_bounded_amount() {
        let error = told("head -c 40000000 /dev/zero | tr '\\0' a; echo; read -r end").await;
        insta::assert_snapshot!(error);
    }

    #[tokio::test]
    async fn a_refused_hello_and_a_wrong_version_are_told_apart() {
        let refusal = r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"no","data":{"class":"unsupported_version"}}}"#;
        insta::assert_snapshot!(
            told(&format!("read -r hello; echo '{refusal}'; read -r end")).await
        );
        insta::assert_snapshot!(told(&hello("2", "{}")).await);
    }

    #[tokio::test]
    async fn a_driver_that_claims_anything_is_found_out() {
        let lie = r#"{"jsonrpc":"2.0","id":2,"result":{"ok":true}}"#;
        let script = format!("{}; echo '{lie}'; read -r end", hello("1", "{}"));
        let error = refused(Program::new("/bin/sh").args(["-c", &script]), &options()).await;
        assert!(matches!(error.fault, StartFault::Breach(Breach::AnsweredNonsense { .. })));
        insta::assert_snapshot!(error);
    }

    #[tokio::test]
    async fn capabilities_that_cannot_be_are_refused() {
        let honest = r#"{"jsonrpc":"2.0","id":2,"error":{"code":-32601,"message":"no"}}"#;
        let script = format!("{}; echo '{honest}'; read -r end", hello("1", r#"{"grups":true}"#));
        insta::assert_snapshot!(told(&script).await);
    }
}
