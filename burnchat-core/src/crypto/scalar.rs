//! Private scalars of P-256, drawn the same way whatever implementation uses them.

use rand_core::CryptoRng;

use super::{CryptoError, Secret};

/// The order of the group, big-endian.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// A draw is refused with probability 2^-32: 64 in a row do not happen to a working generator.
const MAX_DRAWS: usize = 64;

/// Draws 32 bytes until they are, as a big-endian number, a private scalar.
pub(super) fn draw(rng: &mut impl CryptoRng) -> Result<Secret<32>, CryptoError> {
    for _ in 0..MAX_DRAWS {
        let scalar = Secret::random(rng);
        if is_private_scalar(&scalar) {
            return Ok(scalar);
        }
    }
    Err(CryptoError::BadRandomness)
}

/// Checks that a scalar given from outside is one.
pub(super) fn check(scalar: &Secret<32>) -> Result<(), CryptoError> {
    if is_private_scalar(scalar) {
        Ok(())
    } else {
        Err(CryptoError::BadPrivateKey)
    }
}

/// Whether `1 <= scalar < n`, in constant time: subtracts n and looks at the borrow.
fn is_private_scalar(scalar: &Secret<32>) -> bool {
    let mut borrow = 0;
    let mut any_bit = 0;
    for (&byte, &order_byte) in scalar.as_bytes().iter().zip(&ORDER).rev() {
        let difference = u16::from(byte)
            .wrapping_sub(u16::from(order_byte))
            .wrapping_sub(borrow);
        borrow = difference >> 15;
        any_bit |= byte;
    }
    (borrow == 1) & (any_bit != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::test_rng::{Replay, Seeded};

    fn order_plus(offset: i8) -> [u8; 32] {
        let mut bytes = ORDER;
        bytes[31] = bytes[31].wrapping_add_signed(offset);
        bytes
    }

    #[test]
    fn the_range_is_one_to_order_minus_one() {
        let mut one = [0; 32];
        one[31] = 1;
        for (bytes, valid) in [
            ([0; 32], false),
            (one, true),
            (order_plus(-1), true),
            (order_plus(0), false),
            (order_plus(1), false),
            ([0xff; 32], false),
            ([0x7f; 32], true),
        ] {
            assert_eq!(
                is_private_scalar(&Secret::copy_of(&bytes)),
                valid,
                "{bytes:02x?}"
            );
        }
    }

    #[test]
    fn a_scalar_from_outside_is_looked_at_here_whatever_the_backend_does() {
        assert_eq!(
            check(&Secret::copy_of(&order_plus(0))),
            Err(CryptoError::BadPrivateKey)
        );
        assert_eq!(check(&Secret::copy_of(&order_plus(-1))), Ok(()));
    }

    #[test]
    fn a_draw_out_of_range_is_drawn_again() {
        let mut rng = Replay::new([[0; 32], order_plus(0), [5; 32], [6; 32]].concat());
        assert_eq!(draw(&mut rng).unwrap().as_bytes(), &[5; 32]);
        assert_eq!(draw(&mut rng).unwrap().as_bytes(), &[6; 32]);
    }

    #[test]
    fn a_stuck_generator_is_noticed() {
        let mut stuck = Replay::new([0xff; 32 * MAX_DRAWS].to_vec());
        assert_eq!(draw(&mut stuck).err(), Some(CryptoError::BadRandomness));
    }

    #[test]
    fn the_bytes_drawn_are_the_scalar() {
        let drawn = draw(&mut Seeded::new(1)).unwrap();
        let expected = Secret::<32>::random(&mut Seeded::new(1));
        assert!(drawn.ct_eq(&expected));
    }
}
