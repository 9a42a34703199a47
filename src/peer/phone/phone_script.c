#include "peer/phone/phone_script.h"

#include <stdlib.h>

#include "base/err.h"

#define ITEMS_MAX       1000
#define WHEN_MS_MAX     3600000
#define KEY_FRAMES      10 /* one key every 200 ms */
#define TAIL_MS         100
#define TAIL_QUIET_MS   110  /* the next burst of a paced playout would have come */
#define HANGUP_QUIET_MS 2000 /* the default hang-up waits so long for an answer that may still go on */

static const struct {
    const char *name;
    enum phone_when_kind kind;
    enum { MS_NONE, MS_MAY, MS_MUST } ms;
} whens[] = {
    {"start", PHONE_WHEN_START, MS_NONE},
    {"greeting-done", PHONE_WHEN_GREETING_DONE, MS_MAY},
    {"agent-stops", PHONE_WHEN_AGENT_STOPS, MS_MAY},
    {"agent-speaks", PHONE_WHEN_AGENT_SPEAKS, MS_MAY},
    {"agent-tail", PHONE_WHEN_AGENT_TAIL, MS_MAY},
    {"after", PHONE_WHEN_AFTER, MS_MUST},
    {"never", PHONE_WHEN_NEVER, MS_NONE},
};

int phone_when_parse(struct str s, struct phone_when *ret)
{
    struct str name = {s.p, str_find(s, ':')};
    bool has_ms = name.n < s.n;
    int64_t ms = 0;
    if (has_ms) {
        int err = str_to_i64((struct str){s.p + name.n + 1, s.n - name.n - 1}, &ms);
        if (err < 0) {
            return -EINVAL;
        }
        if (ms < 0 || ms > WHEN_MS_MAX) {
            return -ERR_RANGE;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(whens); i++) {
        if (str_is(name, whens[i].name)) {
            if ((has_ms && whens[i].ms == MS_NONE) || (!has_ms && whens[i].ms == MS_MUST)) {
                return -EINVAL;
            }
            *ret = (struct phone_when){whens[i].kind, (uint32_t)ms};
            return 0;
        }
    }
    return -EINVAL;
}

const char *phone_when_name(enum phone_when_kind kind)
{
    for (size_t i = 0; i < ARRAY_LEN(whens); i++) {
        if (whens[i].kind == kind) {
            return whens[i].name;
        }
    }
    return "default";
}

void phone_script_init(struct phone_script *s, struct phone_when hangup)
{
    *s = (struct phone_script){.hangup = hangup};
}

void phone_script_done(struct phone_script *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->items[i].owned);
    }
    free(s->items);
    *s = (struct phone_script){0};
}

static struct phone_when item_when(const struct phone_script *s, const struct phone_item *item)
{
    if (item->when.kind != PHONE_WHEN_DEFAULT) {
        return item->when;
    }
    if (s->n > 0 && s->items[s->n - 1].kind == PHONE_SILENCE) {
        return (struct phone_when){PHONE_WHEN_AFTER, 0};
    }
    if (item->kind == PHONE_SILENCE) {
        return (struct phone_when){s->n ? PHONE_WHEN_AFTER : PHONE_WHEN_START, 0};
    }
    return (struct phone_when){s->n ? PHONE_WHEN_AGENT_STOPS : PHONE_WHEN_GREETING_DONE, 0};
}

int phone_script_add(struct phone_script *s, const struct phone_item *item)
{
    if (s->n >= ITEMS_MAX) {
        return -ERR_LIMIT;
    }
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 8;
        struct phone_item *items = realloc(s->items, cap * sizeof(*items));
        if (!items) {
            return -ENOMEM;
        }
        s->items = items;
        s->cap = cap;
    }
    struct phone_when when = item_when(s, item);
    s->items[s->n] = *item;
    s->items[s->n++].when = when;
    if (s->state == PHONE_SCRIPT_ENDING) {
        s->state = PHONE_SCRIPT_WAITING; /* the list was empty, and now is not */
    }
    return 0;
}

/* Without anything said, the answer waited for is the greeting. */
static struct phone_when hangup_when(const struct phone_script *s)
{
    if (s->hangup.kind != PHONE_WHEN_DEFAULT) {
        return s->hangup;
    }
    return (struct phone_when){s->n ? PHONE_WHEN_AGENT_STOPS : PHONE_WHEN_GREETING_DONE, HANGUP_QUIET_MS};
}

static bool silent_for(const struct phone_agent_view *agent, uint32_t frame, uint32_t ms)
{
    return !agent->speaking && agent->spoke && (frame - agent->spell_end_frame) * PHONE_FRAME_MS >= ms;
}

static bool when_holds(const struct phone_script *s, struct phone_when when, uint32_t frame,
                       const struct phone_agent_view *agent)
{
    switch (when.kind) {
    case PHONE_WHEN_START:
        return true;
    case PHONE_WHEN_GREETING_DONE:
        return silent_for(agent, frame, when.ms);
    case PHONE_WHEN_AGENT_STOPS:
        /* An answer that was cut off while the item before was still being said is no answer to it. */
        return silent_for(agent, frame, when.ms) && agent->spell_begin_frame >= s->begin_frame &&
               agent->spell_end_frame > s->end_frame;
    case PHONE_WHEN_AGENT_SPEAKS:
        return agent->speaking && agent->begin_frame >= s->begin_frame &&
               (frame - agent->begin_frame) * PHONE_FRAME_MS >= when.ms;
    case PHONE_WHEN_AGENT_TAIL:
        return agent->speaking && agent->begin_frame >= s->begin_frame && agent->queued_ms > 0 &&
               agent->queued_ms <= (when.ms ? when.ms : TAIL_MS) && agent->quiet_ms >= TAIL_QUIET_MS;
    case PHONE_WHEN_AFTER:
        return (frame - s->end_frame) * PHONE_FRAME_MS >= when.ms;
    case PHONE_WHEN_NEVER:
    case PHONE_WHEN_DEFAULT: /* resolved in phone_script_add and hangup_when */
        return false;
    }
    return false;
}

/* One frame of the item; true when it was the last one. */
static bool item_step(struct phone_script *s, const struct phone_item *item, uint8_t out[PHONE_FRAME_BYTES])
{
    switch (item->kind) {
    case PHONE_SAY: {
        size_t n = MIN(item->mulaw.n - s->offset, (size_t)PHONE_FRAME_BYTES);
        if (n > 0) {
            memcpy(out, item->mulaw.p + s->offset, n);
        }
        s->offset += n;
        return s->offset >= item->mulaw.n;
    }
    case PHONE_KEYS: {
        size_t key = s->offset / KEY_FRAMES;
        if (s->offset % KEY_FRAMES == 0) {
            s->key = item->keys[key];
        }
        s->offset++;
        return item->keys[key] == '\0' || (item->keys[key + 1] == '\0' && s->key != 0);
    }
    case PHONE_SILENCE:
        s->offset++;
        return s->offset * PHONE_FRAME_MS >= item->silence_ms;
    }
    return true;
}

static enum phone_script_event step_waiting(struct phone_script *s, uint32_t frame,
                                            const struct phone_agent_view *agent)
{
    if (s->at >= s->n) {
        if (s->open_ended) {
            return PHONE_SCRIPT_NOTHING;
        }
        s->state = PHONE_SCRIPT_ENDING;
    }
    if (s->state == PHONE_SCRIPT_ENDING) {
        if (!when_holds(s, hangup_when(s), frame, agent)) {
            return PHONE_SCRIPT_NOTHING;
        }
        s->state = PHONE_SCRIPT_OVER;
        return PHONE_SCRIPT_HANGUP;
    }
    if (!when_holds(s, s->items[s->at].when, frame, agent)) {
        return PHONE_SCRIPT_NOTHING;
    }
    s->state = PHONE_SCRIPT_SAYING;
    s->offset = 0;
    s->begin_frame = frame;
    return PHONE_SCRIPT_BEGIN;
}

enum phone_script_event phone_script_step(struct phone_script *s, uint32_t frame, const struct phone_agent_view *agent,
                                          uint8_t out[PHONE_FRAME_BYTES])
{
    memset(out, PHONE_SILENCE_BYTE, PHONE_FRAME_BYTES);
    s->key = 0;
    enum phone_script_event event = PHONE_SCRIPT_NOTHING;
    if (s->state == PHONE_SCRIPT_WAITING || s->state == PHONE_SCRIPT_ENDING) {
        event = step_waiting(s, frame, agent);
    } else if (s->state == PHONE_SCRIPT_SAYING && s->offset == SIZE_MAX) {
        s->state = PHONE_SCRIPT_WAITING;
        s->end_frame = frame;
        s->at++;
        return PHONE_SCRIPT_END;
    }
    if (s->state == PHONE_SCRIPT_SAYING && item_step(s, &s->items[s->at], out)) {
        s->offset = SIZE_MAX; /* over; reported at the next frame, which is the first one behind it */
    }
    return event;
}

const struct phone_item *phone_script_item(const struct phone_script *s)
{
    return s->state == PHONE_SCRIPT_SAYING && s->at < s->n ? &s->items[s->at] : NULL;
}

const char *phone_script_waits_for(const struct phone_script *s)
{
    if (s->state == PHONE_SCRIPT_SAYING || s->state == PHONE_SCRIPT_OVER) {
        return "nothing";
    }
    return phone_when_name(s->at < s->n ? s->items[s->at].when.kind : hangup_when(s).kind);
}
