//! Waiting that counts only the time in which this process ran.
//!
//! Main type: [`Patience`]. On a machine that is too busy, or that was suspended, the harness stands still
//! together with the implementation that it waits for. A deadline by the clock alone would then blame
//! the implementation for the machine. So a wait is cut into slices, and a slice counts as no more
//! than [`COUNTED_MAX`], however late this process came to see its end.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// How long one slice of a wait is.
const SLICE: Duration = Duration::from_millis(200);
/// What a slice counts at most: timers of a machine that keeps up are far less late than this.
const COUNTED_MAX: Duration = Duration::from_millis(400);

/// What is left of a wait.
#[derive(Debug)]
pub struct Patience {
    left: Duration,
    since: Instant,
}

impl Patience {
    /// A wait that begins now.
    pub fn new(limit: Duration) -> Self {
        Self { left: limit, since: Instant::now() }
    }

    /// What is left, but for the slice that has begun.
    pub fn left(&self) -> Duration {
        self.left
    }

    /// The end of the slice that has begun.
    pub fn until(&self) -> Instant {
        self.since + self.left.min(SLICE)
    }

    /// Ends the slice and begins the next; true once nothing is left.
    pub fn is_over(&mut self) -> bool {
        self.is_over_at(Instant::now())
    }

    fn is_over_at(&mut self, now: Instant) -> bool {
        let passed = now.duration_since(self.since).min(COUNTED_MAX);
        self.left = self.left.saturating_sub(passed);
        self.since = now;
        self.left.is_zero()
    }
}

/// Waits for something, at most so long; none if it did not come in time.
pub async fn within<F: Future>(limit: Duration, wait: F) -> Option<F::Output> {
    let mut wait = pin!(wait);
    let mut patience = Patience::new(limit);
    loop {
        match timeout_at(patience.until(), &mut wait).await {
            Ok(done) => return Some(done),
            Err(_) if patience.is_over() => return None,
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};

    const LIMIT: Duration = Duration::from_secs(2);

    /// How long a wait lasts whose slices take so long each, and how many there are.
    fn lasts(slice: Duration) -> (Duration, u32) {
        let mut patience = Patience::new(LIMIT);
        let begun = patience.since;
        let mut slices = 1;
        while !patience.is_over_at(patience.since + slice) {
            slices += 1;
        }
        (patience.since - begun, slices)
    }

    #[test]
    fn a_wait_lasts_as_long_as_it_should_whatever_happens_in_between() {
        assert_eq!(lasts(SLICE), (LIMIT, 10));
        assert_eq!(lasts(Duration::from_millis(50)), (LIMIT, 40));
    }

    #[test]
    fn a_machine_that_stands_still_uses_little_up() {
        let mut patience = Patience::new(LIMIT);
        assert!(!patience.is_over_at(patience.since + Duration::from_secs(60)));
        assert_eq!(patience.left(), LIMIT - COUNTED_MAX);
        assert_eq!(lasts(Duration::from_secs(30)), (Duration::from_secs(150), 5));
    }

    #[tokio::test]
    async fn a_wait_ends_with_what_it_waits_for_or_with_its_limit() {
        assert_eq!(within(LIMIT, ready(7)).await, Some(7));
        assert_eq!(within(Duration::ZERO, pending::<()>()).await, None);
    }
}
