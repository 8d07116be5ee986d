//! Processor time and memory of programs that are run to their end.
//!
//! Main functions: [`of_runs`] for many short runs and [`run`] for one long one. They know nothing of
//! what is run. The figures are the kernel's, from `/proc`: it counts in ticks of 10 ms, so short
//! runs are summed where the kernel sums them, in nanoseconds, and read once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

/// Linux tells user space of time in hundredths of a second, whatever its own tick is.
const TICK: Duration = Duration::from_millis(10);
/// How often the high-water mark is read; growth in the last interval of a run is not seen.
const WATCH_INTERVAL: Duration = Duration::from_millis(2);

/// Finds the program that is measured: the one named by `COUNTERPART`, else the one that was built
/// into the folder of this bench's profile.
///
/// # Panics
/// If there is none; the message says how to build it.
pub fn counterpart() -> PathBuf {
    if let Some(named) = std::env::var_os("COUNTERPART") {
        return named.into();
    }
    let own = std::env::current_exe().expect("the system knows this program");
    let folder = own.parent().and_then(Path::parent).expect("cargo puts benches into deps");
    let built = folder.join("counterpart");
    assert!(
        built.exists(),
        "name the program by COUNTERPART, or build it: cargo build --manifest-path \
         benches/peers/Cargo.toml --profile bench -p counterpart"
    );
    built
}

/// Finds hurl.
///
/// # Errors
/// Why the peer is absent, in words for the table.
pub fn hurl() -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join("hurl"));
    found.into_iter().find(|program| program.is_file()).ok_or_else(|| "not on PATH".into())
}

/// Measures runs of a program by the processor time of all of them and of what they started.
pub fn of_runs(mut command: Command) -> impl FnMut(u32) -> Duration {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    move |times| {
        let begun = times_of("self").descendants;
        for _ in 0..times {
            let status = command.status().expect("the program starts");
            assert!(status.success(), "{command:?} ended with {status}");
        }
        times_of("self").descendants.saturating_sub(begun)
    }
}

/// What one run took of the processor.
#[derive(Clone, Copy, Debug)]
pub struct Spent {
    /// The program, all its threads.
    pub own: Duration,
    /// What it started and waited for.
    pub descendants: Duration,
}

/// Runs a program to its good end; what it says goes to this file.
///
/// # Panics
/// If it does not start or does not end well, with what it said.
pub fn run(command: &mut Command, said: &Path) -> Spent {
    let (spent, ()) = while_running(command, said, |pid| {
        // It stays there, dead, until it is waited for below: only so can it still be looked at.
        let dead = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(pid), dead).expect("it is a child of ours");
    });
    spent
}

/// Runs a program to its good end and tells the most memory that it had resident, in bytes, without
/// what it started.
///
/// # Panics
/// As [`run`].
pub fn peak_of_run(command: &mut Command, said: &Path) -> u64 {
    let (_, peak) = while_running(command, said, |pid| {
        let looks = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        let mut peak = 0;
        while waitid(WaitId::Pid(pid), looks).expect("it is a child of ours").is_none() {
            peak = peak.max(high_water_bytes(pid).unwrap_or_default());
            std::thread::sleep(WATCH_INTERVAL);
        }
        peak
    });
    peak
}

fn while_running<T>(command: &mut Command, said: &Path, watch: impl Fn(Pid) -> T) -> (Spent, T) {
    let file = fs::File::create(said).expect("the folder can be written to");
    let same = file.try_clone().expect("a file can be opened twice");
    command.stdin(Stdio::null()).stdout(file).stderr(same);
    let mut child = command.spawn().expect("the program starts");
    let seen = watch(Pid::from_child(&child));
    let spent = times_of(&child.id().to_string());
    let status = child.wait().expect("it is a child of ours");
    let words = || fs::read_to_string(said).unwrap_or_default();
    assert!(status.success(), "{command:?} ended with {status}:\n{}", words());
    (spent, seen)
}

/// Reads the times of a process, alive or dead.
fn times_of(process: &str) -> Spent {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("it is not reaped");
    parsed(&stat).expect("the kernel keeps to proc(5)")
}

/// The fields 14 to 17 of `proc_pid_stat(5)`; the name in field 2 may hold blanks.
fn parsed(stat: &str) -> Option<Spent> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut ticks = after_name.split_whitespace().skip(11).map(str::parse::<u32>);
    let mut time = || Some(TICK * ticks.next()?.ok()?);
    Some(Spent { own: time()? + time()?, descendants: time()? + time()? })
}

fn high_water_bytes(pid: Pid) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_behind_a_name_with_blanks_and_brackets() {
        let stat = "7 (a) b (c) Z 1 2 3 4 5 6 7 8 9 10 150 50 20 5 20 0";
        let spent = parsed(stat).unwrap();
        assert_eq!(spent.own, Duration::from_secs(2));
        assert_eq!(spent.descendants, Duration::from_millis(250));
        assert!(parsed("7 (a) Z 1 2").is_none());
    }

    #[test]
    fn a_busy_run_costs_time_and_memory_and_an_idle_one_does_not() {
        let said = std::env::temp_dir().join(format!("peers-said-{}", std::process::id()));
        let shell = |text: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", text]);
            command
        };
        let busy = "n=0; while [ $n -lt 300000 ]; do n=$((n+1)); done";
        assert!(run(&mut shell(busy), &said).own >= TICK);
        assert!(run(&mut shell("exec sleep 0.1"), &said).own < Duration::from_millis(60));
        assert!(peak_of_run(&mut shell("exec sleep 0.1"), &said) > 100_000);
        fs::remove_file(said).unwrap();
    }

    #[test]
    #[should_panic(expected = "it broke")]
    fn a_run_that_ends_badly_is_no_measurement() {
        let said = std::env::temp_dir().join(format!("peers-bad-{}", std::process::id()));
        run(Command::new("sh").args(["-c", "echo it broke; exit 3"]), &said);
    }
}
