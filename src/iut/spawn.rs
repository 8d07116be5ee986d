//! A spawned adapter: its process, its group, its log.
//!
//! Main type: [`Process`]. It speaks no driver protocol: standard input and output are handed out.
//! The adapter leads a process group of its own, so that a kill takes the children with it and a
//! Ctrl-C at the harness's terminal does not reach it before the report is written. One task waits
//! for the end and clears the group then, since a child that stays behind would keep ports and
//! pipes.

use std::io;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::watch;

use super::log::Log;
use super::program::Program;
use super::watch::Exit;
use crate::clock::UnixMs;
use crate::driver::line::LineReader;
use crate::limits::LOG_LINE_BYTES_MAX;

/// A running or ended adapter. Dropping it kills the whole group.
#[derive(Debug)]
pub struct Process {
    group: Pid,
    exit: watch::Receiver<Option<Exit>>,
    log: Arc<Mutex<Log>>,
    /// Becomes true when the log is read to its end.
    log_ended: watch::Receiver<bool>,
}

impl Process {
    /// Starts a program and hands out its standard input and output.
    ///
    /// # Errors
    /// The operating system's, where the command does not exist or must not be run.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn spawn(program: &Program) -> io::Result<(Self, ChildStdin, ChildStdout)> {
        let mut child = command(program).spawn()?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(io::Error::other("a pipe to the process is missing"));
        };
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let group = group.ok_or_else(|| io::Error::other("the process has no id"))?;
        let log = Arc::new(Mutex::new(Log::default()));
        let (exited, exit) = watch::channel(None);
        let (ended, log_ended) = watch::channel(false);
        tokio::spawn(reap(child, group, exited));
        tokio::spawn(keep_log(stderr, Arc::clone(&log), ended));
        Ok((Self { group, exit, log, log_ended }, stdin, stdout))
    }

    /// The process id, for what the operating system tells of it.
    pub fn id(&self) -> u32 {
        self.group.as_raw_nonzero().get().unsigned_abs()
    }

    /// How it ended, if it has.
    pub fn exit(&self) -> Option<Exit> {
        self.exit.borrow().clone()
    }

    /// Waits for the end, at most this long.
    pub async fn wait(&self, limit: Duration) -> Option<Exit> {
        let mut exit = self.exit.clone();
        let ended = exit.wait_for(Option::is_some);
        match tokio::time::timeout(limit, ended).await {
            Ok(Ok(exit)) => exit.clone(),
            _ => None,
        }
    }

    /// Ends it and all its children at once, if it still runs.
    pub fn kill(&self) {
        if self.exit().is_none() {
            kill_group(self.group);
        }
    }

    /// Waits until the log is read to its end, at most this long.
    pub async fn drain_log(&self, limit: Duration) {
        let mut ended = self.log_ended.clone();
        // What was not read by then is not waited for.
        let _ = tokio::time::timeout(limit, ended.wait_for(|ended| *ended)).await;
    }

    /// The log so far.
    pub fn log(&self) -> MutexGuard<'_, Log> {
        lock(&self.log)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn command(program: &Program) -> Command {
    let mut command = Command::new(&program.command);
    command.args(&program.args).envs(program.env.iter().map(|(name, value)| (name, value)));
    if let Some(cwd) = &program.cwd {
        command.current_dir(cwd);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.process_group(0).kill_on_drop(true);
    command
}

fn kill_group(group: Pid) {
    // The only error to expect is that the group is gone, which is what was wanted.
    let _ = kill_process_group(group, Signal::KILL);
}

async fn reap(mut child: Child, group: Pid, exited: watch::Sender<Option<Exit>>) {
    let exit = Exit::of(child.wait().await);
    // The number cannot have a new owner while a child of the group lives; if none does, this
    // reaches nobody.
    kill_group(group);
    exited.send_replace(Some(exit));
}

async fn keep_log(stderr: ChildStderr, log: Arc<Mutex<Log>>, ended: watch::Sender<bool>) {
    let mut lines = LineReader::new(stderr, LOG_LINE_BYTES_MAX);
    // A log that can no longer be read is at its end.
    while let Ok(Some(line)) = lines.next().await {
        let text = String::from_utf8_lossy(&line.bytes).into_owned();
        lock(&log).push(UnixMs::now(), text);
    }
    ended.send_replace(true);
}

fn lock(log: &Mutex<Log>) -> MutexGuard<'_, Log> {
    // No code panics while it holds the lock; if some ever does, the lines are still whole.
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

    use super::*;
    use crate::iut::watch::AlarmKind;
    use crate::limits::LOG_LINES_MAX;

    const LONG: Duration = Duration::from_secs(20);

    fn sh(script: &str) -> (Process, ChildStdin, ChildStdout) {
        Process::spawn(&Program::new("/bin/sh").args(["-c", script])).unwrap()
    }

    #[tokio::test]
    async fn an_exit_status_and_a_signal_are_told_apart() {
        let (process, _stdin, _stdout) = sh("exit 3");
        assert_eq!(process.wait(LONG).await, Some(Exit::Code(3)));
        let (process, _stdin, _stdout) = sh("kill -SEGV $$");
        assert_eq!(process.wait(LONG).await, Some(Exit::Signal(11)));
        assert_eq!(process.exit(), Some(Exit::Signal(11)));
    }

    #[tokio::test]
    async fn what_does_not_exist_is_an_error() {
        let error = Process::spawn(&Program::new("/nowhere/adapter")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[tokio::test]
    async fn the_program_gets_its_arguments_directory_and_environment() {
        let mut program = Program::new("/bin/sh").args(["-c", "echo $1 $PWD $GREETING", "sh", "a"]);
        program.cwd = Some("/".into());
        program.env.push(("GREETING".to_owned(), "hi".to_owned()));
        let (_process, _stdin, mut stdout) = Process::spawn(&program).unwrap();
        let mut text = String::new();
        stdout.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "a / hi\n");
    }

    #[tokio::test]
    async fn the_log_is_kept_with_its_reports_and_within_its_bounds() {
        let flood = format!("i=0; while [ $i -lt {LOG_LINES_MAX} ]; do echo $i; i=$((i+1)); done");
        let script =
            format!("exec >&2; echo 'panic: x'; {flood}; head -c 100000 /dev/zero; exit 1");
        let (process, _stdin, _stdout) = sh(&script);
        assert_eq!(process.wait(LONG).await, Some(Exit::Code(1)));
        process.drain_log(LONG).await;
        let log = process.log();
        assert_eq!(log.since(0).len(), LOG_LINES_MAX);
        assert_eq!(log.tail(1)[0].text.len(), LOG_LINE_BYTES_MAX);
        assert_eq!(log.alarms(0)[0].kind, AlarmKind::Panic);
        assert!(log.tail(1)[0].at > UnixMs(0));
    }

    #[tokio::test]
    async fn a_kill_takes_the_children_with_it() {
        // The child holds the output open: it ends only when the child does.
        let (process, _stdin, stdout) = sh("tail -f /dev/null & echo up; wait");
        let mut output = BufReader::new(stdout);
        let mut line = String::new();
        output.read_line(&mut line).await.unwrap();
        assert_eq!(line, "up\n");
        process.kill();
        assert_eq!(process.wait(LONG).await, Some(Exit::Signal(9)));
        let rest = tokio::time::timeout(LONG, output.read_line(&mut line)).await;
        assert_eq!(rest.unwrap().unwrap(), 0);
    }

    #[tokio::test]
    async fn children_left_behind_by_an_orderly_end_are_cleared_too() {
        let (process, _stdin, mut stdout) = sh("tail -f /dev/null & exit 0");
        assert_eq!(process.wait(LONG).await, Some(Exit::Code(0)));
        let mut rest = Vec::new();
        tokio::time::timeout(LONG, stdout.read_to_end(&mut rest)).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn dropping_it_ends_it() {
        let (process, mut stdin, mut stdout) = sh("cat");
        stdin.write_all(b"x").await.unwrap();
        let mut byte = [0; 1];
        stdout.read_exact(&mut byte).await.unwrap();
        drop(process);
        let mut rest = Vec::new();
        tokio::time::timeout(LONG, stdout.read_to_end(&mut rest)).await.unwrap().unwrap();
    }
}
