//! The push call: `POST {base}/push` (TF §3.2.2).

use serde_json::json;

use super::{Fetch, Meta};
use crate::evidence::{Event, Lane, Stream};
use crate::http::HttpRequest;
use crate::identity::test_keys;
use crate::identity::token::{self, Claims};
use crate::scenario::TokenFault;

/// A push call to make.
pub struct Push {
    pub lane: Lane,
    /// The third-party user to wake.
    pub to: String,
    pub label: Option<String>,
    pub fault: Option<TokenFault>,
}

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
        let body = json!({ "to": visible_id }).to_string().into_bytes();
        let mut request =
            HttpRequest::new("POST", &path).with_header("content-type", "application/json");
        if let Some(token) = self.push_token(&base, push.fault) {
            request = request.with_header("authorization", format!("Bearer {token}"));
        }
        request.body = body;
        let event = Event::Requested {
            label: push.label.clone(),
            method: "POST".into(),
            path: path.clone(),
        };
        self.record_in(Stream::http_out(), push.lane, None, event);
        self.fetch(Fetch::Push { label: push.label }, format!("{base}{path}"), request);
        Ok(())
    }

    fn push_token(&self, audience: &str, fault: Option<TokenFault>) -> Option<String> {
        let now = self.now.secs();
        let life = self.profile.int("push.lifetime_s").unwrap_or(3600).unsigned_abs();
        let claims = Claims {
            iss: self.profile.text("push.iss").unwrap_or("WHATSAPP").to_owned(),
            aud: audience.to_owned(),
            sub: None,
            iat: now,
            exp: now + life,
        };
        let key = test_keys::meta();
        Some(match fault {
            None => token::issue(key, &claims),
            Some(TokenFault::Absent) => return None,
            Some(TokenFault::AlgNone) => token::issue_broken(key, &claims, token::Broken::AlgNone),
            Some(TokenFault::BadSignature) => {
                token::issue_broken(key, &claims, token::Broken::BadSignature)
            }
            Some(TokenFault::OtherAudience) => {
                token::issue_broken(key, &claims, token::Broken::OtherAudience)
            }
            Some(TokenFault::Expired) => token::issue_broken(key, &claims, token::Broken::Expired),
        })
    }
}
