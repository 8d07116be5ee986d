//! IUT files as they are read, and as their mistakes are shown.

use serde_json::json;

use super::*;

fn parse(text: &str) -> Result<IutFile, LoadError> {
    IutFile::parse(&Source::new("acme.yaml", text), Path::new("/acme"))
}

fn spawned(file: &IutFile) -> &Spawn {
    match &file.adapter {
        Adapter::Spawn(spawn) => spawn,
        other => panic!("{other:?}"),
    }
}

fn refusal(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn attestations_name_rows_and_say_something() {
    let listed = "attestations:\n  - { row: ENC-020, statement: dossier 3, document: a.pdf }\n";
    let file = parse(&format!("{EXAMPLE}{listed}")).unwrap();
    let expected = Attestation {
        row: "ENC-020".to_owned(),
        statement: "dossier 3".to_owned(),
        document: Some("a.pdf".to_owned()),
    };
    assert_eq!(file.attestations, [expected]);
    for (written, said) in [
        ("{ row: ENC-200, statement: x }", "unknown requirement `ENC-200`"),
        ("{ row: ENC-020 }", "lacks the key `statement`"),
        ("{ row: ENC-020, statement: \" \" }", "`statement` is empty"),
    ] {
        let refusal = refusal(&format!("{EXAMPLE}attestations: [{written}]\n"));
        assert!(refusal.contains(said), "{refusal}");
    }
}

/// The example of `interfaces.md` §5, without its server, which goes with no driver.
const EXAMPLE: &str = "\
schema: 1
name: acme
version: \"2.3.1\"
seats: [third-party-client, third-party-server]
adapter:                       # spawn | attach | manual | none
  spawn: { command: [node, adapter.mjs], cwd: ., env: { PORT: 0 }, instances: shared, max_accounts: 64, digest_of: [adapter.mjs, package-lock.json] }
ics: { media.send: true, groups: false, signal.versions: [3], noise.patterns: [XX] }
logs: [./acme.log]
timeouts_ms: { operation: 5000 }
";

const SHORT: &str = "schema: 1\nname: a\nversion: 1\nseats: [meta]\n";

#[test]
fn the_example_is_read() {
    let file = parse(EXAMPLE).unwrap();
    assert_eq!((file.name.as_str(), file.version.as_str()), ("acme", "2.3.1"));
    assert_eq!(file.seats, [Seat::ThirdPartyClient, Seat::ThirdPartyServer]);
    let spawn = spawned(&file);
    assert_eq!(spawn.program.to_string(), "node adapter.mjs");
    assert_eq!(spawn.program.cwd.as_deref(), Some(Path::new("/acme/.")));
    assert_eq!(spawn.program.env, [("PORT".to_owned(), "0".to_owned())]);
    assert_eq!(spawn.digest_of[1], Path::new("/acme/package-lock.json"));
    assert_eq!(file.logs, [Path::new("/acme/acme.log")]);
    assert_eq!((spawn.instances, spawn.max_accounts), (Instances::Shared, 64));
    assert_eq!(file.timeouts.operation, Some(Duration::from_secs(5)));
    assert_eq!(file.timeouts.start, Timeouts::default().start);
    let expected = json!({"media.send": true, "groups": false,
            "signal.versions": [3], "noise.patterns": ["XX"]});
    assert_eq!(Json::Object(file.ics), expected);
}

#[test]
fn a_program_with_a_slash_lies_beside_the_file() {
    let of = |command: &str| {
        let text = format!("{SHORT}adapter: {{ spawn: {{ command: {command} }} }}\n");
        spawned(&parse(&text).unwrap()).program.clone()
    };
    assert_eq!(of("[./run.sh, a b]").command, Path::new("/acme/./run.sh"));
    assert_eq!(of("[./run.sh, a b]").args, ["a b"]);
    assert_eq!(of("[/bin/sh]").command, Path::new("/bin/sh"));
    assert_eq!(of("[sh]").command, Path::new("sh"));
}

#[test]
fn every_mistake_is_shown_at_its_place() {
    insta::assert_snapshot!(refusal(
        "schema: 2\nnam: acme\nversion: ''\nseats: [third-party-clent, meta, meta]\n\
             adapter: { spawn: { comand: [node], max_accounts: 0, instances: shard } }\n\
             ics: { grups: true, tls: yes, noise.patterns: [XY], signal.versions: 3 }\n\
             timeouts_ms: { operation: 5s }\ntimeouts_ms: {}\n"
    ));
}

#[test]
fn an_adapter_that_runs_already_is_attached_to() {
    let of = |adapter: &str| parse(&format!("{SHORT}adapter: {adapter}\n")).unwrap().adapter;
    let tcp = of("{ attach: { tcp: \"127.0.0.1:7000\" } }");
    assert!(matches!(tcp, Adapter::Attach(Address::Tcp(place)) if place == "127.0.0.1:7000"));
    let unix = of("{ attach: { unix: acme.sock } }");
    let expected = Address::Unix("/acme/acme.sock".into());
    assert!(matches!(unix, Adapter::Attach(address) if address == expected));
}

#[test]
fn a_server_without_a_driver_has_its_address_from_the_file() {
    let text = "schema: 1\nname: a\nversion: 1\nseats: [third-party-server]\n\
             adapter: none\nserver: { base_url: \"http://localhost:7443/\" }\n";
    let Adapter::None(server) = parse(text).unwrap().adapter else { panic!() };
    let base_url = "http://localhost:7443".to_owned();
    let played = Played::Server { base_url, tls_ca: None, media: None, upload: None };
    assert_eq!((server.name.as_str(), server.played), ("a", played));
}

#[test]
fn a_file_that_is_served_already_may_lie_here_too() {
    let folder = std::env::temp_dir().join(format!("counterpart-prepared-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("copy"), "bytes").unwrap();
    let of = |server: &str| {
        let text = format!(
            "schema: 1\nname: a\nversion: 1\nseats: [third-party-server]\nadapter: none\n\
             server: {{ base_url: \"http://localhost:7443\", {server} }}\n"
        );
        IutFile::parse(&Source::new("acme.yaml", text), &folder)
    };
    let prepared = |server: &str| of(server).unwrap().adapter.prepared().cloned().unwrap();
    let reference = "r1".to_owned();
    let expected = Prepared { reference: reference.clone(), file: Some(folder.join("copy")) };
    assert_eq!(prepared("media: /r1, media_file: copy"), expected);
    assert_eq!(prepared("media: r1"), Prepared { reference, file: None });
    let refused = |server: &str| of(server).unwrap_err().to_string();
    let absent = refused("media: r1, media_file: other");
    assert!(absent.contains("there is no file"), "{absent}");
    let bare = refused("media_file: copy");
    assert!(bare.contains("a file without a reference"), "{bare}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_server_without_a_driver_may_say_how_its_users_upload() {
    let of = |upload: &str| {
        parse(&format!(
            "schema: 1\nname: a\nversion: 1\nseats: [third-party-server]\nadapter: none\n\
             server: {{ base_url: \"http://localhost:7443\", upload: {upload} }}\n"
        ))
    };
    let file =
        of("{ url: \"http://localhost:7443/up\", method: PUT, credentials: { cookie: \"s=1\" } }");
    let Adapter::None(Server { played: Played::Server { upload: Some(upload), .. }, .. }) =
        file.unwrap().adapter
    else {
        panic!("no upload")
    };
    assert_eq!((upload.url.as_str(), upload.method.as_str()), ("http://localhost:7443/up", "PUT"));
    assert_eq!(upload.credentials, [("cookie".to_owned(), "s=1".to_owned())].into());
    assert!(!format!("{upload:?}").contains("s=1"), "a credential is shown");
    for wrong in
        ["{ url: a }", "{ url: a, credentials: b }", "{ url: a, method: GET, credentials: {} }"]
    {
        assert!(of(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_proxy_without_a_driver_has_both_its_ends_from_the_file() {
    let of = |proxy: &str| {
        parse(&format!(
            "schema: 1\nname: a\nversion: 1\nseats: [media-proxy]\nadapter: none\nproxy: {proxy}\n"
        ))
    };
    let file = of("{ url: \"http://127.0.0.1:8080/\", upstream: \"http://127.0.0.1:9000/f\" }");
    let Adapter::None(server) = file.unwrap().adapter else { panic!() };
    let upstream = "http://127.0.0.1:9000/f".parse().unwrap();
    let expected = Played::Proxy { url: "http://127.0.0.1:8080".to_owned(), upstream };
    assert_eq!(server.played, expected);
    for wrong in ["https://127.0.0.1:9000", "http://127.0.0.1", "http://elsewhere:9000/"] {
        let told = of(&format!("{{ url: \"http://a\", upstream: \"{wrong}\" }}")).unwrap_err();
        assert!(told.to_string().contains("write the address"), "{told}");
    }
}

#[test]
fn a_person_is_told_whose_adapter_to_be() {
    let Adapter::Manual(held) = parse(&format!("{SHORT}adapter: manual\n")).unwrap().adapter else {
        panic!()
    };
    assert_eq!((held.name.as_str(), held.seats), ("a", vec![Seat::Meta]));
}

#[test]
fn mistakes_about_the_adapter_are_shown() {
    let of = |adapter: &str| refusal(&format!("{SHORT}{adapter}\n"));
    insta::assert_snapshot!(
        [
            of("adapter: { attach: {} }"),
            of("adapter: { attach: { tcp: \"7000\" } }"),
            of("adapter: { attach: { tcp: \"a:1\", unix: a } }"),
            of("adapter: none\nserver: { base_url: \"https://localhost\" }"),
            of("adapter: none"),
            of("adapter: { spawn: { command: [a] } }\nserver: { base_url: \"https://a\" }"),
            of("adapter: spwan"),
            of("adapter: spawn"),
            of("adapter: [spawn]"),
            of("adapter: { spawn: { command: [] } }"),
        ]
        .join("\n\n")
    );
}

#[test]
fn what_is_no_yaml_and_what_is_no_file_is_told() {
    insta::assert_snapshot!(refusal("name: [acme\n"));
    let error = IutFile::read(Path::new("/nowhere/acme.yaml")).unwrap_err();
    assert!(error.to_string().starts_with("cannot read /nowhere/acme.yaml"), "{error}");
}
