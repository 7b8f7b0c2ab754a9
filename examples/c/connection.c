#define _DEFAULT_SOURCE // explicit_bzero
#include "connection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// When so many frames wait, the relay does not read them.
#define FRAMES_MAX 1024

struct frame {
  frame *next;
  size_t len;
  uint8_t bytes[]; // LWS_PRE of them for libwebsockets, then the frame
};

static bool copy(char *to, size_t room, const uint8_t *from, size_t len) {
  if (len >= room) return false;
  memcpy(to, from, len);
  to[len] = 0;
  return true;
}

bool address_of(const uint8_t *base, size_t len, address *to) {
  static const char secure[] = "https://", plain[] = "http://";
  if (len > sizeof secure - 1 && memcmp(base, secure, sizeof secure - 1) == 0) to->secure = true;
  else if (len > sizeof plain - 1 && memcmp(base, plain, sizeof plain - 1) == 0) to->secure = false;
  else return false;
  size_t scheme = to->secure ? sizeof secure - 1 : sizeof plain - 1;
  const uint8_t *authority = base + scheme, *end = base + len;
  const uint8_t *path = memchr(authority, '/', (size_t)(end - authority));
  if (path == NULL) path = end;
  // The colon before the port is behind the bracket of an IPv6 address.
  const uint8_t *host = authority, *host_end = NULL, *behind;
  if (*host == '[') {
    host++;
    host_end = memchr(host, ']', (size_t)(path - host));
    if (host_end == NULL) return false;
    behind = host_end + 1;
  } else {
    host_end = memchr(host, ':', (size_t)(path - host));
    if (host_end == NULL) host_end = path;
    behind = host_end;
  }
  to->port = to->secure ? 443 : 80;
  if (behind < path) {
    to->port = 0;
    for (behind++; behind < path; behind++) {
      to->port = to->port * 10 + (*behind - '0');
      if (to->port > 65535) return false;
    }
  }
  return copy(to->host, sizeof to->host, host, (size_t)(host_end - host)) &&
         copy(to->authority, sizeof to->authority, authority, (size_t)(path - authority)) &&
         copy(to->path, sizeof to->path, path, (size_t)(end - path));
}

// base64url of 16 bytes (spec section 3): 22 characters.
static void write_id(const bc_id *id, char *to) {
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  uint32_t bits = 0;
  int count = 0;
  for (size_t i = 0; i < sizeof id->bytes; i++) {
    bits = bits << 8 | id->bytes[i];
    for (count += 8; count >= 6; count -= 6) *to++ = alphabet[bits >> (count - 6) & 63];
  }
  *to++ = alphabet[bits << (6 - count) & 63];
  *to = 0;
}

void address_room(const address *of, const bc_id *room, char *path, size_t size) {
  char id[23];
  write_id(room, id);
  snprintf(path, size, "%s/api/rooms/%s/ws", of->path, id);
  explicit_bzero(id, sizeof id);
}

void address_request(const address *to, struct lws_context *context, struct lws_client_connect_info *request) {
  memset(request, 0, sizeof *request);
  request->context = context;
  request->address = to->host;
  request->port = to->port;
  request->host = to->authority;
  // The certificate and its name are checked unless flags say otherwise: there are none. No Origin: this is no web page
  // (spec section 13.4).
  request->ssl_connection = to->secure ? LCCSCF_USE_SSL : 0;
  request->alpn = "http/1.1";
}

static void forget_frame(connection *c) {
  frame *done = c->first;
  c->first = done->next;
  if (c->first == NULL) c->last = NULL;
  c->frames--;
  explicit_bzero(done->bytes, LWS_PRE + done->len);
  free(done);
}

// Back to where there is no connection. Answers what there was.
static connection_state forget(connection *c) {
  connection_state was = c->state;
  while (c->first != NULL) forget_frame(c);
  explicit_bzero(c->message, c->received);
  c->received = 0;
  c->wsi = NULL;
  c->state = CONNECTION_NONE;
  return was;
}

bool connection_open(connection *c, const address *to, const char *path) {
  struct lws_client_connect_info request;
  address_request(to, c->context, &request);
  request.path = path;
  request.protocol = connection_protocol.name;
  request.userdata = c;
  request.pwsi = &c->wsi;
  c->heard = false;
  struct lws *wsi = lws_client_connect_via_info(&request);
  // It may have failed on the way, and have called back or not.
  if (wsi == NULL || c->wsi == NULL) {
    forget(c);
    return false;
  }
  c->state = CONNECTION_OPENING;
  return true;
}

bool connection_send(connection *c, const uint8_t *bytes, size_t len) {
  if (c->frames >= FRAMES_MAX) return false;
  frame *new = malloc(sizeof *new + LWS_PRE + len);
  if (new == NULL) return false;
  new->next = NULL;
  new->len = len;
  memcpy(new->bytes + LWS_PRE, bytes, len);
  if (c->last != NULL) c->last->next = new;
  else c->first = new;
  c->last = new;
  c->frames++;
  lws_callback_on_writable(c->wsi);
  return true;
}

void connection_close(connection *c, uint32_t code) {
  if (c->state != CONNECTION_OPEN) {
    connection_drop(c);
    return;
  }
  c->state = CONNECTION_CLOSING;
  c->close_code = code;
  lws_callback_on_writable(c->wsi);
}

void connection_drop(connection *c) {
  struct lws *wsi = c->wsi;
  forget(c);
  // This may be a callback of that very socket: it is closed from the loop.
  if (wsi != NULL) lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

// A piece of a message. Answers false when the message is longer than any may be.
static bool receive(connection *c, const uint8_t *piece, size_t len) {
  c->heard = true;
  if (c->state != CONNECTION_OPEN) return true;
  if (lws_is_first_fragment(c->wsi)) c->binary = lws_frame_is_binary(c->wsi) != 0;
  if (len > sizeof c->message - c->received) return false;
  // Of a binary message there is nothing to read, but that it came.
  if (!c->binary && len > 0) {
    memcpy(c->message + c->received, piece, len);
    c->received += len;
  }
  if (lws_is_final_fragment(c->wsi) && lws_remaining_packet_payload(c->wsi) == 0) {
    size_t whole = c->received;
    c->events->message(c->owner, c->message, whole);
    explicit_bzero(c->message, whole);
    c->received = 0;
  }
  return true;
}

// The socket takes one frame at a time, and says when it takes the next. Answers false when it is to be closed.
static bool write_next(connection *c) {
  if (c->first != NULL) {
    // It is masked where it stands; what the socket does not take is copied by libwebsockets.
    int written = lws_write(c->wsi, c->first->bytes + LWS_PRE, c->first->len, LWS_WRITE_TEXT);
    bool whole = written >= 0 && (size_t)written >= c->first->len;
    forget_frame(c);
    if (!whole) return false;
  }
  if (c->first != NULL) {
    lws_callback_on_writable(c->wsi);
  } else if (c->state == CONNECTION_CLOSING) {
    lws_close_reason(c->wsi, (enum lws_close_status)c->close_code, NULL, 0);
    return false;
  }
  return true;
}

// Answers 0 to go on; anything else closes the socket.
static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len) {
  connection *c = user;
  switch (reason) {
  case LWS_CALLBACK_CLIENT_ESTABLISHED:
    if (wsi != c->wsi) return -1;
    c->state = CONNECTION_OPEN;
    c->events->opened(c->owner);
    return 0;
  case LWS_CALLBACK_CLIENT_RECEIVE:
    return wsi == c->wsi && receive(c, in, len) ? 0 : -1;
  case LWS_CALLBACK_CLIENT_WRITEABLE:
    return wsi == c->wsi && write_next(c) ? 0 : -1;
  case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
  case LWS_CALLBACK_CLIENT_CLOSED:
    // A socket that was let go of ends later, and is nobody's any more.
    if (wsi != c->wsi) return 0;
    // `connection_open` is still at work, and says so itself.
    if (c->state == CONNECTION_NONE) c->wsi = NULL;
    else c->events->ended(c->owner, forget(c));
    return 0;
  case LWS_CALLBACK_CLIENT_HTTP_REDIRECT:
    return 1; // the link says where the relay is
  default:
    return 0;
  }
}

const struct lws_protocols connection_protocol = {.name = "burnchat.v1", .callback = on_event, .rx_buffer_size = 65536};
