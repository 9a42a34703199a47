/*
 * Twilio's call resource as its REST API answers it: one call, or a page of the list. Pure; decoder only. Texts are
 * lent by the reply where they hold no escapes, else by scratch. Source: protocols page 5.3, API 2010-04-01.
 * Not here: what the words mean for us (carriers/twilio).
 */
#ifndef WIRE_TWILIO_CALLS_H
#define WIRE_TWILIO_CALLS_H

#include "base/buf.h"

#define TWILIO_CALLS_MAX 50

/* Absent and null members are empty, 0 or -1. */
struct twilio_call {
    struct str sid;
    struct str to, from;
    struct str status;      /* "queued", "ringing", "in-progress", "completed", "busy", "failed", "no-answer", ... */
    struct str direction;   /* "outbound-api" */
    struct str answered_by; /* "human", "machine_start", ... */
    int64_t duration_s;     /* -1: not yet */
    int64_t created_s;      /* since 1970; 0: not told */
};

struct twilio_calls {
    struct twilio_call list[TWILIO_CALLS_MAX];
    uint32_t n;
    bool more; /* another page, or more than fit */
};

/* 0; -ERR_SYNTAX: no JSON object; -ERR_MISSING: no sid (of a list: no "calls"); -ERR_TYPE; -ENOMEM. */
MUST_USE int twilio_call_parse(struct str text, struct buf *scratch, struct twilio_call *ret);
/* Also takes a single call for a list of one. Elements that are no calls are passed over. */
MUST_USE int twilio_calls_parse(struct str text, struct buf *scratch, struct twilio_calls *ret);
/* "Mon, 05 Jan 2026 10:00:00 +0000", seconds since 1970. -ERR_SYNTAX, -ERR_RANGE */
MUST_USE int twilio_date_parse(struct str text, int64_t *ret);

#endif
