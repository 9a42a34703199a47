/*
 * The scheduler of campaigns: which contact is to be called next, what is done about the outcome. A pure state machine:
 * results of the store, of the dialer and the time go in as events, actions come out. One for a gateway; several
 * gateways meet in the store only. Not here: the store's work, the dialer's, the clock (gateway/campaigns.c).
 *
 * A slot is one contact on its way:
 *
 *     (lease) ─▶ INTENDING ─▶ DIALING ─▶ CLOSING ─▶ free
 *                    └─▶ UNDOING (nothing was sent) ─▶ free       RELEASING (outside its hours) ─▶ free
 *
 * What is not acknowledged by the store is asked again, with growing pauses; only the request to the carrier is never
 * repeated. Thread: one at a time.
 */
#ifndef DIALER_CAMPAIGN_H
#define DIALER_CAMPAIGN_H

#include "dialer/campaign_settings.h"

struct campaigns;

#define CAMPAIGN_ID_MAX 64

enum campaign_event_kind {
    CAMPAIGN_EV_TICK,
    CAMPAIGN_EV_LEASED,   /* answer to ACT_LEASE: campaign, err; contact, attempt_id and zone when err is 0 */
    CAMPAIGN_EV_INTENDED, /* answer to ACT_INTEND: slot, err */
    CAMPAIGN_EV_STARTED,  /* answer to ACT_DIAL: slot, err; why */
    CAMPAIGN_EV_DIALER,   /* slot, news of the attempt */
    CAMPAIGN_EV_CLOSED,   /* answer to ACT_CLOSE: slot, err */
    CAMPAIGN_EV_RELEASED, /* answer to ACT_RELEASE: slot, err */
    CAMPAIGN_EV_RENEWED,  /* every lease of ours holds until lease_until_us */
    CAMPAIGN_EV_TAKEN     /* an attempt of somebody who is gone: taken; ours now */
};

struct campaign_event {
    enum campaign_event_kind kind;
    int err;
    uint32_t slot;
    struct str campaign_id;
    /* LEASED */
    const struct contact_row *contact;
    struct str attempt_id;
    const struct zone *zone; /* of the contact; NULL: unknown */
    uint64_t next_us;        /* LEASED with -EAGAIN */
    /* STARTED */
    struct str why;
    /* DIALER */
    const struct dialer_event *dialer;
    /* RENEWED, LEASED, INTENDED */
    uint64_t lease_until_us;
    /* TAKEN */
    const struct attempt_row *taken;
};

enum campaign_act_kind {
    CAMPAIGN_ACT_LEASE,
    CAMPAIGN_ACT_INTEND,  /* attempt */
    CAMPAIGN_ACT_DIAL,    /* request; may_dial is asked when it is about to leave */
    CAMPAIGN_ACT_NOTE,    /* news; nobody waits for the answer */
    CAMPAIGN_ACT_CLOSE,   /* end */
    CAMPAIGN_ACT_RELEASE, /* contact, next_us, note */
    CAMPAIGN_ACT_PAUSE    /* campaign, note: the circuit breaker, or a carrier that cannot dial */
};

/* Texts live until the next event, those of a slot as long as the slot. */
struct campaign_act {
    enum campaign_act_kind kind;
    struct str campaign_id;
    uint32_t slot;
    struct attempt_row attempt;
    struct dialer_request request;
    struct attempt_news news;
    struct attempt_end end;
    struct contact_row contact; /* RELEASE: id, campaign_id, fence */
    uint64_t next_us;
    struct str note;
    struct str timezone; /* LEASE: of contacts that have none */
};

#define CAMPAIGN_ACTS_MAX 32
struct campaign_acts {
    struct campaign_act list[CAMPAIGN_ACTS_MAX];
    uint32_t n;
};

struct campaigns_opts {
    struct str owner;   /* of leases; copied */
    uint32_t max_calls; /* of this gateway at once; 0: 50 */
    uint32_t lease_s;   /* 0: 60 */
};

MUST_USE int campaigns_new(const struct campaigns_opts *o, struct campaigns **ret);
struct campaigns *campaigns_free(struct campaigns *r);

/* A campaign that runs; again with new settings changes it for contacts that follow. settings is copied. -ENOMEM,
 * -ERR_LIMIT */
MUST_USE int campaigns_put(struct campaigns *r, struct str id, const struct campaign_settings *settings,
                           uint64_t now_us);
/* It runs no more: nobody is dialled any more; calls under way go on. Unknown ids are fine. */
void campaigns_drop(struct campaigns *r, struct str id);
/* Every campaign that was not put since the last call is dropped. */
void campaigns_keep_only_put(struct campaigns *r);
/* Leases no more: shutdown. */
void campaigns_stop(struct campaigns *r);

/* acts is emptied first. An event for a slot that has moved on changes nothing. */
void campaigns_step(struct campaigns *r, const struct campaign_event *ev, uint64_t now_us, struct campaign_acts *acts);
/* May the request of this slot leave, right now? Not when its lease may be lost or its campaign runs no more. */
bool campaigns_may_dial(const struct campaigns *r, uint32_t slot, uint64_t now_us);
/* What this gateway has in hand: for the renewal of its leases. At most max. */
uint32_t campaigns_held(const struct campaigns *r, struct campaign_hold *ret, uint32_t max);
/* The slot of an attempt, or UINT32_MAX. */
uint32_t campaigns_find(const struct campaigns *r, struct str attempt_id);
uint32_t campaigns_slots(const struct campaigns *r);     /* in use */
uint32_t campaigns_unwritten(const struct campaigns *r); /* of them: that wait for the store */
uint32_t campaigns_count(const struct campaigns *r);     /* campaigns that run here */
/* When the next TICK is due, at the latest. */
uint64_t campaigns_wake_us(const struct campaigns *r);

#endif
