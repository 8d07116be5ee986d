//! Which room may import which: the table of the crate documentation, checked against the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Everybody's ground.
const GROUND: &[&str] =
    &["limits", "seed", "clock", "patience", "span", "diff", "http", "proto", "canary"];

/// Each room with the rooms that it may import besides the ground.
const TABLE: &[(&str, &[&str])] = &[
    ("limits", &[]),
    ("seed", &[]),
    ("clock", &[]),
    ("patience", &[]),
    ("span", &[]),
    ("diff", &[]),
    ("http", &[]),
    ("proto", &[]),
    ("canary", &[]),
    ("wire", &[]),
    ("noise", &[]),
    ("spec", &[]),
    ("e2ee", &[]),
    ("stanza", &["wire"]),
    ("identity", &[]),
    ("driver", &[]),
    ("net", &[]),
    ("iut", &["driver", "net", "spec"]),
    ("scenario", &["spec", "wire"]),
    ("evidence", &[]),
    ("role", &["stanza", "identity", "e2ee", "noise", "wire", "spec", "evidence", "scenario"]),
    ("verdict", &["spec"]),
    ("check", &["scenario", "evidence", "verdict", "stanza", "e2ee", "spec", "wire"]),
    (
        "run",
        &[
            "scenario", "role", "net", "iut", "driver", "check", "evidence", "verdict", "spec",
            "stanza", "wire", "e2ee",
        ],
    ),
    ("report", &["verdict", "evidence", "spec"]),
    ("zoo", &["run", "check", "role", "scenario", "evidence", "verdict", "spec"]),
    ("reference", &["driver", "role", "net", "wire", "verdict"]),
    (
        "serve",
        &[
            "check", "driver", "e2ee", "evidence", "net", "noise", "role", "run", "scenario",
            "spec", "stanza", "verdict", "wire",
        ],
    ),
    (
        "cli",
        &[
            "run",
            "check",
            "report",
            "zoo",
            "reference",
            "serve",
            "role",
            "scenario",
            "iut",
            "driver",
            "evidence",
            "verdict",
            "spec",
        ],
    ),
];

#[test]
fn rooms_import_only_what_the_table_allows() {
    let mut wrong = Vec::new();
    for (file, room, imported) in imports() {
        let (_, allowed) = TABLE
            .iter()
            .find(|(name, _)| *name == room)
            .unwrap_or_else(|| panic!("{} is in no room of the table", file.display()));
        let free = imported == room || GROUND.contains(&imported.as_str());
        if !free && !allowed.contains(&imported.as_str()) {
            wrong.push(format!("{}: {room} imports {imported}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_has_no_cycle() {
    let edges: BTreeMap<&str, &[&str]> = TABLE.iter().copied().collect();
    for (room, _) in TABLE {
        let mut seen = BTreeSet::new();
        let mut next: Vec<&str> = edges[room].to_vec();
        while let Some(reached) = next.pop() {
            assert_ne!(reached, *room, "{room} reaches itself");
            if seen.insert(reached) {
                next.extend(edges[reached]);
            }
        }
    }
}

#[test]
fn the_table_allows_nothing_that_nobody_uses() {
    let used: BTreeSet<(String, String)> =
        imports().into_iter().map(|(_, room, imported)| (room, imported)).collect();
    let allowed = TABLE.iter().flat_map(|(room, allowed)| {
        allowed.iter().map(|imported| ((*room).to_owned(), (*imported).to_owned()))
    });
    let idle: Vec<_> = allowed.filter(|pair| !used.contains(pair)).collect();
    assert!(idle.is_empty(), "nobody imports {idle:?} any more");
}

#[test]
fn only_net_opens_sockets() {
    for file in sources() {
        let text = fs::read_to_string(&file).unwrap();
        let room = room(&file);
        for word in ["TcpStream", "TcpListener", "UdpSocket", "tokio::net"] {
            let allowed = ["net", "reference"].contains(&room.as_str());
            assert!(allowed || !text.contains(word), "{} names {word}", file.display());
        }
    }
}

/// File, its room and the room that it imports, for every `crate::` path outside tests and docs.
fn imports() -> Vec<(PathBuf, String, String)> {
    let mut found = Vec::new();
    for file in sources() {
        let room = room(&file);
        if ["lib", "main"].contains(&room.as_str()) {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in lines {
            for rest in line.split("crate::").skip(1) {
                let word: String =
                    rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if !word.is_empty() {
                    found.push((file.clone(), room.clone(), word));
                }
            }
        }
    }
    found
}

/// The sources that are not tests of their room.
fn sources() -> Vec<PathBuf> {
    let mut files = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let is_test = |file: &PathBuf| {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        name == "tests" || file.components().any(|part| part.as_os_str() == "tests")
    };
    files.retain(|file| !is_test(file));
    assert!(files.len() > 50, "the sources were not found");
    files
}

fn walk(path: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn room(file: &Path) -> String {
    let below = file.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    let first = below.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}
