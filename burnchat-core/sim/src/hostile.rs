//! Who does not keep to the spec, as far as that takes no keys: frames dropped, repeated, swapped, altered, made up.
//!
//! A hostile relay is whatever stands between an honest hub and the clients: the hub's frames are changed on their way
//! down. A hostile participant is a client whose frames are changed on their way up; the hub is honest to it as to all.

use std::collections::BTreeSet;

use burnchat_core::wire::{ClientFrame, Envelope, RelayFrame};

use crate::insider;
use crate::script::{Draw, Hostility};
use crate::withhold::Withheld;
use crate::world::{Down, World};

/// What hostility needs to remember.
#[derive(Default)]
pub(crate) struct Hostile {
    /// Connections on which nothing passes any more.
    pub(crate) dead: BTreeSet<u64>,
    /// Tricks that wait for the next frame to or from the node.
    armed: Vec<(usize, Trick, u64)>,
    /// Frames seen, for playing again.
    seen: Vec<Vec<u8>>,
    /// A frame held back, to be sent after the next to the same node.
    held: Option<(usize, Vec<u8>)>,
    /// Whether anything has been done yet.
    acted: bool,
    participant: Option<usize>,
    withheld: Option<Withheld>,
}

/// What is done to one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trick {
    Drop,
    Twice,
    Swap,
    Flip,
    CutShort,
    Replay,
    WrapMissing,
    Unknown,
    MadeUp,
    Withhold,
}

const TRICKS: [Trick; 11] = [
    Trick::Drop,
    Trick::Twice,
    Trick::Swap,
    Trick::Flip,
    Trick::CutShort,
    Trick::Replay,
    Trick::WrapMissing,
    Trick::Unknown,
    Trick::MadeUp,
    // The only one that a client cannot see through at once, so more often.
    Trick::Withhold,
    Trick::Withhold,
];

/// How many frames are kept for playing again.
const SEEN: usize = 256;

impl Hostile {
    /// Whether this node is the hostile participant.
    pub(crate) fn is(&self, index: usize) -> bool {
        self.participant == Some(index)
    }

    /// Whether nothing has been done to anyone so far.
    pub(crate) fn harmless(&self) -> bool {
        !self.acted
    }

    /// The next trick for this node that this frame is one for.
    fn take(&mut self, index: usize, frame: &[u8]) -> Option<(Trick, u64)> {
        let is_key = frame.starts_with(br#"{"type":"session_key""#);
        let fits = |trick: Trick| trick != Trick::WrapMissing || is_key;
        let mut armed = self.armed.iter();
        let place = armed.position(|(of, trick, _)| *of == index && fits(*trick))?;
        let (_, trick, number) = self.armed.remove(place);
        Some((trick, number))
    }

    fn remember(&mut self, frame: &[u8]) {
        if self.seen.len() < SEEN {
            self.seen.push(frame.to_vec());
        }
    }
}

/// Whoever is hostile prepares something.
pub(crate) fn prepare(world: &mut World, number: u64) {
    use rand_chacha::rand_core::SeedableRng;
    let mut draw = Draw(rand_chacha::ChaCha8Rng::seed_from_u64(number));
    let trick = TRICKS
        .get(draw.index(TRICKS.len()))
        .copied()
        .unwrap_or(Trick::Drop);
    let index = match world.scene.hostility {
        Hostility::None => return,
        Hostility::Insider => return insider::act(world, number),
        Hostility::Relay => draw.index(world.nodes.len().max(1)),
        // The second to come, so that there is a creator besides.
        Hostility::Participant => 1,
    };
    if world.scene.hostility == Hostility::Participant {
        world.hostile.participant = Some(index);
    }
    let now = world.now;
    world.trace.tell(
        now,
        format_args!("{trick:?} is prepared for a frame of p{index}"),
    );
    if trick == Trick::Withhold {
        let connection = world.nodes.get(index).and_then(|node| node.connection);
        if let (Some(connection), Hostility::Relay) = (connection, world.scene.hostility)
            && world.hostile.withheld.is_none()
        {
            world.hostile.acted = true;
            world.hostile.withheld = Some(Withheld::waiting(index, connection));
        }
        return;
    }
    // What is made up needs no frame to change.
    if trick == Trick::MadeUp && world.scene.hostility == Hostility::Participant {
        let frame = made_up_by_participant(world, &mut draw);
        world.ledger.disturbed_at = world.now;
        // More than a connection may send at once, now and then (section 16).
        let count = if draw.one_in(6) { 300 } else { 1 };
        for _ in 0..count {
            world.send_up(index, frame.clone());
        }
        return;
    }
    // One key that is missing is made good at once: some in a row are needed for the states in between.
    let count = if trick == Trick::WrapMissing { 4 } else { 1 };
    for _ in 0..count {
        world.hostile.armed.push((index, trick, number));
    }
}

/// What becomes of a frame on its way to a client, if it does not arrive as it is.
pub(crate) fn changed_down(
    world: &mut World,
    index: usize,
    connection: u64,
    down: &Down,
) -> Option<Vec<Vec<u8>>> {
    let hostile = &mut world.hostile;
    let frame = &down.bytes;
    match world.scene.hostility {
        Hostility::None | Hostility::Insider => return None,
        // What others are told it can play again as its own.
        Hostility::Participant => {
            hostile.remember(frame);
            return None;
        }
        Hostility::Relay => hostile.remember(frame),
    }
    if let Some(withheld) = &mut hostile.withheld
        && withheld.index == index
    {
        // On another connection the numbers start anew: there is nothing to be had any more.
        let (frames, over) = match withheld.connection == connection {
            true => withheld.pass(frame),
            false => (vec![frame.clone()], true),
        };
        if over {
            hostile.withheld = None;
        }
        return Some(frames);
    }
    let held = hostile.held.take_if(|(of, _)| *of == index);
    let trick = hostile.take(index, frame);
    if held.is_none() && trick.is_none() {
        return None;
    }
    let mut frames = vec![frame.clone()];
    frames.extend(held.map(|(_, held)| held));
    let Some((trick, number)) = trick else {
        return Some(frames);
    };
    hostile.acted = true;
    if trick == Trick::Swap {
        hostile.held = Some((index, frame.clone()));
        return Some(frames.split_off(1));
    }
    frames.extend(apply(hostile, trick, number, &mut frames.clone()));
    if matches!(
        trick,
        Trick::Drop | Trick::Flip | Trick::CutShort | Trick::WrapMissing
    ) {
        frames.remove(0);
    }
    Some(frames)
}

/// What becomes of a frame on its way to the relay.
pub(crate) fn changed_up(world: &mut World, index: usize, frame: &[u8]) -> Vec<Vec<u8>> {
    let hostile = &mut world.hostile;
    if !hostile.is(index) {
        return vec![frame.to_vec()];
    }
    let Some((trick, number)) = hostile.take(index, frame) else {
        return vec![frame.to_vec()];
    };
    hostile.acted = true;
    world.ledger.disturbed_at = world.now;
    let mut frames = vec![frame.to_vec()];
    frames.extend(apply(hostile, trick, number, &mut frames.clone()));
    if matches!(
        trick,
        Trick::Drop | Trick::Flip | Trick::CutShort | Trick::WrapMissing
    ) {
        frames.remove(0);
    }
    frames
}

/// What comes besides, or instead of, the first of these frames.
fn apply(hostile: &Hostile, trick: Trick, number: u64, frames: &mut [Vec<u8>]) -> Option<Vec<u8>> {
    use rand_chacha::rand_core::SeedableRng;
    let mut draw = Draw(rand_chacha::ChaCha8Rng::seed_from_u64(number ^ 1));
    let frame = frames.first_mut()?;
    match trick {
        Trick::Drop | Trick::Swap | Trick::Withhold => None,
        Trick::Twice => Some(std::mem::take(frame)),
        Trick::Flip => {
            let place = draw.index(frame.len());
            let byte = frame.get_mut(place)?;
            // Another letter or digit in its place keeps most frames well formed.
            *byte = u8::try_from(draw.between(48, 122)).unwrap_or(48);
            Some(std::mem::take(frame))
        }
        Trick::CutShort => {
            frame.truncate(draw.index(frame.len()));
            Some(std::mem::take(frame))
        }
        Trick::Replay => hostile.seen.get(draw.index(hostile.seen.len())).cloned(),
        Trick::WrapMissing => {
            let Ok(Some(RelayFrame::SessionKey(mut key))) = RelayFrame::parse(frame) else {
                return Some(std::mem::take(frame));
            };
            key.wrapped = None;
            Some(RelayFrame::SessionKey(key).encode().as_bytes().to_vec())
        }
        Trick::Unknown => Some(br#"{"type":"weather","seq":1}"#.to_vec()),
        Trick::MadeUp => Some(
            draw.pick(&[
                &br#"{"type":"countdown","seconds_remaining":5}"#[..],
                br#"{"type":"countdown","seconds_remaining":100000}"#,
                br#"{"type":"resumed","seq":1,"seconds_remaining":100000}"#,
                br#"{"type":"error","code":"gap"}"#,
                br#"{"type":"error","code":"stale_epoch"}"#,
                br#"{"type":"error","code":"rate_limited","retry_after_ms":1}"#,
                br#"{"type":"history_end","complete":true}"#,
            ])
            .to_vec(),
        ),
    }
}

/// A frame that a participant has no right to send, or not now.
fn made_up_by_participant(world: &World, draw: &mut Draw) -> Vec<u8> {
    let version = draw.below(12);
    match draw.below(6) {
        // An envelope of somebody else, as its own.
        0 => {
            let start = draw.index(world.hostile.seen.len());
            let replayed = world.hostile.seen.iter().skip(start).find_map(|frame| {
                match RelayFrame::parse(frame) {
                    Ok(Some(RelayFrame::Message(logged))) => Some(Envelope {
                        epoch: logged.epoch,
                        n: logged.n,
                        flags: logged.flags,
                        iv: logged.iv,
                        ciphertext: logged.ciphertext,
                        sig: logged.sig,
                    }),
                    _ => None,
                }
            });
            match replayed {
                Some(envelope) => ClientFrame::Message(envelope).encode().as_bytes().to_vec(),
                None => b"{}".to_vec(),
            }
        }
        1 => format!(r#"{{"type":"need_key","version":{version}}}"#).into_bytes(),
        2 => format!(r#"{{"type":"key_declined","version":{version}}}"#).into_bytes(),
        3 => br#"{"type":"lock","locked":true}"#.to_vec(),
        4 => br#"{"type":"extend","seconds":60,"after":0}"#.to_vec(),
        _ => br#"{"type":"join"}"#.to_vec(),
    }
}
