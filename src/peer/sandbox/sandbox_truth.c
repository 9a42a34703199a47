#include "peer/sandbox/sandbox_truth.h"

#include <stdlib.h>

#include "base/err.h"

struct truth *truth_new(bool details)
{
    struct truth *t = calloc(1, sizeof(*t));
    if (!t || !details) {
        return t;
    }
    t->responses = calloc(TRUTH_MAX_RESPONSES, sizeof(*t->responses));
    t->cuts = calloc(TRUTH_MAX_CUTS, sizeof(*t->cuts));
    return t->responses && t->cuts ? t : truth_free(t);
}

static void item_free(struct truth_item *item)
{
    buf_done(&item->text);
    speech_words_done(&item->words);
    free(item);
}

struct truth *truth_free(struct truth *t)
{
    while (t && t->first) {
        struct truth_item *item = t->first;
        t->first = item->next;
        item_free(item);
    }
    if (t) {
        free(t->responses);
        free(t->cuts);
        free(t);
    }
    return NULL;
}

/* ---- items ---- */

struct truth_item *truth_item_add(struct truth *t, struct str id, uint64_t now_us)
{
    struct truth_item *item = t->responses ? calloc(1, sizeof(*item)) : NULL;
    if (!item || str_copy(item->id, sizeof(item->id), id) < 0) {
        free(item);
        return NULL;
    }
    item->created_us = now_us;
    buf_init(&item->text, TRUTH_MAX_TEXT);
    *(t->last ? &t->last->next : &t->first) = item;
    t->last = item;
    if (++t->n_items > TRUTH_MAX_ITEMS) {
        struct truth_item *oldest = t->first;
        t->first = oldest->next;
        t->n_items--;
        item_free(oldest);
    }
    return item;
}

struct truth_item *truth_item_find(const struct truth *t, struct str id)
{
    if (t->last && str_is(id, t->last->id)) {
        return t->last; /* the one being sent */
    }
    struct truth_item *item = t->first;
    while (item && !str_is(id, item->id)) {
        item = item->next;
    }
    return item;
}

void truth_item_say(struct truth_item *item, struct str text, const struct speech_word *words, uint32_t n_words)
{
    if (item->text.len + text.n > TRUTH_MAX_TEXT || item->words.n + n_words > TRUTH_MAX_WORDS) {
        return; /* an answer without end */
    }
    buf_put_str(&item->text, text);
    for (uint32_t i = 0; i < n_words; i++) {
        if (speech_words_add(&item->words, words[i]) < 0) {
            return; /* the truth has a hole, the session goes on */
        }
    }
}

/* How many words have begun to be sent. */
static uint32_t words_sent(const struct truth_item *item)
{
    uint32_t n = 0;
    while (n < item->words.n && item->words.at[n].start_ms < item->audio_ms) {
        n++;
    }
    return n;
}

/* What was sent: an answer that was cancelled has more text than sound. */
static struct str item_text(const struct truth_item *item)
{
    struct str text = buf_str(&item->text);
    uint32_t n = words_sent(item);
    if (n < item->words.n) {
        text.n = n ? item->words.at[n - 1].from + item->words.at[n - 1].n : 0;
    }
    return text.p ? text : STR("");
}

struct str truth_item_heard(const struct truth_item *item)
{
    struct str text = buf_str(&item->text);
    if (!item->user) {
        text.n = speech_words_heard(&item->words, item->truncated ? item->truncated_ms : item->audio_ms);
    }
    return text.p ? text : STR("");
}

/* ---- responses and truncations ---- */

void truth_response_add(struct truth *t, struct str id, uint64_t now_us)
{
    uint64_t i = t->counts[TRUTH_RESPONSES]++;
    if (t->responses) {
        struct truth_response *r = &t->responses[i % TRUTH_MAX_RESPONSES];
        *r = (struct truth_response){.created_us = now_us};
        ignore_result(str_copy(r->id, sizeof(r->id), id)); /* our own ids fit */
    }
}

struct truth_response *truth_response_find(struct truth *t, struct str id)
{
    for (size_t i = 0; t->responses && i < TRUTH_MAX_RESPONSES; i++) {
        if (str_is(id, t->responses[i].id)) {
            return &t->responses[i];
        }
    }
    return NULL;
}

void truth_cut_add(struct truth *t, struct str item_id, uint64_t audio_end_ms, uint64_t audio_ms, uint64_t now_us)
{
    uint64_t i = t->counts[TRUTH_TRUNCATIONS]++;
    if (!t->cuts) {
        return;
    }
    struct truth_cut *cut = &t->cuts[i % TRUTH_MAX_CUTS];
    *cut = (struct truth_cut){.at_us = now_us, .audio_end_ms = audio_end_ms, .audio_ms = audio_ms};
    ignore_result(str_copy(cut->item_id, sizeof(cut->item_id), item_id)); /* known ids fit */
}

/* ---- JSON ---- */

/* A point in time as milliseconds since the session began; null: not yet. */
static void put_time(struct json_w *w, const char *key, const struct truth *t, uint64_t us)
{
    json_w_key(w, key);
    if (us == 0) {
        json_w_null(w);
    } else {
        json_w_i64(w, (int64_t)((us - t->opened_us) / 1000));
    }
}

static void put_words(struct json_w *w, const struct truth_item *item)
{
    json_w_key(w, "words");
    json_w_array(w);
    for (uint32_t i = 0; i < words_sent(item); i++) {
        const struct speech_word *word = &item->words.at[i];
        json_w_open(w);
        json_w_kstr(w, "word", (struct str){(const char *)buf_ptr(&item->text) + word->from, word->n});
        json_w_ki64(w, "start_ms", word->start_ms);
        json_w_ki64(w, "end_ms", word->end_ms);
        json_w_close(w);
    }
    json_w_end(w);
}

static void put_spoken(struct json_w *w, const struct truth *t, const struct truth_item *item)
{
    json_w_kz(w, "response_id", item->response_id);
    put_words(w, item);
    json_w_key(w, "truncated_ms");
    if (item->truncated) {
        json_w_i64(w, (int64_t)item->truncated_ms);
    } else {
        json_w_null(w);
    }
    json_w_kstr(w, "heard", truth_item_heard(item));
    put_time(w, "first_audio_at_ms", t, item->first_audio_us);
    put_time(w, "last_audio_at_ms", t, item->last_audio_us);
}

static void put_heard(struct json_w *w, const struct truth *t, const struct truth_item *item)
{
    json_w_kz(w, "by", item->by);
    json_w_ki64(w, "audio_start_ms", (int64_t)item->start_ms);
    json_w_ki64(w, "speech_ms", (int64_t)item->speech_ms);
    json_w_kbool(w, "understood", item->accepted);
    put_time(w, "heard_at_ms", t, item->heard_us);
}

void truth_put_item(struct json_w *w, const struct truth *t, const struct truth_item *item)
{
    json_w_open(w);
    json_w_kz(w, "item_id", item->id);
    json_w_kz(w, "session_id", t->id);
    json_w_kz(w, "role", item->user ? "user" : "assistant");
    json_w_kstr(w, "text", item_text(item));
    json_w_ki64(w, "audio_ms", (int64_t)item->audio_ms);
    put_time(w, "created_at_ms", t, item->created_us);
    json_w_kbool(w, "deleted", item->deleted);
    if (item->user) {
        put_heard(w, t, item);
    } else {
        put_spoken(w, t, item);
    }
    json_w_close(w);
}

static void put_responses(struct json_w *w, const struct truth *t)
{
    uint64_t end = t->responses ? t->counts[TRUTH_RESPONSES] : 0;
    json_w_key(w, "responses");
    json_w_array(w);
    for (uint64_t i = end - MIN(end, (uint64_t)TRUTH_MAX_RESPONSES); i < end; i++) {
        const struct truth_response *r = &t->responses[i % TRUTH_MAX_RESPONSES];
        json_w_open(w);
        json_w_kz(w, "response_id", r->id);
        json_w_kz(w, "status", r->status ? r->status : "in_progress");
        json_w_kz(w, "reason", r->reason[0] ? r->reason : NULL);
        put_time(w, "created_at_ms", t, r->created_us);
        put_time(w, "first_audio_at_ms", t, r->first_audio_us);
        put_time(w, "done_at_ms", t, r->done_us);
        json_w_close(w);
    }
    json_w_end(w);
}

static void put_cuts(struct json_w *w, const struct truth *t)
{
    uint64_t end = t->cuts ? t->counts[TRUTH_TRUNCATIONS] : 0;
    json_w_key(w, "truncations");
    json_w_array(w);
    for (uint64_t i = end - MIN(end, (uint64_t)TRUTH_MAX_CUTS); i < end; i++) {
        const struct truth_cut *cut = &t->cuts[i % TRUTH_MAX_CUTS];
        json_w_open(w);
        json_w_kz(w, "item_id", cut->item_id);
        put_time(w, "at_ms", t, cut->at_us);
        json_w_ki64(w, "audio_end_ms", (int64_t)cut->audio_end_ms);
        json_w_ki64(w, "audio_ms", (int64_t)cut->audio_ms);
        json_w_close(w);
    }
    json_w_end(w);
}

static void put_items(struct json_w *w, const struct truth *t)
{
    json_w_key(w, "items");
    json_w_array(w);
    for (const struct truth_item *item = t->first; item; item = item->next) {
        truth_put_item(w, t, item);
    }
    json_w_end(w);
}

void truth_put_session(struct json_w *w, const struct truth *t, bool whole)
{
    static const char *const names[TRUTH_COUNT_N] = {
#define X(constant, word) [constant] = word,
        TRUTH_COUNT_LIST(X)
#undef X
    };
    json_w_open(w);
    json_w_kz(w, "session_id", t->id);
    json_w_kz(w, "model", t->model);
    json_w_ki64(w, "opened_unix_ms", t->opened_wall_ms);
    put_time(w, "closed_at_ms", t, t->closed ? t->closed_us : 0);
    json_w_ki64(w, "appended_ms", (int64_t)t->appended_ms);
    json_w_key(w, "counts");
    json_w_open(w);
    for (size_t i = 0; i < TRUTH_COUNT_N; i++) {
        json_w_ki64(w, names[i], (int64_t)t->counts[i]);
    }
    json_w_close(w);
    if (whole) {
        put_responses(w, t);
        put_cuts(w, t);
        put_items(w, t);
    }
    json_w_close(w);
}
