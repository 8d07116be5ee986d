//! What to run: an adapter's command with its directory and environment.
//!
//! Main type: [`Program`]. It comes from an IUT file or names the bundled reference; it knows no
//! process yet. The environment may hold credentials, so its values are never shown.

use std::fmt;
use std::path::PathBuf;

/// A command with arguments, as the operating system takes it.
#[derive(Clone, PartialEq, Eq)]
pub struct Program {
    /// A path, or a name to be looked for in `PATH`.
    pub command: PathBuf,
    pub args: Vec<String>,
    /// Where it runs; without one, where the harness runs.
    pub cwd: Option<PathBuf>,
    /// Added to the harness's own environment.
    pub env: Vec<(String, String)>,
}

impl Program {
    pub fn new(command: impl Into<PathBuf>) -> Self {
        Self { command: command.into(), args: Vec::new(), cwd: None, env: Vec::new() }
    }

    /// Adds arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.command.display())?;
        self.args.iter().try_for_each(|arg| write!(f, " {arg}"))
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.env.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Program")
            .field("command", &self.command)
            .field("args", &self.args)
            .field("cwd", &self.cwd)
            .field("env", &names)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_never_shown() {
        let mut program = Program::new("node").args(["adapter.mjs"]);
        program.env.push(("TOKEN".to_owned(), "hunter2".to_owned()));
        assert_eq!(program.to_string(), "node adapter.mjs");
        let shown = format!("{program:?}");
        assert!(shown.contains("TOKEN") && !shown.contains("hunter2"), "{shown}");
    }
}
