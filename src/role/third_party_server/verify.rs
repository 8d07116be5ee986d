//! Verifies push tokens by Meta's published keys, which are fetched and kept (JWK-012).

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{Output, ThirdPartyServer};
use crate::http::{HttpRequest, HttpResponse};
use crate::identity::base64url;
use crate::identity::judged::{Judged, Outcome};
use crate::identity::jwks::{CachePolicy, KeyCache, KeySet, Lookup};
use crate::identity::token::{self, Algorithm, IssuedAtFault, Policy, TokenError};
use crate::role::FetchId;
use crate::role::quirk::Fault;

/// What becomes of a push by its token.
pub(super) enum Verdict {
    Holds,
    Refused,
    /// There are no keys to verify it with.
    NoKeys,
    /// Until this fetch is answered.
    Wait(FetchId),
}

/// The cache of Meta's keys; faults keep them for longer than their age.
pub(super) fn cache(fault: Option<Fault>) -> KeyCache {
    match fault {
        Some(Fault::JwksNeverFetchedAgain | Fault::JwksRemovedKeyTrusted) => {
            KeyCache::new(CachePolicy { period: FOR_EVER, ..CachePolicy::default() })
        }
        _ => KeyCache::default(),
    }
}

const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 3600);
/// A deliberate fault: how long nothing is kept.
const KEPT: &str = "max-age=86400";

impl ThirdPartyServer {
    /// PSH-004, PSH-005: Meta's signature, its name, our origin, the expiry.
    pub(super) fn judge(&mut self, token: &str) -> Verdict {
        let header = token::inspect(token).header;
        if self.has(Fault::PushKeyUrlFetched)
            && let Some(url) = header.get("jku").and_then(Value::as_str)
        {
            return Verdict::Wait(self.fetch(url.to_owned()));
        }
        let kid = header.get("kid").and_then(Value::as_str);
        let never = self.has(Fault::JwksNeverFetchedAgain) || self.has(Fault::JwksBrokenFetchKept);
        let kid = kid.filter(|_| !never);
        let keys = match self.meta_keys.lookup(kid, self.now) {
            Lookup::Ready(keys) => keys.clone(),
            Lookup::Unavailable => return Verdict::NoKeys,
            Lookup::Wait => return self.fetch.map_or(Verdict::NoKeys, Verdict::Wait),
            Lookup::Fetch => {
                let fetch = self.fetch(self.settings.push_jwks_url.clone());
                self.fetch = Some(fetch);
                return Verdict::Wait(fetch);
            }
        };
        let unknown = kid.is_some_and(|kid| keys.find(kid).next().is_none());
        if unknown && self.has(Fault::JwksFetchedForEveryUnknownKid) {
            return Verdict::Wait(self.fetch(self.settings.push_jwks_url.clone()));
        }
        self.decide(token, &keys)
    }

    /// Judges a push whose own fetch was answered; only faults make one of their own.
    pub(super) fn judge_at_last(
        &mut self,
        token: &str,
        response: Option<&HttpResponse>,
    ) -> Verdict {
        let keys = response.and_then(|response| KeySet::parse(&response.body).ok());
        match keys {
            Some(keys) => self.decide(token, &keys),
            None => Verdict::NoKeys,
        }
    }

    fn decide(&self, token: &str, keys: &KeySet) -> Verdict {
        match self.fault {
            Some(Fault::AcceptsAll) => Verdict::Holds,
            Some(Fault::RejectsAll) => Verdict::Refused,
            _ if self.holds(token, keys) => Verdict::Holds,
            _ => Verdict::Refused,
        }
    }

    fn fetch(&mut self, url: String) -> FetchId {
        let id = self.fetches;
        self.fetches += 1;
        let url = match self.has(Fault::KeysFetchedWithToken).then(|| self.own_token()) {
            Some(token) => format!("{url}?access_token={token}"),
            None => url,
        };
        self.out.push_back(Output::Fetch { id, url, request: HttpRequest::new("GET", "/") });
        id
    }

    /// Takes Meta's key set, if one came; what it cannot read of it, it leaves out (JWK-013).
    pub(super) fn take_keys(&mut self, response: Option<&HttpResponse>) {
        let keys = response.and_then(|response| KeySet::parse(&response.body).ok());
        let keys = keys.filter(|keys| {
            let poisoned = self.has(Fault::JwksUnknownTypePoisons) && keys.skipped() > 0;
            !(poisoned || self.has(Fault::JwksUnknownMemberPoisons) && odd_members(response))
        });
        let Some(keys) = keys else {
            if self.has(Fault::JwksBrokenFetchKept) {
                return self.meta_keys.store(KeySet::EMPTY, Some(KEPT), self.now);
            }
            return self.meta_keys.failed(self.now);
        };
        let life = response.and_then(|response| response.header("cache-control"));
        match self.fault {
            Some(Fault::JwksNeverFetchedAgain) => self.meta_keys.store(keys, None, self.now),
            Some(Fault::JwksRemovedKeyTrusted) => {
                let all = KeySet::of(self.meta_keys.keys().keys().iter().chain(keys.keys()));
                self.meta_keys.store(all, None, self.now);
            }
            _ => self.meta_keys.store(keys, life, self.now),
        }
    }

    fn holds(&self, token: &str, keys: &KeySet) -> bool {
        let embedded = self.embedded(token);
        let judged =
            token::examine(token, embedded.as_ref().unwrap_or(keys), &self.policy(), self.now);
        let overlooked =
            |row: &Judged<TokenError>| self.overlooks(row.requirement, token, &judged, keys);
        let refuses = |row: &Judged<TokenError>| match &row.outcome {
            Outcome::Broken(_) => true,
            // PSH-017: a sanity check; the leeway is the policy's.
            Outcome::Warns(TokenError::IssuedAt(IssuedAtFault::Future)) => {
                !self.has(Fault::PushIssueDateIgnored)
            }
            _ => false,
        };
        let kind =
            token::inspect(token).header.get("typ").and_then(Value::as_str).map(str::to_owned);
        // JWT-021: what says of itself that it is something else was not made for a push.
        let other = kind.is_some_and(|kind| !kind.eq_ignore_ascii_case("JWT"));
        !(judged.iter().any(|row| refuses(row) && !overlooked(row))
            || other && !self.has(Fault::PushOtherTypeAccepted))
    }

    fn policy(&self) -> Policy {
        let values = &self.settings.values;
        let leeway_s = values.int("jwt.leeway_s");
        Policy {
            algorithms: Algorithm::parse(values.text("push.algorithm")).into_iter().collect(),
            issuer: Some(values.text("push.iss").to_owned()),
            audience: Some(self.settings.base_url.clone()),
            leeway_s: if self.has(Fault::PushZeroLeeway) { 0 } else { leeway_s },
            ..Policy::default()
        }
    }

    /// What a right server would refuse and this one does not see; a push is Meta's own and names
    /// no user.
    fn overlooks(
        &self,
        row: &str,
        token: &str,
        judged: &[Judged<TokenError>],
        keys: &KeySet,
    ) -> bool {
        if matches!(row, "JWT-007" | "JWT-023") {
            return true;
        }
        let Some(fault) = self.fault else { return false };
        let shown = token::inspect(token);
        let alg = shown.header.get("alg").and_then(Value::as_str).unwrap_or_default();
        let signature = token.rsplit('.').next().unwrap_or_default();
        let claim = |name: &str| shown.claims.get(name);
        match fault {
            Fault::PushAnySignatureAccepted => matches!(row, "JWT-005" | "JWT-006"),
            Fault::PushFallsBackToDecode => shown.claims.is_object(),
            Fault::PushAlgNoneAccepted => row == "JWT-004" && alg == "none",
            Fault::PushHmacAccepted => row == "JWT-004" && alg == "HS256" && maced(token, keys),
            Fault::PushNoSignatureAccepted => row == "JWT-006" && signature.is_empty(),
            Fault::PushSignatureLengthIgnored => {
                let length = base64url::decode(signature).map_or(0, |bytes| bytes.len());
                row == "JWT-006" && length != SIGNATURE_BYTES && length > 0
            }
            Fault::PushIssuerPartAccepted => {
                let name = claim("iss").and_then(Value::as_str).unwrap_or_default();
                row == "JWT-008" && self.settings.values.text("push.iss").contains(name)
            }
            Fault::PushMissingAudienceAccepted => row == "JWT-009" && claim("aud").is_none(),
            Fault::PushAnyAudienceAccepted => row == "JWT-009",
            Fault::PushExpiryIgnored => row == "JWT-010",
            Fault::PushDatesAsTextAccepted => row == "JWT-013",
            Fault::PushDatesAsTextConverted => {
                let end = claim("exp").and_then(Value::as_str);
                let end = end.and_then(|text| text.parse::<u64>().ok());
                row == "JWT-013" && end.is_some_and(|end| end > self.now.secs())
            }
            Fault::PushFirstOfRepeatedCounts => {
                let repeats = |row: &Judged<TokenError>| {
                    row.requirement == "JWT-014" && row.broken().is_some()
                };
                matches!(row, "JWT-014" | "JWT-009") && judged.iter().any(repeats)
            }
            Fault::PushNotBeforeIgnored => row == "JWT-012",
            Fault::PushCriticalIgnored => row == "JWT-015",
            Fault::PsychicSignature => {
                let zeros = base64url::decode(signature)
                    .is_ok_and(|bytes| bytes == [0; 64] || bytes == ZEROS_IN_DER);
                matches!(row, "JWT-006" | "JWT-018") && zeros
            }
            Fault::DerSignatureAccepted => {
                let der = base64url::decode(signature)
                    .is_ok_and(|bytes| bytes.starts_with(&[0x30]) && bytes != ZEROS_IN_DER);
                matches!(row, "JWT-006" | "JWT-018") && der
            }
            _ => false,
        }
    }

    /// A deliberate fault: a token of the server's own, for whoever it calls.
    fn own_token(&self) -> String {
        let user = self.users.first().cloned().unwrap_or_default();
        self.issue(self.now, &user).unwrap_or_default()
    }

    /// A deliberate fault: the key that a token carries.
    fn embedded(&self, token: &str) -> Option<KeySet> {
        if !self.has(Fault::PushEmbeddedKeyTrusted) {
            return None;
        }
        let header = token::inspect(token).header;
        let set = json!({ "keys": [header.get("jwk")?] });
        KeySet::parse(set.to_string().as_bytes()).ok()
    }
}

/// r = 0 and s = 0 as X.690 writes them.
const ZEROS_IN_DER: [u8; 8] = [0x30, 6, 2, 1, 0, 2, 1, 0];

/// Length of an RSA 2048 signature.
const SIGNATURE_BYTES: usize = 256;

/// A deliberate fault: HMAC under the text of a public key.
fn maced(token: &str, keys: &KeySet) -> bool {
    let Some((input, tag)) = token.rsplit_once('.') else { return false };
    let tag = base64url::decode(tag).unwrap_or_default();
    let fits = |secret: String| {
        let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok();
        mac.is_some_and(|mut mac| {
            mac.update(input.as_bytes());
            mac.verify_slice(&tag).is_ok()
        })
    };
    keys.keys().iter().any(|key| fits(key.to_json().to_string()))
}

/// A deliberate fault: a reader that knows every member there may be.
fn odd_members(response: Option<&HttpResponse>) -> bool {
    let body: Option<Value> =
        response.and_then(|response| serde_json::from_slice(&response.body).ok());
    body.and_then(|body| Some(body.as_object()?.len() > 1)).unwrap_or(false)
}
