// Chat in one room, in a terminal or behind a script: the C ABI over libwebsockets, in one thread and one loop.
//
//   chat [--ca FILE] LINK [NAME]           joins; - as LINK reads it from the first line of standard input
//   chat [--ca FILE] --create BASE [NAME]  makes a room of ten minutes first
//
// The library decides what is said and when; this file carries it out. `turn` is the run loop.
#define _DEFAULT_SOURCE // explicit_bzero, getentropy
#include "clock.h"
#include "connection.h"
#include "create.h"
#include "input.h"
#include "screen.h"

#include <burnchat.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

// Waits before connecting again: drawn from nothing up to a ceiling that doubles, so that the clients of a relay that
// comes back do not all come back with it.
#define PAUSE_FIRST_MS 250
#define PAUSE_LONGEST_MS 8000
// How long a connection may take to open, and then to bring `joined` or `resumed`.
#define PATIENCE_MS 10000
// A relay counts down every 10 s (spec section 12.1): what is silent for longer than this is dead.
#define SILENCE_MS 25000
#define FAREWELL_MS 2000
// The clock is looked at so often even if nothing is due: what poll() waits on stands still while the machine sleeps.
#define TICK_MS 1000

typedef struct {
  bc_client *client;
  connection wire;
  address relay;
  char path[4096];
  uint64_t pause_ms;     // the next ceiling
  bool wants_connection; // and not before:
  uint64_t connect_at;
  uint64_t since;    // the connection's state has been what it is
  uint64_t heard_at; // the relay's last sign of life
  bool reached;      // the relay has been
  bool choked;       // it takes no frames
  bool joined;       // standard input is read
  bool held_up;      // the line that was read last has to wait
  bool ended;        // the room is over for this program
  int status;        // what it exits with
} chat;

static volatile sig_atomic_t signalled;

static void on_signal(int number) {
  (void)number;
  signalled = 1;
}

// What only a defect of this program or of the library answers.
static void must(int32_t code, const char *what) {
  if (code == BC_OK) return;
  complain(what, code);
  exit(1);
}

static void end(chat *c, int status) {
  c->ended = true;
  c->status = status;
}

static void say(chat *c, const char *words) {
  put(words);
  if (!put_line()) end(c, 1);
}

// An end that is a failure: the number of the protocol's registry, or 0 for a relay that can't be reached.
static void say_end(chat *c, int32_t code) {
  bc_slice name = {0};
  bc_code_name(code, &name);
  end(c, 1);
  put("* ended: ");
  if (code == 0) put("unreachable");
  else put_shown(name);
  say(c, "");
}

static uint64_t next_pause(chat *c) {
  uint32_t draw;
  if (getentropy(&draw, sizeof draw) != 0) draw = UINT32_MAX; // the longest will do
  uint64_t pause = c->pause_ms * draw >> 32;
  c->pause_ms = c->pause_ms * 2 < PAUSE_LONGEST_MS ? c->pause_ms * 2 : PAUSE_LONGEST_MS;
  return pause;
}

static void show_person(chat *c, const bc_participant *who, const char *what) {
  put("* ");
  put_shown(who->name.len > 0 ? who->name : who->label);
  say(c, what);
}

static void show_end(chat *c, const bc_event *event) {
  switch (event->reason) {
  case BC_ENDED_EXPIRED:
  case BC_ENDED_BURNED:
  case BC_ENDED_SHUTDOWN:
    end(c, 0);
    say(c, "* burned");
    break;
  case BC_ENDED_KICKED:
    end(c, 0);
    say(c, "* kicked");
    break;
  case BC_ENDED_LEFT:
    end(c, 0);
    break;
  default:
    say_end(c, event->code);
  }
}

// Nothing here calls the client: what the event points to lasts until the next call.
static void show(chat *c, const bc_event *event) {
  switch (event->type) {
  case BC_EVENT_JOINED:
    c->joined = true;
    say(c, "* joined");
    break;
  case BC_EVENT_KEYED:
    say(c, "* keyed");
    break;
  case BC_EVENT_PARTICIPANT_JOINED:
    show_person(c, &event->participant, " came");
    break;
  case BC_EVENT_PARTICIPANT_LEFT:
    show_person(c, &event->participant, " left");
    break;
  case BC_EVENT_MESSAGE:
    put_shown(event->participant.name.len > 0 ? event->participant.name : event->participant.label);
    put(": ");
    put_shown(event->text);
    say(c, "");
    break;
  case BC_EVENT_ACCEPTED:
    c->held_up = false;
    say(c, "* sent");
    break;
  case BC_EVENT_UNSENT:
  case BC_EVENT_UNKNOWN:
    c->held_up = false;
    fprintf(stderr, event->type == BC_EVENT_UNSENT ? "a text was not sent\n" : "a text may not have arrived\n");
    break;
  case BC_EVENT_FAULT:
    complain("refused", event->code);
    break;
  case BC_EVENT_REFUSED:
    complain("the relay refused", event->code);
    break;
  case BC_EVENT_ENDED:
    show_end(c, event);
    break;
  default: // of no interest here, or of a later version
    break;
  }
}

// Carries out what the client says. It belongs after every call that tells the client something.
static void drain(chat *c) {
  for (;;) {
    bc_output output;
    must(bc_client_poll(c->client, &output, sizeof output), "poll");
    switch (output.kind) {
    case BC_OUTPUT_NONE:
      return;
    case BC_OUTPUT_CONNECT:
      c->wants_connection = true;
      c->connect_at = now_ms() + (c->reached ? next_pause(c) : 0);
      break;
    case BC_OUTPUT_SEND:
      // A relay that reads nothing any more is given up. What it has missed it is sent on the next connection.
      if (c->wire.state == CONNECTION_OPEN && !c->choked)
        c->choked = !connection_send(&c->wire, output.frame.ptr, output.frame.len);
      break;
    case BC_OUTPUT_CLOSE:
      c->wants_connection = false;
      c->since = now_ms();
      connection_close(&c->wire, output.close_code);
      break;
    case BC_OUTPUT_EVENT:
      show(c, &output.event);
      break;
    default:
      break;
    }
  }
}

static void on_opened(void *owner) {
  chat *c = owner;
  c->since = c->heard_at = now_ms();
  c->reached = true;
  c->choked = false;
  must(bc_client_handle_connected(c->client, c->since), "connected");
  drain(c);
}

static void on_message(void *owner, const uint8_t *bytes, size_t len) {
  chat *c = owner;
  // A number above 0 is about the frame; what follows from it the outputs say.
  int32_t code = bc_client_handle_frame(c->client, now_ms(), bytes, len);
  if (code < 0) must(code, "frame");
  drain(c);
}

static void not_opened(chat *c) {
  // What can't be reached at the start is not waited for; later there is a seat to come back to.
  if (!c->reached) {
    say_end(c, 0);
    return;
  }
  c->wants_connection = true;
  c->connect_at = now_ms() + next_pause(c);
}

static void on_ended(void *owner, connection_state was) {
  chat *c = owner;
  if (was == CONNECTION_OPENING) {
    not_opened(c);
  } else if (was == CONNECTION_OPEN) {
    must(bc_client_handle_disconnected(c->client, now_ms()), "disconnected");
    drain(c);
  }
}

static const connection_events events = {on_opened, on_message, on_ended};

static bool settled(chat *c) {
  uint32_t status;
  must(bc_client_status(c->client, &status), "status");
  return status == BC_STATUS_JOINED;
}

// Opens, watches and gives up connections.
static void keep_connection(chat *c, uint64_t now) {
  if (c->wire.heard) c->heard_at = now;
  c->wire.heard = false;
  uint64_t age = now - c->since;
  switch (c->wire.state) {
  case CONNECTION_NONE:
    if (!c->wants_connection || c->ended || now < c->connect_at) return;
    c->wants_connection = false;
    c->since = now;
    if (!connection_open(&c->wire, &c->relay, c->path)) not_opened(c);
    return;
  case CONNECTION_OPENING:
    if (c->ended) {
      connection_drop(&c->wire);
    } else if (age >= PATIENCE_MS) {
      connection_drop(&c->wire);
      not_opened(c);
    }
    return;
  case CONNECTION_OPEN: {
    bool well = settled(c);
    if (well) c->pause_ms = PAUSE_FIRST_MS;
    if (now - c->heard_at >= SILENCE_MS || (!well && age >= PATIENCE_MS) || c->choked || c->ended) {
      connection_drop(&c->wire);
      on_ended(c, CONNECTION_OPEN);
    }
    return;
  }
  case CONNECTION_CLOSING:
    if (age >= FAREWELL_MS) connection_drop(&c->wire);
    return;
  }
}

static void show_codes(chat *c) {
  bc_verification codes;
  int32_t code = bc_client_verification(c->client, &codes, sizeof codes);
  if (code != BC_OK) {
    complain("no codes", code);
    return;
  }
  put("* code ");
  put_shown(codes.short_code);
  put(" ");
  put_shown(codes.safety_number);
  say(c, "");
}

static bool is(const uint8_t *line, size_t len, const char *word) {
  return len == strlen(word) && memcmp(line, word, len) == 0;
}

// Does what a line says. Answers false if it has to wait.
static bool obey(chat *c, const uint8_t *line, size_t len) {
  if (len == 0) return true;
  if (is(line, len, "/codes")) {
    show_codes(c);
    return true;
  }
  int32_t code;
  if (is(line, len, "/quit")) code = bc_client_leave(c->client, now_ms());
  else if (is(line, len, "/burn")) code = bc_client_burn(c->client, now_ms());
  else code = bc_client_send_text(c->client, now_ms(), line, len, 0, NULL);
  drain(c);
  bc_slice name = {0};
  bc_code_name(code, &name);
  if (code > 0 && is(name.ptr, name.len, "queue_full")) {
    c->held_up = true;
    return false;
  }
  if (code != BC_OK) complain("not done", code);
  return true;
}

// Takes the lines that have come, once there is a seat.
static void take_input(chat *c) {
  const uint8_t *line;
  size_t len;
  while (c->joined && !c->ended && !c->held_up) {
    switch (input_line(&line, &len)) {
    case INPUT_NOTHING:
      input_watch(true);
      return;
    case INPUT_END:
      must(bc_client_leave(c->client, now_ms()), "leave");
      drain(c);
      return;
    case INPUT_LINE:
      if (obey(c, line, len)) input_next();
    }
  }
}

static void wake(lws_sorted_usec_list_t *timer) {
  (void)timer;
}

// Everything that is due, then how long there is to wait.
static void turn(chat *c, lws_sorted_usec_list_t *timer) {
  uint64_t now = now_ms(), due;
  if (signalled && !c->ended) {
    must(bc_client_leave(c->client, now), "leave");
    drain(c);
  }
  must(bc_client_poll_timeout(c->client, &due), "timeout");
  if (now >= due) {
    must(bc_client_handle_timeout(c->client, now), "timeout");
    drain(c);
  }
  take_input(c);
  keep_connection(c, now);
  must(bc_client_poll_timeout(c->client, &due), "timeout");
  if (c->wants_connection && c->connect_at < due) due = c->connect_at;
  now = now_ms();
  uint64_t wait = due <= now ? 1 : due - now < TICK_MS ? due - now : TICK_MS;
  lws_sul_schedule(c->wire.context, 0, timer, wake, (lws_usec_t)wait * LWS_US_PER_MS);
}

static int run(chat *c) {
  if (!input_start(c->wire.context)) {
    fprintf(stderr, "standard input can't be read\n");
    return 1;
  }
  lws_sorted_usec_list_t timer;
  memset(&timer, 0, sizeof timer);
  drain(c);
  turn(c, &timer);
  while (!c->ended || c->wire.state != CONNECTION_NONE) {
    if (lws_service(c->wire.context, 0) < 0) {
      c->status = 1;
      break;
    }
    turn(c, &timer);
  }
  lws_sul_cancel(&timer);
  return c->status;
}

static struct lws_context *make_context(const char *ca) {
  static const struct lws_protocols none = {.name = NULL};
  // The library keeps pointing at it.
  static struct lws_protocols protocols[4];
  protocols[0] = connection_protocol;
  protocols[1] = input_protocol;
  protocols[2] = create_protocol;
  protocols[3] = none;
  // What libwebsockets would log names paths, and they name rooms.
  lws_set_log_level(0, NULL);
  struct lws_context_creation_info info;
  memset(&info, 0, sizeof info);
  info.port = CONTEXT_PORT_NO_LISTEN;
  info.protocols = protocols;
  info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
  // A file of one's own stands in place of what the system trusts.
  if (ca != NULL) info.options |= LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS;
  info.client_ssl_ca_filepath = ca;
  info.gid = info.uid = (gid_t)-1;
  return lws_create_context(&info);
}

// Joins, and wipes the link and the token as soon as the client has them.
static int join(chat *c, uint8_t *link, size_t link_len, const char *name, uint8_t *creator_token) {
  size_t base_len;
  bc_id room;
  int32_t code = bc_link_check(link, link_len, &base_len, &room);
  if (code == BC_OK && !address_of(link, base_len, &c->relay)) code = BC_ERROR_LENGTH;
  bc_join_options options = {.link = {link, link_len}, .creator_token = creator_token};
  if (name != NULL) options.name = (bc_slice){(const uint8_t *)name, strlen(name)};
  if (code == BC_OK) code = bc_client_new(&options, &c->client);
  explicit_bzero(link, link_len);
  if (creator_token != NULL) explicit_bzero(creator_token, 32);
  if (code != BC_OK) {
    say_end(c, code);
    return c->status;
  }
  address_room(&c->relay, &room, c->path, sizeof c->path);
  int status = run(c);
  explicit_bzero(c->path, sizeof c->path);
  must(bc_client_free(c->client), "free");
  return status;
}

// Makes a room, shows its link and joins it.
static int create_and_join(chat *c, const char *base, const char *name) {
  static uint8_t link[BC_LINK_MAX];
  size_t link_len = sizeof link;
  bc_room_created_answer created;
  int32_t code = 0;
  if (create_room(c->wire.context, base, link, &link_len, &created, &code)) {
    explicit_bzero(created.pin, sizeof created.pin); // for other devices, of which this program has none
    put("* link ");
    put_shown((bc_slice){link, link_len});
    say(c, "");
    join(c, link, link_len, name, created.creator_token);
  } else {
    say_end(c, code);
  }
  explicit_bzero(&created, sizeof created);
  return c->status;
}

static int join_given(chat *c, char *given, const char *name) {
  static uint8_t link[BC_LINK_MAX];
  long len;
  if (strcmp(given, "-") == 0) {
    len = input_first_line(link, sizeof link);
  } else {
    len = strlen(given) <= sizeof link ? (long)strlen(given) : -1;
    if (len >= 0) memcpy(link, given, (size_t)len);
    // Out of the arguments, where every program of this machine can read it.
    explicit_bzero(given, strlen(given));
  }
  if (len >= 0) join(c, link, (size_t)len, name, NULL);
  else say_end(c, bc_link_check((const uint8_t *)"", 0, NULL, NULL));
  explicit_bzero(link, sizeof link);
  return c->status;
}

static void prepare(void) {
  // A stream that was closed by whoever started this would be given to the next file that is opened.
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd) exit(1);
  }
  // No copy of what is said goes to a file when this program crashes.
  const struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGHUP, &action, NULL);
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, NULL);
}

int main(int argc, char **argv) {
  const char *ca = NULL;
  bool creates = false;
  int at = 1;
  for (; at < argc && strncmp(argv[at], "--", 2) == 0; at++) {
    if (strcmp(argv[at], "--ca") == 0 && at + 1 < argc) ca = argv[++at];
    else if (strcmp(argv[at], "--create") == 0) creates = true;
    else at = argc;
  }
  if (argc - at < 1 || argc - at > 2) {
    fprintf(stderr, "usage: chat [--ca FILE] LINK [NAME]\n       chat [--ca FILE] --create BASE [NAME]\n");
    return 2;
  }
  if (bc_abi_version() >> 16 != BC_ABI_VERSION >> 16 || bc_abi_version() < BC_ABI_VERSION) {
    fprintf(stderr, "this program was compiled for another version of libburnchat\n");
    return 2;
  }
  prepare();
  static chat c;
  c.pause_ms = PAUSE_FIRST_MS;
  c.wire.events = &events;
  c.wire.owner = &c;
  c.wire.context = make_context(ca);
  if (c.wire.context == NULL) {
    fprintf(stderr, "libwebsockets can't be set up%s\n", ca != NULL ? " with this file of certificates" : "");
    return 1;
  }
  const char *name = argc - at == 2 ? argv[at + 1] : NULL;
  int status = creates ? create_and_join(&c, argv[at], name) : join_given(&c, argv[at], name);
  lws_context_destroy(c.wire.context);
  input_stop();
  return status;
}
