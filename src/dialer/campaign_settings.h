/*
 * How a campaign is to be run: what the API takes, the store keeps and the scheduler (campaign.h) goes by, as one JSON
 * object. Pure; every limit is here. Not here: the campaign's life and its contacts (call/campaign_store.h).
 */
#ifndef DIALER_CAMPAIGN_SETTINGS_H
#define DIALER_CAMPAIGN_SETTINGS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/zone.h"
#include "call/campaign_store.h"
#include "dialer/dialer.h"

#define CAMPAIGN_NAME_MAX       200
#define CAMPAIGN_TEXT_MAX       8000 /* of opening_reason, objective, context, voicemail, consent */
#define CAMPAIGN_CALLER_IDS_MAX 50
#define CAMPAIGN_SETTINGS_MAX   65536 /* bytes of the object */

/* Hours of the day in which somebody may be called, by the clock on their wall. */
struct campaign_window {
    uint16_t start_min, end_min; /* since midnight; end before start: over midnight; the same: the whole day */
    uint8_t days;                /* bit 0: Sunday; the day on which the window begins */
};

struct campaign_settings {
    struct str name;
    struct str timezone; /* "Europe/Berlin" */
    struct campaign_window window;
    uint64_t run_start_us, run_end_us; /* 0: no bound */
    uint32_t max_concurrent;
    double calls_per_second;
    struct str agent, carrier;    /* empty: as configured */
    const struct str *caller_ids; /* E.164; one of them for each contact, always the same; none: the carrier's own */
    uint32_t n_caller_ids;
    struct str opening_reason, objective, context;
    uint32_t ring_s, max_call_s;
    enum carrier_amd amd;
    enum dialer_machine machine;
    struct str voicemail, voicemail_sound; /* the text, or a recording in place of it */
    struct question consent;
    uint32_t max_attempts;
    uint32_t retry_s[ATTEMPT_OUTCOME_N]; /* pause before the next attempt, doubled each time; 0: none */
    uint32_t breaker_percent;            /* of failures that pause the campaign; 0: never */
    uint32_t breaker_calls, breaker_s;   /* among at least so many, in so long */
};

/*
 * Reads the object; what is missing has its default. Texts live in a. -ERR_CONFIG: err gets a sentence that names the
 * member; -ENOMEM. default_zone: of a campaign that names none.
 */
MUST_USE int campaign_settings_read(struct str json, struct str default_zone, struct arena *a, struct buf *err,
                                    struct campaign_settings *ret);
/* All members, in the same form. */
void campaign_settings_write(const struct campaign_settings *s, struct buf *out);
/* Pause between two dials that calls_per_second means. */
uint64_t campaign_interval_us(const struct campaign_settings *s);

/*
 * Now, or when the window opens next; zone NULL: never (UINT64_MAX), since who does not know what time it is somewhere
 * does not call there.
 */
uint64_t campaign_window_next(const struct campaign_window *w, const struct zone *zone, uint64_t now_us);

/* "2026-11-21T13:00:00Z" or with an offset, as wall clock. -ERR_SYNTAX */
MUST_USE int campaign_time_read(struct str text, uint64_t *ret_us);

#endif
