//! What the application's handles and the driver share: the core's machine, and what it has put out.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use burnchat_core::client::{Client, Event, Output, Status};
use burnchat_core::crypto::wipe_stack;
use burnchat_core::error::{Code, Error as CoreError};
use burnchat_core::time::Timestamp;
use burnchat_core::wire::EncodedFrame;
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::{Error, Rng, rng};

/// When this many events wait for the application, or frames for the socket, nothing more is read.
const WAITING: usize = 1_024;

/// How often the time is looked at even if nothing is due: what is slept on stands still while the machine sleeps.
const TICK: Duration = Duration::from_secs(1);

/// One room, between an application and its driver.
pub(crate) struct Shared {
    machine: Mutex<Machine>,
    /// Wakes the driver.
    to_driver: Notify,
    /// Wakes [`Events`](crate::Events); there is one of these for each room.
    to_application: Notify,
}

struct Machine {
    client: Client,
    clock: Clock,
    rng: Rng,
    outgoing: VecDeque<EncodedFrame>,
    /// The connection is to be closed with this code.
    close: Option<u16>,
    /// A connection is to be opened.
    connect: bool,
    events: VecDeque<Event>,
    /// The driver has nothing more to do.
    done: bool,
}

/// What the driver of an open connection does next.
pub(crate) enum Turn {
    Wait {
        now: Timestamp,
        /// Look again then.
        wait: Duration,
        /// There are frames to send.
        write: bool,
        /// More may come in.
        read: bool,
        /// The application is slow, which is not the relay's fault.
        held_up: bool,
        /// The relay has answered what the connection began with.
        settled: bool,
    },
    /// Send these, then close.
    Close(VecDeque<EncodedFrame>, u16),
}

impl Shared {
    pub(crate) fn new(make: impl FnOnce(&mut Rng) -> Client) -> Self {
        let mut rng = rng();
        let mut machine = Machine {
            client: make(&mut rng),
            clock: Clock::start(),
            rng,
            outgoing: VecDeque::new(),
            close: None,
            connect: false,
            events: VecDeque::new(),
            done: false,
        };
        machine.collect();
        Self {
            machine: Mutex::new(machine),
            to_driver: Notify::new(),
            to_application: Notify::new(),
        }
    }

    // For the application.

    /// Gives a command to the machine.
    pub(crate) fn act<T>(
        &self,
        command: impl FnOnce(&mut Client, Timestamp, &mut Rng) -> Result<T, CoreError>,
    ) -> Result<T, Error> {
        let outcome = self.step(|machine| {
            let now = machine.clock.now();
            command(&mut machine.client, now, &mut machine.rng)
        });
        self.to_driver.notify_one();
        outcome.map_err(Error::Protocol)
    }

    /// Looks at the machine.
    pub(crate) fn ask<T>(&self, question: impl FnOnce(&Client, Timestamp) -> T) -> T {
        let machine = self.lock();
        question(&machine.client, machine.clock.now())
    }

    pub(crate) fn leave(&self) {
        self.step(|machine| {
            let now = machine.clock.now();
            machine.client.leave(now);
        });
        self.to_driver.notify_one();
    }

    pub(crate) async fn next_event(&self) -> Option<Event> {
        loop {
            {
                let mut machine = self.lock();
                if let Some(event) = machine.events.pop_front() {
                    drop(machine);
                    // It may have stopped reading.
                    self.to_driver.notify_one();
                    return Some(event);
                }
                if machine.done {
                    return None;
                }
            }
            self.to_application.notified().await;
        }
    }

    pub(crate) async fn joined(&self) -> Result<(), Error> {
        loop {
            match self.ask(|client, _| client.status()) {
                Status::Joined | Status::Away | Status::Resuming => return Ok(()),
                Status::Ended(reason) => return Err(Error::of_end(reason)),
                Status::Offline | Status::Joining => self.to_application.notified().await,
            }
        }
    }

    // For the driver.

    /// A connection is open.
    pub(crate) fn connected(&self) -> Timestamp {
        self.step(|machine| {
            let now = machine.clock.now();
            machine.connect = false;
            machine.close = None;
            machine.outgoing.clear();
            // Only the cryptographic library can fail here; the next connection is the next attempt.
            let opened = machine.client.handle_connected(now, &mut machine.rng);
            machine.connect = opened.is_err();
            now
        })
    }

    pub(crate) fn disconnected(&self) {
        self.step(|machine| {
            let now = machine.clock.now();
            machine.outgoing.clear();
            machine.client.handle_disconnected(now);
        });
    }

    /// A frame came in. Returns when.
    pub(crate) fn frame(&self, frame: &[u8]) -> Timestamp {
        self.step(|machine| {
            let now = machine.clock.now();
            if let Err(error) = machine.client.handle_frame(now, frame, &mut machine.rng) {
                machine.report(error);
            }
            now
        })
    }

    /// Something came in that is no frame.
    pub(crate) fn not_a_frame(&self) {
        self.step(|machine| machine.report(CoreError::new(Code::MalformedFromRelay)));
    }

    /// Lets the machine do what is due, and says what there is to do for the connection.
    pub(crate) fn turn(&self) -> Turn {
        let wait = self.keep_time();
        let mut machine = self.lock();
        if let Some(code) = machine.close.take() {
            return Turn::Close(std::mem::take(&mut machine.outgoing), code);
        }
        let held_up = machine.events.len() >= WAITING;
        Turn::Wait {
            now: machine.clock.now(),
            wait,
            write: !machine.outgoing.is_empty(),
            read: !held_up && machine.outgoing.len() < WAITING,
            held_up,
            settled: machine.client.status() == Status::Joined,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.lock().clock.now()
    }

    pub(crate) fn next_frame(&self) -> Option<EncodedFrame> {
        self.lock().outgoing.pop_front()
    }

    /// Keeps the machine's time until it wants a connection, which it may do only after a while (spec section 11.2).
    /// False if it is over before that.
    pub(crate) async fn wants_connection(&self) -> bool {
        loop {
            let wait = self.keep_time();
            {
                let machine = self.lock();
                if machine.is_over() || machine.connect {
                    return !machine.is_over();
                }
            }
            self.to_driver_or(wait).await;
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.lock().is_over()
    }

    /// Keeps the machine's time until it is over. A room burns whether there is a connection or not.
    pub(crate) async fn over(&self) {
        loop {
            let wait = self.keep_time();
            if self.is_over() {
                return;
            }
            self.to_driver_or(wait).await;
        }
    }

    /// Until the driver is woken, or so much time has passed.
    async fn to_driver_or(&self, wait: Duration) {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = self.to_driver.notified() => {}
        }
    }

    /// Resolves when the application has done something.
    pub(crate) async fn application(&self) {
        self.to_driver.notified().await;
    }

    /// The driver has stopped, whyever.
    pub(crate) fn done(&self) {
        self.leave();
        let mut machine = self.lock();
        machine.outgoing.clear();
        machine.done = true;
        drop(machine);
        self.to_application.notify_one();
    }

    /// Lets the machine do what is due; how long until something may be due again.
    fn keep_time(&self) -> Duration {
        self.step(|machine| {
            let now = machine.clock.now();
            if machine.client.poll_timeout().is_some_and(|at| now >= at) {
                machine.client.handle_timeout(now, &mut machine.rng);
            }
            let due = machine.client.poll_timeout();
            // A deadline that has just been handled and stands again is not worth spinning for.
            due.map_or(TICK, |at| {
                Duration::from_millis(at.millis_since(now).max(1)).min(TICK)
            })
        })
    }

    /// One step of the machine, and what it put out.
    fn step<T>(&self, work: impl FnOnce(&mut Machine) -> T) -> T {
        let mut machine = self.lock();
        let result = work(&mut machine);
        machine.collect();
        drop(machine);
        // The machine's own memory is wiped as it is used up; this is for what the calls have left below them.
        wipe_stack();
        self.to_application.notify_one();
        result
    }

    /// A panic in another thread leaves the machine as whole as an error does: it moves when a step is complete.
    fn lock(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Machine {
    /// Takes what the core has put out.
    fn collect(&mut self) {
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Send(frame) => self.outgoing.push_back(frame),
                Output::Connect => self.connect = true,
                Output::Close(code) => {
                    self.connect = false;
                    self.close = Some(code);
                }
                Output::Event(event) => {
                    if let Event::Ended(_) = event {
                        // What nobody has read by now, nobody will.
                        self.events.clear();
                    }
                    self.events.push_back(event);
                }
                // A later version of the core may ask for more; what it says without being understood is not needed.
                _ => {}
            }
        }
    }

    /// Tells the application what was wrong with a frame, unless the machine says so itself by ending or joining afresh.
    fn report(&mut self, error: CoreError) {
        if !matches!(self.client.status(), Status::Offline | Status::Ended(_)) {
            self.collect();
            self.events.push_back(Event::Fault { error, about: None });
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.client.status(), Status::Ended(_))
    }
}
