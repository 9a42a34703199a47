/*
 * What the caller hears while a tool takes its time: some words through the model, as a response of its own, or a
 * sound; once for each tool, and only into silence. The answer to the result follows it.
 */
#include "base/err.h"
#include "call/state.h"

bool floor_is_free(const struct call *c)
{
    return c->phase == PHASE_CONVERSATION && c->leg == LEG_UP && c->model == MODEL_READY &&
           c->caller == CALLER_SILENT && c->response == RESPONSE_NONE && !c->want && c->playout == PLAYOUT_EMPTY &&
           !c->keys[0] && !keys_sounding(c) && c->timers[TIMER_EXPECT] == UINT64_MAX && !turn_holds_floor(c);
}

/* The caller waits for it and has not heard so. */
static bool wants_filler(const struct tool_slot *s)
{
    return s->state >= TOOL_CHECKING && s->state <= TOOL_RUNNING && !s->filled;
}

static struct str words_of(const struct call *c, const struct tool_slot *s)
{
    const struct tool_rules *r = &tools_of(c, s)->rules;
    return s->state == TOOL_ASKING ? r->approval.words : r->filler.words;
}

/* When it should be heard; UINT64_MAX: never. What is said about an approval is said at once. */
static uint64_t due_us(const struct call *c, const struct tool_slot *s)
{
    const struct tool_rules *r = &tools_of(c, s)->rules;
    bool sound = r->filler.sound.n && s->state != TOOL_ASKING;
    if (!wants_filler(s) || (!sound && words_of(c, s).n == 0)) {
        return UINT64_MAX;
    }
    if (s->state == TOOL_ASKING) {
        return c->quiet_us;
    }
    return r->filler.after_ms ? MAX(s->called_us, c->quiet_us) + ms_us(r->filler.after_ms) : UINT64_MAX;
}

static void fill(struct call *c, struct tool_slot *s)
{
    const struct tool_rules *r = &tools_of(c, s)->rules;
    int64_t waited_ms = (int64_t)((c->now_us - s->called_us) / 1000);
    bool asking = s->state == TOOL_ASKING;
    if (r->filler.sound.n && !asking) {
        playout_sound(c, r->filler.sound);
        call_remark(c, NOTE_TOOL_FILLER, waited_ms, STR("sound"));
    } else {
        call_remark(c, NOTE_TOOL_FILLER, waited_ms, asking ? STR("approval") : STR("words"));
        life_fill(c, words_of(c, s));
    }
    for (uint32_t i = 0; i < c->n_slots; i++) {
        c->tools[i].filled = true; /* one for all that are under way */
    }
}

void filler_progress(struct call *c)
{
    struct tool_slot *first = NULL;
    uint64_t due = UINT64_MAX;
    if (!c->tools_live || !floor_is_free(c)) {
        c->quiet_us = 0;
        timer_off(c, TIMER_FILLER);
        return;
    }
    c->quiet_us = c->quiet_us ? c->quiet_us : c->now_us;
    for (uint32_t i = 0; i < c->n_slots; i++) {
        if (wants_filler(&c->tools[i]) && due_us(c, &c->tools[i]) < due) {
            first = &c->tools[i];
            due = due_us(c, first);
        }
    }
    if (first && due <= c->now_us) {
        fill(c, first);
        due = UINT64_MAX;
    }
    c->timers[TIMER_FILLER] = due;
}
