//! The push call: `POST {base}/push` (TF §3.2.2).

use serde_json::json;

use super::{Fetch, Meta};
use crate::evidence::{Event, Lane, Payload, Stream, TokenFacts};
use crate::http::HttpRequest;
use crate::identity::token;
use crate::scenario::{BodyFault, TokenFault};

/// A push call to make.
pub struct Push {
    pub lane: Lane,
    /// The third-party user to wake.
    pub to: String,
    pub label: Option<String>,
    /// What is odd about its token.
    pub fault: Option<TokenFault>,
    /// What is odd about its body.
    pub body: Option<BodyFault>,
}

/// Deeper than any stack of a reader that recurses.
const DEPTH: usize = 100_000;
/// More than a wake-up call can need, and more than frameworks take by default.
const LARGE_BYTES: usize = 1_500_000;

impl Meta {
    /// Wakes a user.
    ///
    /// # Errors
    /// The user or the third-party server is unknown.
    pub fn push(&mut self, push: Push) -> Result<(), String> {
        let account = self.account(push.lane, &push.to).ok_or(format!("{} is unknown", push.to))?;
        let visible_id = account.user.visible_id.clone();
        let base = self.integrator.base_url.clone().ok_or("no third-party server is known")?;
        let path = self.profile.text("push.path").unwrap_or("/push").to_owned();
        let mut request =
            HttpRequest::new("POST", &path).with_header("content-type", "application/json");
        let token = self.push_token(&base, push.fault);
        let shown = token.as_deref().map(shown).map(Box::new);
        if let Some(token) = token {
            request = request.with_header("authorization", format!("Bearer {token}"));
        }
        request.body = body(&visible_id, push.body);
        self.search_push(&request.body.clone());
        if push.body == Some(BodyFault::Large) {
            request.padding = LARGE_BYTES;
        }
        let event = Event::Requested {
            label: push.label.clone(),
            method: "POST".into(),
            path: path.clone(),
            token: shown,
            body: Some(Payload::of(&request.body)),
        };
        self.record_in(Stream::http_out(), push.lane, None, event);
        self.fetch(Fetch::Push { label: push.label }, format!("{base}{path}"), request);
        Ok(())
    }
}

impl Meta {
    /// A sound push for somebody who does not exist, with its URL: it wakes nobody.
    pub fn push_for_nobody(&mut self) -> Option<(String, HttpRequest)> {
        let base = self.integrator.base_url.clone()?;
        let path = self.profile.text("push.path").unwrap_or("/push").to_owned();
        let token = self.push_token(&base, None)?;
        let mut request = HttpRequest::new("POST", &path)
            .with_header("content-type", "application/json")
            .with_header("authorization", format!("Bearer {token}"));
        request.body = body("nobody-of-this-name", None);
        Some((format!("{base}{path}"), request))
    }
}

/// What a token says, as far as it can be read; nobody can use it without its signature.
fn shown(token: &str) -> TokenFacts {
    let token::Inspected { len, sha256, header, claims } = token::inspect(token);
    TokenFacts { len, sha256, header, claims, checked: Vec::new() }
}

fn body(to: &str, fault: Option<BodyFault>) -> Vec<u8> {
    let plain = json!({ "to": to });
    let json = match fault {
        None => plain,
        Some(BodyFault::FurtherMembers) => {
            json!({ "id": 7, "to": to, "x-hints": { "silent": [true, null] }, "too": "somebody" })
        }
        // In the form of a real name, and of the same length.
        Some(BodyFault::UnknownUser) => {
            json!({ "to": to.chars().rev().collect::<String>() })
        }
        Some(BodyFault::Empty) => return Vec::new(),
        Some(BodyFault::NotJson) => return format!("to={to}").into_bytes(),
        Some(BodyFault::CutOff) => {
            let text = plain.to_string();
            return text.as_bytes()[..text.len() - 2].to_vec();
        }
        Some(BodyFault::NotUtf8) => {
            let text = plain.to_string().into_bytes();
            return text.into_iter().map(|byte| if byte == b'-' { 0xFF } else { byte }).collect();
        }
        Some(BodyFault::List) => json!([plain]),
        Some(BodyFault::NoUser) => json!({ "user": to }),
        Some(BodyFault::NumberForUser) => json!({ "to": 42 }),
        Some(BodyFault::NullForUser) => json!({ "to": null }),
        Some(BodyFault::Deep) => return "[".repeat(DEPTH).into_bytes(),
        // What makes it large follows as it is sent: white space, which JSON allows.
        Some(BodyFault::Large) => plain,
    };
    json.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn only_what_is_legal_or_names_somebody_else_is_a_good_body() {
        for (fault, word) in BodyFault::ALL {
            let body = body("alice-1", Some(*fault));
            let read: Option<Value> = serde_json::from_slice(&body).ok();
            let to = read.as_ref().and_then(|read| read.get("to")?.as_str());
            let expected = match fault {
                BodyFault::FurtherMembers | BodyFault::Large => Some("alice-1"),
                BodyFault::UnknownUser => Some("1-ecila"),
                _ => None,
            };
            assert_eq!(to, expected, "{word}");
        }
        assert_eq!(body("a", None), br#"{"to":"a"}"#);
    }
}
