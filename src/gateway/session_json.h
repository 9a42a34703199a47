/*
 * Events of a session as JSON, for who watches a call over HTTP. One object each: type, seq, at_ms, agent and what
 * belongs to the type. Where the reference has two names for an event, type is the one and alias the other.
 */
#ifndef GATEWAY_SESSION_JSON_H
#define GATEWAY_SESSION_JSON_H

#include "base/json.h"
#include "call/cost.h"
#include "call/items.h"
#include "gateway/tap.h"
#include "guards/shapes.h"

struct session_json {
    const struct call_opts *opts; /* names of agents */
    uint64_t seq;
    int64_t at_ms;                  /* since the call began */
    const struct cost_usage *usage; /* of the call so far */
    bool audio;                     /* with the audio itself, else its length */
    struct guard_mask *mask;        /* what was said and done is masked; NULL: told as it is */
};

/*
 * Appends the object of what the tap was told; *ret_type is its name, static. False: nothing that watchers are told
 * of, and out is as it was.
 */
bool session_json_put(struct buf *out, const struct session_json *s, const struct tap_event *e, const char **ret_type);
/* An event of the model's service as it came; likewise. */
bool session_json_put_raw(struct buf *out, const struct session_json *s, const struct call_event *ev);
/* {"id": ..., "type": "message", "role": ..., "content": [...]} without key. Images are named, not sent. */
void session_json_item(struct json_w *w, const struct session_json *s, const struct call_item *it);
/* The whole history, as an array. */
void session_json_history(struct json_w *w, const struct session_json *s, const struct items *items);
/* The other spelling of a type, or NULL. */
const char *session_json_alias(const char *type);

#endif
