/*
 * The inside of the scheduler of campaigns: what its files share. Nobody else includes it.
 *
 *     campaign.c          the machine: events in, actions out      campaign_lane.c     a campaign that runs
 *     campaign_slot.c     a contact on its way                     campaign_outcome.c  what becomes of a contact
 */
#ifndef DIALER_CAMPAIGN_IMPL_H
#define DIALER_CAMPAIGN_IMPL_H

#include "dialer/campaign.h"

#define MAX_LANES   64
#define BREAKER_MAX 128
#define SECOND_US   1000000u

/* A campaign that runs. */
struct lane {
    char id[CAMPAIGN_ID_MAX + 1]; /* "": free */
    bool put;
    bool asking;
    uint64_t ask_us;
    uint32_t failures; /* of the store, in a row */
    struct arena arena;
    struct campaign_settings s;
    struct {
        uint64_t at_us;
        bool failed;
    } ends[BREAKER_MAX]; /* the last ones, a ring */
    uint32_t n_ends, next_end;
};

enum slot_state { SLOT_FREE, SLOT_INTENDING, SLOT_DIALING, SLOT_CLOSING, SLOT_UNDOING, SLOT_RELEASING };

struct slot {
    enum slot_state state;
    bool waits;        /* for the store's answer */
    bool settled;      /* taken over: nothing is dialled */
    uint64_t again_us; /* not waiting: when the store is asked again */
    uint32_t failures;
    uint64_t lease_until_us;
    struct arena arena; /* of everything below */
    struct contact_row contact;
    struct str attempt_id, campaign_id, agent, caller_id;
    struct attempt_end end;
    uint64_t next_us;
    struct str note;
    uint64_t since_us, answered_us;
    enum question_reply reply;
};

struct campaigns {
    struct str owner;
    char *owner_text;
    uint32_t max_calls;
    uint64_t lease_us;
    bool stopped;
    struct lane lanes[MAX_LANES];
    struct slot *slots;
    uint64_t wake_us;
};

/* campaign_lane.c */
struct lane *campaign_lane_find(struct campaigns *r, struct str id); /* NULL: it does not run here */
void campaign_lane_drop(struct lane *l);                             /* NULL is fine */
/* Asks the store for its next contact when it is time. */
void campaign_lane_tick(struct campaigns *r, struct lane *l, uint64_t now_us, struct campaign_acts *acts);
/* One more end; true: so many of the last ones failed that the campaign must rest. */
bool campaign_lane_trips(struct lane *l, bool failed, uint64_t now_us);

/* campaign_slot.c */
/* Room for it was looked for before (has_room). */
struct campaign_act *campaign_act_add(struct campaign_acts *acts, enum campaign_act_kind kind);
uint32_t campaign_slot_index(const struct campaigns *r, const struct slot *s);
struct slot *campaign_slot_new(struct campaigns *r); /* NULL: all are in use */
void campaign_slot_free(struct slot *s);
/* Copies the contact; false: out of memory. */
bool campaign_slot_keep(struct slot *s, const struct contact_row *from);
void campaign_slot_close(struct campaigns *r, struct slot *s, struct campaign_acts *acts);
void campaign_slot_release(struct campaigns *r, struct slot *s, struct campaign_acts *acts);
/* Its campaign rests, for that reason. */
void campaign_slot_pause(const struct slot *s, struct str note, struct campaign_acts *acts);
/* Before the store is asked again after so many failures. */
uint64_t campaign_pause_us(uint32_t failures);
/* The store did not answer well: once more, later. */
void campaign_slot_ask_again(struct slot *s, uint64_t now_us);
/* Nothing was sent, and it is certain: the attempt does not count. The second one also asks the store at once. */
void campaign_slot_plan_undo(struct slot *s, uint64_t next_us, struct str error, uint64_t now_us);
void campaign_slot_undo(struct campaigns *r, struct slot *s, uint64_t next_us, struct str error, uint64_t now_us,
                        struct campaign_acts *acts);

/* campaign_outcome.c */
enum attempt_outcome campaign_outcome_of(enum dialer_outcome o);
/* What becomes of the contact, by s->end.outcome; l NULL: the campaign runs no more, nothing is tried again. */
void campaign_slot_decide(struct slot *s, const struct lane *l, uint64_t now_us);

#endif
