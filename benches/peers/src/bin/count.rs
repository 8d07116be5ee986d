//! Does one thing of the codec a number of times and nothing else, for an instruction counter.
//!
//! `count WHAT SAMPLE TIMES`; `callgrind.sh` takes the difference of two numbers of times, so that
//! start and samples do not count.

use std::hint::black_box;

use counterpart::wire::binary;
use counterpart_peers::stanzas::{Sample, samples};
use wacore_binary::marshal::{marshal, unmarshal_ref};

const SOUND: &str = "the sample is sound";
const USAGE: &str = "count decode|encode ours|wacore 0|1|2 TIMES";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, whose, sample, times] = &arguments[..] else { panic!("{USAGE}") };
    let samples = samples();
    let Sample { node, bytes, .. } = &samples[sample.parse::<usize>().expect(USAGE)];
    let foreign = unmarshal_ref(bytes).expect(SOUND).to_owned();
    let times: u32 = times.parse().expect(USAGE);
    let repeat = |once: &dyn Fn()| (0..times).for_each(|_| once());
    match (what.as_str(), whose.as_str()) {
        ("decode", "ours") => repeat(&|| {
            black_box(binary::decode(black_box(bytes)).expect(SOUND));
        }),
        ("decode", "wacore") => repeat(&|| {
            black_box(unmarshal_ref(black_box(bytes)).expect(SOUND).to_owned());
        }),
        ("encode", "ours") => repeat(&|| {
            black_box(binary::encode(black_box(node)).expect(SOUND));
        }),
        ("encode", "wacore") => repeat(&|| {
            black_box(marshal(black_box(&foreign)).expect(SOUND));
        }),
        _ => panic!("{USAGE}"),
    }
}
