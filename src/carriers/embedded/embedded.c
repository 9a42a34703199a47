#include "carriers/embedded/embedded.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/fifo.h"
#include "call/leg_ops.h"

#define FRAME_MS    20
#define AHEAD_MS    100 /* audio may enter the call so much earlier than it was spoken, by our clock */
#define GAP_MS      200 /* of nothing: the user was silent, the media clock goes on */
#define TICK_US     10000
#define MAX_MARKS   128 /* the core has at most 64 bursts under way, each with one mark and one in front of a run */
#define MAX_COMMITS 16
#define MAX_ITEMS   16  /* that a tracker may still name */
#define ROUNDING_MS 0.5 /* of trackers that count in bytes */

/* Audio that is out and whose mark has not come back; also a mark alone. */
struct pending {
    uint32_t mark;
    uint32_t ms;      /* of audio; 0: the mark alone */
    uint32_t item;    /* number of its item, of a mark alone that of the audio behind it; 0: none */
    uint32_t end_ms;  /* position in the item that the mark stands for */
    uint64_t from_us; /* when the program had it; 0: not yet */
};

struct known_item {
    char id[CALL_ID_MAX + 1];
    uint32_t number; /* counts up from 1 */
};

enum embedded_state { EMBEDDED_NEW, EMBEDDED_LIVE, EMBEDDED_CLOSING };

struct embedded {
    struct leg base;
    struct loop *loop;
    const struct embedded_handler *handler;
    void *arg;
    struct embedded_opts o;
    enum embedded_state state;
    bool stopped;
    int err; /* what it closes with */
    struct timer *timer;
    /* in */
    struct fifo in;
    uint64_t in_bytes, passed_bytes; /* ever given, ever passed on */
    uint64_t commits[MAX_COMMITS];   /* behind which byte */
    uint32_t n_commits;
    uint64_t clock_us; /* moment at which media clock 0 was */
    uint64_t media_ms; /* media clock: end of what was passed on */
    /* out */
    struct pending out[MAX_MARKS];
    uint32_t out_first, out_n;
    uint64_t played_us;                 /* end of what is playing, by the clock */
    struct known_item items[MAX_ITEMS]; /* ring */
    uint32_t n_items;                   /* ever seen */
    uint32_t cleared[MAX_MARKS];        /* marks of a clear: they come back in the next pass */
    uint32_t n_cleared;
};

static struct embedded *embedded_of(struct leg *leg)
{
    return CONTAINER_OF(leg, struct embedded, base);
}

static void emit(struct embedded *e, const struct call_event *ev)
{
    e->base.handler->on_event(&e->base, ev, e->base.arg);
}

/* ---- in ---- */

static uint32_t now_ms(const struct embedded *e)
{
    return (uint32_t)((loop_now_us(e->loop) - e->clock_us) / 1000);
}

static void run_commits(struct embedded *e)
{
    while (e->n_commits > 0 && e->commits[0] <= e->passed_bytes && e->state == EMBEDDED_LIVE) {
        memmove(e->commits, e->commits + 1, --e->n_commits * sizeof(e->commits[0]));
        e->handler->on_commit(e->arg);
    }
}

static void pass_frame(struct embedded *e, size_t bytes)
{
    uint8_t audio[FRAME_MS * 48];
    uint32_t bpm = audio_bytes_per_ms(e->o.format);
    struct call_event ev = {.type = EV_LEG_MEDIA};
    fifo_take(&e->in, audio, bytes);
    e->passed_bytes += bytes;
    ev.leg_media.timestamp_ms = (uint32_t)e->media_ms;
    ev.leg_media.audio = span_from(audio, bytes);
    e->media_ms += (bytes + bpm - 1) / bpm;
    e->handler->on_taken(bytes, e->arg);
    emit(e, &ev);
}

/*
 * Whole frames go as they come; a rest that is shorter goes when nothing follows it for a while, filled up to a whole
 * millisecond, so that the media clock stays true.
 */
static void pass_audio(struct embedded *e)
{
    uint32_t bpm = audio_bytes_per_ms(e->o.format);
    size_t frame = (size_t)FRAME_MS * bpm;
    if (e->in.len > 0 && now_ms(e) > e->media_ms + GAP_MS) {
        e->media_ms = now_ms(e) - FRAME_MS;
    }
    while (e->state == EMBEDDED_LIVE && e->in.len >= frame && e->media_ms <= now_ms(e) + AHEAD_MS) {
        pass_frame(e, frame);
        run_commits(e);
    }
    bool waits = e->n_commits > 0 || now_ms(e) > e->media_ms + FRAME_MS;
    if (e->state == EMBEDDED_LIVE && e->in.len > 0 && e->in.len < frame && waits) {
        pass_frame(e, e->in.len);
    }
    run_commits(e);
}

/* ---- out ---- */

static struct pending *pending_at(struct embedded *e, uint32_t i)
{
    return &e->out[(e->out_first + i) % MAX_MARKS];
}

/* 0: not one of the last items. */
static uint32_t find_item(const struct embedded *e, struct str id)
{
    for (uint32_t i = 0; i < MIN(e->n_items, (uint32_t)MAX_ITEMS) && id.n > 0; i++) {
        if (str_is(id, e->items[i].id)) {
            return e->items[i].number;
        }
    }
    return 0;
}

static uint32_t item_number(struct embedded *e, struct str id)
{
    uint32_t number = find_item(e, id);
    struct known_item *k = &e->items[e->n_items % MAX_ITEMS];
    if (number == 0 && id.n > 0 && str_copy(k->id, sizeof(k->id), id) >= 0) {
        k->number = number = ++e->n_items;
    }
    return number;
}

static void mark_back(struct embedded *e, uint32_t mark)
{
    if (mark > 0 && e->state == EMBEDDED_LIVE) {
        emit(e, &(struct call_event){.type = EV_LEG_MARK, .leg_mark = {.mark = mark}});
    }
}

/* By the clock: what was handed out plays, one after the other, from the moment at which the program had it. */
static bool played_by_clock(struct embedded *e, const struct pending *p)
{
    if (p->from_us == 0) {
        return false;
    }
    uint64_t end_us = MAX(e->played_us, p->from_us) + (uint64_t)p->ms * 1000;
    if (end_us > loop_now_us(e->loop)) {
        return false;
    }
    e->played_us = p->ms > 0 ? end_us : e->played_us;
    return true;
}

/* By the tracker: it has passed the mark, or plays something that came later. */
static bool played_by_tracker(const struct pending *p, bool playing, uint32_t item, double ms)
{
    if (p->item == 0) {
        return p->ms > 0; /* no words of the model; a mark alone says when what follows is heard */
    }
    return playing && (p->item < item || (p->item == item && ms + ROUNDING_MS >= p->end_ms));
}

static void pass_marks(struct embedded *e)
{
    struct embedded_position at = {0};
    for (uint32_t i = 0; i < e->n_cleared; i++) {
        mark_back(e, e->cleared[i]);
    }
    e->n_cleared = 0;
    bool tracked = e->handler->position != NULL;
    if (tracked && e->out_n > 0) {
        e->handler->position(&at, e->arg);
    }
    uint32_t item = find_item(e, at.item_id);
    while (e->out_n > 0 && e->state == EMBEDDED_LIVE) {
        const struct pending *p = pending_at(e, 0);
        if (tracked ? !played_by_tracker(p, at.playing, item, at.ms) : !played_by_clock(e, p)) {
            break;
        }
        uint32_t mark = p->mark;
        e->out_first = (e->out_first + 1) % MAX_MARKS;
        e->out_n--;
        mark_back(e, mark); /* may end the call, or hand out more */
    }
}

static void on_tick(void *arg)
{
    struct embedded *e = arg;
    if (e->state == EMBEDDED_CLOSING) {
        e->base.handler->on_closed(&e->base, e->err, e->base.arg);
        embedded_drop(e);
        return;
    }
    pass_audio(e);
    pass_marks(e);
    if (e->state == EMBEDDED_LIVE && e->out_n == 0 && e->in.len == 0 && e->n_commits == 0) {
        timer_stop(e->timer);
    }
}

static void tick(struct embedded *e, uint64_t delay_us)
{
    timer_start(e->timer, delay_us, TICK_US);
}

static int hand_out(struct embedded *e, const struct call_action *act)
{
    struct embedded_audio a = {
        .audio = act->leg_media.audio,
        .item_id = act->leg_media.item_id,
        .item_ms = act->leg_media.item_ms,
        .mark = act->leg_media.mark,
    };
    uint32_t ms = (uint32_t)(a.audio.n / audio_bytes_per_ms(e->o.format));
    uint32_t item = item_number(e, a.item_id);
    if (e->out_n == MAX_MARKS) {
        return -ERR_LIMIT;
    }
    for (uint32_t i = e->out_n; i > 0 && pending_at(e, i - 1)->ms == 0; i--) { /* marks in front of a run */
        pending_at(e, i - 1)->item = item;
        pending_at(e, i - 1)->end_ms = a.item_ms + 1;
    }
    *pending_at(e, e->out_n++) = (struct pending){
        .mark = a.mark,
        .ms = ms,
        .item = item,
        .end_ms = a.item_ms + ms,
        .from_us = e->o.by_hand ? 0 : loop_now_us(e->loop),
    };
    e->handler->on_audio(&a, e->arg);
    tick(e, TICK_US);
    return 0;
}

static int mark_alone(struct embedded *e, uint32_t mark)
{
    if (e->out_n == MAX_MARKS) {
        return -ERR_LIMIT;
    }
    *pending_at(e, e->out_n++) = (struct pending){.mark = mark, .from_us = e->o.by_hand ? 0 : loop_now_us(e->loop)};
    tick(e, TICK_US);
    return 0;
}

/* As carriers do: the marks of what is dropped come back. */
static void clear(struct embedded *e)
{
    for (uint32_t i = 0; i < e->out_n && e->n_cleared < MAX_MARKS; i++) {
        e->cleared[e->n_cleared++] = pending_at(e, i)->mark;
    }
    e->out_n = 0;
    e->played_us = 0;
    e->handler->on_clear(e->arg);
    tick(e, 0);
}

static void close_leg(struct leg *leg)
{
    struct embedded *e = embedded_of(leg);
    if (e->state != EMBEDDED_CLOSING) {
        e->state = EMBEDDED_CLOSING;
        timer_start(e->timer, 0, 0);
    }
}

static int perform(struct leg *leg, const struct call_action *act)
{
    struct embedded *e = embedded_of(leg);
    int err = 0;
    if (e->state == EMBEDDED_CLOSING) {
        return -ERR_CLOSED;
    }
    if (act->type == ACT_LEG_HANGUP) {
        close_leg(leg);
    } else if (act->type == ACT_LEG_MEDIA) {
        err = hand_out(e, act);
    } else if (act->type == ACT_LEG_MARK) {
        err = mark_alone(e, act->leg_mark.mark);
    } else if (act->type == ACT_LEG_CLEAR) {
        clear(e);
    } else {
        return -EINVAL;
    }
    if (err < 0) {
        e->err = err;
        close_leg(leg);
    }
    return err;
}

static const struct leg_ops leg_embedded = {.name = "embedded", .perform = perform, .close = close_leg};

/* ---- life ---- */

int embedded_open(struct loop *loop, const struct embedded_opts *o, const struct embedded_handler *h, void *arg,
                  struct embedded **ret)
{
    struct embedded *e = calloc(1, sizeof(*e));
    if (!e) {
        return -ENOMEM;
    }
    e->base.ops = &leg_embedded;
    e->loop = loop;
    e->o = *o;
    e->handler = h;
    e->arg = arg;
    fifo_init(&e->in);
    int err = timer_new(loop, on_tick, e, &e->timer);
    if (err < 0) {
        free(e);
        return err;
    }
    *ret = e;
    return 0;
}

void embedded_drop(struct embedded *e)
{
    e->handler->on_gone(e->arg);
    timer_free(e->timer);
    fifo_done(&e->in);
    free(e);
}

struct leg *embedded_leg(struct embedded *e)
{
    return &e->base;
}

void embedded_start(struct embedded *e, const struct leg_handler *h, void *harg, struct str stream_id,
                    struct str caller)
{
    struct call_event ev = {.type = EV_LEG_START};
    e->base.handler = h;
    e->base.arg = harg;
    e->state = EMBEDDED_LIVE;
    e->clock_us = loop_now_us(e->loop);
    ev.leg_start.format = e->o.format;
    ev.leg_start.stream_id = stream_id;
    ev.leg_start.caller = caller;
    emit(e, &ev);
}

int embedded_audio(struct embedded *e, struct span audio)
{
    if (e->state != EMBEDDED_LIVE || e->stopped) {
        e->handler->on_taken(audio.n, e->arg);
        return 0;
    }
    int err = fifo_put(&e->in, audio);
    if (err >= 0) {
        e->in_bytes += audio.n;
        tick(e, TICK_US);
        pass_audio(e);
    }
    return err;
}

void embedded_commit(struct embedded *e)
{
    if (e->state != EMBEDDED_LIVE || e->stopped) {
        return;
    }
    if (e->n_commits == MAX_COMMITS) { /* the last one then stands for both */
        e->n_commits--;
    }
    e->commits[e->n_commits++] = e->in_bytes;
    tick(e, TICK_US);
    pass_audio(e);
}

void embedded_played_from(struct embedded *e, uint32_t mark)
{
    uint32_t n = 0;
    while (n < e->out_n && pending_at(e, n)->mark != mark) {
        n++;
    }
    for (uint32_t i = 0; n < e->out_n && i <= n; i++) {
        struct pending *p = pending_at(e, i);
        p->from_us = p->from_us ? p->from_us : loop_now_us(e->loop);
    }
}

void embedded_poke(struct embedded *e)
{
    if (e->state == EMBEDDED_LIVE) {
        pass_marks(e);
    }
}

void embedded_stop(struct embedded *e)
{
    if (e->state == EMBEDDED_LIVE && !e->stopped) {
        e->stopped = true;
        fifo_clear(&e->in);
        emit(e, &(struct call_event){.type = EV_LEG_STOP});
        close_leg(&e->base);
    }
}
