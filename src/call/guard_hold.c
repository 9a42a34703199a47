/*
 * Hold-back: how much of an item's audio may be played already, and what is done when it waits too long.
 *
 * Where in the audio a word lies is not told by the service. The item's own ratio of sound to text would say too much
 * when the text lags behind the sound, so the position is reckoned by the voice's usual pace, learned from items that
 * are over, less a tenth and less margin_ms.
 */
#include "call/guard_impl.h"

#define LEARN_MIN_MS    1000
#define LEARN_MIN_UNITS 15
#define START_MS        300 /* speech that came to a halt goes on with no less: else it would come in crumbs */
#define PACE_MIN_US     15000
#define PACE_MAX_US     150000

void guard_learn(struct call *c, const struct item *it)
{
    if (!c->guard || !c->o->guards.hold_back) {
        return;
    }
    struct str text = buf_str(&it->text);
    uint64_t units = 0;
    for (size_t i = 0; i < text.n; i++) {
        units += text_weight(text.p[i]);
    }
    uint64_t ms = bytes_ms(c, it->received);
    if (ms < LEARN_MIN_MS || units < LEARN_MIN_UNITS) {
        return;
    }
    uint32_t us = (uint32_t)MIN(MAX(ms * 1000 / units, (uint64_t)PACE_MIN_US), (uint64_t)PACE_MAX_US);
    c->guard->unit_us = c->guard->unit_us ? (3 * c->guard->unit_us + us) / 4 : us;
}

/* The whole text is known and nobody has anything against it. */
static bool cleared(const struct call *c, const struct guard_item *gi, uint32_t held)
{
    return gi->done && !gi->cut && gi->units_to >= gi->text.len && !guard_is_asked(c, gi, held);
}

uint32_t guard_released(const struct call *c, const struct item *it)
{
    if (!c->o->guards.hold_back || it->ours) {
        return it->received;
    }
    const struct guard_item *gi = guard_find_said(c, it->id);
    uint32_t held = guard_holders(c, gi ? gi->mask : guard_watchers(c, GUARD_OUTPUT, it->agent));
    if (!held || it->let_go || (gi && cleared(c, gi, held))) {
        return it->received;
    }
    if (!gi) {
        return 0;
    }
    uint64_t pace_us = c->guard->unit_us ? c->guard->unit_us / 10 * 9 : c->o->guards.unit_us;
    uint64_t ms = gi->units * pace_us / 1000;
    ms = ms > c->o->guards.margin_ms ? ms - c->o->guards.margin_ms : 0;
    uint32_t free = (uint32_t)MIN(ms * audio_bytes_per_ms(c->leg_format), (uint64_t)it->received);
    bool dry = ledger_outstanding_ms(&c->ledger, c->now_us) == 0;
    bool worth = free > it->sent && bytes_ms(c, free - it->sent) >= START_MS;
    return dry && !worth ? MIN(free, it->sent) : free;
}

/* The next item to be heard has audio that could go and may not. */
static struct item *held_item(struct call *c)
{
    bool plays = c->playout == PLAYOUT_PLAYING || c->playout == PLAYOUT_DRAINING;
    struct item *it = c->o->guards.hold_back && plays && c->leg == LEG_UP ? playout_head(c) : NULL;
    return it && guard_released(c, it) <= it->sent ? it : NULL;
}

void guard_held(struct call *c)
{
    struct item *it = c->guard ? held_item(c) : NULL;
    if (!it) {
        return;
    }
    enum guard_expiry what = c->o->guards.expiry;
    call_remark(c, NOTE_GUARD_EXPIRED, c->o->guards.hold_max_ms, str_from(guard_expiry_name(what)));
    if (what == GUARD_RELEASE) {
        it->let_go = true;
        return;
    }
    char response_id[CALL_ID_MAX];
    call_copy_id(response_id, str_from(it->response_id));
    bool active = c->response == RESPONSE_GENERATING && strcmp(response_id, c->active_id) == 0;
    cut_response(c, str_from(response_id));
    seq_bury(c, response_id);
    if (active) {
        seq_cancel(c, WE_CANCEL);
    }
    if (c->playout == PLAYOUT_EMPTY) {
        guard_interrupted(c);
    }
    if (guard_too_often(c)) {
        guard_end_over(c, "answers could not be checked in time", true);
    }
}

void guard_progress(struct call *c)
{
    if (!c->guard) {
        return;
    }
    guard_sweep(c);
    c->guard->stop_next = c->guard->stop_next && guard_awaits_response(c);
    if (!held_item(c)) {
        timer_off(c, TIMER_HOLD);
    } else if (c->timers[TIMER_HOLD] == UINT64_MAX) {
        timer_set(c, TIMER_HOLD, c->o->guards.hold_max_ms);
    }
}
