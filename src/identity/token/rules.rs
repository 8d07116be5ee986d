//! Judges a token: every rule by itself, and all together as a server needs it.
//!
//! Main types: [`Policy`] and [`Verified`]. [`verify`] is derived from [`examine`], so that what a
//! role refuses and what a check reports cannot drift apart. Keys come from the published set only;
//! nothing in the token can bring one (JWT-016).

use serde_json::Value;

use crate::clock::UnixMs;
use crate::identity::json::Object;
use crate::identity::judged::{Judged, Outcome};
use crate::identity::jwks::KeySet;
use crate::identity::token::Algorithm;
use crate::identity::token::compact::{self, Compact, Part};
use crate::identity::token::fault::{ClaimFault, JsonFault, TokenError};
use crate::limits::TOKEN_BYTES_MAX;

/// What a receiver demands of a token; every value comes from the profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub algorithms: Vec<Algorithm>,
    /// The registered issuer; without one, a token without `iss` is only warned about.
    pub issuer: Option<String>,
    /// The receiver's own name; without one, a token without `aud` is only warned about.
    pub audience: Option<String>,
    /// The identifier that the token must name, where it is known beforehand (ENL-010).
    pub subject: Option<String>,
    /// The claim that holds the user-visible identifier.
    pub subject_claim: String,
    /// Claims that a token needs besides the subject's; an empty list allows all (JWT-022).
    pub claims: Vec<String>,
    /// How far two clocks may differ, in seconds.
    pub leeway_s: u64,
    /// The longest life in seconds that is not warned about.
    pub lifetime_s_max: u64,
}

impl Default for Policy {
    /// RS256, `sub`, 60 s of leeway, one hour of life (TF §3.2.2 sample), nobody named.
    fn default() -> Self {
        Self {
            algorithms: vec![Algorithm::Rs256],
            issuer: None,
            audience: None,
            subject: None,
            subject_claim: "sub".to_owned(),
            claims: Vec::new(),
            leeway_s: 60,
            lifetime_s_max: 3600,
        }
    }
}

/// A token that breaks no rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    pub header: Value,
    pub claims: Value,
    /// The user-visible identifier, byte for byte.
    pub subject: String,
    /// Recommendations that the token does not follow.
    pub warnings: Vec<TokenError>,
}

/// Verifies a token against a key set, a policy and a time.
///
/// # Errors
/// The first rule that is broken, in the order form, header, key, signature, claims.
pub fn verify(
    token: &str,
    keys: &KeySet,
    policy: &Policy,
    now: UnixMs,
) -> Result<Verified, TokenError> {
    size(token)?;
    let view = View::new(token, keys, policy, now).map_err(TokenError::Compact)?;
    let mut warnings = Vec::new();
    for judged in view.judge() {
        match judged.outcome {
            Outcome::Broken(fault) => return Err(fault),
            Outcome::Warns(fault) => warnings.push(fault),
            Outcome::Holds | Outcome::Undecided(_) => {}
        }
    }
    view.verified(warnings)
}

/// Judges every rule separately, one row for each that has something to look at.
///
/// `nbf`, `crit`, embedded keys and the like leave no row where they are absent. JWT-017 stands for
/// RSA keys and JWT-018 for ES256. A rule that a broken one hides is `Undecided`.
pub fn examine(
    token: &str,
    keys: &KeySet,
    policy: &Policy,
    now: UnixMs,
) -> Vec<Judged<TokenError>> {
    let size = size(token).map_or_else(Outcome::Broken, |()| Outcome::Holds);
    let mut rows = vec![Judged::new("ENL-005", size)];
    match View::new(token, keys, policy, now) {
        Ok(view) => {
            rows.push(Judged::new("JWT-003", Outcome::Holds));
            rows.extend(view.judge());
        }
        Err(fault) => {
            rows.push(Judged::new("JWT-003", Outcome::Broken(TokenError::Compact(fault))));
            rows.extend(HIDDEN_BY_FORM.map(|id| Judged::new(id, Outcome::Undecided("JWT-003"))));
        }
    }
    rows
}

/// The rules that always have something to look at, once a token can be taken apart.
const HIDDEN_BY_FORM: [&str; 11] = [
    "JWT-014", "JWT-004", "JWT-005", "JWT-006", "JWT-021", "JWT-007", "JWT-008", "JWT-009",
    "JWT-010", "JWT-028", "JWT-011",
];

/// The order in which a verifier meets the rules.
const RULES: [(&str, Rule); 19] = [
    ("JWT-014", |view| view.unique_names()),
    ("JWT-015", |view| view.critical()),
    ("JWT-004", |view| view.allowed_algorithm()),
    ("JWT-016", |view| view.embedded_key()),
    ("JWT-005", |view| view.known_key()),
    ("JWT-017", |view| view.modulus()),
    ("JWT-018", |view| view.ec_signature()),
    ("JWT-006", |view| view.signature()),
    ("JWT-021", |view| view.typ()),
    ("JWT-013", |view| view.dates()),
    ("JWT-007", |view| view.subject()),
    ("JWT-023", |view| view.subject_form()),
    ("JWT-022", |view| view.only_needed_claims()),
    ("JWT-008", |view| view.issuer()),
    ("JWT-009", |view| view.audience()),
    ("JWT-010", |view| view.expiry()),
    ("JWT-028", |view| view.lifetime()),
    ("JWT-011", |view| view.issued_at()),
    ("JWT-012", |view| view.not_before()),
];

type Rule = fn(&View<'_>) -> Judgement;

/// Why a rule does not simply hold.
pub(super) enum Stop {
    NotApplicable,
    Warns(TokenError),
    Broken(TokenError),
    Undecided(&'static str),
}

pub(super) type Judgement<T = ()> = Result<T, Stop>;

/// ENL-005; TF §1.2.2: the token has at most 4 KiB.
fn size(token: &str) -> Result<(), TokenError> {
    match token.len() {
        0..=TOKEN_BYTES_MAX => Ok(()),
        bytes => Err(TokenError::TooLong { bytes }),
    }
}

/// A token taken apart, beside everything that it is measured by.
pub(super) struct View<'a> {
    pub compact: Compact<'a>,
    pub header: Option<Object>,
    pub claims: Option<Object>,
    pub keys: &'a KeySet,
    pub policy: &'a Policy,
    pub now_s: f64,
}

impl<'a> View<'a> {
    fn new(
        token: &'a str,
        keys: &'a KeySet,
        policy: &'a Policy,
        now: UnixMs,
    ) -> Result<Self, compact::CompactFault> {
        let compact = compact::split(token)?;
        let (header, claims) = (Object::read(&compact.header), Object::read(&compact.claims));
        Ok(Self { compact, header, claims, keys, policy, now_s: now.0 as f64 / 1000.0 })
    }

    fn judge(&self) -> Vec<Judged<TokenError>> {
        let row = |(id, rule): (&'static str, Rule)| {
            let outcome = match rule(self) {
                Ok(()) => Outcome::Holds,
                Err(Stop::Warns(fault)) => Outcome::Warns(fault),
                Err(Stop::Broken(fault)) => Outcome::Broken(fault),
                Err(Stop::Undecided(other)) => Outcome::Undecided(other),
                Err(Stop::NotApplicable) => return None,
            };
            Some(Judged::new(id, outcome))
        };
        RULES.into_iter().filter_map(row).collect()
    }

    fn verified(self, warnings: Vec<TokenError>) -> Result<Verified, TokenError> {
        let not_json = |part| TokenError::Json(JsonFault::NotAnObject(part));
        let header = self.header.ok_or_else(|| not_json(Part::Header))?.members;
        let claims = self.claims.ok_or_else(|| not_json(Part::Claims))?.members;
        let subject = match claims.get(&self.policy.subject_claim) {
            Some(Value::String(subject)) => subject.clone(),
            _ => return Err(TokenError::Subject(ClaimFault::Missing)),
        };
        Ok(Verified { header: header.into(), claims: claims.into(), subject, warnings })
    }

    /// The header, where it can be read.
    pub(super) fn header(&self) -> Judgement<&Object> {
        self.header.as_ref().ok_or(Stop::Undecided("JWT-014"))
    }

    /// The claims, where they can be read.
    pub(super) fn claims(&self) -> Judgement<&Object> {
        self.claims.as_ref().ok_or(Stop::Undecided("JWT-014"))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::identity::test_keys;
    use crate::identity::token::tests::claims;
    use crate::identity::token::{Broken, CompactFault, issue, issue_broken, issue_with};
    use proptest::prelude::*;
    use serde_json::{Map, json};

    pub const NOW: UnixMs = UnixMs(1_800_000_100_000);

    pub fn keys() -> KeySet {
        KeySet::of([test_keys::partner().public(), test_keys::meta().public()])
    }

    pub fn policy() -> Policy {
        Policy {
            issuer: Some("https://partner.example".to_owned()),
            audience: Some("WHATSAPP".to_owned()),
            ..Policy::default()
        }
    }

    /// The outcome of one rule for a token with these header members and claims.
    pub fn outcome(
        requirement: &str,
        header: Value,
        changed: Value,
    ) -> Option<Outcome<TokenError>> {
        outcome_under(&policy(), requirement, header, changed)
    }

    pub fn outcome_under(
        policy: &Policy,
        requirement: &str,
        header: Value,
        changed: Value,
    ) -> Option<Outcome<TokenError>> {
        let mut all = claims().to_json();
        let members = all.as_object_mut().unwrap();
        members.extend(changed.as_object().unwrap().clone());
        members.retain(|_, value| !value.is_null());
        let token = issue_with(test_keys::partner(), header.as_object().unwrap(), &all);
        let rows = examine(&token, &keys(), policy, NOW);
        rows.into_iter().find(|row| row.requirement == requirement).map(|row| row.outcome)
    }

    #[test]
    fn a_good_token_holds_every_row_and_verifies() {
        let token = issue(test_keys::partner(), &claims());
        let rows = examine(&token, &keys(), &policy(), NOW);
        for row in &rows {
            assert_eq!(row.outcome, Outcome::Holds, "{}", row.requirement);
        }
        let ids: Vec<_> = rows.iter().map(|row| row.requirement).collect();
        assert_eq!(
            ids,
            [
                "ENL-005", "JWT-003", "JWT-014", "JWT-004", "JWT-005", "JWT-017", "JWT-006",
                "JWT-021", "JWT-013", "JWT-007", "JWT-023", "JWT-008", "JWT-009", "JWT-010",
                "JWT-028", "JWT-011",
            ]
        );
        let verified = verify(&token, &keys(), &policy(), NOW).unwrap();
        assert_eq!(verified.subject, "alice@partner.example");
        assert_eq!(verified.header["kid"], "partner-1");
        assert_eq!(verified.claims, claims().to_json());
        assert_eq!(verified.warnings, []);
    }

    #[test]
    fn every_broken_token_is_refused_by_its_own_rule_alone() {
        let expected = |kind| match kind {
            Broken::AlgNone | Broken::HmacWithPublicKey | Broken::HmacWithJwk => "JWT-004",
            Broken::BadSignature
            | Broken::NoSignature
            | Broken::ShortSignature
            | Broken::OtherKey => "JWT-006",
            Broken::UnknownKid | Broken::EmbeddedKey => "JWT-005",
            Broken::UnknownCritical => "JWT-015",
            Broken::OtherIssuer => "JWT-008",
            Broken::OtherAudience | Broken::NoAudience => "JWT-009",
            Broken::RepeatedAudience => "JWT-014",
            Broken::NoExpiry | Broken::Expired => "JWT-010",
            Broken::NotYetValid => "JWT-012",
        };
        for kind in Broken::ALL {
            let token = issue_broken(test_keys::partner(), &claims(), kind);
            let error = verify(&token, &keys(), &policy(), NOW).unwrap_err();
            assert_eq!(error.requirement(), expected(kind), "{}", kind.as_str());
            let rows = examine(&token, &keys(), &policy(), NOW);
            let mut broken: Vec<_> =
                rows.iter().filter_map(Judged::broken).map(TokenError::requirement).collect();
            // The repeated claim's last value counts, and that one names somebody else.
            broken.retain(|id| kind != Broken::RepeatedAudience || *id != "JWT-009");
            assert_eq!(broken, [expected(kind)], "{}", kind.as_str());
            assert_eq!(Broken::parse(kind.as_str()), Some(kind));
        }
    }

    #[test]
    fn a_broken_rule_leaves_what_it_hides_undecided() {
        let hidden = |token: &str, by: &str| -> Vec<&str> {
            let rows = examine(token, &keys(), &policy(), NOW);
            let hidden = rows.iter().filter(|row| match row.outcome {
                Outcome::Undecided(other) => other == by,
                _ => false,
            });
            hidden.map(|row| row.requirement).collect()
        };
        assert_eq!(hidden("not a token", "JWT-003"), HIDDEN_BY_FORM);
        assert_eq!(hidden("e30.bm8.AA", "JWT-014")[0], "JWT-013");
        let unsigned = issue_broken(test_keys::partner(), &claims(), Broken::AlgNone);
        assert_eq!(hidden(&unsigned, "JWT-004"), ["JWT-006"]);
        let unknown = issue_broken(test_keys::partner(), &claims(), Broken::UnknownKid);
        assert_eq!(hidden(&unknown, "JWT-005"), ["JWT-017", "JWT-006"]);
    }

    #[test]
    fn a_token_of_more_than_4_kib_is_refused_though_it_is_signed() {
        let long = json!({ "sub": "a", "x": "x".repeat(TOKEN_BYTES_MAX) });
        let token = issue_with(test_keys::partner(), &Map::new(), &long);
        let error = verify(&token, &keys(), &policy(), NOW).unwrap_err();
        assert_eq!(error, TokenError::TooLong { bytes: token.len() });
        assert_eq!(examine(&token, &keys(), &policy(), NOW)[0].broken(), Some(&error));
    }

    #[test]
    fn warnings_do_not_refuse() {
        let mut bare = Map::new();
        bare.insert("typ".to_owned(), Value::Null);
        let token = issue_with(
            test_keys::partner(),
            &bare,
            &json!({ "sub": "a", "exp": 1_800_090_000_u64 }),
        );
        let verified = verify(&token, &keys(), &Policy::default(), NOW).unwrap();
        let ids: Vec<_> = verified.warnings.iter().map(TokenError::requirement).collect();
        assert_eq!(ids, ["JWT-021", "JWT-008", "JWT-009", "JWT-028", "JWT-011"]);
        assert_eq!(
            verify("a.b", &keys(), &policy(), NOW),
            Err(TokenError::Compact(CompactFault::Parts(2)))
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn judging_never_panics_and_verifies_nothing_unsigned(
            header in r#"\{("[a-z]{1,4}":("RS256"|1|"partner-1"|\[\]),){0,3}"kid":"partner-1"\}"#,
            claims in r#"\{"exp":("9"|9e99|-1|null|\[1\]|\{\}),"aud":(\[\]|\[1\]|"a"|null)\}"#,
            signature in "[A-Za-z0-9_-]{0,8}",
        ) {
            let token = format!("{}.{signature}", compact::input(&header, &claims));
            prop_assert!(verify(&token, &keys(), &policy(), NOW).is_err());
            let rows = examine(&token, &keys(), &policy(), NOW);
            prop_assert!(rows.iter().any(|row| row.broken().is_some()));
        }

        #[test]
        fn any_text_is_judged_without_panic(token in ".*") {
            prop_assert!(verify(&token, &keys(), &policy(), NOW).is_err());
            prop_assert!(examine(&token, &keys(), &policy(), NOW).len() > HIDDEN_BY_FORM.len());
        }
    }
}
