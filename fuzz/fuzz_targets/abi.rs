//! A program that uses the C ABI in any order, with any bytes: every call is answered by a number that has a name, no call
//! finds a defect, and what has been freed is known to be.
//!
//! Pointers are NULL or point to what they say: the rest C can't answer for.

#![no_main]

use std::ptr::{null, null_mut};

use burnchat::client::*;
use burnchat::codes::*;
use burnchat::event::EventView;
use burnchat::hub::*;
use burnchat::room::*;
use burnchat::values::{Id, ParticipantView, Slice};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;

const CLIENTS: usize = 3;
const START: u64 = 1_800_000_000_000;

fuzz_target!(|input: &[u8]| {
    let mut world = World::new();
    let mut input = Unstructured::new(input);
    // An input that is at its end is over.
    while !input.is_empty() && world.step(&mut input).is_ok() {}
    world.end();
});

struct World {
    now: u64,
    hub: *mut HubHandle,
    clients: [*mut ClientHandle; CLIENTS],
    /// The connection of each client; 0 for none.
    connections: [u64; CLIENTS],
    next_connection: u64,
    /// A handle that has been freed, as long as the library promises to know it.
    freed: *mut ClientHandle,
    link: Vec<u8>,
    creator_token: [u8; 32],
    room: Id,
    seeds: u8,
}

/// A number that has a name, and none that stands for a defect.
fn known(code: i32) -> i32 {
    let mut name = none();
    assert_eq!(unsafe { bc_code_name(code, &mut name) }, BC_OK);
    assert!(name.len > 0, "an unknown number: {code}");
    assert!(code != BC_ERROR_PANIC && code != BC_ERROR_POISONED && code != BC_ERROR_BUSY);
    code
}

fn none() -> Slice {
    Slice {
        ptr: null(),
        len: 0,
    }
}

/// Looks at all that the library says is there.
fn look_at(slice: Slice) -> Vec<u8> {
    if slice.ptr.is_null() {
        return Vec::new();
    }
    unsafe { std::slice::from_raw_parts(slice.ptr, slice.len) }.to_vec()
}

fn look_at_event(event: &EventView) {
    look_at(event.text);
    look_at(event.participant.name);
    look_at(event.participant.label);
}

impl World {
    fn new() -> Self {
        let mut settings = unsafe { std::mem::zeroed::<Settings>() };
        assert_eq!(unsafe { bc_room_settings_default(&mut settings) }, BC_OK);
        settings.history = 1;
        let (mut request, mut link) = (vec![0; BC_REQUEST_MAX], vec![0; BC_LINK_MAX]);
        let (mut request_len, mut link_len) = (request.len(), link.len());
        let base = b"https://relay.example";
        let seed = [1; 32];
        let planned = unsafe {
            bc_room_plan(
                base.as_ptr(),
                base.len(),
                &settings,
                START,
                seed.as_ptr(),
                request.as_mut_ptr(),
                &mut request_len,
                link.as_mut_ptr(),
                &mut link_len,
            )
        };
        assert_eq!(planned, BC_OK);
        link.truncate(link_len);

        let mut hub = null_mut();
        assert_eq!(
            unsafe { bc_hub_new(null(), seed.as_ptr(), &mut hub) },
            BC_OK
        );
        let (peer, mut answer) = (Id { bytes: [1; 16] }, none());
        let made = unsafe {
            bc_hub_create(
                hub,
                START,
                &peer,
                request.as_ptr(),
                request_len,
                &mut answer,
            )
        };
        assert_eq!(made, BC_OK);
        let answer = look_at(answer);
        let mut created = unsafe { std::mem::zeroed::<Created>() };
        let read = unsafe {
            bc_room_created(
                answer.as_ptr(),
                answer.len(),
                link.as_ptr(),
                link.len(),
                &mut created,
            )
        };
        assert_eq!(read, BC_OK);
        let mut room = Id::default();
        let checked = unsafe { bc_link_check(link.as_ptr(), link.len(), null_mut(), &mut room) };
        assert_eq!(checked, BC_OK);
        Self {
            now: START,
            hub,
            clients: [null_mut(); CLIENTS],
            connections: [0; CLIENTS],
            next_connection: 0,
            freed: null_mut(),
            link,
            creator_token: created.creator_token,
            room,
            seeds: 2,
        }
    }

    fn step(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let place = input.int_in_range(0..=CLIENTS - 1)?;
        let client = self.clients[place];
        match input.int_in_range(0..=15)? {
            0 => self.join(place, input)?,
            1 => self.free(place),
            // The usual: everything that is to be done is done.
            2..=5 => self.settle(),
            6 => {
                let frame: &[u8] = input.arbitrary()?;
                known(unsafe {
                    bc_client_handle_frame(client, self.now, frame.as_ptr(), frame.len())
                });
            }
            7 => {
                let frame: &[u8] = input.arbitrary()?;
                let connection = input.int_in_range(0..=self.next_connection)?;
                known(unsafe {
                    bc_hub_handle_frame(self.hub, self.now, connection, frame.as_ptr(), frame.len())
                });
            }
            8 => {
                self.now = self.now.wrapping_add(input.int_in_range(0..=40_000)?);
                known(unsafe { bc_hub_handle_timeout(self.hub, self.now) });
                for client in self.clients {
                    known(unsafe { bc_client_handle_timeout(client, self.now) });
                }
            }
            9 => {
                let text: &[u8] = input.arbitrary()?;
                let burn_after = input.arbitrary()?;
                known(unsafe {
                    bc_client_send_text(
                        client,
                        self.now,
                        text.as_ptr(),
                        text.len(),
                        burn_after,
                        null_mut(),
                    )
                });
            }
            10 => self.command(client, input)?,
            11 => {
                let connection = std::mem::take(&mut self.connections[place]);
                known(unsafe { bc_hub_handle_disconnect(self.hub, self.now, connection, 0) });
                known(unsafe { bc_client_handle_disconnected(client, self.now) });
            }
            12 => self.ask(client),
            13 => self.ask_hub(input)?,
            14 => self.misuse(client),
            _ => {
                let bytes: &[u8] = input.arbitrary()?;
                let (at, len) = (bytes.as_ptr(), bytes.len());
                known(unsafe { bc_link_check(at, len, null_mut(), null_mut()) });
                let mut problem = unsafe { std::mem::zeroed::<ProblemView>() };
                known(unsafe { bc_problem(at, len, &mut problem) });
                let mut created = unsafe { std::mem::zeroed::<Created>() };
                let link = (self.link.as_ptr(), self.link.len());
                known(unsafe { bc_room_created(at, len, link.0, link.1, &mut created) });
            }
        }
        Ok(())
    }

    fn join(&mut self, place: usize, input: &mut Unstructured<'_>) -> Result<()> {
        if !self.clients[place].is_null() {
            return Ok(());
        }
        let name: &[u8] = input.arbitrary()?;
        self.seeds = self.seeds.wrapping_add(1);
        let seed = [self.seeds; 32];
        let options = JoinOptionsView {
            link: Slice {
                ptr: self.link.as_ptr(),
                len: self.link.len(),
            },
            name: Slice {
                ptr: if name.is_empty() {
                    null()
                } else {
                    name.as_ptr()
                },
                len: name.len(),
            },
            pin: none(),
            creator_token: if place == 0 {
                self.creator_token.as_ptr()
            } else {
                null()
            },
            seat_token: null(),
            seed: seed.as_ptr(),
        };
        let code = known(unsafe { bc_client_new(&options, &mut self.clients[place]) });
        assert_eq!(code == BC_OK, !self.clients[place].is_null());
        Ok(())
    }

    fn free(&mut self, place: usize) {
        let client = std::mem::replace(&mut self.clients[place], null_mut());
        assert_eq!(known(unsafe { bc_client_free(client) }), BC_OK);
        if !client.is_null() {
            self.freed = client;
        }
        let connection = std::mem::take(&mut self.connections[place]);
        known(unsafe { bc_hub_handle_disconnect(self.hub, self.now, connection, 1) });
    }

    /// Carries out what the machines say, for a while.
    fn settle(&mut self) {
        for _ in 0..8 {
            for place in 0..CLIENTS {
                self.settle_client(place);
            }
            self.settle_hub();
        }
    }

    fn settle_client(&mut self, place: usize) {
        let client = self.clients[place];
        if client.is_null() {
            return;
        }
        for _ in 0..1_000 {
            let mut output = unsafe { std::mem::zeroed::<OutputView>() };
            known(unsafe { bc_client_poll(client, &mut output, size_of::<OutputView>()) });
            match output.kind {
                BC_OUTPUT_NONE => return,
                BC_OUTPUT_CONNECT => {
                    self.next_connection += 1;
                    self.connections[place] = self.next_connection;
                    let peer = Id {
                        bytes: [place as u8; 16],
                    };
                    known(unsafe {
                        bc_hub_handle_connect(
                            self.hub,
                            self.now,
                            self.next_connection,
                            &peer,
                            &self.room,
                        )
                    });
                    known(unsafe { bc_client_handle_connected(client, self.now) });
                }
                BC_OUTPUT_SEND => {
                    let (connection, frame) = (self.connections[place], output.frame);
                    known(unsafe {
                        bc_hub_handle_frame(self.hub, self.now, connection, frame.ptr, frame.len)
                    });
                }
                BC_OUTPUT_CLOSE => {
                    let connection = std::mem::take(&mut self.connections[place]);
                    known(unsafe { bc_hub_handle_disconnect(self.hub, self.now, connection, 0) });
                }
                _ => look_at_event(&output.event),
            }
        }
        panic!("a client never comes to an end");
    }

    fn settle_hub(&mut self) {
        for _ in 0..10_000 {
            let mut output = unsafe { std::mem::zeroed::<HubOutput>() };
            known(unsafe { bc_hub_poll(self.hub, &mut output, size_of::<HubOutput>()) });
            match output.kind {
                BC_HUB_OUTPUT_NONE => return,
                BC_HUB_OUTPUT_SEND => {
                    let to = unsafe { std::slice::from_raw_parts(output.to, output.to_len) };
                    for (place, connection) in self.connections.into_iter().enumerate() {
                        if connection == 0 || !to.contains(&connection) {
                            continue;
                        }
                        let frame = output.frame;
                        known(unsafe {
                            bc_client_handle_frame(
                                self.clients[place],
                                self.now,
                                frame.ptr,
                                frame.len,
                            )
                        });
                    }
                }
                BC_HUB_OUTPUT_CLOSE => {
                    for place in 0..CLIENTS {
                        if self.connections[place] == output.connection {
                            self.connections[place] = 0;
                            known(unsafe {
                                bc_client_handle_disconnected(self.clients[place], self.now)
                            });
                        }
                    }
                }
                _ => {}
            }
        }
        panic!("the hub never comes to an end");
    }

    fn command(&self, client: *mut ClientHandle, input: &mut Unstructured<'_>) -> Result<()> {
        let now = self.now;
        let who = Id {
            bytes: input.arbitrary()?,
        };
        let number: u32 = input.arbitrary()?;
        known(unsafe {
            match input.int_in_range(0..=8)? {
                0 => bc_client_set_typing(client, now, number),
                1 => bc_client_lock(client, now, number & 1),
                2 => bc_client_renew(client, now),
                3 => bc_client_extend(client, now, number.into()),
                4 => bc_client_burn(client, now),
                5 => bc_client_leave(client, now),
                6 => bc_client_kick(client, now, &who, number & 1),
                7 => {
                    let read = [Read {
                        author: who,
                        id: who,
                    }; 3];
                    bc_client_mark_read(client, now, read.as_ptr(), number as usize % 4)
                }
                _ => bc_client_handle_connected(client, now),
            }
        });
        Ok(())
    }

    fn ask(&self, client: *mut ClientHandle) {
        let (mut link, mut number, mut small) = (none(), 0, 0);
        let (mut id, mut bytes) = (Id::default(), [0; 32]);
        let (mut people, mut count) = (null::<ParticipantView>(), 0);
        unsafe {
            if known(bc_client_participants(client, &mut people, &mut count)) == BC_OK && count > 0
            {
                for one in std::slice::from_raw_parts(people, count) {
                    look_at(one.name);
                    look_at(one.label);
                }
            }
            let mut codes = std::mem::zeroed::<Verification>();
            if known(bc_client_verification(
                client,
                &mut codes,
                size_of::<Verification>(),
            )) == BC_OK
            {
                for text in codes.emoji.into_iter().chain(codes.emoji_names) {
                    assert!(!look_at(text).is_empty());
                }
                look_at(codes.safety_number);
            }
            if known(bc_client_link(client, &mut link, null_mut())) == BC_OK {
                look_at(link);
            }
            known(bc_client_me(client, &mut id, &mut small));
            known(bc_client_epoch(client, &mut number, bytes.as_mut_ptr()));
            known(bc_client_room(client, &mut small, null_mut(), null_mut()));
            known(bc_client_ends_at(client, &mut number));
            known(bc_client_seat_token(client, bytes.as_mut_ptr()));
            known(bc_client_status(client, &mut small));
            known(bc_client_poll_timeout(client, &mut number));
        }
    }

    fn ask_hub(&self, input: &mut Unstructured<'_>) -> Result<()> {
        let token: [u8; 32] = input.arbitrary()?;
        let body: &[u8] = input.arbitrary()?;
        let (hub, now, room, mut answer) = (self.hub, self.now, &self.room, none());
        unsafe {
            match input.int_in_range(0..=5)? {
                0 => known(bc_hub_info(hub, now, room, token.as_ptr(), &mut answer)),
                1 => known(bc_hub_burn(hub, now, room, token.as_ptr(), &mut answer)),
                2 => known(bc_hub_leave(hub, now, room, token.as_ptr(), &mut answer)),
                3 => known(bc_hub_create(
                    hub,
                    now,
                    room,
                    body.as_ptr(),
                    body.len(),
                    &mut answer,
                )),
                4 => known(bc_hub_set_memory_full(hub, body.len() as u32 & 1)),
                _ => {
                    let mut stats = std::mem::zeroed::<HubStats>();
                    // A program of another age has another size.
                    let size = 8 + usize::from(token[0]) % size_of::<HubStats>();
                    known(bc_hub_get_stats(
                        hub,
                        &mut stats,
                        size.min(size_of::<HubStats>()),
                    ))
                }
            };
        }
        look_at(answer);
        Ok(())
    }

    /// What must be answered, and is nothing worse than a mistake.
    fn misuse(&self, client: *mut ClientHandle) {
        let mut output = unsafe { std::mem::zeroed::<OutputView>() };
        let size = size_of::<OutputView>();
        unsafe {
            assert_eq!(bc_client_poll(null_mut(), &mut output, size), BC_ERROR_NULL);
            assert_eq!(
                bc_client_poll(self.hub.cast(), &mut output, size),
                BC_ERROR_HANDLE
            );
            assert_eq!(bc_hub_shutdown(null_mut(), self.now), BC_ERROR_NULL);
            if !client.is_null() {
                assert_eq!(bc_client_poll(client, null_mut(), size), BC_ERROR_NULL);
                assert_eq!(bc_hub_shutdown(client.cast(), self.now), BC_ERROR_HANDLE);
            }
            if !self.freed.is_null() {
                assert_eq!(bc_client_free(self.freed), BC_ERROR_FREED);
                assert_eq!(bc_client_leave(self.freed, self.now), BC_ERROR_FREED);
            }
        }
    }

    fn end(&mut self) {
        for place in 0..CLIENTS {
            self.free(place);
        }
        known(unsafe { bc_hub_shutdown(self.hub, self.now) });
        self.settle_hub();
        let mut stats = unsafe { std::mem::zeroed::<HubStats>() };
        known(unsafe { bc_hub_get_stats(self.hub, &mut stats, size_of::<HubStats>()) });
        assert_eq!(stats.rooms, 0);
        assert_eq!(known(unsafe { bc_hub_free(self.hub) }), BC_OK);
    }
}
