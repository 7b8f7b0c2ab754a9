// Burnchat: ephemeral, end-to-end encrypted chat rooms (https://github.com/burnchat/burnchat).
// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The protocol's two machines without I/O: a bc_client is one participant in one room, a bc_hub is all rooms of a relay.
// They have no sockets, no clock, no threads and no callbacks: they are told what happened and when, and say what to do.
// `bindings/README.md` has the run loop. This file is made from the Rust source; do not edit it.
//
// Answers. Every function that can fail answers an int32_t: BC_OK, a number above 0 of the protocol's error registry
// (section 15 of spec/burnchat-1.md), or a number below 0 of this ABI (BC_ERROR_...). Those of the registry are named
// in the comments by name ("ended"); bc_code_name tells a number's name. A call that answers anything but BC_OK has
// changed nothing in the machine the caller can see, but that a frame is used up, unless its comment says otherwise; what
// it returns may have been written in part.
//
// Time. `now_ms` is milliseconds since the Unix epoch, on every call, from a clock that never steps and goes on while
// the machine sleeps (anchored once to the time of day). A time before that of an earlier call is taken for that of
// the earlier call.
//
// Pointers. What the caller passes in is read or written during the call and not kept. It has to point to what its type
// says, valid for as long as the call lasts; NULL is answered by BC_ERROR_NULL where it is not allowed, what is not aligned
// for its type by BC_ERROR_LENGTH. What the library hands out (bc_slice, arrays) belongs to the handle it came from, and is
// wiped when the next call on that handle has returned; to that call it may be given back. Calls that only ask for values
// leave it alone: bc_client_status, _me, _epoch, _room, _ends_at, _seat_token and _poll_timeout, bc_hub_poll_timeout and
// bc_hub_get_stats. Constant texts say so.
//
// Handles. A handle may be used by any thread, by one at a time; a call that comes while another runs is answered
// BC_ERROR_BUSY. Nothing is shared between handles. bc_client_free and bc_hub_free wipe all that a handle holds, and what
// the calls on it have left on the stack of the thread that frees it; a thread's stack has to have room for 128 KiB. A call
// on a handle freed a short while ago is answered BC_ERROR_FREED, one on another kind of handle BC_ERROR_HANDLE; later,
// or with a pointer that never was a handle, what happens is undefined, as for free().
//
// Structs that a function fills may grow at their end in later versions: such functions take the sizeof the caller was
// compiled with.


#ifndef BURNCHAT_H
#define BURNCHAT_H

#include <stddef.h>
#include <stdint.h>

// The version of this ABI that a header describes: the upper 16 bits change when programs have to be compiled again, the
// lower when something has been added.
#define BC_ABI_VERSION 65536

// It was done.
#define BC_OK 0

// A pointer that must point to something is NULL.
#define BC_ERROR_NULL -1

// The pointer is not a handle of the kind this function takes.
#define BC_ERROR_HANDLE -2

// The handle has been freed. Only answered shortly after; later such a call is undefined behaviour.
#define BC_ERROR_FREED -3

// The handle is in use by a call on another thread.
#define BC_ERROR_BUSY -4

// An earlier call on this handle answered BC_ERROR_PANIC: it can only be freed.
#define BC_ERROR_POISONED -5

// This call ran into a defect of the library, or the operating system gave no randomness. The handle is poisoned.
#define BC_ERROR_PANIC -6

// A text is not UTF-8.
#define BC_ERROR_UTF8 -7

// A length, count or struct size is out of range.
#define BC_ERROR_LENGTH -8

// A buffer of the caller's is too small; the length it needs has been written.
#define BC_ERROR_BUFFER -9

// What was asked for does not exist now: there is no such value before the join, or after the end.
#define BC_ERROR_NONE -10

// The participant may talk.
#define BC_ROLE_MEMBER 0

// The participant may also kick, lock, renew, extend and burn.
#define BC_ROLE_CREATOR 1

// A participant's entry passed every check (spec section 5.6); it has a name.
#define BC_PARTICIPANT_VERIFIED 1

// An earlier participant, present or gone, had the same name.
#define BC_PARTICIPANT_NAME_CLASH 2

// The participant is this client itself.
#define BC_PARTICIPANT_ME 4

// The seat is taken: `id`, `role`.
#define BC_EVENT_JOINED 1

// An epoch has been installed, and what is sent now can be read by everyone verified: `epoch`, `number` (the roster's
// version).
#define BC_EVENT_KEYED 2

// The newest roster has had no key for 10 s.
#define BC_EVENT_REKEY_STALLED 3

// Somebody joined: `participant`.
#define BC_EVENT_PARTICIPANT_JOINED 4

// Somebody left: `participant`, `reason` (`BC_LEFT_…`).
#define BC_EVENT_PARTICIPANT_LEFT 5

// The verification codes are new: somebody joined or left.
#define BC_EVENT_VERIFICATION_CHANGED 6

// A text: `id`, `participant` (its author; `from` is its id), `text`, `time_ms` (the author's clock), `number` (ms from reading to
// burning, 0 for none), `flag` (whether it was there before this client could read).
#define BC_EVENT_MESSAGE 7

// One's own text is in the log: `id`.
#define BC_EVENT_ACCEPTED 8

// One's own text was not sent and will not be, it is its author's again: `id`, `text`.
#define BC_EVENT_UNSENT 9

// One's own text was sent, and whether it arrived can't be known: `id`, `text`.
#define BC_EVENT_UNKNOWN 10

// Somebody has read a message: `about` (who read), `from` (who wrote), `id`.
#define BC_EVENT_READ 11

// Somebody is typing, or no longer: `from`, `flag`.
#define BC_EVENT_TYPING 12

// The time of one message is over, forget it: `from` (who wrote), `id`.
#define BC_EVENT_MESSAGE_BURNED 13

// A message this client can't read: `from`, `reason` (`BC_UNREADABLE_…`).
#define BC_EVENT_UNREADABLE 14

// Messages of somebody are missing: `from`, `number` (how many).
#define BC_EVENT_MISSED 15

// The relay's countdown: `number` (seconds, rounded up).
#define BC_EVENT_COUNTDOWN 16

// The room was locked or unlocked: `flag`.
#define BC_EVENT_LOCKED 17

// The end has moved: `number` (seconds that remain, rounded up).
#define BC_EVENT_EXTENDED 18

// The link has a new ticket: show `bc_client_link` in place of the old one.
#define BC_EVENT_LINK_CHANGED 19

// The ticket was replaced, and this client has not got the new one yet.
#define BC_EVENT_LINK_EXPIRED 20

// The kept history has been read: `flag` (whether all of it was there and could be opened).
#define BC_EVENT_HISTORY_READ 21

// The connection broke; the seat is kept for 30 s.
#define BC_EVENT_RECONNECTING 22

// The seat is taken up again, nothing was missed.
#define BC_EVENT_RESUMED 23

// What was missed is gone, or the relay contradicted itself; joining afresh: `code` (`gap` or `fork`).
#define BC_EVENT_REJOINING 24

// Something was found wrong, and refused: `code`, and if `flag` is set `about`.
#define BC_EVENT_FAULT 25

// The relay refused a command: `code`, `retry_after_ms`, `attempts_left`.
#define BC_EVENT_REFUSED 26

// It is over, everything has been wiped, and no event follows: `reason` (`BC_ENDED_…`), `code` if it was refused or
// failed, then `retry_after_ms` and `attempts_left` too.
#define BC_EVENT_ENDED 27

// It closed its connection.
#define BC_LEFT_LEFT 1

// It was away for too long.
#define BC_LEFT_TIMEOUT 2

// A creator removed it.
#define BC_LEFT_KICKED 3

// Its own fresh join took its seat over.
#define BC_LEFT_REPLACED 4

// This client does not hold the key.
#define BC_UNREADABLE_NOT_KEYED_YET 1

// It decrypted, and does not parse or is of no known kind.
#define BC_UNREADABLE_UNPARSABLE 2

// The room burned because its time was over.
#define BC_ENDED_EXPIRED 1

// The room burned because somebody entitled asked for it.
#define BC_ENDED_BURNED 2

// The room burned because the relay ended.
#define BC_ENDED_SHUTDOWN 3

// A creator removed this participant.
#define BC_ENDED_KICKED 4

// `bc_client_leave` was called.
#define BC_ENDED_LEFT 5

// The relay would not let this client in, or not back in.
#define BC_ENDED_REFUSED 6

// This client found something wrong that it can't go on with.
#define BC_ENDED_FAILED 7

// No time is named (`retry_after_ms`), or no number of attempts (`attempts_left`).
#define BC_UNSTATED UINT64_MAX

// A buffer of so many bytes holds every link.
#define BC_LINK_MAX 2048

// A buffer of so many bytes holds every request for a room.
#define BC_REQUEST_MAX 1024

// A buffer of so many bytes holds every PIN.
#define BC_PIN_MAX 32

// Nothing more to do for now.
#define BC_OUTPUT_NONE 0

// Open a connection to the room's relay, then call `bc_client_handle_connected`. How soon is the caller's to decide;
// after the first time, wait a little longer each time.
#define BC_OUTPUT_CONNECT 1

// Send `frame`, a text message.
#define BC_OUTPUT_SEND 2

// Close the connection with `close_code`; deliver nothing more from it, and do not report its end.
#define BC_OUTPUT_CLOSE 3

// Tell the people: `event`.
#define BC_OUTPUT_EVENT 4

// Not joined, and not connected.
#define BC_STATUS_OFFLINE 0

// Waiting for the relay's answer to the join.
#define BC_STATUS_JOINING 1

// Joined and connected.
#define BC_STATUS_JOINED 2

// Joined; the connection is broken.
#define BC_STATUS_AWAY 3

// Joined; receiving what was missed.
#define BC_STATUS_RESUMING 4

// Ended; everything is wiped.
#define BC_STATUS_ENDED 5

// `bc_client_poll_timeout`: nothing is due ever.
#define BC_NEVER UINT64_MAX

// Nothing more to do for now.
#define BC_HUB_OUTPUT_NONE 0

// Send `frame` to the `to_len` connections at `to`.
#define BC_HUB_OUTPUT_SEND 1

// Close `connection` with `close_code`, after all that was sent to it. Its end need not be reported.
#define BC_HUB_OUTPUT_CLOSE 2

// A room has burned, and all in it have been told: `reason` (`BC_ENDED_EXPIRED`, `…_BURNED`, `…_SHUTDOWN`), `late_ms`,
// `owner` (the peer that made it).
#define BC_HUB_OUTPUT_BURNED 3

// One participant's side of one room: opaque.
typedef struct bc_client bc_client;

// All rooms of a relay: opaque.
typedef struct bc_hub bc_hub;

// Bytes somewhere: not ended by a zero. Texts are UTF-8, and may hold any character, zero included.
//
// What the library gives stays valid until the next call on the same handle; `ptr` is NULL if there is no such value.
// What the caller gives is only read during the call; `ptr` may be NULL if `len` is 0.
typedef struct {
  // The first byte.
  const uint8_t *ptr;
  // How many there are.
  size_t len;
} bc_slice;

// What a creator chooses. All zeros is no valid choice: begin with `bc_room_settings_default`.
typedef struct {
  // How long the room lives: 30 s to 72 h.
  uint64_t ttl_seconds;
  // How much longer it may be made to live: at most 24 h.
  uint64_t extension_seconds;
  // Seats: 2 to 256.
  uint32_t capacity;
  // 1 if those who join later can read what was said before.
  uint32_t history;
  // 1 if every participant may burn the room.
  uint32_t anyone_may_burn;
  // 0.
  uint32_t reserved;
} bc_room_settings;

// What a relay answers when it has made a room. Wipe it when it has been used.
typedef struct {
  // For the join of the client that made the room.
  uint8_t creator_token[32];
  // For the creator's other devices; given once.
  uint8_t pin[BC_PIN_MAX];
  // How many bytes of `pin` count.
  size_t pin_len;
  // Until the room's end, rounded up.
  uint64_t seconds_remaining;
} bc_room_created_answer;

// What a relay refuses a request with.
typedef struct {
  // A number of the protocol's registry; `bad_request` for a name this version does not know.
  int32_t code;
  // The HTTP status, as the body states it.
  uint32_t status;
  // When to try again, or `BC_UNSTATED`.
  uint64_t retry_after_ms;
  // PIN attempts left, or `BC_UNSTATED`.
  uint64_t attempts_left;
} bc_problem_answer;

// 16 bytes: the id of a participant or of a message.
typedef struct {
  // The bytes, as in the spec.
  uint8_t bytes[16];
} bc_id;

// What a client joins with. Members that are not used are zero.
typedef struct {
  // The room's link.
  bc_slice link;
  // The name to show to the others, of 1 to 64 bytes; without one the client invents one.
  bc_slice name;
  // The PIN, to join as creator.
  bc_slice pin;
  // NULL, or the 32 bytes of the creator token, for the client that made the room.
  const uint8_t *creator_token;
  // NULL, or the 32 bytes of the token of a seat held before (`bc_client_seat_token`), to take it over.
  const uint8_t *seat_token;
  // NULL for the operating system's randomness; or 32 random bytes that nobody has used before, from which all of
  // this client's keys come. The same seed and inputs give the same outputs: never use one twice.
  const uint8_t *seed;
} bc_join_options;

// A message that has been read.
typedef struct {
  // Who wrote it.
  bc_id author;
  // Its id.
  bc_id id;
} bc_read;

// Somebody in the room, as shown to people.
typedef struct {
  // Its id.
  bc_id id;
  // `BC_ROLE_…`
  uint32_t role;
  // `BC_PARTICIPANT_…`, added up.
  uint32_t flags;
  // Its join number.
  uint64_t number;
  // Its name; none if its entry is not verified.
  bc_slice name;
  // `name·number·tag`: what to show (spec section 5.5).
  bc_slice label;
} bc_participant;

// What happened in the room. `type` says which of the other members count; the others are zero, or `BC_UNSTATED`.
typedef struct {
  // `BC_EVENT_…`. A program ignores numbers it does not know.
  uint32_t type;
  // A number of the protocol's registry, or 0.
  int32_t code;
  // Why, by the type: `BC_LEFT_…`, `BC_UNREADABLE_…`, `BC_ENDED_…`.
  uint32_t reason;
  // `BC_ROLE_…`
  uint32_t role;
  // 0 or 1, by the type.
  uint32_t flag;
  // 0.
  uint32_t reserved;
  // A number, by the type.
  uint64_t number;
  // Milliseconds since the Unix epoch.
  uint64_t time_ms;
  // When to try again, or `BC_UNSTATED`.
  uint64_t retry_after_ms;
  // PIN attempts left, or `BC_UNSTATED`.
  uint64_t attempts_left;
  // Of a message, or one's own.
  bc_id id;
  // Of the participant it comes from.
  bc_id from;
  // Of the participant it is about.
  bc_id about;
  // The epoch's id.
  uint8_t epoch[32];
  // The words.
  bc_slice text;
  // Somebody, with name and label.
  bc_participant participant;
} bc_event;

// The next thing to do or to know. Its pointers last until the next call on the client.
typedef struct {
  // `BC_OUTPUT_…`
  uint32_t kind;
  // The WebSocket close code, for `BC_OUTPUT_CLOSE`.
  uint32_t close_code;
  // What to send, for `BC_OUTPUT_SEND`: UTF-8.
  bc_slice frame;
  // For `BC_OUTPUT_EVENT`.
  bc_event event;
} bc_output;

// The codes people compare (spec section 10). Its pointers last until the next call on the client.
typedef struct {
  // Six hex digits: they catch accidents, not attackers.
  bc_slice short_code;
  // Sixty digits in groups of five.
  bc_slice safety_number;
  // What a QR code of the safety number holds.
  bc_slice qr_text;
  // Sixteen emoji, a code point each.
  bc_slice emoji[16];
  // What to call them when reading aloud, in English.
  bc_slice emoji_names[16];
} bc_verification;

// A hub's limits that embedders change; the others are the spec's (section 16). Begin with `bc_hub_limits_default`.
typedef struct {
  // Rooms at once.
  uint64_t rooms;
  // Rooms one peer has at once.
  uint64_t rooms_of_peer;
  // Connections at once.
  uint64_t connections;
  // Connections one peer has at once.
  uint64_t connections_of_peer;
  // Milliseconds from a connection to its join or resume.
  uint64_t handshake_ms;
  // Envelope bytes kept in a history room.
  uint64_t history_bytes;
  // Envelope bytes kept in another room.
  uint64_t kept_bytes;
} bc_hub_limits;

// The next thing a relay does. Its pointers last until the next call on the hub.
typedef struct {
  // `BC_HUB_OUTPUT_…`
  uint32_t kind;
  // The WebSocket close code.
  uint32_t close_code;
  // Why a room burned.
  uint32_t reason;
  // 0.
  uint32_t reserved;
  // The connection to close.
  uint64_t connection;
  // How late a room burned, in ms.
  uint64_t late_ms;
  // The peer that made the room that burned.
  bc_id owner;
  // Connections to send to.
  const uint64_t *to;
  // How many.
  size_t to_len;
  // What to send: UTF-8.
  bc_slice frame;
} bc_hub_output;

// Counts, for monitoring.
typedef struct {
  // Rooms alive.
  uint64_t rooms;
  // Connections open, with or without a seat.
  uint64_t connections;
  // Participants, those away included.
  uint64_t participants;
  // Bytes of log entries kept.
  uint64_t kept_bytes;
} bc_hub_stats;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The `BC_ABI_VERSION` of the library that is running. A program whose header has other upper 16 bits, or higher lower
// ones, must not go on.
uint32_t bc_abi_version(void);

// The library's own version, as `0.1.0`: ended by a zero, valid for ever.
const char *bc_version(void);

// The name of a code: those of the protocol's registry as on the wire (`room_not_found`), those of this ABI in lower
// case (`error_busy`), `ok` for 0. Empty if there is no such code. `name` is set to bytes that are valid for ever.
int32_t bc_code_name(int32_t code, bc_slice *name);

// What a code means, in English, for people. Empty if there is no such code. `meaning` is set to bytes that are valid
// for ever.
int32_t bc_code_meaning(int32_t code, bc_slice *meaning);

// Ten minutes, half an hour of possible extension, 50 seats, no history, burned by creators.
//
// `settings` points to memory for a `bc_room_settings`.
int32_t bc_room_settings_default(bc_room_settings *settings);

// Plans a room: writes the body of `POST /api/rooms` (JSON) and the room's link.
//
// `base` is the relay's URL (`https://relay.example`). `seed` is NULL, or points to 32 random bytes that nobody has used before;
// with NULL the operating system gives them. `request_len` and `link_len` hold the sizes of the buffers (at least
// `BC_REQUEST_MAX` and `BC_LINK_MAX`), and are set to what was written. The link is a secret: wipe the buffers.
//
// Answers `invalid_parameter` for settings out of range, `link_not_a_link` for a base that is no URL.
int32_t bc_room_plan(const uint8_t *base,
                     size_t base_len,
                     const bc_room_settings *settings,
                     uint64_t now_ms,
                     const uint8_t *seed,
                     uint8_t *request,
                     size_t *request_len,
                     uint8_t *link,
                     size_t *link_len);

// Reads the relay's answer 201 to a request for a room. Answers `malformed_frame` if it is none, `malformed_from_relay`
// if it is about another room than that of `link`.
int32_t bc_room_created(const uint8_t *answer,
                        size_t answer_len,
                        const uint8_t *link,
                        size_t link_len,
                        bc_room_created_answer *created);

// Reads a relay's refusal of an HTTP request (RFC 9457). Answers `malformed_frame` if it is none: then go by the HTTP
// status.
int32_t bc_problem(const uint8_t *answer, size_t answer_len, bc_problem_answer *problem);

// Reads a link: whether it is one (else the numbers 600 to 607), and its room, for the URL of the WebSocket
// (`<base>/api/rooms/<room id>/ws`). `base_len` is set to how many bytes of the link are its base; `room_id` to the
// room's id. Either may be NULL.
int32_t bc_link_check(const uint8_t *link, size_t link_len, size_t *base_len, bc_id *room_id);

// Makes a client for the room of a link, and sets `client` to it. Its first output is `BC_OUTPUT_CONNECT`.
//
// Answers 600 to 607 for a link that is none, `name_too_long` or
// `name_not_allowed`. Free it with `bc_client_free`.
int32_t bc_client_new(const bc_join_options *options, bc_client **client);

// Frees a client and wipes all it holds. It does not leave the room in good order: call `bc_client_leave` before, and
// close the connection. NULL is no mistake.
int32_t bc_client_free(bc_client *client);

// A connection to the relay is open: the subprotocol has been agreed on.
int32_t bc_client_handle_connected(bc_client *client, uint64_t now_ms);

// The connection broke, or could not be opened, and `BC_OUTPUT_CLOSE` was not the reason.
int32_t bc_client_handle_disconnected(bc_client *client, uint64_t now_ms);

// A text message came from the relay. For a binary one pass no bytes.
//
// What is answered says what was wrong with the frame. The client has refused it and goes on, or says by its outputs
// that it can't: whatever the answer is, poll.
int32_t bc_client_handle_frame(bc_client *client, uint64_t now_ms, const uint8_t *bytes, size_t len);

// It is so late. Call it when `bc_client_poll_timeout` says so.
int32_t bc_client_handle_timeout(bc_client *client, uint64_t now_ms);

// Writes a text (UTF-8, 1 to 32,768 bytes), and sets `id` to its id. It is sent when everyone it is for can read it;
// `BC_EVENT_ACCEPTED` says when it is in the log. `burn_after_ms` is the time from reading to burning, 0 for none.
//
// Answers `text_empty`, `text_too_long`, `queue_full`, `nobody_here`, `not_joined`, `ended`. `id` may be NULL.
int32_t bc_client_send_text(bc_client *client,
                            uint64_t now_ms,
                            const uint8_t *text,
                            size_t text_len,
                            uint32_t burn_after_ms,
                            bc_id *id);

// Says that the user is typing (1), or no longer (0). Answers `not_joined`, `ended`.
int32_t bc_client_set_typing(bc_client *client, uint64_t now_ms, uint32_t typing);

// Says that messages have been read: their own time begins to run, and their authors are told. At most 4,096 at once.
// Answers `invalid_parameter`, `not_joined`, `ended`.
int32_t bc_client_mark_read(bc_client *client, uint64_t now_ms, const bc_read *messages, size_t count);

// Removes a participant. With `renew_ticket` (1, the usual choice) the link it holds stops admitting.
//
// Answers `not_creator`, `invalid_parameter` for oneself, `queue_full`, `not_joined`, `ended`.
int32_t bc_client_kick(bc_client *client, uint64_t now_ms, const bc_id *participant, uint32_t renew_ticket);

// Locks (1) or unlocks (0) the room for new participants. Answers `not_creator`, `queue_full`, `not_joined`, `ended`.
int32_t bc_client_lock(bc_client *client, uint64_t now_ms, uint32_t locked);

// Replaces the link's ticket. Answers `not_creator`, `queue_full`, `not_joined`, `ended`.
int32_t bc_client_renew(bc_client *client, uint64_t now_ms);

// Moves the end by 1 to 1,800 seconds. Answers `not_creator`, `invalid_parameter`, `queue_full`, `not_joined`, `ended`.
int32_t bc_client_extend(bc_client *client, uint64_t now_ms, uint64_t seconds);

// Burns the room for everyone, now. Answers `not_creator`, `queue_full`, `not_joined`, `ended`.
int32_t bc_client_burn(bc_client *client, uint64_t now_ms);

// Leaves, and wipes everything. The outputs that follow close the connection.
int32_t bc_client_leave(bc_client *client, uint64_t now_ms);

// The next thing to do or to know. Call it after every other call, until `kind` is `BC_OUTPUT_NONE`.
//
// `output_size` is `sizeof(bc_output)`.
int32_t bc_client_poll(bc_client *client, bc_output *output, size_t output_size);

// When to call `bc_client_handle_timeout`, in the time the caller gives; `BC_NEVER` for never.
int32_t bc_client_poll_timeout(bc_client *client, uint64_t *at_ms);

// Where the client stands: `BC_STATUS_…`.
int32_t bc_client_status(bc_client *client, uint32_t *status);

// The link to share, with the newest ticket this client knows. `current` is set to whether it admits; it may be NULL.
// Answers `BC_ERROR_NONE` after the end.
int32_t bc_client_link(bc_client *client, bc_slice *link, uint32_t *current);

// One's own id and role (`BC_ROLE_…`; may be NULL). Answers `BC_ERROR_NONE` while not joined.
int32_t bc_client_me(bc_client *client, bc_id *id, uint32_t *my_role);

// Who is in the room, in join order: an array of `count`, owned by the client until the next call on it.
int32_t bc_client_participants(bc_client *client, const bc_participant **participants, size_t *count);

// The codes people compare. `verification_size` is `sizeof(bc_verification)`. Answers `BC_ERROR_NONE` while not joined.
int32_t bc_client_verification(bc_client *client, bc_verification *verification, size_t verification_size);

// The version of the newest epoch whose key this client holds, and its id (32 bytes; may be NULL). `BC_ERROR_NONE`
// without one.
int32_t bc_client_epoch(bc_client *client, uint64_t *version, uint8_t *epoch);

// Seats, whether everyone may burn, and whether the room is locked; each may be NULL. `BC_ERROR_NONE` while not joined.
int32_t bc_client_room(bc_client *client, uint32_t *capacity, uint32_t *anyone_may_burn, uint32_t *locked);

// When this client's own clock ends the room, in the time the caller gives. `BC_ERROR_NONE` before the join.
int32_t bc_client_ends_at(bc_client *client, uint64_t *at_ms);

// The token that takes this client's seat over after a restart of the program: a secret, to be kept nowhere but in the
// memory of one who means to come back. `token` has room for 32 bytes. `BC_ERROR_NONE` while there is none.
int32_t bc_client_seat_token(bc_client *client, uint8_t *token);

// The spec's limits. `limits` points to memory for a `bc_hub_limits`.
int32_t bc_hub_limits_default(bc_hub_limits *limits);

// Makes a hub without rooms, and sets `hub` to it. `limits` may be NULL, for the spec's. `seed` is NULL for the operating
// system's randomness, or 32 random bytes that nobody has used before. Free it with `bc_hub_free`.
int32_t bc_hub_new(const bc_hub_limits *limits,
                   const uint8_t *seed,
                   bc_hub **hub);

// Frees a hub and wipes all it holds. Nobody is told: call `bc_hub_shutdown` before, and carry out what it says. NULL is
// no mistake.
int32_t bc_hub_free(bc_hub *hub);

// Answers `POST /api/rooms`: `answer` is set to the body to send, with status 201 if this answers 0, else a problem whose
// `status` is the status. `peer` is any 16 bytes that stand for the peer's address (spec section 11.4).
//
// Answers `malformed_frame`, `frame_too_large`, `bad_request`, `room_exists` or `too_many_rooms`.
int32_t bc_hub_create(bc_hub *hub,
                      uint64_t now_ms,
                      const bc_id *peer,
                      const uint8_t *body,
                      size_t body_len,
                      bc_slice *answer);

// Answers `GET /api/rooms/<room id>` with the header `Burnchat-Ticket` (`ticket`, 16 bytes): as `bc_hub_create`, with status 200. Answers
// `room_not_found` or `link_expired`.
int32_t bc_hub_info(bc_hub *hub,
                    uint64_t now_ms,
                    const bc_id *room,
                    const uint8_t *ticket,
                    bc_slice *answer);

// Answers `DELETE /api/rooms/<room id>` with the header `Burnchat-Creator` (`creator_token`, 32 bytes): 0, the room burns and the status is 204; or
// `room_not_found`, with a problem as `answer`.
int32_t bc_hub_burn(bc_hub *hub,
                    uint64_t now_ms,
                    const bc_id *room,
                    const uint8_t *creator_token,
                    bc_slice *answer);

// Burns a room because whoever runs the relay wants it gone. Answers `room_not_found` if there is none.
int32_t bc_hub_take_down(bc_hub *hub, uint64_t now_ms, const bc_id *room);

// Lets the participant leave whose seat token is shown (32 bytes), as the plain-HTTP transport's clean end does (spec
// section 13.5). 0, and the status is 204; or `room_not_found`, `kicked` or `displaced`, with a problem as `answer`.
int32_t bc_hub_leave(bc_hub *hub, uint64_t now_ms, const bc_id *room, const uint8_t *seat_token, bc_slice *answer);

// A WebSocket is open for a room, whether or not there is one. `connection` is a number that was never used before.
int32_t bc_hub_handle_connect(bc_hub *hub, uint64_t now_ms, uint64_t connection, const bc_id *peer, const bc_id *room);

// A text message came on a connection. For a binary one pass no bytes. What is wrong with it is told to its sender, by
// the outputs.
int32_t bc_hub_handle_frame(bc_hub *hub, uint64_t now_ms, uint64_t connection, const uint8_t *bytes, size_t len);

// A connection has ended: `clean` is 1 if its client closed it with 1000 or 1001, 0 for any other end.
int32_t bc_hub_handle_disconnect(bc_hub *hub, uint64_t now_ms, uint64_t connection, uint32_t clean);

// It is so late. Call it when `bc_hub_poll_timeout` says so.
int32_t bc_hub_handle_timeout(bc_hub *hub, uint64_t now_ms);

// Burns every room: the relay is about to end.
int32_t bc_hub_shutdown(bc_hub *hub, uint64_t now_ms);

// Whether there is no memory for more than is kept (1): while there is none, rooms drop their oldest log entries for new
// ones. A program with a budget for all rooms says so, going by `bc_hub_get_stats`.
int32_t bc_hub_set_memory_full(bc_hub *hub,
                               uint32_t full);

// The next thing to do. Call it after every other call, until `kind` is `BC_HUB_OUTPUT_NONE`. `output_size` is
// `sizeof(bc_hub_output)`.
int32_t bc_hub_poll(bc_hub *hub, bc_hub_output *output, size_t output_size);

// When to call `bc_hub_handle_timeout`, in the time the caller gives; `BC_NEVER` for never.
int32_t bc_hub_poll_timeout(bc_hub *hub, uint64_t *at_ms);

// How much there is. `stats_size` is `sizeof(bc_hub_stats)`.
int32_t bc_hub_get_stats(bc_hub *hub, bc_hub_stats *stats, size_t stats_size);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* BURNCHAT_H */
