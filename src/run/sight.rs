//! What a step that waits in vain asks a person who is the adapter: whether the app shows just that.
//!
//! [`sight`] turns an expectation into the notification that would meet it. The person answers yes
//! or no, so this is asked where something *should* be seen, and never where it must not be: there
//! the question tells nothing.

use serde_json::{Map, Value, json};

use crate::driver::Params;
use crate::scenario::{Expect, Kind, Matching, Plays, Scope};

use super::recorder::RecordError;
use super::session::Session;

/// Where `health` carries the question; adapters that are programs never get it.
const MEMBER: &str = "x-expected";

impl Session<'_> {
    /// Asks for `health`, and a person whether that is there which a step waits for.
    pub(super) async fn ask_whether(&mut self, expect: &Expect) -> Result<(), RecordError> {
        let mut params = Params::new();
        if self.shared.manual && self.plays(&expect.at, Plays::ThirdPartyClient) {
            let account = self.account(&expect.at).await?;
            let board = self.recorder.progress.board(self.lane);
            if let Some((name, fields)) = sight(expect, board) {
                let question = json!({ "account": account, "name": name, "fields": fields });
                params.insert(MEMBER.to_owned(), question);
            }
        }
        let _ = self.call("health", params, None).await?;
        Ok(())
    }
}

/// The notification by its name and what it says; `None` for what has no words of its own.
fn sight(expect: &Expect, scope: &dyn Scope) -> Option<(&'static str, Value)> {
    let (name, told) = match expect.kind {
        Kind::Shown => ("message", "text"),
        Kind::Receipt => ("receipt", "state"),
        Kind::Connection => ("connection", "state"),
        Kind::Reaction => ("reaction", "emoji"),
        Kind::Typing => ("typing", "on"),
        Kind::Notice => ("notice", "text"),
        Kind::IdentityChanged => ("identity_changed", "from"),
        _ => return None,
    };
    let Matching::Fields(wanted) = &expect.matching else { return None };
    let mut fields = Map::new();
    for (field, template) in wanted.iter().filter(|(_, template)| !template.has_matchers()) {
        fields.insert(field.clone(), Value::from(template.render(scope).ok()?));
    }
    fields.contains_key(told).then_some((name, Value::Object(fields)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Template;

    fn asked(kind: Kind, fields: &[(&str, &str)]) -> Option<(&'static str, Value)> {
        let nothing = std::collections::BTreeMap::<String, String>::new();
        let fields = fields.iter().map(|(n, t)| ((*n).to_owned(), Template::parse(t).unwrap()));
        let matching = Matching::Fields(fields.collect());
        let within = std::time::Duration::ZERO;
        sight(&Expect { at: "alice".into(), kind, matching, within, within_key: None }, &nothing)
    }

    #[test]
    fn what_a_user_would_see_is_asked_for_in_its_words() {
        let text = asked(Kind::Shown, &[("text", "hi"), ("id", "${any}")]);
        assert_eq!(text, Some(("message", json!({"text": "hi"}))));
        let typing = asked(Kind::Typing, &[("from", "1@s.whatsapp.net"), ("on", "true")]);
        assert_eq!(typing, Some(("typing", json!({"from": "1@s.whatsapp.net", "on": "true"}))));
    }

    #[test]
    fn what_a_user_does_not_see_or_cannot_tell_is_not_asked_for() {
        assert_eq!(asked(Kind::Shown, &[("id", "3EB0")]), None);
        assert_eq!(asked(Kind::Receipt, &[("state", "${any}")]), None);
        assert_eq!(asked(Kind::ErrorShown, &[("class", "limit")]), None);
    }
}
