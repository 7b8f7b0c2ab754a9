// A room is talked in and its handles are freed; then all memory this program may write is searched for what was said,
// by whom, and for the link and the tokens (17.3 of the spec). What is looked for is kept with every bit turned over, so that the search
// does not find itself.
#define _GNU_SOURCE
#include <burnchat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PEOPLE = 2, MARKS = 6, LONGEST = 64 };

typedef struct {
  const char *what;
  size_t len;
  uint8_t turned[LONGEST];
} mark;

static mark marks[MARKS];
static int marked;

typedef struct {
  uint64_t now;
  bc_hub *hub;
  bc_client *clients[PEOPLE];
  bc_id room;
  uint64_t connections, of_client[PEOPLE];
  size_t before[MARKS];
  int present; // how many marks stood in memory while a text was being shown
} world;

static void check(int32_t code, const char *what) {
  if (code >= BC_OK) return;
  fprintf(stderr, "%s: %d\n", what, (int)code);
  exit(2);
}

static void remember(const char *what, const uint8_t *bytes, size_t len) {
  if (len > LONGEST) len = LONGEST;
  mark *one = &marks[marked++];
  one->what = what;
  one->len = len;
  for (size_t i = 0; i < len; i++) one->turned[i] = (uint8_t)~bytes[i];
}

// Makes a text that stands nowhere in the program's file.
static size_t invent(uint8_t *to, uint8_t first) {
  for (size_t i = 0; i < 32; i++) to[i] = (uint8_t)('a' + (first + i * 7) % 26);
  return 32;
}

// The 42 bytes of a link's fragment.
static void decode(const uint8_t text[56], uint8_t bytes[42]) {
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  for (size_t i = 0; i < 14; i++) {
    uint32_t four = 0;
    for (size_t k = 0; k < 4; k++) four = four << 6 | (uint32_t)(strchr(alphabet, text[4 * i + k]) - alphabet);
    for (size_t k = 0; k < 3; k++) bytes[3 * i + k] = (uint8_t)(four >> (16 - 8 * k));
  }
}

static size_t count_in(const volatile uint8_t *from, size_t len, const mark *one) {
  size_t found = 0;
  for (size_t i = 0; i + one->len <= len; i++) {
    size_t k = 0;
    while (k < one->len && (from[i + k] ^ one->turned[k]) == 0xff) k++;
    found += k == one->len;
  }
  return found;
}

// How often each mark stands in memory. Fills `hits`, and answers how many of them do at all.
static int search(size_t *hits) {
  memset(hits, 0, MARKS * sizeof *hits);
  FILE *maps = fopen("/proc/self/maps", "r");
  if (!maps) exit(2);
  char line[512];
  while (fgets(line, sizeof line, maps)) {
    unsigned long from, to;
    char may[5];
    if (sscanf(line, "%lx-%lx %4s", &from, &to, may) != 3 || may[0] != 'r' || may[1] != 'w') continue;
    if (strstr(line, "[v")) continue; // the kernel's own
    for (int i = 0; i < marked; i++) hits[i] += count_in((const volatile uint8_t *)from, to - from, &marks[i]);
  }
  fclose(maps);
  int present = 0;
  for (int i = 0; i < marked; i++) present += hits[i] > 0;
  return present;
}

static void drain_client(world *w, int person) {
  bc_output output;
  for (;;) {
    check(bc_client_poll(w->clients[person], &output, sizeof output), "poll");
    switch (output.kind) {
    case BC_OUTPUT_NONE:
      return;
    case BC_OUTPUT_CONNECT: {
      bc_id peer = {{(uint8_t)(person + 1)}};
      w->of_client[person] = ++w->connections;
      check(bc_hub_handle_connect(w->hub, w->now, w->of_client[person], &peer, &w->room), "connect");
      check(bc_client_handle_connected(w->clients[person], w->now), "connected");
      break;
    }
    case BC_OUTPUT_SEND:
      check(bc_hub_handle_frame(w->hub, w->now, w->of_client[person], output.frame.ptr, output.frame.len), "frame");
      break;
    case BC_OUTPUT_EVENT:
      if (output.event.type == BC_EVENT_MESSAGE) {
        bc_slice link;
        check(bc_client_link(w->clients[1 - person], &link, NULL), "link");
        w->present = search(w->before);
      }
      break;
    }
  }
}

static void settle(world *w) {
  for (int round = 0; round < 50; round++) {
    for (int person = 0; person < PEOPLE; person++)
      if (w->clients[person]) drain_client(w, person);
    bc_hub_output output;
    for (;;) {
      check(bc_hub_poll(w->hub, &output, sizeof output), "poll");
      if (output.kind == BC_HUB_OUTPUT_NONE) break;
      for (size_t i = 0; output.kind == BC_HUB_OUTPUT_SEND && i < output.to_len; i++)
        for (int person = 0; person < PEOPLE; person++)
          if (w->clients[person] && w->of_client[person] == output.to[i])
            check(bc_client_handle_frame(w->clients[person], w->now, output.frame.ptr, output.frame.len), "frame");
    }
    uint64_t next;
    check(bc_hub_poll_timeout(w->hub, &next), "timeout");
    if (next > w->now && next < w->now + 2000) w->now = next;
    check(bc_hub_handle_timeout(w->hub, w->now), "timeout");
  }
}

static void live(world *w) {
  bc_room_settings settings;
  check(bc_room_settings_default(&settings), "settings");
  uint8_t request[BC_REQUEST_MAX], link[BC_LINK_MAX];
  size_t request_len = sizeof request, link_len = sizeof link;
  static const char base[] = "https://relay.example";
  check(bc_room_plan((const uint8_t *)base, sizeof base - 1, &settings, w->now, NULL, request, &request_len, link,
                     &link_len),
        "plan");
  bc_id peer = {{1}};
  bc_slice answer;
  check(bc_hub_create(w->hub, w->now, &peer, request, request_len, &answer), "create");
  bc_room_created_answer created;
  check(bc_room_created(answer.ptr, answer.len, link, link_len, &created), "created");
  check(bc_link_check(link, link_len, NULL, &w->room), "link");
  const uint8_t *secret = memchr(link, '#', link_len);
  if (!secret) exit(2);
  remember("link", secret + 1, 40);
  uint8_t fragment[42];
  decode(secret + 1, fragment);
  remember("the link's secret", fragment + 6, 16); // section 4 of the spec
  explicit_bzero(fragment, sizeof fragment);
  remember("creator token", created.creator_token, 32);

  uint8_t name[32], text[32];
  size_t name_len = invent(name, 3), text_len = invent(text, 11);
  remember("name", name, name_len);
  remember("text", text, text_len);
  for (int person = 0; person < PEOPLE; person++) {
    bc_join_options options = {.link = {link, link_len}, .name = {name, name_len}};
    if (person == 0) options.creator_token = created.creator_token;
    check(bc_client_new(&options, &w->clients[person]), "join");
    settle(w);
  }
  uint8_t token[32];
  check(bc_client_seat_token(w->clients[1], token), "token");
  remember("seat token", token, sizeof token);
  check(bc_client_send_text(w->clients[0], w->now, text, text_len, 0, NULL), "send");
  settle(w);

  // What is this program's own to wipe.
  explicit_bzero(request, sizeof request);
  explicit_bzero(link, sizeof link);
  explicit_bzero(&created, sizeof created);
  explicit_bzero(name, sizeof name);
  explicit_bzero(text, sizeof text);
  explicit_bzero(token, sizeof token);
}

int main(void) {
  world w = {.now = 1800000000000};
  check(bc_hub_new(NULL, NULL, &w.hub), "hub");
  live(&w);
  for (int person = 0; person < PEOPLE; person++) check(bc_client_free(w.clients[person]), "free");
  check(bc_hub_free(w.hub), "free");
  size_t after[MARKS];
  int left = search(after);
  for (int i = 0; i < marked; i++) printf("%s: %zu, then %zu\n", marks[i].what, w.before[i], after[i]);
  // Without hits before, the search would be blind.
  if (w.present != marked) return 3;
  return left == 0 ? 0 : 1;
}
