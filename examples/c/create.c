#define _DEFAULT_SOURCE // explicit_bzero
#include "clock.h"
#include "create.h"

#include <stdio.h>
#include <string.h>

#define PATIENCE_US (10 * LWS_US_PER_SEC)

// The longest answer that is read.
#define ANSWER_MAX 65536

// The largest piece of the request that is written at once, and of the answer that is read.
#define PIECE 1024

typedef struct {
  const uint8_t *request; // the body to send
  size_t request_len;
  size_t sent;
  bool done;
  unsigned status; // of HTTP, 0 if there was no answer
  uint8_t answer[ANSWER_MAX];
  size_t answer_len;
} creation;

static bool add_headers(creation *c, struct lws *wsi, unsigned char **at, unsigned char *end) {
  static const char type[] = "application/json";
  char length[24];
  int digits = snprintf(length, sizeof length, "%zu", c->request_len);
  return lws_add_http_header_by_token(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, (const unsigned char *)length, digits, at,
                                      end) == 0 &&
         lws_add_http_header_by_token(wsi, WSI_TOKEN_HTTP_CONTENT_TYPE, (const unsigned char *)type, sizeof type - 1, at,
                                      end) == 0;
}

// The request is no secret: the relay never sees more of the room than this.
static bool write_body(creation *c, struct lws *wsi) {
  uint8_t piece[LWS_PRE + PIECE];
  size_t len = c->request_len - c->sent;
  if (len > PIECE) len = PIECE;
  memcpy(piece + LWS_PRE, c->request + c->sent, len);
  c->sent += len;
  bool last = c->sent == c->request_len;
  int written = lws_write(wsi, piece + LWS_PRE, len, last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP);
  if (written < (int)len) return false;
  if (last) lws_client_http_body_pending(wsi, 0);
  else lws_callback_on_writable(wsi);
  return true;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len) {
  creation *c = user;
  switch (reason) {
  case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER: {
    unsigned char **at = in;
    if (!add_headers(c, wsi, at, *at + len)) return -1;
    lws_client_http_body_pending(wsi, 1);
    lws_callback_on_writable(wsi);
    return 0;
  }
  case LWS_CALLBACK_CLIENT_HTTP_WRITEABLE:
    return c->sent == c->request_len || write_body(c, wsi) ? 0 : -1;
  case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
    c->status = lws_http_client_http_response(wsi);
    return 0;
  case LWS_CALLBACK_RECEIVE_CLIENT_HTTP: {
    char piece[LWS_PRE + PIECE];
    char *at = piece + LWS_PRE;
    int room = PIECE;
    // What it reads comes as the next reason.
    int read = lws_http_client_read(wsi, &at, &room);
    explicit_bzero(piece, sizeof piece);
    return read < 0 ? -1 : 0;
  }
  case LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ:
    if (len > sizeof c->answer - c->answer_len) return -1;
    memcpy(c->answer + c->answer_len, in, len);
    c->answer_len += len;
    return 0;
  case LWS_CALLBACK_COMPLETED_CLIENT_HTTP:
  case LWS_CALLBACK_CLOSED_CLIENT_HTTP:
  case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
    c->done = true;
    return 0;
  case LWS_CALLBACK_CLIENT_HTTP_REDIRECT:
    return 1; // the room is wanted here
  default:
    return 0;
  }
}

const struct lws_protocols create_protocol = {.name = "create", .callback = on_event, .rx_buffer_size = PIECE};

static void wake(lws_sorted_usec_list_t *timer) {
  (void)timer;
}

// Sends `POST <base>/api/rooms` and waits for the answer. Answers whether there was one.
static bool post(creation *c, struct lws_context *context, const address *to) {
  char path[sizeof to->path + sizeof "/api/rooms"];
  snprintf(path, sizeof path, "%s/api/rooms", to->path);
  struct lws_client_connect_info request;
  address_request(to, context, &request);
  request.path = path;
  request.method = "POST";
  request.local_protocol_name = create_protocol.name;
  request.userdata = c;
  struct lws *wsi = NULL;
  request.pwsi = &wsi;
  if (lws_client_connect_via_info(&request) == NULL) return false;
  lws_usec_t until = lws_now_usecs() + PATIENCE_US;
  lws_sorted_usec_list_t timer;
  memset(&timer, 0, sizeof timer);
  lws_sul_schedule(context, 0, &timer, wake, PATIENCE_US);
  while (!c->done && lws_now_usecs() < until && lws_service(context, 0) >= 0) {
  }
  lws_sul_cancel(&timer);
  // Too late is no answer, and a late one is not to find `c` gone.
  if (!c->done && wsi != NULL) lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
  return c->status != 0;
}

bool create_room(struct lws_context *context, const char *base, uint8_t *link, size_t *link_len,
                 bc_room_created_answer *created, int32_t *code) {
  // libwebsockets may call back with it until its context is gone.
  static creation room;
  static address relay;
  uint8_t request[BC_REQUEST_MAX];
  size_t request_len = sizeof request, base_len;
  bc_room_settings settings;
  bc_problem_answer problem;
  *code = bc_room_settings_default(&settings);
  if (*code == BC_OK)
    *code = bc_room_plan((const uint8_t *)base, strlen(base), &settings, now_ms(), NULL, request, &request_len, link,
                         link_len);
  if (*code == BC_OK) *code = bc_link_check(link, *link_len, &base_len, NULL);
  if (*code == BC_OK && !address_of(link, base_len, &relay)) *code = BC_ERROR_LENGTH;
  if (*code != BC_OK) return false;
  room.request = request;
  room.request_len = request_len;
  bool answered = post(&room, context, &relay);
  if (answered && room.status == 201) {
    *code = bc_room_created(room.answer, room.answer_len, link, *link_len, created);
  } else if (answered) {
    *code = bc_problem(room.answer, room.answer_len, &problem);
    if (*code == BC_OK) *code = problem.code;
  }
  explicit_bzero(&room, sizeof room);
  explicit_bzero(request, sizeof request);
  return answered && *code == BC_OK;
}
