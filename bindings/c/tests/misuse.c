// What a program can get wrong, and what it is answered.
#include <burnchat.h>

#include <stdio.h>
#include <string.h>

#define WANT(answer, wanted)                                                                                           \
  do {                                                                                                                 \
    int32_t got = (int32_t)(answer);                                                                                            \
    if (got != (int32_t)(wanted)) {                                                                                             \
      fprintf(stderr, "line %d: %d, not %d\n", __LINE__, (int)got, (int)(wanted));                                     \
      return 1;                                                                                                        \
    }                                                                                                                  \
  } while (0)

// The two arguments of a constant text.
#define TEXT(text) (const uint8_t *)(text), sizeof(text) - 1

static bc_slice slice(const char *text) {
  return (bc_slice){(const uint8_t *)text, strlen(text)};
}

// A room on a hub, and somebody in it.
static int room_with_ana(bc_hub **hub, bc_client **ana, uint8_t *link, size_t *link_len) {
  bc_room_settings settings;
  bc_room_created_answer created;
  uint8_t request[BC_REQUEST_MAX];
  size_t request_len = sizeof request;
  bc_slice answer;
  bc_id peer = {{1}}, room;
  WANT(bc_room_settings_default(&settings), BC_OK);
  WANT(bc_room_plan(TEXT("https://relay.example"), &settings, 1, NULL, request, &request_len, link, link_len), BC_OK);
  WANT(bc_hub_new(NULL, NULL, hub), BC_OK);
  WANT(bc_hub_create(*hub, 1, &peer, request, request_len, &answer), BC_OK);
  WANT(bc_room_created(answer.ptr, answer.len, link, *link_len, &created), BC_OK);
  WANT(bc_link_check(link, *link_len, NULL, &room), BC_OK);
  bc_join_options options = {.link = {link, *link_len}, .name = slice("ana"), .creator_token = created.creator_token};
  WANT(bc_client_new(&options, ana), BC_OK);
  WANT(bc_hub_handle_connect(*hub, 1, 7, &peer, &room), BC_OK);
  WANT(bc_client_handle_connected(*ana, 1), BC_OK);
  for (;;) {
    bc_output output;
    WANT(bc_client_poll(*ana, &output, sizeof output), BC_OK);
    if (output.kind == BC_OUTPUT_NONE) break;
    if (output.kind == BC_OUTPUT_SEND) WANT(bc_hub_handle_frame(*hub, 1, 7, output.frame.ptr, output.frame.len), BC_OK);
  }
  for (;;) {
    bc_hub_output output;
    WANT(bc_hub_poll(*hub, &output, sizeof output), BC_OK);
    if (output.kind == BC_HUB_OUTPUT_NONE) return 0;
    if (output.kind == BC_HUB_OUTPUT_SEND)
      WANT(bc_client_handle_frame(*ana, 1, output.frame.ptr, output.frame.len), BC_OK);
  }
}

// Outputs are taken one by one: a call that can't give one takes none.
static int nothing_is_lost_by_a_wrong_poll(bc_client *ana) {
  bc_output output;
  WANT(bc_client_poll(ana, NULL, sizeof output), BC_ERROR_NULL);
  WANT(bc_client_poll(ana, &output, 0), BC_ERROR_LENGTH);
  WANT(bc_client_poll(ana, &output, sizeof output), BC_OK);
  WANT(output.kind, BC_OUTPUT_EVENT);
  WANT(output.event.type, BC_EVENT_JOINED);
  return 0;
}

// Somebody in a room, and what the room refuses.
static int in_a_room(void) {
  bc_hub *hub;
  bc_client *ana;
  uint8_t link[BC_LINK_MAX];
  size_t link_len = sizeof link;
  if (room_with_ana(&hub, &ana, link, &link_len) || nothing_is_lost_by_a_wrong_poll(ana)) return 1;

  // Commands.
  bc_id me, stranger = {{9}};
  uint32_t role;
  WANT(bc_client_me(ana, &me, &role), BC_OK);
  if (role != BC_ROLE_CREATOR) return 1;
  WANT(bc_client_me(ana, NULL, &role), BC_ERROR_NULL);
  WANT(bc_client_kick(ana, 2, &me, 1), 709);
  WANT(bc_client_send_text(ana, 2, TEXT("alone"), 0, NULL), 700);
  WANT(bc_client_send_text(ana, 2, TEXT("\xc3"), 0, NULL), BC_ERROR_UTF8);
  WANT(bc_client_send_text(ana, 2, NULL, 1, 0, NULL), BC_ERROR_NULL);
  WANT(bc_client_send_text(ana, 2, link, SIZE_MAX, 0, NULL), BC_ERROR_LENGTH);
  static uint8_t long_text[32769];
  memset(long_text, 'a', sizeof long_text);
  WANT(bc_client_send_text(ana, 2, long_text, sizeof long_text, 0, NULL), 701);
  WANT(bc_client_extend(ana, 2, 0), 709);
  WANT(bc_client_extend(ana, 2, 1801), 709);
  WANT(bc_client_mark_read(ana, 2, NULL, 1), BC_ERROR_NULL);
  WANT(bc_client_mark_read(ana, 2, NULL, 0), BC_OK);

  // Questions.
  const bc_participant *people;
  size_t count;
  WANT(bc_client_participants(ana, &people, &count), BC_OK);
  if (count != 1 || people[0].flags != (BC_PARTICIPANT_VERIFIED | BC_PARTICIPANT_ME)) return 1;
  // What was lent may be given back: it lasts until the call that ends it is over.
  WANT(bc_client_kick(ana, 2, &people[0].id, 1), 709);
  WANT(bc_client_participants(ana, &people, &count), BC_OK);
  WANT(bc_client_send_text(ana, 2, people[0].name.ptr, people[0].name.len, 0, NULL), 700);
  WANT(bc_client_participants(ana, NULL, &count), BC_ERROR_NULL);
  WANT(bc_client_participants(ana, &people, NULL), BC_ERROR_NULL);
  bc_verification codes;
  WANT(bc_client_verification(ana, &codes, 0), BC_ERROR_LENGTH);
  WANT(bc_client_verification(ana, NULL, sizeof codes), BC_ERROR_NULL);
  WANT(bc_client_verification(ana, &codes, sizeof codes), BC_OK);
  uint8_t token[32];
  WANT(bc_client_seat_token(ana, NULL), BC_ERROR_NULL);
  WANT(bc_client_seat_token(ana, token), BC_OK);
  WANT(bc_client_room(ana, NULL, NULL, NULL), BC_OK);
  bc_slice shown;
  WANT(bc_client_link(ana, &shown, NULL), BC_OK);
  WANT(bc_client_link(ana, NULL, NULL), BC_ERROR_NULL);
  WANT(bc_client_poll_timeout(ana, NULL), BC_ERROR_NULL);
  WANT(bc_client_status(ana, NULL), BC_ERROR_NULL);

  // The hub.
  bc_slice answer;
  bc_problem_answer problem;
  bc_hub_output output;
  uint64_t at;
  WANT(bc_hub_poll(hub, NULL, sizeof output), BC_ERROR_NULL);
  WANT(bc_hub_poll_timeout(hub, &at), BC_OK);
  if (at == BC_NEVER) return 1;
  WANT(bc_hub_info(hub, 2, &stranger, token, &answer), 200);
  WANT(bc_problem(answer.ptr, answer.len, &problem), BC_OK);
  if (problem.status != 404) return 1;
  WANT(bc_hub_info(hub, 2, NULL, token, &answer), BC_ERROR_NULL);
  WANT(bc_hub_info(hub, 2, &stranger, NULL, &answer), BC_ERROR_NULL);
  WANT(bc_hub_burn(hub, 2, &stranger, token, &answer), 200);
  WANT(bc_hub_take_down(hub, 2, &stranger), 200);
  WANT(bc_hub_take_down(hub, 2, NULL), BC_ERROR_NULL);
  WANT(bc_hub_leave(hub, 2, &stranger, token, &answer), 200);
  WANT(bc_hub_leave(hub, 2, &stranger, NULL, &answer), BC_ERROR_NULL);
  WANT(bc_hub_set_memory_full(NULL, 1), BC_ERROR_NULL);
  bc_hub_stats stats;
  WANT(bc_hub_get_stats(hub, &stats, sizeof stats), BC_OK);
  if (stats.rooms != 1 || stats.participants != 1) return 1;

  // A handle is freed once, whatever it was doing, and what was lent goes with it.
  WANT(bc_hub_free(hub), BC_OK);
  WANT(bc_hub_free(hub), BC_ERROR_FREED);
  WANT(bc_hub_shutdown(hub, 3), BC_ERROR_FREED);
  WANT(bc_client_leave(ana, 3), BC_OK);
  WANT(bc_client_link(ana, &shown, NULL), BC_ERROR_NONE);
  WANT(bc_client_seat_token(ana, token), BC_ERROR_NONE);
  WANT(bc_client_verification(ana, &codes, sizeof codes), BC_ERROR_NONE);
  WANT(bc_client_me(ana, &me, NULL), BC_ERROR_NONE);
  WANT(bc_client_free(ana), BC_OK);
  WANT(bc_client_link(ana, &shown, NULL), BC_ERROR_FREED);
  return 0;
}

int main(void) {
  if (in_a_room()) return 1;
  bc_room_settings settings;
  uint8_t request[BC_REQUEST_MAX], link[BC_LINK_MAX];
  size_t request_len = sizeof request, link_len = sizeof link;
  WANT(bc_room_settings_default(NULL), BC_ERROR_NULL);
  WANT(bc_room_settings_default(&settings), BC_OK);
  WANT(bc_room_plan(TEXT("https://relay.example"), NULL, 1, NULL, request, &request_len, link, &link_len), BC_ERROR_NULL);
  settings.capacity = 70000;
  WANT(bc_room_plan(TEXT("https://relay.example"), &settings, 1, NULL, request, &request_len, link, &link_len), 709);
  settings.capacity = 2;
  settings.reserved = 1;
  WANT(bc_room_plan(TEXT("https://relay.example"), &settings, 1, NULL, request, &request_len, link, &link_len), 709);
  settings.reserved = 0;
  WANT(bc_room_plan(TEXT("ftp://x"), &settings, 1, NULL, request, &request_len, link, &link_len), 600);
  request_len = 3;
  WANT(bc_room_plan(TEXT("https://relay.example"), &settings, 1, NULL, request, &request_len, link, &link_len), BC_ERROR_BUFFER);
  if (request_len <= 3 || request_len > BC_REQUEST_MAX) return 1;
  request_len = sizeof request;
  link_len = sizeof link;
  WANT(bc_room_plan(TEXT("https://relay.example"), &settings, 1, NULL, request, &request_len, link, &link_len), BC_OK);

  bc_client *client = NULL;
  bc_join_options options = {.link = slice("no link")};
  WANT(bc_client_new(&options, &client), 600);
  options.link = (bc_slice){link, link_len};
  options.name = slice("\xff");
  WANT(bc_client_new(&options, &client), BC_ERROR_UTF8);
  options.name = slice("01234567890123456789012345678901234567890123456789012345678901234");
  WANT(bc_client_new(&options, &client), 706);
  options.name = slice("\n");
  WANT(bc_client_new(&options, &client), 707);
  if (client != NULL) return 1;
  options.name = slice("ana");
  WANT(bc_client_new(&options, NULL), BC_ERROR_NULL);
  WANT(bc_client_new(NULL, &client), BC_ERROR_NULL);
  WANT(bc_client_new(&options, &client), BC_OK);

  bc_hub *hub;
  WANT(bc_hub_new(NULL, NULL, &hub), BC_OK);
  bc_output output;
  bc_hub_output hub_output;
  WANT(bc_client_poll(NULL, &output, sizeof output), BC_ERROR_NULL);
  WANT(bc_client_poll(client, NULL, sizeof output), BC_ERROR_NULL);
  WANT(bc_client_poll((bc_client *)(void *)hub, &output, sizeof output), BC_ERROR_HANDLE);
  WANT(bc_hub_poll((bc_hub *)(void *)client, &hub_output, sizeof hub_output), BC_ERROR_HANDLE);
  uint64_t none[4] = {0};
  WANT(bc_client_leave((bc_client *)(void *)none, 1), BC_ERROR_HANDLE);
  WANT(bc_client_leave((bc_client *)(void *)((char *)none + 1), 1), BC_ERROR_HANDLE);

  // A program compiled with a shorter struct gets what it has room for, and not a byte more.
  struct {
    uint32_t kind, close_code;
    uint8_t behind[8];
  } old;
  memset(&old, 0xaa, sizeof old);
  WANT(bc_client_poll(client, (bc_output *)(void *)&old, 8), BC_OK);
  if (old.kind != BC_OUTPUT_CONNECT || old.behind[0] != 0xaa) return 1;
  WANT(bc_client_poll(client, &output, 0), BC_ERROR_LENGTH);

  WANT(bc_client_handle_frame(client, 1, NULL, 5), BC_ERROR_NULL);
  WANT(bc_client_handle_frame(client, 1, TEXT("{}")), 806);
  WANT(bc_client_send_text(client, 1, TEXT("hello"), 0, NULL), 704);
  WANT(bc_client_send_text(client, 1, TEXT(""), 0, NULL), 702);
  WANT(bc_client_kick(client, 1, NULL, 1), BC_ERROR_NULL);
  WANT(bc_client_mark_read(client, 1, NULL, 5000), 709);
  bc_id me;
  WANT(bc_client_me(client, &me, NULL), BC_ERROR_NONE);
  bc_slice answer;
  bc_id peer = {{1}};
  WANT(bc_hub_create(hub, 1, &peer, TEXT("nonsense"), &answer), 100);
  bc_problem_answer problem;
  WANT(bc_problem(answer.ptr, answer.len, &problem), BC_OK);
  if (problem.code != 100 || problem.status != 400 || problem.retry_after_ms != BC_UNSTATED) return 1;
  WANT(bc_problem(TEXT("nonsense"), &problem), 100);
  bc_room_created_answer created;
  WANT(bc_room_created(TEXT("{}"), link, link_len, &created), 100);
  WANT(bc_room_created(TEXT("{}"), TEXT("no link"), &created), 600);
  WANT(bc_link_check(NULL, 0, NULL, NULL), BC_ERROR_NULL);
  WANT(bc_link_check(link, link_len - 4, NULL, NULL), 604);
  WANT(bc_link_check(TEXT("https://relay.example/r/x"), NULL, NULL), 601);

  WANT(bc_client_leave(client, 1), BC_OK);
  WANT(bc_client_send_text(client, 1, TEXT("hello"), 0, NULL), 705);
  WANT(bc_client_free(client), BC_OK);
  WANT(bc_client_free(client), BC_ERROR_FREED);
  WANT(bc_client_leave(client, 1), BC_ERROR_FREED);
  WANT(bc_client_free(NULL), BC_OK);
  WANT(bc_hub_free(hub), BC_OK);
  bc_slice name;
  WANT(bc_code_name(705, NULL), BC_ERROR_NULL);
  WANT(bc_code_name(705, &name), BC_OK);
  if (name.len != strlen("ended") || memcmp(name.ptr, "ended", name.len) != 0) return 1;
  WANT(bc_code_name(12345, &name), BC_OK);
  if (name.len != 0) return 1;
  return 0;
}
