//! The start of the program beside hurl's, and the memory of a run of the whole suite.

use std::path::Path;
use std::process::Command;

use counterpart_peers::folder::Folder;
use counterpart_peers::process::{counterpart, hurl, of_runs, peak_of_run};
use counterpart_peers::{Contest, Goal};

const PEAK_MIB_MAX: f64 = 64.0;

fn main() {
    let mut contest = Contest::of_programs("Start and memory");
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../scenarios/m3.3/text-in-is-shown-acked-and-receipted.yaml");
    start(&mut contest, "--version", Goal::AtLeast(1.0), &["--version"]);
    start(&mut contest, "lint of one file", Goal::None, &["lint", &file.to_string_lossy()]);
    let mib = whole_suite_bytes() as f64 / f64::from(1 << 20);
    contest.at_most("peak of the whole suite, resident", mib, PEAK_MIB_MAX, "MiB");
    contest.print();
}

fn start(contest: &mut Contest, what: &str, goal: Goal, arguments: &[&str]) {
    let mut command = Command::new(counterpart());
    command.args(arguments);
    let ours = of_runs(command);
    match hurl() {
        Err(why) => contest.alone(what, ours, "hurl --version", why),
        Ok(program) => {
            let mut command = Command::new(program);
            command.arg("--version");
            contest.row(what, goal, ours, "hurl --version", of_runs(command));
        }
    }
}

fn whole_suite_bytes() -> u64 {
    eprintln!("the whole suite …");
    let folder = Folder::new("coldstart");
    let mut command = Command::new(counterpart());
    command.args(["run", "--seed", "7", "--out"]).arg(folder.path().join("reports"));
    peak_of_run(&mut command, &folder.path().join("said"))
}
