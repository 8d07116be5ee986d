//! Baileys' codec, timed by itself inside one Node process.
//!
//! Main type: [`Baileys`]. The judge that sits beside the fixtures answers how long a number of
//! rounds took of the processor, so that neither the start of Node nor the pipe is counted.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// The process; it ends with its input.
#[derive(Debug)]
pub struct Baileys {
    child: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Baileys {
    /// Starts the judge.
    ///
    /// # Errors
    /// Why the peer is absent, in words for the table.
    pub fn start() -> Result<Self, String> {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
        if !fixtures.join("adapters/baileys/node_modules/baileys").exists() {
            return Err("not installed, see fixtures/adapters/baileys".into());
        }
        let judge = fixtures.join("judges/baileys-codec/judge.mjs");
        let mut command = Command::new("node");
        command.arg(judge).arg("time").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|_| "node is not on PATH".to_owned())?;
        let questions = child.stdin.take();
        let answers = child.stdout.take().ok_or("node has no output")?;
        Ok(Self { child, questions, answers: BufReader::new(answers) })
    }

    /// Lets it decode these bytes, or encode the node that they are, a number of times.
    pub fn time(&mut self, what: &str, bytes: &[u8], times: u32) -> Duration {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let question = format!("{{\"op\":\"{what}\",\"bytes\":\"00{hex}\",\"times\":{times}}}\n");
        let mut answer = String::new();
        let questions = self.questions.as_mut().expect("it is open until the end");
        questions.write_all(question.as_bytes()).expect("node runs");
        self.answers.read_line(&mut answer).expect("node runs");
        Duration::from_nanos(answer.trim().parse().expect("a number of nanoseconds"))
    }
}

impl Drop for Baileys {
    fn drop(&mut self) {
        drop(self.questions.take());
        // It has nothing more to read; how it ends does not matter.
        let _ = self.child.wait();
    }
}
