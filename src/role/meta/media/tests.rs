use super::*;
use crate::http::HttpRequest;
use crate::role::meta::Integrator;
use crate::role::{Input, Output, Role as _};
use crate::seed::Seed;

const NOW: crate::clock::UnixMs = crate::clock::UnixMs(1_800_000_000_000);

/// What Meta's side does about a request.
fn asked(base: Option<&str>, request: HttpRequest) -> Vec<Output> {
    let profile = Profile::builtin("whatsapp-1.0.3").unwrap();
    let integrator = Integrator { id: 1, iss: "acme".into(), base_url: base.map(str::to_owned) };
    let mut meta = Meta::new(profile, integrator, Seed(7), "media");
    meta.handle(NOW, Input::Request { id: 5, request });
    std::iter::from_fn(|| meta.poll()).collect()
}

#[test]
fn the_proxy_asks_the_registered_server_and_says_nothing_of_its_reader() {
    let request = HttpRequest::new("GET", "/interop/whatsapp/download/1/abc/")
        .with_header("user-agent", "WhatsApp")
        .with_header("x-forwarded-for", "192.0.2.1");
    let outputs = asked(Some("http://partner/base"), request);
    let [Output::Relay { id: 5, url, request }] = &outputs[..] else { panic!("{outputs:?}") };
    assert_eq!((url.as_str(), request.headers.len()), ("http://partner/base/abc", 0));
}

#[test]
fn the_proxy_asks_nobody_else() {
    for (base, path) in [
        (None, "/interop/whatsapp/download/1/abc/"),
        (Some("http://partner"), "/interop/whatsapp/download/2/abc/"),
        (Some("http://partner"), "/interop/whatsapp/download/1/..%2fpush/"),
    ] {
        let outputs = asked(base, HttpRequest::new("GET", path));
        let [Output::Respond { id: 5, response }] = &outputs[..] else { panic!("{outputs:?}") };
        assert_eq!(response.status, 404, "{path}");
    }
}
