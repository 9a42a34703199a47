/* All outcomes of a run: one row per family, the same by delay and by noise, then each target with its verdict. */
#include "suite.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"

#define SAMPLES_MAX 4096

/* Numbers of one kind. NAN is not counted. */
struct samples {
    double at[SAMPLES_MAX];
    size_t n;
};

static void put(struct samples *s, double x)
{
    if (!isnan(x) && s->n < SAMPLES_MAX) {
        s->at[s->n++] = x;
    }
}

static int by_size(const void *a, const void *b)
{
    double x, y;
    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return x < y ? -1 : x > y;
}

/* Nearest rank; NAN of nothing. */
static double percentile(struct samples *s, double p)
{
    if (s->n == 0) {
        return NAN;
    }
    qsort(s->at, s->n, sizeof(s->at[0]), by_size);
    size_t rank = (size_t)ceil(p * (double)s->n);
    return s->at[rank > 0 ? rank - 1 : 0];
}

static double largest(const struct samples *s)
{
    double x = NAN;
    for (size_t i = 0; i < s->n; i++) {
        x = isnan(x) || s->at[i] > x ? s->at[i] : x;
    }
    return x;
}

/* What is summed up over some of the calls. */
struct sum {
    size_t calls, failed, real, missed, false_interruptions, surplus_turns, heard_back, warnings, resumes, altered;
    size_t unanswered, above_truth, blurred;
    double agent_s, late_ms, repeat_ms, skip_ms, phone_late;
    struct samples stop, first_gap, truncation, words, pause, end_of_turn, response, provider, gateway, network;
};

static void add_sound(struct sum *t, const struct outcome *o, const struct sound *s)
{
    bool reported = s->role == ROLE_REPORT && o->convo->family != FAMILY_MMHM_MID && o->convo->family != FAMILY_ODD;
    if ((s->role == ROLE_REAL || reported) && s->over_agent) {
        t->real++;
        t->missed += s->missed;
        if (s->stopped && s->left_ms > 0) {
            put(&t->stop, s->stop_ms);
            put(&t->first_gap, s->first_gap_ms);
        }
        t->late_ms += s->late_ms;
    }
    if (!isnan(s->truth_ms) && !isnan(s->heard_ms)) {
        double error = s->truth_ms - s->heard_ms;
        put(&t->truncation, error - 2.0 * (o->convo->delay_ms + o->convo->jitter_ms));
        t->above_truth += error < -1.0; /* the record holds whole milliseconds */
    }
    if (s->words_off >= 0) {
        put(&t->words, s->words_off);
    }
    bool turn = s->role == ROLE_TURN || s->role == ROLE_REAL || reported;
    if (turn) {
        put(&t->end_of_turn, s->end_of_turn_ms);
        put(&t->response, s->response_ms);
        put(&t->provider, s->provider_ms);
        put(&t->gateway, s->gateway_ms);
        put(&t->network, s->network_ms);
    }
    t->unanswered += s->role == ROLE_TURN && isnan(s->end_of_turn_ms);
}

static void add_call(struct sum *t, const struct outcome *o)
{
    t->calls++;
    t->failed += o->failed;
    t->blurred += o->blurred;
    t->false_interruptions += o->blurred ? 0 : o->false_interruptions;
    t->surplus_turns += o->blurred ? 0 : o->surplus_turns;
    t->heard_back += !o->blurred && o->greeting_heard_back;
    t->warnings += o->warnings;
    t->resumes += o->resumes;
    t->altered += o->altered;
    t->agent_s += o->agent_s;
    t->phone_late += o->late_frames;
    t->repeat_ms = MAX(t->repeat_ms, o->worst_repeat_ms);
    t->skip_ms = MAX(t->skip_ms, o->worst_skip_ms);
    for (size_t i = 0; i < o->false_pauses; i++) {
        put(&t->pause, o->pause_ms[i]);
    }
    for (size_t i = 0; i < o->n_sounds; i++) {
        add_sound(t, o, &o->sounds[i]);
    }
}

typedef bool (*pick_fn)(const struct convo *c, uint32_t arg);

static void add_all(struct sum *t, const struct set *set, const struct outcome *outcomes, pick_fn pick, uint32_t arg)
{
    for (size_t i = 0; i < set->n; i++) {
        if (pick(&set->calls[i], arg) && outcomes[i].convo) {
            add_call(t, &outcomes[i]);
        }
    }
}

static bool is_family(const struct convo *c, uint32_t family)
{
    return c->family == (enum family)family;
}

/* Families of which nothing is claimed. */
static bool is_asserted(const struct convo *c)
{
    return c->family != FAMILY_LOUD && c->family != FAMILY_DIPHONE && c->family != FAMILY_ECHO_COUGH &&
           c->family != FAMILY_MMHM_MID && c->family != FAMILY_LONG_PAUSE && c->family != FAMILY_ODD;
}

static bool is_at_delay(const struct convo *c, uint32_t delay_ms)
{
    return is_asserted(c) && c->delay_ms == delay_ms;
}

static bool is_noise(const struct convo *c, uint32_t snr_db)
{
    return c->snr_db == snr_db && (c->family == FAMILY_NOISE || c->family == FAMILY_LOUD);
}

static bool is_any(const struct convo *c, uint32_t arg UNUSED)
{
    return is_asserted(c);
}

/* Sounds that are nothing, and lines that make some. */
static bool is_disturbed(const struct convo *c, uint32_t arg UNUSED)
{
    return c->family == FAMILY_NOISE || c->family == FAMILY_NOISE_ONLY || c->family == FAMILY_COUGH ||
           c->family == FAMILY_ECHO || c->family == FAMILY_ECHO_BARGE;
}

static bool is_echo(const struct convo *c, uint32_t arg UNUSED)
{
    return c->family == FAMILY_ECHO || c->family == FAMILY_ECHO_BARGE;
}

/* ---- rows ---- */

/* Lines of the table; a test runner takes them as remarks. */
static void PRINTF_LIKE(2, 3) out(bool tap, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    ignore_result(fputs(tap ? "# " : "", stdout));
    ignore_result(vprintf(fmt, args) < 0);
    va_end(args);
}

static const char *cell(char out[16], double x)
{
    ignore_result(isnan(x) ? snprintf(out, 16, "-") : snprintf(out, 16, "%.0f", x));
    return out;
}

static const char *pair(char out[40], struct samples *s)
{
    char a[16], b[16];
    ignore_result(snprintf(out, 40, "%s/%s", cell(a, percentile(s, 0.5)), cell(b, percentile(s, 0.95))) < 0);
    return out;
}

static double per_minute(const struct sum *t)
{
    return t->agent_s > 0 ? (double)t->pause.n * 60.0 / t->agent_s : 0;
}

static void heading(bool tap, const char *first)
{
    out(tap, "\n");
    out(tap, "%-14s %5s %9s %9s %9s %5s %9s %5s %5s %10s %9s %9s %18s %4s\n", first, "calls", "real/miss", "pause ms",
        "stop ms", "late", "trunc ms", "false", "extra", "false", "eot ms", "resp ms", "p50 of", "rep");
    out(tap, "%-14s %5s %9s %9s %9s %5s %9s %5s %5s %10s %9s %9s %18s %4s\n", "", "", "", "p50/p95", "p50/p95", "ms",
        "p50/p95", "cuts", "turns", "pauses/min", "p50/p95", "p50/p95", "eot+prov+gw+net", "ms");
}

static void row(bool tap, const char *name, struct sum *t)
{
    char real[24], gap[40], stop[40], trunc[40], pause[40], p95[16], eot[40], resp[40], split[80], a[16], b[16], c[16],
        d[16];
    ignore_result(snprintf(real, sizeof(real), "%zu/%zu", t->real, t->missed) < 0);
    ignore_result(snprintf(pause, sizeof(pause), "%.2f %s", per_minute(t), cell(p95, percentile(&t->pause, 0.95))) < 0);
    ignore_result(snprintf(split, sizeof(split), "%s+%s+%s+%s", cell(a, percentile(&t->end_of_turn, 0.5)),
                           cell(b, percentile(&t->provider, 0.5)), cell(c, percentile(&t->gateway, 0.5)),
                           cell(d, percentile(&t->network, 0.5))) < 0);
    out(tap, "%-14s %5zu %9s %9s %9s %5.0f %9s %5zu %5zu %10s %9s %9s %18s %4.0f\n", name, t->calls, real,
        pair(gap, &t->first_gap), pair(stop, &t->stop), t->late_ms, pair(trunc, &t->truncation), t->false_interruptions,
        t->surplus_turns, pause, pair(eot, &t->end_of_turn), pair(resp, &t->response), split, t->repeat_ms);
}

/* ---- JSON ---- */

static void json_number(struct json_w *w, const char *key, double x)
{
    json_w_key(w, key);
    if (isnan(x)) {
        json_w_null(w);
    } else {
        json_w_f64(w, x);
    }
}

static void json_samples(struct json_w *w, const char *key, struct samples *s)
{
    json_w_key(w, key);
    json_w_open(w);
    json_w_ki64(w, "n", (int64_t)s->n);
    json_number(w, "p50", percentile(s, 0.5));
    json_number(w, "p95", percentile(s, 0.95));
    json_number(w, "max", largest(s));
    json_w_close(w);
}

static void json_sum(struct json_w *w, const char *name, struct sum *t)
{
    json_w_open(w);
    json_w_kz(w, "name", name);
    json_w_ki64(w, "calls", (int64_t)t->calls);
    json_w_ki64(w, "failed", (int64_t)t->failed);
    json_w_ki64(w, "real", (int64_t)t->real);
    json_w_ki64(w, "missed", (int64_t)t->missed);
    json_w_ki64(w, "false_interruptions", (int64_t)t->false_interruptions);
    json_w_ki64(w, "surplus_turns", (int64_t)t->surplus_turns);
    json_w_ki64(w, "unanswered", (int64_t)t->unanswered);
    json_w_ki64(w, "resumes", (int64_t)t->resumes);
    json_number(w, "worst_repeat_ms", t->repeat_ms);
    json_number(w, "worst_skip_ms", t->skip_ms);
    json_number(w, "late_ms", t->late_ms);
    json_number(w, "agent_s", t->agent_s);
    json_number(w, "false_pauses_per_minute", per_minute(t));
    json_samples(w, "false_pause_ms", &t->pause);
    json_samples(w, "stop_ms", &t->stop);
    json_samples(w, "first_gap_ms", &t->first_gap);
    json_samples(w, "truncation_error_ms", &t->truncation);
    json_samples(w, "heard_text_error_words", &t->words);
    json_samples(w, "end_of_turn_ms", &t->end_of_turn);
    json_samples(w, "response_ms", &t->response);
    json_samples(w, "provider_ms", &t->provider);
    json_samples(w, "gateway_ms", &t->gateway);
    json_samples(w, "network_ms", &t->network);
    json_w_close(w);
}

static void json_call(struct json_w *w, const struct outcome *o)
{
    json_w_open(w);
    json_w_kz(w, "name", o->convo->name);
    json_w_kz(w, "call", o->call_sid);
    json_w_ki64(w, "seed", (int64_t)o->convo->seed);
    json_w_kz(w, "problem", o->failed ? o->problem : NULL);
    json_number(w, "phone_late_frames", o->late_frames);
    json_w_ki64(w, "rounds", o->rounds);
    json_w_ki64(w, "false_interruptions", o->false_interruptions);
    json_w_ki64(w, "false_pauses", o->false_pauses);
    json_w_ki64(w, "surplus_turns", o->surplus_turns);
    json_number(w, "worst_repeat_ms", o->worst_repeat_ms);
    json_number(w, "worst_skip_ms", o->worst_skip_ms);
    json_w_ki64(w, "altered_bytes", (int64_t)o->altered);
    json_w_key(w, "sounds");
    json_w_array(w);
    for (size_t i = 0; i < o->n_sounds; i++) {
        const struct sound *s = &o->sounds[i];
        json_w_open(w);
        json_w_kz(w, "label", s->label);
        json_number(w, "onset_ms", s->onset_ms);
        json_number(w, "end_ms", s->end_ms);
        json_w_kbool(w, "over_agent", s->over_agent);
        json_w_kbool(w, "stopped", s->stopped);
        json_number(w, "stop_ms", s->stop_ms);
        json_number(w, "truth_ms", s->truth_ms);
        json_number(w, "heard_ms", s->heard_ms);
        json_number(w, "pause_ms", s->first_gap_ms);
        json_w_ki64(w, "words_off", s->words_off);
        json_number(w, "end_of_turn_ms", s->end_of_turn_ms);
        json_number(w, "response_ms", s->response_ms);
        json_w_close(w);
    }
    json_w_end(w);
    json_w_key(w, "turns");
    json_w_array(w);
    for (size_t i = 0; i < o->n_turns; i++) {
        const struct turn *t = &o->turns[i];
        json_w_open(w);
        json_w_ki64(w, "speech_start_ms", t->speech_start_ms);
        json_w_ki64(w, "speech_stop_ms", t->speech_stop_ms);
        json_w_ki64(w, "commit_ms", t->commit_ms);
        json_w_ki64(w, "first_sent_ms", t->first_sent_ms);
        json_w_ki64(w, "agent_end_ms", t->agent_end_ms);
        json_w_ki64(w, "heard_ms", t->heard_ms);
        json_w_ki64(w, "item_ms", t->item_ms);
        json_w_kbool(w, "interrupted", t->interrupted);
        json_w_kz(w, "verdict", t->verdict[0] ? t->verdict : NULL);
        json_w_ki64(w, "pauses", t->pauses);
        json_w_close(w);
    }
    json_w_end(w);
    json_w_close(w);
}

/* ---- targets ---- */

struct verdicts {
    struct json_w *w;
    bool tap, all;
    uint32_t n;
};

static void PRINTF_LIKE(3, 4) verdict(struct verdicts *v, bool held, const char *fmt, ...)
{
    char text[200];
    va_list args;
    va_start(args, fmt);
    ignore_result(vsnprintf(text, sizeof(text), fmt, args) < 0);
    va_end(args);
    v->n++;
    ignore_result(v->tap ? printf("%s %u - %s\n", held ? "ok" : "not ok", v->n, text)
                         : printf("%s  %s\n", held ? "PASS" : "FAIL", text));
    json_w_open(v->w);
    json_w_kz(v->w, "target", text);
    json_w_kbool(v->w, "held", held);
    json_w_close(v->w);
    v->all = v->all && held;
}

static struct sum *sum_of(const struct set *set, const struct outcome *outcomes, pick_fn pick, uint32_t arg)
{
    struct sum *t = calloc(1, sizeof(*t));
    if (!t) {
        abort();
    }
    add_all(t, set, outcomes, pick, arg);
    return t;
}

/* What must hold on any machine, however busy. */
static void check_outcomes(struct verdicts *v, const struct set *set, const struct outcome *outcomes)
{
    struct sum *all = sum_of(set, outcomes, is_any, 0), *echo = sum_of(set, outcomes, is_echo, 0),
               *disturbed = sum_of(set, outcomes, is_disturbed, 0),
               *mmhm = sum_of(set, outcomes, is_family, FAMILY_MMHM);
    verdict(v, all->failed == 0, "calls that failed: %zu of %zu", all->failed, all->calls);
    verdict(v, all->missed == 0, "real interruptions missed: %zu of %zu", all->missed, all->real);
    verdict(v, disturbed->false_interruptions == 0, "false interruptions by noise, cough, echo: %zu in %zu calls",
            disturbed->false_interruptions, disturbed->calls - disturbed->blurred);
    verdict(v, echo->false_interruptions + echo->surplus_turns == 0,
            "the agent interrupted or answered itself: %zu times in %zu calls with echo",
            echo->false_interruptions + echo->surplus_turns, echo->calls - echo->blurred);
    verdict(v, mmhm->false_interruptions == 0, "agents stopped by an mm-hm at the edge of their turn: %zu of %zu",
            mmhm->false_interruptions, mmhm->calls);
    verdict(v, all->late_ms <= 0, "audio heard behind a flush: %.0f ms", all->late_ms);
    verdict(v, all->above_truth == 0, "items believed to be heard further than they were: %zu of %zu", all->above_truth,
            all->truncation.n);
    verdict(v, all->skip_ms <= 0 && all->altered == 0, "skipped at a resumption: %.1f ms, %zu bytes altered",
            all->skip_ms, all->altered);
    verdict(v, all->repeat_ms <= 400, "repeated at a resumption: %.0f ms at most (400)", all->repeat_ms);
    verdict(v, !(percentile(&all->words, 0.5) > 1), "heard text, median error in words: %.0f of %zu (1)",
            all->words.n ? percentile(&all->words, 0.5) : 0, all->words.n);
    verdict(v, all->heard_back == 0, "first turns that held the greeting's echo: %zu", all->heard_back);
    verdict(v, all->unanswered == 0, "turns of the caller that were not taken: %zu", all->unanswered);
    size_t uncounted = 0;
    for (size_t i = 0; i < set->n; i++) {
        uncounted += outcomes[i].uncounted;
    }
    verdict(v, uncounted == 0, "odd lines whose oddity the record does not count: %zu", uncounted);
    free(all);
    free(echo);
    free(disturbed);
    free(mmhm);
}

static void check_times(struct verdicts *v, const struct set *set, const struct outcome *outcomes, uint32_t silence_ms)
{
    struct sum *all = sum_of(set, outcomes, is_any, 0), *near = sum_of(set, outcomes, is_at_delay, 0),
               *disturbed = sum_of(set, outcomes, is_disturbed, 0);
    double stop = percentile(&near->stop, 0.95), trunc = largest(&all->truncation);
    double eot50 = percentile(&all->end_of_turn, 0.5), eot95 = percentile(&all->end_of_turn, 0.95);
    verdict(v, stop <= 150, "stop time p95 at delay 0: %.0f ms of %zu (150)", stop, near->stop.n);
    verdict(v, trunc <= 40, "truncation error beyond the round trip: %.0f ms at most, of %zu (40)", trunc,
            all->truncation.n);
    verdict(v, eot50 <= silence_ms + 120, "end of turn p50: %.0f ms of %zu (%u + 120)", eot50, all->end_of_turn.n,
            silence_ms);
    verdict(v, eot95 <= silence_ms + 200, "end of turn p95: %.0f ms (%u + 200)", eot95, silence_ms);
    verdict(v, per_minute(disturbed) <= 1.0, "false pauses by noise, cough, echo: %.2f per minute of agent speech (1)",
            per_minute(disturbed));
    double pause = percentile(&disturbed->pause, 0.95);
    verdict(v, isnan(pause) || pause <= 500, "their p95: %.0f ms (500)", isnan(pause) ? 0 : pause);
    free(all);
    free(near);
    free(disturbed);
}

/* ---- all of it ---- */

static void rows(struct json_w *w, bool tap, const struct set *set, const struct outcome *outcomes)
{
    static const uint32_t delays[] = {0, 40, 120}, snr[] = {20, 15, 10, 5};
    json_w_key(w, "rows");
    json_w_array(w);
    heading(tap, "family");
    for (uint32_t f = 0; f < FAMILY_N; f++) {
        struct sum *t = sum_of(set, outcomes, is_family, f);
        if (t->calls > 0) {
            row(tap, family_name((enum family)f), t);
            json_sum(w, family_name((enum family)f), t);
        }
        free(t);
    }
    heading(tap, "delay, noise");
    for (size_t i = 0; i < ARRAY_LEN(delays) + ARRAY_LEN(snr); i++) {
        bool is_delay = i < ARRAY_LEN(delays);
        uint32_t value = is_delay ? delays[i] : snr[i - ARRAY_LEN(delays)];
        char name[24];
        ignore_result(snprintf(name, sizeof(name), "%s%u %s", is_delay ? "" : "SNR ", value, is_delay ? "ms" : "dB") <
                      0);
        struct sum *t = sum_of(set, outcomes, is_delay ? is_at_delay : is_noise, value);
        if (t->calls > 0) {
            row(tap, name, t);
            json_sum(w, name, t);
        }
        free(t);
    }
    json_w_end(w);
}

bool table_print(const struct table_opts *o, const struct set *set, const struct outcome *outcomes, struct buf *json)
{
    struct json_w w = json_w(json);
    struct verdicts v = {.w = &w, .tap = o->tap, .all = true};
    double late = 0;
    size_t again = 0;
    json_w_open(&w);
    json_w_kz(&w, "set", o->set);
    json_w_ki64(&w, "seed", (int64_t)o->seed);
    json_w_ki64(&w, "calls", (int64_t)set->n);
    out(o->tap, "%zu calls, set %s (seed %llu)%s%s\n", set->n, o->set, (unsigned long long)o->seed,
        o->turn ? ", turn detection " : "", o->turn ? o->turn : "");
    rows(&w, o->tap, set, outcomes);
    out(o->tap, "\n");
    json_w_key(&w, "targets");
    json_w_array(&w);
    check_outcomes(&v, set, outcomes);
    if (!o->smoke) {
        check_times(&v, set, outcomes, o->silence_ms);
    }
    json_w_end(&w);
    json_w_key(&w, "list");
    json_w_array(&w);
    for (size_t i = 0; i < set->n; i++) {
        if (outcomes[i].convo) {
            json_call(&w, &outcomes[i]);
            late += outcomes[i].late_frames;
            again += outcomes[i].rounds > 1;
        }
    }
    json_w_end(&w);
    json_w_close(&w);
    out(o->tap,
        "phones' own late frames: %.0f (above a few the machine was too busy for the times); calls made again for "
        "them: %zu\n",
        late, again);
    if (o->tap) {
        ignore_result(printf("1..%u\n", v.n) < 0);
    }
    ignore_result(fflush(stdout));
    return v.all;
}
