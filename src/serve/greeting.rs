//! What a developer needs to know before the first byte: addresses, trust anchor, users.
//!
//! Main type: [`Greeting`]. As text it is made to be copied from, as JSON to be read by a script;
//! `instance` has there the form in which an adapter gets it in `configure`. The tokens and the
//! private key in it are the harness's own, made for this.

use serde_json::{Value, json};

use super::guests::GUESTS;
use super::labelled;
use super::paint::{Ink, Line};
use crate::role::meta::Meta;
use crate::spec::Profile;

/// A third-party user that is ready to be played.
pub struct Login {
    pub visible_id: String,
    pub login: String,
    /// Signed by the stand-in server; absent where the third party has one of its own.
    pub token: Option<String>,
    /// Hex of the static Noise key's private half, where the user is enlisted already.
    pub noise_private: Option<String>,
}

/// Everything that is told at the start.
pub struct Greeting {
    pub profile: Profile,
    pub seed: u64,
    pub chat: String,
    /// Where all HTTP services are, without a path.
    pub http: String,
    /// The authority of its certificates, where it speaks HTTPS, and the file that holds it.
    pub tls_ca: Option<String>,
    pub tls_file: Option<String>,
    pub noise_root: String,
    pub integrator: u16,
    pub issuer: String,
    pub server: Option<String>,
    pub canary: String,
    pub logins: Vec<Login>,
}

/// Where tokens of the stand-in server's are given out.
pub const TOKEN_PATH: &str = "/stand-in/token";

impl Greeting {
    fn url(&self, key: &str) -> String {
        format!("{}{}", self.http, self.profile.text(key).unwrap_or_default())
    }

    fn websocket(&self) -> String {
        format!("ws://{}/ws/chat", self.chat)
    }

    fn token_url(&self) -> Option<String> {
        let stands_in = self.server.is_none();
        stands_in.then(|| format!("{}{TOKEN_PATH}?user=NAME", self.http))
    }

    /// For a script.
    pub fn json(&self) -> Value {
        let users = self.logins.iter().map(|user| {
            json!({
                "visible_id": user.visible_id, "login": user.login, "token": user.token,
                "enlisted": user.noise_private.is_some(), "noise_private": user.noise_private,
            })
        });
        let guests = GUESTS.iter().map(|guest| {
            let jid = guest.jid(&self.profile).to_string();
            json!({ "name": guest.name, "jid": jid, "about": guest.about })
        });
        let mut greeting = json!({
            "schema": 1,
            "seed": self.seed,
            "instance": {
                "chat": { "tcp": self.chat, "ws": self.websocket() },
                "noise_root": self.noise_root,
                "enlistment_url": self.url("enlistment.path"),
                "media_url": self.http,
                "push_jwks_url": self.url("jwks.path"),
                "integrator": { "id": self.integrator, "iss": self.issuer },
                "profile": self.profile.client_visible(),
            },
            "token_url": self.token_url(),
            "canary": self.canary,
            "users": users.collect::<Vec<_>>(),
            "test_users": guests.collect::<Vec<_>>(),
        });
        if let Some(ca) = &self.tls_ca {
            greeting["instance"]["tls_ca"] = json!(ca);
        }
        greeting
    }

    /// For a person.
    pub fn lines(&self) -> Vec<Line> {
        let version = env!("CARGO_PKG_VERSION");
        let title = format!("counterpart {version} plays Meta's side");
        let rest = format!(", profile {}, seed {}", self.profile.id(), self.seed);
        let mut out = vec![Line::new(0, 0).with(Ink::Strong, title).text(rest)];
        out.push(Line::new(0, 0));
        out.extend(self.addresses());
        out.push(heading("your users"));
        out.extend(self.logins.iter().flat_map(|login| self.user(login)));
        out.push(heading("test users to write to"));
        out.extend(guest_lines(&self.profile));
        out.push(Line::new(0, 0));
        let hint = "Type `help` for what you can make it do; `quit` or Ctrl-C ends it. Times are \
                    UTC; c1 <- is what your client sent on its first connection.";
        out.push(Line::new(0, 0).text(hint));
        out.push(Line::new(0, 0));
        out
    }

    fn addresses(&self) -> Vec<Line> {
        let row = |name: &str, text: String| labelled(0, &format!("{name:<12}"), text);
        let mut out = vec![
            row("chat, TCP", self.chat.clone()),
            row("chat, ws", self.websocket()),
            row("noise root", self.noise_root.clone()),
            row("media host", self.http.clone()),
        ];
        out.extend(self.tls_file.iter().map(|file| row("authority", format!("{file}, in PEM"))));
        if !self.profile.rules_out("ENL-001") {
            out.push(row("enlistment", self.url("enlistment.path")));
            out.push(row("push keys", self.url("jwks.path")));
            let integrator = format!("id {}, issuer {}", self.integrator, self.issuer);
            out.push(row("integrator", integrator));
            out.push(match (&self.server, self.token_url()) {
                (Some(server), _) => row("your server", server.clone()),
                (None, url) => row("tokens", url.unwrap_or_default()),
            });
        }
        let canary = format!("{} in a text: a leak in the clear is then reported", self.canary);
        out.push(row("canary", canary));
        out
    }

    fn user(&self, user: &Login) -> Vec<Line> {
        let how = match &user.noise_private {
            Some(_) => "enlisted, with the static key below:",
            None if self.profile.rules_out("ENL-001") => "may log in with any static key",
            None => "to be enlisted; it will be",
        };
        let mut out = vec![name(&user.visible_id).text(format!("{how} {}", user.login))];
        let one_line = |name, text: &String| labelled(2, name, text).unbroken();
        out.extend(user.noise_private.iter().map(|key| one_line("noise key", key)));
        out.extend(user.token.iter().map(|token| one_line("token", token)));
        out
    }
}

fn heading(text: &str) -> Line {
    Line::new(0, 0).with(Ink::Strong, text)
}

fn name(text: &str) -> Line {
    Line::new(2, 18).with(Ink::Name, format!("{text:<15} "))
}

/// The test users with their addresses.
pub fn guest_lines(profile: &Profile) -> Vec<Line> {
    let guests = GUESTS.iter().map(|guest| {
        let jid = guest.jid(profile).to_string();
        name(guest.name).with(Ink::Plain, format!("{jid} ")).with(Ink::Faint, guest.about)
    });
    guests.collect()
}

/// The third-party users as they are now.
pub fn user_lines(meta: &Meta) -> Vec<Line> {
    let users = meta.accounts().iter().map(|account| {
        let online = if account.is_online() { "online" } else { "offline" };
        let enlisted = if account.enlisted { "" } else { ", not enlisted" };
        let keys = match (account.has_keys(), account.has_uploaded()) {
            (false, _) => ", no keys",
            (true, false) => ", no one-time prekeys",
            (true, true) => "",
        };
        let waiting = match account.waiting() {
            0 => String::new(),
            n => format!(", {n} stanzas wait for its acks"),
        };
        let jid = &account.jid;
        name(&account.user.actor).text(format!("{jid} {online}{enlisted}{keys}{waiting}"))
    });
    users.collect()
}
