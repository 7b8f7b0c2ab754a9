// What a program can get wrong, and what it is answered.
#include <burnchat.h>

#include <stdio.h>
#include <string.h>

#define WANT(answer, wanted)                                                                                           \
  do {                                                                                                                 \
    int32_t got = (answer);                                                                                            \
    if (got != (wanted)) {                                                                                             \
      fprintf(stderr, "line %d: %d, not %d\n", __LINE__, (int)got, (int)(wanted));                                     \
      return 1;                                                                                                        \
    }                                                                                                                  \
  } while (0)

// The two arguments of a constant text.
#define TEXT(text) (const uint8_t *)(text), sizeof(text) - 1

static bc_slice slice(const char *text) {
  return (bc_slice){(const uint8_t *)text, strlen(text)};
}

int main(void) {
  bc_room_settings settings;
  uint8_t request[BC_REQUEST_MAX], link[BC_LINK_MAX];
  size_t request_len = sizeof request, link_len = sizeof link;
  WANT(bc_room_settings_default(NULL), BC_ERROR_NULL);
  WANT(bc_room_settings_default(&settings), BC_OK);
    WANT(bc_room_plan(TEXT("https://relay.example"), NULL, 1, NULL, request, &request_len, link, &link_len), BC_ERROR_NULL);
  settings.capacity = 70000;
  WANT(bc_room_plan(TEXT("https://relay.example"), &settings, 1, NULL, request, &request_len, link, &link_len), 709);
  settings.capacity = 2;
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
