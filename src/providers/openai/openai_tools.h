/*
 * Tool calls of one session: collects what the service says in pieces and hands each call out exactly once.
 * output_item.done is the proof; function_call_arguments.done counts when the response ends without it.
 */
#ifndef PROVIDERS_OPENAI_TOOLS_H
#define PROVIDERS_OPENAI_TOOLS_H

#include "wire/openai.h"

#define OPENAI_TOOLS_OPEN 32 /* calls under way at once; more are a confused service */
#define OPENAI_TOOLS_SEEN 64 /* ids remembered so that no call runs twice */

struct openai_tool_call; /* heap, one for each call under way */

struct openai_tools {
    struct openai_tool_call *open[OPENAI_TOOLS_OPEN];
    uint32_t n_open;
    uint64_t seen[OPENAI_TOOLS_SEEN]; /* hashes of call ids, a ring */
    uint32_t n_seen;
};

struct openai_tool {
    struct str response_id, item_id, call_id, name, arguments; /* lent until the next call on the same openai_tools */
};

void openai_tools_init(struct openai_tools *t);
void openai_tools_done(struct openai_tools *t);
/* output_item.added: remembers the name, which some services leave out later. */
void openai_tools_added(struct openai_tools *t, struct str response_id, const struct openai_item *item);
/* function_call_arguments.done */
void openai_tools_arguments(struct openai_tools *t, const struct openai_event *ev);
/* An item that is final. True: *ret is a call that nobody has been told of yet. */
bool openai_tools_item_done(struct openai_tools *t, struct str response_id, const struct openai_item *item,
                            struct openai_tool *ret);
/* response.done: true as long as a call of this response has arguments but was never proved; repeat until false. */
bool openai_tools_next_unproved(struct openai_tools *t, struct str response_id, struct openai_tool *ret);
/* Forgets what is under way of a response (all when the id is empty). */
void openai_tools_drop(struct openai_tools *t, struct str response_id);

#endif
