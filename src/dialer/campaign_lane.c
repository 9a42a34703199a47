/* A campaign that runs: its settings, its turn, and the last outcomes for the circuit breaker. */
#include "dialer/campaign_impl.h"

#include "base/err.h"

struct lane *campaign_lane_find(struct campaigns *r, struct str id)
{
    for (uint32_t i = 0; i < MAX_LANES; i++) {
        if (r->lanes[i].id[0] && str_is(id, r->lanes[i].id)) {
            return &r->lanes[i];
        }
    }
    return NULL;
}

static int copy_settings(const struct campaign_settings *from, struct arena *a, struct campaign_settings *to)
{
    *to = *from;
    struct str *texts[] = {&to->name,      &to->timezone, &to->agent,     &to->carrier,        &to->opening_reason,
                           &to->objective, &to->context,  &to->voicemail, &to->voicemail_sound};
    struct str *ids = arena_alloc(a, sizeof(*ids) * MAX(from->n_caller_ids, 1u));
    bool ok = ids != NULL;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = arena_str(a, *texts[i]);
        ok = ok && texts[i]->p;
    }
    for (uint32_t i = 0; ok && i < from->n_caller_ids; i++) {
        ids[i] = arena_str(a, from->caller_ids[i]);
        ok = ids[i].p != NULL;
    }
    to->caller_ids = ids;
    ok = ok && question_copy(&to->consent, a) >= 0;
    return ok ? 0 : -ENOMEM;
}

int campaigns_put(struct campaigns *r, struct str id, const struct campaign_settings *settings, uint64_t now_us)
{
    struct lane *l = campaign_lane_find(r, id);
    struct campaign_settings s;
    struct arena a;

    for (uint32_t i = 0; !l && i < MAX_LANES; i++) {
        if (!r->lanes[i].id[0]) {
            l = &r->lanes[i];
        }
    }
    if (!l) {
        return -ERR_LIMIT;
    }
    arena_init(&a, 4 * CAMPAIGN_SETTINGS_MAX);
    int err = copy_settings(settings, &a, &s);
    if (err < 0) {
        arena_done(&a);
        return err;
    }
    if (l->id[0]) {
        arena_done(&l->arena);
    } else {
        *l = (struct lane){.ask_us = now_us};
        if (str_copy(l->id, sizeof(l->id), id) < 0) {
            arena_done(&a);
            return -EINVAL;
        }
    }
    l->arena = a;
    l->s = s;
    l->put = true;
    return 0;
}

void campaign_lane_drop(struct lane *l)
{
    if (l && l->id[0]) {
        arena_done(&l->arena);
        *l = (struct lane){0};
    }
}

void campaigns_drop(struct campaigns *r, struct str id)
{
    campaign_lane_drop(campaign_lane_find(r, id));
}

void campaigns_keep_only_put(struct campaigns *r)
{
    for (uint32_t i = 0; i < MAX_LANES; i++) {
        if (!r->lanes[i].put) {
            campaign_lane_drop(&r->lanes[i]);
        }
        r->lanes[i].put = false;
    }
}

void campaign_lane_tick(struct campaigns *r, struct lane *l, uint64_t now_us, struct campaign_acts *acts)
{
    if (!l->id[0] || l->asking || r->stopped || now_us < l->ask_us || campaigns_slots(r) >= r->max_calls) {
        return;
    }
    struct campaign_act *a = campaign_act_add(acts, CAMPAIGN_ACT_LEASE);
    l->asking = true;
    a->campaign_id = str_from(l->id);
    a->timezone = l->s.timezone;
}

/* One more end; true: so many of the last ones failed that the campaign must rest. */
bool campaign_lane_trips(struct lane *l, bool failed, uint64_t now_us)
{
    uint32_t all = 0, bad = 0;

    l->ends[l->next_end].at_us = now_us;
    l->ends[l->next_end].failed = failed;
    l->next_end = (l->next_end + 1) % BREAKER_MAX;
    l->n_ends = MIN(l->n_ends + 1, (uint32_t)BREAKER_MAX);
    for (uint32_t i = 0; i < l->n_ends; i++) {
        if (l->ends[i].at_us + (uint64_t)l->s.breaker_s * SECOND_US > now_us) {
            all++;
            bad += l->ends[i].failed;
        }
    }
    return failed && l->s.breaker_percent && all >= l->s.breaker_calls && bad * 100 >= all * l->s.breaker_percent;
}
