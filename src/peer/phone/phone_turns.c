#include "peer/phone/phone_turns.h"

#include <stdlib.h>

#include "base/err.h"
#include "peer/phone/phone_playout.h"

#define ANSWER_PAUSE_FRAMES 10 /* 200 ms */
#define KEY_RUN_FRAMES      50 /* keys that follow each other within a second are one turn */

void phone_turns_init(struct phone_turns *t, uint32_t quiet_ms)
{
    *t = (struct phone_turns){0};
    phone_ears_init(&t->caller, quiet_ms);
    phone_ears_init(&t->agent, quiet_ms);
}

void phone_turns_done(struct phone_turns *t)
{
    free(t->spells);
    free(t->turns);
    *t = (struct phone_turns){0};
}

/* A new last element, zeroed; NULL with the sticky error set. */
static void *array_add(struct phone_turns *t, void **array, size_t *n, size_t *cap, size_t size)
{
    if (*n == *cap) {
        size_t more = *cap ? *cap * 2 : 16;
        void *p = realloc(*array, more * size);
        if (!p) {
            t->err = -ENOMEM;
            return NULL;
        }
        *array = p;
        *cap = more;
    }
    void *last = (char *)*array + *n * size;
    memset(last, 0, size);
    (*n)++;
    return last;
}

static void spell_add(struct phone_turns *t)
{
    void *array = t->spells;
    struct phone_spell *s = array_add(t, &array, &t->n_spells, &t->cap_spells, sizeof(*s));
    t->spells = array;
    if (s) {
        *s = (struct phone_spell){t->agent.begin_frame, t->agent.end_frame, t->cleared};
    }
    t->cleared = false;
}

static struct phone_turn *turn_add(struct phone_turns *t, uint32_t frame)
{
    void *array = t->turns;
    struct phone_turn *turn = array_add(t, &array, &t->n_turns, &t->cap_turns, sizeof(*turn));
    t->turns = array;
    if (turn) {
        turn->begin_frame = frame;
        turn->end_frame = frame;
        turn->stop_ms = -1;
        memcpy(turn->label, t->label, sizeof(turn->label));
        t->label[0] = '\0';
    }
    return turn;
}

static struct phone_turn *turn_last(struct phone_turns *t)
{
    return t->n_turns ? &t->turns[t->n_turns - 1] : NULL;
}

static enum phone_heard agent_step(struct phone_turns *t, bool loud)
{
    enum phone_heard heard = phone_ears_step(&t->agent, t->frame, loud);
    if (heard == PHONE_HEARD_NOTHING && t->caller.speaking &&
        phone_ears_pause(&t->agent, t->frame) >= ANSWER_PAUSE_FRAMES) {
        heard = phone_ears_cut(&t->agent);
    }
    if (heard == PHONE_HEARD_END) {
        spell_add(t);
    }
    return heard;
}

static enum phone_heard caller_step(struct phone_turns *t, bool loud)
{
    enum phone_heard heard = phone_ears_step(&t->caller, t->frame, loud);
    if (heard == PHONE_HEARD_BEGIN) {
        turn_add(t, t->caller.begin_frame);
    }
    struct phone_turn *turn = turn_last(t);
    if (turn && !turn->keys && t->caller.speaking) {
        turn->end_frame = t->caller.end_frame;
    }
    return heard;
}

struct phone_turns_step phone_turns_step(struct phone_turns *t, bool said_loud, bool heard_loud)
{
    struct phone_turns_step step = {.caller = caller_step(t, said_loud), .agent = agent_step(t, heard_loud)};
    if (said_loud && heard_loud) {
        t->overlap_frames++;
        struct phone_turn *turn = turn_last(t);
        if (turn && t->caller.speaking) {
            turn->overlap_ms += PHONE_FRAME_MS;
        }
    }
    t->frame++;
    return step;
}

void phone_turns_label(struct phone_turns *t, struct str label)
{
    size_t n = MIN(label.n, sizeof(t->label) - 1);
    while (n > 0 && n < label.n && ((unsigned char)label.p[n] & 0xC0) == 0x80) {
        n--; /* never half a UTF-8 character */
    }
    if (n > 0) {
        memcpy(t->label, label.p, n);
    }
    t->label[n] = '\0';
}

void phone_turns_key(struct phone_turns *t, char digit)
{
    struct phone_turn *turn = turn_last(t);
    if (!turn || !turn->keys || t->frame - turn->end_frame > KEY_RUN_FRAMES) {
        t->label[0] = '\0';
        turn = turn_add(t, t->frame);
        if (!turn) {
            return;
        }
        turn->keys = true;
    }
    size_t n = strlen(turn->label);
    if (n + 1 < sizeof(turn->label)) {
        turn->label[n] = digit;
        turn->label[n + 1] = '\0';
    }
    turn->end_frame = t->frame;
}

enum phone_heard phone_turns_clear(struct phone_turns *t)
{
    t->cleared = true;
    enum phone_heard heard = phone_ears_cut(&t->agent);
    if (heard == PHONE_HEARD_END) {
        spell_add(t);
        t->cleared = true; /* what follows comes after a clear too */
    }
    return heard;
}

/* The agent's spells around one turn: which one it cut, when that was over, which one answers. */
static void turn_measure(struct phone_turns *t, struct phone_turn *turn, uint32_t next_begin)
{
    const struct phone_spell *end = t->spells + t->n_spells;
    const struct phone_spell *s = t->spells;
    while (s < end && s->end_frame <= turn->begin_frame) {
        s++;
    }
    if (s < end && s->begin_frame <= turn->begin_frame) {
        turn->barge_in = true;
        uint32_t stop_frame = s->end_frame;
        /* Without a clear, speech that goes on after a breath is still the old one. */
        for (s++; s < end && !s->cleared && s->begin_frame < turn->end_frame; s++) {
            stop_frame = s->end_frame;
        }
        turn->stop_ms = (int32_t)((stop_frame - turn->begin_frame) * PHONE_FRAME_MS);
    }
    if (s < end && s->begin_frame < next_begin) {
        turn->answered = true;
        turn->gap_ms = ((int32_t)s->begin_frame - (int32_t)turn->end_frame) * PHONE_FRAME_MS;
    }
}

void phone_turns_finish(struct phone_turns *t)
{
    if (phone_ears_cut(&t->agent) == PHONE_HEARD_END) {
        spell_add(t);
    }
    ignore_result(phone_ears_cut(&t->caller)); /* its turn exists already */
    for (size_t i = 0; i < t->n_turns; i++) {
        turn_measure(t, &t->turns[i], i + 1 < t->n_turns ? t->turns[i + 1].begin_frame : UINT32_MAX);
    }
}

uint32_t phone_turns_agent_ms(const struct phone_turns *t)
{
    uint32_t frames = t->agent.speaking ? t->agent.end_frame - t->agent.begin_frame : 0;
    for (size_t i = 0; i < t->n_spells; i++) {
        frames += t->spells[i].end_frame - t->spells[i].begin_frame;
    }
    return frames * PHONE_FRAME_MS;
}
