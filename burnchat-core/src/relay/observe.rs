//! What a simulation sees of a room besides what it says: the states of section 14.2. Not part of any other build.

use super::Hub;
use super::roster::Presence;
use super::seats::SeatState;
use crate::ids::RoomId;

impl Hub {
    /// How far the asking for a key has come.
    #[must_use]
    pub fn asking_state(&self, room: &RoomId) -> Option<&'static str> {
        Some(self.live_room(room)?.asking.state_name())
    }

    /// The state of every seat the room has had, in the order of its first use.
    pub fn seat_states(&self, room: &RoomId) -> impl Iterator<Item = &'static str> {
        let live = self.live_room(room).into_iter();
        live.flat_map(|live| {
            live.seats.states().map(|state| match state {
                SeatState::Held(number) => match live.roster.get(number).map(|who| who.presence) {
                    Some(Presence::Here(_)) => "Here",
                    _ => "Away",
                },
                SeatState::Left => "Left",
                SeatState::Void => "Void",
                SeatState::Kicked => "Kicked",
            })
        })
    }
}
