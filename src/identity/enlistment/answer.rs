//! The answer to an enlistment (TF §1.2.4).
//!
//! Main type: [`Answer`]. Failures come with HTTP 200 like successes, so the member `status`
//! decides (ENL-011). Anything that is not plainly a success is a failure for the client.

use serde_json::{Value, json};

/// What the enlistment server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Enlisted under this internal identifier, to be used as it stands (ENL-013).
    Ok { login: String },
    /// Refused; the words of `reason` are Meta's and open-ended (ENL-012).
    Fail { reason: String },
}

/// Why an answer says neither yes nor no; the server's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerFault {
    #[error("HTTP status {0} instead of 200")]
    HttpStatus(u16),
    #[error("the body is no JSON object")]
    NotJson,
    #[error("`status` is neither `ok` nor `fail`")]
    Status,
    #[error("`status` is `ok`, but there is no `login`")]
    NoLogin,
}

impl Answer {
    /// Writes the body.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Ok { login } => json!({ "login": login, "status": "ok" }),
            Self::Fail { reason } => json!({ "status": "fail", "reason": reason }),
        }
    }

    /// Reads an answer as a client should: unknown members are passed over, a missing reason is "".
    ///
    /// # Errors
    /// The answer is unreadable, which the client treats as a failure (ENL-012).
    pub fn read(http_status: u16, body: &[u8]) -> Result<Self, AnswerFault> {
        if http_status != 200 {
            return Err(AnswerFault::HttpStatus(http_status));
        }
        let json: Value = serde_json::from_slice(body).map_err(|_| AnswerFault::NotJson)?;
        let text = |name: &str| json.get(name).and_then(Value::as_str);
        match text("status") {
            _ if !json.is_object() => Err(AnswerFault::NotJson),
            Some("ok") => match text("login") {
                Some(login) if !login.is_empty() => Ok(Self::Ok { login: login.to_owned() }),
                _ => Err(AnswerFault::NoLogin),
            },
            Some("fail") => {
                Ok(Self::Fail { reason: text("reason").unwrap_or_default().to_owned() })
            }
            _ => Err(AnswerFault::Status),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_back_and_look_like_metas_samples() {
        let ok = Answer::Ok { login: "1-10853634039893@interop".to_owned() };
        assert_eq!(
            ok.to_json().to_string(),
            r#"{"login":"1-10853634039893@interop","status":"ok"}"#
        );
        let fail = Answer::Fail { reason: "bad_integrator".to_owned() };
        assert_eq!(fail.to_json().to_string(), r#"{"status":"fail","reason":"bad_integrator"}"#);
        for answer in [ok, fail] {
            assert_eq!(Answer::read(200, answer.to_json().to_string().as_bytes()), Ok(answer));
        }
    }

    #[test]
    fn the_status_decides() {
        let read = |body: &str| Answer::read(200, body.as_bytes());
        let fail = |reason: &str| Ok(Answer::Fail { reason: reason.to_owned() });
        assert_eq!(read(r#"{"status":"fail","login":"1-2@interop"}"#), fail(""));
        assert_eq!(read(r#"{"status":"fail","reason":7,"new":[]}"#), fail(""));
        assert_eq!(read(r#"{"login":"1-2@interop"}"#), Err(AnswerFault::Status));
        assert_eq!(read(r#"{"status":"OK","login":"1-2@interop"}"#), Err(AnswerFault::Status));
        assert_eq!(read(r#"{"status":"ok"}"#), Err(AnswerFault::NoLogin));
        assert_eq!(read(r#"{"status":"ok","login":""}"#), Err(AnswerFault::NoLogin));
        assert_eq!(read("<html>"), Err(AnswerFault::NotJson));
        assert_eq!(read("[]"), Err(AnswerFault::NotJson));
        let body = br#"{"status":"ok","login":"1-2@interop"}"#;
        assert_eq!(Answer::read(503, body), Err(AnswerFault::HttpStatus(503)));
    }
}
