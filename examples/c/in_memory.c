// Two people and a relay in one thread: a whole room without a network.
//
// Everything the library says is carried out here: frames go from the clients to the hub and back, time is a number that
// jumps to the next thing that is due. A driver over a real network does the same with sockets and a clock.
#include <burnchat.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PEOPLE = 2 };

// The two arguments of a constant text.
#define TEXT(text) (const uint8_t *)(text), sizeof(text) - 1

static const char *const names[PEOPLE] = {"ana", "ben"};

typedef struct {
  uint64_t now;
  bc_hub *hub;
  bc_client *clients[PEOPLE];
  bc_id room;
  uint64_t connections;       // numbers are not used again
  uint64_t of_client[PEOPLE]; // the connection a client has, 0 for none
  int texts, burned;
} world;

static bc_slice slice(const char *text) {
  return (bc_slice){(const uint8_t *)text, strlen(text)};
}

// Ends the program when something was answered that can't be in this story.
static void check(int32_t code, const char *what) {
  if (code == BC_OK) return;
  bc_slice name;
  bc_code_name(code, &name);
  fprintf(stderr, "%s: %.*s\n", what, (int)name.len, (const char *)name.ptr);
  exit(1);
}

// The same where the protocol's own numbers are no fault of this program.
static void check_call(int32_t code, const char *what) {
  if (code < BC_OK) check(code, what);
}

static bc_id peer_of(int person) {
  bc_id peer = {{0}};
  peer.bytes[0] = (uint8_t)(person + 1);
  return peer;
}

static void show(world *w, int person, const bc_event *event) {
  switch (event->type) {
  case BC_EVENT_KEYED:
    // Ana speaks as soon as somebody else can read it.
    if (person == 0) check(bc_client_send_text(w->clients[0], w->now, TEXT("hello ben"), 0, NULL), "send");
    break;
  case BC_EVENT_MESSAGE:
    printf("%s reads: %.*s says \"%.*s\"\n", names[person], (int)event->participant.name.len,
           (const char *)event->participant.name.ptr, (int)event->text.len, (const char *)event->text.ptr);
    w->texts++;
    if (person == 1) check(bc_client_send_text(w->clients[1], w->now, TEXT("hello ana"), 0, NULL), "send");
    else check(bc_client_burn(w->clients[0], w->now), "burn");
    break;
  case BC_EVENT_ENDED:
    assert(event->reason == BC_ENDED_BURNED);
    printf("%s: the room has burned\n", names[person]);
    w->burned++;
    break;
  default:
    break;
  }
}

// Carries out what a client says. Answers whether it said anything.
static int drain_client(world *w, int person) {
  int busy = 0;
  for (;;) {
    bc_output output;
    check(bc_client_poll(w->clients[person], &output, sizeof output), "poll");
    if (output.kind == BC_OUTPUT_NONE) return busy;
    busy = 1;
    switch (output.kind) {
    case BC_OUTPUT_CONNECT: {
      bc_id peer = peer_of(person);
      w->of_client[person] = ++w->connections;
      check(bc_hub_handle_connect(w->hub, w->now, w->of_client[person], &peer, &w->room), "connect");
      check(bc_client_handle_connected(w->clients[person], w->now), "connected");
      break;
    }
    case BC_OUTPUT_SEND:
      // The frame is the client's until the next call on that client; the hub takes what it needs.
      check(bc_hub_handle_frame(w->hub, w->now, w->of_client[person], output.frame.ptr, output.frame.len), "frame");
      break;
    case BC_OUTPUT_CLOSE:
      check(bc_hub_handle_disconnect(w->hub, w->now, w->of_client[person], output.close_code == 1000), "close");
      w->of_client[person] = 0;
      break;
    case BC_OUTPUT_EVENT:
      // Showing may call the client, and that lets go of the event: keep what is still needed before.
      show(w, person, &output.event);
      break;
    }
  }
}

static int drain_hub(world *w) {
  int busy = 0;
  for (;;) {
    bc_hub_output output;
    check(bc_hub_poll(w->hub, &output, sizeof output), "poll");
    if (output.kind == BC_HUB_OUTPUT_NONE) return busy;
    busy = 1;
    for (size_t i = 0; output.kind == BC_HUB_OUTPUT_SEND && i < output.to_len; i++) {
      for (int person = 0; person < PEOPLE; person++) {
        if (w->of_client[person] != output.to[i]) continue;
        // A number above 0 is about the frame: refused, or the room's last one (`ended`). The client's outputs tell the
        // rest.
        check_call(bc_client_handle_frame(w->clients[person], w->now, output.frame.ptr, output.frame.len), "frame");
      }
    }
    for (int person = 0; output.kind == BC_HUB_OUTPUT_CLOSE && person < PEOPLE; person++) {
      if (w->of_client[person] != output.connection) continue;
      w->of_client[person] = 0;
      check(bc_client_handle_disconnected(w->clients[person], w->now), "disconnected");
    }
  }
}

// Lets time pass until the next thing is due, for whomever.
static void wait_for_next(world *w) {
  uint64_t next = BC_NEVER, at;
  check(bc_hub_poll_timeout(w->hub, &at), "timeout");
  if (at < next) next = at;
  for (int person = 0; person < PEOPLE; person++) {
    check(bc_client_poll_timeout(w->clients[person], &at), "timeout");
    if (at < next) next = at;
  }
  assert(next != BC_NEVER);
  if (next > w->now) w->now = next;
  check(bc_hub_handle_timeout(w->hub, w->now), "timeout");
  for (int person = 0; person < PEOPLE; person++)
    check(bc_client_handle_timeout(w->clients[person], w->now), "timeout");
}

int main(void) {
  if (bc_abi_version() >> 16 != BC_ABI_VERSION >> 16) return 2;
  world w = {.now = 1800000000000};
  check(bc_hub_new(NULL, NULL, &w.hub), "hub");

  // The creator plans a room; the relay makes it and never sees the link's secret.
  bc_room_settings settings;
  check(bc_room_settings_default(&settings), "settings");
  uint8_t request[BC_REQUEST_MAX], link[BC_LINK_MAX];
  size_t request_len = sizeof request, link_len = sizeof link;
  check(bc_room_plan(TEXT("https://relay.example"), &settings, w.now, NULL, request, &request_len, link, &link_len),
        "plan");
  bc_id peer = peer_of(0);
  bc_slice answer;
  check(bc_hub_create(w.hub, w.now, &peer, request, request_len, &answer), "create");
  bc_room_created_answer created;
  check(bc_room_created(answer.ptr, answer.len, link, link_len, &created), "created");
  check(bc_link_check(link, link_len, NULL, &w.room), "link");

  for (int person = 0; person < PEOPLE; person++) {
    bc_join_options options = {.link = {link, link_len}, .name = slice(names[person])};
    if (person == 0) options.creator_token = created.creator_token;
    check(bc_client_new(&options, &w.clients[person]), "join");
  }
  while (w.burned < PEOPLE) {
    int busy = 1;
    while (busy) {
      busy = drain_hub(&w);
      for (int person = 0; person < PEOPLE; person++) busy |= drain_client(&w, person);
    }
    if (w.burned < PEOPLE) wait_for_next(&w);
  }
  for (int person = 0; person < PEOPLE; person++) check(bc_client_free(w.clients[person]), "free");
  check(bc_hub_free(w.hub), "free");
  return w.texts == 2 ? 0 : 1;
}
