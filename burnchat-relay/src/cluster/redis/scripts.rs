//! The steps, as scripts: Redis does each of them whole before anything else.
//!
//! Of a room there are two keys under one hash tag: `bc:{tag}:r`, a hash with its owner `o`, its fence `f` and its parts
//! `s`, `p` and `t`, and `bc:{tag}:l`, a hash with its log's entries. Both expire with the room. Besides there are
//! `bc:members`, who lives until when, and `bc:member`, how far their numbers have come. In a Redis Cluster each partition
//! has these two, and all the rooms in it have its hash tag: `bc:{18}:members`, `bc:{18}:tag:r`.

use std::collections::BTreeSet;

use redis::{Cmd, ErrorKind, RedisError, Script, Value, cmd, from_redis_value};

use super::nodes::{Kind, Nodes};
use crate::cluster::seam::{LEASE, Member, Notes, Op, Outcome, Partition, SealedCopy, SealedWrite};

const MEMBERS: &str = "members";
const NUMBER: &str = "member";

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
local lives = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not lives or tonumber(lives) <= now then return {} end
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
return redis.call('ZRANGE', KEYS[1], 0, -1)";

const LEAVE: &str = r"
redis.call('ZREM', KEYS[1], ARGV[1])
return 1";

const DRAW: &str = r"
local highest = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), tonumber(ARGV[1]))
redis.call('SET', KEYS[1], highest + 1)
return highest + 1";

const ENTER: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
if tonumber(redis.call('GET', KEYS[2]) or '0') < tonumber(ARGV[1]) then redis.call('SET', KEYS[2], ARGV[1]) end
return 1";

/// Their names in a Redis that has them.
pub(super) struct Scripts {
    kind: Kind,
    create: String,
    write: String,
    burn: String,
    say: String,
    claim: String,
    beat: String,
    leave: String,
    draw: String,
    enter: String,
}

impl Scripts {
    /// Makes them known to all of these.
    pub(super) async fn load(nodes: &Nodes) -> Result<Self, RedisError> {
        let texts = [CREATE, WRITE, BURN, SAY, CLAIM, BEAT, LEAVE, DRAW, ENTER];
        let texts = texts.map(|text| match nodes.kind {
            Kind::Single => text.to_owned(),
            // Who listens does so where the channel's slot is.
            Kind::Cluster => text.replace("PUBLISH", "SPUBLISH"),
        });
        for node in &nodes.nodes {
            node.load(&texts).await?;
        }
        let names = texts.map(|text| Script::new(&text).get_hash().to_owned());
        let [create, write, burn, say, claim, beat, leave, draw, enter] = names;
        Ok(Self {
            kind: nodes.kind,
            create,
            write,
            burn,
            say,
            claim,
            beat,
            leave,
            draw,
            enter,
        })
    }

    /// Draws a number nobody has had. It is counted in the first partition; should that have forgotten it, the others
    /// know how far the numbers had come.
    pub(super) async fn draw(&self, nodes: &Nodes) -> Result<Member, RedisError> {
        let partitions = nodes.partitions().skip(1);
        let known = nodes.in_each(partitions, |at| {
            cmd("GET").arg(self.kind.key(at, NUMBER)).to_owned()
        });
        let known = known.await?.into_iter();
        let highest = known.filter_map(number).max().unwrap_or(0);
        let drawn = nodes.in_each([0], |at| {
            let mut draw = cmd("EVALSHA");
            draw.arg(&self.draw).arg(1).arg(self.kind.key(at, NUMBER));
            draw.arg(highest).to_owned()
        });
        let drawn = drawn.await?.into_iter().next().and_then(number);
        drawn.ok_or_else(|| (ErrorKind::UnexpectedReturnType, "no number").into())
    }

    /// Begins to live everywhere, at last in the first partition, by the connection over which the number was drawn: so
    /// nobody lives under a number of which that does not know any more.
    pub(super) async fn enter(&self, nodes: &Nodes, member: Member) -> Result<(), RedisError> {
        let enter = |at| {
            let mut enter = cmd("EVALSHA");
            enter.arg(&self.enter).arg(2);
            enter.arg(self.members(at)).arg(self.kind.key(at, NUMBER));
            enter.arg(member).arg(lease()).to_owned()
        };
        nodes.in_each(nodes.partitions().skip(1), enter).await?;
        nodes.in_each([0], enter).await.map(drop)
    }

    /// A sign of life: gives who lives in one partition, and `None` if this member no longer does in all.
    pub(super) async fn beat(
        &self,
        nodes: &Nodes,
        member: Member,
    ) -> Result<Option<Vec<Member>>, RedisError> {
        let signs = nodes.in_each(nodes.partitions(), |at| {
            let mut sign = cmd("EVALSHA");
            sign.arg(&self.beat).arg(1).arg(self.members(at));
            sign.arg(member).arg(lease()).to_owned()
        });
        let mut all = BTreeSet::new();
        for living in signs.await? {
            let living: Vec<Member> = from_redis_value(living)?;
            if living.is_empty() {
                return Ok(None);
            }
            all.extend(living);
        }
        Ok(Some(all.into_iter().collect()))
    }

    fn members(&self, partition: Partition) -> String {
        self.kind.key(partition, MEMBERS)
    }

    /// A step in a partition.
    pub(super) fn command(&self, partition: Partition, op: &Op) -> Cmd {
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
                let [head, log] = self.kind.keys_of_room(*room);
                let members = self.members(partition);
                command.arg(3).arg(head).arg(log).arg(members);
            }
            (_, Some(room)) => {
                command.arg(2).arg(&self.kind.keys_of_room(*room));
            }
            (_, None) => {
                command.arg(1).arg(self.members(partition));
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
                self.put_notes(&mut command, partition, notes);
            }
            Op::Burn {
                member,
                fence,
                notes,
                ..
            } => {
                command.arg(member).arg(fence);
                self.put_notes(&mut command, partition, notes);
            }
            Op::Say { member, notes, .. } => {
                command.arg(member);
                self.put_notes(&mut command, partition, notes);
            }
            Op::Claim { member, .. } | Op::Leave { member } => {
                command.arg(member);
            }
        }
        command
    }

    fn put_notes(&self, command: &mut Cmd, partition: Partition, notes: &Notes) {
        for (member, note) in notes {
            command.arg(self.kind.channel(partition, *member)).arg(note);
        }
    }
}

fn lease() -> u64 {
    u64::try_from(LEASE.as_millis()).unwrap_or(u64::MAX)
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
