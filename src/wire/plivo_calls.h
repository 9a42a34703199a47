/*
 * What Plivo's REST API answers about calls: a finished one (CDR), a list of them, the ids of those under way. Pure;
 * decoder only. Texts are lent by the reply where they hold no escapes, else by scratch. Source: protocols page 6.4.
 * Not here: what the words mean for us (carriers/plivo).
 */
#ifndef WIRE_PLIVO_CALLS_H
#define WIRE_PLIVO_CALLS_H

#include "base/buf.h"

#define PLIVO_CALLS_MAX 20 /* of a page, and the most the vendor gives */

/* Absent and null members are empty, 0 or -1. */
struct plivo_call {
    struct str uuid;
    struct str to, from;     /* digits, sometimes with + */
    struct str direction;    /* "outbound" */
    struct str status;       /* of a call under way: "in-progress"; of a finished one empty */
    struct str cause;        /* "Normal Hangup" */
    struct str request_uuid; /* of a call under way */
    int64_t cause_code;      /* 4000; -1: not told */
    int64_t duration_s;      /* of what was paid for: answer to end; -1: not told */
    int64_t created_s;       /* since 1970; 0: not told */
    bool answered;           /* answer_time is there */
    bool ended;              /* end_time is there */
};

struct plivo_calls {
    struct plivo_call list[PLIVO_CALLS_MAX];
    uint32_t n;
    bool more; /* another page, or more than fit */
};

/*
 * Takes a single call, a page of finished ones ("objects"), or ids of those under way ("calls"), of which only uuid is
 * known then. Elements that are no calls are passed over. 0; -ERR_SYNTAX: no JSON object; -ERR_MISSING: none of the
 * three; -ENOMEM.
 */
MUST_USE int plivo_calls_parse(struct str text, struct buf *scratch, struct plivo_calls *ret);
/* "2026-01-05 09:59:49+05:30", "2026-01-05 09:59:49.722551" (UTC); seconds since 1970. -ERR_SYNTAX, -ERR_RANGE */
MUST_USE int plivo_date_parse(struct str text, int64_t *ret);

#endif
