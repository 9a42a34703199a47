#include "peer/phone/phone_truth.h"

#include <stdlib.h>

#include "audio/g711.h"
#include "base/err.h"
#include "peer/phone/phone_ears.h"
#include "peer/phone/phone_playout.h"

#define RECEIVED_MAX (3600u * 8000u)
#define UTTER_GAP    (300u * 8u) /* silence that ends an utterance */
#define FADE         40u         /* the first 5 ms of a resumption may be faded */
#define MATCH        320u        /* bytes that prove that speech is the same */
#define MATCH_MIN    80u
#define QUIET_MAX    8000u        /* a resumption may begin with so much silence */
#define WINDOW       40u          /* samples of the onset search */
#define SETTLE       (1500u * 8u) /* a clear that comes this long behind a sound still belongs to it */
#define AUDIBLE      (PHONE_GAP_AUDIBLE_MS * 8u)
#define LOUD_BEFORE  (100u * 8u)
#define ANEW         (1000u * 8u) /* what starts over from so far back is said anew */

const char *phone_cut_kind_name(enum phone_cut_kind kind)
{
    return kind == PHONE_CUT_STOPPED ? "stopped" : kind == PHONE_CUT_RESUMED ? "resumed" : "idle";
}

void phone_truth_init(struct phone_truth *t)
{
    *t = (struct phone_truth){0};
    buf_init(&t->received, RECEIVED_MAX);
}

void phone_truth_done(struct phone_truth *t)
{
    buf_done(&t->received);
    free(t->arrived);
    free(t->played);
    free(t->cuts);
    free(t->utters);
    free(t->sounds);
    *t = (struct phone_truth){0};
}

/* A new last element, zeroed; array: where the pointer to the first one is kept. NULL with the sticky error set. */
static void *add(struct phone_truth *t, void *array, size_t *n, size_t *cap, size_t size)
{
    char *at;
    memcpy(&at, array, sizeof(at));
    if (*n == *cap) {
        size_t more = *cap ? *cap * 2 : 32;
        at = realloc(at, more * size);
        if (!at) {
            t->err = -ENOMEM;
            return NULL;
        }
        memcpy(array, &at, sizeof(at));
        *cap = more;
    }
    void *last = at + *n * size;
    memset(last, 0, size);
    (*n)++;
    return last;
}

/* ---- while it happens ---- */

void phone_truth_audio(struct phone_truth *t, struct span mulaw)
{
    buf_put(&t->received, mulaw.p, mulaw.n);
    t->err = t->received.err ? t->received.err : t->err;
}

void phone_truth_clear(struct phone_truth *t)
{
    struct phone_cut *c = add(t, &t->cuts, &t->n_cuts, &t->cap_cuts, sizeof(*c));
    if (!c) {
        return;
    }
    c->at = t->now;
    c->pos = t->next_pos;
    c->received = t->received.len;
    c->dropped = (uint32_t)(c->received - c->pos);
    const struct phone_played *last = t->n_played ? &t->played[t->n_played - 1] : NULL;
    bool playing = last && last->at + last->n == t->now;
    c->kind = playing || c->dropped > 0 ? PHONE_CUT_STOPPED : PHONE_CUT_IDLE;
    t->next_pos = c->received;
}

/* Whether the 5 ms from here on are loud, and stand out from the noise. */
static bool is_loud_at(struct span mulaw, size_t at, float noise_rms)
{
    size_t n = MIN((size_t)WINDOW, mulaw.n - at);
    float sum = 0;
    for (size_t i = 0; i < n; i++) {
        float x = g711_mulaw_decode1(mulaw.p[at + i]);
        sum += x * x;
    }
    return phone_frame_is_loud(mulaw.p + at, n) && sum >= noise_rms * noise_rms * (float)n;
}

void phone_truth_says(struct phone_truth *t, struct str label, struct span mulaw, float noise_rms)
{
    size_t begin = 0, end = mulaw.n;
    while (begin + WINDOW < mulaw.n && !is_loud_at(mulaw, begin, noise_rms)) {
        begin++;
    }
    while (end > begin + WINDOW && !is_loud_at(mulaw, end - WINDOW, 0)) {
        end--;
    }
    struct phone_sound *s = add(t, &t->sounds, &t->n_sounds, &t->cap_sounds, sizeof(*s));
    if (s) {
        ignore_result(str_copy(s->label, sizeof(s->label), (struct str){label.p, MIN(label.n, sizeof(s->label) - 1)}));
        s->onset = t->now + begin;
        s->end = t->now + end;
    }
}

void phone_truth_restart(struct phone_truth *t)
{
    t->next_pos = t->received.len;
}

void phone_truth_step(struct phone_truth *t, size_t n)
{
    uint64_t *arrived = add(t, &t->arrived, &t->n_arrived, &t->cap_arrived, sizeof(*arrived));
    if (arrived) {
        *arrived = t->received.len;
    }
    if (n > 0) {
        struct phone_played *last = t->n_played ? &t->played[t->n_played - 1] : NULL;
        if (last && last->at + last->n == t->now && last->pos + last->n == t->next_pos && last->cut == t->n_cuts) {
            last->n += (uint32_t)n;
        } else {
            struct phone_played *p = add(t, &t->played, &t->n_played, &t->cap_played, sizeof(*p));
            if (p) {
                *p = (struct phone_played){
                    .at = t->now, .pos = t->next_pos, .n = (uint32_t)n, .cut = (uint32_t)t->n_cuts};
            }
        }
        t->next_pos += n;
    }
    t->now += PHONE_FRAME_BYTES;
}

/* ---- was it the same speech? ---- */

static struct span received(const struct phone_truth *t, uint64_t from, uint64_t to)
{
    return span_from(buf_ptr(&t->received) + from, (size_t)(to - from));
}

/*
 * Looks for the bytes that follow a cut among those that came before it, from first to end, latest first. The proof is
 * the first loud stretch behind the fade: silence looks the same everywhere. True: *ret is where the resumption begins.
 */
static bool find_resume(const struct phone_truth *t, uint64_t first, uint64_t end, struct span fresh, uint64_t *ret)
{
    size_t skip = FADE;
    while (skip + MATCH_MIN <= fresh.n && skip < QUIET_MAX &&
           !phone_frame_is_loud(fresh.p + skip, MIN((size_t)PHONE_FRAME_BYTES, fresh.n - skip))) {
        skip++;
    }
    if (skip + MATCH_MIN > fresh.n || skip >= QUIET_MAX) {
        return false;
    }
    size_t n = MIN((size_t)MATCH, fresh.n - skip);
    for (uint64_t q = end - MIN(end, n); q + 1 > first + skip; q--) {
        if (memcmp(buf_ptr(&t->received) + q, fresh.p + skip, n) == 0) {
            *ret = q - skip;
            return true;
        }
        if (q == 0) {
            break;
        }
    }
    return false;
}

/* Whether what was received there was itself the begin of a resumption. */
static bool is_faded(const struct phone_truth *t, uint64_t pos)
{
    for (size_t i = 0; i < t->n_cuts; i++) {
        if (pos >= t->cuts[i].received && pos < t->cuts[i].received + FADE) {
            return true;
        }
    }
    return false;
}

/* Bytes behind the fade that are not those of the first time, which came to its end at end. */
static uint32_t count_altered(const struct phone_truth *t, uint64_t from, uint64_t end, struct span fresh)
{
    uint32_t n = 0;
    for (size_t i = FADE; i < fresh.n && from + i < end; i++) {
        n += buf_ptr(&t->received)[from + i] != fresh.p[i] && !is_faded(t, from + i);
    }
    return n;
}

/* ---- at the end ---- */

/* Walks over what was played, in order. */
struct walk {
    struct phone_truth *t;
    size_t utter;    /* index of the one that is on; SIZE_MAX: none */
    uint64_t first;  /* where its bytes begin */
    int64_t shift;   /* position in the utterance = position in what was received - shift */
    uint64_t end_at; /* of what was played before */
};

static uint64_t fresh_end(const struct phone_truth *t, uint32_t next_cut)
{
    return next_cut < t->n_cuts ? t->cuts[next_cut].received : t->received.len;
}

static void utter_begin(struct walk *w, const struct phone_played *p)
{
    struct phone_truth *t = w->t;
    struct phone_utter *u = add(t, &t->utters, &t->n_utters, &t->cap_utters, sizeof(*u));
    if (u) {
        u->begin_at = p->at;
        w->utter = t->n_utters - 1;
        w->first = p->pos;
        w->shift = (int64_t)p->pos;
    }
}

/*
 * The first thing played behind a cut: the same speech, or something new. What came and was cut again before a sample
 * of it was heard is neither a first time nor a skip. first: where the bytes of that speech begin.
 */
static bool resumes(struct walk *w, struct phone_cut *c, uint64_t first, const struct phone_played *p)
{
    struct phone_truth *t = w->t;
    struct span fresh = received(t, p->pos, fresh_end(t, p->cut));
    uint64_t from;
    if (c->kind == PHONE_CUT_IDLE || !find_resume(t, first, c->received, fresh, &from)) {
        return false;
    }
    if (from <= first + FADE && c->pos > from + ANEW) {
        return false; /* two answers may begin with the same words */
    }
    c->kind = PHONE_CUT_RESUMED;
    c->resumed_at = p->at;
    c->gap_samples = (uint32_t)(p->at - c->at);
    c->repeat_samples = from < c->pos ? (uint32_t)(c->pos - from) : 0;
    c->skip_samples = from > c->pos ? (uint32_t)(from - c->pos) : 0;
    c->altered = count_altered(t, from, c->received, fresh);
    w->shift += (int64_t)p->pos - (int64_t)from;
    return true;
}

static void utter_play(struct walk *w, struct phone_played *p)
{
    struct phone_utter *u = &w->t->utters[w->utter];
    p->utter = (uint32_t)w->utter;
    u->end_at = p->at + p->n;
    u->heard_samples = MAX(u->heard_samples, (uint32_t)((int64_t)(p->pos + p->n) - w->shift));
    for (size_t i = 0; i < p->n; i += PHONE_FRAME_BYTES) {
        size_t n = MIN((size_t)PHONE_FRAME_BYTES, p->n - i);
        if (phone_frame_is_loud(buf_ptr(&w->t->received) + p->pos + i, n)) {
            u->loud_at = u->loud_end ? u->loud_at : p->at + i;
            u->loud_end = p->at + i + n;
        }
    }
    w->end_at = p->at + p->n;
}

/* It took away what had not begun to sound: of the speech before it nothing was left. */
static bool is_before_speech(const struct walk *w, const struct phone_cut *c)
{
    return w->utter == SIZE_MAX || c->at >= w->end_at + UTTER_GAP;
}

/* Cuts between two stretches of playing; the last one is what decides, the others found nothing to cut. */
static void cuts_pass(struct walk *w, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        struct phone_cut *c = &w->t->cuts[i];
        bool before = is_before_speech(w, c);
        c->utterance = (uint32_t)(before ? w->t->n_utters : w->utter);
        if (!before && c->kind != PHONE_CUT_IDLE) {
            struct phone_utter *u = &w->t->utters[w->utter];
            c->heard_samples = u->heard_samples;
            c->audible = u->loud_end + LOUD_BEFORE > c->at;
            u->cuts++;
        }
    }
}

/* The cut that took something away, of those from [from, to). */
static struct phone_cut *cut_real(struct phone_truth *t, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        if (t->cuts[i].kind != PHONE_CUT_IDLE) {
            return &t->cuts[i];
        }
    }
    return NULL;
}

/* Cuts behind that one which took a resumption away unheard: the speech came back all the same. */
static void cuts_came_back(struct phone_truth *t, const struct phone_cut *first, uint32_t to, uint64_t resumed_at)
{
    for (struct phone_cut *c = &t->cuts[first - t->cuts] + 1; c < t->cuts + to; c++) {
        if (c->kind == PHONE_CUT_STOPPED) {
            c->kind = PHONE_CUT_RESUMED;
            c->resumed_at = resumed_at; /* the hole is that of the first cut */
        }
    }
}

static void walk_played(struct phone_truth *t)
{
    struct walk w = {.t = t, .utter = SIZE_MAX};
    uint32_t cuts = 0;
    for (size_t i = 0; i < t->n_played; i++) {
        struct phone_played *p = &t->played[i];
        cuts_pass(&w, cuts, p->cut);
        struct phone_cut *c = cut_real(t, cuts, p->cut);
        bool fresh = c ? is_before_speech(&w, c) : w.utter == SIZE_MAX || p->at >= w.end_at + UTTER_GAP;
        bool back = c && resumes(&w, c, fresh ? c->pos : w.first, p);
        if (back) {
            cuts_came_back(t, c, p->cut, p->at);
        }
        cuts = p->cut;
        if (fresh || (c && !back)) {
            if (c && !fresh) {
                t->utters[w.utter].stopped = true;
            }
            utter_begin(&w, p);
        }
        if (t->err < 0) {
            return;
        }
        utter_play(&w, p);
    }
    cuts_pass(&w, cuts, (uint32_t)t->n_cuts);
    const struct phone_cut *c = cut_real(t, cuts, (uint32_t)t->n_cuts);
    if (c && !is_before_speech(&w, c)) {
        t->utters[w.utter].stopped = true;
    }
}

static void count_pauses(struct phone_truth *t)
{
    for (size_t i = 0; i < t->n_cuts; i++) {
        struct phone_cut *c = &t->cuts[i];
        c->audible = c->kind == PHONE_CUT_RESUMED && c->audible && c->gap_samples >= AUDIBLE;
        t->false_pauses += c->audible;
        t->false_pause_samples += c->audible ? c->gap_samples : 0;
    }
}

static uint64_t received_by(const struct phone_truth *t, uint64_t at)
{
    size_t frame = (size_t)(at / PHONE_FRAME_BYTES);
    return frame < t->n_arrived ? t->arrived[frame] : t->received.len;
}

/* Where the agent's sound that was on at the onset came to its end before limit. */
static uint64_t agent_end(const struct phone_truth *t, uint64_t onset, uint64_t limit, uint32_t *ret_samples)
{
    uint64_t end = onset;
    *ret_samples = 0;
    for (size_t i = 0; i < t->n_played; i++) {
        uint64_t from = MAX(t->played[i].at, onset), to = MIN(t->played[i].at + t->played[i].n, limit);
        if (from < to) {
            *ret_samples += (uint32_t)(to - from);
            end = to;
        }
    }
    return end;
}

static bool agent_plays_at(const struct phone_truth *t, uint64_t at, uint32_t *ret_utter)
{
    for (size_t i = 0; i < t->n_played; i++) {
        if (at >= t->played[i].at && at < t->played[i].at + t->played[i].n) {
            *ret_utter = t->played[i].utter;
            return true;
        }
    }
    return false;
}

static void sound_measure(struct phone_truth *t, struct phone_sound *s, uint64_t next_onset)
{
    uint64_t until = MIN(s->end + SETTLE, next_onset);
    uint32_t utter = 0;
    s->pause_ms = s->stop_ms = -1;
    s->over_agent = agent_plays_at(t, s->onset, &utter);
    for (uint32_t i = 0; i < t->n_cuts; i++) {
        const struct phone_cut *c = &t->cuts[i];
        if (c->at >= s->onset && c->at < until && c->kind != PHONE_CUT_IDLE && s->over_agent && c->utterance == utter) {
            s->first_cut = s->cuts++ ? s->first_cut : i;
            s->last_cut = i;
        }
    }
    if (s->cuts == 0) {
        agent_end(t, s->onset, s->over_agent ? t->utters[utter].end_at : s->onset, &s->agent_samples);
        return;
    }
    const struct phone_cut *first = &t->cuts[s->first_cut], *last = &t->cuts[s->last_cut];
    uint32_t samples;
    s->paused = true;
    s->pause_ms = (int32_t)((agent_end(t, s->onset, first->at, &samples) - s->onset) / 8);
    s->stopped = last->kind == PHONE_CUT_STOPPED;
    uint64_t end = agent_end(t, s->onset, s->stopped ? last->at : t->utters[utter].end_at, &s->agent_samples);
    if (s->stopped) {
        s->stop_ms = (int32_t)((end - s->onset) / 8);
        s->late_bytes =
            s->end > last->at ? (uint32_t)(received_by(t, s->end) - MIN(last->received, received_by(t, s->end))) : 0;
    }
}

void phone_truth_finish(struct phone_truth *t)
{
    if (t->err < 0) {
        return;
    }
    walk_played(t);
    count_pauses(t);
    for (size_t i = 0; i < t->n_sounds; i++) {
        sound_measure(t, &t->sounds[i], i + 1 < t->n_sounds ? t->sounds[i + 1].onset : UINT64_MAX);
    }
}

/* ---- report ---- */

static double ms(uint64_t samples)
{
    return (double)samples / 8.0;
}

static void json_utters(struct json_w *w, const struct phone_truth *t)
{
    json_w_key(w, "agent_utterances");
    json_w_array(w);
    for (size_t i = 0; i < t->n_utters; i++) {
        const struct phone_utter *u = &t->utters[i];
        json_w_open(w);
        json_w_kf64(w, "begin_ms", ms(u->begin_at));
        json_w_kf64(w, "end_ms", ms(u->end_at));
        json_w_kf64(w, "loud_begin_ms", ms(u->loud_at));
        json_w_kf64(w, "loud_end_ms", ms(u->loud_end));
        json_w_kf64(w, "heard_ms", ms(u->heard_samples));
        json_w_ki64(w, "cuts", u->cuts);
        json_w_kbool(w, "stopped", u->stopped);
        json_w_close(w);
    }
    json_w_end(w);
}

static void json_cuts(struct json_w *w, const struct phone_truth *t)
{
    json_w_key(w, "cuts");
    json_w_array(w);
    for (size_t i = 0; i < t->n_cuts; i++) {
        const struct phone_cut *c = &t->cuts[i];
        json_w_open(w);
        json_w_kz(w, "kind", phone_cut_kind_name(c->kind));
        json_w_kf64(w, "at_ms", ms(c->at));
        json_w_kf64(w, "dropped_ms", ms(c->dropped));
        json_w_ki64(w, "utterance", c->utterance);
        json_w_kf64(w, "heard_ms", ms(c->heard_samples));
        if (c->kind == PHONE_CUT_RESUMED) {
            json_w_kf64(w, "gap_ms", ms(c->gap_samples));
            json_w_kbool(w, "audible", c->audible);
            json_w_kf64(w, "repeat_ms", ms(c->repeat_samples));
            json_w_kf64(w, "skip_ms", ms(c->skip_samples));
            json_w_ki64(w, "altered_bytes", c->altered);
        }
        json_w_close(w);
    }
    json_w_end(w);
}

static void json_sounds(struct json_w *w, const struct phone_truth *t)
{
    json_w_key(w, "sounds");
    json_w_array(w);
    for (size_t i = 0; i < t->n_sounds; i++) {
        const struct phone_sound *s = &t->sounds[i];
        json_w_open(w);
        json_w_kz(w, "label", s->label);
        json_w_kf64(w, "onset_ms", ms(s->onset));
        json_w_kf64(w, "end_ms", ms(s->end));
        json_w_kbool(w, "over_agent", s->over_agent);
        json_w_ki64(w, "cuts", s->cuts);
        json_w_kbool(w, "stopped", s->stopped);
        if (s->pause_ms >= 0) {
            json_w_ki64(w, "pause_ms", s->pause_ms);
        }
        if (s->stop_ms >= 0) {
            json_w_ki64(w, "stop_ms", s->stop_ms);
            json_w_ki64(w, "late_bytes", s->late_bytes);
        }
        json_w_kf64(w, "agent_ms_after_onset", ms(s->agent_samples));
        json_w_close(w);
    }
    json_w_end(w);
}

void phone_truth_json(struct json_w *w, const struct phone_truth *t)
{
    json_utters(w, t);
    json_cuts(w, t);
    json_sounds(w, t);
    json_w_ki64(w, "false_pauses", t->false_pauses);
    json_w_kf64(w, "false_pause_ms", ms(t->false_pause_samples));
}
