//! Media: encrypting and hashing a file beside OpenSSL, and a file of 1 GiB through the proxy beside a
//! bare relay of bytes.
//!
//! OpenSSL's figure is made of its own `speed`: a file takes AES-256-CBC once and SHA-256 three times
//! (HMAC, encrypted hash, plain hash), each at the rate that it reports in this run. The proxy runs in
//! this process, so its peak is what the process takes over what it had idle.

use std::process::Command;
use std::time::{Duration, Instant};

use counterpart::e2ee::media::{MediaKeys, Sealer};
use counterpart_peers::relay::{Served, peak_over_idle};
use counterpart_peers::{Contest, Goal, Work, timed};

const PIECE_BYTES: usize = 8 * 1024;
const PIECES: usize = 128;
const FILE_BYTES: u64 = 1 << 30;
const SMALL_BYTES: u64 = 16 << 20;
/// What a transfer of any length may take (`performance.md`).
const PEAK_MIB_MAX: f64 = 32.0;

fn main() {
    let mut contest = Contest::from_args("Media");
    let what = "encrypt and hash 1 MiB, streamed";
    match openssl() {
        Ok(theirs) => contest.row(what, Goal::AtLeast(0.9), ours(), "openssl", theirs),
        Err(why) => contest.alone(what, ours(), "openssl", why),
    }
    proxied(&mut contest);
    contest.print();
}

fn ours() -> impl Work {
    let keys = MediaKeys::expand(&[7; 32], "WhatsApp Video Keys");
    let piece = vec![7; PIECE_BYTES];
    let mut out = Vec::with_capacity(2 * PIECE_BYTES);
    timed(move || {
        let mut sealer = Sealer::new(&keys, 10);
        for _ in 0..PIECES {
            out.clear();
            sealer.update(&piece, &mut out);
        }
        out.clear();
        sealer.finish(&mut out)
    })
}

/// Seconds that OpenSSL needs for the same, asked anew in every round.
fn openssl() -> Result<impl Work, String> {
    let seconds = || -> Result<f64, String> {
        let (aes, sha) = (rate("aes-256-cbc")?, rate("sha256")?);
        Ok((PIECE_BYTES * PIECES) as f64 * (1.0 / aes + 3.0 / sha))
    };
    seconds()?;
    Ok(move |times: u32| {
        let one = seconds().unwrap_or(f64::MAX / 1e12);
        Duration::from_secs_f64(one * f64::from(times))
    })
}

/// Bytes a second, as `openssl speed` reports them in thousands.
fn rate(algorithm: &str) -> Result<f64, String> {
    let bytes = PIECE_BYTES.to_string();
    let run = Command::new("openssl")
        .args(["speed", "-seconds", "1", "-bytes", &bytes, "-evp", algorithm])
        .output()
        .map_err(|error| format!("openssl is not on PATH: {error}"))?;
    let text = String::from_utf8_lossy(&run.stdout).into_owned();
    let figure = text.lines().last().and_then(|line| line.split_whitespace().last());
    let figure = figure.and_then(|word| word.strip_suffix('k')?.parse::<f64>().ok());
    figure.map(|thousands| thousands * 1000.0).ok_or("openssl reports no speed".to_owned())
}

/// Three transfers of each, in turn; the ratio is that of the medians.
fn proxied(contest: &mut Contest) {
    let served = Served::start();
    let transfer = |proxied: bool| {
        let begun = Instant::now();
        served.read(proxied, FILE_BYTES);
        begun.elapsed().as_secs_f64()
    };
    let mut rounds: Vec<(f64, f64)> = (0..3).map(|_| (transfer(true), transfer(false))).collect();
    rounds.sort_by(|a, b| (a.1 / a.0).total_cmp(&(b.1 / b.0)));
    let (ours, theirs) = rounds[1];
    contest.row(
        "1 GiB through the proxy",
        Goal::AtLeast(0.8),
        move |times: u32| Duration::from_secs_f64(ours * f64::from(times)),
        "a bare relay hop",
        move |times: u32| Duration::from_secs_f64(theirs * f64::from(times)),
    );
    let small = peak_over_idle(|| served.read(true, SMALL_BYTES));
    let large = peak_over_idle(|| served.read(true, FILE_BYTES));
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    contest.at_most("peak of it over idle", mib(large), PEAK_MIB_MAX, "MiB");
    contest.at_most("… over that of 16 MiB", mib(large.saturating_sub(small)), 2.0, "MiB");
}
