//! Where Meta's side listens, and under which name the subject is told of it (`interfaces.md` §5).
//!
//! Main type: [`Place`]. On this machine alone everything follows from the seed. For a phone or a
//! container the listeners are open to a network, and whoever read a printed seed could play
//! Meta's side there; so the streams of keys then carry a word of the operating system's, and two
//! runs of one seed differ in them.

use std::net::{IpAddr, Ipv4Addr};

use crate::net::Authority;
use crate::net::tls::local_hosts;

/// An address to bind and the host by which others reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    bind: IpAddr,
    host: String,
    /// Goes into the names of the streams that keys are drawn from; empty on this machine alone.
    word: String,
}

/// A place that nobody could reach.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    #[error(
        "{0} is every address of this machine and none that a subject could connect to; name one \
         with --advertise HOST"
    )]
    NoHost(IpAddr),
    #[error("`{0}` is no host: give a name or an address, without scheme and port")]
    Host(String),
    #[error("the operating system gives no randomness for keys")]
    Randomness,
}

impl Default for Place {
    /// This machine alone.
    fn default() -> Self {
        let bind = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Self { bind, host: bind.to_string(), word: String::new() }
    }
}

impl Place {
    /// Binds `bind` and calls it `advertise`, or by its address where no name is given.
    ///
    /// # Errors
    /// See [`PlaceError`].
    pub fn new(bind: IpAddr, advertise: Option<&str>) -> Result<Self, PlaceError> {
        let host = match advertise {
            Some(host) => checked(host)?,
            None if bind.is_unspecified() => return Err(PlaceError::NoHost(bind)),
            None => bind.to_string(),
        };
        let word = if bind.is_loopback() { String::new() } else { random_word()? };
        Ok(Self { bind, host, word })
    }

    /// The address to listen on.
    pub fn bind(&self) -> IpAddr {
        self.bind
    }

    /// `host:port` as a subject is told.
    pub fn authority(&self, port: u16) -> String {
        if self.host.parse::<std::net::Ipv6Addr>().is_ok() {
            format!("[{}]:{port}", self.host)
        } else {
            format!("{}:{port}", self.host)
        }
    }

    /// Where HTTP services on a port are. Certificates are for names, so this machine has its own.
    pub fn http_url(&self, secure: bool, port: u16) -> String {
        match (secure, self.host.as_str()) {
            (true, "127.0.0.1") => format!("https://localhost:{port}"),
            (true, _) => format!("https://{}", self.authority(port)),
            (false, _) => format!("http://{}", self.authority(port)),
        }
    }

    /// A test CA with a certificate for this place.
    ///
    /// # Errors
    /// The operating system gives no randomness.
    pub fn authority_for_tls(&self) -> std::io::Result<Authority> {
        let mut hosts = local_hosts(self.bind);
        if !hosts.contains(&self.host) {
            hosts.push(self.host.clone());
        }
        Authority::new(hosts.iter().map(String::as_str)).map_err(std::io::Error::other)
    }

    /// True where only this machine can connect.
    pub fn is_local(&self) -> bool {
        self.bind.is_loopback()
    }

    /// The name of the stream from which the keys of a case are drawn.
    pub fn key_stream(&self, case: &str) -> String {
        format!("{}{case}", self.word)
    }
}

/// What a URL and `host:port` can hold. Sixteen bytes of anything else would be a mistake of form.
fn checked(host: &str) -> Result<String, PlaceError> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let name = |text: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        !text.is_empty() && text.chars().all(plain)
    };
    let fits = name(bare) || bare.parse::<IpAddr>().is_ok();
    if fits { Ok(bare.to_owned()) } else { Err(PlaceError::Host(host.to_owned())) }
}

fn random_word() -> Result<String, PlaceError> {
    use ring::rand::SecureRandom as _;
    let mut bytes = [0; 32];
    let random = ring::rand::SystemRandom::new();
    random.fill(&mut bytes).map_err(|_| PlaceError::Randomness)?;
    Ok(hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(bind: &str, advertise: Option<&str>) -> Result<Place, PlaceError> {
        Place::new(bind.parse().unwrap(), advertise)
    }

    #[test]
    fn a_place_is_called_by_its_name_or_its_address() {
        assert_eq!(Place::default().authority(5), "127.0.0.1:5");
        assert_eq!(place("192.0.2.7", None).unwrap().authority(5), "192.0.2.7:5");
        assert_eq!(place("::1", None).unwrap().authority(5), "[::1]:5");
        assert_eq!(place("::", Some("[2001:db8::1]")).unwrap().authority(5), "[2001:db8::1]:5");
        assert_eq!(place("0.0.0.0", Some("my-host.lan")).unwrap().authority(5), "my-host.lan:5");
        let everywhere = place("0.0.0.0", None).unwrap_err();
        assert_eq!(everywhere, PlaceError::NoHost("0.0.0.0".parse().unwrap()));
        for host in ["", "http://a", "a:5", "a/b", "a b", "[x"] {
            assert_eq!(place("0.0.0.0", Some(host)), Err(PlaceError::Host(host.into())), "{host}");
        }
    }

    #[test]
    fn keys_follow_from_the_seed_on_this_machine_alone() {
        let here = Place::new("127.0.0.2".parse().unwrap(), None).unwrap();
        assert!(here.is_local());
        assert_eq!(here.key_stream("case"), "case");
        let open = |_| place("0.0.0.0", Some("host")).unwrap().key_stream("case");
        let streams = [1, 2].map(open);
        assert_ne!(streams[0], streams[1]);
        assert!(streams.iter().all(|name| name.len() == 64 + "case".len()));
    }
}
