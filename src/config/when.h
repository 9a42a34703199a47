/*
 * A condition on a call: "when" of a route, "enabled" of an agent, a tool or a handoff. A tree that is checked when the
 * configuration is loaded (when_read.c); whether it holds is a pure question to the facts of a call and the time.
 *
 *     when: {called: ["+1555*"], caller: anonymous, carrier: twilio, direction: inbound, header: {X-Tier: gold},
 *            parameter: {lang: de}, days: mon-fri, hours: "09:00-17:00", dates: "12-24..12-26",
 *            time_zone: Europe/Berlin, any: [...], all: [...], not: {...}}
 *
 * All keys of a map must hold; of a list one element is enough. Patterns: * stands for any text, ? for one character,
 * letters without regard to case.
 */
#ifndef CONFIG_WHEN_H
#define CONFIG_WHEN_H

#include "base/buf.h"
#include "base/zone.h"

struct when_pair {
    struct str name;
    struct str value;
};

/* What is known of a call; empty texts are unknown. Lent. */
struct when_facts {
    struct str called;
    struct str caller;
    struct str carrier;              /* "twilio" */
    struct str direction;            /* "inbound", "outbound" */
    const struct when_pair *headers; /* SIP headers, names without regard to case */
    uint32_t n_headers;
    const struct when_pair *parameters; /* of the carrier's webhook or stream */
    uint32_t n_parameters;
    int64_t wall_us;         /* now, microseconds since 1970 UTC */
    const struct zone *zone; /* for conditions without a time_zone of their own; NULL: UTC */
};

enum when_kind {
    WHEN_NEVER,
    WHEN_ALL, /* of its children; without any: always */
    WHEN_ANY,
    WHEN_NOT,
    WHEN_CALLED,
    WHEN_CALLER,
    WHEN_CARRIER,
    WHEN_DIRECTION,
    WHEN_HEADER,
    WHEN_PARAMETER,
    WHEN_TIME,
    WHEN_KIND_N
};

/* Minutes of the day; a span whose end is not behind its beginning goes on into the next day. */
struct when_hours {
    uint16_t from, to;
};

/* month * 100 + day, with the year before it or year 0 for every year; both ends count. */
struct when_dates {
    uint32_t from, to;
};

/* Lives in the snapshot of its configuration. */
struct when {
    enum when_kind kind;
    struct str name;            /* of the header or parameter */
    const struct str *patterns; /* one of them must match */
    uint32_t n_patterns;
    const struct when *first, *next; /* children, siblings */
    uint8_t days;                    /* bit 0 is Sunday; 0: any */
    const struct when_hours *hours;  /* none: any */
    uint32_t n_hours;
    const struct when_dates *dates; /* none: any */
    uint32_t n_dates;
    struct str zone_name; /* "": that of the facts */
    const struct zone *zone;
};

/* NULL holds always. */
bool when_holds(const struct when *w, const struct when_facts *facts);
/* Could it hold at another time of this call? NULL: yes. */
bool when_may_hold(const struct when *w, const struct when_facts *facts);
/* As it would be written, on one line; NULL is true. */
void when_put(const struct when *w, struct buf *out);

#endif
