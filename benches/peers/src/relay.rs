//! A source of files, and two ways through to it: counterpart's media proxy, and a relay that only
//! copies bytes from one socket to the other.
//!
//! Main type: [`Served`]. All ends are in this process and on this machine, so both ways pay for the
//! same source and the same reader.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use counterpart::http::HttpRequest;
use counterpart::net::{Net, NetEvent};
use counterpart::role::meta::proxied_head;

const BUFFER_BYTES: usize = 64 * 1024;
const WATCH_INTERVAL: Duration = Duration::from_millis(2);

/// The source with both ways to it.
pub struct Served {
    proxy: SocketAddr,
    relay: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

impl Served {
    /// Starts all of it on free ports.
    ///
    /// # Panics
    /// If this machine gives no ports or threads.
    pub fn start() -> Self {
        let source = serve(give);
        let relay = serve(move |stream| pass_on(stream, source));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("threads can be had");
        let proxy = runtime.block_on(proxy(source));
        Self { proxy, relay, _runtime: runtime }
    }

    /// Reads a file of this length, through the proxy or through the bare relay.
    ///
    /// # Panics
    /// If another number of bytes comes.
    pub fn read(&self, proxied: bool, len: u64) {
        let address = if proxied { self.proxy } else { self.relay };
        let mut stream = TcpStream::connect(address).expect("it listens");
        let ask = format!("GET /{len} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(ask.as_bytes()).expect("it reads");
        let (mut buffer, mut got) = (vec![0; BUFFER_BYTES], 0);
        let mut head = Vec::new();
        loop {
            let count = stream.read(&mut buffer).expect("it sends");
            if count == 0 {
                break;
            }
            if got > 0 {
                got += count as u64;
                continue;
            }
            head.extend_from_slice(&buffer[..count]);
            if let Some(at) = head.windows(4).position(|window| window == b"\r\n\r\n") {
                got += (head.len() - at - 4) as u64;
            }
        }
        assert_eq!(got, len, "the file came whole");
    }
}

/// Serves each connection on a thread of its own, for ever.
fn serve(each: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it listens");
    let each = Arc::new(each);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let each = Arc::clone(&each);
            std::thread::spawn(move || each(stream));
        }
    });
    address
}

/// Answers one request with as many bytes as its path says.
fn give(mut stream: TcpStream) {
    let Some(head) = head_of(&mut stream) else { return };
    let len = head.split([' ', '/']).find_map(|word| word.parse::<u64>().ok()).unwrap_or_default();
    let told = format!("HTTP/1.1 200 OK\r\nContent-Length: {len}\r\n\r\n");
    if stream.write_all(told.as_bytes()).is_err() {
        return;
    }
    let (piece, mut left) = (vec![7; BUFFER_BYTES], len);
    while left > 0 {
        let count = left.min(BUFFER_BYTES as u64);
        // A reader that is gone wants no more.
        if stream.write_all(&piece[..count as usize]).is_err() {
            return;
        }
        left -= count;
    }
}

fn head_of(stream: &mut TcpStream) -> Option<String> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

/// Copies one request and its answer.
fn pass_on(mut reader: TcpStream, source: SocketAddr) {
    let Some(head) = head_of(&mut reader) else { return };
    let mut source = TcpStream::connect(source).expect("it listens");
    source.write_all(head.as_bytes()).expect("it reads");
    let mut buffer = vec![0; BUFFER_BYTES];
    while let Ok(count @ 1..) = source.read(&mut buffer) {
        if reader.write_all(&buffer[..count]).is_err() {
            return;
        }
    }
}

/// Counterpart's own sockets, with a proxy that asks the source for whatever it is asked for.
async fn proxy(source: SocketAddr) -> SocketAddr {
    let (net, mut events) = Net::new();
    let address = net.listen_http().await.expect("a port is free");
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

/// What this process had resident at its peak during a work, over what it had before it, in bytes.
pub fn peak_over_idle(work: impl FnOnce()) -> u64 {
    let idle = resident_bytes();
    let (peak, ends) = (Arc::new(AtomicU64::new(idle)), Arc::new(AtomicBool::new(false)));
    let watcher = {
        let (peak, ends) = (Arc::clone(&peak), Arc::clone(&ends));
        std::thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                peak.fetch_max(resident_bytes(), Ordering::Relaxed);
                std::thread::sleep(WATCH_INTERVAL);
            }
        })
    };
    work();
    ends.store(true, Ordering::Relaxed);
    watcher.join().expect("it only looks");
    peak.load(Ordering::Relaxed).saturating_sub(idle)
}

/// As Linux tells it, in pages of 4 KiB.
fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split_whitespace().nth(1).and_then(|word| word.parse::<u64>().ok());
    pages.unwrap_or_default() * 4096
}
