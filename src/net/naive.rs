//! HTTP/1.1 read by hand, wrongly: the servers behind request smuggling (RFC 9112 §11.2).
//!
//! Libraries refuse what is ambiguous, so a server that does not has to be written. It is no server
//! that anybody should use: one request after another, each as long as one header says.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::http::{HttpRequest, HttpResponse};
use crate::limits::HTTP_BODY_BYTES_MAX;
use crate::net::HttpVersion;
use crate::net::serve::tethered::Tethered;
use crate::net::serve::{Heard, ServerFault, Service, hear, is_framing};

/// Longest head that is read.
const HEAD_BYTES_MAX: usize = 16 * 1024;
const HEADERS_MAX: usize = 64;

/// Serves a connection until it ends.
pub(super) async fn serve(service: &Service, fault: ServerFault, mut stream: Tethered) {
    let mut pending = Vec::new();
    while let Some(request) = next(&mut stream, &mut pending, fault).await {
        let answer = match request {
            Ok(request) => hear(service, HttpVersion::Http1, request, None).await,
            Err(status) => Heard::Answer(HttpResponse::new(status)),
        };
        let Heard::Answer(response) = answer else { return };
        if stream.write_all(&written(&response)).await.is_err() {
            return;
        }
    }
}

/// The next request, or why it is none; `None` at the end.
async fn next(
    stream: &mut Tethered,
    pending: &mut Vec<u8>,
    fault: ServerFault,
) -> Option<Result<HttpRequest, u16>> {
    let head = loop {
        let end = pending.windows(4).position(|window| window == b"\r\n\r\n");
        match end {
            Some(end) => break pending.drain(..end + 4).collect::<Vec<_>>(),
            None if pending.len() > HEAD_BYTES_MAX => return None,
            None => more(stream, pending).await?,
        }
    };
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut parsed = httparse::Request::new(&mut headers);
    if parsed.parse(&head).is_err() {
        return Some(Err(400));
    }
    let mut request =
        HttpRequest::new(parsed.method.unwrap_or_default(), parsed.path.unwrap_or_default());
    for header in parsed.headers.iter() {
        let value = String::from_utf8_lossy(header.value).into_owned();
        request.headers.push((header.name.to_owned(), value));
    }
    if fault == ServerFault::BothFramingsKept && request.header("transfer-encoding").is_some() {
        request.body = chunked(stream, pending).await?;
        return Some(Ok(request));
    }
    let length = match length(&request, fault) {
        Ok(length) => length,
        Err(status) => {
            pending.clear();
            return Some(Err(status));
        }
    };
    let waits = fault != ServerFault::BodyInOneRead;
    while waits && pending.len() < length.min(HTTP_BODY_BYTES_MAX) {
        more(stream, pending).await?;
    }
    request.body = pending.drain(..length.min(pending.len())).collect();
    Some(Ok(request))
}

/// Reads to the last chunk, and passes over how long each says it is.
async fn chunked(stream: &mut Tethered, pending: &mut Vec<u8>) -> Option<Vec<u8>> {
    const LAST: &[u8] = b"0\r\n\r\n";
    loop {
        match pending.windows(LAST.len()).position(|window| window == LAST) {
            Some(end) => return Some(pending.drain(..end + LAST.len()).collect()),
            None if pending.len() > HTTP_BODY_BYTES_MAX => return None,
            None => more(stream, pending).await?,
        }
    }
}

/// How long the body is, by the fault's lights.
fn length(request: &HttpRequest, fault: ServerFault) -> Result<usize, u16> {
    let lengths =
        request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let lengths: Vec<&str> = lengths.map(|(_, value)| value.as_str()).collect();
    if request.header("transfer-encoding").is_some() && fault != ServerFault::LengthWins {
        return Err(501);
    }
    if lengths.windows(2).any(|pair| pair[0] != pair[1]) && fault != ServerFault::FirstLengthWins {
        return Err(400);
    }
    match lengths.first().map(|length| length.trim().parse::<usize>()) {
        None => Ok(0),
        Some(Ok(length)) => Ok(length),
        Some(Err(_)) if fault == ServerFault::OddLengthIsNone => Ok(0),
        Some(Err(_)) => Err(400),
    }
}

async fn more(stream: &mut Tethered, pending: &mut Vec<u8>) -> Option<()> {
    let mut buffer = [0; 4096];
    match stream.read(&mut buffer).await {
        Ok(0) | Err(_) => None,
        Ok(count) => {
            pending.extend_from_slice(&buffer[..count]);
            Some(())
        }
    }
}

fn written(response: &HttpResponse) -> Vec<u8> {
    let mut out = format!("HTTP/1.1 {} -\r\n", response.status);
    for (name, value) in response.headers.iter().filter(|(name, _)| !is_framing(name)) {
        out.push_str(&format!("{name}: {value}\r\n"));
    }
    out.push_str(&format!("content-length: {}\r\n\r\n", response.body.len()));
    let mut out = out.into_bytes();
    out.extend_from_slice(&response.body);
    out
}
