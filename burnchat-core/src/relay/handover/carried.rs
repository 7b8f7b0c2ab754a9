//! How the parts of a room are written down for another hub, and read again: strictly, one text for each value.
//!
//! Integers are LEB128 without superfluous bytes; what has a length has it in front; sets and maps are in order. What is
//! read need not be true, only well formed: `None` is anything else, and nothing is allocated for what is not there.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use crate::crypto::SecretBytes;
use crate::ids::{EpochId, ParticipantId, RosterHash, TicketHash};
use crate::limits::FRAME_INTEGER_END;
use crate::relay::{ConnectionId, PeerKey};
use crate::time::Timestamp;
use crate::wire::{Bytes, Role, WhoMayBurn};

/// What can be written down and read again.
pub(in crate::relay) trait Carried: Sized {
    fn put(&self, to: &mut Writer);
    fn take(from: &mut Reader<'_>) -> Option<Self>;
}

/// `Carried`, field by field. A field that is forgotten does not compile.
macro_rules! carried {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::relay::handover::Carried for $name {
            fn put(&self, to: &mut $crate::relay::handover::Writer) {
                let Self { $($field),* } = self;
                $($field.put(to);)*
            }

            fn take(from: &mut $crate::relay::handover::Reader<'_>) -> Option<Self> {
                Some(Self { $($field: $crate::relay::handover::Carried::take(from)?),* })
            }
        }
    };
}
pub(in crate::relay) use carried;

/// `Carried` of what is one thing inside.
macro_rules! carried_inside {
    ($($name:ident),* $(,)?) => {$(
        impl $crate::relay::handover::Carried for $name {
            fn put(&self, to: &mut $crate::relay::handover::Writer) {
                self.0.put(to);
            }

            fn take(from: &mut $crate::relay::handover::Reader<'_>) -> Option<Self> {
                $crate::relay::handover::Carried::take(from).map(Self)
            }
        }
    )*};
}
pub(in crate::relay) use carried_inside;

/// Where it is written. Wiped when dropped, as it says who is in a room.
pub(in crate::relay) struct Writer(SecretBytes);

impl Writer {
    /// Begins a part.
    pub(in crate::relay) fn new(expected: usize) -> Self {
        Self(SecretBytes::with_capacity(expected))
    }

    pub(in crate::relay) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(in crate::relay) fn len(&mut self, len: usize) {
        u64::try_from(len).unwrap_or(u64::MAX).put(self);
    }

    fn list<'a, T: Carried + 'a>(&mut self, items: impl ExactSizeIterator<Item = &'a T>) {
        self.len(items.len());
        items.for_each(|item| item.put(self));
    }

    pub(in crate::relay) fn finish(self) -> SecretBytes {
        self.0
    }
}

/// Where it is read from.
pub(in crate::relay) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(in crate::relay) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(in crate::relay) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    pub(in crate::relay) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// A length: of things that take a byte each at least, so that there can't be more than bytes are left.
    pub(in crate::relay) fn len(&mut self) -> Option<usize> {
        let len = usize::try_from(u64::take(self)?).ok()?;
        (len <= self.0.len()).then_some(len)
    }

    fn list<T: Carried, L: FromIterator<T>>(&mut self) -> Option<L> {
        let len = self.len()?;
        (0..len).map(|_| T::take(self)).collect()
    }

    /// The rest, as it is.
    pub(in crate::relay) fn rest(self) -> &'a [u8] {
        self.0
    }

    /// That nothing is left.
    pub(in crate::relay) fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

impl Carried for u64 {
    fn put(&self, to: &mut Writer) {
        let mut rest = *self;
        while rest >= 0x80 {
            to.bytes(&[rest.to_le_bytes()[0] | 0x80]);
            rest >>= 7;
        }
        to.bytes(&[rest.to_le_bytes()[0]]);
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        let mut value = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = from.byte()?;
            let bits = u64::from(byte & 0x7f);
            value |= bits
                .checked_shl(shift)
                .filter(|moved| moved >> shift == bits)?;
            if byte < 0x80 {
                let superfluous = byte == 0 && shift > 0;
                return (!superfluous).then_some(value);
            }
        }
        None
    }
}

/// A number that is counted up by ones, now and later: it never comes near the end of its type.
#[derive(Clone, Copy)]
pub(in crate::relay) struct Count(pub(in crate::relay) u64);

impl Carried for Count {
    fn put(&self, to: &mut Writer) {
        self.0.put(to);
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        let count = u64::take(from)?;
        (count < FRAME_INTEGER_END).then_some(Self(count))
    }
}

impl Carried for u16 {
    fn put(&self, to: &mut Writer) {
        u64::from(*self).put(to);
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        u64::take(from)?.try_into().ok()
    }
}

impl Carried for u8 {
    fn put(&self, to: &mut Writer) {
        to.bytes(&[*self]);
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        from.byte()
    }
}

impl Carried for usize {
    fn put(&self, to: &mut Writer) {
        to.len(*self);
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        u64::take(from)?.try_into().ok()
    }
}

impl Carried for bool {
    fn put(&self, to: &mut Writer) {
        to.bytes(&[u8::from(*self)]);
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        match from.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

carried_inside!(
    Timestamp,
    ConnectionId,
    ParticipantId,
    EpochId,
    RosterHash,
    TicketHash,
    PeerKey
);

impl Carried for Role {
    fn put(&self, to: &mut Writer) {
        (*self == Self::Creator).put(to);
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        bool::take(from).map(|creator| if creator { Self::Creator } else { Self::Member })
    }
}

impl Carried for WhoMayBurn {
    fn put(&self, to: &mut Writer) {
        (*self == Self::Anyone).put(to);
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        bool::take(from).map(|anyone| if anyone { Self::Anyone } else { Self::Creator })
    }
}

impl<const N: usize> Carried for [u8; N] {
    fn put(&self, to: &mut Writer) {
        to.bytes(self);
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        from.bytes(N)?.try_into().ok()
    }
}

impl<const N: usize> Carried for Bytes<N> {
    fn put(&self, to: &mut Writer) {
        self.0.put(to);
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        Carried::take(from).map(Self)
    }
}

impl<T: Carried> Carried for Option<T> {
    fn put(&self, to: &mut Writer) {
        self.is_some().put(to);
        if let Some(value) = self {
            value.put(to);
        }
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        match bool::take(from)? {
            true => T::take(from).map(Some),
            false => Some(None),
        }
    }
}

impl<T: Carried> Carried for Box<T> {
    fn put(&self, to: &mut Writer) {
        (**self).put(to);
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        T::take(from).map(Self::new)
    }
}

impl<A: Carried, B: Carried> Carried for (A, B) {
    fn put(&self, to: &mut Writer) {
        self.0.put(to);
        self.1.put(to);
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        Some((A::take(from)?, B::take(from)?))
    }
}

impl<T: Carried> Carried for Vec<T> {
    fn put(&self, to: &mut Writer) {
        to.list(self.iter());
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        from.list()
    }
}

impl<T: Carried> Carried for VecDeque<T> {
    fn put(&self, to: &mut Writer) {
        to.list(self.iter());
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        from.list()
    }
}

impl<T: Carried + Ord> Carried for BTreeSet<T> {
    fn put(&self, to: &mut Writer) {
        to.list(self.iter());
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        let len = from.len()?;
        let mut set = Self::new();
        for _ in 0..len {
            let item = T::take(from)?;
            if set.last().is_some_and(|last| *last >= item) {
                return None;
            }
            set.insert(item);
        }
        Some(set)
    }
}

impl<K: Carried + Ord, V: Carried> Carried for BTreeMap<K, V> {
    fn put(&self, to: &mut Writer) {
        to.len(self.len());
        for (key, value) in self {
            key.put(to);
            value.put(to);
        }
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        let len = from.len()?;
        let mut map = Self::new();
        for _ in 0..len {
            let (key, value) = Carried::take(from)?;
            if map.last_key_value().is_some_and(|(last, _)| *last >= key) {
                return None;
            }
            map.insert(key, value);
        }
        Some(map)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn written(value: &impl Carried) -> Vec<u8> {
        let mut writer = Writer::new(0);
        value.put(&mut writer);
        writer.finish().into_vec()
    }

    fn read<T: Carried>(bytes: &[u8]) -> Option<T> {
        let mut reader = Reader::new(bytes);
        let value = T::take(&mut reader)?;
        reader.end().map(|()| value)
    }

    #[test]
    fn integers_have_one_text_each() {
        for value in [0, 1, 127, 128, 300, 1 << 53, u64::MAX - 1, u64::MAX] {
            assert_eq!(read(&written(&value)), Some(value));
        }
        assert_eq!(written(&u64::MAX).len(), 10);
        assert_eq!(read::<u64>(&[0x80, 0]), None, "a byte too many");
        assert_eq!(read::<u64>(&[0xff; 10]), None);
        let mut past = [0xff; 10];
        past[9] = 2;
        assert_eq!(read::<u64>(&past), None, "past the end of the type");
        assert_eq!(read::<u64>(&[0x80]), None);
        assert_eq!(read::<u16>(&written(&65_536u64)), None);
        assert_eq!(read::<bool>(&[2]), None);
        assert!(read::<Count>(&written(&FRAME_INTEGER_END)).is_none());
    }

    #[test]
    fn sets_and_maps_are_in_order_and_have_nothing_twice() {
        let set: BTreeSet<u64> = [3, 7, 9].into();
        assert_eq!(written(&set), [3, 3, 7, 9]);
        assert_eq!(read(&[3, 3, 7, 9]), Some(set));
        assert_eq!(read::<BTreeSet<u64>>(&[2, 7, 7]), None);
        assert_eq!(read::<BTreeSet<u64>>(&[2, 7, 3]), None);
        assert_eq!(read::<BTreeMap<u64, u64>>(&[2, 7, 1, 7, 2]), None);
    }

    #[test]
    fn a_length_is_believed_only_as_far_as_there_are_bytes() {
        let mut bytes = written(&u64::MAX);
        assert_eq!(read::<Vec<u64>>(&bytes), None);
        bytes = vec![5, 1, 2];
        assert_eq!(read::<VecDeque<u64>>(&bytes), None);
        assert_eq!(read::<Vec<u64>>(&[2, 1, 2, 3]), None, "something is left");
    }
}
