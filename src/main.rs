//! Arguments to the library, its result to an exit code. The only reader of env, cwd and tty.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use counterpart::cli::{World, execute, read};
use counterpart::report::Look;
use counterpart::verdict::Exit;

/// `COLUMNS` comes before the terminal, `NO_COLOR` (no-color.org) before everything.
fn look() -> Look {
    let stdout = std::io::stdout();
    let terminal = stdout.is_terminal();
    let asked = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let size = || rustix::termios::tcgetwinsize(&stdout).ok().map(|size| usize::from(size.ws_col));
    let columns = asked.or_else(|| size().filter(|_| terminal)).filter(|columns| *columns > 0);
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    Look { columns: columns.unwrap_or(Look::default().columns), colour: terminal && !plain }
}

fn main() -> ExitCode {
    let look = look();
    let interactive = std::io::stderr().is_terminal();
    let cli = match read(look, interactive) {
        Ok(cli) => cli,
        Err(exit) => return exit.into(),
    };
    let world = World {
        program: std::env::current_exe().unwrap_or_else(|_| "counterpart".into()),
        interactive,
        look,
    };
    let sequential = cli.is_sequential();
    // What is read before anything runs is read before there are workers.
    let work = execute(cli, &world);
    let mut runtime = match sequential {
        true => tokio::runtime::Builder::new_current_thread(),
        false => tokio::runtime::Builder::new_multi_thread(),
    };
    // Only names are looked up there; each thread would keep memory of its own.
    match runtime.enable_all().max_blocking_threads(4).build() {
        Ok(runtime) => {
            let exit = runtime.block_on(work);
            // A blocking read of standard input must not keep the process alive.
            runtime.shutdown_background();
            exit.into()
        }
        Err(error) => {
            eprintln!("error: cannot start the runtime: {error}");
            Exit::Usage.into()
        }
    }
}
