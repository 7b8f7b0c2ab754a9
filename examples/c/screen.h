// Lines for people and scripts, on standard output: whole, at once, and without what would steer a terminal.
#ifndef CHAT_SCREEN_H
#define CHAT_SCREEN_H

#include <burnchat.h>

#include <stdbool.h>

// Adds to the line that is being written: words of this program's.
void put(const char *words);
// Words of others: control characters and what turns the direction of writing are shown as signs.
void put_shown(bc_slice words);
// Ends the line and writes it, then wipes it. Answers false if standard output is closed.
bool put_line(void);
// A line on standard error: what could not be done, and why.
void complain(const char *what, int32_t code);

#endif
