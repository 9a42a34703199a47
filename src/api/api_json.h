/* Records of calls as JSON, in the reference's short shapes and in our full one. Pure. */
#ifndef API_API_JSON_H
#define API_API_JSON_H

#include "api/api.h"
#include "base/json.h"

/* "2026-11-21T13:00:00.123Z", or null for 0. */
void api_json_time(struct json_w *w, const char *key, uint64_t wall_us);
/* An element of GET /calls. */
void api_json_item(struct json_w *w, const struct store_call *c);
/* GET /calls/{id}/status. now_us: wall clock, for the duration of a live call. */
void api_json_status(struct json_w *w, const struct store_call *c, uint64_t now_us);

struct api_record {
    const struct store_call *call;
    const struct store_turn *turns;
    uint32_t n_turns;
    const struct store_line *lines;
    uint32_t n_lines;
    const struct api_live *live;   /* NULL: over */
    const struct store_dial *dial; /* NULL: it came in */
};
/* An element of GET /v1/calls (no turns, no lines given) and GET /v1/calls/{id}. */
void api_json_record(struct json_w *w, const struct api_record *r, bool full);

/* One callback, and {total, callbacks}. */
void api_json_callback(struct json_w *w, const struct store_callback *c);
void api_json_callbacks(struct json_w *w, const struct store_callbacks *page);
/* GET /v1/calls/{id}/trace: the spans in the order of their beginning. */
void api_json_trace(struct json_w *w, struct str call_id, const struct store_span *spans, uint32_t n);

#endif
