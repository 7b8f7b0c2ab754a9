//! The log: on standard error, of this program only.

use std::io;

use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::options::{LogFormat, WatchingOptions};

/// Logs from now on.
pub(crate) fn start(options: &WatchingOptions) {
    // What the libraries below it would log is not ours to vouch for.
    let ours = Targets::new().with_target("burnchat_relay", options.log);
    let to_stderr = layer().with_writer(io::stderr).with_ansi(false);
    let to_stderr = match options.log_format {
        LogFormat::Text => to_stderr.boxed(),
        LogFormat::Json => to_stderr.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry()
        .with(to_stderr)
        .with(ours)
        .init();
}
