//! What is measured: something that can be done a number of times and says how long that took.

use std::time::{Duration, Instant};

/// Does something a number of times and tells the time that it took, on the wall or on the CPU.
///
/// What prepares or cleans up may stay outside the time: this is why the work reads the clock and
/// not the loop around it.
pub trait Work: FnMut(u32) -> Duration {}

impl<F: FnMut(u32) -> Duration> Work for F {}

/// Measures a closure by the wall clock; what it returns is kept from being optimised away.
pub fn timed<T>(mut once: impl FnMut() -> T) -> impl Work {
    move |times| {
        let begun = Instant::now();
        for _ in 0..times {
            std::hint::black_box(once());
        }
        begun.elapsed()
    }
}

/// How often the work fits into this time, at least once.
pub(crate) fn fitting(work: &mut impl Work, round: Duration) -> u32 {
    let mut times = 1_u32;
    loop {
        let took = work(times);
        if took >= round / 8 || times >= 1 << 24 {
            let one = took.as_secs_f64() / f64::from(times);
            return (round.as_secs_f64() / one.max(1e-9)).clamp(1.0, 1e8) as u32;
        }
        times *= 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_work_is_done_once_and_a_quick_one_often() {
        let mut slow = |times: u32| Duration::from_secs(1) * times;
        let mut quick = |times: u32| Duration::from_micros(1) * times;
        assert_eq!(fitting(&mut slow, Duration::from_millis(10)), 1);
        let times = fitting(&mut quick, Duration::from_millis(10));
        assert!((9_000..=11_000).contains(&times), "{times}");
    }

    #[test]
    fn timed_work_runs_as_often_as_it_is_asked_to() {
        let mut ran = 0;
        timed(|| ran += 1)(7);
        assert_eq!(ran, 7);
    }
}
