/* One call in figures: the phone's truth beside the gateway's record. Times are ms since the media began. */
#include "suite.h"

#include <math.h>
#include <stdio.h>

#include "base/err.h"
#include "peer/phone/phone_ears.h"
#include "peer/speech/speech_tts.h"

#define WINDOW_MS      1500.0 /* what happens so long behind a sound may be its doing */
#define SOFT_MS        80.0   /* so much of a first consonant may be heard before the voice stands out from the noise */
#define MISSED_MS      1500.0 /* an agent that speaks on for so long was not stopped */
#define LEFT_MIN_MS    400.0  /* with less speech left than this there is nothing to stop */
#define MATCH_EARLY_MS 120.0
#define MATCH_LATE_MS  4000.0

static void problem(struct outcome *o, const char *text)
{
    o->failed = true;
    ignore_result(snprintf(o->problem, sizeof(o->problem), "%s", text) < 0);
}

/* ---- the phone ---- */

/* The item behind the n-th sound of the caller: keys and silence make none. */
static size_t item_of(const struct convo *c, size_t sound)
{
    for (size_t i = 0; i < c->n_items; i++) {
        if (c->items[i].kind == PHONE_SAY && sound-- == 0) {
            return i;
        }
    }
    return SIZE_MAX;
}

static double to_ms(uint64_t samples)
{
    return (double)samples / 8.0;
}

/* Whether what a clear dropped would have been heard. */
static bool dropped_speech(const struct phone_truth *t, const struct phone_cut *c)
{
    for (uint64_t at = c->pos; at + PHONE_FRAME_BYTES <= c->received; at += PHONE_FRAME_BYTES) {
        if (phone_frame_is_loud(buf_ptr(&t->received) + at, PHONE_FRAME_BYTES)) {
            return true;
        }
    }
    return false;
}

/* Whether words of the caller, or a sound that may do what it likes, explain what happens at this time. */
static bool explained(const struct outcome *o, double at_ms)
{
    if (o->convo->family == FAMILY_DTMF) {
        return true;
    }
    for (size_t i = 0; i < o->n_sounds; i++) {
        const struct sound *s = &o->sounds[i];
        if (s->role != ROLE_NOTHING && at_ms >= s->onset_ms - SOFT_MS && at_ms < s->end_ms + WINDOW_MS) {
            return true;
        }
    }
    return false;
}

static void measure_sound(struct outcome *o, const struct phone_truth *t, const struct phone_sound *from, size_t item)
{
    const double none = NAN;
    struct sound *s = &o->sounds[o->n_sounds++];
    *s = (struct sound){.role = o->convo->roles[item],
                        .onset_ms = to_ms(from->onset),
                        .end_ms = to_ms(from->end),
                        .answer_ms = none,
                        .over_agent = from->over_agent,
                        .stopped = from->stopped,
                        .stop_ms = from->stop_ms >= 0 ? from->stop_ms : none,
                        .first_gap_ms = from->pause_ms >= 0 ? from->pause_ms : none,
                        .late_ms = to_ms(from->late_bytes),
                        .truth_ms = none,
                        .heard_ms = none,
                        .end_of_turn_ms = none,
                        .response_ms = none,
                        .provider_ms = none,
                        .gateway_ms = none,
                        .network_ms = none,
                        .words_off = -1};
    ignore_result(str_copy(s->label, sizeof(s->label),
                           (struct str){from->label, MIN(strlen(from->label), sizeof(s->label) - 1)}));
    if (from->stopped) {
        s->truth_ms = to_ms(t->cuts[from->last_cut].heard_samples);
    }
    for (size_t i = 0; i < t->n_utters; i++) {
        const struct phone_utter *u = &t->utters[i];
        if (from->over_agent && u->begin_at <= from->onset && u->end_at > from->onset) {
            s->left_ms = u->loud_end > from->onset ? to_ms(u->loud_end - from->onset) : 0;
        }
        if (isnan(s->answer_ms) && u->loud_end > u->loud_at && u->loud_at >= from->end) {
            s->answer_ms = to_ms(u->loud_at);
        }
    }
}

static void measure_cuts(struct outcome *o, const struct phone_truth *t)
{
    for (size_t i = 0; i < t->n_cuts; i++) {
        const struct phone_cut *c = &t->cuts[i];
        if (c->kind == PHONE_CUT_RESUMED) {
            o->resumes++;
            o->worst_repeat_ms = MAX(o->worst_repeat_ms, to_ms(c->repeat_samples));
            o->worst_skip_ms = MAX(o->worst_skip_ms, to_ms(c->skip_samples));
            o->altered += c->altered;
        }
        if (explained(o, to_ms(c->at))) {
            continue;
        }
        o->false_interruptions += c->kind == PHONE_CUT_STOPPED && dropped_speech(t, c);
        if (c->audible && o->false_pauses < ARRAY_LEN(o->pause_ms)) {
            o->pause_ms[o->false_pauses++] = to_ms(c->gap_samples);
        }
    }
}

void measure_phone(struct outcome *o, const struct convo *c, const struct phone_report *r)
{
    const struct phone_truth *t = &r->truth;
    *o = (struct outcome){.convo = c};
    ignore_result(str_copy(o->call_sid, sizeof(o->call_sid), str_from(r->call_sid)));
    o->call_s = (double)r->duration_ms / 1000.0;
    o->warnings = r->warnings_total;
    o->late_frames = (double)r->sent_late_frames;
    o->blurred = o->late_frames > o->call_s; /* fifty a second */
    if (r->err < 0 || r->hangup == PHONE_SIDE_ERROR) {
        problem(o, r->reason);
        return;
    }
    if (r->hangup == PHONE_SIDE_LIMIT) {
        problem(o, r->reason);
    }
    for (size_t i = 0; i < t->n_sounds && o->n_sounds < CONVO_SOUNDS; i++) {
        size_t item = item_of(c, i);
        if (item < c->n_items) {
            measure_sound(o, t, &t->sounds[i], item);
        }
    }
    for (size_t i = 0; i < t->n_utters; i++) {
        o->agent_s += to_ms(t->utters[i].loud_end - t->utters[i].loud_at) / 1000.0;
    }
    measure_cuts(o, t);
    for (size_t i = 0; i < o->n_sounds; i++) {
        struct sound *s = &o->sounds[i];
        bool counts = (s->role == ROLE_REAL || s->role == ROLE_REPORT) && s->over_agent;
        s->missed = counts && (s->stopped ? s->stop_ms > MISSED_MS : s->left_ms > MISSED_MS);
    }
}

/* ---- the gateway ---- */

static int32_t get_ms(struct json_val v, const char *key)
{
    int64_t ms;
    return json_to_i64(json_get(v, key), &ms) == 0 ? (int32_t)ms : -1;
}

static void read_turn(struct outcome *o, struct json_val v)
{
    struct turn *t = &o->turns[o->n_turns++];
    *t = (struct turn){.speech_start_ms = get_ms(v, "speech_start_ms"),
                       .speech_stop_ms = get_ms(v, "speech_stop_ms"),
                       .commit_ms = get_ms(v, "commit_ms"),
                       .created_ms = get_ms(v, "response_created_ms"),
                       .first_audio_ms = get_ms(v, "first_audio_ms"),
                       .first_sent_ms = get_ms(v, "first_sent_ms"),
                       .agent_end_ms = get_ms(v, "agent_end_ms"),
                       .item_ms = (uint32_t)MAX(get_ms(v, "item_ms"), 0),
                       .heard_ms = (uint32_t)MAX(get_ms(v, "heard_ms"), 0),
                       .pauses = (uint32_t)MAX(get_ms(v, "pauses"), 0),
                       .paused_ms = (uint32_t)MAX(get_ms(v, "paused_ms"), 0)};
    ignore_result(json_to_bool(json_get(v, "interrupted"), &t->interrupted));
    ignore_result(json_copy_str(json_get(v, "verdict"), t->verdict, sizeof(t->verdict)));
}

/* The turn that was handed over at the end of this sound. */
static struct turn *turn_of(struct outcome *o, const struct sound *s, const bool taken[CONVO_TURNS])
{
    struct turn *best = NULL;
    for (size_t i = 0; i < o->n_turns; i++) {
        struct turn *t = &o->turns[i];
        if (!taken[i] && t->commit_ms >= 0 && t->commit_ms > s->end_ms - MATCH_EARLY_MS &&
            t->commit_ms < s->end_ms + MATCH_LATE_MS && (!best || t->commit_ms < best->commit_ms)) {
            best = t;
        }
    }
    return best;
}

static void measure_answer(struct sound *s, const struct turn *t)
{
    s->end_of_turn_ms = t->commit_ms - s->end_ms;
    if (t->first_audio_ms < 0 || t->first_sent_ms < 0 || isnan(s->answer_ms)) {
        return;
    }
    s->response_ms = s->answer_ms - s->end_ms;
    s->provider_ms = t->first_audio_ms - t->commit_ms;
    s->gateway_ms = t->first_sent_ms - t->first_audio_ms;
    s->network_ms = s->response_ms - s->end_of_turn_ms - s->provider_ms - s->gateway_ms;
}

/* What the gateway believes was heard of the answer that this sound cut off. */
static void measure_cut_answer(struct outcome *o, struct sound *s)
{
    const struct turn *cut = NULL;
    for (size_t i = 0; i < o->n_turns; i++) {
        const struct turn *t = &o->turns[i];
        if (t->first_sent_ms >= 0 && t->first_sent_ms < s->onset_ms + o->convo->delay_ms) {
            cut = t;
        }
    }
    if (cut && s->stopped && cut->interrupted && !o->convo->two_items) {
        s->heard_ms = cut->heard_ms;
    }
}

static void count_interrupted(struct outcome *o)
{
    uint32_t n = 0;
    for (size_t i = 0; i < o->n_turns; i++) {
        const struct turn *t = &o->turns[i];
        bool at_the_end = t->agent_end_ms < 0 || t->agent_end_ms > o->call_s * 1000 - 400 - 2 * o->convo->delay_ms;
        n += t->interrupted && !at_the_end && !explained(o, t->agent_end_ms - (double)o->convo->delay_ms);
    }
    o->false_interruptions = MAX(o->false_interruptions, n);
}

/* The k-th answer that was cut off, as the transcript has it. */
static void keep_texts(struct outcome *o, struct json_val doc)
{
    struct json_val line;
    struct json_it it = json_array(json_get(doc, "transcript"));
    for (size_t i = 0; i < o->n_sounds; i++) {
        struct sound *s = &o->sounds[i];
        bool found = false;
        while (!isnan(s->heard_ms) && !found && json_elem(&it, &line)) {
            found = json_get(line, "unheard").type == JSON_STRING;
        }
        if (found && (json_copy_str(json_get(line, "text"), s->heard, sizeof(s->heard)) < 0 ||
                      json_copy_str(json_get(line, "unheard"), s->unheard, sizeof(s->unheard)) < 0)) {
            s->heard[0] = s->unheard[0] = '\0'; /* too long for us: not measured */
        }
    }
}

/* What the phone did to its packets and samples stands in the record. */
static bool is_uncounted(const struct convo *c, struct json_val line)
{
    const struct {
        bool done;
        const char *figure;
    } faults[] = {{c->line.zero_silence, "zero_ms"},
                  {c->line.dc_offset != 0, "dc_offset"},
                  {c->packets.double_percent > 0, "doubled_frames"},
                  {c->packets.late_percent > 0, "late_frames"},
                  {c->packets.n_drops > 0, "gap_ms"},
                  {c->packets.n_stalls > 0, "stall_ms"},
                  {c->packets.rate_hz > 8000, "rate_hz"}};
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        int64_t n = 0;
        if (faults[i].done && (json_to_i64(json_get(line, faults[i].figure), &n) < 0 || n == 0)) {
            return true;
        }
    }
    return false;
}

void measure_record(struct outcome *o, struct str record)
{
    struct json_val doc, v;
    bool taken[CONVO_TURNS] = {0};
    if (o->failed && o->call_s <= 0) {
        return;
    }
    if (record.n == 0 || json_parse(record, &doc) < 0) {
        problem(o, "the gateway has no record of the call");
        return;
    }
    for (struct json_it it = json_array(json_get(doc, "turns")); json_elem(&it, &v) && o->n_turns < CONVO_TURNS;) {
        read_turn(o, v);
    }
    for (size_t i = 0; i < o->n_sounds; i++) {
        struct sound *s = &o->sounds[i];
        struct turn *t = turn_of(o, s, taken);
        if (t && s->role != ROLE_NOTHING) {
            taken[t - o->turns] = true;
            measure_answer(s, t);
        }
        measure_cut_answer(o, s);
    }
    keep_texts(o, doc);
    o->uncounted = is_uncounted(o->convo, json_get(doc, "line"));
    double first_ms = o->n_sounds ? o->sounds[0].onset_ms : o->call_s * 1000;
    for (size_t i = 0; i < o->n_turns; i++) {
        bool surplus = !taken[i] && o->turns[i].commit_ms >= 0 && o->convo->family != FAMILY_DTMF;
        o->surplus_turns += surplus;
        o->greeting_heard_back |= surplus && o->turns[i].commit_ms < first_ms;
    }
    count_interrupted(o);
}

/* ---- words: when all calls are over, as the voice takes its time ---- */

static int32_t count_words(struct str text)
{
    int32_t n = 0;
    for (size_t at = 0; speech_word_next(text, &at).n > 0;) {
        n++;
    }
    return n;
}

/* The words that had been heard by then, by the voice's own times; -1: no such voice. */
static int32_t words_by(struct str text, double heard_ms)
{
    struct tts_audio audio;
    struct speech_words words = {0};
    int32_t n = -1;
    if (tts_say_words(text, TTS_KAL_8K, &audio, &words) == 0) {
        n = count_words((struct str){text.p, speech_words_heard(&words, (uint64_t)heard_ms)});
        tts_audio_done(&audio);
    }
    speech_words_done(&words);
    return n;
}

void measure_words(struct outcome *o)
{
    for (size_t i = 0; i < o->n_sounds; i++) {
        struct sound *s = &o->sounds[i];
        char text[sizeof(s->heard) + sizeof(s->unheard)];
        if (s->unheard[0] != '\0') {
            int n = snprintf(text, sizeof(text), "%s%s%s", s->heard, s->heard[0] ? " " : "", s->unheard);
            int32_t heard = count_words(str_from(s->heard));
            int32_t truth = n > 0 ? words_by(str_from(text), s->truth_ms) : -1;
            s->words_off = truth < 0 ? -1 : truth > heard ? truth - heard : heard - truth;
        }
    }
}
