//! The client under test: what it is told to do, and what it is waited for to say.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::{PATIENCE, Room, of_the_suite};
use crate::case::{Outcome, Stop, fail};
use crate::client::subject::Subject;

impl Room {
    /// Starts it with these arguments.
    pub(crate) fn start(&mut self, arguments: &[&str]) -> Outcome {
        let mut given = vec!["--json"];
        given.extend(arguments);
        self.log
            .note("subject", &format!("starts: {}", given.join(" ")));
        self.subject = Subject::start(&self.shim.command, &given, self.teller.clone())
            .map_err(|error| of_the_suite(format!("{}: {error}", self.shim.command)))?;
        Ok(())
    }

    /// Starts it with the room's link, as Ben, and waits for it to have joined.
    pub(crate) async fn invite(&mut self) -> Outcome {
        let link = self.link.clone();
        self.start(&["join", &link, "--name", "Ben"])?;
        self.hear("joined").await?;
        Ok(())
    }

    /// The same, as a creator.
    pub(crate) async fn invite_creator(&mut self) -> Outcome {
        let (link, pin) = (self.link.clone(), self.pin.clone());
        self.start(&["join", &link, "--pin", &pin, "--name", "Ben"])?;
        self.hear("joined").await?;
        Ok(())
    }

    /// Writes a command.
    pub(crate) async fn command(&mut self, command: Value) {
        self.line(&command.to_string()).await;
    }

    /// Writes a line.
    pub(crate) async fn line(&mut self, line: &str) {
        self.log.sent("shim", line);
        self.subject.write(format!("{line}\n").as_bytes()).await;
    }

    /// The id of its newest participation.
    pub(crate) fn subject_id(&self) -> Outcome<String> {
        let joined = self.subject.last("joined");
        let id = joined.and_then(|line| line["id"].as_str());
        id.map(str::to_owned)
            .ok_or_else(|| of_the_suite("the client has not joined"))
    }

    /// The client's next line of a kind, of those after the last waited for.
    pub(crate) async fn hear(&mut self, event: &str) -> Outcome<Value> {
        self.hear_where(event, |line| line["event"] == event).await
    }

    /// The client's next `error` with this code.
    pub(crate) async fn hear_error(&mut self, code: u64) -> Outcome<Value> {
        let what = format!("error {code}");
        self.hear_where(&what, |line| {
            line["event"] == "error" && line["code"] == code
        })
        .await
    }

    /// The client's next line that reads somebody's text.
    pub(crate) async fn hear_text(&mut self, text: &str) -> Outcome<Value> {
        let what = format!("the message {text:?}");
        self.hear_where(&what, |line| {
            line["event"] == "message" && line["mine"] == false && line["text"] == text
        })
        .await
    }

    /// The client's next line for which it is so.
    pub(crate) async fn hear_where(
        &mut self,
        what: &str,
        is_it: impl Fn(&Value) -> bool,
    ) -> Outcome<Value> {
        self.hear_within(PATIENCE, what, is_it).await
    }

    /// The same, within another time.
    pub(crate) async fn hear_within(
        &mut self,
        patience: Duration,
        what: &str,
        is_it: impl Fn(&Value) -> bool,
    ) -> Outcome<Value> {
        let until = Instant::now() + patience;
        loop {
            let subject = &mut self.subject;
            let unread = subject.lines.iter().enumerate().skip(subject.read);
            let found = unread
                .filter(|(_, line)| is_it(line))
                .map(|(place, line)| (place, line.clone()))
                .next();
            if let Some((place, line)) = found {
                subject.read = place + 1;
                return Ok(line);
            }
            if subject.exited.is_some() || !self.pump(until).await {
                self.subject.is_implemented()?;
                return self.missed(what, patience);
            }
        }
    }

    /// Waits until it is so.
    pub(crate) async fn until<V>(
        &mut self,
        what: &str,
        is_so: impl Fn(&Self) -> Option<V>,
    ) -> Outcome<V> {
        self.until_within(PATIENCE, what, is_so).await
    }

    /// The same, within another time.
    pub(crate) async fn until_within<V>(
        &mut self,
        patience: Duration,
        what: &str,
        is_so: impl Fn(&Self) -> Option<V>,
    ) -> Outcome<V> {
        let until = Instant::now() + patience;
        loop {
            self.subject.is_implemented()?;
            if let Some(value) = is_so(self) {
                return Ok(value);
            }
            if !self.pump(until).await {
                return self.missed(what, patience);
            }
        }
    }

    /// Lets time pass.
    pub(crate) async fn pass(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while self.pump(until).await {}
    }

    /// Until everything that was sent to the client has been worked on: it has answered a command that came after it.
    pub(crate) async fn catch_up(&mut self) -> Outcome {
        // The frames are on their way over one connection and the command over another: a moment between them.
        self.pass(Duration::from_millis(150)).await;
        let before = self.subject.count("participants");
        self.command(serde_json::json!({"cmd": "who"})).await;
        self.until("an answer to `who`", |room| {
            (room.subject.count("participants") > before).then_some(())
        })
        .await
    }

    /// Until the client and everyone honest hold the key of the newest roster.
    pub(crate) async fn keyed(&mut self) -> Outcome {
        self.until("a key for the newest roster", |room| {
            let (version, epoch) = room.friends.iter().find_map(|friend| {
                let head = friend.client.head()?;
                let (version, epoch) = friend.client.epoch()?;
                let newest = friend.client.roster_version()? == version && head == epoch;
                newest.then_some((version, epoch.to_base64()))
            })?;
            let keyed = room.subject.last("keyed")?;
            (keyed["epoch"] == epoch && keyed["version"] == version).then_some(())
        })
        .await
    }

    /// Until it has ended: the last line, and the exit status.
    pub(crate) async fn ended(&mut self) -> Outcome<(Value, i32)> {
        self.ended_within(PATIENCE).await
    }

    /// The same, within another time.
    pub(crate) async fn ended_within(&mut self, patience: Duration) -> Outcome<(Value, i32)> {
        let status = self
            .until_within(patience, "the client to end", |room| room.subject.exited)
            .await?;
        let last = self.subject.lines.last().cloned().unwrap_or_default();
        match status {
            Some(status) => Ok((last, status)),
            None => fail("an exit status", "the end by a signal"),
        }
    }

    /// Ends as it should: the last line's event and reason, and the exit status.
    pub(crate) async fn ends(&mut self, event: &str, reason: &str, status: i32) -> Outcome {
        self.ends_within(PATIENCE, event, reason, status).await
    }

    /// The same, within another time.
    pub(crate) async fn ends_within(
        &mut self,
        patience: Duration,
        event: &str,
        reason: &str,
        status: i32,
    ) -> Outcome {
        let (last, exit) = self.ended_within(patience).await?;
        if last["event"] == event && last["reason"] == reason && exit == status {
            return Ok(());
        }
        fail(
            format!("`{event}` with {reason} as the last line, exit status {status}"),
            format!("{last}, exit status {exit}"),
        )
    }

    /// That it takes this for a fork: it says so, closes with 4001, and joins afresh with its seat token under new keys.
    pub(crate) async fn forks(&mut self) -> Outcome {
        let joins = self.joins().len();
        let closes = self.closes.len();
        self.hear_where("gap with code 800 (fork)", |line| {
            line["event"] == "gap" && line["code"] == 800
        })
        .await?;
        self.until("a fresh join", |room| {
            (room.joins().len() > joins).then_some(())
        })
        .await?;
        self.until("its connection closed with 4001", |room| {
            let mut since = room.closes.iter().skip(closes);
            since.any(|code| *code == Some(4001)).then_some(())
        })
        .await?;
        let joins = self.joins();
        let (Some(first), Some(last)) = (joins.first(), joins.last()) else {
            return Err(of_the_suite("no join"));
        };
        crate::case::ensure(
            last["seat_token"].is_string(),
            "a fresh join with the seat token",
            last,
        )?;
        crate::case::ensure(
            first["kem_pub"] != last["kem_pub"] && first["sig_pub"] != last["sig_pub"],
            "new keys",
            "the old ones",
        )
    }

    /// Its `join` frames.
    pub(crate) fn joins(&self) -> Vec<&Value> {
        self.sent_of("join")
    }

    /// Its frames of a type.
    pub(crate) fn sent_of(&self, kind: &str) -> Vec<&Value> {
        self.sent
            .iter()
            .filter(|frame| frame["type"] == kind)
            .collect()
    }

    /// Moves the client's clock on, if it can be.
    pub(crate) async fn clock(&mut self, millis: u64) -> Outcome {
        let before = self.subject.lines.len();
        self.command(serde_json::json!({"cmd": "clock", "advance_ms": millis}))
            .await;
        self.catch_up().await?;
        let refused = self
            .subject
            .lines
            .iter()
            .skip(before)
            .any(|line| line["event"] == "error" && line["code"] == 102);
        if refused {
            return Err(Stop::NotImplemented("the command `clock`".to_owned()));
        }
        Ok(())
    }
}
