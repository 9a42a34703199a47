/* The sets: which calls are made, as a function of the seed. */
#include "suite.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "peer/phone/phone_link.h"

#define JITTER_MS 20

static const char *const names[FAMILY_N] = {
#define X(name, word, text) [name] = word,
    FAMILY_LIST(X)
#undef X
};

static const char *const texts[FAMILY_N] = {
#define X(name, word, text) [name] = text,
    FAMILY_LIST(X)
#undef X
};

const char *family_name(enum family f)
{
    return names[f];
}

const char *family_text(enum family f)
{
    return texts[f];
}

/* Sentences that the dialogue of the suite understands (dialogue.yaml), and ones that cut somebody off. */
static const char *const questions[] = {"where is my order one two three four", "what are your opening hours",
                                        "tell me about your delivery",          "how can i return something",
                                        "tell me about the guarantee",          "how do i pay"};
static const char *const interruptions[] = {
    "wait a moment please",        "no that is not what i meant",     "stop i have another question",
    "excuse me one more question", "hold on that is the wrong order", "sorry can you say that again",
    "please stop talking now",     "that is enough thank you"};
static const char *const backchannels[] = {"yeah", "right", "uh huh", "sure"};
static const char *const long_talk = "no listen to me i have called three times already about this and every time "
                                     "somebody tells me something else so i want to know it now";

struct maker {
    struct set *set;
    struct studio *studio;
    struct phone_dice dice;
    uint32_t delay_ms;
    enum extent extent;
};

static uint32_t between(struct maker *m, uint32_t low, uint32_t high)
{
    return low + (uint32_t)phone_dice_below(&m->dice, high - low + 1);
}

static struct phone_when when(enum phone_when_kind kind, uint32_t ms)
{
    return (struct phone_when){kind, ms};
}

static struct convo *call(struct maker *m, enum family family, const char *variant)
{
    struct set *s = m->set;
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 64;
        s->calls = realloc(s->calls, s->cap * sizeof(*s->calls));
        assert(s->calls);
    }
    struct convo *c = &s->calls[s->n++];
    *c = (struct convo){.family = family,
                        .seed = phone_dice_next(&m->dice) >> 1,
                        .delay_ms = m->delay_ms,
                        .jitter_ms = JITTER_MS,
                        .voice = (enum voice)phone_dice_below(&m->dice, VOICES_NATURAL),
                        .hangup = {PHONE_WHEN_AGENT_STOPS, 600}};
    ignore_result(snprintf(c->name, sizeof(c->name), "%s%s%s d%u", family_name(family), *variant ? " " : "", variant,
                           m->delay_ms) < 0);
    return c;
}

static void add(struct convo *c, enum role role, struct phone_item item)
{
    assert(c->n_items < CONVO_ITEMS);
    c->roles[c->n_items] = role;
    c->items[c->n_items++] = item;
}

static void say(struct maker *m, struct convo *c, enum role role, struct phone_when at, const char *text, double speed)
{
    add(c, role,
        (struct phone_item){.kind = PHONE_SAY,
                            .when = at,
                            .mulaw = studio_say(m->studio, c->voice, text, speed, between(m, 0, 159)),
                            .label = text});
}

static void sound(struct maker *m, struct convo *c, enum role role, struct phone_when at, const char *name)
{
    add(c, role,
        (struct phone_item){.kind = PHONE_SAY,
                            .when = at,
                            .mulaw = studio_sound(m->studio, name, between(m, 0, 999), between(m, 0, 159)),
                            .wordless = true,
                            .label = name});
}

static const char *pick(struct maker *m, const char *const *list, size_t n)
{
    return list[phone_dice_below(&m->dice, n)];
}

static void ask(struct maker *m, struct convo *c, struct phone_when at)
{
    say(m, c, ROLE_TURN, at, pick(m, questions, ARRAY_LEN(questions)), 1.0);
}

/* After the greeting; the second one waits until the first was answered. */
static struct phone_when next_turn(struct maker *m, const struct convo *c)
{
    return when(c->n_items ? PHONE_WHEN_AGENT_STOPS : PHONE_WHEN_GREETING_DONE, between(m, 300, 700));
}

static void interrupt(struct maker *m, struct convo *c, struct phone_when at)
{
    say(m, c, ROLE_REAL, at, pick(m, interruptions, ARRAY_LEN(interruptions)), 1.0);
    c->hangup = when(PHONE_WHEN_AGENT_SPEAKS, 1200); /* it was understood: that will do */
}

static void with_noise(struct maker *m, struct convo *c, enum phone_noise_kind kind, uint32_t snr_db)
{
    c->snr_db = snr_db;
    c->line.noise = true;
    c->line.noise_kind = kind;
    c->line.noise_db = snr_db;
    c->line.noise_bed = studio_noise(m->studio, kind);
}

/* ---- families ---- */

static void make_clean(struct maker *m)
{
    struct convo *c = call(m, FAMILY_CLEAN, "");
    ask(m, c, next_turn(m, c));
    ask(m, c, when(PHONE_WHEN_AGENT_STOPS, between(m, 300, 700)));
    c->hangup = when(PHONE_WHEN_AGENT_SPEAKS, 1500);
}

static void make_noise(struct maker *m, enum phone_noise_kind kind, uint32_t snr_db, enum family family)
{
    char variant[32];
    ignore_result(snprintf(variant, sizeof(variant), "%s %u dB", phone_noise_name(kind), snr_db) < 0);
    struct convo *c = call(m, family, variant);
    with_noise(m, c, kind, snr_db);
    ask(m, c, next_turn(m, c));
    interrupt(m, c, when(PHONE_WHEN_AGENT_SPEAKS, between(m, 2500, 4500)));
    for (size_t i = 0; family == FAMILY_LOUD && i < c->n_items; i++) {
        c->roles[i] = ROLE_REPORT;
    }
}

static void make_noise_only(struct maker *m, enum phone_noise_kind kind, uint32_t snr_db)
{
    char variant[32];
    ignore_result(snprintf(variant, sizeof(variant), "%s %u dB", phone_noise_name(kind), snr_db) < 0);
    struct convo *c = call(m, FAMILY_NOISE_ONLY, variant);
    with_noise(m, c, kind, snr_db);
    c->hangup = when(PHONE_WHEN_GREETING_DONE, 5000);
}

static void with_echo(struct maker *m, struct convo *c)
{
    c->line.echo = true;
    c->line.echo_db = -(double)between(m, 12, 30);
    /* What the guard sees is this and the network twice: up to 600 ms. */
    c->line.echo_delay_ms = between(m, 40, m->delay_ms > 100 ? 320 : 400);
    c->line.echo_clip = phone_dice_below(&m->dice, 3) == 0;
    c->line.echo_tail_ms = phone_dice_below(&m->dice, 2) ? between(m, 20, 120) : 0;
}

static void make_echo(struct maker *m)
{
    struct convo *c = call(m, FAMILY_ECHO, "");
    with_echo(m, c);
    ask(m, c, next_turn(m, c));
}

static void make_echo_barge(struct maker *m)
{
    struct convo *c = call(m, FAMILY_ECHO_BARGE, "");
    with_echo(m, c);
    ask(m, c, next_turn(m, c));
    interrupt(m, c, when(PHONE_WHEN_AGENT_SPEAKS, between(m, 1500, 4000)));
}

static void coughs_at(struct maker *m, struct convo *c, const char *name)
{
    ask(m, c, next_turn(m, c));
    sound(m, c, ROLE_NOTHING, when(PHONE_WHEN_AGENT_SPEAKS, between(m, 400, 3000)), name);
    sound(m, c, ROLE_NOTHING, when(PHONE_WHEN_AFTER, between(m, 1500, 2500)), name);
    c->hangup = when(PHONE_WHEN_AFTER, 3000);
}

static void make_cough(struct maker *m, const char *name)
{
    coughs_at(m, call(m, FAMILY_COUGH, name), name);
}

static void make_echo_cough(struct maker *m, const char *name)
{
    struct convo *c = call(m, FAMILY_ECHO_COUGH, name);
    with_echo(m, c);
    coughs_at(m, c, name);
}

/* At the edges, where a listener says that they listen. */
static void make_mmhm(struct maker *m, bool spoken, bool edge)
{
    const char *word = pick(m, backchannels, ARRAY_LEN(backchannels));
    struct convo *c = call(m, edge ? FAMILY_MMHM : FAMILY_MMHM_MID, spoken ? word : "hummed");
    struct phone_when at = when(PHONE_WHEN_AGENT_SPEAKS, edge ? between(m, 200, 400) : between(m, 2000, 4000));
    enum role role = edge ? ROLE_NOTHING : ROLE_REPORT;
    ask(m, c, next_turn(m, c));
    if (spoken) {
        say(m, c, role, at, word, 1.0);
        c->items[c->n_items - 1].wordless = true;
    } else {
        sound(m, c, role, at, "mmhm");
    }
    c->hangup = when(PHONE_WHEN_AFTER, 3500);
}

static void make_diphone(struct maker *m)
{
    struct convo *c = call(m, FAMILY_DIPHONE, "");
    c->voice = VOICE_KAL;
    say(m, c, ROLE_REPORT, next_turn(m, c), pick(m, questions, ARRAY_LEN(questions)), 1.0);
    say(m, c, ROLE_REPORT, when(PHONE_WHEN_AGENT_SPEAKS, between(m, 1500, 3500)),
        pick(m, interruptions, ARRAY_LEN(interruptions)), 1.0);
    c->hangup = when(PHONE_WHEN_AGENT_SPEAKS, 1200);
}

static void make_fast(struct maker *m)
{
    struct convo *c = call(m, FAMILY_FAST, "");
    say(m, c, ROLE_TURN, next_turn(m, c), pick(m, questions, ARRAY_LEN(questions)), 1.4);
    say(m, c, ROLE_REAL, when(PHONE_WHEN_AGENT_SPEAKS, between(m, 1500, 3000)),
        pick(m, interruptions, ARRAY_LEN(interruptions)), 1.4);
    c->hangup = when(PHONE_WHEN_AGENT_SPEAKS, 1200);
}

static void make_pause(struct maker *m, enum family family, uint32_t low_ms, uint32_t high_ms)
{
    struct convo *c = call(m, family, "");
    enum role role = family == FAMILY_PAUSE ? ROLE_TURN : ROLE_REPORT;
    uint32_t pause_ms = between(m, low_ms, high_ms);
    say(m, c, role == ROLE_TURN ? ROLE_NOTHING : role, next_turn(m, c), "tell me about", 1.0);
    say(m, c, role, when(PHONE_WHEN_AFTER, pause_ms), "your delivery and the guarantee", 1.0);
    c->hangup = when(PHONE_WHEN_AGENT_SPEAKS, 2000);
}

static void make_barge(struct maker *m, enum family family)
{
    struct convo *c = call(m, family, "");
    ask(m, c, next_turn(m, c));
    switch (family) {
    case FAMILY_FIRST_WORD:
        interrupt(m, c, when(PHONE_WHEN_AGENT_SPEAKS, between(m, 60, 350)));
        break;
    case FAMILY_TAIL:
        interrupt(m, c, when(PHONE_WHEN_AGENT_TAIL, 150));
        break;
    default:
        interrupt(m, c, when(PHONE_WHEN_AGENT_SPEAKS, between(m, 1200, 4500)));
        break;
    }
}

static void make_double(struct maker *m)
{
    struct convo *c = call(m, FAMILY_DOUBLE, "");
    ask(m, c, next_turn(m, c));
    say(m, c, ROLE_REAL, when(PHONE_WHEN_AGENT_SPEAKS, between(m, 1000, 3000)), long_talk, 1.0);
    c->hangup = when(PHONE_WHEN_AGENT_SPEAKS, 1200);
}

/* The first question of the script calls a tool; more is said when the turn is over and the tool is on its way. */
static void make_tool(struct maker *m)
{
    struct convo *c = call(m, FAMILY_TOOL, "");
    c->two_items = true;
    say(m, c, ROLE_TURN, next_turn(m, c), questions[0], 1.0);
    say(m, c, ROLE_REPORT, when(PHONE_WHEN_AFTER, between(m, 450, 900)),
        pick(m, interruptions, ARRAY_LEN(interruptions)), 1.0);
    c->hangup = when(PHONE_WHEN_AGENT_SPEAKS, 2000);
}

static void make_dtmf(struct maker *m, bool over_agent)
{
    struct convo *c = call(m, FAMILY_DTMF, over_agent ? "over the agent" : "in silence");
    c->two_items = true;
    struct phone_item keys = {.kind = PHONE_KEYS, .when = next_turn(m, c), .keys = "2"};
    if (over_agent) {
        ask(m, c, next_turn(m, c));
        keys.when = when(PHONE_WHEN_AGENT_SPEAKS, between(m, 1500, 3000));
    }
    add(c, ROLE_REPORT, keys);
    c->hangup = when(PHONE_WHEN_AGENT_SPEAKS, 2000);
}

static void make_silence(struct maker *m)
{
    struct convo *c = call(m, FAMILY_SILENCE, "");
    c->hangup = when(PHONE_WHEN_GREETING_DONE, 6000);
}

static struct convo *odd(struct maker *m, const char *variant)
{
    struct convo *c = call(m, FAMILY_ODD, variant);
    ask(m, c, next_turn(m, c));
    interrupt(m, c, when(PHONE_WHEN_AGENT_SPEAKS, between(m, 2500, 4000)));
    return c;
}

static void make_odd(struct maker *m)
{
    odd(m, "0x00")->line.zero_silence = true;
    odd(m, "dc")->line.dc_offset = 400;
    odd(m, "-12 dB")->line.gain_db = -12;
    odd(m, "+9 dB")->line.gain_db = 9;
    odd(m, "doubled")->packets.double_percent = 10;
    odd(m, "late")->packets.late_percent = 5;
    odd(m, "80 bytes")->packets.bytes = 80;
    odd(m, "480 bytes")->packets.bytes = 480;
    struct convo *c = odd(m, "hole");
    c->packets.drops[0] = (struct phone_drop){800, 1500};
    c->packets.n_drops = 1;
    c = call(m, FAMILY_ODD, "blast");
    ask(m, c, next_turn(m, c));
    sound(m, c, ROLE_REPORT, when(PHONE_WHEN_AGENT_SPEAKS, 2000), "blast");
    c->hangup = when(PHONE_WHEN_AFTER, 2500);
    c = call(m, FAMILY_ODD, "16 kHz");
    c->packets.rate_hz = 16000;
    say(m, c, ROLE_REPORT, next_turn(m, c), questions[1], 1.0);
    c->hangup = when(PHONE_WHEN_AFTER, 3000);
}

/* ---- sets ---- */

static void times(struct maker *m, uint32_t n, void (*make)(struct maker *m))
{
    for (uint32_t i = 0; i < n; i++) {
        make(m);
    }
}

static const char *const coughs[] = {"cough", "click", "knock", "door", "breath"};

static void make_full(struct maker *m)
{
    static const enum phone_noise_kind kinds[] = {PHONE_NOISE_WHITE, PHONE_NOISE_PINK, PHONE_NOISE_HUM};
    static const uint32_t snr[] = {20, 15, 10};
    bool full = m->extent == EXTENT_FULL;
    times(m, full ? 3 : 1, make_clean);
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        for (size_t i = full ? 0 : 2; i < ARRAY_LEN(snr); i++) {
            make_noise(m, kinds[k], snr[i], FAMILY_NOISE);
        }
        make_noise_only(m, kinds[k], 10);
    }
    if (full) {
        make_noise(m, PHONE_NOISE_PINK, 5, FAMILY_LOUD);
        make_noise(m, PHONE_NOISE_WHITE, 5, FAMILY_LOUD);
        make_noise(m, PHONE_NOISE_BABBLE, 15, FAMILY_LOUD);
        make_noise(m, PHONE_NOISE_BABBLE, 10, FAMILY_LOUD);
    }
    times(m, full ? 34 : 3, make_echo);
    times(m, full ? 8 : 1, make_echo_barge);
    for (size_t i = 0; i < (full ? 2 : 1) * ARRAY_LEN(coughs); i++) {
        make_cough(m, coughs[i % ARRAY_LEN(coughs)]);
    }
    for (uint32_t i = 0; i < (full ? 6u : 2u); i++) {
        make_mmhm(m, i % 2, true);
    }
    for (uint32_t i = 0; i < (full ? 4u : 1u); i++) {
        make_mmhm(m, i % 2, false);
    }
    times(m, full ? 2 : 1, make_fast);
    times(m, full ? 4 : 1, make_diphone);
    for (uint32_t i = 0; i < (full ? 3u : 1u); i++) {
        make_pause(m, FAMILY_PAUSE, 150, 260);
    }
    make_pause(m, FAMILY_LONG_PAUSE, 600, 900);
    for (uint32_t i = 0; i < (full ? 4u : 1u); i++) {
        make_barge(m, FAMILY_FIRST_WORD);
        make_barge(m, FAMILY_MID);
        make_barge(m, FAMILY_TAIL);
    }
    times(m, full ? 2 : 1, make_tool);
    times(m, full ? 2 : 1, make_double);
    make_dtmf(m, false);
    make_dtmf(m, true);
    make_silence(m);
    if (m->delay_ms == 40 || !full) {
        make_odd(m);
    }
}

/* Under a minute, and one of everything whose outcome can be asserted on a busy machine. */
static void make_smoke(struct maker *m)
{
    make_clean(m);
    make_noise(m, PHONE_NOISE_PINK, 15, FAMILY_NOISE);
    times(m, 4, make_echo);
    times(m, 2, make_echo_barge);
    make_cough(m, "cough");
    make_cough(m, "knock");
    make_mmhm(m, false, true);
    make_mmhm(m, true, true);
    times(m, 1, make_fast);
    make_barge(m, FAMILY_FIRST_WORD);
    make_barge(m, FAMILY_MID);
    make_barge(m, FAMILY_MID);
    make_double(m);
    make_silence(m);
}

/* Calls of one kind lie apart, so that those that run at the same time are a mixture. */
static void shuffle(struct maker *m)
{
    struct set *s = m->set;
    for (size_t i = s->n; i > 1; i--) {
        size_t k = (size_t)phone_dice_below(&m->dice, i);
        struct convo c = s->calls[i - 1];
        s->calls[i - 1] = s->calls[k];
        s->calls[k] = c;
    }
}

void set_make(struct set *set, struct studio *studio, uint64_t seed, enum extent extent)
{
    static const uint32_t delays[] = {0, 40, 120};
    struct maker m = {.set = set, .studio = studio, .dice = {seed}, .extent = extent};
    *set = (struct set){0};
    for (size_t i = 0; i < ARRAY_LEN(delays); i++) {
        m.delay_ms = delays[i];
        if (extent == EXTENT_SMOKE && i != 1) {
            continue;
        }
        if (extent == EXTENT_SMOKE) {
            make_smoke(&m);
        } else {
            make_full(&m);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(delays) && extent == EXTENT_FULL; i++) { /* last: those above stay as they were */
        m.delay_ms = delays[i];
        for (size_t k = 0; k < ARRAY_LEN(coughs); k++) {
            make_echo_cough(&m, coughs[k]);
        }
    }
    if (extent == EXTENT_FULL) {
        m.delay_ms = 40;
        struct convo *c = odd(&m, "stall");
        c->packets.stalls[0] = (struct phone_drop){4000, 700};
        c->packets.n_stalls = 1;
    }
    shuffle(&m);
}

void set_done(struct set *set)
{
    free(set->calls);
    *set = (struct set){0};
}
