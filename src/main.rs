//! Arguments to the library, its result to an exit code. The only reader of env, cwd and tty.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser as _;
use counterpart::cli::{Cli, World, execute};
use counterpart::verdict::Exit;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let world = World {
        program: std::env::current_exe().unwrap_or_else(|_| "counterpart".into()),
        interactive: std::io::stderr().is_terminal(),
    };
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => {
            let exit = runtime.block_on(execute(cli, &world));
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
