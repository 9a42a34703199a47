/*
 * The terminal of the demonstration: a row for everything that happens in a call, in the order in which it happened.
 * Rows are written by a thread of their own: a terminal that is stopped (Ctrl-S) or a pipe that nobody reads holds no
 * call up; what its queue cannot hold is left out. One loop's thread.
 */
#ifndef APPS_RINGTRIP_DEMO_SCREEN_H
#define APPS_RINGTRIP_DEMO_SCREEN_H

#include "base/buf.h"

struct screen;

enum screen_tone { TONE_PLAIN, TONE_DIM, TONE_BOLD, TONE_CALLER, TONE_AGENT, TONE_TOOL, TONE_BAD, TONE_N };

/* Writes to standard output. -ENOMEM, -EAGAIN (no thread) */
MUST_USE int screen_new(bool colour, struct screen **ret);
/* Writes out what waits, for at most 3 s. NULL is fine. */
struct screen *screen_free(struct screen *s);

/* "   2.41 s  agent   text" */
void screen_row(struct screen *s, int32_t at_ms, enum screen_tone tone, const char *who, struct str text);
/*
 * What an agent has said is known when the caller has heard it; what happened meanwhile belongs behind it. While speaks
 * is true these rows wait for the agent's next line, which is a screen_row with TONE_AGENT.
 */
void screen_agent_speaks(struct screen *s, bool speaks);
void screen_row_meanwhile(struct screen *s, int32_t at_ms, enum screen_tone tone, const char *who, struct str text);
/* Text as it stands. */
void screen_text(struct screen *s, struct str text);
/* What begins and ends text of that tone; "" without colours. */
const char *screen_begin(const struct screen *s, enum screen_tone tone);
const char *screen_end(const struct screen *s);

#endif
