// One WebSocket to a relay at a time, over libwebsockets: frames in, frames out, and how it ended.
#ifndef CHAT_CONNECTION_H
#define CHAT_CONNECTION_H

#include <burnchat.h>
#include <libwebsockets.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The longest frame a relay may send (spec section 13.1).
#define FRAME_MAX 1048576

// Where a relay is: the base of a link, taken apart.
typedef struct {
  bool secure;
  int port;
  char host[2048];      // for the resolver and the certificate: an IPv6 address has no brackets
  char authority[2048]; // for the header Host: as the link has it
  char path[2048];      // what stands before /api
} address;

// Takes a base apart that bc_link_check has accepted. Answers false for what can't be one.
bool address_of(const uint8_t *base, size_t len, address *to);

// Writes the path of a room's WebSocket (spec section 13.1).
void address_room(const address *of, const bc_id *room, char *path, size_t size);

// Fills in what every request to the relay has in common.
void address_request(const address *to, struct lws_context *context, struct lws_client_connect_info *request);

typedef enum {
  CONNECTION_NONE,
  CONNECTION_OPENING,
  CONNECTION_OPEN,
  CONNECTION_CLOSING, // what comes in is dropped
} connection_state;

// What its owner is told. From `ended` it learns by `was` what has ended.
typedef struct {
  void (*opened)(void *owner);
  void (*message)(void *owner, const uint8_t *bytes, size_t len);
  void (*ended)(void *owner, connection_state was);
} connection_events;

typedef struct frame frame;

typedef struct {
  struct lws_context *context;
  const connection_events *events;
  void *owner;
  connection_state state;
  bool heard; // something has come in; the owner takes it back
  struct lws *wsi;
  frame *first, *last; // waiting to be written
  size_t frames;
  uint32_t close_code;
  size_t received;
  bool binary;
  uint8_t message[FRAME_MAX]; // as much of it as has come in
} connection;

// The protocol to register with libwebsockets.
extern const struct lws_protocols connection_protocol;

// Begins to open a WebSocket. Answers false where that has failed at once; then `ended` is not called.
bool connection_open(connection *c, const address *to, const char *path);

// Puts a frame into the queue: a copy, wiped when it has been written. Answers false if too much waits there already.
bool connection_send(connection *c, const uint8_t *bytes, size_t len);

// Closes it when all that waits has been written. `ended` tells when that is done.
void connection_close(connection *c, uint32_t code);

// Lets go of it at once. `ended` is not called.
void connection_drop(connection *c);

#endif
