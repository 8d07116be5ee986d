//! What one scenario costs the harness, beside a file of hurl's.
//!
//! One run holds at least 200 copies of one scenario, on the loopback and against the
//! bundled reference, whose process does not count; start, recording, judging and report do. hurl's
//! file is one request and two assertions, so the two do not do the same: ours also does all of the
//! cryptography of its side.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use counterpart_peers::folder::Folder;
use counterpart_peers::process::{counterpart, hurl, run};
use counterpart_peers::{Contest, Goal};

/// So many that the start of the run, which loads all bundled scenarios, is a small part.
const CASES_MIN: u32 = 200;

fn main() {
    let mut contest = Contest::of_programs("One scenario, processor time of the harness")
        .with_times_min(CASES_MIN);
    let folder = Folder::new("scenario");
    let address = listen();
    for (what, scenario) in [
        ("handshake and login", "m2/logs-in-with-the-enlisted-key-and-a-token"),
        ("text in and out", "m3.3/text-in-is-shown-acked-and-receipted"),
    ] {
        let ours = |times| scenario_run(&folder, scenario, times);
        match hurl() {
            Err(why) => contest.alone(what, ours, "hurl", why),
            Ok(program) => {
                let theirs = |times| hurl_run(&folder, &program, address, times);
                contest.row(what, Goal::AtLeast(1.0), ours, "hurl", theirs);
            }
        }
    }
    contest.print();
}

fn scenario_run(folder: &Folder, scenario: &str, times: u32) -> Duration {
    let file = format!("../../scenarios/{scenario}.yaml");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = std::fs::read_to_string(file).expect("the scenario is there");
    folder.copies("scenarios/bench", &text, "yaml", times);
    let mut command = Command::new(counterpart());
    command.args(["run", "--seed", "7", "bench/*", "--scenarios"]);
    command.arg(folder.path().join("scenarios")).arg("--out").arg(folder.path().join("reports"));
    run(&mut command, &folder.path().join("said")).own
}

fn hurl_run(folder: &Folder, program: &Path, address: SocketAddr, times: u32) -> Duration {
    let text = format!("GET http://{address}/\nHTTP 200\n[Asserts]\nbody == \"ok\"\n");
    let files = folder.copies("hurl", &text, "hurl", times);
    let mut command = Command::new(program);
    command.arg("--test").args(files);
    run(&mut command, &folder.path().join("said")).own
}

/// A server for hurl that answers everything with `ok`, until the bench ends.
fn listen() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback is there");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(&stream));
        }
    });
    address
}

fn answer(mut stream: &TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    while let Some(line) = lines.next().transpose()? {
        if line.is_empty() {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?;
        }
    }
    Ok(())
}
