//! `serve`: only the counterpart, for somebody who writes a client.

use std::io::IsTerminal as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::{complaint, fail, source};
use crate::run::Place;
use crate::scenario::parse::duration;
use crate::seed::Seed;
use crate::serve::{Ended, Options, Ports, serve};
use crate::verdict::Exit;

/// Keys, tokens and test users are the same at every start unless another seed is given.
const SEED: u64 = 1;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Profile: `whatsapp-1.0.3`, `consumer`, or a file that extends one of them
    #[arg(long, value_name = "NAME|FILE", default_value = "whatsapp-1.0.3")]
    profile: String,
    /// Keys and canary follow from it
    #[arg(long, default_value_t = SEED)]
    seed: u64,
    /// Listen on this address; any but a loopback one lets others on the network connect
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1")]
    bind: IpAddr,
    /// The host by which your client reaches it
    #[arg(long, value_name = "HOST")]
    advertise: Option<String>,
    /// Ports, e.g. `chat=5222,http=8080`; free ones where nothing is said
    #[arg(long, value_name = "chat=N,http=N", value_parser = ports)]
    ports: Option<Ports>,
    /// Serve HTTPS, and write the authority of its certificates to this file, in PEM
    #[arg(long, value_name = "FILE")]
    tls: Option<PathBuf>,
    /// Your third-party server; without it the counterpart stands in and signs the tokens
    #[arg(long, value_name = "URL", value_parser = base_url)]
    server: Option<String>,
    /// The authority of your server's certificate, in PEM, where it is none that this machine trusts
    #[arg(long, value_name = "FILE", requires = "server")]
    server_ca: Option<PathBuf>,
    /// Also write all events to this file, which `judge` reads
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// End after this time, e.g. `10m`
    #[arg(long = "for", value_name = "TIME", value_parser = lifetime)]
    lifetime: Option<Duration>,
    /// The greeting as text, or as one JSON object with the log on standard error
    #[arg(long, value_parser = ["text", "json"], default_value = "text")]
    format: String,
}

pub async fn execute(args: Args) -> Exit {
    let options = match options(args) {
        Ok(options) => options,
        Err(error) => return fail(Exit::Usage, &error),
    };
    if !options.place.is_local() {
        complaint::tell(&format!(
            "warning: others on the network of {} can connect while this runs. Keys are drawn from \
             the operating system, so they differ at every start.",
            options.place.bind()
        ));
    }
    match serve(options).await {
        Ok(Ended::Asked) => Exit::Good,
        Ok(Ended::Interrupted) => Exit::Interrupted,
        Err(error) => fail(Exit::Usage, &error),
    }
}

fn options(args: Args) -> Result<Options, String> {
    let profile = source::profile(&args.profile).map_err(|error| error.to_string())?;
    let place = Place::new(args.bind, args.advertise.as_deref());
    let json = args.format == "json";
    Ok(Options {
        profile,
        seed: Seed(args.seed),
        place: place.map_err(|error| error.to_string())?,
        ports: args.ports.unwrap_or_default(),
        server: args.server,
        server_ca: args.server_ca,
        tls: args.tls,
        log: args.log,
        lifetime: args.lifetime,
        json,
        colour: colour(json),
        width: 80,
    })
}

/// Colours where a person reads, and never against `NO_COLOR` (no-color.org).
fn colour(json: bool) -> bool {
    let terminal =
        if json { std::io::stderr().is_terminal() } else { std::io::stdout().is_terminal() };
    terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn lifetime(text: &str) -> Result<Duration, String> {
    let wanted = || "a whole number with its unit: 500ms, 5s, 2m, 1h, 30d".to_owned();
    duration(text).filter(|time| !time.is_zero()).ok_or_else(wanted)
}

fn ports(text: &str) -> Result<Ports, String> {
    let mut ports = Ports::default();
    for part in text.split(',') {
        let (name, number) = part.split_once('=').ok_or("NAME=NUMBER is wanted")?;
        let number = number.parse().map_err(|_| format!("`{number}` is no port"))?;
        match name {
            "chat" => ports.chat = number,
            "http" => ports.http = number,
            _ => return Err(format!("`{name}` is neither `chat` nor `http`")),
        }
    }
    Ok(ports)
}

fn base_url(text: &str) -> Result<String, String> {
    let known = ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme));
    if known {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err("a URL with http:// is wanted".to_owned())
    }
}
