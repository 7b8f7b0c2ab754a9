#define _DEFAULT_SOURCE // explicit_bzero
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

// What has been read and not been used. Room for a line and what ends it.
static uint8_t bytes[INPUT_LINE_MAX + 1];
static size_t used;
static bool readable, ended, hung_up;
static bool cutting; // the rest of a line that was too long is dropped
static struct lws *watched;
static int flags = -1;

long input_first_line(uint8_t *to, size_t room) {
  for (size_t len = 0; len < room;) {
    ssize_t some = read(STDIN_FILENO, to + len, 1);
    if (some < 0 && errno == EINTR) continue;
    if (some <= 0) return -1;
    if (to[len] == '\n') return (long)(len > 0 && to[len - 1] == '\r' ? len - 1 : len);
    len++;
  }
  return -1;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len) {
  (void)user, (void)in, (void)len;
  if (reason == LWS_CALLBACK_RAW_RX_FILE) {
    readable = true;
    // Not again before what is there has been read.
    lws_rx_flow_control(wsi, 0);
  }
  // libwebsockets lets go of a pipe when its other end is closed, even if there is something left in it. Then a read
  // waits for nobody.
  if (reason == LWS_CALLBACK_RAW_CLOSE_FILE) {
    hung_up = true;
    watched = NULL;
  }
  return 0;
}

const struct lws_protocols input_protocol = {.name = "input", .callback = on_event};

bool input_start(struct lws_context *context) {
  // libwebsockets closes what it is given.
  flags = fcntl(STDIN_FILENO, F_GETFL);
  lws_sock_file_fd_type own;
  own.filefd = dup(STDIN_FILENO);
  if (own.filefd < 0) return false;
  struct lws_vhost *vhost = lws_get_vhost_by_name(context, "default");
  watched = lws_adopt_descriptor_vhost(vhost, LWS_ADOPT_RAW_FILE_DESC, own, input_protocol.name, NULL);
  return watched != NULL;
}

static void fill(void) {
  if (ended || !(readable || hung_up) || used == sizeof bytes) return;
  ssize_t some = read(STDIN_FILENO, bytes + used, sizeof bytes - used);
  readable = false;
  if (some > 0) used += (size_t)some;
  else if (some == 0 || (errno != EAGAIN && errno != EINTR)) ended = true;
}

static void forget(size_t len) {
  memmove(bytes, bytes + len, used - len);
  explicit_bzero(bytes + used - len, len);
  used -= len;
}

input_state input_line(const uint8_t **line, size_t *len) {
  for (;;) {
    uint8_t *end = memchr(bytes, '\n', used);
    if (cutting) {
      size_t rest = end != NULL ? (size_t)(end - bytes) + 1 : used;
      cutting = end == NULL;
      forget(rest);
      if (!cutting) continue;
    } else if (end != NULL || used == sizeof bytes || (ended && used > 0)) {
      *line = bytes;
      *len = end != NULL ? (size_t)(end - bytes) : used < INPUT_LINE_MAX ? used : INPUT_LINE_MAX;
      if (end != NULL && *len > 0 && bytes[*len - 1] == '\r') *len -= 1;
      return INPUT_LINE;
    }
    if (ended) return INPUT_END;
    size_t before = used;
    fill();
    if (used == before && !ended) return INPUT_NOTHING;
  }
}

void input_next(void) {
  uint8_t *end = memchr(bytes, '\n', used);
  cutting = end == NULL && !(ended && used < sizeof bytes);
  forget(end != NULL ? (size_t)(end - bytes) + 1 : used);
}

void input_watch(bool watch) {
  if (watched != NULL) lws_rx_flow_control(watched, watch ? 1 : 0);
}

void input_stop(void) {
  explicit_bzero(bytes, sizeof bytes);
  if (flags >= 0) fcntl(STDIN_FILENO, F_SETFL, flags);
}
