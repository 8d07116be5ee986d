//! When to fetch a key set, without fetching it (JWK-009, JWK-010, JWK-012).
//!
//! Main type: [`KeyCache`], which is told the time, asks for a fetch and is told its result. An
//! unknown `kid` asks once and then no more for a while, because anybody can invent key ids; the
//! ordinary fetches do not count against that, so that a rotation right after one is still seen.

use std::time::Duration;

use crate::clock::UnixMs;
use crate::identity::jwks::{KeySet, KeySetError};
use crate::limits::KEY_SET_AGE_MS_MAX;

/// How long a set is used and how often it may be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CachePolicy {
    /// Life of a set whose answer does not say `max-age`; the period of the ordinary fetches.
    pub period: Duration,
    /// Shortest life of a set, so that `max-age=0` does not mean a fetch for every token.
    pub life_min: Duration,
    /// Shortest time between two fetches that unknown key ids cause, and after a failed fetch.
    pub pause: Duration,
}

impl Default for CachePolicy {
    fn default() -> Self {
        Self {
            period: Duration::from_secs(3600),
            life_min: Duration::from_secs(1),
            pause: Duration::from_secs(30),
        }
    }
}

/// What to do about a token that names a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup<'a> {
    /// Verify with this set; where it lacks the key, the token is to be refused.
    Ready(&'a KeySet),
    /// Fetch the set now, report the result, then look again.
    Fetch,
    /// A fetch is under way; look again when its result is reported.
    Wait,
    /// No set is to be had at the moment: the last fetch failed less than a pause ago.
    Unavailable,
}

/// A publisher's key set as it was last fetched.
#[derive(Clone, Debug, Default)]
pub struct KeyCache {
    policy: CachePolicy,
    set: Option<KeySet>,
    stale_at: UnixMs,
    fetching: bool,
    /// When the last fetch for an unknown key was asked for.
    asked_at: Option<UnixMs>,
    failed_at: Option<UnixMs>,
    fetches: u64,
}

impl KeyCache {
    /// A cache that has fetched nothing yet.
    pub fn new(policy: CachePolicy) -> Self {
        Self { policy, ..Self::default() }
    }

    /// Says whether a token with this `kid` can be verified now or a fetch comes first.
    pub fn lookup(&mut self, kid: Option<&str>, now: UnixMs) -> Lookup<'_> {
        if self.fetching {
            return Lookup::Wait;
        }
        if self.set.is_none() || now >= self.stale_at {
            return self.renew(now);
        }
        let known = |kid| self.set.as_ref().is_some_and(|set| set.find(kid).next().is_some());
        if kid.is_some_and(|kid| !known(kid)) && self.pause_over(self.asked_at, now) {
            self.asked_at = Some(now);
            return self.fetch();
        }
        self.set.as_ref().map_or(Lookup::Unavailable, Lookup::Ready)
    }

    /// Takes the body of a 200 answer and its `Cache-Control`.
    ///
    /// # Errors
    /// The body is no key set, which counts as a failed fetch.
    pub fn fetched(
        &mut self,
        body: &[u8],
        cache_control: Option<&str>,
        now: UnixMs,
    ) -> Result<(), KeySetError> {
        let set = KeySet::parse(body).inspect_err(|_| self.failed(now))?;
        self.store(set, cache_control, now);
        Ok(())
    }

    /// Takes a fetched set and the `Cache-Control` that came with it.
    pub fn store(&mut self, set: KeySet, cache_control: Option<&str>, now: UnixMs) {
        let life = cache_control.and_then(max_age).unwrap_or(self.policy.period);
        let longest = Duration::from_millis(KEY_SET_AGE_MS_MAX);
        self.set = Some(set);
        self.stale_at = now.after(life.max(self.policy.life_min).min(longest));
        self.failed_at = None;
        self.fetching = false;
    }

    /// Notes that a fetch brought no set; the former one is kept until it is stale.
    pub fn failed(&mut self, now: UnixMs) {
        self.failed_at = Some(now);
        self.fetching = false;
    }

    /// The set as last fetched, stale or not; before the first fetch an empty one.
    pub fn keys(&self) -> &KeySet {
        static NONE: KeySet = KeySet::EMPTY;
        self.set.as_ref().unwrap_or(&NONE)
    }

    /// Whether no set has been fetched yet.
    pub fn is_empty(&self) -> bool {
        self.set.is_none()
    }

    /// How many fetches were asked for.
    pub fn fetches(&self) -> u64 {
        self.fetches
    }

    fn renew(&mut self, now: UnixMs) -> Lookup<'_> {
        if self.pause_over(self.failed_at, now) { self.fetch() } else { Lookup::Unavailable }
    }

    fn fetch(&mut self) -> Lookup<'_> {
        self.fetching = true;
        self.fetches += 1;
        Lookup::Fetch
    }

    fn pause_over(&self, since: Option<UnixMs>, now: UnixMs) -> bool {
        since.is_none_or(|since| now >= since.after(self.policy.pause))
    }
}

/// Reads `max-age` from a `Cache-Control` value (RFC 9111 §5.2.2.1).
///
/// `no-store` and `no-cache` mean 0.
pub fn max_age(cache_control: &str) -> Option<Duration> {
    let directives = || cache_control.split(',').map(str::trim);
    let named = |name: &str| directives().any(|directive| directive.eq_ignore_ascii_case(name));
    if named("no-store") || named("no-cache") {
        return Some(Duration::ZERO);
    }
    directives().find_map(|directive| {
        let (name, value) = directive.split_once('=')?;
        let seconds = value.trim_matches('"').parse().ok()?;
        name.eq_ignore_ascii_case("max-age").then(|| Duration::from_secs(seconds))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::test_keys;
    use crate::identity::token::SigningKey;

    const START: UnixMs = UnixMs(1_800_000_000_000);

    fn at(seconds: u64) -> UnixMs {
        START.after(Duration::from_secs(seconds))
    }

    fn set(keys: &[&SigningKey]) -> KeySet {
        KeySet::of(keys.iter().map(|key| key.public()))
    }

    fn ready(lookup: Lookup<'_>) -> bool {
        matches!(lookup, Lookup::Ready(_))
    }

    #[test]
    fn an_empty_cache_fetches_once_and_then_answers() {
        let mut cache = KeyCache::new(CachePolicy::default());
        assert_eq!(cache.lookup(Some("partner-1"), at(0)), Lookup::Fetch);
        assert_eq!(cache.lookup(Some("partner-1"), at(0)), Lookup::Wait);
        cache.store(set(&[test_keys::partner()]), None, at(1));
        assert!(ready(cache.lookup(Some("partner-1"), at(1))));
        assert!(ready(cache.lookup(None, at(1))));
        assert_eq!(cache.fetches(), 1);
    }

    #[test]
    fn a_rotated_key_is_fetched_once_and_then_known() {
        let mut cache = KeyCache::new(CachePolicy::default());
        cache.store(set(&[test_keys::partner()]), None, at(0));
        assert_eq!(cache.lookup(Some("stranger-1"), at(1)), Lookup::Fetch);
        let both = set(&[test_keys::partner(), test_keys::stranger()]);
        cache.store(both, None, at(1));
        assert!(ready(cache.lookup(Some("stranger-1"), at(1))));
    }

    #[test]
    fn a_flood_of_invented_keys_is_fetched_for_once_a_pause() {
        let mut cache = KeyCache::new(CachePolicy::default());
        let published = set(&[test_keys::partner()]);
        cache.store(published.clone(), None, at(0));
        for second in 0..1000 {
            let now = at(second);
            if cache.lookup(Some(&format!("kid-{second}")), now) == Lookup::Fetch {
                cache.store(published.clone(), None, now);
            }
            assert!(
                ready(cache.lookup(Some("partner-1"), now)),
                "a known key is never kept waiting"
            );
        }
        assert_eq!(cache.fetches(), 1000_u64.div_ceil(30));
    }

    #[test]
    fn max_age_is_honoured_within_its_bounds() {
        let mut cache = KeyCache::new(CachePolicy::default());
        let published = set(&[test_keys::partner()]);
        let mut life = |cache_control: Option<&str>| {
            cache.store(published.clone(), cache_control, at(0));
            cache.stale_at.0 - at(0).0
        };
        assert_eq!(life(None), 3_600_000);
        assert_eq!(life(Some("public, Max-Age=120")), 120_000);
        assert_eq!(life(Some("max-age=\"120\"")), 120_000);
        assert_eq!(life(Some("max-age=0")), 1_000);
        assert_eq!(life(Some("no-store, max-age=9")), 1_000);
        assert_eq!(life(Some("max-age=x")), 3_600_000);
        assert_eq!(life(Some("max-age=99999999999")), KEY_SET_AGE_MS_MAX);
    }

    #[test]
    fn a_stale_set_is_fetched_again() {
        let mut cache = KeyCache::new(CachePolicy::default());
        cache.store(set(&[test_keys::partner()]), Some("max-age=60"), at(0));
        assert!(ready(cache.lookup(Some("partner-1"), at(59))));
        assert_eq!(cache.lookup(Some("partner-1"), at(60)), Lookup::Fetch);
    }

    #[test]
    fn after_a_failed_fetch_there_is_a_pause() {
        let mut cache = KeyCache::new(CachePolicy::default());
        assert_eq!(cache.lookup(None, at(0)), Lookup::Fetch);
        cache.failed(at(1));
        assert_eq!(cache.lookup(None, at(30)), Lookup::Unavailable);
        assert_eq!(cache.lookup(None, at(31)), Lookup::Fetch);
        assert_eq!(cache.fetched(b"oops", None, at(32)), Err(KeySetError::NotJson));
        assert_eq!(cache.lookup(None, at(33)), Lookup::Unavailable);
        assert!(cache.is_empty() && cache.keys().keys().is_empty());
        let body = set(&[test_keys::partner()]).to_json().to_string();
        assert_eq!(cache.fetched(body.as_bytes(), None, at(34)), Ok(()));
        assert!(ready(cache.lookup(Some("partner-1"), at(34))));
    }
}
