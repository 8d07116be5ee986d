//! The harness's end of the driver protocol.
//!
//! Main types: [`Client`], which asks, beside it the one ordered stream of
//! [`Incoming`], everything that the adapter said. An answer passes through the stream before its caller gets it: when a call
//! returns, every earlier notification is already in the stream. `health` as a fence rests on that
//! (`interfaces.md` §2). The client judges lines against the registry and knows no verdict.
//!
//! The stream is bounded. Whoever calls must go on receiving, else a chatty adapter stalls and the
//! call runs into its timeout.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};

use super::codec;
use super::conversation::{Answer, Asked, Conversation};
use super::incoming::{CallError, Incoming, InvalidCall, Owner};
use super::line::{Line, LineReader, LineWriter};
use super::message::{Message, Params, Request, VERSION};
use super::operation;
use super::session::Hello;
use crate::limits::{DRIVER_LINE_BYTES_MAX, QUEUE_EVENTS_MAX};
use crate::patience;

/// Asks the adapter.
#[derive(Debug)]
pub struct Client {
    writer: LineWriter,
    conversation: Arc<Mutex<Conversation>>,
}

/// A call that was sent.
#[derive(Debug)]
pub struct Pending {
    pub id: u64,
    answer: oneshot::Receiver<Answer>,
}

impl Pending {
    /// Waits for the answer, without limit.
    ///
    /// # Errors
    /// Every [`CallError`] but `Timeout` and `Invalid`.
    pub async fn answer(self) -> Answer {
        self.answer.await.unwrap_or(Err(CallError::Closed))
    }
}

impl Client {
    /// Starts to talk over two byte streams. Dropping the receiver ends the connection.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new<R, W>(reader: R, writer: W) -> (Self, mpsc::Receiver<Incoming>)
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let (out, incoming) = mpsc::channel(QUEUE_EVENTS_MAX);
        let conversation = Arc::new(Mutex::new(Conversation::default()));
        let lines = LineReader::new(reader, DRIVER_LINE_BYTES_MAX);
        tokio::spawn(listen(lines, Arc::clone(&conversation), out));
        (Self { writer: LineWriter::start(writer), conversation }, incoming)
    }

    /// Asks for an operation and waits for its result at most `timeout`; without one, for ever.
    ///
    /// # Errors
    /// [`CallError`]; after a timeout a late answer still appears in the stream.
    pub async fn call(&self, method: &str, params: Params, timeout: Option<Duration>) -> Answer {
        within(timeout, async { self.begin(0, method, params).await?.answer().await }).await
    }

    /// Sends a call on somebody's behalf and returns before it is answered. The stream says of
    /// answers and of notifications of accounts whose they are, so that several may share it.
    ///
    /// # Errors
    /// `Invalid` where the registry has no such call, `Closed`.
    pub async fn begin(
        &self,
        owner: Owner,
        method: &str,
        params: Params,
    ) -> Result<Pending, CallError> {
        let Some(operation) = operation::find(method) else {
            return Err(CallError::Invalid(InvalidCall::UnknownOperation(method.to_owned())));
        };
        operation.check_params(&params).map_err(|why| {
            CallError::Invalid(InvalidCall::Params { method: method.to_owned(), why })
        })?;
        if method == "account"
            && let Some(name) = params.get("account").and_then(Value::as_str)
        {
            // Announced from here on: its first notification may overtake the answer.
            lock(&self.conversation).announce(name, owner);
        }
        self.send(owner, Asked::Operation(operation), params).await
    }

    async fn send(&self, owner: Owner, asked: Asked, params: Params) -> Result<Pending, CallError> {
        let method = asked.method().to_owned();
        let (id, answer) = lock(&self.conversation).ask(asked, owner).ok_or(CallError::Closed)?;
        let request = Message::Request(Request { id, method: method.clone(), params });
        let line = codec::encode(&request);
        if line.len() > DRIVER_LINE_BYTES_MAX {
            lock(&self.conversation).forget(id);
            return Err(CallError::Invalid(InvalidCall::TooLong(method)));
        }
        self.writer.send(line).await.map_err(|_| CallError::Closed)?;
        Ok(Pending { id, answer })
    }

    /// Opens the conversation: who is there? The caller compares the version with [`VERSION`].
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn hello(&self, harness: &str, wait: Option<Duration>) -> Result<Hello, CallError> {
        let mut params = Params::new();
        params.insert("driver".to_owned(), json!(VERSION));
        params.insert("harness".to_owned(), json!(harness));
        let result = self.call("hello", params, wait).await?;
        Ok(serde_json::from_value(result).expect("the registry's shape of hello covers the type"))
    }

    /// Asks for an operation that does not exist and requires "method not found".
    ///
    /// # Errors
    /// `Breach(AnsweredNonsense)` on any other answer, else [`CallError`].
    pub async fn nonsense_probe(
        &self,
        suffix: u32,
        timeout: Option<Duration>,
    ) -> Result<(), CallError> {
        let asked = Asked::Nonsense(format!("no-such-operation-{suffix:08x}"));
        let answer = async { self.send(0, asked, Params::new()).await?.answer().await };
        within(timeout, answer).await.map(|_| ())
    }

    /// Closes the way to the adapter, which sees the end of its input; answers still arrive.
    pub async fn close(&self) {
        self.writer.close().await;
    }
}

async fn within<T>(
    timeout: Option<Duration>,
    answer: impl Future<Output = Result<T, CallError>>,
) -> Result<T, CallError> {
    match timeout {
        None => answer.await,
        Some(limit) => {
            patience::within(limit, answer).await.unwrap_or(Err(CallError::Timeout(limit)))
        }
    }
}

fn lock(conversation: &Mutex<Conversation>) -> MutexGuard<'_, Conversation> {
    // No code panics while it holds the lock; if some ever does, the books are still whole.
    conversation.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads until the stream ends or nobody receives any more.
async fn listen<R: AsyncRead + Unpin>(
    mut lines: LineReader<R>,
    conversation: Arc<Mutex<Conversation>>,
    out: mpsc::Sender<Incoming>,
) {
    let mut seq = 0;
    let error = loop {
        let line = tokio::select! {
            line = lines.next() => line,
            () = out.closed() => break None,
        };
        seq += 1;
        match line {
            Ok(Some(line)) if line.ended => hear(line, seq, &conversation, &out).await,
            // A message is a line: what died in the middle of one has not been said.
            Ok(_) => break None,
            Err(error) => break Some(error.to_string()),
        }
    };
    let unanswered = lock(&conversation).close();
    // Nobody may be left to hear it.
    let _ = out.send(Incoming::Closed { seq, error }).await;
    drop(unanswered);
}

async fn hear(
    line: Line,
    seq: u64,
    conversation: &Mutex<Conversation>,
    out: &mpsc::Sender<Incoming>,
) {
    let heard = lock(conversation).hear(line, seq);
    // The receiver may be gone; the loop sees that by itself.
    let _ = out.send(heard.incoming).await;
    if let Some((caller, answer)) = heard.answer {
        // The caller may have stopped waiting.
        let _ = caller.send(answer);
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};

    use super::super::incoming::Breach;
    use super::super::message::ErrorClass;
    use super::*;

    /// The adapter's raw end, so that tests can say anything.
    struct Adapter(BufReader<DuplexStream>);

    impl Adapter {
        async fn say(&mut self, lines: &str) {
            self.0.write_all(format!("{lines}\n").as_bytes()).await.unwrap();
        }

        async fn asked(&mut self) -> Value {
            let mut line = String::new();
            self.0.read_line(&mut line).await.unwrap();
            serde_json::from_str(&line).unwrap()
        }
    }

    fn connected() -> (Arc<Client>, mpsc::Receiver<Incoming>, Adapter) {
        let (near, far) = tokio::io::duplex(1 << 16);
        let (reader, writer) = tokio::io::split(near);
        let (client, incoming) = Client::new(reader, writer);
        (Arc::new(client), incoming, Adapter(BufReader::new(far)))
    }

    fn params(value: Value) -> Params {
        value.as_object().unwrap().clone()
    }

    async fn announce(client: &Arc<Client>, adapter: &mut Adapter) {
        let announced = params(json!({"account": "a1", "user": {"visible_id": "alice"}}));
        let pending = client.begin(0, "account", announced).await.unwrap();
        adapter.asked().await;
        adapter.say(&format!(r#"{{"jsonrpc":"2.0","id":{},"result":{{}}}}"#, pending.id)).await;
        pending.answer().await.unwrap();
    }

    const WOKEN: &str = r#"{"jsonrpc":"2.0","method":"woken","params":{"account":"a1"}}"#;

    #[tokio::test]
    async fn notifications_stand_in_the_stream_before_the_answer_that_follows_them() {
        let (client, mut incoming, mut adapter) = connected();
        announce(&client, &mut adapter).await;
        let pending = client.begin(0, "health", Params::new()).await.unwrap();
        let request = adapter.asked().await;
        assert_eq!(request, json!({"jsonrpc":"2.0","id":2,"method":"health","params":{}}));
        adapter.say(&[WOKEN; 3].join("\n")).await;
        adapter.say(r#"{"jsonrpc":"2.0","id":2,"result":{}}"#).await;
        assert_eq!(pending.answer().await.unwrap(), json!({}));
        let seen: Vec<Incoming> = std::iter::from_fn(|| incoming.try_recv().ok()).collect();
        let numbers: Vec<u64> = seen.iter().map(Incoming::seq).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5]);
        assert!(matches!(seen[0], Incoming::Answered { id: 1, .. }));
        assert!(matches!(&seen[3], Incoming::Notification { notification, .. }
            if notification.account() == Some("a1")));
        assert!(matches!(&seen[4], Incoming::Answered { id: 2, method, .. } if method == "health"));
    }

    #[tokio::test]
    async fn a_caller_is_answered_only_when_the_stream_has_taken_what_came_before() {
        let (client, mut incoming, mut adapter) = connected();
        announce(&client, &mut adapter).await;
        let pending = client.begin(0, "health", Params::new()).await.unwrap();
        // With the answer to `account` the stream is full, and nobody drains it.
        adapter.say(&vec![WOKEN; QUEUE_EVENTS_MAX - 1].join("\n")).await;
        adapter.say(r#"{"jsonrpc":"2.0","id":2,"result":{}}"#).await;
        let answer = tokio::spawn(pending.answer());
        for _ in 0..10_000 {
            tokio::task::yield_now().await;
        }
        assert!(!answer.is_finished());
        assert!(matches!(incoming.recv().await, Some(Incoming::Answered { id: 1, .. })));
        assert_eq!(answer.await.unwrap().unwrap(), json!({}));
    }

    #[tokio::test]
    async fn a_refusal_keeps_its_class() {
        let (client, _incoming, mut adapter) = connected();
        let pending = client.begin(0, "health", Params::new()).await.unwrap();
        let error = r#"{"code":1,"message":"x","data":{"class":"replay"}}"#;
        adapter.say(&format!(r#"{{"jsonrpc":"2.0","id":1,"error":{error}}}"#)).await;
        let error = pending.answer().await.unwrap_err();
        assert!(matches!(error, CallError::Rpc(error) if error.class == Some(ErrorClass::Replay)));
    }

    #[tokio::test]
    async fn calls_that_the_registry_does_not_know_are_not_sent() {
        let (client, _incoming, _adapter) = connected();
        let unknown = client.call("opt-in", Params::new(), None).await.unwrap_err();
        insta::assert_snapshot!(unknown, @"`opt-in` is no operation of the driver protocol");
        let wrong = params(json!({"account": "a1", "to": "alice", "text": "hi"}));
        let wrong = client.call("send_text", wrong, None).await.unwrap_err();
        insta::assert_snapshot!(wrong, @r#"the parameters of `send_text` are malformed: `to` must be a JID without device, is "alice""#);
        let long = "a".repeat(DRIVER_LINE_BYTES_MAX);
        let long = params(json!({"account": "a1", "to": "1-2@interop", "text": long}));
        let long = client.call("send_text", long, None).await.unwrap_err();
        insta::assert_snapshot!(long, @"the request `send_text` is longer than 1048576 bytes");
    }

    #[tokio::test]
    async fn a_late_answer_is_no_breach_but_a_second_one_is() {
        let (client, mut incoming, mut adapter) = connected();
        let limit = Duration::from_millis(1);
        let error = client.call("health", Params::new(), Some(limit)).await.unwrap_err();
        assert!(matches!(error, CallError::Timeout(waited) if waited == limit));
        adapter.say(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#).await;
        assert!(matches!(incoming.recv().await, Some(Incoming::Answered { id: 1, .. })));
        adapter.say(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#).await;
        let Some(Incoming::Breach { breach, .. }) = incoming.recv().await else { panic!() };
        assert!(matches!(breach, Breach::UnknownId(1)));
    }

    #[tokio::test]
    async fn a_malformed_result_is_a_breach_for_the_caller_and_in_the_stream() {
        let (client, mut incoming, mut adapter) = connected();
        let pending = client.begin(0, "enlist", params(json!({"account": "a1"}))).await.unwrap();
        adapter.say(r#"{"jsonrpc":"2.0","id":1,"result":{"login":7}}"#).await;
        let error = pending.answer().await.unwrap_err();
        assert!(matches!(error, CallError::Breach(Breach::Result { .. })));
        assert!(matches!(incoming.recv().await, Some(Incoming::Breach { seq: 1, .. })));
    }

    #[tokio::test]
    async fn only_method_not_found_answers_the_nonsense_operation_honestly() {
        let answers = [
            (r#""error":{"code":-32601,"message":"method not found"}"#, None),
            (r#""error":{"code":-32602,"message":"bad params"}"#, Some("error -32602: bad params")),
            (r#""result":{"ok":true}"#, Some(r#"the result {"ok":true}"#)),
            (r#""result":null"#, Some("the result null")),
        ];
        for (answer, expected) in answers {
            let (client, _incoming, mut adapter) = connected();
            let asking = Arc::clone(&client);
            let probe = tokio::spawn(async move { asking.nonsense_probe(0x7f3a, None).await });
            assert_eq!(adapter.asked().await["method"], "no-such-operation-00007f3a");
            adapter.say(&format!(r#"{{"jsonrpc":"2.0","id":1,{answer}}}"#)).await;
            match (probe.await.unwrap(), expected) {
                (Ok(()), None) => {}
                (Err(CallError::Breach(Breach::AnsweredNonsense { answer, .. })), Some(words)) => {
                    assert_eq!(answer, words);
                }
                (outcome, _) => panic!("{outcome:?} for {answer}"),
            }
        }
    }

    #[tokio::test]
    async fn the_end_of_the_stream_ends_every_call() {
        let (client, mut incoming, mut adapter) = connected();
        let pending = client.begin(0, "health", Params::new()).await.unwrap();
        // Half a message was never said: it is no breach.
        adapter.0.write_all(br#"{"jsonrpc":"2.0","id":1,"#).await.unwrap();
        drop(adapter);
        assert!(matches!(pending.answer().await, Err(CallError::Closed)));
        assert!(matches!(incoming.recv().await, Some(Incoming::Closed { error: None, .. })));
        assert!(incoming.recv().await.is_none());
        let after = client.call("health", Params::new(), None).await;
        assert!(matches!(after, Err(CallError::Closed)));
    }

    #[tokio::test]
    async fn closing_shows_the_adapter_the_end_of_its_input() {
        let (near_in, far_out) = tokio::io::duplex(64);
        let (far_in, near_out) = tokio::io::duplex(64);
        let (client, _incoming) = Client::new(near_in, near_out);
        client.close().await;
        let mut line = String::new();
        assert_eq!(BufReader::new(far_in).read_line(&mut line).await.unwrap(), 0);
        drop(far_out);
    }
}
