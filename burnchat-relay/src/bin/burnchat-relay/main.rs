//! The reference Burnchat relay, as a program. `burnchat-relay --help` says how it is used.

mod acme;
mod hardening;
mod logs;
mod monitoring;
mod options;
mod serve;
mod signals;
mod tls;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use burnchat_relay::{Cluster, Relay};
use tokio::net::TcpListener;
use tracing::{error, info, warn};

use crate::hardening::Hardening;
use crate::monitoring::Watched;
use crate::options::{Action, Asked, Options};
use crate::serve::{Open, Patience};
use crate::signals::{HangUps, Signals};
use crate::tls::Tls;

/// The exit code when the relay could not start, or lacks some of its hardening.
const COULD_NOT_START: u8 = 1;
/// How long answers under way may take at the very end.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// The exit code when a worker has panicked.
const WORKER_PANICKED: u8 = 3;

fn main() -> ExitCode {
    let options = match Options::read(std::env::args_os().collect()) {
        Ok(Asked::Run(options)) => *options,
        Ok(Asked::Print(text)) => return print(&text, ExitCode::SUCCESS),
        Err(error) => error.exit(),
    };
    logs::start(&options.watching);
    // Before there is a second thread.
    let hardening = Hardening::apply(&options);
    if options.action == Action::Check {
        let whole = if hardening.is_whole() {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(COULD_NOT_START)
        };
        return print(&hardening.to_string(), whole);
    }
    for measure in hardening.missing() {
        warn!("{measure}");
    }
    if options.hardening.require_hardening && !hardening.is_whole() {
        error!("could not start: all of the hardening is required");
        return ExitCode::from(COULD_NOT_START);
    }

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .on_thread_park(burnchat_relay::wipe_stack)
        .build();
    let ended = runtime.and_then(|runtime| {
        let ended = runtime.block_on(run(&options));
        runtime.shutdown_background();
        ended
    });
    ended.unwrap_or_else(|error| {
        error!("could not start: {error}");
        ExitCode::from(COULD_NOT_START)
    })
}

async fn run(options: &Options) -> io::Result<ExitCode> {
    let mut signals = Signals::listen()?;
    let mut hang_ups = HangUps::listen()?;
    let tls = Tls::start(&options.tls)?;
    let listener = TcpListener::bind(options.listen).await?;
    let config = options.config();
    let patience = Patience::of(&config);
    let relay = match options.sharing.cluster_options()? {
        None => Relay::start(config),
        Some(cluster) => {
            // Of several that are built in.
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
            let cluster = Cluster::connect(&cluster).await.map_err(io::Error::other)?;
            Relay::start_in(&cluster, config)
        }
    };
    let watched = Watched::new(relay.clone());
    if let Some(address) = options.watching.metrics_listen {
        let listener = TcpListener::bind(address).await?;
        say(&format!("metrics on http://{}", listener.local_addr()?))?;
        // Until the very end, so that whoever watches sees it.
        let router = monitoring::router(watched.clone());
        tokio::spawn(async move {
            serve::serve(listener, None, router, patience, &Open::new()).await;
        });
    }
    announce(listener.local_addr()?, tls.is_some(), options.behind_proxy)?;

    let open = Open::new();
    let reloads = async {
        loop {
            hang_ups.next().await;
            if let Some(tls) = &tls {
                tls.reload();
            }
        }
    };
    tokio::select! {
        () = serve::serve(listener, tls.clone(), routes(options, &relay), patience, &open) => {}
        () = reloads => {}
        () = relay.failed() => {
            error!("a worker has panicked: its rooms are gone, and so is this relay");
            return Ok(ExitCode::from(WORKER_PANICKED));
        }
        _ = signals.next() => {}
    }
    // First, so that who reads the log finds it so.
    watched.ends();
    match options.sharing.cluster {
        None => info!("asked to end: burning all rooms"),
        Some(_) => info!("asked to end: handing all rooms to the other relays"),
    }
    let ending = async {
        relay.shutdown().await;
        // What is the last of an event stream is still to be written.
        open.end(LAST_WORDS).await;
    };
    tokio::select! {
        () = ending => Ok(ExitCode::SUCCESS),
        again = signals.next() => Ok(again.exit_code()),
    }
}

/// What the web client does not answer is the relay's.
#[cfg_attr(
    not(feature = "web"),
    expect(unused_variables, reason = "there is nothing to leave out")
)]
fn routes(options: &Options, relay: &Relay) -> Router {
    let relay = relay.router().fallback(burnchat_relay::unknown_path);
    #[cfg(feature = "web")]
    if !options.no_web {
        return burnchat_web::router().fallback_service(relay);
    }
    relay
}

/// Says on standard output where the relay listens: one line, which programs may read.
fn announce(address: SocketAddr, tls: bool, behind_proxy: bool) -> io::Result<()> {
    let scheme = if tls { "https" } else { "http" };
    say(&format!("listening on {scheme}://{address}"))?;
    if !tls && !behind_proxy && !address.ip().to_canonical().is_loopback() {
        warn!("******************************************************************************");
        warn!("This relay listens beyond this machine, and speaks plain HTTP.");
        warn!("On the way, anyone can read the tickets and tokens that open rooms, and what a");
        warn!("browser is sent can be swapped. Use --tls-cert or --acme; or put a proxy with");
        warn!("TLS in front of it, and let it listen on a loopback address. If the way from");
        warn!("the proxy to here is safe, --behind-proxy ends this warning.");
        warn!("******************************************************************************");
    }
    Ok(())
}

/// One line on standard output.
fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Prints what was asked for. That nobody reads it is not an error.
fn print(text: &str, code: ExitCode) -> ExitCode {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    code
}
