// Lines on standard input, without waiting for them.
#ifndef CHAT_INPUT_H
#define CHAT_INPUT_H

#include <libwebsockets.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Longer lines than this are given as far as it reaches: the longest text (spec section 16), and one byte that makes it
// too long.
#define INPUT_LINE_MAX 32769

typedef enum {
  INPUT_NOTHING, // for now
  INPUT_LINE,
  INPUT_END,
} input_state;

// The protocol to register with libwebsockets.
extern const struct lws_protocols input_protocol;

// Reads a line before there is a loop, waiting for it: the link. Answers its length, or -1.
long input_first_line(uint8_t *to, size_t room);

// Watches standard input from now on.
bool input_start(struct lws_context *context);

// The line that has come, if one has. It stays until `input_next`.
input_state input_line(const uint8_t **line, size_t *len);

// The line is done with.
void input_next(void);

// Whether to go on watching: a line that can't be used yet waits.
void input_watch(bool watch);

// Puts standard input back as it was.
void input_stop(void);

#endif
