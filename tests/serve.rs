//! `serve` as somebody meets it who writes a client: the greeting is enough to log in, everything
//! is told, every refusal is explained, and nothing that a client does ends it.

#[path = "serve/house.rs"]
mod house;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use counterpart::noise::KeyPair;
use counterpart::proto::login::ClientPayload;
use counterpart::seed::{Rng, Seed};
use counterpart::wire::frame::write_frame;
use counterpart::wire::{Jid, Node};
use house::{Bare, House, PROLOGUE, Reference, login};
use rand::Rng as _;
use serde_json::json;

/// What differs between two runs.
const FILTERS: &[(&str, &str)] = &[
    (r"\d\d:\d\d:\d\d\.\d{3}", "[time]"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:[port]"),
    (r#" t="\d+""#, r#" t="[t]""#),
    (r"eyJ[\w.-]+", "[token]"),
    (r"\b1[789]\d{8}\b", "[time]"),
    (r"SHA-256\s+[0-9a-f]{16}…", "SHA-256 [hash]"),
    (r"counterpart \d+\.\d+\.\d+", "counterpart [version]"),
];

/// Compares with a snapshot, times, ports and tokens aside.
macro_rules! assert_log {
    ($name:literal, $log:expr) => {{
        let mut settings = insta::Settings::clone_current();
        for (pattern, word) in FILTERS {
            settings.add_filter(pattern, *word);
        }
        settings.bind(|| insta::assert_snapshot!($name, $log));
    }};
}

/// The block of the log whose head has these words.
fn block(log: &str, words: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    let start = lines.iter().position(|line| line.contains(words));
    let start = start.unwrap_or_else(|| panic!("`{words}` is not in\n{log}"));
    let len = lines[start + 1..].iter().take_while(|line| line.starts_with(' ')).count();
    lines[start..=start + len].join("\n")
}

fn key(private_hex: &str) -> KeyPair {
    let mut private = [0; 32];
    hex::decode_to_slice(private_hex, &mut private).unwrap();
    KeyPair::from_private(private)
}

/// Logs the user in who is enlisted from the start.
fn ready(house: &House) -> Bare {
    let user = house.user("ready");
    let account = user["login"].as_str().unwrap().parse::<Jid>().unwrap().user.parse().unwrap();
    let payload = login(account, user["token"].as_str());
    Bare::shakes_hands(house, key(user["noise_private"].as_str().unwrap()), &payload)
}

#[test]
fn the_greeting_is_enough_for_the_reference_to_enlist_log_in_and_talk() {
    let mut house = House::open(&["--seed", "7"]);
    let token = house.user("alice")["token"].as_str().unwrap().to_owned();
    let mut alice = Reference::guest_of(&house, "alice");
    alice.goes_online(&token);
    alice.writes(&house.guest("echo"), "hello ✓").unwrap();
    assert_eq!(alice.reads(), (house.guest("echo"), "hello ✓".into()));
    alice.writes(&house.guest("answers"), "hello").unwrap();
    assert_eq!(alice.reads(), (house.guest("answers"), "answers got 5 characters".into()));
    house.types("say silent @alice are you there?");
    assert_eq!(alice.reads(), (house.guest("silent"), "are you there?".into()));
    alice.writes(&house.guest("control"), "fault chian=expired").unwrap();
    let hint = "there is no fault `chian`; did you mean `chain`?";
    assert_eq!(alice.reads(), (house.guest("control"), hint.into()));
    alice.writes(&house.guest("replays"), "once").unwrap();
    assert_eq!(alice.reads().1, "replays got 4 characters");
    // Whatever was replayed stands before this answer, and was not shown.
    alice.writes(&house.guest("echo"), "end").unwrap();
    assert_eq!(alice.reads().1, "end");
    house.log.wait("end");
    let (code, log) = house.quit();
    assert_eq!(code, 0);
    assert!(!log.contains("eyJ"), "no token is told in the log");
    assert_log!("a_text_down_to_its_last_layer", block(&log, "decrypted from"));
    assert_log!("an_enlistment", block(&log, "POST /3p"));
    assert_log!("a_message_stanza", block_of_stanza(&log, "<message"));
}

/// The first stanza block with these words.
fn block_of_stanza(log: &str, words: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    let at = lines.iter().position(|line| line.contains(words)).unwrap();
    block(&lines[at - 1..].join("\n"), "stanza")
}

#[test]
fn somebody_without_an_enlistment_logs_in_as_the_user_who_is_ready() {
    let mut house = House::open(&[]);
    let mut client = ready(&house);
    assert_eq!(client.next().unwrap().tag, "success");
    house.types("ping");
    let ping = std::iter::from_fn(|| client.next()).find(|node| node.tag == "iq").unwrap();
    assert_eq!(ping.text("xmlns").as_deref(), Some("urn:xmpp:ping"));
    house.types("drop ready");
    assert!(std::iter::from_fn(|| client.next()).all(|node| node.tag != "failure"));
    house.log.wait("dropped: ready");
}

#[test]
fn a_file_of_a_test_user_reaches_a_client() {
    let mut house = House::open(&[]);
    let mut alice = Reference::guest_of(&house, "alice");
    alice.goes_online(house.user("alice")["token"].as_str().unwrap());
    house.types("file echo @alice image 2000");
    house.log.wait("sent a file: alice");
    let message = alice.hears("message");
    assert_eq!(message["from"], house.guest("echo"));
    assert_eq!(message["content"]["media"]["kind"], "image");
    assert_eq!(alice.hears("media")["state"], "available");
    let path = message["content"]["media"]["path"].as_str().unwrap();
    assert_eq!(std::fs::metadata(path).unwrap().len(), 2000);
}

#[test]
fn a_client_trusts_the_authority_that_is_handed_over_and_no_other() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("serve-tls.pem");
    let house = House::open(&["--tls", file.to_str().unwrap()]);
    assert!(house.text("/instance/enlistment_url").starts_with("https://localhost:"));
    assert!(house.text("/instance/media_url").starts_with("https://localhost:"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), house.text("/instance/tls_ca"));
    let token = house.user("alice")["token"].as_str().unwrap().to_owned();
    let mut alice = Reference::guest_of(&house, "alice");
    alice.goes_online(&token);
    alice.writes(&house.guest("echo"), "hello").unwrap();
    assert_eq!(alice.reads(), (house.guest("echo"), "hello".into()));
    // A house of another start has an authority of its own.
    let other = House::open(&["--tls", file.to_str().unwrap()]);
    let mut stranger = House::open(&["--tls", file.to_str().unwrap()]);
    stranger.greeting["instance"]["tls_ca"] = other.greeting["instance"]["tls_ca"].clone();
    let mut bob = Reference::guest_of(&stranger, "bob");
    let token = stranger.user("bob")["token"].as_str().unwrap().to_owned();
    bob.call("enlist", json!({"account": "a", "token": token})).unwrap_err();
}

#[test]
fn a_server_with_an_authority_of_its_own_is_believed_where_that_is_named() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("serve-server-ca.pem");
    // Another counterpart stands in for a server, and publishes the keys that it signs with.
    let server = House::open(&["--tls", file.to_str().unwrap()]);
    let url = server.text("/instance/enlistment_url");
    let url = format!("https://{}", url["https://".len()..].split('/').next().unwrap());
    let enlists = |args: &[&str]| {
        let house = House::open(args);
        let mut alice = Reference::guest_of(&house, "alice");
        let token = server.user("alice")["token"].as_str().unwrap().to_owned();
        alice.call("enlist", json!({"account": "a", "token": token})).unwrap_err();
        house.quit().1
    };
    let believed = enlists(&["--server", &url, "--server-ca", file.to_str().unwrap()]);
    let doubted = enlists(&["--server", &url]);
    let fetched = "the third party's key set";
    assert!(believed.contains(fetched) && !believed.contains("certificate"), "{believed}");
    assert!(doubted.contains("certificate") && !doubted.contains(fetched), "{doubted}");
}

#[test]
fn faults_are_in_force_until_they_are_taken_back() {
    let mut house = House::open(&[]);
    let mut alice = Reference::guest_of(&house, "alice");
    let token = house.user("alice")["token"].as_str().unwrap().to_owned();
    alice.call("enlist", json!({"account": "a", "token": token})).unwrap();
    house.types("fault chain=expired");
    house.log.wait("in force: chain=expired");
    let refused = alice.call("connect", json!({"account": "a", "token": token})).unwrap_err();
    assert_eq!(refused["data"]["class"], "unauthenticated");
    house.types("fault none");
    house.log.wait("no fault is in force");
    alice.call("connect", json!({"account": "a", "token": token})).unwrap();
    for guest in ["bad-prekey", "unsigned-prekey", "no-keys"] {
        alice.writes(&house.guest(guest), "secret").unwrap_err();
    }
    for guest in ["bad-mac", "clear-enc", "clear-body", "babbles"] {
        alice.writes(&house.guest(guest), "hello").unwrap();
        house.log.wait(&format!("{guest} got 5 characters"));
    }
    // Only what was decrypted is shown.
    assert_eq!(alice.reads(), (house.guest("babbles"), "babbles got 5 characters".into()));
}

#[test]
fn each_refusal_names_its_requirement_and_what_to_do() {
    let mut house = House::open(&[]);
    let mut stream = house.chat();
    stream.write_all(b"XMPP").unwrap();
    house.log.wait("refused TRN-016");
    let mut stream = house.chat();
    stream.write_all(&PROLOGUE).unwrap();
    stream.write_all(&write_frame(b"no client hello").unwrap()).unwrap();
    house.log.wait("refused NOI-002");
    let some_key = || KeyPair::generate(&mut Seed(3).rng(&["key"]));
    Bare::shakes_hands(&house, some_key(), &ClientPayload::default());
    house.log.wait("refused NOI-008");
    Bare::shakes_hands(&house, some_key(), &login(4711, None));
    house.log.wait("refused ENL-015");
    let user = house.user("ready");
    let account = user["login"].as_str().unwrap().parse::<Jid>().unwrap().user.parse().unwrap();
    Bare::shakes_hands(&house, some_key(), &login(account, user["token"].as_str()));
    house.log.wait("refused NOI-005");
    let private = user["noise_private"].as_str().unwrap();
    let token = house.user("bob")["token"].as_str().unwrap().to_owned();
    Bare::shakes_hands(&house, key(private), &login(account, Some(&token)));
    house.log.wait("refused JWT-007");
    let mut client = ready(&house);
    client.next().unwrap();
    client.sends(&Node::new("message").attr("to", house.guest("echo")));
    house.log.wait("refused MSG-001");
    client.sends(&Node::new("iq").attr("type", "get").attr("xmlns", "w:p"));
    house.log.wait("fail STZ-009");
    client.sends_bytes(&[0, 248, 1]);
    house.log.wait("refused STZ-003");
    let (_, log) = house.quit();
    let lines: Vec<&str> = log.lines().collect();
    let heads = (0..lines.len()).filter(|at| lines[*at].contains(" refused "));
    let refused: Vec<String> =
        heads.map(|at| block(&lines[at..].join("\n"), " refused ")).collect();
    assert_log!("a_broken_rule", block(&log, "fail STZ-009"));
    assert_log!("refusals", refused.join("\n"));
}

#[test]
fn what_is_logged_can_be_judged() {
    let log = format!("{}/serve.jsonl", env!("CARGO_TARGET_TMPDIR"));
    let house = House::open(&["--log", &log]);
    let mut client = ready(&house);
    client.next().unwrap();
    client.sends(&Node::new("iq").attr("type", "get").attr("xmlns", "w:p"));
    while client.next().unwrap().tag != "iq" {}
    house.quit();
    let mut judge = std::process::Command::new(env!("CARGO_BIN_EXE_counterpart"));
    let judged = judge.args(["judge", &log]).output().unwrap();
    let text = String::from_utf8(judged.stdout).unwrap();
    assert_eq!(judged.status.code(), Some(1), "{text}");
    assert!(text.contains("STZ-009"), "{text}");
}

#[test]
fn the_greeting_for_people_can_be_copied_from() {
    let mut serve = std::process::Command::new(env!("CARGO_BIN_EXE_counterpart"));
    serve.args(["serve", "--for", "1ms"]).env("COLUMNS", "80");
    let output = serve.stdin(std::process::Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_log!("greeting", String::from_utf8(output.stdout).unwrap());
}

#[test]
fn a_token_is_to_be_had_over_http() {
    let house = House::open(&[]);
    let (status, body) = get(&house, "/stand-in/token?user=dora");
    assert_eq!(status, "200");
    let token: serde_json::Value = serde_json::from_str(&body).unwrap();
    let mut dora = Reference::guest_of(&house, "dora");
    dora.goes_online(token["jwt"].as_str().unwrap());
    assert_eq!(get(&house, "/stand-in/token?user=a%20b").0, "400");
}

fn get(house: &House, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(house.http()).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().to_owned(), body.to_owned())
}

/// How many connections of each kind the mess has.
const MESS: u64 = 24;

#[test]
fn whatever_a_client_does_the_next_one_is_served() {
    let mut house = House::open(&["--seed", "2"]);
    // Kept open to the end: half-open connections that say nothing.
    let idle: Vec<TcpStream> = (0..MESS).map(|_| house.chat()).collect();
    for seed in 0..MESS {
        let mut rng = Seed(seed).rng(&["mess"]);
        garbage(&house, &mut rng);
        cut_handshake(&house, &mut rng);
        garbage_http(&house, &mut rng);
        mutated_stanzas(&house, &mut rng);
    }
    flood(&house);
    assert!(house.is_alive());
    let mut alice = Reference::guest_of(&house, "alice");
    let token = house.user("alice")["token"].as_str().unwrap().to_owned();
    alice.goes_online(&token);
    alice.writes(&house.guest("echo"), "still here?").unwrap();
    assert_eq!(alice.reads(), (house.guest("echo"), "still here?".into()));
    let memory = resident_kib(&house);
    assert!(memory < 400 * 1024, "{memory} KiB");
    drop(idle);
    let (code, _) = house.quit();
    assert_eq!(code, 0);
}

fn bytes(rng: &mut Rng, max: u32) -> Vec<u8> {
    let mut bytes = vec![0; (rng.next_u32() % max) as usize];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// Writes that may find the other end gone.
fn throw(stream: &mut TcpStream, bytes: &[u8]) {
    let _ = stream.write_all(bytes);
}

fn garbage(house: &House, rng: &mut Rng) {
    let mut stream = house.chat();
    throw(&mut stream, &bytes(rng, 3000));
    let mut stream = house.chat();
    throw(&mut stream, &PROLOGUE);
    throw(&mut stream, &bytes(rng, 100_000));
}

fn cut_handshake(house: &House, rng: &mut Rng) {
    let mut stream = house.chat();
    let frame = write_frame(&bytes(rng, 200)).unwrap();
    let end = rng.next_u32() as usize % frame.len();
    throw(&mut stream, &PROLOGUE);
    throw(&mut stream, &frame[..end]);
}

fn garbage_http(house: &House, rng: &mut Rng) {
    let heads = [
        "GET / HTTP/1.1\r\n\r\n",
        "POST /3p/interop_reg HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n",
        "POST /3p/interop_reg HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\ntoken=a.b.c&authkey=%",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET /stand-in/token?user=\u{1b}[2J HTTP/1.1\r\nHost: a\r\n\r\n",
    ];
    for head in heads {
        let mut stream = TcpStream::connect(house.http()).unwrap();
        throw(&mut stream, head.as_bytes());
        throw(&mut stream, &bytes(rng, 500));
    }
    // A WebSocket upgrade that never comes about.
    let mut stream = house.chat();
    throw(&mut stream, b"GET /ws/chat HTTP/1.1\r\nUpgrade: h2c\r\n\r\n");
    throw(&mut stream, &bytes(rng, 500));
}

/// Logs in and sends stanzas with bytes changed, then a frame under a wrong key.
fn mutated_stanzas(house: &House, rng: &mut Rng) {
    use counterpart::wire::binary;
    let mut client = ready(house);
    let stanza = Node::new("message")
        .attr("id", "1")
        .attr("to", house.guest("echo").parse::<Jid>().unwrap())
        .child(Node::new("enc").attr("v", "2").attr("type", "pkmsg").bytes(bytes(rng, 300)));
    client.sends(&stanza);
    let keys = Node::new("iq")
        .attr("id", "\u{1b}[31m")
        .attr("type", "set")
        .attr("xmlns", "encrypt")
        .child(Node::new("identity").bytes(bytes(rng, 64)));
    client.sends(&keys);
    let mut packed = binary::pack(&binary::encode(&stanza).unwrap(), false);
    let at = rng.next_u32() as usize % packed.len();
    packed[at] ^= 1 << (rng.next_u32() % 8);
    client.sends_bytes(&packed);
    throw(&mut client.stream, &write_frame(&bytes(rng, 200)).unwrap());
}

/// More stanzas than a person could read, with answers that nobody takes.
fn flood(house: &House) {
    let mut client = ready(house);
    let ping = |n: u32| {
        let id = n.to_string();
        Node::new("iq").attr("id", id).attr("type", "get").attr("xmlns", "w:p")
    };
    (0..3000).for_each(|n| client.sends(&ping(n)));
}

fn resident_kib(house: &House) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", house.pid()));
    // Only Linux tells it this way.
    let Ok(status) = status else { return 0 };
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
