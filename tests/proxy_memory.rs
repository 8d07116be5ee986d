//! The media proxy holds no file: what passes through it costs the same memory whatever its length, for
//! one reader and for several who share an answer. A test binary of its own, since the figure is the process's.
#![cfg(target_os = "linux")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use counterpart::http::HttpRequest;
use counterpart::net::{Net, NetEvent};
use counterpart::role::meta::proxied_head;

const MIB: u64 = 1 << 20;
/// Far more than may be held; the bench sends a gigabyte.
const LONG: u64 = 256 * MIB;
const SHORT: u64 = 16 * MIB;
/// What a transfer of any length may take over idle.
const PEAK_MAX: u64 = 32 * MIB;
/// Readers of one file at once.
const READERS: usize = 3;
const BUFFER_BYTES: usize = 64 * 1024;

/// A source that gives as many bytes as a path says.
fn source() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || give(stream));
        }
    });
    address
}

fn give(mut stream: TcpStream) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_exact(&mut byte).is_err() {
            return;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length: u64 = head.split([' ', '/']).find_map(|word| word.parse().ok()).unwrap();
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").unwrap();
    let (piece, mut left) = (vec![7; BUFFER_BYTES], length);
    while left > 0 {
        let count = left.min(BUFFER_BYTES as u64);
        if stream.write_all(&piece[..count as usize]).is_err() {
            return;
        }
        left -= count;
    }
}

/// The proxy before a source.
async fn proxy(source: SocketAddr) -> SocketAddr {
    let (net, mut events) = Net::new();
    let address = net.listen_http().await.unwrap();
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            if let NetEvent::Request { id, request, .. } = event {
                let asked = HttpRequest::new("GET", &request.path);
                net.relay(id, format!("http://{source}{}", request.path), asked, proxied_head);
            }
        }
    });
    address
}

/// Reads a file and says how much the process held at most meanwhile.
fn read(proxy: SocketAddr, length: u64) -> u64 {
    let mut stream = TcpStream::connect(proxy).unwrap();
    write!(stream, "GET /{length} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let (mut buffer, mut head, mut got, mut peak) = (vec![0; BUFFER_BYTES], Vec::new(), 0, 0);
    loop {
        let count = stream.read(&mut buffer).unwrap();
        if count == 0 {
            break;
        }
        let before = got / MIB;
        match got {
            0 => {
                head.extend_from_slice(&buffer[..count]);
                let end = head.windows(4).position(|window| window == b"\r\n\r\n");
                got += end.map_or(0, |at| (head.len() - at - 4) as u64);
            }
            _ => got += count as u64,
        }
        if got / MIB != before {
            peak = peak.max(resident_bytes());
        }
    }
    assert_eq!(got, length, "the file came whole");
    peak
}

fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

#[test]
fn a_long_file_takes_no_more_memory_than_a_short_one() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let proxy = runtime.block_on(proxy(source()));
    // What is set up by the first of all is no matter of lengths.
    read(proxy, SHORT);
    let idle = resident_bytes();
    let short = read(proxy, SHORT).saturating_sub(idle);
    let long = read(proxy, LONG).saturating_sub(idle);
    assert!(long <= PEAK_MAX, "{} MiB over idle", long / MIB);
    assert!(long <= short + 2 * MIB, "{long} bytes over idle, and {short} for a short file");
    let readers: Vec<_> = (0..READERS).map(|_| thread::spawn(move || read(proxy, LONG))).collect();
    for reader in readers {
        let held = reader.join().unwrap().saturating_sub(idle);
        assert!(held <= PEAK_MAX, "{} MiB over idle for several readers", held / MIB);
    }
}
