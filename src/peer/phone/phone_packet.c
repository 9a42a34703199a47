#include "peer/phone/phone_packet.h"

#include <stdlib.h>

#include "audio/g711.h"
#include "base/err.h"

#define RATE_HZ     8000u
#define STALLED_MAX (64u << 20) /* an hour at 16 kHz */

static bool in_range(const struct phone_packet_opts *o)
{
    return (o->bytes == 0 || (o->bytes >= PHONE_PACKET_MIN_BYTES && o->bytes <= PHONE_PACKET_MAX_BYTES)) &&
           (o->rate_hz == 0 || (o->rate_hz >= 4000 && o->rate_hz <= 48000)) && o->double_percent >= 0 &&
           o->double_percent <= 100 && o->late_percent >= 0 && o->late_percent <= 100 &&
           o->n_drops <= PHONE_DROPS_MAX && o->n_stalls <= PHONE_DROPS_MAX;
}

int phone_packets_init(struct phone_packets *p, const struct phone_packet_opts *o, uint64_t seed)
{
    *p = (struct phone_packets){.o = *o, .dice = {seed}};
    buf_init(&p->stalled, STALLED_MAX);
    if (!in_range(o)) {
        return -EINVAL;
    }
    p->o.rate_hz = o->rate_hz ? o->rate_hz : RATE_HZ;
    p->o.bytes = o->bytes ? o->bytes : p->o.rate_hz / 50;
    if (o->late_percent > 0) {
        p->held = calloc(PHONE_LATE_MAX, sizeof(*p->held));
        return p->held ? 0 : -ENOMEM;
    }
    return 0;
}

void phone_packets_done(struct phone_packets *p)
{
    free(p->held);
    buf_done(&p->stalled);
    *p = (struct phone_packets){0};
}

void phone_packets_restart(struct phone_packets *p)
{
    p->made_bytes = p->chunk = p->in_n = p->out_n = 0;
    p->n = 0;
    p->last = 0;
    buf_clear(&p->stalled);
    for (size_t i = 0; p->held && i < PHONE_LATE_MAX; i++) {
        p->held[i].wait = 0;
    }
}

static bool is_within(const struct phone_drop *list, size_t n, uint64_t at_ms)
{
    for (size_t i = 0; i < n; i++) {
        if (at_ms >= list[i].at_ms && at_ms - list[i].at_ms < list[i].ms) {
            return true;
        }
    }
    return false;
}

/* False: out of memory, and the packet goes at once. */
static bool stall(struct phone_packets *p, const struct phone_media *m)
{
    uint8_t *room = buf_room(&p->stalled, sizeof(*m) + m->audio.n);
    if (!room) {
        return false;
    }
    memcpy(room, m, sizeof(*m));
    memcpy(room + sizeof(*m), m->audio.p, m->audio.n);
    buf_added(&p->stalled, sizeof(*m) + m->audio.n);
    return true;
}

/* What was held up goes first, all at once. */
static void resume(struct phone_packets *p, phone_media_fn fn, void *arg)
{
    p->stalls += p->stalled.len > 0;
    for (size_t at = 0; at < p->stalled.len;) {
        struct phone_media m;
        const uint8_t *bytes = (const uint8_t *)buf_ptr(&p->stalled) + at;
        memcpy(&m, bytes, sizeof(m));
        m.audio.p = bytes + sizeof(m);
        at += sizeof(m) + m.audio.n;
        fn(&m, arg);
    }
    buf_clear(&p->stalled);
}

/* Puts the packet aside; false when no place is free. */
static bool hold(struct phone_packets *p, const struct phone_media *m)
{
    for (size_t i = 0; i < PHONE_LATE_MAX; i++) {
        struct phone_held *h = &p->held[i];
        if (h->wait == 0) {
            h->wait = 1 + (uint32_t)phone_dice_below(&p->dice, PHONE_LATE_MAX);
            h->m = *m;
            memcpy(h->bytes, m->audio.p, m->audio.n);
            h->m.audio = span_from(h->bytes, m->audio.n);
            p->late++;
            return true;
        }
    }
    return false;
}

/* One packet has overtaken those that were put aside before. */
static void release(struct phone_packets *p, phone_media_fn fn, void *arg)
{
    for (size_t i = 0; p->held && i < PHONE_LATE_MAX; i++) {
        if (p->held[i].wait > 0 && --p->held[i].wait == 0) {
            fn(&p->held[i].m, arg);
        }
    }
}

static void packet_end(struct phone_packets *p, phone_media_fn fn, void *arg)
{
    struct phone_media m = {
        .offset_ms = p->made_bytes * 1000 / p->o.rate_hz, .chunk = ++p->chunk, .audio = span_from(p->bytes, p->n)};
    p->made_bytes += p->n;
    p->n = 0;
    if (is_within(p->o.drops, p->o.n_drops, m.offset_ms)) {
        p->dropped++;
        return;
    }
    if (is_within(p->o.stalls, p->o.n_stalls, m.offset_ms) && stall(p, &m)) {
        return;
    }
    resume(p, fn, arg);
    if (p->held && phone_dice_roll(&p->dice, p->o.late_percent) && hold(p, &m)) {
        return;
    }
    fn(&m, arg);
    if (phone_dice_roll(&p->dice, p->o.double_percent)) {
        p->doubled++;
        fn(&m, arg);
    }
    release(p, fn, arg);
}

static void byte_put(struct phone_packets *p, uint8_t byte, phone_media_fn fn, void *arg)
{
    p->bytes[p->n++] = byte;
    if (p->n >= p->o.bytes) {
        packet_end(p, fn, arg);
    }
}

void phone_packets_push(struct phone_packets *p, const uint8_t frame[PHONE_FRAME_BYTES], phone_media_fn fn, void *arg)
{
    for (size_t i = 0; i < PHONE_FRAME_BYTES; i++) {
        if (p->o.rate_hz == RATE_HZ) {
            byte_put(p, frame[i], fn, arg);
            continue;
        }
        /* The outputs that lie between the sample before and this one, on a straight line. */
        int32_t next = g711_mulaw_decode1(frame[i]);
        for (p->in_n++; p->out_n * RATE_HZ < p->in_n * p->o.rate_hz; p->out_n++) {
            int64_t part = (int64_t)(p->out_n * RATE_HZ - (p->in_n - 1) * p->o.rate_hz);
            int64_t x = p->last + (next - p->last) * part / p->o.rate_hz;
            byte_put(p, g711_mulaw_encode1((int16_t)x), fn, arg);
        }
        p->last = (int16_t)next;
    }
}
