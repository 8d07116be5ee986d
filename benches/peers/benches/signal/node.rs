//! Signal's own client library in Node, with both ends in one process, timed by itself.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

pub struct Node {
    process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Node {
    pub fn start(release: &str) -> Result<Self, String> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/judges/libsignal-node");
        if !Path::new(folder).join("node_modules").exists() {
            return Err("its packages are not installed".to_owned());
        }
        let mut process = Command::new("node")
            .args(["bench.mjs", release])
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|_| "node is not on PATH".to_owned())?;
        let (requests, answers) = (process.stdin.take(), process.stdout.take());
        let requests = requests.expect("it is piped");
        let answers = BufReader::new(answers.expect("it is piped"));
        Ok(Self { process, requests, answers })
    }

    pub fn measure(&mut self, what: &str, times: u32) -> Duration {
        writeln!(self.requests, r#"{{"what":"{what}","times":{times}}}"#).expect("node reads");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("node answers");
        let digits: String = line.chars().filter(char::is_ascii_digit).collect();
        Duration::from_nanos(digits.parse().unwrap_or_else(|_| panic!("node said {line:?}")))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
