#define _DEFAULT_SOURCE // clock_gettime
#include "clock.h"

#include <time.h>

uint64_t now_ms(void) {
#ifdef CLOCK_BOOTTIME
  const clockid_t steady = CLOCK_BOOTTIME;
#else
  const clockid_t steady = CLOCK_MONOTONIC;
#endif
  static int64_t anchor;
  struct timespec at;
  clock_gettime(steady, &at);
  int64_t ms = (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
  if (anchor == 0) {
    struct timespec day;
    clock_gettime(CLOCK_REALTIME, &day);
    anchor = (int64_t)day.tv_sec * 1000 + day.tv_nsec / 1000000 - ms;
  }
  return (uint64_t)(anchor + ms);
}
