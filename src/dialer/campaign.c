#include "dialer/campaign.h"

#include <stdlib.h>

#include "base/err.h"
#include "dialer/campaign_impl.h"

#define DEFAULT_CALLS   50
#define DEFAULT_LEASE_S 60
#define IDLE_US         (15u * SECOND_US) /* nobody waits: look again, contacts may be imported */
#define FULL_US         SECOND_US
#define UNKNOWN_ZONE_US (900ull * SECOND_US)
#define LATER_US        (30ull * SECOND_US)
#define MARGIN_US       (2ull * SECOND_US) /* a request that leaves now may arrive so much later */

/* ------------------------------------------------------------------------------------------------ life */

int campaigns_new(const struct campaigns_opts *o, struct campaigns **ret)
{
    struct campaigns *r = calloc(1, sizeof(*r));

    if (!r) {
        return -ENOMEM;
    }
    r->max_calls = o->max_calls ? o->max_calls : DEFAULT_CALLS;
    r->lease_us = (uint64_t)(o->lease_s ? o->lease_s : DEFAULT_LEASE_S) * SECOND_US;
    r->slots = calloc(r->max_calls, sizeof(*r->slots));
    r->owner_text = str_dup(o->owner);
    if (!r->slots || !r->owner_text) {
        campaigns_free(r);
        return -ENOMEM;
    }
    r->owner = str_from(r->owner_text);
    *ret = r;
    return 0;
}

struct campaigns *campaigns_free(struct campaigns *r)
{
    if (!r) {
        return NULL;
    }
    for (uint32_t i = 0; r->slots && i < r->max_calls; i++) {
        if (r->slots[i].state != SLOT_FREE) {
            arena_done(&r->slots[i].arena);
        }
    }
    for (uint32_t i = 0; i < MAX_LANES; i++) {
        if (r->lanes[i].id[0]) {
            arena_done(&r->lanes[i].arena);
        }
    }
    free(r->slots);
    free(r->owner_text);
    free(r);
    return NULL;
}

void campaigns_stop(struct campaigns *r)
{
    r->stopped = true;
}

/* Room for what one event may need at most. */
static bool has_room(const struct campaign_acts *acts)
{
    return acts->n + 4 <= CAMPAIGN_ACTS_MAX;
}

/* The same contact is always called from the same number: people call back, and trust what they know. */
static struct str caller_id_of(const struct lane *l, const struct contact_row *c)
{
    if (c->caller_id.n) {
        return c->caller_id;
    }
    return l->s.n_caller_ids ? l->s.caller_ids[str_hash(c->phone) % l->s.n_caller_ids] : STR("");
}

static void begin_intent(struct campaigns *r, struct slot *s, const struct lane *l, uint64_t now_us,
                         struct campaign_acts *acts)
{
    struct campaign_act *a = campaign_act_add(acts, CAMPAIGN_ACT_INTEND);

    s->state = SLOT_INTENDING;
    s->waits = true;
    s->since_us = now_us;
    s->agent = arena_str(&s->arena, s->contact.agent.n ? s->contact.agent : l->s.agent);
    s->caller_id = arena_str(&s->arena, caller_id_of(l, &s->contact));
    a->slot = campaign_slot_index(r, s);
    a->campaign_id = s->campaign_id;
    a->attempt = (struct attempt_row){.id = s->attempt_id,
                                      .campaign_id = s->campaign_id,
                                      .contact_id = s->contact.id,
                                      .fence = s->contact.fence,
                                      .owner = r->owner,
                                      .phone = s->contact.phone,
                                      .caller_id = s->caller_id,
                                      .agent = s->agent,
                                      .created_us = now_us};
}

static void take_contact(struct campaigns *r, struct lane *l, const struct campaign_event *ev, uint64_t now_us,
                         struct campaign_acts *acts)
{
    struct slot *s = campaign_slot_new(r);

    if (!s) {
        return; /* the lease runs out by itself */
    }
    s->lease_until_us = ev->lease_until_us;
    s->attempt_id = arena_str(&s->arena, ev->attempt_id);
    s->campaign_id = arena_str(&s->arena, ev->campaign_id);
    if (!campaign_slot_keep(s, ev->contact) || !s->attempt_id.p || !s->campaign_id.p) {
        campaign_slot_free(s);
        return;
    }
    uint64_t open_us = l ? campaign_window_next(&l->s.window, ev->zone, now_us) : now_us;
    if (l && !r->stopped && open_us <= now_us) {
        begin_intent(r, s, l, now_us, acts);
        return;
    }
    s->state = SLOT_RELEASING;
    s->next_us = !l || r->stopped ? now_us : open_us == UINT64_MAX ? now_us + UNKNOWN_ZONE_US : open_us;
    s->note = !l || r->stopped        ? STR("")
              : ev->zone == NULL      ? STR("its time zone is not known here")
              : open_us == UINT64_MAX ? STR("its hours never come")
                                      : STR("outside its hours");
    campaign_slot_release(r, s, acts);
}

static void on_leased(struct campaigns *r, const struct campaign_event *ev, uint64_t now_us, struct campaign_acts *acts)
{
    struct lane *l = campaign_lane_find(r, ev->campaign_id);

    if (ev->err >= 0) {
        take_contact(r, l, ev, now_us, acts);
    }
    if (!l) {
        return;
    }
    l->asking = false;
    if (ev->err >= 0) {
        l->failures = 0;
        l->ask_us = now_us; /* the store keeps the pace */
    } else if (ev->err == -EAGAIN) {
        l->failures = 0;
        l->ask_us = ev->next_us ? MAX(MIN(ev->next_us, now_us + IDLE_US), now_us + 1000) : now_us + IDLE_US;
    } else if (ev->err == -ERR_LIMIT) {
        l->ask_us = now_us + FULL_US;
    } else if (ev->err == -ERR_STATE || ev->err == -ENOENT) {
        campaign_lane_drop(l);
    } else {
        l->ask_us = now_us + campaign_pause_us(l->failures++);
    }
}

/* ------------------------------------------------------------------------------------------------ dialling */

static void begin_dial(struct campaigns *r, struct slot *s, const struct lane *l, struct campaign_acts *acts)
{
    struct campaign_act *a = campaign_act_add(acts, CAMPAIGN_ACT_DIAL);

    s->state = SLOT_DIALING;
    s->waits = false;
    a->slot = campaign_slot_index(r, s);
    a->campaign_id = s->campaign_id;
    a->contact = s->contact;
    a->request = (struct dialer_request){.id = s->attempt_id,
                                         .to = s->contact.phone,
                                         .from = s->caller_id,
                                         .agent = s->agent,
                                         .campaign = s->campaign_id,
                                         .settle_only = s->settled,
                                         .since_wall_us = s->since_us,
                                         .reply = s->reply};
    if (l) {
        a->request.carrier = l->s.carrier;
        a->request.opening_reason = l->s.opening_reason;
        a->request.objective = l->s.objective;
        a->request.context = l->s.context;
        a->request.ring_s = l->s.ring_s;
        a->request.max_call_s = l->s.max_call_s;
        a->request.amd = l->s.amd;
        a->request.machine = l->s.machine;
        a->request.voicemail = l->s.voicemail;
        a->request.voicemail_sound = l->s.voicemail_sound;
        a->request.question = l->s.consent;
    }
}

static void on_intended(struct campaigns *r, struct slot *s, const struct campaign_event *ev, uint64_t now_us,
                        struct campaign_acts *acts)
{
    if (s->state != SLOT_INTENDING) {
        return;
    }
    s->waits = false;
    if (ev->err >= 0) {
        const struct lane *l = campaign_lane_find(r, s->campaign_id);
        s->lease_until_us = MAX(s->lease_until_us, ev->lease_until_us);
        if (l && !r->stopped) {
            begin_dial(r, s, l, acts);
        } else { /* paused in between */
            campaign_slot_undo(r, s, now_us, STR("the campaign was stopped"), now_us, acts);
        }
        return;
    }
    if (ev->err == -EPERM || ev->err == -EEXIST) {
        campaign_slot_free(s); /* it must not be called, and the store has said so to the contact */
        return;
    }
    if (ev->err == -ERR_STATE || ev->err == -ENOENT) {
        s->state = SLOT_RELEASING; /* the lease is lost, or the campaign was paused: then it is given back */
        s->next_us = now_us;
        campaign_slot_release(r, s, acts);
        return;
    }
    /* Whether the row is there nobody knows. Nothing was sent, so it is taken back, if it takes a while. */
    campaign_slot_plan_undo(s, now_us, STR("the store did not take the intent"), now_us);
    campaign_slot_ask_again(s, now_us);
}

/* This contact can never be called: its number, an agent of its own that is not there. */
static bool its_own_fault(const struct slot *s, int err)
{
    return err == -EINVAL || (err == -ENOENT && s->contact.agent.n > 0);
}

static void on_started(struct campaigns *r, struct slot *s, const struct campaign_event *ev, uint64_t now_us,
                       struct campaign_acts *acts)
{
    if (s->state != SLOT_DIALING || ev->err >= 0) {
        return;
    }
    if (s->settled) { /* it may have been called, and nobody can ask */
        s->state = SLOT_CLOSING;
        s->end = (struct attempt_end){.id = s->attempt_id,
                                      .fence = s->contact.fence,
                                      .outcome = ATTEMPT_UNKNOWN,
                                      .ended_us = now_us,
                                      .duration_s = -1,
                                      .state = CONTACT_FAILED,
                                      .error = arena_str(&s->arena, ev->why)};
        campaign_slot_close(r, s, acts);
    } else if (its_own_fault(s, ev->err)) {
        s->state = SLOT_CLOSING;
        s->end = (struct attempt_end){.id = s->attempt_id,
                                      .fence = s->contact.fence,
                                      .outcome = ATTEMPT_ERROR,
                                      .ended_us = now_us,
                                      .duration_s = -1,
                                      .state = CONTACT_FAILED,
                                      .error = arena_str(&s->arena, ev->why)};
        campaign_slot_close(r, s, acts);
    } else {
        if (ev->err == -ERR_STATE || ev->err == -ENOENT || ev->err == -ERR_CONFIG) { /* the next one fares no better */
            campaign_slot_pause(s, ev->why.n ? ev->why : STR("the carrier cannot dial"), acts);
        }
        campaign_slot_undo(r, s, now_us + LATER_US, ev->why, now_us, acts);
    }
}

static void put_news(struct campaigns *r, struct slot *s, const struct dialer_event *d, enum contact_state state,
                     struct campaign_acts *acts)
{
    struct campaign_act *a = campaign_act_add(acts, CAMPAIGN_ACT_NOTE);

    a->slot = campaign_slot_index(r, s);
    a->campaign_id = s->campaign_id;
    a->news = (struct attempt_news){
        .id = s->attempt_id,
        .fence = s->contact.fence,
        .state = state,
        .answered_us = d->kind == DIALER_PICKED_UP ? d->wall_us : 0,
        .answerer = d->answerer == CARRIER_ANSWERER_NONE ? STR("") : str_from(carrier_answerer_word(d->answerer)),
        .consent = str_from(question_reply_word(d->reply)),
        .carrier_call_id = d->ref.call_id,
        .request_id = d->ref.request_id};
}

static void on_ended(struct campaigns *r, struct slot *s, const struct dialer_event *d, uint64_t now_us,
                     struct campaign_acts *acts)
{
    struct lane *l = campaign_lane_find(r, s->campaign_id);
    enum attempt_outcome o = campaign_outcome_of(d->outcome);

    /* The request may have left and the carrier's list does not show it: that is a guess, since lists lag. */
    if (o == ATTEMPT_ERROR && (d->dialled || s->settled) && d->ref.call_id.n == 0 && d->ref.request_id.n == 0) {
        o = ATTEMPT_UNKNOWN;
    }
    if (!d->dialled && o == ATTEMPT_CANCELED && !s->settled) { /* may_dial forbade it, or it was stopped before */
        campaign_slot_undo(r, s, now_us, d->detail, now_us, acts);
        return;
    }
    s->state = SLOT_CLOSING;
    s->end = (struct attempt_end){
        .id = s->attempt_id,
        .fence = s->contact.fence,
        .outcome = o,
        .ended_us = d->wall_us ? d->wall_us : now_us,
        .duration_s = d->duration_s,
        .answerer = d->answerer == CARRIER_ANSWERER_NONE ? STR("") : str_from(carrier_answerer_word(d->answerer)),
        .consent = str_from(question_reply_word(d->reply)),
        .carrier_call_id = arena_str(&s->arena, d->ref.call_id),
        .request_id = arena_str(&s->arena, d->ref.request_id),
        .answered_us = s->answered_us,
        .cause = arena_str(&s->arena, d->cause),
        .error = arena_str(&s->arena, d->detail)};
    campaign_slot_decide(s, l, now_us);
    campaign_slot_close(r, s, acts);
    if (l && !s->settled && campaign_lane_trips(l, o == ATTEMPT_ERROR || o == ATTEMPT_UNKNOWN, now_us)) {
        campaign_slot_pause(s, STR("too many calls fail; look into errors of its attempts, then start it again"), acts);
        campaign_lane_drop(l);
    }
}

static void on_dialer(struct campaigns *r, struct slot *s, const struct dialer_event *d, uint64_t now_us,
                      struct campaign_acts *acts)
{
    const struct lane *l = campaign_lane_find(r, s->campaign_id);

    if (s->state != SLOT_DIALING) {
        return;
    }
    s->answered_us = d->kind == DIALER_PICKED_UP ? d->wall_us : s->answered_us;
    switch (d->kind) {
    case DIALER_REQUESTED:
    case DIALER_RINGING:
        put_news(r, s, d, CONTACT_DIALING, acts);
        break;
    case DIALER_PICKED_UP:
        put_news(r, s, d, l && l->s.amd != CARRIER_AMD_OFF ? CONTACT_AMD_PENDING : CONTACT_IN_PROGRESS, acts);
        break;
    case DIALER_ANSWERER:
    case DIALER_CONSENT:
        put_news(r, s, d, CONTACT_IN_PROGRESS, acts);
        break;
    case DIALER_ENDED:
        on_ended(r, s, d, now_us, acts);
        break;
    case DIALER_EVENT_N:
        break;
    }
}

/* ------------------------------------------------------------------------------------------------ the store's answers
 */

static void on_closed(struct campaigns *r, struct slot *s, int err, uint64_t now_us, struct campaign_acts *acts)
{
    if (s->state != SLOT_CLOSING && s->state != SLOT_UNDOING) {
        return;
    }
    s->waits = false;
    if (err >= 0 || err == -ERR_STATE) { /* done, or another gateway has it */
        struct lane *l = campaign_lane_find(r, s->campaign_id);
        if (l) {
            l->ask_us = MIN(l->ask_us, now_us); /* a place is free */
        }
        campaign_slot_free(s);
    } else if (err == -ENOENT && s->state == SLOT_UNDOING) { /* the intent never went in: there is only the lease */
        s->state = SLOT_RELEASING;
        campaign_slot_release(r, s, acts);
    } else if (err == -ENOENT || err == -EINVAL) {
        campaign_slot_free(s); /* the campaign was deleted meanwhile */
    } else {
        campaign_slot_ask_again(s, now_us);
    }
}

static void on_released(struct slot *s, int err, uint64_t now_us)
{
    if (s->state != SLOT_RELEASING) {
        return;
    }
    if (err >= 0 || err == -ERR_STATE || err == -ENOENT) {
        campaign_slot_free(s);
    } else {
        campaign_slot_ask_again(s, now_us);
    }
}

static void on_taken(struct campaigns *r, const struct campaign_event *ev, struct campaign_acts *acts)
{
    const struct attempt_row *t = ev->taken;
    struct slot *s = campaigns_find(r, t->id) == UINT32_MAX ? campaign_slot_new(r) : NULL;

    if (!s) {
        return; /* no room: its lease runs out, and somebody looks again */
    }
    s->settled = true;
    s->lease_until_us = ev->lease_until_us;
    s->since_us = t->created_us;
    s->reply = question_reply_parse(t->consent);
    s->attempt_id = arena_str(&s->arena, t->id);
    s->campaign_id = arena_str(&s->arena, t->campaign_id);
    s->agent = arena_str(&s->arena, t->agent);
    s->caller_id = arena_str(&s->arena, t->caller_id);
    const struct contact_row c = {.id = t->contact_id,
                                  .campaign_id = t->campaign_id,
                                  .phone = t->phone,
                                  .fence = t->fence,
                                  .attempts = t->number ? t->number - 1 : 0};
    if (!campaign_slot_keep(s, &c) || !s->attempt_id.p || !s->campaign_id.p || !s->agent.p || !s->caller_id.p) {
        campaign_slot_free(s);
        return;
    }
    begin_dial(r, s, campaign_lane_find(r, s->campaign_id), acts);
}

static void tick(struct campaigns *r, uint64_t now_us, struct campaign_acts *acts)
{
    for (uint32_t i = 0; i < r->max_calls && has_room(acts); i++) {
        struct slot *s = &r->slots[i];
        if (s->waits || now_us < s->again_us) {
            continue;
        }
        if (s->state == SLOT_CLOSING || s->state == SLOT_UNDOING) {
            campaign_slot_close(r, s, acts);
        } else if (s->state == SLOT_RELEASING) {
            campaign_slot_release(r, s, acts);
        }
    }
    for (uint32_t i = 0; i < MAX_LANES && has_room(acts); i++) {
        campaign_lane_tick(r, &r->lanes[i], now_us, acts);
    }
}

static void find_wake(struct campaigns *r, uint64_t now_us)
{
    uint64_t wake_us = now_us + IDLE_US;

    for (uint32_t i = 0; i < MAX_LANES; i++) {
        const struct lane *l = &r->lanes[i];
        if (l->id[0] && !l->asking && !r->stopped) {
            wake_us = MIN(wake_us, l->ask_us);
        }
    }
    for (uint32_t i = 0; i < r->max_calls; i++) {
        const struct slot *s = &r->slots[i];
        if (s->state > SLOT_DIALING && !s->waits) {
            wake_us = MIN(wake_us, s->again_us);
        }
    }
    if (campaigns_slots(r) >= r->max_calls) {
        wake_us = MAX(wake_us, now_us + FULL_US);
    }
    r->wake_us = MAX(wake_us, now_us);
}

void campaigns_step(struct campaigns *r, const struct campaign_event *ev, uint64_t now_us, struct campaign_acts *acts)
{
    struct slot *s = ev->slot < r->max_calls ? &r->slots[ev->slot] : NULL;

    acts->n = 0;
    switch (ev->kind) {
    case CAMPAIGN_EV_TICK:
        break;
    case CAMPAIGN_EV_LEASED:
        on_leased(r, ev, now_us, acts);
        break;
    case CAMPAIGN_EV_INTENDED:
        on_intended(r, s, ev, now_us, acts);
        break;
    case CAMPAIGN_EV_STARTED:
        on_started(r, s, ev, now_us, acts);
        break;
    case CAMPAIGN_EV_DIALER:
        on_dialer(r, s, ev->dialer, now_us, acts);
        break;
    case CAMPAIGN_EV_CLOSED:
        on_closed(r, s, ev->err, now_us, acts);
        break;
    case CAMPAIGN_EV_RELEASED:
        on_released(s, ev->err, now_us);
        break;
    case CAMPAIGN_EV_RENEWED:
        for (uint32_t i = 0; i < r->max_calls; i++) {
            /* One that had run out may be somebody else's by now, whatever was renewed. */
            if (now_us < r->slots[i].lease_until_us) {
                r->slots[i].lease_until_us = MAX(r->slots[i].lease_until_us, ev->lease_until_us);
            }
        }
        break;
    case CAMPAIGN_EV_TAKEN:
        on_taken(r, ev, acts);
        break;
    }
    tick(r, now_us, acts);
    find_wake(r, now_us);
}

/* ------------------------------------------------------------------------------------------------ questions */

bool campaigns_may_dial(const struct campaigns *r, uint32_t slot, uint64_t now_us)
{
    const struct slot *s = slot < r->max_calls ? &r->slots[slot] : NULL;
    bool runs = false;

    for (uint32_t i = 0; s && i < MAX_LANES; i++) {
        runs = runs || (r->lanes[i].id[0] && str_is(s->campaign_id, r->lanes[i].id));
    }
    return s && s->state == SLOT_DIALING && !s->settled && runs && !r->stopped &&
           now_us + MARGIN_US < s->lease_until_us;
}

uint32_t campaigns_held(const struct campaigns *r, struct campaign_hold *ret, uint32_t max)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < r->max_calls && n < max; i++) {
        const struct slot *s = &r->slots[i];
        if (s->state != SLOT_FREE && s->state != SLOT_RELEASING) {
            ret[n++] = (struct campaign_hold){s->contact.id, s->contact.fence};
        }
    }
    return n;
}

uint32_t campaigns_find(const struct campaigns *r, struct str attempt_id)
{
    for (uint32_t i = 0; i < r->max_calls; i++) {
        if (r->slots[i].state != SLOT_FREE && str_eq(r->slots[i].attempt_id, attempt_id)) {
            return i;
        }
    }
    return UINT32_MAX;
}

uint32_t campaigns_slots(const struct campaigns *r)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < r->max_calls; i++) {
        n += r->slots[i].state != SLOT_FREE;
    }
    return n;
}

uint32_t campaigns_unwritten(const struct campaigns *r)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < r->max_calls; i++) {
        n += r->slots[i].state != SLOT_FREE && r->slots[i].state != SLOT_DIALING;
    }
    return n;
}

uint32_t campaigns_count(const struct campaigns *r)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < MAX_LANES; i++) {
        n += r->lanes[i].id[0] != '\0';
    }
    return n;
}

uint64_t campaigns_wake_us(const struct campaigns *r)
{
    return r->wake_us;
}
