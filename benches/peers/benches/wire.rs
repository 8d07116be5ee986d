//! The codec and the XML form beside those of others.
//!
//! The peers decode into trees that own their strings, as ours does; only ours also knows where
//! each element stood and how it was written. wacore-binary's borrowed tree is shown for comparison.

use std::hint::black_box;

use counterpart::wire::{binary, xml};
use counterpart_peers::baileys::Baileys;
use counterpart_peers::stanzas::{Sample, samples};
use counterpart_peers::{Contest, Goal, timed_on_cpu};
use wacore_binary::marshal::{marshal, unmarshal_ref};

const SOUND: &str = "the sample is sound";

fn main() {
    let mut contest = Contest::from_args("Codec and XML");
    let mut baileys = Baileys::start();
    let samples = samples();
    for sample in &samples {
        codec(&mut contest, sample);
        beside_baileys(&mut contest, sample, &mut baileys);
    }
    xml_of(&mut contest, &samples[2]);
    contest.print();
}

fn codec(contest: &mut Contest, sample: &Sample) {
    let Sample { name, node, bytes, .. } = sample;
    let decode = || timed_on_cpu(|| binary::decode(black_box(bytes)).expect(SOUND));
    let owned = timed_on_cpu(|| unmarshal_ref(black_box(bytes)).expect(SOUND).to_owned());
    contest.row(format!("decode {name}"), Goal::AtLeast(1.0), decode(), "wacore owned", owned);
    let borrowed = timed_on_cpu(|| unmarshal_ref(black_box(bytes)).expect(SOUND));
    contest.row(format!("decode {name}"), Goal::None, decode(), "wacore borrowed", borrowed);
    let foreign = unmarshal_ref(bytes).expect(SOUND).to_owned();
    let ours = timed_on_cpu(|| binary::encode(black_box(node)).expect(SOUND));
    let theirs = timed_on_cpu(|| marshal(black_box(&foreign)).expect(SOUND));
    contest.row(format!("encode {name}"), Goal::AtLeast(1.0), ours, "wacore", theirs);
}

fn beside_baileys(contest: &mut Contest, sample: &Sample, baileys: &mut Result<Baileys, String>) {
    let Sample { name, node, bytes, .. } = sample;
    let (decode, encode) = (format!("decode {name}"), format!("encode {name}"));
    match baileys {
        Err(why) => {
            contest.absent(decode, "Baileys", why.clone());
            contest.absent(encode, "Baileys", why.clone());
        }
        Ok(baileys) => {
            let ours = timed_on_cpu(|| binary::decode(black_box(bytes)).expect(SOUND));
            let theirs = |times| baileys.time("decode", bytes, times);
            contest.row(decode, Goal::AtLeast(4.0), ours, "Baileys", theirs);
            let ours = timed_on_cpu(|| binary::encode(black_box(node)).expect(SOUND));
            let theirs = |times| baileys.time("encode", bytes, times);
            contest.row(encode, Goal::AtLeast(20.0), ours, "Baileys", theirs);
        }
    }
}

/// XML to an owned tree with places. Parsers that resolve namespaces want every prefix declared, so
/// all of them get the text with a namespace and without the prefix `cp:`.
fn xml_of(contest: &mut Contest, sample: &Sample) {
    let text = &sample.xml.replace("cp:", "").replacen("<iq", "<iq xmlns=\"jabber:client\"", 1);
    let what = format!("XML of the {}", sample.name);
    let ours = || timed_on_cpu(|| xml::parse_elements(black_box(text)).expect(SOUND));
    let minidom = timed_on_cpu(|| black_box(text).parse::<minidom::Element>().expect(SOUND));
    contest.row(&*what, Goal::AtLeast(3.0), ours(), "minidom", minidom);
    let rxml = timed_on_cpu(|| scan_with_rxml(black_box(text)));
    contest.row(&*what, Goal::AtLeast(1.5), ours(), "rxml, scan only", rxml);
    let roxmltree = timed_on_cpu(|| roxmltree::Document::parse(black_box(text)).expect(SOUND));
    contest.row(&*what, Goal::None, ours(), "roxmltree, borrowed", roxmltree);
    let quick = timed_on_cpu(|| scan_with_quick_xml(black_box(text)));
    contest.row(&*what, Goal::None, ours(), "quick-xml, scan only", quick);
}

fn scan_with_quick_xml(text: &str) -> usize {
    let mut reader = quick_xml::Reader::from_str(text);
    let mut events = 0;
    loop {
        match reader.read_event().expect(SOUND) {
            quick_xml::events::Event::Eof => return events,
            event => {
                black_box(event);
                events += 1;
            }
        }
    }
}

fn scan_with_rxml(text: &str) -> usize {
    use rxml::Parse as _;
    let mut parser = rxml::Parser::default();
    let mut rest = text.as_bytes();
    let mut events = 0;
    while let Some(event) = parser.parse(&mut rest, true).expect(SOUND) {
        black_box(event);
        events += 1;
    }
    events
}
