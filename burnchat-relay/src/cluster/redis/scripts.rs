//! The steps, as scripts: Redis does each of them whole before anything else.
//!
//! Of a room there are two keys under one hash tag: `bc:{tag}:r`, a hash with its owner `o`, its fence `f` and its parts
//! `s`, `p` and `t`, and `bc:{tag}:l`, a hash with its log's entries. Both expire with the room. Besides there is
//! `bc:members`, who lives until when.

use redis::aio::MultiplexedConnection;
use redis::{Cmd, RedisError, Script, Value, cmd, pipe};

use crate::cluster::seam::{LEASE, Member, Notes, Op, Outcome, SealedCopy, SealedWrite, Tag};

const MEMBERS: &str = "bc:members";
const NUMBERS: &str = "bc:member";

const CREATE: &str = r"
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'o', ARGV[1], 'f', 1, 's', ARGV[3])
redis.call('PEXPIREAT', KEYS[1], ARGV[2])
return 1";

const WRITE: &str = r"
local is = redis.call('HMGET', KEYS[1], 'o', 'f')
if is[1] ~= ARGV[1] or is[2] ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 's', ARGV[4])
if ARGV[5] ~= '' then redis.call('HSET', KEYS[1], 'p', ARGV[5]) end
if ARGV[6] ~= '' then redis.call('HSET', KEYS[1], 't', ARGV[6]) end
local at = 7
local function count() at = at + 1; return tonumber(ARGV[at - 1]) end
for _ = 1, count() do redis.call('HSET', KEYS[2], ARGV[at], ARGV[at + 1]); at = at + 2 end
for _ = 1, count() do redis.call('HDEL', KEYS[2], ARGV[at]); at = at + 1 end
redis.call('PEXPIREAT', KEYS[1], ARGV[3])
redis.call('PEXPIREAT', KEYS[2], ARGV[3])
for _ = 1, count() do redis.call('PUBLISH', ARGV[at], ARGV[at + 1]); at = at + 2 end
return 1";

const BURN: &str = r"
local is = redis.call('HMGET', KEYS[1], 'o', 'f')
if is[1] and (is[1] ~= ARGV[1] or is[2] ~= ARGV[2]) then return 0 end
redis.call('DEL', KEYS[1], KEYS[2])
for at = 3, #ARGV, 2 do redis.call('PUBLISH', ARGV[at], ARGV[at + 1]) end
return 1";

const SAY: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lives = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not lives or tonumber(lives) <= now then return 0 end
for at = 2, #ARGV, 2 do redis.call('PUBLISH', ARGV[at], ARGV[at + 1]) end
return 1";

const CLAIM: &str = r"
local is = redis.call('HMGET', KEYS[1], 'o', 's', 'p', 't', 'f')
if not is[1] then return {0} end
local fence = is[5]
if is[1] ~= ARGV[1] then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local lives = redis.call('ZSCORE', KEYS[3], is[1])
  if lives and tonumber(lives) > now then return {1, is[1]} end
  fence = redis.call('HINCRBY', KEYS[1], 'f', 1)
  redis.call('HSET', KEYS[1], 'o', ARGV[1])
end
return {2, fence, is[2], is[3] or '', is[4] or '', redis.call('HGETALL', KEYS[2])}";

const BEAT: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[3] == '0' then
  local lives = redis.call('ZSCORE', KEYS[1], ARGV[1])
  if not lives or tonumber(lives) <= now then return {} end
end
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
return redis.call('ZRANGE', KEYS[1], 0, -1)";

const LEAVE: &str = r"
redis.call('ZREM', KEYS[1], ARGV[1])
return 1";

/// Where a member is spoken to.
pub(super) fn channel(member: Member) -> String {
    format!("bc:m:{member}")
}

/// Their names in a Redis that has them.
pub(super) struct Scripts {
    create: String,
    write: String,
    burn: String,
    say: String,
    claim: String,
    beat: String,
    leave: String,
}

impl Scripts {
    /// Makes them known, and draws a number nobody has had.
    pub(super) async fn load(
        connection: &mut MultiplexedConnection,
    ) -> Result<(Self, Member), RedisError> {
        let texts = [CREATE, WRITE, BURN, SAY, CLAIM, BEAT, LEAVE];
        let mut steps = pipe();
        for text in texts {
            steps.cmd("SCRIPT").arg("LOAD").arg(text).ignore();
        }
        steps.cmd("INCR").arg(NUMBERS);
        let (member,): (Member,) = steps.query_async(connection).await?;
        let [create, write, burn, say, claim, beat, leave] =
            texts.map(|text| Script::new(text).get_hash().to_owned());
        let scripts = Self {
            create,
            write,
            burn,
            say,
            claim,
            beat,
            leave,
        };
        Ok((scripts, member))
    }

    /// Begins to live.
    pub(super) async fn enter(
        &self,
        connection: &mut MultiplexedConnection,
        member: Member,
    ) -> Result<(), RedisError> {
        let _: Vec<Member> = self.sign(member, true).query_async(connection).await?;
        Ok(())
    }

    /// A sign of life: gives who lives, and nobody if this member no longer does.
    pub(super) async fn beat(
        &self,
        connection: &mut MultiplexedConnection,
        member: Member,
    ) -> Result<Vec<Member>, RedisError> {
        self.sign(member, false).query_async(connection).await
    }

    fn sign(&self, member: Member, first: bool) -> Cmd {
        let mut sign = cmd("EVALSHA");
        let lease = u64::try_from(LEASE.as_millis()).unwrap_or(u64::MAX);
        sign.arg(&self.beat).arg(1).arg(MEMBERS);
        sign.arg(member).arg(lease).arg(u8::from(first));
        sign
    }

    pub(super) fn command(&self, op: &Op) -> Cmd {
        let mut command = cmd("EVALSHA");
        let (name, room) = match op {
            Op::Create { room, .. } => (&self.create, Some(room)),
            Op::Write { room, .. } => (&self.write, Some(room)),
            Op::Burn { room, .. } => (&self.burn, Some(room)),
            Op::Claim { room, .. } => (&self.claim, Some(room)),
            Op::Say { .. } => (&self.say, None),
            Op::Leave { .. } => (&self.leave, None),
        };
        command.arg(name);
        match (op, room) {
            (Op::Claim { .. }, Some(room)) => {
                let [head, log] = keys(room);
                command.arg(3).arg(head).arg(log).arg(MEMBERS);
            }
            (_, Some(room)) => {
                command.arg(2).arg(&keys(room));
            }
            (_, None) => {
                command.arg(1).arg(MEMBERS);
            }
        }
        match op {
            Op::Create { member, write, .. } => {
                command.arg(member).arg(write.end).arg(&write.state);
            }
            Op::Write {
                member,
                fence,
                write,
                notes,
                ..
            } => {
                command.arg(member).arg(fence);
                put_write(&mut command, write);
                command.arg(notes.len());
                put_notes(&mut command, notes);
            }
            Op::Burn {
                member,
                fence,
                notes,
                ..
            } => {
                command.arg(member).arg(fence);
                put_notes(&mut command, notes);
            }
            Op::Say { member, notes } => {
                command.arg(member);
                put_notes(&mut command, notes);
            }
            Op::Claim { member, .. } | Op::Leave { member } => {
                command.arg(member);
            }
        }
        command
    }
}

fn keys(Tag(tag): &Tag) -> [String; 2] {
    let tag = data_encoding::HEXLOWER.encode(tag);
    [format!("bc:{{{tag}}}:r"), format!("bc:{{{tag}}}:l")]
}

fn put_write(command: &mut Cmd, write: &SealedWrite) {
    command.arg(write.end).arg(&write.state);
    command.arg(write.people.as_deref().unwrap_or_default());
    command.arg(write.seats.as_deref().unwrap_or_default());
    command.arg(write.entries.len());
    for (seq, entry) in &write.entries {
        command.arg(seq).arg(entry);
    }
    command.arg(write.forgotten.len());
    for seq in &write.forgotten {
        command.arg(seq);
    }
}

fn put_notes(command: &mut Cmd, notes: &Notes) {
    for (member, note) in notes {
        command.arg(channel(*member)).arg(note);
    }
}

/// What an answer says; `None` if it is none.
pub(super) fn outcome(op: &Op, answer: Value) -> Option<Outcome> {
    match (op, answer) {
        (Op::Claim { .. }, Value::Array(parts)) => {
            let mut parts = parts.into_iter();
            match number(parts.next()?)? {
                0 => Some(Outcome::NotThere),
                1 => number(parts.next()?).map(Outcome::Owned),
                2 => {
                    let fence = number(parts.next()?)?;
                    let copy = SealedCopy {
                        state: bytes(parts.next()?)?,
                        people: bytes(parts.next()?)?,
                        seats: bytes(parts.next()?)?,
                        entries: entries(parts.next()?)?,
                    };
                    Some(Outcome::Taken(fence, Box::new(copy)))
                }
                _ => None,
            }
        }
        (Op::Claim { .. }, _) => None,
        (_, answer) => match number(answer)? {
            0 => Some(Outcome::Refused),
            1 => Some(Outcome::Done),
            _ => None,
        },
    }
}

fn number(value: Value) -> Option<u64> {
    match value {
        Value::Int(number) => number.try_into().ok(),
        Value::BulkString(text) => std::str::from_utf8(&text).ok()?.parse().ok(),
        _ => None,
    }
}

fn bytes(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        _ => None,
    }
}

fn entries(value: Value) -> Option<Vec<(u64, Vec<u8>)>> {
    let Value::Array(flat) = value else {
        return None;
    };
    let mut flat = flat.into_iter();
    let mut entries = Vec::new();
    while let Some(seq) = flat.next() {
        entries.push((number(seq)?, bytes(flat.next()?)?));
    }
    entries.sort_unstable_by_key(|(seq, _)| *seq);
    Some(entries)
}
