//! What a developer can ask for, on standard input or by a text to the user `control`.
//!
//! Main type: [`Command`]. It only reads; what a command does stands in `act`.

use super::guests::{self, GUESTS};
use crate::e2ee::media::MediaKind;
use crate::limits::FILE_BYTES_MAX;
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
    /// A test user sends a file.
    File {
        from: &'static str,
        to: Option<String>,
        kind: MediaKind,
        bytes: usize,
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
    ("file", "USER [@WHO] KIND [BYTES]", "the same with a file, e.g. `file echo image 20000`"),
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
            "file" => file(rest)?,
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
    let guest = guest(from)?;
    let mut to = None;
    if let Some(rest) = text.trim_start().strip_prefix('@') {
        let (who, said) = rest.split_once(char::is_whitespace).ok_or_else(usage)?;
        (to, text) = (Some(who.to_owned()), said);
    }
    let text = text.trim().to_owned();
    if text.is_empty() { Err(usage()) } else { Ok(Command::Say { from: guest.name, to, text }) }
}

/// Length of a file where nothing is said.
const FILE_BYTES: usize = 20_000;

fn file(rest: &str) -> Result<Command, String> {
    let usage = || {
        let kinds: Vec<&str> = MediaKind::ALL.iter().map(|(_, word)| *word).collect();
        let kinds = kinds.join(", ");
        format!("`file` takes USER [@WHO] KIND [BYTES], e.g. `file echo image`; kinds are {kinds}")
    };
    let mut words = rest.split_whitespace().peekable();
    let from = guest(words.next().ok_or_else(usage)?)?.name;
    let to = words.next_if(|word| word.starts_with('@'));
    let to = to.map(|who| who.trim_start_matches('@').to_owned());
    let kind = words.next().and_then(MediaKind::named).ok_or_else(usage)?;
    let bytes = match words.next() {
        Some(word) => word.parse().ok().filter(|bytes| *bytes <= FILE_BYTES_MAX),
        None => Some(FILE_BYTES),
    };
    let bytes = bytes.filter(|_| words.next().is_none()).ok_or_else(usage)?;
    Ok(Command::File { from, to, kind, bytes })
}

fn guest(name: &str) -> Result<&'static guests::Guest, String> {
    guests::find(name).ok_or_else(|| {
        let hint = nearest(name, GUESTS.iter().map(|guest| guest.name));
        let hint = hint.map(|near| format!("; did you mean `{near}`?"));
        format!("there is no test user `{name}`{}", hint.unwrap_or_default())
    })
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
        let file = Command::File {
            from: "echo",
            to: Some("bob".into()),
            kind: MediaKind::Voice,
            bytes: 7,
        };
        assert_eq!(read("file echo @bob voice 7"), Some(file));
        for line in
            ["file", "file echo", "file echo picture", "file echo image x", "file echo image 1 2"]
        {
            assert!(Command::parse(line).unwrap_err().contains("kinds are image, video"), "{line}");
        }
        for (name, ..) in COMMANDS {
            let line = match *name {
                "say" => "say echo a",
                "file" => "file echo image",
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
