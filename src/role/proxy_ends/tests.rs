//! A proxy in a few lines, right or wrong in one way, between the two ends.

use rand::SeedableRng as _;

use super::*;
use crate::evidence::RuleGrade;

const FORM: &str = "/interop/whatsapp/download/{integrator}/{reference}/";

fn ends() -> ProxyEnds {
    let setting = Setting {
        proxy_url: Some("http://proxy".into()),
        form: FORM.into(),
        integrator: 1,
        base_path: "/stored".into(),
        stranger_url: "http://stranger:1".into(),
        word: "file-0123".into(),
        memory_mib_max: Some(32),
        wait: Some(std::time::Duration::from_secs(5)),
    };
    ProxyEnds::new(setting, Rng::from_seed([7; 32]))
}

/// What becomes of a reader's request: where it is asked for, or what is said at once.
type Way = fn(&str) -> Result<(&'static str, String), u16>;

fn sound(path: &str) -> Result<(&'static str, String), u16> {
    let rest = path.strip_prefix("/interop/whatsapp/download/1/").ok_or(404_u16)?;
    let reference = rest.strip_suffix('/').filter(|name| !name.contains(['%', '/', '@', ':']));
    reference.map(|name| ("registered", format!("/stored/{name}"))).ok_or(404)
}

/// Runs a probe over a proxy that goes this way and passes every answer on.
fn grade(probe: ProxyProbe, way: Way, memory: Option<u64>) -> (RuleGrade, Option<String>) {
    let mut ends = ends();
    ends.begin(probe, Some("p1".into())).unwrap();
    let (mut waiting, mut last) = (Vec::new(), 0);
    loop {
        while let Some(output) = ends.poll() {
            match output {
                Output::Event(event) => {
                    if let Event::MediaProbed { checked, .. } = *event {
                        return (checked[0].grade, checked[0].why.clone());
                    }
                }
                Output::Read { number, request, .. } => match way(&request.path) {
                    Ok((host, path)) => {
                        last = number;
                        let asked = HttpRequest { path, ..request };
                        let asked = HttpRequest {
                            headers: asked
                                .headers
                                .into_iter()
                                .filter(|(name, _)| {
                                    matches!(name.as_str(), "range" | "if-none-match")
                                })
                                .collect(),
                            ..asked
                        };
                        ends.asked(number, asked, host == "registered");
                    }
                    Err(status) => waiting.push((number, HttpResponse::new(status), true)),
                },
                Output::Respond { id, response } => waiting.push((id, response, true)),
                Output::Deliver { id, response, how } => {
                    waiting.push((id, response, how.end == crate::http::Ending::Whole));
                }
                Output::Weigh => ends.weighed(memory),
            }
        }
        // Who hears nothing from behind says so.
        let silent = (last, HttpResponse::new(504), true);
        let (number, answer, whole) = if waiting.is_empty() { silent } else { waiting.remove(0) };
        let filler = if probe == ProxyProbe::Volume { plan::VOLUME_BYTES } else { 0 };
        let bytes = answer.body.len() as u64 + filler;
        ends.read(number, Ok(Got { answer, bytes, whole }));
    }
}

#[test]
fn a_sound_proxy_is_found_sound() {
    use ProxyProbe::{Bases, Beginning, Errors, Files, Kept, ReaderMarks, Silent, Volume};
    for probe in [Files, Bases, ReaderMarks, Beginning, Errors, Kept, Silent, Volume] {
        let (grade, why) = grade(probe, sound, Some(1));
        assert_eq!(grade, RuleGrade::Holds, "{}: {why:?}", probe.word());
    }
}

#[test]
fn a_proxy_that_serves_nobody_holds_no_rule() {
    for (probe, word) in ProxyProbe::ALL {
        let (grade, _) = grade(*probe, |_| Err(404), Some(1));
        assert_eq!(grade, RuleGrade::Broken, "{word}");
    }
}

#[test]
fn what_passes_redirects_and_marks_on_is_found_out() {
    // The proxy here passes every head on as it is, and asks for each reader.
    for (probe, said) in [
        (ProxyProbe::Redirects, "sent on"),
        (ProxyProbe::HostMarks, "`set-cookie`"),
        (ProxyProbe::Together, "8 requests"),
    ] {
        let (grade, why) = grade(probe, sound, None);
        assert_eq!(grade, RuleGrade::Broken);
        assert!(why.as_deref().unwrap_or_default().contains(said), "{why:?}");
    }
}

#[test]
fn who_goes_elsewhere_is_found_out() {
    let other_host: Way = |path| match sound(path) {
        Err(_) if path.contains("http") => Ok(("stranger", "/file-0123-2".into())),
        other => other,
    };
    let out_of_the_base: Way = |path| match sound(path) {
        Err(_) if path.contains("..%2f") => Ok(("registered", "/stored/../file-0123-2".into())),
        other => other,
    };
    let anybody: Way = |path| sound(&path.replace("/999/", "/1/"));
    let (ways, said) = (
        [other_host, out_of_the_base, anybody],
        ["a host that nobody registered", "not below the registered base", "another third party"],
    );
    for (way, said) in ways.into_iter().zip(said) {
        let (_, why) = grade(ProxyProbe::Bases, way, None);
        assert!(why.as_deref().unwrap_or_default().contains(said), "{why:?}");
    }
}

#[test]
fn memory_counts_and_must_be_known() {
    for (memory, holds) in [(Some(32), true), (Some(33), false), (None, false)] {
        let (grade, why) = grade(ProxyProbe::Volume, sound, memory);
        assert_eq!(grade == RuleGrade::Holds, holds, "{why:?}");
    }
}
