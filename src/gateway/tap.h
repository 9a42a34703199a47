/* What somebody who watches calls is told as it happens (the demonstration, later the console). Lent until return. */
#ifndef GATEWAY_TAP_H
#define GATEWAY_TAP_H

#include "call/action.h"

enum tap_kind {
    TAP_BEGIN,        /* the call is known */
    TAP_MODEL_READY,  /* ev */
    TAP_MODEL_FAILED, /* ev; the call may go on with another session */
    TAP_LEG_START,
    TAP_ACTION,      /* action: a tool run, line, turn or note */
    TAP_SIGNAL,      /* action: a signal, usage, or our hanging up; only to who watches one call */
    TAP_TOOL_RESULT, /* ev */
    TAP_END,         /* action; recording and journal are the paths, "" without; the files are complete */
};

struct tap_event {
    enum tap_kind kind;
    const char *call_id;
    const struct call_action *action;
    const struct call_event *ev;
    const char *recording;
    const char *journal;
};

struct tap {
    void (*fn)(const struct tap_event *e, void *arg); /* NULL: nobody watches */
    void *arg;
};

#endif
