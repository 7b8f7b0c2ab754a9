//! A participant played by the suite, frame by frame.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use burnchat_core::crypto::{Identity, SessionKey, epoch_id, sign_key_frame};
use burnchat_core::error::Code;
use burnchat_core::ids::{EpochId, ParticipantId};
use burnchat_core::wire::{
    BurnReason, Bytes, Ciphertext, ClientFrame, Envelope, ErrorFrame, Joined, KeyFrame, KeyOffer,
    LoggedEnvelope, RelayFrame, Wrap,
};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::room::{Room, set};
use super::stage::{Cx, SOON, base64, random, rng};
use super::view::{View, id_of};
use super::wire::{Came, Wire};
use crate::case::{Outcome, ensure, ensure_eq, fail};

/// A join that has not been sent.
pub(super) struct Knock {
    pub(super) who: String,
    pub(super) identity: Identity,
    pub(super) frame: Value,
    pub(super) room: Room,
}

/// Somebody in a room.
pub(super) struct Person {
    pub(super) who: String,
    pub(super) identity: Identity,
    pub(super) room: Room,
    pub(super) wire: Wire,
    pub(super) view: View,
    pub(super) joined: Joined,
    pub(super) seat_token: String,
    /// In rooms with history: what was sent of it, and whether it was complete.
    pub(super) history: Vec<RelayFrame>,
    pub(super) complete: Option<bool>,
    /// Countdowns that have come, and when.
    pub(super) countdowns: Vec<(Instant, u64)>,
    /// How many envelopes it has sent in each epoch.
    sent: HashMap<EpochId, u64>,
    /// Frames that were read and not yet asked for.
    read: VecDeque<RelayFrame>,
}

impl Knock {
    /// With another value of a member; null takes it away.
    pub(super) fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        set(&mut self.frame, member, value.into());
        self
    }

    /// Shows only this seat token.
    pub(super) fn with_seat(self, token: &str) -> Self {
        self.with("ticket", Value::Null).with("seat_token", token)
    }

    /// Sends it over a connection of its own, and expects a seat.
    pub(super) async fn enter(self, cx: &Cx) -> Outcome<Person> {
        let wire = Wire::open(cx, &self.who, &self.room.0.name).await?;
        self.enter_over(wire).await
    }

    /// Sends it, and expects a seat.
    pub(super) async fn enter_over(self, mut wire: Wire) -> Outcome<Person> {
        wire.send(&self.frame.to_string()).await;
        let (joined, text) = match wire.receive().await? {
            Came::Frame(frame, text) => match *frame {
                RelayFrame::Joined(joined) => (*joined, text),
                _ => return fail("`joined`", text),
            },
            came => return fail("`joined`", format!("{came:?}")),
        };
        let own = self.identity.id();
        let view = View::of(&joined, self.room.0.id, own)?;
        let entry = joined.participants.last().map(serde_json::to_value);
        let entry = entry.and_then(Result::ok).unwrap_or_default();
        for member in ["kem_pub", "sig_pub", "sealed_name", "join_proof"] {
            ensure(
                entry[member] == self.frame[member],
                format!("one's own `{member}` in `joined`"),
                &entry[member],
            )?;
        }
        let raw: Value = serde_json::from_str(&text).unwrap_or_default();
        let mut person = Person {
            who: self.who,
            identity: self.identity,
            seat_token: raw["seat_token"].as_str().unwrap_or_default().to_owned(),
            room: self.room,
            wire,
            view,
            joined,
            history: Vec::new(),
            complete: None,
            countdowns: Vec::new(),
            sent: HashMap::new(),
            read: VecDeque::new(),
        };
        if person.room.0.history {
            person.read_history().await?;
        }
        Ok(person)
    }

    /// Sends it over a connection of its own, and expects to be refused.
    pub(super) async fn refused(self, cx: &Cx, code: Code) -> Outcome<ErrorFrame> {
        let mut wire = Wire::open(cx, &self.who, &self.room.0.name).await?;
        wire.send(&self.frame.to_string()).await;
        wire.expect_refusal(code).await
    }
}

impl Person {
    pub(super) fn id(&self) -> ParticipantId {
        self.identity.id()
    }

    /// Sends a frame made by hand.
    pub(super) async fn send(&mut self, frame: &Value) {
        self.wire.send(&frame.to_string()).await;
    }

    /// The next frame but countdowns, which are noted. Fails where the connection ends.
    pub(super) async fn next(&mut self) -> Outcome<RelayFrame> {
        self.next_within(SOON).await
    }

    pub(super) async fn next_within(&mut self, patience: Duration) -> Outcome<RelayFrame> {
        if let Some(frame) = self.read.pop_front() {
            return Ok(frame);
        }
        let deadline = Instant::now() + patience;
        loop {
            match self.wire.next(deadline - Instant::now()).await? {
                Came::Ping => {}
                Came::Frame(frame, text) => {
                    self.view.see(&frame, &text)?;
                    if let RelayFrame::Countdown(countdown) = &*frame {
                        let left = countdown.seconds_remaining;
                        self.countdowns.push((Instant::now(), left));
                        continue;
                    }
                    return Ok(*frame);
                }
                came => {
                    return fail(
                        format!("a frame for {}", self.who),
                        format!("the end of its connection: {came:?}"),
                    );
                }
            }
        }
    }

    /// Reads until `wanted` finds what it wants; what comes before is passed over.
    pub(super) async fn until<V>(
        &mut self,
        what: &str,
        wanted: impl FnMut(&RelayFrame) -> Option<V>,
    ) -> Outcome<V> {
        self.until_within(SOON, what, wanted).await
    }

    pub(super) async fn until_within<V>(
        &mut self,
        patience: Duration,
        what: &str,
        mut wanted: impl FnMut(&RelayFrame) -> Option<V>,
    ) -> Outcome<V> {
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline - Instant::now();
            if left.is_zero() {
                return fail(format!("{what} for {}", self.who), "other frames only");
            }
            let frame = match self.next_within(left).await {
                Err(crate::case::Stop::Fail { got, .. }) if got.starts_with("nothing in") => {
                    let waited = patience.as_secs_f64();
                    return fail(
                        format!("{what} for {}", self.who),
                        format!("nothing of the kind in {waited:.1} s"),
                    );
                }
                frame => frame?,
            };
            if let Some(found) = wanted(&frame) {
                return Ok(found);
            }
        }
    }

    /// Everything that comes in this time.
    pub(super) async fn listen_for(&mut self, time: Duration) -> Outcome<Vec<RelayFrame>> {
        let deadline = Instant::now() + time;
        let mut frames: Vec<RelayFrame> = self.read.drain(..).collect();
        loop {
            let left = deadline - Instant::now();
            if left.is_zero() {
                return Ok(frames);
            }
            match tokio::time::timeout(left, self.next_within(SOON + time)).await {
                Ok(frame) => frames.push(frame?),
                Err(_) => return Ok(frames),
            }
        }
    }

    /// Everything the relay has for this participant until it has looked at all that was sent before: a command that
    /// can only be refused is sent after it, and its answer waited for. Nothing depends on time.
    pub(super) async fn settle(&mut self) -> Outcome<Vec<RelayFrame>> {
        let nobody = base64(&random::<16>());
        self.send(&json!({"type": "kick", "id": nobody})).await;
        let mut frames = Vec::new();
        loop {
            match self.next().await? {
                RelayFrame::Error(error)
                    if matches!(error.code, Code::NotCreator | Code::UnknownParticipant) =>
                {
                    return Ok(frames);
                }
                frame => frames.push(frame),
            }
        }
    }

    /// Settles, and expects that nothing of the sort has come.
    pub(super) async fn expect_none(
        &mut self,
        what: &str,
        unwanted: impl Fn(&RelayFrame) -> bool,
    ) -> Outcome {
        for frame in self.settle().await? {
            ensure(
                !unwanted(&frame),
                format!("no {what} for {}", self.who),
                format!("{frame:?}"),
            )?;
        }
        Ok(())
    }

    /// Expects this error; entries before it are passed over.
    pub(super) async fn expect_error(&mut self, code: Code) -> Outcome<ErrorFrame> {
        let what = format!("the error {}", code.name());
        let error = self
            .until(&what, |frame| match frame {
                RelayFrame::Error(error) => Some(*error),
                _ => None,
            })
            .await?;
        ensure_eq("the error", error.code.name(), code.name())?;
        Ok(error)
    }

    /// Expects this error and the close that comes after it.
    pub(super) async fn expect_closed(&mut self, code: Code) -> Outcome {
        self.expect_error(code).await?;
        self.wire.expect_close(1008).await
    }

    /// Expects `destroyed` with this reason, and then a close with 1000 and nothing between.
    pub(super) async fn expect_burn(&mut self, reason: BurnReason) -> Outcome {
        self.expect_burn_within(SOON, reason).await
    }

    pub(super) async fn expect_burn_within(
        &mut self,
        patience: Duration,
        reason: BurnReason,
    ) -> Outcome {
        let told = self
            .until_within(patience, "`destroyed`", |frame| match frame {
                RelayFrame::Destroyed(destroyed) => Some(destroyed.reason),
                _ => None,
            })
            .await?;
        ensure_eq("the reason of `destroyed`", told, reason)?;
        self.wire.expect_close(1000).await
    }

    /// Waits to be asked for a key of the newest version.
    pub(super) async fn until_asked(&mut self) -> Outcome<u64> {
        self.until("`key_wanted`", |frame| match frame {
            RelayFrame::KeyWanted(wanted) => Some(wanted.version),
            _ => None,
        })
        .await
    }

    /// Waits to be asked, makes a key, and reads it back.
    pub(super) async fn make_key(&mut self) -> Outcome<KeyFrame> {
        let version = self.until_asked().await?;
        self.offer_key(version).await
    }

    /// Sends a key frame for this version, and reads it back.
    pub(super) async fn offer_key(&mut self, version: u64) -> Outcome<KeyFrame> {
        let offer = self.offer(version)?;
        self.send_offer(offer).await;
        let own = self.id();
        let frame = self
            .until("its own key frame", |frame| match frame {
                RelayFrame::SessionKey(frame) => Some((**frame).clone()),
                _ => None,
            })
            .await?;
        ensure_eq("the steward", frame.steward, own)?;
        ensure_eq("the version of the key frame", frame.version, version)?;
        Ok(frame)
    }

    pub(super) async fn send_offer(&mut self, offer: KeyOffer) {
        let frame = ClientFrame::SessionKey(Box::new(offer)).encode();
        self.wire.send(frame.as_str()).await;
    }

    /// A key frame for a version this participant has seen, on its head. The wraps are random: no relay can tell.
    pub(super) fn offer(&self, version: u64) -> Outcome<KeyOffer> {
        let Some(roster_hash) = self.view.hash_of(version) else {
            return fail("a version that has been seen", version.to_string());
        };
        let commit = SessionKey::random(&mut rng()).commit(&roster_hash);
        let mut offer = KeyOffer {
            version,
            roster_hash,
            prev: self.view.head,
            commit: Bytes(commit),
            sig: Bytes([0; 64]),
            wraps: Vec::new(),
            back: None,
        };
        for entry in self.view.roster_of(version) {
            let id = id_of(entry);
            if id != self.id() {
                offer.wraps.push(Wrap {
                    id,
                    wrapped: Bytes(random()),
                });
            }
        }
        self.sign(&mut offer)?;
        Ok(offer)
    }

    /// Signs an offer that has been changed.
    pub(super) fn sign(&self, offer: &mut KeyOffer) -> Outcome {
        let epoch = epoch_id(&offer.prev, &offer.roster_hash, &offer.commit.0);
        match sign_key_frame(&self.identity, &self.room.0.id, &epoch) {
            Ok(sig) => {
                offer.sig = Bytes(*sig.as_bytes());
                Ok(())
            }
            Err(error) => fail("the suite's own cryptography to work", error.to_string()),
        }
    }

    /// Reads until this version is keyed.
    pub(super) async fn until_keyed(&mut self, version: u64) -> Outcome<KeyFrame> {
        let what = format!("the key frame of version {version}");
        self.until(&what, |frame| match frame {
            RelayFrame::SessionKey(frame) if frame.version == version => Some((**frame).clone()),
            _ => None,
        })
        .await
    }

    /// The newest epoch it has seen begin.
    pub(super) fn epoch(&self) -> Outcome<EpochId> {
        match self.view.epochs.last() {
            Some((_, epoch)) => Ok(*epoch),
            None => fail("an epoch", "none yet"),
        }
    }

    /// Its next envelope in the newest epoch; what is in it no relay can tell.
    pub(super) fn envelope(&mut self) -> Outcome<Envelope> {
        let epoch = self.epoch()?;
        let sent = self.sent.entry(epoch).or_default();
        *sent += 1;
        Ok(envelope_in(epoch, *sent - 1, 80))
    }

    pub(super) async fn send_envelope(&mut self, envelope: &Envelope) {
        let frame = ClientFrame::Message(envelope.clone()).encode();
        self.wire.send(frame.as_str()).await;
    }

    /// Sends its next envelope.
    pub(super) async fn speak(&mut self) -> Outcome<Envelope> {
        let envelope = self.envelope()?;
        self.send_envelope(&envelope).await;
        Ok(envelope)
    }

    /// Sends its next envelope and reads it back: it has been accepted.
    pub(super) async fn say(&mut self) -> Outcome<LoggedEnvelope> {
        let envelope = self.speak().await?;
        let logged = self.until_message_of(self.id()).await?;
        ensure_eq(
            "one's own envelope",
            logged.clone().into_envelope(),
            envelope,
        )?;
        Ok(logged)
    }

    pub(super) async fn until_message_of(
        &mut self,
        sender: ParticipantId,
    ) -> Outcome<LoggedEnvelope> {
        let own = self.id() == sender;
        let what = if own {
            "one's own envelope in the log"
        } else {
            "somebody's envelope"
        };
        let found = self
            .until(what, |frame| match frame {
                RelayFrame::Message(message) if message.sender == sender => {
                    Some(Ok(message.clone()))
                }
                RelayFrame::Error(error) if own && error.n.is_some() => Some(Err(*error)),
                _ => None,
            })
            .await?;
        found.or_else(|error| fail(what, format!("the error {}", error.code.name())))
    }

    /// Waits for somebody to leave.
    pub(super) async fn until_left(
        &mut self,
        patience: Duration,
        id: ParticipantId,
    ) -> Outcome<burnchat_core::wire::Departure> {
        self.until_within(patience, "`participant_left`", |frame| match frame {
            RelayFrame::ParticipantLeft(left) if left.id == id => Some(left.reason),
            _ => None,
        })
        .await
    }

    /// Waits for somebody to join.
    pub(super) async fn until_joined(
        &mut self,
        id: ParticipantId,
    ) -> Outcome<burnchat_core::wire::ParticipantJoined> {
        self.until("`participant_joined`", |frame| match frame {
            RelayFrame::ParticipantJoined(joined) if id_of(&joined.participant) == id => {
                Some((**joined).clone())
            }
            _ => None,
        })
        .await
    }

    /// Gives its connection up for a new one, and resumes; the entries it had missed.
    pub(super) async fn resume(&mut self, cx: &Cx) -> Outcome<Vec<RelayFrame>> {
        self.wire = self.resuming(cx, self.view.seq).await?;
        self.until_resumed().await
    }

    /// Sends a resume over a new connection, from this entry.
    pub(super) async fn resuming(&self, cx: &Cx, seq: u64) -> Outcome<Wire> {
        let mut wire = Wire::open(cx, &self.who, &self.room.0.name).await?;
        let frame = json!({"type": "resume", "seat_token": self.seat_token, "seq": seq});
        wire.send(&frame.to_string()).await;
        Ok(wire)
    }

    /// Reads until `resumed`, which must name the last entry.
    pub(super) async fn until_resumed(&mut self) -> Outcome<Vec<RelayFrame>> {
        let mut missed = Vec::new();
        loop {
            match self.next().await? {
                RelayFrame::Resumed(resumed) => {
                    ensure_eq("`seq` of `resumed`", resumed.seq, self.view.seq)?;
                    return Ok(missed);
                }
                frame => {
                    ensure(
                        frame.seq().is_some(),
                        "entries, and then `resumed`",
                        format!("{frame:?}"),
                    )?;
                    missed.push(frame);
                }
            }
        }
    }

    /// Sends a resume from this entry, and expects to be refused.
    pub(super) async fn resume_refused(&self, cx: &Cx, seq: u64, code: Code) -> Outcome {
        let mut wire = self.resuming(cx, seq).await?;
        wire.expect_refusal(code).await.map(drop)
    }

    /// What comes after `joined` in a room with history.
    async fn read_history(&mut self) -> Outcome {
        loop {
            let (frame, text) = match self.wire.receive().await? {
                Came::Frame(frame, text) => (*frame, text),
                came => return fail("the history", format!("{came:?}")),
            };
            match &frame {
                RelayFrame::HistoryEnd(end) => {
                    self.complete = Some(end.complete);
                    return Ok(());
                }
                RelayFrame::Countdown(_) => {}
                // What happens meanwhile is of the log, and not of the history.
                frame if frame.seq().is_none_or(|seq| seq > self.view.seq) => {
                    self.view.see(frame, &text)?;
                    self.read.push_back(frame_of(&text)?);
                }
                _ => self.history.push(frame),
            }
        }
    }
}

/// An envelope with a ciphertext of this length.
pub(super) fn envelope_in(epoch: EpochId, n: u64, bytes: usize) -> Envelope {
    let mut ciphertext = vec![0; bytes];
    rand_core::Rng::fill_bytes(&mut rng(), &mut ciphertext);
    Envelope {
        epoch,
        n,
        flags: 0,
        iv: Bytes(random()),
        ciphertext: Ciphertext(ciphertext),
        sig: Bytes(random()),
    }
}

fn frame_of(text: &str) -> Outcome<RelayFrame> {
    match RelayFrame::parse(text.as_bytes()) {
        Ok(Some(frame)) => Ok(frame),
        _ => fail("a frame of section 13.3", text),
    }
}
