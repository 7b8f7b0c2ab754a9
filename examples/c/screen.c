#define _DEFAULT_SOURCE // explicit_bzero
#include "screen.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// The longest text (32,768 bytes), were each of its bytes shown as a sign of three, a name, and what stands around them.
static char line[3 * 32768 + 1024];
static size_t used;

static void add(const void *bytes, size_t len) {
  if (len > sizeof line - 1 - used) return; // no event is so long
  memcpy(line + used, bytes, len);
  used += len;
}

void put(const char *words) {
  add(words, strlen(words));
}

// The code point of three bytes that begin with E2, in which all the marks stand that turn the direction of writing.
static bool steers(const uint8_t *at) {
  if (at[0] != 0xe2) return false;
  uint32_t point = 0x2000 | (uint32_t)(at[1] & 0x3f) << 6 | (at[2] & 0x3f);
  return (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

void put_shown(bc_slice words) {
  static const char unshown[] = "\xef\xbf\xbd"; // U+FFFD
  const uint8_t *at = words.ptr, *end = words.ptr + words.len;
  while (at < end) {
    size_t left = (size_t)(end - at);
    if (*at < 0x20 || *at == 0x7f) {
      // Its picture, from the block Control Pictures: U+2400 to U+241F, U+2421.
      const char picture[] = {'\xe2', '\x90', (char)(*at == 0x7f ? 0xa1 : 0x80 + *at)};
      add(picture, sizeof picture);
      at += 1;
    } else if (*at == 0xc2 && left >= 2 && at[1] < 0xa0) {
      add(unshown, sizeof unshown - 1);
      at += 2;
    } else if (left >= 3 && steers(at)) {
      add(unshown, sizeof unshown - 1);
      at += 3;
    } else {
      add(at, 1);
      at += 1;
    }
  }
}

bool put_line(void) {
  line[used++] = '\n';
  size_t written = 0;
  while (written < used) {
    ssize_t some = write(STDOUT_FILENO, line + written, used - written);
    if (some >= 0) {
      written += (size_t)some;
    } else if (errno == EAGAIN) {
      struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
      poll(&out, 1, -1);
    } else if (errno != EINTR) {
      break;
    }
  }
  bool whole = written == used;
  explicit_bzero(line, used);
  used = 0;
  return whole;
}

void complain(const char *what, int32_t code) {
  bc_slice meaning = {0};
  bc_code_meaning(code, &meaning);
  fprintf(stderr, "%s: %.*s\n", what, (int)meaning.len, (const char *)meaning.ptr);
}
