//! Compiles `proto/*.proto` with protox, so that no `protoc` is needed, and lists the scenarios
//! that are embedded in the binary.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    let root = Path::new("proto");
    let files = ["handshake.proto", "login.proto", "content.proto", "signal.proto"];
    let descriptors = protox::compile(files.map(|file| root.join(file)), [root])?;
    prost_build::Config::new().compile_fds(descriptors)?;
    list_scenarios()?;
    Ok(())
}

/// Writes `scenarios.rs`: the path below `scenarios/` and the text of every scenario, sorted.
fn list_scenarios() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=scenarios");
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("scenarios");
    let mut files = Vec::new();
    for entry in fs::read_dir(&root)? {
        let path = entry?.path();
        // These hold no scenarios.
        if !path.ends_with("requirements") && !path.ends_with("profiles") {
            walk(&path, &mut files)?;
        }
    }
    files.sort();
    let mut list = String::from("static SCENARIOS: &[(&str, &str)] = &[\n");
    for file in files {
        let below = file.strip_prefix(&root)?.to_string_lossy().replace('\\', "/");
        // No absolute path: clones may share a target directory.
        let path = format!("/scenarios/{below}");
        let text = format!("include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {path:?}))");
        writeln!(list, "    ({below:?}, {text}),")?;
    }
    list.push_str("];\n");
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("scenarios.rs"), list)?;
    Ok(())
}

fn walk(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            walk(&entry?.path(), files)?;
        }
    } else if path.extension().is_some_and(|extension| extension == "yaml") {
        files.push(path.to_owned());
    }
    Ok(())
}
