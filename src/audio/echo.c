/*
 * Everything happens in slots of 10 ms and on levels (echo_bank.h), never on samples:
 *
 *     sent ──levels──▶ ring ──lags 0..63──▶ search: which lag does the caller's level follow?
 *                        │ window round the lag (all of them until it is known), less the loss, plus tail and margin
 *                        ▼
 *     caller ─levels─▶ more than expected? ──▶ excess grows, else it fades ──▶ ECHO_DOUBLE while there is some
 *
 * docs/internals/echo.md has the reasons and the measurements behind every constant.
 */
#include "audio/echo.h"

#include <stdlib.h>
#include <string.h>

#define ALL ECHO_BANDS /* index of the level over all bands */

#define SENT_FLOOR   ECHO_DBFS(-56) /* what we send below this makes no echo worth a thought */
#define NOISE_FLOOR  ECHO_DBFS(-68)
#define NOISE_WINDOW 128 /* slots; the lowest level of a window is noise */
#define NOISE_RISE   16  /* slots for one step up */
#define RANGE_START  ECHO_STEPS(30)
#define PEAK_FALL    16 /* slots for one step down */
#define MEAN_SHIFT   3  /* the short-term mean follows over 8 slots */
#define SHAPE_MAX    ECHO_STEPS(12)

#define FADE_SLOTS         8
#define FADE_SHIFT         4  /* every 8 slots a sixteenth is forgotten: 1.3 s */
#define TELLING            64 /* energy of a slot's shape from which it tells something: 3 dB in one band */
#define FOUND_SLOTS        40
#define FOUND_PERCENT      55
#define SURE_SLOTS         60 /* with fewer, chance could do it: */
#define SURE_PERCENT       65
#define FOUND_STEADY       4
#define MOVE_PERCENT       45
#define LEAP_PERCENT       70
#define CHANGE_SLOTS       80
#define LEAP_SLOTS         16 /* that the guard must have been open, to be compared with other delays */
#define LEAP_SLOTS_MAX     32
#define LEAP_GLANCE        8  /* of them that are looked at first */
#define LEAP_DEVIATION     36 /* eighths of a step: 1.7 dB */
#define LEAP_OFF           ECHO_STEPS(8)
#define LOST_PERCENT       30
#define PROVEN             10 /* times that a lag was beyond doubt: it is not given up over somebody's voice then */
#define RIVAL_APART        2
#define RIVAL_LOOKS        6 /* at another lag */
#define RIVAL_LOOKS_PROVEN 16
#define CALM_SLOTS         100 /* since somebody else was heard: his shapes have faded from the sums */
#define LOST_SLOTS         150
#define ABSENT_SLOTS       60
#define ABSENT_PERCENT     30
#define LATE_SLOTS         90
#define LATE_PERCENT       40
#define MIXED_SLOTS        200
#define SPREAD             3
#define SPREAD_MOVED       8
#define RUN_GAP            20 /* slots of silence between two runs of ours */
#define SETTLE_SLOTS       30
#define CUT_SLOTS          15 /* of what was cut, so much may still have been on its way */

#define TAIL_SLOTS      25
#define TAIL_DECAY      (ECHO_STEPS(25) / 10)
#define PRIOR_LOSS      ECHO_STEPS(9)
#define PEAK_SLOTS      50
#define LOUD            ECHO_STEPS(20)
#define QUIET_ROUNDS    3              /* of our being loud and nothing coming back: no echo */
#define CROSSTALK       ECHO_STEPS(26) /* what distortion and the filters put into other bands */
#define LOSS_MAX        ECHO_STEPS(60)
#define LOSS_SPAN       ECHO_STEPS(10) /* of a band below the whole */
#define LOSS_MIN        ECHO_STEPS(-6)
#define MARGIN          ECHO_STEPS(3)
#define EXCESS_BAND_MAX ECHO_STEPS(12)
#define EXCESS_OPEN     ECHO_STEPS(10)
#define EXCESS_MAX      ECHO_STEPS(60)
#define EXCESS_FADE     ECHO_STEPS(2)
/* Open without any excess: for the weak sounds of a voice, or behind a cough. */
#define HELD_SLOTS  2
#define STALE_SLOTS 8
#define RUN_PAUSE   30 /* slots without ECHO_ONLY that end a closure */

/* How far the level of steady noise strays above the tracked lowest: the fewer samples a slot has, the further. */
static const uint8_t noise_span[ECHO_BANDS + 1] = {ECHO_STEPS(9), ECHO_STEPS(7), ECHO_STEPS(5), ECHO_STEPS(4),
                                                   ECHO_STEPS(4)};

void echo_init(struct echo_guard *e, uint32_t rate_hz)
{
    memset(e, 0, sizeof(*e));
    e->slot_samples = rate_hz / 100;
    e->decimation = rate_hz / 8000;
    e->spread = SPREAD_MOVED;
    e->pause = RUN_PAUSE;
    for (int b = 0; b < ECHO_BANDS; b++) {
        e->ring.mean[b] = SENT_FLOOR * 16;
        e->mean[b] = SENT_FLOOR * 16;
        e->range[b] = RANGE_START;
        e->bound[b] = PRIOR_LOSS;
    }
    memset(e->noise, ECHO_LEVEL_MAX, sizeof(e->noise));
    memset(e->lowest, ECHO_LEVEL_MAX, sizeof(e->lowest));
}

/* Deviation of a level from its short-term mean, which follows. */
static int8_t shape_of(int32_t *mean, int32_t level)
{
    int32_t shape = level - *mean / 16;
    *mean += (level * 16 - *mean) >> MEAN_SHIFT;
    return (int8_t)CLAMP(shape, -SHAPE_MAX, SHAPE_MAX);
}

/* ---- what we sent ---- */

static uint32_t ring_index(uint64_t slot)
{
    return (uint32_t)(~slot % ECHO_RING);
}

static void ring_write(struct echo_guard *e, uint64_t slot, struct echo_level v, bool merge)
{
    struct echo_ring *r = &e->ring;
    uint32_t i = ring_index(slot);
    bool twice = i < ECHO_LAGS;
    int32_t energy = 0;
    for (int b = 0; b < ECHO_BANDS; b++) {
        uint8_t level = merge ? MAX(v.band[b], r->level[b][i]) : v.band[b];
        /* What lies further below our loudest than the caller's noise below his would not be seen on its return. */
        r->peak[b] = MAX(level, r->peak[b]);
        int32_t floor = MAX(SENT_FLOOR, r->peak[b] - e->range[b]);
        r->mean[b] = MAX(r->mean[b], floor * 16); /* the floor may have risen: that is no sound */
        int8_t shape = shape_of(&r->mean[b], MAX(level, floor));
        r->level[b][i] = level;
        r->shape[b][i] = shape;
        energy += shape * shape;
        if (twice) {
            r->level[b][i + ECHO_RING] = level;
            r->shape[b][i + ECHO_RING] = shape;
        }
    }
    uint8_t all = merge ? MAX(v.all, r->level[ALL][i]) : v.all;
    r->level[ALL][i] = all;
    r->energy[i] = (uint16_t)energy;
    if (twice) {
        r->energy[i + ECHO_RING] = (uint16_t)energy;
        r->level[ALL][i + ECHO_RING] = all;
    }
    if (slot % PEAK_FALL == 0) {
        for (int b = 0; b < ECHO_BANDS; b++) {
            r->peak[b] = (uint8_t)MAX(r->peak[b] - 1, SENT_FLOOR);
        }
    }
    if (all > SENT_FLOOR) {
        if (slot >= r->last_active + RUN_GAP) {
            r->run = slot + 1;
        }
        r->last_active = MAX(r->last_active, slot + 1);
    }
}

/* Slots up to, not including, this one were silent as far as they are not known. */
static void ring_advance(struct echo_guard *e, uint64_t slot)
{
    struct echo_ring *r = &e->ring;
    static const struct echo_level silence;
    if (slot > r->end && slot - r->end > ECHO_RING) {
        r->end = slot - ECHO_RING;
    }
    while (r->end < slot) {
        ring_write(e, r->end++, silence, false);
    }
}

static void ring_slot(struct echo_guard *e, uint64_t slot, struct echo_level v)
{
    struct echo_ring *r = &e->ring;
    if (slot < r->end && r->end - slot > ECHO_RING) {
        r->end = slot; /* the clock began again */
        r->last_active = r->run = e->run = 0;
        ring_advance(e, slot >= ECHO_RING ? slot : 0);
        memset(r->level, 0, sizeof(r->level));
        memset(r->shape, 0, sizeof(r->shape));
        memset(r->energy, 0, sizeof(r->energy));
    }
    bool merge = slot < r->end;
    ring_advance(e, slot);
    ring_write(e, slot, v, merge);
    r->end = MAX(r->end, slot + 1);
}

/* The slot that next lies in ends here, its rest is silence. */
static void ring_flush(struct echo_guard *e)
{
    struct echo_ring *r = &e->ring;
    if (r->part_n > 0) {
        memset(r->part + r->part_n, 0, (e->slot_samples - r->part_n) * sizeof(r->part[0]));
        ring_slot(e, r->next / e->slot_samples, echo_bank_run(&r->bank, r->part, e->slot_samples, e->decimation));
        r->part_n = 0;
    }
}

void echo_sent(struct echo_guard *e, uint64_t at, const int16_t *pcm, size_t n)
{
    struct echo_ring *r = &e->ring;
    if (at > UINT64_MAX / 2 || n == 0) {
        return;
    }
    if (at != r->next) {
        ring_flush(e);
        r->bank = (struct echo_bank){{0}, {0}};
        r->next = at;
    }
    if (r->part_n == 0) {
        r->part_n = (uint32_t)(at % e->slot_samples);
        memset(r->part, 0, r->part_n * sizeof(r->part[0]));
    }
    while (n > 0) {
        uint32_t take = (uint32_t)MIN(n, (size_t)(e->slot_samples - r->part_n));
        memcpy(r->part + r->part_n, pcm, take * sizeof(pcm[0]));
        pcm += take;
        n -= take;
        r->part_n += take;
        if (r->part_n == e->slot_samples) {
            ring_slot(e, r->next / e->slot_samples, echo_bank_run(&r->bank, r->part, e->slot_samples, e->decimation));
            r->part_n = 0;
        }
        r->next += take;
    }
}

/* From now on the delay may be another one: the phone's buffer starts afresh. */
static void delay_moved(struct echo_guard *e)
{
    if (e->path != ECHO_FOUND || e->settled == 0) {
        return;
    }
    e->settled = 0;
    e->spread = SPREAD_MOVED;
    memset(&e->search, 0, sizeof(e->search));
    e->mixed = e->open;
}

static void path_forget(struct echo_guard *e, enum echo_path path)
{
    e->path = path;
    for (int b = 0; b < ECHO_BANDS; b++) {
        e->bound[b] = PRIOR_LOSS;
        e->peak_sent[b] = e->peak_heard[0][b] = e->peak_heard[1][b] = 0;
    }
    e->peak_slots = 0;
    e->quiet = 0;
}

/*
 * Not found yet, and a new run of ours begins: when somebody spoke since the last one, far louder than the echo as he
 * may be, the sums are his and would hide what comes now for seconds. Or it was our echo, that came too late to be one
 * (a greeting that the network held up): what bounded it is wrong, too.
 */
static void search_anew(struct echo_guard *e)
{
    if (e->path != ECHO_UNKNOWN || !e->mixed) {
        return;
    }
    path_forget(e, ECHO_UNKNOWN);
    memset(&e->search, 0, sizeof(e->search));
    e->steady = e->odd = 0;
    e->mixed = false;
}

void echo_cut(struct echo_guard *e, uint64_t at)
{
    static const struct echo_level silence;
    struct echo_ring *r = &e->ring;
    if (at > UINT64_MAX / 2) {
        return;
    }
    ring_flush(e);
    r->next = UINT64_MAX;
    uint64_t first = at / e->slot_samples + CUT_SLOTS;
    if (r->end - MIN(r->end, first) > ECHO_RING) {
        first = r->end - ECHO_RING;
    }
    for (uint64_t s = first; s < r->end; s++) {
        ring_write(e, s, silence, false);
    }
    r->last_active = MIN(r->last_active, first);
    delay_moved(e);
}

/* ---- what comes back: noise, delay, loss ---- */

static void noise_track(struct echo_guard *e, const uint8_t level[ECHO_BANDS + 1])
{
    bool rise = ++e->noise_slots % NOISE_RISE == 0;
    bool round = e->noise_slots % NOISE_WINDOW == 0;
    for (int b = 0; b <= ALL; b++) {
        uint8_t v = MAX(level[b], NOISE_FLOOR);
        e->lowest[b] = MIN(e->lowest[b], v);
        if (e->noise_slots == 1) {
            e->noise[b] = v;
        } else if (v < e->noise[b]) {
            e->noise[b] = (uint8_t)(e->noise[b] - (e->noise[b] - v + 1) / 2);
        } else if (rise && v > e->noise[b]) {
            e->noise[b]++;
        }
        if (b < ALL) {
            /* Not the caller: what is louder than our echo can be says nothing of how much of it is seen. */
            e->peak[b] = (uint8_t)MAX(MIN(v, e->tail[b] + MARGIN), e->peak[b] - (rise && e->peak[b] > v));
            int32_t over = e->peak[b] - e->noise[b] - noise_span[b];
            e->returned = e->returned || over > 0;
            e->range[b] = (uint8_t)(e->returned ? CLAMP(over, 0, RANGE_START) : RANGE_START);
        }
        if (round) {
            e->noise[b] = MAX(e->noise[b], e->lowest[b]);
            e->lowest[b] = ECHO_LEVEL_MAX;
        }
    }
}

static void search_fade(struct echo_search *s)
{
    for (int l = 0; l < ECHO_LAGS; l++) {
        s->cross[l] -= s->cross[l] >> FADE_SHIFT;
        s->sent[l] -= s->sent[l] >> FADE_SHIFT;
    }
    s->back -= s->back >> FADE_SHIFT;
    s->slots -= s->slots >> FADE_SHIFT;
}

static void search_add(struct echo_search *s, const struct echo_ring *r, uint64_t slot, const int8_t y[ECHO_BANDS])
{
    uint32_t at = ring_index(slot);
    int32_t energy = 0;
    int16_t cross[ECHO_LAGS] = {0}; /* shapes are at most SHAPE_MAX: there is room for all bands */
    for (int b = 0; b < ECHO_BANDS; b++) {
        const int8_t *x = r->shape[b] + at;
        for (int l = 0; l < ECHO_LAGS; l++) {
            cross[l] = (int16_t)(cross[l] + x[l] * y[b]);
        }
        energy += y[b] * y[b];
    }
    const uint16_t *sent = r->energy + at;
    for (int l = 0; l < ECHO_LAGS; l++) {
        s->cross[l] += cross[l];
        s->sent[l] += sent[l];
    }
    s->back += energy;
    s->slots += energy >= TELLING;
}

/* Whether the caller's level follows ours at this lag by at least so many percent of what would be perfect. */
static bool follows(const struct echo_search *s, uint32_t lag, int64_t percent)
{
    int64_t cross = s->cross[lag];
    return cross > 0 && s->back > 0 && cross * cross * 10000 >= percent * percent * s->sent[lag] * s->back;
}

static uint32_t search_best(const struct echo_search *s)
{
    uint32_t best = 0;
    for (uint32_t l = 1; l < ECHO_LAGS; l++) {
        best = s->cross[l] > s->cross[best] ? l : best;
    }
    return best;
}

/* The k-th smallest of n levels' differences, counted. */
static int32_t rank(const uint8_t *count, uint32_t k)
{
    uint32_t sum = 0;
    int32_t v = 0;
    while (v < ECHO_LEVEL_MAX && (sum += count[v]) <= k) {
        v++;
    }
    return v;
}

/* Loudest sent level of a band in the slots that may sound in this one. */
static uint8_t sent_around(const struct echo_guard *e, uint64_t slot, int band)
{
    bool known = e->path == ECHO_FOUND;
    uint32_t first = known ? e->lag - MIN(e->lag, e->spread) : 0;
    uint32_t last = known ? MIN(e->lag + e->spread, ECHO_LAGS - 1u) : ECHO_LAGS - 1u;
    const uint8_t *level = e->ring.level[band] + ring_index(slot);
    uint8_t loudest = 0;
    for (uint32_t l = first; l <= last; l++) {
        loudest = MAX(loudest, level[l]);
    }
    return loudest;
}

/* A delay was found: what were the losses in the slots that are remembered? */
static void loss_recall(struct echo_guard *e, uint64_t slot)
{
    for (int b = 0; b <= ALL; b++) {
        uint8_t count[ECHO_LEVEL_MAX + 1] = {0};
        uint32_t n = 0;
        for (uint32_t back = 0; back < ECHO_LAGS && back <= slot; back++) {
            int32_t sent = e->ring.level[b][ring_index(slot - back) + e->lag];
            int32_t heard = e->heard[b][(e->heard_at - back) % ECHO_LAGS];
            if (sent > SENT_FLOOR && heard > e->noise[b] + noise_span[b]) {
                count[CLAMP(sent - heard - LOSS_MIN, 0, ECHO_LEVEL_MAX)]++;
                n++;
            }
        }
        if (b == ALL) {
            e->return_loss = n ? (rank(count, n / 2) + LOSS_MIN) * 16 : PRIOR_LOSS * 16;
        } else if (n >= 4) {
            e->loss[b] = (rank(count, n / 6) + LOSS_MIN) * 16;
        } else {
            e->loss[b] = INT32_MAX;
        }
    }
    for (int b = 0; b < ECHO_BANDS; b++) {
        e->loss[b] = MIN(e->loss[b], e->return_loss);
    }
}

static void found(struct echo_guard *e, uint64_t slot, uint32_t lag)
{
    e->path = ECHO_FOUND;
    e->lag = lag;
    e->spread = SPREAD;
    e->settled = SETTLE_SLOTS;
    e->steady = e->odd = e->proven = 0;
    e->mixed = false;
    loss_recall(e, slot);
}

static uint32_t apart(uint32_t a, uint32_t b)
{
    return a > b ? a - b : b - a;
}

/*
 * A delay beyond the window is beyond doubt: the line has changed, or two voices at once follow some lag by chance.
 * Chance lasts as long as the sums remember it, and each cut begins them afresh: only a lag that comes back run after
 * run wins.
 */
static bool rival_wins(struct echo_guard *e, uint32_t best)
{
    bool sure =
        e->search.slots >= FADE_SLOTS && apart(best, e->lag) > SPREAD_MOVED && follows(&e->search, best, LEAP_PERCENT);
    if (sure && (e->steady == 0 || apart(best, e->best) <= RIVAL_APART)) {
        e->best = best;
        e->steady++;
    } else {
        e->steady -= e->steady > 0;
    }
    return e->steady >= (e->proven < PROVEN ? RIVAL_LOOKS : RIVAL_LOOKS_PROVEN);
}

/*
 * How far the levels of the last n slots are from what was sent that much earlier: the mean deviation from the mean
 * difference, over all bands in which there is something, in eighths of a step. Below 0: there is too little.
 * INT32_MAX: the difference itself is none that the known loss allows.
 */
static int32_t deviation(const struct echo_guard *e, uint64_t slot, uint32_t lag, uint32_t n)
{
    int8_t apart_by[LEAP_SLOTS_MAX * ECHO_BANDS];
    int32_t sum = 0;
    int32_t m = 0;
    for (uint32_t back = 0; back < n; back++) {
        for (int b = 0; b < ECHO_BANDS; b++) {
            int32_t floor = e->noise[b] + noise_span[b];
            int32_t sent = e->ring.level[b][ring_index(slot - back) + lag] - e->loss[b] / 16;
            int32_t heard = e->heard[b][(e->heard_at - back) % ECHO_LAGS];
            if (sent > floor || heard > floor) {
                int32_t d = MAX(heard, floor) - MAX(sent, floor);
                apart_by[m] = (int8_t)CLAMP(d, INT8_MIN, INT8_MAX);
                sum += apart_by[m++];
            }
        }
    }
    if (m < (int32_t)n * 2) {
        return -1;
    }
    int32_t mean = sum / m;
    int32_t off = 0;
    for (int32_t i = 0; i < m; i++) {
        off += abs(apart_by[i] - mean);
    }
    return abs(mean) > LEAP_OFF ? INT32_MAX : off * 8 / m;
}

/*
 * The guard is open while ours sounds: somebody speaks, or the delay has leapt within a run, as it does when a buffer
 * on the way ran dry. Then what comes back is what was sent, at another delay, slot by slot and band by band; no voice
 * is that for so long. Without this the sums over 1.3 s must forget the old delay first, and the agent hears itself.
 */
static bool leap_found(struct echo_guard *e, uint64_t slot)
{
    uint32_t n = MIN(e->open_slots, (uint32_t)LEAP_SLOTS_MAX);
    if (n < LEAP_SLOTS || slot < n || e->heard_at < ECHO_LAGS) {
        return false;
    }
    int32_t least = LEAP_DEVIATION + 1;
    uint32_t best = e->lag;
    for (uint32_t lag = 0; lag < ECHO_LAGS; lag++) {
        bool likely = deviation(e, slot, lag, LEAP_GLANCE) <= 2 * LEAP_DEVIATION; /* spares most of the work */
        int32_t off = likely ? deviation(e, slot, lag, n) : -1;
        if (off >= 0 && off < least) {
            least = off;
            best = lag;
        }
    }
    if (apart(best, e->lag) <= e->spread) {
        return false;
    }
    e->lag = best;
    e->spread = SPREAD_MOVED;
    e->steady = e->proven = e->odd = 0;
    e->excess = 0;
    e->open = e->mixed = false;
    memset(&e->search, 0, sizeof(e->search));
    return true;
}

/* The echo is known: has its delay moved, is it gone? */
static void search_follow(struct echo_guard *e, uint64_t slot, uint32_t best)
{
    struct echo_search *s = &e->search;
    int64_t percent = e->open ? LEAP_PERCENT : MOVE_PERCENT;
    if (e->open && leap_found(e, slot)) {
        return;
    }
    if (rival_wins(e, best)) {
        e->lag = best;
        e->steady = e->proven = 0;
    } else if (!(e->mixed && e->proven >= PROVEN) && s->slots >= SETTLE_SLOTS && apart(best, e->lag) <= SPREAD_MOVED &&
               follows(s, best, percent) && s->cross[best] > s->cross[e->lag] + s->cross[e->lag] / 16) {
        e->lag = best;
    }
    if (s->slots >= SETTLE_SLOTS && follows(s, e->lag, MOVE_PERCENT)) {
        e->spread = SPREAD;
    }
    e->proven += s->slots >= SETTLE_SLOTS && follows(s, e->lag, LEAP_PERCENT);
    bool calm = e->calm >= (e->proven < PROVEN ? 1 : CALM_SLOTS);
    if (follows(s, e->lag, MOVE_PERCENT)) {
        e->odd -= MIN(e->odd, 2u * FADE_SLOTS);
    } else if (calm && s->slots >= SETTLE_SLOTS && !follows(s, e->lag, LOST_PERCENT)) {
        e->odd += FADE_SLOTS;
    }
    if (e->odd >= LOST_SLOTS) {
        path_forget(e, ECHO_UNKNOWN);
    }
}

static void search_decide(struct echo_guard *e, uint64_t slot)
{
    struct echo_search *s = &e->search;
    uint32_t best = search_best(s);
    if (e->path == ECHO_FOUND) {
        search_follow(e, slot, best);
        return;
    }
    bool steady = best + 1 >= e->best && best <= e->best + 1;
    e->steady = steady ? e->steady + 1 : 0;
    e->best = best;
    bool wary = e->path == ECHO_ABSENT; /* there is all the time of the call for chance to do it */
    int64_t percent = wary || s->slots < SURE_SLOTS ? SURE_PERCENT : FOUND_PERCENT;
    if (s->slots >= (wary ? SURE_SLOTS : FOUND_SLOTS) && e->steady >= FOUND_STEADY && follows(s, best, percent)) {
        found(e, slot, best);
    } else if (e->path == ECHO_UNKNOWN && s->slots >= ABSENT_SLOTS &&
               !follows(s, best, s->slots < LATE_SLOTS ? ABSENT_PERCENT : LATE_PERCENT)) {
        e->odd += FADE_SLOTS; /* with somebody's voice in the sums that says little, unless it stays so */
        if (!e->mixed || e->odd >= MIXED_SLOTS) {
            path_forget(e, ECHO_ABSENT);
        }
    } else {
        e->odd = 0;
    }
}

/*
 * Until the delay is known: no echo can be stronger than the loudest that came back since, so what came back while
 * the loudest of ours sounded bounds it.
 */
static void bound_track(struct echo_guard *e, uint64_t slot, const uint8_t level[ECHO_BANDS])
{
    uint32_t oldest = ring_index(slot) + ECHO_LAGS - 1;
    for (int b = 0; b < ECHO_BANDS; b++) {
        e->peak_sent[b] = MAX(e->peak_sent[b], e->ring.level[b][oldest]);
        e->peak_heard[0][b] = MAX(e->peak_heard[0][b], level[b]);
    }
    if (++e->peak_slots < PEAK_SLOTS) {
        return;
    }
    e->peak_slots = 0;
    bool loud = false;
    bool quiet = true;
    for (int b = 0; b < ECHO_BANDS; b++) {
        int32_t heard = MAX(e->peak_heard[0][b], e->peak_heard[1][b]);
        int32_t noise = e->noise[b] + noise_span[b];
        if (e->peak_sent[b] > SENT_FLOOR) {
            e->bound[b] = MAX(e->bound[b], e->peak_sent[b] - heard - MARGIN);
        }
        loud = loud || e->peak_sent[b] > noise + LOUD;
        quiet = quiet && heard <= noise + MARGIN;
        e->peak_heard[1][b] = e->peak_heard[0][b];
        e->peak_heard[0][b] = e->peak_sent[b] = 0;
    }
    e->quiet = !quiet ? 0 : e->quiet + loud;
    if (e->quiet >= QUIET_ROUNDS) {
        path_forget(e, ECHO_ABSENT);
    }
}

/* The loss follows the smallest tenth of what is seen, so that expectation is an upper edge of the echo. */
static void loss_track(struct echo_guard *e, uint64_t slot, const uint8_t level[ECHO_BANDS + 1])
{
    /* Louder than expected: a caller's voice, unless it goes on and still follows ours; then the line has changed. */
    e->open_slots = e->open ? e->open_slots + 1 : 0;
    e->calm = e->open ? 0 : e->calm + 1;
    e->mixed = e->open || (e->mixed && e->calm < CALM_SLOTS);
    if (e->open && (e->open_slots < CHANGE_SLOTS || !follows(&e->search, e->lag, LEAP_PERCENT))) {
        return;
    }
    for (int b = 0; b < ECHO_BANDS; b++) {
        int32_t sent = sent_around(e, slot, b);
        if (sent > SENT_FLOOR && sent - e->loss[b] / 16 > e->noise[b] + noise_span[b]) {
            bool stronger = (sent - level[b]) * 16 < e->loss[b];
            int32_t least = MAX(e->return_loss - LOSS_SPAN * 16, LOSS_MIN * 16); /* lower is somebody else's voice */
            e->loss[b] = CLAMP(e->loss[b] + (stronger ? -9 : 1), least, LOSS_MAX * 16);
        }
    }
    int32_t sent = e->ring.level[ALL][ring_index(slot) + e->lag];
    if (!e->open && sent > SENT_FLOOR && level[ALL] > e->noise[ALL] + noise_span[ALL]) {
        bool stronger = (sent - level[ALL]) * 16 < e->return_loss;
        e->return_loss = CLAMP(e->return_loss + (stronger ? -2 : 2), LOSS_MIN * 16, LOSS_MAX * 16);
    }
}

/* ---- judgement ---- */

/* Raises the tail to what is expected in this slot. Returns the loudest expectation over the noise, in steps. */
static int32_t expect(struct echo_guard *e, uint64_t slot)
{
    int32_t over = INT32_MIN;
    int32_t loudest = 0;
    for (int b = 0; b < ECHO_BANDS; b++) {
        int32_t loss = e->path == ECHO_FOUND ? e->loss[b] / 16 : e->bound[b];
        int32_t now = sent_around(e, slot, b) - loss;
        e->tail[b] = MAX(now, MAX(e->tail[b] - TAIL_DECAY, 0));
        loudest = MAX(loudest, e->tail[b]);
        over = MAX(over, e->tail[b] - e->noise[b]);
    }
    for (int b = 0; b < ECHO_BANDS; b++) {
        e->tail[b] = MAX(e->tail[b], loudest - CROSSTALK);
    }
    return over;
}

/* The level of two sounds together: 3 dB above equal ones, nothing above one that is 8 dB louder. */
static int32_t level_sum(int32_t a, int32_t b)
{
    int32_t apart = a > b ? a - b : b - a;
    return MAX(a, b) + MAX(8 - apart * 3 / 8, 0);
}

/* Weighs what came back against what was expected. */
static void weigh(struct echo_guard *e, const uint8_t level[ECHO_BANDS])
{
    int32_t sum = 0;
    for (int b = 0; b < ECHO_BANDS; b++) {
        int32_t limit = level_sum(e->tail[b] + MARGIN, e->noise[b] + noise_span[b]);
        sum += CLAMP(level[b] - limit, 0, EXCESS_BAND_MAX);
    }
    e->stale = sum > EXCESS_FADE ? 0 : e->stale + 1;
    e->excess = CLAMP(e->excess + (sum > EXCESS_FADE ? sum : -EXCESS_FADE), 0, EXCESS_MAX);
    e->open = e->open ? e->excess > 0 : e->excess >= EXCESS_OPEN;
}

static void idle(struct echo_guard *e)
{
    e->excess = 0;
    e->open = e->closed = false;
    memset(e->tail, 0, sizeof(e->tail));
}

/* The caller's next slot: its levels, which are remembered, and their shapes. */
static void hear(struct echo_guard *e, const int16_t *pcm, size_t n, uint8_t level[ECHO_BANDS + 1],
                 int8_t y[ECHO_BANDS])
{
    struct echo_level v = echo_bank_run(&e->bank, pcm, n, e->decimation);
    memcpy(level, v.band, ECHO_BANDS);
    level[ALL] = v.all;
    noise_track(e, level);
    e->heard_at++;
    for (int b = 0; b <= ALL; b++) {
        e->heard[b][e->heard_at % ECHO_LAGS] = level[b];
        if (b < ALL) {
            y[b] = shape_of(&e->mean[b], MAX(level[b], e->noise[b] + noise_span[b]));
        }
    }
}

/* over: the loudest expectation over the noise, in steps. */
static enum echo_verdict verdict_of(struct echo_guard *e, int32_t over)
{
    if (e->open) {
        return over <= 0                ? ECHO_NONE
               : e->stale > STALE_SLOTS ? ECHO_STALE
               : e->stale > HELD_SLOTS  ? ECHO_HELD
                                        : ECHO_DOUBLE;
    }
    /*
     * In a pause of ours the gate stays as it is: closed, unless there is more than noise. Short pieces of noise
     * between silence would sound like somebody to a voice detector.
     */
    e->closed = over > 0 || (e->closed && e->excess == 0);
    return e->closed ? ECHO_ONLY : ECHO_NONE;
}

static enum echo_verdict judge_slot(struct echo_guard *e, uint64_t slot, const int16_t *pcm, size_t n)
{
    uint8_t level[ECHO_BANDS + 1];
    int8_t y[ECHO_BANDS];
    hear(e, pcm, n, level, y);
    if (e->ring.part_n > 0 && e->ring.next / e->slot_samples <= slot) {
        ring_flush(e);
    }
    if (slot >= e->ring.end) {
        ring_advance(e, slot + 1);
    }
    if (e->ring.end - slot > ECHO_RING - ECHO_LAGS || e->ring.last_active == 0 ||
        slot >= e->ring.last_active + ECHO_LAGS + TAIL_SLOTS) {
        idle(e);
        return ECHO_NONE;
    }
    if (e->ring.run > e->run && slot + 1 >= e->ring.run) {
        e->run = e->ring.run;
        if (e->path == ECHO_FOUND) {
            delay_moved(e);
        } else {
            search_anew(e);
        }
    }
    e->settled += e->ring.level[ALL][ring_index(slot)] > SENT_FLOOR;
    search_add(&e->search, &e->ring, slot, y);
    if (++e->search.turn % FADE_SLOTS == 0) {
        search_decide(e, slot);
        search_fade(&e->search);
    }
    int32_t over = expect(e, slot);
    if (e->path == ECHO_ABSENT) {
        return ECHO_NONE;
    }
    weigh(e, level);
    if (e->path == ECHO_FOUND) {
        loss_track(e, slot, level);
    } else {
        bound_track(e, slot, level);
        e->mixed = e->mixed || e->open;
    }
    return verdict_of(e, over);
}

enum echo_verdict echo_judge(struct echo_guard *e, uint64_t at, const int16_t *pcm, size_t n)
{
    if (at > UINT64_MAX / 2 || n == 0) {
        return ECHO_NONE;
    }
    size_t slots = (n + e->slot_samples - 1) / e->slot_samples;
    enum echo_verdict verdict = ECHO_NONE;
    e->offset_samples = (uint32_t)(at % e->slot_samples);
    for (size_t i = 0; i < slots; i++) {
        size_t first = n * i / slots;
        size_t behind = n * (i + 1) / slots;
        enum echo_verdict v = judge_slot(e, (at + first) / e->slot_samples, pcm + first, behind - first);
        verdict = MAX(verdict, v);
    }
    if (verdict == ECHO_ONLY) {
        e->closures += e->pause >= RUN_PAUSE;
        e->pause = 0;
        e->gated_samples += n;
    } else {
        e->pause += (uint32_t)MIN(slots, (size_t)RUN_PAUSE);
        e->pause = MIN(e->pause, (uint32_t)RUN_PAUSE);
    }
    return verdict;
}

void echo_stats(const struct echo_guard *e, struct echo_stats *ret)
{
    *ret = (struct echo_stats){.found = e->path == ECHO_FOUND,
                               .closures = e->closures,
                               .gated_ms = (uint32_t)(e->gated_samples * 10 / e->slot_samples)};
    if (ret->found) {
        ret->delay_ms = e->lag * 10 + e->offset_samples * 10 / e->slot_samples;
        /* Sixteenths of 0.3763 dB to tenths of a dB. */
        ret->loss_cb = (uint32_t)MAX(e->return_loss, 0) * 3763 / 16000;
    }
}
