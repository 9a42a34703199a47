/* A contact on its way: its memory, and what is asked of the store about it. */
#include "dialer/campaign_impl.h"

#define RETRY_MIN_US SECOND_US
#define RETRY_MAX_US (30u * SECOND_US)
#define SLOT_BYTES   (128u << 10)

struct campaign_act *campaign_act_add(struct campaign_acts *acts, enum campaign_act_kind kind)
{
    struct campaign_act *a = &acts->list[acts->n++];

    *a = (struct campaign_act){.kind = kind};
    return a;
}

uint32_t campaign_slot_index(const struct campaigns *r, const struct slot *s)
{
    return (uint32_t)(s - r->slots);
}

struct slot *campaign_slot_new(struct campaigns *r)
{
    for (uint32_t i = 0; i < r->max_calls; i++) {
        if (r->slots[i].state == SLOT_FREE) {
            arena_init(&r->slots[i].arena, SLOT_BYTES);
            return &r->slots[i];
        }
    }
    return NULL;
}

void campaign_slot_free(struct slot *s)
{
    arena_done(&s->arena);
    *s = (struct slot){.state = SLOT_FREE};
}

bool campaign_slot_keep(struct slot *s, const struct contact_row *from)
{
    struct contact_row *c = &s->contact;

    *c = *from;
    struct str *texts[] = {&c->campaign_id, &c->name, &c->phone, &c->timezone, &c->agent,
                           &c->caller_id,   &c->vars, &c->owner, &c->note};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = arena_str(&s->arena, *texts[i]);
        if (!texts[i]->p) {
            return false;
        }
    }
    return true;
}

void campaign_slot_close(struct campaigns *r, struct slot *s, struct campaign_acts *acts)
{
    struct campaign_act *a = campaign_act_add(acts, CAMPAIGN_ACT_CLOSE);

    a->slot = campaign_slot_index(r, s);
    a->campaign_id = s->campaign_id;
    a->end = s->end;
    s->waits = true;
}

void campaign_slot_release(struct campaigns *r, struct slot *s, struct campaign_acts *acts)
{
    struct campaign_act *a = campaign_act_add(acts, CAMPAIGN_ACT_RELEASE);

    a->slot = campaign_slot_index(r, s);
    a->campaign_id = s->campaign_id;
    a->contact = (struct contact_row){.id = s->contact.id, .campaign_id = s->campaign_id, .fence = s->contact.fence};
    a->next_us = s->next_us;
    a->note = s->note;
    s->waits = true;
}

void campaign_slot_pause(const struct slot *s, struct str note, struct campaign_acts *acts)
{
    struct campaign_act *a = campaign_act_add(acts, CAMPAIGN_ACT_PAUSE);

    a->campaign_id = s->campaign_id;
    a->note = note;
}

uint64_t campaign_pause_us(uint32_t failures)
{
    return MIN((uint64_t)RETRY_MIN_US << MIN(failures, 6u), (uint64_t)RETRY_MAX_US);
}

/* The store did not answer well: once more, later. */
void campaign_slot_ask_again(struct slot *s, uint64_t now_us)
{
    s->waits = false;
    s->again_us = now_us + campaign_pause_us(s->failures++);
}

/* Nothing was sent, and it is certain: the attempt does not count. */
void campaign_slot_plan_undo(struct slot *s, uint64_t next_us, struct str error, uint64_t now_us)
{
    s->state = SLOT_UNDOING;
    s->next_us = next_us;
    s->end = (struct attempt_end){.id = s->attempt_id,
                                  .fence = s->contact.fence,
                                  .outcome = ATTEMPT_CANCELED,
                                  .ended_us = now_us,
                                  .duration_s = -1,
                                  .state = CONTACT_PENDING,
                                  .next_us = next_us,
                                  .error = arena_str(&s->arena, error),
                                  .uncounted = true};
}

void campaign_slot_undo(struct campaigns *r, struct slot *s, uint64_t next_us, struct str error, uint64_t now_us,
                        struct campaign_acts *acts)
{
    campaign_slot_plan_undo(s, next_us, error, now_us);
    campaign_slot_close(r, s, acts);
}
