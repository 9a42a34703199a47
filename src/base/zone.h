/*
 * Time zones: what a clock on the wall shows somewhere. Read from the bytes of a TZif file (RFC 8536, with the rule at
 * its end for times behind the last entry) or made from a fixed offset. Pure: no files, no environment, no clock.
 */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include "base/arena.h"

struct zone;

struct zone_time {
    int32_t year;
    uint8_t month;   /* 1 to 12 */
    uint8_t day;     /* 1 to 31 */
    uint8_t weekday; /* 0 is Sunday */
    uint8_t hour;
    uint8_t minute;
    uint8_t second;
    int32_t offset_s; /* east of Greenwich */
};

/* "UTC", "Z", "+02:00", "-0330", "+05". -ERR_SYNTAX, -ENOMEM. The zone lives in a. */
MUST_USE int zone_fixed(struct str text, struct arena *a, struct zone **ret);
/* The bytes of a TZif file of version 1 to 4; copied into a. -ERR_SYNTAX, -ENOMEM. */
MUST_USE int zone_parse(struct span tzif, struct arena *a, struct zone **ret);
/* zone NULL: UTC. Times beyond what a clock can say are shown as the nearest one. */
void zone_at(const struct zone *z, int64_t unix_s, struct zone_time *ret);

#endif
