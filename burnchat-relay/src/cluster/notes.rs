//! What the workers of a cluster say to one another.

use axum::body::Bytes;
use burnchat_core::crypto::{Secret, SecretBytes};
use burnchat_core::error::Code;
use burnchat_core::ids::RoomId;
use burnchat_core::relay::{CloseCode, ConnectionId, PeerKey, Refusal};
use burnchat_core::wire::http::RoomInfo;

use super::seam::Member;

/// One note.
pub(crate) enum Note {
    // From where somebody is connected to where the room is.
    /// A connection asks for a room.
    Connect {
        connection: ConnectionId,
        peer: PeerKey,
        room: RoomId,
    },
    /// A frame of it.
    Frame {
        connection: ConnectionId,
        room: RoomId,
        frame: Bytes,
    },
    /// It has ended: cleanly or not.
    Gone {
        connection: ConnectionId,
        room: RoomId,
        clean: bool,
    },
    /// A request that wants an answer.
    Ask {
        from: Member,
        number: u64,
        room: RoomId,
        what: Asked,
    },
    // And back.
    /// What a step led to, in order.
    Said(Vec<Item>),
    /// The answer to a request.
    Answer { number: u64, answer: Answer },
    /// The room is not there any more: whoever wants it is to look for it.
    NotMine { from: Member, room: RoomId },
    // To oneself.
    /// Everything that was said before this has arrived.
    Sync { room: RoomId },
}

/// What is asked of a room from outside.
pub(crate) enum Asked {
    Info {
        ticket: Secret<16>,
    },
    Burn {
        creator_token: Secret<32>,
    },
    TakeDown,
    Leave {
        seat_token: Secret<32>,
    },
    /// Which connection has this seat.
    Holder {
        seat_token: Secret<32>,
    },
    /// A frame of the session whose connection this is, or a sign of life of it.
    Post {
        holder: ConnectionId,
        seat_token: Secret<32>,
        frame: Bytes,
    },
    /// What waits for the session's first event stream.
    Claim {
        holder: ConnectionId,
        seat_token: Secret<32>,
    },
}

/// What is answered.
pub(crate) enum Answer {
    Info(Result<RoomInfo, Refusal>),
    Done(Result<(), Refusal>),
    TakenDown(bool),
    Holder(Option<ConnectionId>),
    /// Whether there is such a session.
    Posted(bool),
    Claimed(Option<Waited>),
}

/// What has waited for an event stream.
pub(crate) struct Waited {
    /// The last entry of the log that came before it.
    pub(crate) seen: u64,
    pub(crate) frames: Vec<Bytes>,
}

/// One thing for connections of the member it is said to.
pub(crate) enum Item {
    Send {
        to: Vec<ConnectionId>,
        frame: Bytes,
    },
    Close {
        connection: ConnectionId,
        code: CloseCode,
    },
    /// So many more of its frames have been looked at, and what they led to is kept.
    Taken {
        connection: ConnectionId,
        frames: u64,
    },
}

/// Notes to one member, in order.
pub(crate) struct Words(SecretBytes);

impl Default for Words {
    fn default() -> Self {
        Self(SecretBytes::with_capacity(256))
    }
}

impl Words {
    pub(crate) fn add(&mut self, note: &Note) {
        let note = note.encode();
        let len = note.as_slice().len() as u64;
        self.0.extend_from_slice(&len.to_be_bytes());
        self.0.extend_from_slice(note.as_slice());
    }

    /// The others come after these.
    pub(crate) fn append(&mut self, others: &Self) {
        self.0.extend_from_slice(others.0.as_slice());
    }

    pub(crate) fn into_bytes(self) -> SecretBytes {
        self.0
    }

    /// The notes, if all of it is such.
    pub(crate) fn read(bytes: &[u8]) -> Option<Vec<Note>> {
        let mut from = Reader(bytes);
        let mut notes = Vec::new();
        while !from.0.is_empty() {
            notes.push(Note::decode(from.bytes()?)?);
        }
        Some(notes)
    }
}

struct Writer(SecretBytes);

impl Writer {
    fn byte(&mut self, byte: u8) {
        self.0.extend_from_slice(&[byte]);
    }

    fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_be_bytes());
    }

    fn fixed(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.fixed(bytes);
    }

    fn refusal(&mut self, refusal: &Refusal) {
        self.bytes(refusal.code.name().as_bytes());
        self.optional(refusal.retry_after_ms);
        self.optional(refusal.attempts_left);
    }

    fn optional(&mut self, number: Option<u64>) {
        self.byte(number.is_some().into());
        self.number(number.unwrap_or(0));
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    fn fixed<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.fixed::<1>().map(|[byte]| byte)
    }

    fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn number(&mut self) -> Option<u64> {
        self.fixed().map(u64::from_be_bytes)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.number()?).ok()?;
        self.take(len)
    }

    /// How many of something that takes at least a byte each.
    fn count(&mut self) -> Option<usize> {
        let count = usize::try_from(self.number()?).ok()?;
        (count <= self.0.len()).then_some(count)
    }

    fn optional(&mut self) -> Option<Option<u64>> {
        let there = self.flag()?;
        let number = self.number()?;
        Some(there.then_some(number))
    }

    fn room(&mut self) -> Option<RoomId> {
        self.fixed().map(RoomId)
    }

    fn connection(&mut self) -> Option<ConnectionId> {
        self.number().map(ConnectionId)
    }

    fn secret<const N: usize>(&mut self) -> Option<Secret<N>> {
        let bytes: &[u8; N] = self.take(N)?.try_into().ok()?;
        Some(Secret::copy_of(bytes))
    }

    fn frame(&mut self) -> Option<Bytes> {
        /// Wiped with the last who holds it.
        struct Held(SecretBytes);

        impl AsRef<[u8]> for Held {
            fn as_ref(&self) -> &[u8] {
                self.0.as_slice()
            }
        }

        let bytes = self.bytes()?;
        Some(Bytes::from_owner(Held(SecretBytes::copy_of(bytes))))
    }

    fn refusal(&mut self) -> Option<Refusal> {
        let name = std::str::from_utf8(self.bytes()?).ok()?;
        Some(Refusal {
            code: Code::from_name(name)?,
            retry_after_ms: self.optional()?,
            attempts_left: self.optional()?,
        })
    }
}

impl Note {
    /// The room it asks for.
    pub(crate) fn of_room(&self) -> Option<RoomId> {
        match self {
            Self::Connect { room, .. }
            | Self::Frame { room, .. }
            | Self::Gone { room, .. }
            | Self::Ask { room, .. } => Some(*room),
            Self::Said(_) | Self::Answer { .. } | Self::NotMine { .. } | Self::Sync { .. } => None,
        }
    }

    pub(crate) fn encode(&self) -> SecretBytes {
        let mut to = Writer(SecretBytes::with_capacity(256));
        match self {
            Self::Connect {
                connection,
                peer,
                room,
            } => {
                to.byte(0);
                to.number(connection.0);
                to.fixed(&peer.0);
                to.fixed(&room.0);
            }
            Self::Frame {
                connection,
                room,
                frame,
            } => {
                to.byte(1);
                to.number(connection.0);
                to.fixed(&room.0);
                to.bytes(frame);
            }
            Self::Gone {
                connection,
                room,
                clean,
            } => {
                to.byte(2);
                to.number(connection.0);
                to.fixed(&room.0);
                to.byte((*clean).into());
            }
            Self::Ask {
                from,
                number,
                room,
                what,
            } => {
                to.byte(3);
                to.number(*from);
                to.number(*number);
                to.fixed(&room.0);
                what.put(&mut to);
            }
            Self::Said(items) => {
                to.byte(4);
                to.number(items.len() as u64);
                items.iter().for_each(|item| item.put(&mut to));
            }
            Self::Answer { number, answer } => {
                to.byte(5);
                to.number(*number);
                answer.put(&mut to);
            }
            Self::NotMine { from, room } => {
                to.byte(6);
                to.number(*from);
                to.fixed(&room.0);
            }
            Self::Sync { room } => {
                to.byte(7);
                to.fixed(&room.0);
            }
        }
        to.0
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut from = Reader(bytes);
        let note = match from.byte()? {
            0 => Self::Connect {
                connection: from.connection()?,
                peer: PeerKey(from.fixed()?),
                room: from.room()?,
            },
            1 => Self::Frame {
                connection: from.connection()?,
                room: from.room()?,
                frame: from.frame()?,
            },
            2 => Self::Gone {
                connection: from.connection()?,
                room: from.room()?,
                clean: from.flag()?,
            },
            3 => Self::Ask {
                from: from.number()?,
                number: from.number()?,
                room: from.room()?,
                what: Asked::take(&mut from)?,
            },
            4 => {
                let count = from.count()?;
                let items = (0..count).map(|_| Item::take(&mut from));
                Self::Said(items.collect::<Option<_>>()?)
            }
            5 => Self::Answer {
                number: from.number()?,
                answer: Answer::take(&mut from)?,
            },
            6 => Self::NotMine {
                from: from.number()?,
                room: from.room()?,
            },
            7 => Self::Sync { room: from.room()? },
            _ => return None,
        };
        from.0.is_empty().then_some(note)
    }
}

impl Asked {
    /// The connection whose member is to answer, where it is not the room's owner.
    pub(crate) fn holder(&self) -> Option<ConnectionId> {
        match self {
            Self::Post { holder, .. } | Self::Claim { holder, .. } => Some(*holder),
            _ => None,
        }
    }

    /// What is answered where there is no such session; `None` if it is not for one.
    pub(crate) fn of_no_session(&self) -> Option<Answer> {
        match self {
            Self::Post { .. } => Some(Answer::Posted(false)),
            Self::Claim { .. } => Some(Answer::Claimed(None)),
            _ => None,
        }
    }

    fn put(&self, to: &mut Writer) {
        match self {
            Self::Info { ticket } => {
                to.byte(0);
                to.fixed(ticket.as_bytes());
            }
            Self::Burn { creator_token } => {
                to.byte(1);
                to.fixed(creator_token.as_bytes());
            }
            Self::TakeDown => to.byte(2),
            Self::Leave { seat_token } => {
                to.byte(3);
                to.fixed(seat_token.as_bytes());
            }
            Self::Holder { seat_token } => {
                to.byte(4);
                to.fixed(seat_token.as_bytes());
            }
            Self::Post {
                holder,
                seat_token,
                frame,
            } => {
                to.byte(5);
                to.number(holder.0);
                to.fixed(seat_token.as_bytes());
                to.bytes(frame);
            }
            Self::Claim { holder, seat_token } => {
                to.byte(6);
                to.number(holder.0);
                to.fixed(seat_token.as_bytes());
            }
        }
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        Some(match from.byte()? {
            0 => Self::Info {
                ticket: from.secret()?,
            },
            1 => Self::Burn {
                creator_token: from.secret()?,
            },
            2 => Self::TakeDown,
            3 => Self::Leave {
                seat_token: from.secret()?,
            },
            4 => Self::Holder {
                seat_token: from.secret()?,
            },
            5 => Self::Post {
                holder: from.connection()?,
                seat_token: from.secret()?,
                frame: from.frame()?,
            },
            6 => Self::Claim {
                holder: from.connection()?,
                seat_token: from.secret()?,
            },
            _ => return None,
        })
    }
}

impl Answer {
    fn put(&self, to: &mut Writer) {
        match self {
            Self::Info(Ok(info)) => {
                to.byte(0);
                to.bytes(info.encode().as_bytes());
            }
            Self::Info(Err(refusal)) => {
                to.byte(1);
                to.refusal(refusal);
            }
            Self::Done(Ok(())) => to.byte(2),
            Self::Done(Err(refusal)) => {
                to.byte(3);
                to.refusal(refusal);
            }
            Self::TakenDown(there) => {
                to.byte(4);
                to.byte((*there).into());
            }
            Self::Holder(holder) => {
                to.byte(5);
                to.optional(holder.map(|ConnectionId(number)| number));
            }
            Self::Posted(there) => {
                to.byte(6);
                to.byte((*there).into());
            }
            Self::Claimed(None) => to.byte(7),
            Self::Claimed(Some(Waited { seen, frames })) => {
                to.byte(8);
                to.number(*seen);
                to.number(frames.len() as u64);
                frames.iter().for_each(|frame| to.bytes(frame));
            }
        }
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        Some(match from.byte()? {
            0 => Self::Info(Ok(RoomInfo::parse(from.bytes()?).ok()?)),
            1 => Self::Info(Err(from.refusal()?)),
            2 => Self::Done(Ok(())),
            3 => Self::Done(Err(from.refusal()?)),
            4 => Self::TakenDown(from.flag()?),
            5 => Self::Holder(from.optional()?.map(ConnectionId)),
            6 => Self::Posted(from.flag()?),
            7 => Self::Claimed(None),
            8 => {
                let seen = from.number()?;
                let count = from.count()?;
                let frames = (0..count).map(|_| from.frame());
                Self::Claimed(Some(Waited {
                    seen,
                    frames: frames.collect::<Option<_>>()?,
                }))
            }
            _ => return None,
        })
    }
}

impl Item {
    fn put(&self, to: &mut Writer) {
        match self {
            Self::Send { to: whom, frame } => {
                to.byte(0);
                to.number(whom.len() as u64);
                whom.iter().for_each(|connection| to.number(connection.0));
                to.bytes(frame);
            }
            Self::Close { connection, code } => {
                to.byte(1);
                to.number(connection.0);
                to.byte(match code {
                    CloseCode::Normal => 0,
                    CloseCode::Policy => 1,
                    CloseCode::TryAgainLater => 2,
                    CloseCode::Idle => 3,
                });
            }
            Self::Taken { connection, frames } => {
                to.byte(2);
                to.number(connection.0);
                to.number(*frames);
            }
        }
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        Some(match from.byte()? {
            0 => {
                let count = from.count()?;
                let to = (0..count).map(|_| from.connection());
                Self::Send {
                    to: to.collect::<Option<_>>()?,
                    frame: from.frame()?,
                }
            }
            1 => Self::Close {
                connection: from.connection()?,
                code: match from.byte()? {
                    0 => CloseCode::Normal,
                    1 => CloseCode::Policy,
                    2 => CloseCode::TryAgainLater,
                    3 => CloseCode::Idle,
                    _ => return None,
                },
            },
            2 => Self::Taken {
                connection: from.connection()?,
                frames: from.number()?,
            },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notes() -> Vec<Note> {
        let (connection, room) = (ConnectionId(7), RoomId([3; 16]));
        let ask = |what| Note::Ask {
            from: 2,
            number: 9,
            room,
            what,
        };
        let answer = |answer| Note::Answer { number: 9, answer };
        let refusal = Refusal {
            retry_after_ms: Some(70),
            ..Code::PinLocked.into()
        };
        let frame = Bytes::from_static(b"{}");
        vec![
            Note::Connect {
                connection,
                peer: PeerKey([1; 16]),
                room,
            },
            Note::Frame {
                connection,
                room,
                frame: frame.clone(),
            },
            Note::Gone {
                connection,
                room,
                clean: true,
            },
            ask(Asked::Info {
                ticket: Secret::copy_of(&[4; 16]),
            }),
            ask(Asked::Burn {
                creator_token: Secret::copy_of(&[4; 32]),
            }),
            ask(Asked::TakeDown),
            ask(Asked::Leave {
                seat_token: Secret::copy_of(&[4; 32]),
            }),
            ask(Asked::Holder {
                seat_token: Secret::copy_of(&[4; 32]),
            }),
            ask(Asked::Post {
                holder: connection,
                seat_token: Secret::copy_of(&[4; 32]),
                frame: frame.clone(),
            }),
            ask(Asked::Claim {
                holder: connection,
                seat_token: Secret::copy_of(&[4; 32]),
            }),
            Note::Said(vec![
                Item::Send {
                    to: vec![connection],
                    frame,
                },
                Item::Taken {
                    connection,
                    frames: 3,
                },
                Item::Close {
                    connection,
                    code: CloseCode::Idle,
                },
            ]),
            answer(Answer::Info(Err(refusal))),
            answer(Answer::Done(Ok(()))),
            answer(Answer::Done(Err(refusal))),
            answer(Answer::TakenDown(true)),
            answer(Answer::Holder(None)),
            answer(Answer::Holder(Some(connection))),
            answer(Answer::Posted(true)),
            answer(Answer::Claimed(None)),
            answer(Answer::Claimed(Some(Waited {
                seen: 4,
                frames: vec![Bytes::from_static(b"{}"), Bytes::from_static(b"[]")],
            }))),
            Note::NotMine { from: 3, room },
            Note::Sync { room },
        ]
    }

    #[test]
    fn a_note_is_read_as_it_was_written_and_no_part_of_it_is_one() {
        for note in notes() {
            let bytes = note.encode();
            let bytes = bytes.as_slice();
            let read = Note::decode(bytes).unwrap();
            assert_eq!(read.encode().as_slice(), bytes);
            for len in 0..bytes.len() {
                assert!(Note::decode(&bytes[..len]).is_none());
            }
            let longer = [bytes, &[0]].concat();
            assert!(Note::decode(&longer).is_none());
        }
    }

    #[test]
    fn words_are_read_in_order_and_whole() {
        let (mut words, mut others) = (Words::default(), Words::default());
        let all = notes();
        for (n, note) in all.iter().enumerate() {
            if n < 3 { &mut words } else { &mut others }.add(note);
        }
        words.append(&others);
        let bytes = words.into_bytes();
        let bytes = bytes.as_slice();
        let read = Words::read(bytes).unwrap();
        assert_eq!(read.len(), all.len());
        for (read, note) in read.iter().zip(&all) {
            assert_eq!(read.encode().as_slice(), note.encode().as_slice());
        }
        assert!(Words::read(&bytes[..bytes.len() - 1]).is_none());
        assert!(Words::read(&[0; 7]).is_none());
        assert!(Words::read(&[]).is_some_and(|none| none.is_empty()));
    }

    #[test]
    fn a_count_is_believed_only_as_far_as_there_are_bytes() {
        let mut bytes = vec![4];
        bytes.extend_from_slice(&u64::MAX.to_be_bytes());
        assert!(Note::decode(&bytes).is_none());
    }
}
