//! One participant.

use alloc::string::String;
use alloc::vec::Vec;

use burnchat_core::client::{Client as Machine, JoinOptions, Output, Status};
use burnchat_core::crypto::{Name, ReadMessage, SecretBytes};
use burnchat_core::error::Code;
use burnchat_core::ids::{MessageId, ParticipantId};
use burnchat_core::link::Link;
use js_sys::{Array, Object, Uint8Array};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroizing;

use crate::entropy::Entropy;
use crate::event;
use crate::plain::{Plain, member, number, secret, text, time, whole};
use crate::refusal::{fault, throw, thrown};
use crate::stack;

/// How many messages can be marked as read in one call.
const READ_AT_ONCE: u32 = 4_096;

/// One participant's side of one room.
///
/// Do what `pollOutput` says after every other call, until it gives `undefined`; call `handleTimeout` when `pollTimeout`
/// says so. `free()` wipes it; it does not leave the room in good order: call `leave` before, and close the connection.
#[wasm_bindgen]
pub struct Client {
    machine: Machine,
    entropy: Entropy,
}

#[wasm_bindgen]
impl Client {
    /// A client for the room of a link. Its first output is `connect`.
    ///
    /// Throws the codes 600 to 607 for a link that is none, `name_too_long`, `name_not_allowed`, and `invalid_parameter`.
    #[wasm_bindgen(constructor)]
    pub fn new(
        link: String,
        #[wasm_bindgen(unchecked_optional_param_type = "JoinOptions")] options: JsValue,
    ) -> Result<Self, JsValue> {
        let link = Link::parse(&Zeroizing::new(link)).map_err(thrown)?;
        let name = text(&options, "name")?.map(Zeroizing::new);
        let pin = text(&options, "pin")?.map(Zeroizing::new);
        let mut entropy = Entropy::new(&member(&options, "seed")?)?;
        let options = JoinOptions {
            name: name
                .map(|name| Name::new(&name))
                .transpose()
                .map_err(thrown)?,
            pin: pin.map(|pin| SecretBytes::copy_of(pin.as_bytes())),
            creator_token: secret(&options, "creatorToken")?,
            seat_token: secret(&options, "seatToken")?,
        };
        let machine = Machine::new(link, options, &mut entropy);
        Ok(Self { machine, entropy })
    }

    /// A connection to the relay is open: the subprotocol `burnchat.v1` has been agreed on.
    #[wasm_bindgen(js_name = handleConnected, unchecked_return_type = "Fault | undefined")]
    pub fn handle_connected(
        &mut self,
        #[wasm_bindgen(js_name = nowMs)] now_ms: f64,
    ) -> Result<Option<Object>, JsValue> {
        let now = time(now_ms)?;
        Ok(fault(self.machine.handle_connected(now, &mut self.entropy)))
    }

    /// The connection broke, or could not be opened, and no `close` was the reason.
    #[wasm_bindgen(js_name = handleDisconnected)]
    pub fn handle_disconnected(
        &mut self,
        #[wasm_bindgen(js_name = nowMs)] now_ms: f64,
    ) -> Result<(), JsValue> {
        self.machine.handle_disconnected(time(now_ms)?);
        Ok(())
    }

    /// A text message came from the relay. For a binary one pass an empty text.
    ///
    /// What is answered says what was wrong with the frame. The client has refused it and goes on, or says by its outputs
    /// that it can't: whatever the answer is, poll.
    #[wasm_bindgen(js_name = handleFrame, unchecked_return_type = "Fault | undefined")]
    pub fn handle_frame(
        &mut self,
        #[wasm_bindgen(js_name = nowMs)] now_ms: f64,
        frame: String,
    ) -> Result<Option<Object>, JsValue> {
        let now = time(now_ms)?;
        let outcome = self
            .machine
            .handle_frame(now, frame.as_bytes(), &mut self.entropy);
        Ok(fault(outcome))
    }

    /// It is so late. Call it when `pollTimeout` says so.
    #[wasm_bindgen(js_name = handleTimeout)]
    pub fn handle_timeout(
        &mut self,
        #[wasm_bindgen(js_name = nowMs)] now_ms: f64,
    ) -> Result<(), JsValue> {
        let now = time(now_ms)?;
        self.machine.handle_timeout(now, &mut self.entropy);
        Ok(())
    }

    /// Writes a text (1 to 32,768 bytes of UTF-8), and answers its id. It is sent when everyone it is for can read it;
    /// the event `accepted` says when it is in the log. `burnAfterMs` is the time from reading to burning, 0 for none.
    ///
    /// Throws `text_empty`, `text_too_long`, `queue_full`, `nobody_here`, `not_joined`, `ended`, `invalid_parameter`.
    #[wasm_bindgen(js_name = sendText)]
    pub fn send_text(
        &mut self,
        #[wasm_bindgen(js_name = nowMs)] now_ms: f64,
        text: String,
        #[wasm_bindgen(js_name = burnAfterMs)] burn_after_ms: Option<f64>,
    ) -> Result<String, JsValue> {
        let text = Zeroizing::new(text);
        let burn_after = u32::try_from(whole(burn_after_ms.unwrap_or_default())?)
            .map_err(|_| thrown(Code::InvalidParameter))?;
        let id = self
            .machine
            .send_text(time(now_ms)?, &text, burn_after, &mut self.entropy)
            .map_err(throw)?;
        Ok(id.to_base64())
    }

    /// Says that the user is typing, or no longer. Throws `not_joined`, `ended`.
    #[wasm_bindgen(js_name = setTyping)]
    pub fn set_typing(
        &mut self,
        #[wasm_bindgen(js_name = nowMs)] now_ms: f64,
        typing: bool,
    ) -> Result<(), JsValue> {
        let now = time(now_ms)?;
        let outcome = self.machine.set_typing(now, typing, &mut self.entropy);
        outcome.map_err(throw)
    }

    /// Says that messages have been read: their own time begins to run, and their authors are told. At most 4,096 at once.
    /// Throws `invalid_parameter`, `not_joined`, `ended`.
    #[wasm_bindgen(js_name = markRead)]
    pub fn mark_read(
        &mut self,
        #[wasm_bindgen(js_name = nowMs)] now_ms: f64,
        #[wasm_bindgen(unchecked_param_type = "ReadMessage[]")] messages: Array,
    ) -> Result<(), JsValue> {
        if messages.length() > READ_AT_ONCE {
            return Err(thrown(Code::InvalidParameter));
        }
        let messages: Vec<_> = messages
            .iter()
            .map(|message| {
                let author = text(&message, "author")?
                    .as_deref()
                    .and_then(ParticipantId::from_base64);
                let id = text(&message, "id")?
                    .as_deref()
                    .and_then(MessageId::from_base64);
                author
                    .zip(id)
                    .map(|(sender, id)| ReadMessage { sender, id })
                    .ok_or_else(|| thrown(Code::InvalidParameter))
            })
            .collect::<Result<_, JsValue>>()?;
        let now = time(now_ms)?;
        let outcome = self.machine.mark_read(now, &messages, &mut self.entropy);
        outcome.map_err(throw)
    }

    /// Removes a participant. Unless `renewTicket` is false the link it holds stops admitting.
    ///
    /// Throws `not_creator`, `invalid_parameter` for oneself, `queue_full`, `not_joined`, `ended`.
    pub fn kick(
        &mut self,
        #[wasm_bindgen(js_name = nowMs)] now_ms: f64,
        participant: String,
        #[wasm_bindgen(js_name = renewTicket)] renew_ticket: Option<bool>,
    ) -> Result<(), JsValue> {
        let id = ParticipantId::from_base64(&participant)
            .ok_or_else(|| thrown(Code::InvalidParameter))?;
        let renew = renew_ticket.unwrap_or(true);
        let now = time(now_ms)?;
        let outcome = self.machine.kick(now, id, renew, &mut self.entropy);
        outcome.map_err(throw)
    }

    /// Locks or unlocks the room for new participants. Throws `not_creator`, `queue_full`, `not_joined`, `ended`.
    pub fn lock(
        &mut self,
        #[wasm_bindgen(js_name = nowMs)] now_ms: f64,
        locked: bool,
    ) -> Result<(), JsValue> {
        let now = time(now_ms)?;
        let outcome = self.machine.lock(now, locked, &mut self.entropy);
        outcome.map_err(throw)
    }

    /// Replaces the link's ticket. Throws `not_creator`, `queue_full`, `not_joined`, `ended`.
    pub fn renew(&mut self, #[wasm_bindgen(js_name = nowMs)] now_ms: f64) -> Result<(), JsValue> {
        let now = time(now_ms)?;
        self.machine.renew(now, &mut self.entropy).map_err(throw)
    }

    /// Moves the end by 1 to 1,800 seconds. Throws `not_creator`, `invalid_parameter`, `queue_full`, `not_joined`,
    /// `ended`.
    pub fn extend(
        &mut self,
        #[wasm_bindgen(js_name = nowMs)] now_ms: f64,
        seconds: f64,
    ) -> Result<(), JsValue> {
        let (now, seconds) = (time(now_ms)?, whole(seconds)?);
        let outcome = self.machine.extend(now, seconds, &mut self.entropy);
        outcome.map_err(throw)
    }

    /// Burns the room for everyone, now. Throws `not_creator`, `queue_full`, `not_joined`, `ended`.
    pub fn burn(&mut self, #[wasm_bindgen(js_name = nowMs)] now_ms: f64) -> Result<(), JsValue> {
        let now = time(now_ms)?;
        self.machine.burn(now, &mut self.entropy).map_err(throw)
    }

    /// Leaves, and wipes everything. The outputs that follow close the connection.
    pub fn leave(&mut self, #[wasm_bindgen(js_name = nowMs)] now_ms: f64) -> Result<(), JsValue> {
        self.machine.leave(time(now_ms)?);
        Ok(())
    }

    /// The next thing to do or to know; `undefined` if there is nothing for now.
    #[wasm_bindgen(js_name = pollOutput, unchecked_return_type = "Output | undefined")]
    pub fn poll_output(&mut self) -> Option<Object> {
        let output: Output = self.machine.poll_output()?;
        Some(event::output(output))
    }

    /// When to call `handleTimeout`, in the time the caller gives; `undefined` for never.
    #[wasm_bindgen(js_name = pollTimeout, unchecked_return_type = "number | undefined")]
    pub fn poll_timeout(&self) -> JsValue {
        let at = self.machine.poll_timeout();
        at.map_or(JsValue::UNDEFINED, |at| number(at.0))
    }

    /// Where the client stands.
    #[wasm_bindgen(unchecked_return_type = "Status")]
    pub fn status(&self) -> String {
        match self.machine.status() {
            Status::Offline => "offline",
            Status::Joining => "joining",
            Status::Joined => "joined",
            Status::Away => "away",
            Status::Resuming => "resuming",
            Status::Ended(_) => "ended",
        }
        .into()
    }

    /// The link to share, with the newest ticket this client knows; `undefined` after the end.
    pub fn link(&self) -> Option<String> {
        let link = self.machine.link()?;
        Some(link.to_url().as_str().into())
    }

    /// Whether that link admits: not between a renewal by somebody else and hearing of it.
    #[wasm_bindgen(js_name = linkIsCurrent)]
    pub fn link_is_current(&self) -> bool {
        self.machine.link_is_current()
    }

    /// One's own id and role; `undefined` while not joined.
    #[wasm_bindgen(unchecked_return_type = "Me | undefined")]
    pub fn me(&self) -> Option<Object> {
        let (id, role) = (self.machine.id()?, self.machine.role()?);
        let me = Plain::default().put("id", id.to_base64());
        Some(me.put("role", event::role(role)).into())
    }

    /// Who is in the room, in join order; nobody while not joined.
    #[wasm_bindgen(unchecked_return_type = "Participant[]")]
    pub fn participants(&self) -> Array {
        let participants = self.machine.participants();
        participants
            .iter()
            .map(|who| JsValue::from(event::participant(who)))
            .collect()
    }

    /// The codes people compare (spec section 10); `undefined` while not joined.
    #[wasm_bindgen(unchecked_return_type = "Verification | undefined")]
    pub fn verification(&self) -> Option<Object> {
        let codes = self.machine.verification()?;
        Some(event::verification(&codes))
    }

    /// The newest epoch whose key this client holds; `undefined` without one.
    #[wasm_bindgen(unchecked_return_type = "Epoch | undefined")]
    pub fn epoch(&self) -> Option<Object> {
        let (version, id) = self.machine.epoch()?;
        let epoch = Plain::default().put("version", number(version));
        Some(epoch.put("id", id.to_base64()).into())
    }

    /// Seats, who may burn, and whether the room is locked; `undefined` while not joined.
    #[wasm_bindgen(unchecked_return_type = "Room | undefined")]
    pub fn room(&self) -> Option<Object> {
        let (capacity, burn) = self.machine.room_settings()?;
        Some(
            Plain::default()
                .put("capacity", capacity)
                .put("whoMayBurn", event::who_may_burn(burn))
                .put("locked", self.machine.is_locked())
                .into(),
        )
    }

    /// When this client's own clock ends the room, in the time the caller gives; `undefined` before the join.
    #[wasm_bindgen(js_name = endsAt, unchecked_return_type = "number | undefined")]
    pub fn ends_at(&self) -> JsValue {
        let at = self.machine.ends_at();
        at.map_or(JsValue::UNDEFINED, |at| number(at.0))
    }

    /// The token (32 bytes) that takes this client's seat over after a reload: a secret. `undefined` while there is none.
    #[wasm_bindgen(js_name = seatToken)]
    pub fn seat_token(&self) -> Option<Uint8Array> {
        let token = self.machine.seat_token()?;
        Some(Uint8Array::from(token.as_bytes().as_slice()))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // The machine wipes what it holds; calls have had copies of it.
        stack::wipe_below();
    }
}

impl core::fmt::Debug for Client {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}
