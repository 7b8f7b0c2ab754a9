//! Key frames: making them, checking them, and doing without (spec section 7).

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use rand_core::CryptoRng;

use super::{Connection, Context, NeedKey, Session};
use crate::client::Stop;
use crate::client::epochs::{Epoch, OwnOffer};
use crate::client::event::Event;
use crate::crypto::{
    CryptoError, KeyEncryptionKey, PairKey, SessionKey, Signature, epoch_id, sign_key_frame,
    verify_key_frame,
};
use crate::error::Code;
use crate::ids::{EpochId, ParticipantId, RosterHash};
use crate::limits;
use crate::wire::{Back, Bytes, ClientFrame, KeyFrame, KeyOffer, KeyWanted, VersionOnly, Wrap};

impl Session {
    /// The relay asks for a key frame (spec sections 7.1 and 7.2).
    pub(super) fn key_wanted(
        &mut self,
        wanted: KeyWanted,
        cx: &mut Context<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<(), Stop> {
        let keyed = self.epochs.last_keyed_version == Some(wanted.version);
        if wanted.version != self.roster.version() || wanted.head != self.epochs.head || keyed {
            return Err(Stop::Rejoin(Code::Fork));
        }
        if self.history.is_none() && self.others_verified() == 0 {
            cx.send(&ClientFrame::KeyDeclined(VersionOnly {
                version: wanted.version,
            }));
            return Ok(());
        }
        let made =
            |own: &&OwnOffer| own.offer.version == wanted.version && own.offer.prev == wanted.head;
        let offer = match self.epochs.offers.iter().find(made) {
            Some(own) => own.offer.clone(),
            None => {
                let own = self
                    .make_key_frame(cx, rng)
                    .map_err(|_| Stop::refuse(Code::CryptoFailure))?;
                let offer = own.offer.clone();
                self.epochs
                    .offers
                    .retain(|own| own.offer.version != offer.version);
                if self.epochs.offers.len() >= limits::OWN_OFFERS {
                    self.epochs.offers.remove(0);
                }
                self.epochs.offers.push(own);
                offer
            }
        };
        cx.send(&ClientFrame::SessionKey(offer.into()));
        Ok(())
    }

    /// A key frame in the log (spec section 7.4).
    pub(super) fn key_frame(&mut self, frame: KeyFrame, cx: &mut Context<'_>) -> Result<(), Stop> {
        let version = frame.version;
        let in_order = self
            .epochs
            .last_keyed_version
            .is_none_or(|last| version > last);
        if frame.prev != self.epochs.head || !in_order || version > self.roster.version() {
            return Err(Stop::Rejoin(Code::Fork));
        }
        let id = epoch_id(&frame.prev, &frame.roster_hash, &frame.commit.0);
        if let Some(reader) = &mut self.history {
            reader.take_key_frame(id, &frame, &self.roster, &cx.room.keys);
        }
        if version < self.joined_version {
            self.epochs.advance(cx.now, id, version, None);
            self.epochs.note_unopened(id, Some(version));
            return Ok(());
        }
        self.check_key_frame(&id, &frame, cx)?;
        let own = self.own_key(&frame)?;

        let members: BTreeSet<ParticipantId> = self
            .roster
            .members_at(version)
            .map(|entry| entry.id)
            .collect();
        let ended = self.epochs.advance(cx.now, id, version, Some(members));
        self.refuse_envelopes(|sent| ended.contains(&sent.envelope.epoch));
        self.need_key = None;
        match own.map_or_else(|| self.unwrap(&frame, cx), Ok) {
            Ok(key) => self.install(id, version, key, frame.back.as_ref(), cx),
            Err(code) => {
                self.epochs.note_unopened(id, Some(version));
                cx.fault(code, Some(frame.steward));
                self.need_key = Some(NeedKey {
                    version,
                    next_at: cx.now,
                });
                self.repeat_need_key(cx);
                Ok(())
            }
        }
    }

    pub(super) fn repeat_need_key(&mut self, cx: &mut Context<'_>) {
        if let Some(need) = self.need_key.as_mut().filter(|need| cx.now >= need.next_at)
            && self.connection == Connection::Open
        {
            need.next_at = cx.now.plus_millis(limits::NEED_KEY_MILLIS);
            cx.send(&ClientFrame::NeedKey(VersionOnly {
                version: need.version,
            }));
        }
    }

    pub(super) fn report_stalled_rekey(&mut self, cx: &mut Context<'_>) {
        let others = self.others_verified();
        if let Some(unkeyed) = &mut self.unkeyed
            && !unkeyed.reported
            && others > 0
            && cx.now >= unkeyed.since.plus_millis(limits::REKEY_STALLED_MILLIS)
        {
            unkeyed.reported = true;
            cx.event(Event::RekeyStalled);
        }
    }

    fn check_key_frame(
        &self,
        id: &EpochId,
        frame: &KeyFrame,
        cx: &Context<'_>,
    ) -> Result<(), Stop> {
        let fork = Stop::Rejoin(Code::Fork);
        let Some(hash) = self.epochs.hash_of(frame.version) else {
            return Err(fork);
        };
        let steward = self
            .roster
            .members_at(frame.version)
            .find(|entry| entry.id == frame.steward);
        let Some(steward) = steward.filter(|_| hash == frame.roster_hash) else {
            return Err(fork);
        };
        // One whose entry does not even hold keys can't have signed.
        let Some(key) = steward.signing_key() else {
            return Err(fork);
        };
        verify_key_frame(
            &key,
            cx.room.keys.room_id(),
            id,
            &Signature::from_bytes(frame.sig.0),
        )
        .map_err(|_| fork)
    }

    /// The key of a frame this client made itself; `None` for another's.
    fn own_key(&mut self, frame: &KeyFrame) -> Result<Option<SessionKey>, Stop> {
        if frame.steward != self.me.id() {
            return Ok(None);
        }
        let made =
            |own: &OwnOffer| own.offer.prev == frame.prev && own.offer.commit == frame.commit;
        let place = self
            .epochs
            .offers
            .iter()
            .position(made)
            .ok_or(Stop::Rejoin(Code::Fork))?;
        Ok(Some(self.epochs.offers.swap_remove(place).key))
    }

    fn unwrap(&mut self, frame: &KeyFrame, cx: &Context<'_>) -> Result<SessionKey, Code> {
        let wrapped = frame.wrapped.as_ref().ok_or(Code::BadWrap)?;
        let kek = self
            .kek(&frame.roster_hash, &frame.steward, Side::Recipient, cx)
            .map_err(|_| Code::BadWrap)?;
        let key = kek.unwrap(&wrapped.0).map_err(|_| Code::BadWrap)?;
        if key.matches(&frame.commit.0, &frame.roster_hash) {
            Ok(key)
        } else {
            Err(Code::BadWrap)
        }
    }

    fn install(
        &mut self,
        id: EpochId,
        version: u64,
        key: SessionKey,
        back: Option<&Back>,
        cx: &mut Context<'_>,
    ) -> Result<(), Stop> {
        if let Some(reader) = &mut self.history {
            reader.walk_back(&id, &key, back);
        }
        let verified = self
            .roster
            .members_at(version)
            .filter(|entry| entry.is_verified())
            .map(|entry| entry.id);
        let epoch = Epoch::new(id, version, key, verified, self.history.is_some());
        self.epochs.install(epoch);
        self.keyed_at = cx.now;
        if version == self.roster.version() {
            self.unkeyed = None;
        }
        cx.room.rejoins = 0;
        cx.event(Event::Keyed { epoch: id, version });
        self.read_history(cx);
        Ok(())
    }

    fn make_key_frame(
        &mut self,
        cx: &mut Context<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<OwnOffer, CryptoError> {
        let version = self.roster.version();
        let roster_hash = self
            .epochs
            .hash_of(version)
            .unwrap_or_else(|| self.roster.hash());
        let prev = self.epochs.head;
        let key = SessionKey::random(rng);
        let commit = key.commit(&roster_hash);
        let epoch = epoch_id(&prev, &roster_hash, &commit);
        let sig = sign_key_frame(&self.me, cx.room.keys.room_id(), &epoch)?;
        let others: Vec<ParticipantId> = self
            .roster
            .verified()
            .map(|entry| entry.id)
            .filter(|id| *id != self.me.id())
            .collect();
        let mut wraps = Vec::with_capacity(others.len());
        for id in others {
            let kek = self.kek(&roster_hash, &id, Side::Steward, cx)?;
            wraps.push(Wrap {
                id,
                wrapped: Bytes(kek.wrap(&key)),
            });
        }
        let older = self
            .epochs
            .newest()
            .and_then(|older| Some((older.id, older.key.as_ref()?)));
        let back = older.map(|(id, older)| Back {
            epoch: id,
            wrapped: Bytes(key.wrap_back(&epoch, older)),
        });
        let offer = KeyOffer {
            version,
            roster_hash,
            prev,
            commit: Bytes(commit),
            sig: Bytes(*sig.as_bytes()),
            wraps,
            back,
        };
        Ok(OwnOffer { offer, key })
    }

    /// The KEK between this client and another verified participant.
    fn kek(
        &mut self,
        roster_hash: &RosterHash,
        other: &ParticipantId,
        side: Side,
        cx: &Context<'_>,
    ) -> Result<KeyEncryptionKey, CryptoError> {
        if !self.pairs.contains_key(other) {
            let entry = self
                .roster
                .get(other)
                .and_then(|entry| entry.public.as_ref());
            let public = entry.ok_or(CryptoError::BadPublicKey)?;
            let shared = self.me.kem().agree(public.kem())?;
            let pair = PairKey::new(cx.room.keys.wrap_key(), &shared);
            self.pairs.insert(*other, pair);
        }
        let pair = self.pairs.get(other).ok_or(CryptoError::BadPublicKey)?;
        let me = self.me.id();
        Ok(match side {
            Side::Steward => pair.kek(roster_hash, &me, other),
            Side::Recipient => pair.kek(roster_hash, other, &me),
        })
    }
}

/// Which of the two ends of a wrap this client is.
#[derive(Clone, Copy)]
enum Side {
    Steward,
    Recipient,
}
