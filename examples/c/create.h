// Asking a relay for a room, over the HTTP client of libwebsockets (spec section 13.4).
#ifndef CHAT_CREATE_H
#define CHAT_CREATE_H

#include "connection.h"

// The longest answer that is read.
#define ANSWER_MAX 65536

typedef struct {
  const uint8_t *request; // the body to send
  size_t request_len;
  size_t sent;
  bool done;
  unsigned status; // of HTTP, 0 if there was no answer
  uint8_t answer[ANSWER_MAX];
  size_t answer_len;
} creation;

// The protocol to register with libwebsockets.
extern const struct lws_protocols create_protocol;

// Sends `POST <base>/api/rooms` and waits for the answer. Answers false if there was none in 10 s.
bool create_room(creation *c, struct lws_context *context, const address *to);

#endif
