//! TLS 1.0 and 1.1, as far as it takes to see that somebody still speaks them (RFC 9325 §3.1.1).
//!
//! No library of ours speaks them, so both sides are bytes: [`hello`] asks, [`reading`] says what
//! the answer means, and [`agree`] is the fault of a server that answers yes.

use std::io;

use tokio::net::TcpStream;

use super::super::probe::OldVersion;

/// Suites that every server had which spoke TLS 1.0 (RFC 5246 §9, RFC 8422).
const SUITES: [u16; 8] = [0xC009, 0xC00A, 0xC013, 0xC014, 0x002F, 0x0035, 0x000A, 0x0033];
/// Enough of a ClientHello to see the version in it (RFC 5246 §7.4.1.2).
const HEAD: usize = 11;

/// A ClientHello that offers nothing newer than this version.
pub fn hello(version: OldVersion, host: &str) -> Vec<u8> {
    let [major, minor] = version.bytes();
    let mut body = vec![major, minor];
    body.extend([0x5A; 32]);
    body.push(0);
    body.extend(u16::to_be_bytes(2 * SUITES.len() as u16));
    body.extend(SUITES.iter().flat_map(|suite| suite.to_be_bytes()));
    body.extend([1, 0]);
    let mut extensions = server_name(host);
    // supported_groups: x25519, secp256r1, secp384r1; ec_point_formats: uncompressed.
    extensions.extend([0, 10, 0, 8, 0, 6, 0, 29, 0, 23, 0, 24, 0, 11, 0, 2, 1, 0]);
    body.extend(u16::to_be_bytes(extensions.len() as u16));
    body.extend(extensions);
    let mut message = vec![1, 0];
    message.extend(u16::to_be_bytes(body.len() as u16));
    message.extend(body);
    record(22, [3, 1], &message)
}

/// The extension that names the host; addresses have none (RFC 6066 §3).
fn server_name(host: &str) -> Vec<u8> {
    if host.parse::<std::net::IpAddr>().is_ok() || host.len() > 255 {
        return Vec::new();
    }
    let len = host.len() as u16;
    let mut out = vec![0, 0];
    out.extend(u16::to_be_bytes(len + 5));
    out.extend(u16::to_be_bytes(len + 3));
    out.push(0);
    out.extend(u16::to_be_bytes(len));
    out.extend(host.as_bytes());
    out
}

fn record(kind: u8, version: [u8; 2], content: &[u8]) -> Vec<u8> {
    let mut out = vec![kind, version[0], version[1]];
    out.extend(u16::to_be_bytes(content.len() as u16));
    out.extend(content);
    out
}

/// What a server says to such a hello: the version that it agrees to, or `None` where it refuses.
pub fn reading(answer: &[u8]) -> Option<[u8; 2]> {
    // A handshake record with a ServerHello: record header 5, message header 4, then the version.
    match answer {
        [22, _, _, _, _, 2, _, _, _, major, minor, ..] => Some([*major, *minor]),
        _ => None,
    }
}

/// A deliberate fault: agrees to an old version, with a client that offers no newer one.
pub async fn agree(stream: &TcpStream) -> io::Result<()> {
    let mut head = [0; HEAD];
    while stream.peek(&mut head).await? < HEAD {
        tokio::task::yield_now().await;
    }
    let version = [head[9], head[10]];
    if head[0] != 22 || version >= [3, 3] {
        return Ok(());
    }
    let mut body = vec![version[0], version[1]];
    body.extend([0xA5; 32]);
    body.extend([0, 0xC0, 0x13, 0]);
    let mut message = vec![2, 0];
    message.extend(u16::to_be_bytes(body.len() as u16));
    message.extend(body);
    stream.writable().await?;
    stream.try_write(&record(22, version, &message))?;
    Err(io::Error::other("an old version was agreed to, on purpose"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hello_says_its_version_and_a_refusal_is_told_from_an_agreement() {
        let hello = hello(OldVersion::Tls11, "localhost");
        assert_eq!(hello[..3], [22, 3, 1]);
        assert_eq!(usize::from(u16::from_be_bytes([hello[3], hello[4]])), hello.len() - 5);
        assert_eq!((hello[5], &hello[9..11]), (1, &[3, 2][..]));
        assert!(hello.windows(9).any(|window| window == b"localhost"));
        assert_eq!(reading(&[21, 3, 1, 0, 2, 2, 70]), None);
        assert_eq!(reading(&[]), None);
        let agreed = [22, 3, 1, 0, 50, 2, 0, 0, 38, 3, 1, 0];
        assert_eq!(reading(&agreed), Some([3, 1]));
    }
}
