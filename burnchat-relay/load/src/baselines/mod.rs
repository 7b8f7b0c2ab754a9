//! What the relay is measured against: broadcasts that know of rooms and of nothing else. No admission, no order over all
//! senders, no limits, no log, no keys, no burning.

mod broadcast;
mod encode_once;
pub(crate) mod node;

use std::io::Write;

use tokio::net::TcpListener;

use crate::Result;

/// Those that are part of this program.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum BuiltIn {
    Axum,
    Fastwebsockets,
}

/// Serves until the process is ended.
pub(crate) fn serve(which: BuiltIn) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        writeln!(std::io::stdout(), "listening on http://{address}")?;
        match which {
            BuiltIn::Axum => broadcast::serve(listener).await?,
            BuiltIn::Fastwebsockets => encode_once::serve(listener).await?,
        }
        Ok(())
    })
}
