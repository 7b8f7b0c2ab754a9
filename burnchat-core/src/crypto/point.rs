//! The one encoding of a P-256 public key.

use core::fmt;

use super::CryptoError;

/// Length of a public key in bytes: 0x04, x, y.
pub const PUBLIC_KEY_LEN: usize = 65;

const UNCOMPRESSED: u8 = 0x04;

/// Length and first byte. Compressed, hybrid and empty points end here, before a curve
/// implementation that might be willing to read them gets to see them.
pub(super) fn uncompressed(bytes: &[u8]) -> Result<[u8; PUBLIC_KEY_LEN], CryptoError> {
    let encoded: [u8; PUBLIC_KEY_LEN] = bytes.try_into().map_err(|_| CryptoError::BadPublicKey)?;
    if let [UNCOMPRESSED, ..] = encoded {
        Ok(encoded)
    } else {
        Err(CryptoError::BadPublicKey)
    }
}

/// Prints the first bytes of x: enough to tell keys apart.
pub(super) fn fmt_short(
    name: &str,
    encoded: &[u8; PUBLIC_KEY_LEN],
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    write!(f, "{name}(")?;
    for byte in encoded.iter().skip(1).take(4) {
        write!(f, "{byte:02x}")?;
    }
    f.write_str("..)")
}
