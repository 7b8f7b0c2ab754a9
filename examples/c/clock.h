#ifndef CHAT_CLOCK_H
#define CHAT_CLOCK_H

#include <stdint.h>

// Milliseconds since the Unix epoch by a clock that never steps and goes on while the machine sleeps (spec section 12.2).
uint64_t now_ms(void);

#endif
