use super::*;
use crate::wire::Bytes;

const ANA: ParticipantId = ParticipantId([1; 16]);
const BEN: ParticipantId = ParticipantId([2; 16]);
const CLEO: ParticipantId = ParticipantId([3; 16]);
const NOW: Timestamp = Timestamp(1_000);

fn id(number: u64) -> EpochId {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&number.to_be_bytes());
    EpochId(id)
}

fn hash(number: u8) -> RosterHash {
    RosterHash([number; 32])
}

fn key() -> SessionKey {
    SessionKey::from_secret(crate::crypto::Secret::copy_of(&[7; 32]))
}

/// The epoch of this number and version, with Ana and Ben in it.
fn epoch(number: u64, version: u64) -> Epoch {
    Epoch::new(id(number), version, key(), [ANA, BEN].into_iter(), false)
}

fn offer(version: u64) -> OwnOffer {
    OwnOffer {
        offer: KeyOffer {
            version,
            roster_hash: hash(0),
            prev: EpochId::NONE,
            commit: Bytes([0; 32]),
            sig: Bytes([0; 64]),
            wraps: Vec::new(),
            back: None,
        },
        key: key(),
    }
}

fn people(ids: &[ParticipantId]) -> Option<BTreeSet<ParticipantId>> {
    Some(ids.iter().copied().collect())
}

fn at_first() -> Epochs {
    Epochs::new(EpochId::NONE)
}

#[test]
fn when_the_head_moves_what_belongs_to_later_versions_stays() {
    let mut epochs = at_first();
    for version in 3..=5 {
        epochs.hashes.push_back((version, hash(version as u8)));
        epochs.departures.push((1, version));
        epochs.offers.push(offer(version));
    }
    epochs.advance(NOW, id(4), 4, people(&[ANA, BEN]));
    assert_eq!((epochs.head, epochs.last_keyed_version), (id(4), Some(4)));
    assert_eq!(epochs.hashes, [(5, hash(5))]);
    assert_eq!(epochs.departures, [(1, 5)]);
    let offers: Vec<_> = epochs.offers.iter().map(|own| own.offer.version).collect();
    assert_eq!(offers, [5]);
}

#[test]
fn a_departure_holds_texts_back_only_if_the_newest_key_was_theirs_too() {
    let mut epochs = at_first();
    assert!(!epochs.note_departure(&ANA, 1, 2));
    assert!(!epochs.hold);
    epochs.advance(NOW, id(1), 2, people(&[ANA, BEN]));
    epochs.install(epoch(1, 2));
    assert_eq!(epochs.sending(&ANA), Some(id(1)));

    assert!(!epochs.note_departure(&CLEO, 3, 4));
    assert_eq!(epochs.sending(&ANA), Some(id(1)));
    assert!(epochs.note_departure(&BEN, 1, 5));
    assert_eq!(epochs.sending(&ANA), None);
    // Another who never had the key does not end the hold.
    assert!(!epochs.note_departure(&CLEO, 5, 6));
    assert_eq!(epochs.sending(&ANA), None);
    epochs.advance(NOW, id(2), 6, people(&[ANA]));
    epochs.install(epoch(2, 6));
    assert_eq!(epochs.sending(&ANA), Some(id(2)));
}

#[test]
fn a_version_somebody_has_left_since_is_keyed_no_more() {
    let mut epochs = at_first();
    for version in 1..=5 {
        epochs.hashes.push_back((version, hash(version as u8)));
    }
    epochs.note_departure(&BEN, 2, 4);
    let known: Vec<_> = (0..=6).map(|version| epochs.hash_of(version)).collect();
    assert_eq!(
        known,
        [
            None,
            Some(hash(1)),
            None,
            None,
            Some(hash(4)),
            Some(hash(5)),
            None
        ]
    );
}

#[test]
fn a_new_epoch_ends_those_before_it_if_somebody_of_the_last_is_not_in_it() {
    let mut epochs = at_first();
    epochs.advance(NOW, id(1), 1, people(&[ANA, BEN]));
    epochs.install(epoch(1, 1));
    epochs.note_unopened(id(2), Some(2));
    assert_eq!(epochs.advance(NOW, id(3), 3, people(&[ANA, BEN, CLEO])), []);
    assert!(epochs.get(&id(1)).is_some());
    assert_eq!(
        epochs.advance(NOW, id(4), 4, people(&[ANA, CLEO])),
        [id(1), id(2)]
    );
    assert!(epochs.get(&id(1)).is_none() && epochs.by_version(2).is_none());
    assert!(epochs.has_ended(&id(1)) && epochs.has_ended(&id(2)));
    assert!(!epochs.has_ended(&id(3)));
}

#[test]
fn an_epoch_that_the_relay_never_ends_is_given_up_after_five_minutes() {
    let mut epochs = at_first();
    epochs.install(epoch(1, 1));
    assert_eq!(epochs.next_expiry(), None);
    epochs.advance(NOW, id(2), 2, people(&[ANA, BEN]));
    epochs.install(epoch(2, 2));
    epochs.advance(NOW.plus_millis(10), id(3), 3, people(&[ANA, BEN]));
    let over = NOW.plus_millis(300_000);
    assert_eq!(epochs.next_expiry(), Some(over));
    epochs.expire(Timestamp(over.0 - 1));
    assert!(epochs.get(&id(1)).is_some());
    epochs.expire(over);
    assert!(epochs.get(&id(1)).is_none() && epochs.has_ended(&id(1)));
    assert!(epochs.get(&id(2)).is_some());
    assert_eq!(epochs.next_expiry(), Some(over.plus_millis(10)));
}

#[test]
fn an_epoch_is_found_by_its_version_opened_or_not() {
    let mut epochs = at_first();
    epochs.install(epoch(1, 1));
    epochs.note_unopened(id(2), Some(2));
    epochs.note_unopened(id(3), Some(3));
    epochs.note_unopened(id(4), None);
    let found: Vec<_> = (0..=4).map(|version| epochs.by_version(version)).collect();
    assert_eq!(found, [None, Some(id(1)), Some(id(2)), Some(id(3)), None]);
}

#[test]
fn only_so_many_epochs_are_remembered_that_cannot_be_read() {
    let mut epochs = at_first();
    for number in 0..=256 {
        epochs.note_unopened(id(number), Some(number));
    }
    assert_eq!(epochs.unopened.len(), 256);
    assert_eq!(epochs.by_version(0), None);
    assert_eq!(epochs.by_version(1), Some(id(1)));
    for number in 0..=256 {
        epochs.end(&id(number));
    }
    assert_eq!(epochs.ended.len(), 256);
    assert!(!epochs.has_ended(&id(0)) && epochs.has_ended(&id(1)));
    assert_eq!(epochs.unopened.len(), 0);
}

#[test]
fn ending_one_epoch_leaves_the_others() {
    let mut epochs = at_first();
    for number in 1..=2 {
        epochs.install(epoch(number, number));
        epochs.note_unopened(id(number + 2), Some(number + 2));
    }
    epochs.end(&id(1));
    epochs.end(&id(3));
    assert!(epochs.get(&id(1)).is_none() && epochs.get(&id(2)).is_some());
    assert_eq!(
        (epochs.by_version(3), epochs.by_version(4)),
        (None, Some(id(4)))
    );
    epochs.wipe();
    assert!(epochs.newest().is_none() && epochs.has_ended(&id(2)));
}

#[test]
fn one_sends_in_the_newest_epoch_until_ones_chain_has_ended() {
    let mut epochs = at_first();
    epochs.install(epoch(2, 2));
    epochs.install(epoch(1, 1));
    assert_eq!(epochs.newest().map(|epoch| epoch.id), Some(id(2)));
    assert_eq!(epochs.sending(&CLEO), None);
    for _ in 0..limits::ENVELOPES_PER_EPOCH {
        assert_eq!(epochs.sending(&ANA), Some(id(2)));
        epochs.get_mut(&id(2)).unwrap().take_key(&ANA).unwrap();
    }
    assert_eq!(epochs.sending(&ANA), None);
    assert!(epochs.get_mut(&id(2)).unwrap().take_key(&ANA).is_none());
    assert_eq!(epochs.sending(&BEN), Some(id(2)));
    epochs.get_mut(&id(2)).unwrap().takes_envelopes = false;
    assert_eq!(epochs.sending(&BEN), None);
}

#[test]
fn envelopes_that_cannot_be_read_are_counted_each_sender_by_itself() {
    let mut epochs = at_first();
    epochs.note_unopened(id(1), Some(9));
    epochs.note_unopened(id(2), Some(10));
    // From the epoch's beginning, which this client has seen.
    assert_eq!(epochs.count_unopened(&id(2), ANA, 3), Ok((Some(10), 3)));
    assert_eq!(epochs.count_unopened(&id(2), ANA, 4), Ok((Some(10), 0)));
    assert_eq!(epochs.count_unopened(&id(2), ANA, 4), Err(Code::Replayed));
    assert_eq!(epochs.count_unopened(&id(2), BEN, 0), Ok((Some(10), 0)));
    assert_eq!(epochs.count_unopened(&id(1), ANA, 0), Ok((Some(9), 0)));
    // From the first that is heard, where it began before.
    assert_eq!(epochs.count_unopened(&id(5), ANA, 7), Ok((None, 0)));
    assert_eq!(epochs.count_unopened(&id(5), ANA, 9), Ok((None, 1)));
    assert_eq!(epochs.count_unopened(&id(5), ANA, 8), Err(Code::Replayed));
}

#[test]
fn so_many_versions_without_a_key_are_a_fork() {
    let mut epochs = at_first();
    let room = crate::ids::RoomId([0; 16]);
    let roster = Roster::empty(room, 1, crate::client::roster::Known::default());
    for _ in 0..limits::UNKEYED_VERSIONS {
        assert_eq!(epochs.note_version(&roster), Ok(()));
    }
    assert_eq!(epochs.note_version(&roster), Err(Code::Fork));
}
