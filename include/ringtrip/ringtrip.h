/**
 * @file ringtrip.h
 * libringtrip: voice agents as a library. This header includes all others.
 *
 * - tool.h, guardrail.h, agent.h: what agents are made of.
 * - settings.h, session.h, event.h, history.h, playback.h: conversations of the program's own users.
 * - gateway.h: the telephone gateway inside a program.
 * - trace.h: traces and spans, as they happen.
 * - replay.h: journals, run again.
 *
 * Strict C11, also C++17. Handles are opaque. Functions returning int: 0 or more is success, negative is an error that
 * rt_error_text explains. Nothing aborts on bad input.
 *
 * **Words of the comments.** *Thread: any* may be called by any thread, several at once. *Thread: one at a time* means
 * that two threads must not use the same handle at once. *Takes*: the library owns it from then on. *Lends*: valid
 * until the function or callback returns, or as long as said. *Copied*: the caller keeps its own. *Gives*: the caller
 * frees it.
 *
 * **Growth.** Option structs begin with struct_size, set by their _init function; members that a program was not
 * compiled with count as zero. Structs that the library gives out may get members at their end. Symbols are versioned.
 */
#ifndef RINGTRIP_H
#define RINGTRIP_H

#include <ringtrip/agent.h>
#include <ringtrip/base.h>
#include <ringtrip/event.h>
#include <ringtrip/gateway.h>
#include <ringtrip/guardrail.h>
#include <ringtrip/history.h>
#include <ringtrip/playback.h>
#include <ringtrip/replay.h>
#include <ringtrip/session.h>
#include <ringtrip/settings.h>
#include <ringtrip/tool.h>
#include <ringtrip/trace.h>

#endif
