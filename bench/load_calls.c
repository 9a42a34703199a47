#include "load_calls.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "peer/phone/phone_speech.h"

#define RING    1024u /* frames under way: 20 s */
#define LATE_US 20000
#define MAX_MS  3600000

struct call {
    struct load_calls *all;
    struct phone *phone; /* NULL: over */
    uint16_t id;
    uint64_t sent_us[RING];
    uint64_t up_next;
    /* The downlink as a byte stream: a stamp, then what is left of its block. */
    uint8_t head[STAMP_BYTES];
    size_t n_head, skip;
    bool has_answer;
    uint16_t session;
    uint8_t answer;
    uint32_t down_next;
    uint64_t first_us;
    bool cleared;           /* what comes next is another answer, or this one from where it was paused */
    uint64_t speech_end_us; /* when the last block of the last sentence left; 0: that turn is counted */
};

struct load_calls {
    struct loop *loop;
    const struct load_model *model;
    struct phone_wheel *wheel;
    struct http_client *http;
    struct call *calls[CALLS_MAX];
    uint32_t n, n_open;
    bool measuring;
    struct phone_speech speech; /* n 0: stamped blocks, or silence */
    bool silent;
    char url[128];
    struct load_figures figures;
};

/* ---- up ---- */

#define SENTENCE      "where is my order one two three four"
#define MULAW_SILENCE 0xFF

/* Place of a block in the period of its call; those of different calls are spread over it. */
static uint32_t place(const struct call *c, uint32_t number)
{
    return (number + c->id * 37u) % LOAD_PERIOD_BLOCKS;
}

static uint32_t sentence_blocks(const struct load_calls *all)
{
    return (uint32_t)(all->speech.n / PHONE_FRAME_BYTES);
}

static void source(uint32_t number, uint8_t out[PHONE_FRAME_BYTES], void *arg)
{
    const struct call *c = arg;
    uint32_t at = place(c, number);
    if (at < sentence_blocks(c->all)) {
        memcpy(out, c->all->speech.mulaw + (size_t)at * PHONE_FRAME_BYTES, PHONE_FRAME_BYTES);
        return;
    }
    if (c->all->speech.n > 0 || c->all->silent) {
        memset(out, MULAW_SILENCE, PHONE_FRAME_BYTES);
        return;
    }
    block_fill(out, (struct stamp){.kind = STAMP_UP, .id = c->id, .number = number & 0xFFFFFF});
}

static void on_block(struct stamp s, uint64_t now_us, void *arg)
{
    struct load_calls *all = arg;
    if (s.id >= all->n) {
        return;
    }
    struct call *c = all->calls[s.id];
    uint64_t took_us = now_us - c->sent_us[s.number % RING];
    if (all->measuring && c->up_next > 0) {
        struct load_figures *f = &all->figures;
        f->up_blocks++;
        f->up_late += took_us > LATE_US;
        f->up_lost += s.number > c->up_next ? s.number - c->up_next : 0;
        hist_add(&f->up, took_us);
    }
    c->up_next = s.number + 1;
}

static void on_commit(uint16_t session, uint64_t now_us, void *arg)
{
    struct load_calls *all = arg;
    for (uint32_t i = 0; i < all->n; i++) { /* once in ten seconds a call */
        struct call *c = all->calls[i];
        if (!c->has_answer || c->session != session || c->speech_end_us == 0) {
            continue;
        }
        if (all->measuring) {
            all->figures.committed++;
            hist_add(&all->figures.turn, now_us - c->speech_end_us);
        }
        c->speech_end_us = 0;
        return;
    }
}

static void block_sent(struct call *c, uint32_t number, uint64_t now_us)
{
    c->sent_us[number % RING] = now_us;
    if (c->all->speech.n > 0 && c->has_answer && place(c, number) + 1 == sentence_blocks(c->all)) {
        c->speech_end_us = now_us;
        c->all->figures.spoken += c->all->measuring;
    }
}

const struct load_model_handler load_calls_model_events = {.on_block = on_block, .on_commit = on_commit};

/* ---- down ---- */

static void down_block(struct call *c, struct stamp s, uint64_t now_us)
{
    struct load_figures *f = &c->all->figures;
    bool first = !c->has_answer || s.answer != c->answer || s.id != c->session;
    if (first) {
        uint64_t sent_us = load_model_sent_us(c->all->model, s.id, s.answer);
        c->has_answer = true;
        c->session = s.id;
        c->answer = s.answer;
        c->down_next = 0;
        c->first_us = now_us;
        if (c->all->measuring && sent_us > 0 && s.number == 0) {
            hist_add(&f->down, now_us - sent_us);
        }
    }
    if (c->cleared && !first) {
        c->down_next = s.number;
        c->first_us = now_us - (uint64_t)s.number * PHONE_FRAME_US;
    }
    c->cleared = false;
    if (c->all->measuring) {
        f->down_blocks++;
        f->down_lost += s.number > c->down_next ? s.number - c->down_next : 0;
        /* It plays from the step after the first block on, 20 ms a block. */
        f->down_late += now_us > c->first_us + (uint64_t)s.number * PHONE_FRAME_US + LATE_US;
    }
    c->down_next = s.number + 1;
}

static void down_audio(struct call *c, struct span audio, uint64_t now_us)
{
    while (audio.n > 0) {
        if (c->skip > 0) {
            size_t n = MIN(c->skip, audio.n);
            c->skip -= n;
            audio = span_from(audio.p + n, audio.n - n);
            continue;
        }
        c->head[c->n_head++] = *audio.p;
        audio = span_from(audio.p + 1, audio.n - 1);
        if (c->n_head < STAMP_BYTES) {
            continue;
        }
        struct stamp s;
        if (stamp_read(c->head, &s) && s.kind == STAMP_DOWN) {
            down_block(c, s, now_us);
            c->skip = BLOCK_BYTES - STAMP_BYTES;
            c->n_head = 0;
        } else { /* cut inside a block by a clear: look on */
            memmove(c->head, c->head + 1, --c->n_head);
        }
    }
}

/* ---- phones ---- */

static void on_event(struct phone *p UNUSED, const struct phone_event *ev, void *arg)
{
    struct call *c = arg;
    struct load_figures *f = &c->all->figures;
    bool on = c->all->measuring;
    if (ev->kind == PHONE_EVENT_SENT) {
        block_sent(c, (uint32_t)ev->n, clock_now_us());
    } else if (ev->kind == PHONE_EVENT_AUDIO) {
        down_audio(c, ev->audio, clock_now_us());
    } else if (ev->kind == PHONE_EVENT_CLEAR) {
        c->cleared = true;
        c->skip = c->n_head = 0;
        f->clears += on;
    } else if (on) {
        f->marks += ev->kind == PHONE_EVENT_MARK;
        f->warnings += ev->kind == PHONE_EVENT_WARNING;
    }
}

static void on_closed(struct phone *p UNUSED, const struct phone_report *r, void *arg)
{
    struct call *c = arg;
    c->phone = NULL;
    c->all->n_open--;
    c->all->figures.ended++;
    if (r->err < 0 || r->hangup != PHONE_SIDE_CALLER) {
        ignore_result(fprintf(stderr, "call %u ended by %s: %s\n", c->id, phone_side_name(r->hangup), r->reason) < 0);
    }
}

static const struct phone_handler phone_events = {.on_event = on_event, .on_closed = on_closed};

int load_calls_new(struct loop *loop, struct load_calls **ret)
{
    struct load_calls *c = calloc(1, sizeof(*c));
    if (!c) {
        return -ENOMEM;
    }
    c->loop = loop;
    int err = phone_wheel_new(loop, &c->wheel);
    err = err < 0 ? err : http_client_new(loop, &c->http);
    if (err < 0) {
        load_calls_free(c);
        return err;
    }
    *ret = c;
    return 0;
}

int load_calls_set_url(struct load_calls *c, const char *media_url)
{
    return str_copy(c->url, sizeof(c->url), str_from(media_url));
}

int load_calls_set_speech(struct load_calls *c)
{
    return phone_speech_say(STR(SENTENCE), &c->speech);
}

void load_calls_set_silent(struct load_calls *c)
{
    c->silent = true;
}

int load_calls_add(struct load_calls *all)
{
    if (all->n == CALLS_MAX) {
        return -ERR_LIMIT;
    }
    struct call *c = calloc(1, sizeof(*c));
    if (!c) {
        return -ENOMEM;
    }
    c->all = all;
    c->id = (uint16_t)all->n;
    struct phone_opts o = {.ws_url = str_from(all->url),
                           .hangup = {PHONE_WHEN_NEVER, 0},
                           .max_ms = MAX_MS,
                           .seed = all->n,
                           .source = source,
                           .source_arg = c,
                           .wheel = all->wheel,
                           .http = all->http};
    int err = phone_open(all->loop, &o, &phone_events, c, &c->phone);
    if (err < 0) {
        free(c);
        return err;
    }
    all->calls[all->n++] = c;
    all->n_open++;
    return 0;
}

uint32_t load_calls_n(const struct load_calls *c)
{
    return c->n;
}

void load_calls_set_model(struct load_calls *c, const struct load_model *m)
{
    c->model = m;
}

static uint64_t own_late(const struct load_calls *c)
{
    uint64_t late = 0;
    for (uint32_t i = 0; i < c->n; i++) {
        late += c->calls[i]->phone ? phone_report_now(c->calls[i]->phone)->sent_late_frames : 0;
    }
    return late;
}

void load_calls_measure(struct load_calls *c, bool on)
{
    if (on) {
        c->figures = (struct load_figures){.own_late = own_late(c)};
    } else {
        c->figures.own_late = own_late(c) - c->figures.own_late;
    }
    c->measuring = on;
}

const struct load_figures *load_calls_figures(const struct load_calls *c)
{
    return &c->figures;
}

void load_calls_stop(struct load_calls *c)
{
    for (uint32_t i = 0; i < c->n; i++) {
        if (c->calls[i]->phone) {
            phone_hang_up(c->calls[i]->phone, "end of the run");
        }
    }
}

bool load_calls_over(const struct load_calls *c)
{
    return c->n_open == 0;
}

void load_calls_free(struct load_calls *c)
{
    for (uint32_t i = 0; i < c->n; i++) {
        free(c->calls[i]);
    }
    phone_wheel_free(c->wheel);
    http_client_free(c->http);
    free(c->speech.mulaw);
    free(c);
}
