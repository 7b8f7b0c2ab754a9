//! The reference Burnchat relay, as a program. `burnchat-relay --help` says how it is used.

mod options;
mod serve;
mod signals;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use axum::Router;
use burnchat_relay::Relay;
use clap::Parser;
use tokio::net::TcpListener;
use tracing::{error, info, warn};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::options::Options;
use crate::signals::Signals;

/// The exit code when the relay could not start.
const COULD_NOT_START: u8 = 1;
/// The exit code when a worker has panicked.
const WORKER_PANICKED: u8 = 3;

fn main() -> ExitCode {
    let options = Options::parse();
    // Of this program only: what the libraries below it would log is not ours to vouch for.
    let ours = Targets::new().with_target("burnchat_relay", options.log);
    let to_stderr = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(false);
    tracing_subscriber::registry()
        .with(to_stderr)
        .with(ours)
        .init();

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
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
    let listener = TcpListener::bind(options.listen).await?;
    let relay = Relay::start(options.config());
    announce(listener.local_addr()?)?;

    tokio::select! {
        () = serve::serve(listener, routes(options, &relay)) => {}
        () = relay.failed() => {
            error!("a worker has panicked: its rooms are gone, and so is this relay");
            return Ok(ExitCode::from(WORKER_PANICKED));
        }
        _ = signals.next() => info!("asked to end: burning all rooms"),
    }
    tokio::select! {
        () = relay.shutdown() => Ok(ExitCode::SUCCESS),
        again = signals.next() => Ok(again.exit_code()),
    }
}

/// What the web client does not answer is the relay's.
#[cfg_attr(
    not(feature = "web"),
    expect(unused_variables, reason = "there is nothing to leave out")
)]
fn routes(options: &Options, relay: &Relay) -> Router {
    #[cfg(feature = "web")]
    if !options.no_web {
        return burnchat_web::router().fallback_service(relay.router());
    }
    relay.router()
}

/// Says on standard output where the relay listens: one line, which programs may read.
fn announce(address: SocketAddr) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "listening on http://{address}")?;
    out.flush()?;
    if !address.ip().to_canonical().is_loopback() {
        warn!("******************************************************************************");
        warn!("This relay listens beyond this machine, and speaks plain HTTP.");
        warn!("On the way, anyone can read the tickets and tokens that open rooms, and what a");
        warn!("browser is sent can be swapped. Put a proxy with TLS in front of it, and let it");
        warn!("listen on a loopback address.");
        warn!("******************************************************************************");
    }
    Ok(())
}
