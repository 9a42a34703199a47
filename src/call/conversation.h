/* The history of a call's conversation and what watchers are told of it, for src/call alone. */
#ifndef CALL_CONVERSATION_H
#define CALL_CONVERSATION_H

#include "call/action.h"
#include "call/items.h"

struct call;
struct item;

/* An event of the session: agent is who speaks now. Fill in the rest; texts by call_keep. */
struct call_signal *call_tell(struct call *c, enum call_signal_kind kind);

void conv_init(struct call *c);
void conv_done(struct call *c);
/* The service announces an item, or that it is gone. */
void conv_item(struct call *c, const struct call_event *ev);
void conv_deleted(struct call *c, struct str item_id);
void conv_transcript(struct call *c, struct str item_id, struct str text);
/* What the agent says; all: it is the whole text, else a piece. */
void conv_text(struct call *c, const struct item *it, struct str text, bool all);
/* The caller heard so much of it, and no more. */
void conv_heard(struct call *c, const struct item *it, struct str heard, struct str unheard, bool whole);
void conv_call(struct call *c, const struct call_event *ev);
void conv_output(struct call *c, struct str tool_call_id, struct str output);
/* An item of ours: it gets an id. Kept until the step is over. NULL: out of memory. */
const struct call_item *conv_own(struct call *c, const struct call_item *item);
/* A text in the caller's name, as conv_own: its id. */
struct str conv_own_text(struct call *c, struct str text);

#endif
