//! What a developer can ask for, on standard input or by a text to the user `control`.
//!
//! Main type: [`Command`]. It only reads; what a command does stands in `act`.

use super::guests::{self, GUESTS};
use crate::span::nearest;

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Help,
    Users,
    Faults,
    /// Adds a fault; `None` ends all.
    Fault(Option<String>),
    /// A test user writes; to everybody who is online if nobody is named.
    Say {
        from: &'static str,
        to: Option<String>,
        text: String,
    },
    Ping(Option<String>),
    Drop(Option<String>),
    Push(Option<String>),
    /// A fresh token of the stand-in server's.
    Token(Option<String>),
    Quit,
}

/// The commands with their arguments and what they do.
pub const COMMANDS: &[(&str, &str, &str)] = &[
    ("say", "USER [@WHO] TEXT", "the test user USER writes to WHO of yours, or to all online"),
    ("ping", "[WHO]", "the chat server pings WHO, or all online"),
    ("drop", "[WHO]", "the chat server closes the connection of WHO, or all"),
    ("push", "[WHO]", "a push wakes WHO, or everybody enlisted (needs --server)"),
    ("token", "[WHO]", "prints a fresh token (without --server)"),
    ("fault", "NAME=VALUE | none", "Meta's side misbehaves from now on, or no longer"),
    ("faults", "", "lists the faults, and what is in force"),
    ("users", "", "lists your users and the test users"),
    ("quit", "", "ends it"),
    ("help", "", "prints this"),
];

impl Command {
    /// Reads a command; `None` for an empty line.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse(line: &str) -> Result<Option<Self>, String> {
        let (verb, rest) = line.trim().split_once(char::is_whitespace).unwrap_or((line.trim(), ""));
        let rest = rest.trim();
        let who = || (!rest.is_empty()).then(|| rest.trim_start_matches('@').to_owned());
        Ok(Some(match verb {
            "" => return Ok(None),
            "help" | "?" => Self::Help,
            "users" => Self::Users,
            "faults" => Self::Faults,
            "fault" => fault(rest)?,
            "say" => say(rest)?,
            "ping" => Self::Ping(who()),
            "drop" => Self::Drop(who()),
            "push" => Self::Push(who()),
            "token" => Self::Token(who()),
            "quit" | "exit" => Self::Quit,
            _ => {
                let hint = nearest(verb, COMMANDS.iter().map(|(name, ..)| *name));
                let hint = hint.map(|near| format!("; did you mean `{near}`?"));
                let hint = hint.unwrap_or_else(|| "; `help` lists what there is".into());
                return Err(format!("there is no command `{verb}`{hint}"));
            }
        }))
    }
}

fn fault(rest: &str) -> Result<Command, String> {
    match rest {
        "" => Err("`fault` takes NAME=VALUE or `none`; `faults` lists them".into()),
        "none" => Ok(Command::Fault(None)),
        text => Ok(Command::Fault(Some(text.to_owned()))),
    }
}

fn say(rest: &str) -> Result<Command, String> {
    let usage = || "`say` takes USER [@WHO] TEXT, e.g. `say echo hello`".to_owned();
    let (from, mut text) = rest.split_once(char::is_whitespace).ok_or_else(usage)?;
    let guest = guests::find(from).ok_or_else(|| {
        let hint = nearest(from, GUESTS.iter().map(|guest| guest.name));
        let hint = hint.map(|near| format!("; did you mean `{near}`?"));
        format!("there is no test user `{from}`{}", hint.unwrap_or_default())
    })?;
    let mut to = None;
    if let Some(rest) = text.trim_start().strip_prefix('@') {
        let (who, said) = rest.split_once(char::is_whitespace).ok_or_else(usage)?;
        (to, text) = (Some(who.to_owned()), said);
    }
    let text = text.trim().to_owned();
    if text.is_empty() { Err(usage()) } else { Ok(Command::Say { from: guest.name, to, text }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_read_as_they_are_listed() {
        let read = |line| Command::parse(line).unwrap();
        assert_eq!(read("  "), None);
        assert_eq!(read("ping"), Some(Command::Ping(None)));
        assert_eq!(read("drop @alice"), Some(Command::Drop(Some("alice".into()))));
        assert_eq!(read("fault none"), Some(Command::Fault(None)));
        let text = "hello  you".to_owned();
        let said = Command::Say { from: "echo", to: None, text: text.clone() };
        assert_eq!(read("say echo hello  you"), Some(said));
        let said = Command::Say { from: "echo", to: Some("bob".into()), text };
        assert_eq!(read("say echo @bob hello  you"), Some(said));
        for (name, ..) in COMMANDS {
            let line = match *name {
                "say" => "say echo a",
                "fault" => "fault none",
                other => other,
            };
            assert!(Command::parse(line).unwrap().is_some(), "{name}");
        }
    }

    #[test]
    fn mistakes_are_explained() {
        let lines = ["pnig", "frobnicate", "say", "say ehco hi", "say echo @bob", "fault"];
        let errors = lines.map(|line| Command::parse(line).unwrap_err());
        insta::assert_snapshot!(errors.join("\n"), @r#"
        there is no command `pnig`; did you mean `ping`?
        there is no command `frobnicate`; `help` lists what there is
        `say` takes USER [@WHO] TEXT, e.g. `say echo hello`
        there is no test user `ehco`; did you mean `echo`?
        `say` takes USER [@WHO] TEXT, e.g. `say echo hello`
        `fault` takes NAME=VALUE or `none`; `faults` lists them
        "#);
    }
}
