// Asking a relay for a room, over the HTTP client of libwebsockets (spec section 13.4).
#ifndef CHAT_CREATE_H
#define CHAT_CREATE_H

#include "connection.h"

#include <burnchat.h>

// The protocol to register with libwebsockets.
extern const struct lws_protocols create_protocol;

// Makes a room of ten minutes at the relay of this URL. `link` has room for BC_LINK_MAX bytes and `link_len` says so; they
// and `created` are filled in. Answers false if that failed: `code` is the number of the protocol's registry, or 0 if
// there was no answer in 10 s.
bool create_room(struct lws_context *context, const char *base, uint8_t *link, size_t *link_len,
                 bc_room_created_answer *created, int32_t *code);

#endif
