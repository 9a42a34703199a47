/*
 * A condition on a call: "when" of a route, "enabled" of an agent, a tool or a handoff. A tree that was checked when
 * the configuration was loaded; whether it holds is a pure question to the facts of a call and the time.
 *
 *     when: {called: ["+1555*"], caller: "!anonymous", carrier: twilio, header: {X-Tier: gold}, parameter: {lang: de},
 *            days: mon-fri, hours: "09:00-17:00", time_zone: Europe/Berlin, any: [...], all: [...], not: {...}}
 *
 * All keys of a map must hold; of a list one element is enough. Patterns: * stands for any text, ? for one character.
 */
#ifndef CONFIG_WHEN_H
#define CONFIG_WHEN_H

#include "base/str.h"

struct when; /* lives in the snapshot of its configuration */

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
    int64_t wall_us; /* now, microseconds since 1970 UTC */
};

/* NULL holds always. */
bool when_holds(const struct when *w, const struct when_facts *facts);

#endif
