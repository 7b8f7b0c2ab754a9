//! What the cases of this suite say to a relay, in as few words as it takes.

use std::net::Ipv4Addr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use burnchat_core::time::Timestamp;
use rand_core::{CryptoRng, Rng as _, UnwrapErr};

use super::target::{Peer, Target};
use crate::case::{Outcome, Stop};
use crate::context::Context;

/// The context of a case of this suite.
pub(super) type Cx = Context<Target>;

/// How long to wait for what should come at once.
pub(super) const SOON: Duration = Duration::from_secs(10);
/// How much later than said something may come, on a busy machine at the other end of a network.
pub(super) const LATE: Duration = Duration::from_millis(1_500);

impl Cx {
    /// The peer this case is, or one of its others: no two cases share one, where there are many.
    pub(super) fn peer(&self, which: u8) -> Peer {
        let [.., high, low] = self.number.to_be_bytes();
        // 127.0.0.0/10 is left alone: the relay may live there.
        self.target
            .many_peers
            .then_some(Ipv4Addr::new(127, 64 + which, high, low))
    }

    /// Skips a case that needs several peers where there is but one.
    pub(super) fn needs_many_peers(&self) -> Outcome {
        if self.target.many_peers {
            return Ok(());
        }
        let why =
            "needs several network addresses: run it on the relay's machine, against 127.0.0.1";
        Err(Stop::Skipped(why.to_owned()))
    }
}

/// The client's clock.
pub(super) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp(0) + since.unwrap_or_default()
}

/// The client's randomness.
pub(super) fn rng() -> impl CryptoRng + Send {
    UnwrapErr(getrandom::SysRng)
}

/// Random bytes.
pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rng().fill_bytes(&mut bytes);
    bytes
}

/// Bytes as a frame has them.
pub(super) fn base64(bytes: &[u8]) -> String {
    data_encoding::BASE64URL_NOPAD.encode(bytes)
}
