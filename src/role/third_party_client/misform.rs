//! How a faulty client writes the enlistment call: sound keys in a request that is not as it should
//! be.
//!
//! Main function: [`request`]. A sound client's form is written by `identity`; each fault changes
//! one thing about it here, so that what is sent otherwise stays as it was (ENL-001 to ENL-007).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::http::HttpRequest;
use crate::identity::base64url;
use crate::identity::enlistment::Form;
use crate::role::quirk::Fault;

/// The media type of a form (ENL-003).
const FORM: &str = "application/x-www-form-urlencoded";

/// The call of the enlistment API, with an argument beside those of the form where the profile has
/// one for the protocol version (TRN-012).
pub(super) fn request(
    fault: Option<Fault>,
    path: &str,
    form: &Form,
    version: Option<(&str, &str)>,
) -> HttpRequest {
    let mut pairs = pairs(form);
    pairs.extend(version.map(|(name, value)| (name.to_owned(), value.to_owned())));
    match fault {
        Some(Fault::EnlistsByGet) => {
            return HttpRequest::new("GET", &format!("{path}?{}", written(&pairs)));
        }
        Some(Fault::FormIsJson) => return json(path, pairs),
        Some(Fault::FormLacksArgument) => pairs.retain(|(name, _)| name != "e_regid"),
        Some(Fault::FormRepeatsArgument) => {
            let again = pairs.iter().find(|(name, _)| name == "e_skey_id").cloned();
            pairs.extend(again);
        }
        Some(Fault::FormKeysHaveTypeByte) => {
            let typed = [&[form.e_keytype][..], &form.e_ident].concat();
            change(&mut pairs, "e_ident", base64url::encode(typed));
        }
        Some(Fault::FormKeyTypeZero) => change(&mut pairs, "e_keytype", base64url::encode([0])),
        Some(Fault::FormInStandardBase64) => pairs.iter_mut().for_each(to_standard_base64),
        _ => {}
    }
    let body = written(&pairs).into_bytes();
    HttpRequest { body, ..HttpRequest::new("POST", path).with_header("content-type", FORM) }
}

/// The arguments in their order; none of a sound form needs an escape.
fn pairs(form: &Form) -> Vec<(String, String)> {
    let body = form.encode();
    let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn written(pairs: &[(String, String)]) -> String {
    let pairs = pairs.iter().map(|(name, value)| format!("{name}={value}"));
    pairs.collect::<Vec<_>>().join("&")
}

fn json(path: &str, pairs: Vec<(String, String)>) -> HttpRequest {
    let object: Map<String, Value> =
        pairs.into_iter().map(|(name, value)| (name, Value::from(value))).collect();
    let body = Value::Object(object).to_string().into_bytes();
    let request = HttpRequest::new("POST", path).with_header("content-type", "application/json");
    HttpRequest { body, ..request }
}

fn change(pairs: &mut [(String, String)], name: &str, to: String) {
    if let Some((_, value)) = pairs.iter_mut().find(|(known, _)| known == name) {
        *value = to;
    }
}

/// The other alphabet with padding, escaped as a form demands.
fn to_standard_base64((name, value): &mut (String, String)) {
    if name == "token" {
        return;
    }
    if let Ok(bytes) = base64url::decode(value) {
        let standard = STANDARD.encode(bytes);
        *value = standard.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> Form {
        Form {
            authkey: [0xFB; 32],
            e_keytype: 5,
            e_regid: 77,
            e_ident: [2; 32],
            e_skey_id: 1,
            e_skey_val: [3; 32],
            e_skey_sig: [4; 64],
            token: "t.o.ken".to_owned(),
        }
    }

    fn body(fault: Option<Fault>) -> String {
        String::from_utf8(request(fault, "/e", &form(), None).body).unwrap()
    }

    #[test]
    fn a_sound_client_posts_the_form_as_it_is() {
        let sent = request(None, "/e", &form(), None);
        assert_eq!((sent.method.as_str(), sent.header("content-type")), ("POST", Some(FORM)));
        assert_eq!(body(None), form().encode());
        let with = request(None, "/e", &form(), Some(("v", "1.0.3")));
        let expected = format!("{}&v=1.0.3", form().encode());
        assert_eq!(String::from_utf8(with.body).unwrap(), expected);
    }

    #[test]
    fn each_fault_breaks_its_own_rule_of_the_form() {
        let rows = |fault| {
            let faults = Form::parse_strict(&body(Some(fault))).err().unwrap_or_default();
            faults.iter().map(|fault| fault.rule.requirement()).collect::<Vec<_>>()
        };
        assert_eq!(rows(Fault::FormLacksArgument), ["ENL-004"]);
        assert_eq!(rows(Fault::FormRepeatsArgument), ["ENL-004"]);
        assert_eq!(rows(Fault::FormKeysHaveTypeByte), ["ENL-005"]);
        assert!(rows(Fault::FormInStandardBase64).iter().all(|row| *row == "ENL-006"));
        // Three bytes need no padding.
        assert_eq!(rows(Fault::FormInStandardBase64).len(), 6);
        assert_eq!(rows(Fault::FormKeyTypeZero), [""; 0]);
        assert_eq!(request(Some(Fault::EnlistsByGet), "/e", &form(), None).method, "GET");
        assert!(body(Some(Fault::FormIsJson)).starts_with('{'));
    }
}
