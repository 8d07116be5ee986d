//! `doctor`: is this machine fit for a run, before the first one?
//!
//! Each row is something that a run needs, or that somebody may miss. It changes nothing but a file
//! that it writes and removes again.

use std::net::ToSocketAddrs as _;
use std::path::{Path, PathBuf};

use super::source::target;
use super::stdout;
use super::{World, fail};
use crate::clock::UnixMs;
use crate::iut::Adapter;
use crate::run::{Target, free_ports, greet, trusted_authorities};
use crate::seed::Seed;
use crate::verdict::Exit;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Also look whether this implementation can be started
    #[arg(long, value_name = "[SEAT=]REF")]
    iut: Option<String>,
    /// Folder for the runs' output
    #[arg(long, value_name = "DIR", default_value = "reports")]
    out: PathBuf,
}

enum Health {
    Fine(String),
    /// Not needed by a run itself.
    Missing(String),
    Wrong(String),
}

/// 2024-01-01 and 2100-01-01: test certificates end with the latter (`interfaces.md` §3).
const CLOCK_MS: std::ops::Range<u64> = 1_704_067_200_000..4_102_444_800_000;
/// Programs with what they are good for.
const TOOLS: &[(&str, &str)] = &[
    ("python3", "adapters in Python"),
    ("node", "adapters in JavaScript, Baileys among them"),
    ("npm", "the bundled adapter for Baileys"),
    ("gdb", "`run --wait-for-debugger`, or another debugger"),
];

pub async fn execute(args: Args, world: &World) -> Exit {
    let subject = match args.iut.as_deref().map(|text| target(text, world)).transpose() {
        Ok(subject) => subject,
        Err(error) => return fail(Exit::Usage, &error),
    };
    let mut rows = vec![
        ("ports", ports().await),
        ("localhost", localhost()),
        ("clock", clock(UnixMs::now())),
        ("output", output(&args.out)),
        ("TLS trust", trust(trusted_authorities())),
    ];
    if let Some(subject) = &subject {
        rows.push(("adapter", adapter(subject).await));
    }
    rows.extend(TOOLS.iter().map(|(name, what)| (*name, tool(name, what))));
    let mut exit = Exit::Good;
    for (name, health) in &rows {
        let (word, said) = match health {
            Health::Fine(said) => ("ok", said),
            Health::Missing(said) => ("absent", said),
            Health::Wrong(said) => {
                exit = Exit::Found;
                ("WRONG", said)
            }
        };
        stdout::line(format_args!("  {word:<7} {name:<10} {said}"));
    }
    exit
}

async fn ports() -> Health {
    match free_ports().await {
        Ok(()) => Health::Fine("free ones of 127.0.0.1 can be had and reached".to_owned()),
        Err(error) => Health::Wrong(format!("127.0.0.1 cannot be listened on: {error}")),
    }
}

fn localhost() -> Health {
    let found = ("localhost", 0).to_socket_addrs();
    match found.map(|mut addresses| addresses.any(|address| address.ip().is_loopback())) {
        Ok(true) => Health::Fine("is this machine".to_owned()),
        _ => Health::Wrong("`localhost` is not this machine; see /etc/hosts".to_owned()),
    }
}

/// Meta's side hands over its own authority at each start; only a server may rest on the machine's.
fn trust(authorities: usize) -> Health {
    match authorities {
        0 => Health::Missing(
            "this machine trusts nobody; a server must hand over its `tls_ca`".to_owned(),
        ),
        some => Health::Fine(format!("{some} authorities, for servers without a `tls_ca`")),
    }
}

fn clock(now: UnixMs) -> Health {
    match CLOCK_MS.contains(&now.0) {
        true => Health::Fine("is within the validity of tokens and certificates".to_owned()),
        false => Health::Wrong(format!(
            "says {} s since 1970; tokens and certificates would not be valid",
            now.secs()
        )),
    }
}

fn output(dir: &Path) -> Health {
    let file = dir.join(format!(".doctor-{}", std::process::id()));
    let written = std::fs::create_dir_all(dir).and_then(|()| std::fs::write(&file, "x"));
    match written.and_then(|()| std::fs::remove_file(&file)) {
        Ok(()) => Health::Fine(format!("{} can be written", dir.display())),
        Err(error) => Health::Wrong(format!("{} cannot be written: {error}", dir.display())),
    }
}

async fn adapter(subject: &Target) -> Health {
    if let Adapter::Spawn(spawn) = &subject.adapter
        && !spawn.program.command.is_absolute()
        && in_path(&spawn.program.command).is_none()
    {
        return Health::Wrong(format!("{} is not in PATH", spawn.program.command.display()));
    }
    match greet(subject, Seed(7)).await {
        Ok(who) => Health::Fine(format!("{who} starts and answers; see driver-check")),
        Err(error) => Health::Wrong(error.to_string()),
    }
}

fn tool(name: &str, what: &str) -> Health {
    match in_path(Path::new(name)) {
        Some(path) => Health::Fine(path.display().to_string()),
        None => Health::Missing(format!("only needed for {what}")),
    }
}

fn in_path(program: &Path) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_nobody_set_is_told() {
        assert!(matches!(clock(UnixMs(1_800_000_000_000)), Health::Fine(_)));
        let Health::Wrong(said) = clock(UnixMs(5000)) else { panic!() };
        assert_eq!(said, "says 5 s since 1970; tokens and certificates would not be valid");
    }

    #[test]
    fn a_machine_that_trusts_nobody_is_told() {
        assert!(matches!(trust(140), Health::Fine(_)));
        assert!(matches!(trust(0), Health::Missing(_)));
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_told() {
        assert!(matches!(output(Path::new("/proc/nowhere")), Health::Wrong(_)));
        assert!(matches!(output(&std::env::temp_dir()), Health::Fine(_)));
    }

    #[test]
    fn a_tool_is_looked_for_where_the_shell_looks() {
        assert!(matches!(tool("sh", "scripts"), Health::Fine(_)));
        assert!(matches!(tool("no-such-tool", "nothing"), Health::Missing(_)));
    }
}
