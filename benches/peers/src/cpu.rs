//! Work by the processor time of this thread, for what neither waits nor starts threads.
//!
//! Where the rounds are short, what else runs on the machine moves a wall clock by more than the
//! ratio that is asked for.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::work::Work;

/// Measures a closure by the time that this thread ran; what it returns is kept from being
/// optimised away.
pub fn timed_on_cpu<T>(mut once: impl FnMut() -> T) -> impl Work {
    move |times| {
        let begun = now();
        for _ in 0..times {
            std::hint::black_box(once());
        }
        now().saturating_sub(begun)
    }
}

fn now() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let part = |number: i64| u64::try_from(number).unwrap_or_default();
    Duration::from_secs(part(time.tv_sec)) + Duration::from_nanos(part(time.tv_nsec))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_does_not_count() {
        let begun = std::time::Instant::now();
        let mut yields = timed_on_cpu(|| {
            while begun.elapsed() < Duration::from_millis(20) {
                std::thread::park_timeout(Duration::from_millis(1));
            }
        });
        assert!(yields(1) < Duration::from_millis(10));
    }
}
