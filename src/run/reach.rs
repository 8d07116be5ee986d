//! Is somebody there? The addresses that a subject offers, tried before anything hangs on them.

use super::desk::Visit;
use super::instance::Guest;
use crate::http::{HttpRequest, Strain};
use crate::net::NetEvent;
use crate::net::dial::{Place, dial};

/// Fetches the key set of a server as Meta does, and gives the status of the answer.
///
/// # Errors
/// There was no answer, and why.
pub(super) async fn key_set(guest: &mut Guest, base_url: &str, path: &str) -> Result<u16, String> {
    let request = HttpRequest::new("GET", path);
    let (asked, _stopped) = guest.fetch(&format!("{base_url}{path}"), request, Strain::default());
    while let Some(visit) = guest.streams.visits.recv().await {
        if let Visit::Net(NetEvent::Response { id, result }) = visit
            && id == asked
        {
            return result.map(|response| response.status);
        }
    }
    Err("the adapter went away meanwhile".to_owned())
}

/// Connects to where a URL leads.
///
/// # Errors
/// It is no URL, or nobody listens there.
pub(super) async fn listener(url: &str) -> Result<(), String> {
    let place = authority(url).ok_or("it is no URL of http or https")?;
    dial(Place::Tcp(&place)).await.map(|_| ()).map_err(|error| format!("cannot connect: {error}"))
}

/// Host and port of a URL.
fn authority(url: &str) -> Option<String> {
    let uri: hyper::Uri = url.parse().ok()?;
    let usual = match uri.scheme_str()? {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    Some(format!("{}:{}", uri.host()?, uri.port_u16().unwrap_or(usual)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_without_a_port_has_the_usual_one() {
        let of = |url| authority(url).unwrap_or_default();
        assert_eq!(of("http://127.0.0.1:8080/stored"), "127.0.0.1:8080");
        assert_eq!(of("https://example.org"), "example.org:443");
        assert_eq!(of("http://[::1]/"), "[::1]:80");
        assert_eq!([of("ftp://example.org"), of("8080")], ["", ""]);
    }

    #[tokio::test]
    async fn nobody_at_an_address_is_told() {
        // The port of a service that no machine runs any more (RFC 1078).
        let told = listener("http://127.0.0.1:1").await.unwrap_err();
        assert!(told.starts_with("cannot connect: "), "{told}");
    }
}
