#include "dialer/question.h"

#include "base/err.h"
#include "base/json_doc.h"

#define WAIT_S       5
#define TIMES        2
#define SECOND_US    UINT64_C(1000000)
#define SLOW_US      (SECOND_US / 8) /* a byte of text, spoken slowly */
#define SLACK_US     (15 * SECOND_US)
#define SOUND_MAX_US (60 * SECOND_US)
#define GOODBYE      "All right. Goodbye."

static const char *const words[] = {
#define X(name, word) [name] = (word),
    QUESTION_REPLY_LIST(X)
#undef X
};

const char *question_reply_word(enum question_reply reply)
{
    return reply < QUESTION_REPLY_N ? words[reply] : "";
}

enum question_reply question_reply_parse(struct str word)
{
    for (uint32_t i = 0; i < QUESTION_REPLY_N; i++) {
        if (str_is(word, words[i])) {
            return (enum question_reply)i;
        }
    }
    return QUESTION_NONE;
}

/* ---- reading ---- */

static int wrong(struct buf *err, const char *member, const char *want)
{
    buf_printf(err, "consent.%s must be %s", member, want);
    return -ERR_CONFIG;
}

static int read_text(const struct json_doc *v, const char *member, struct arena *a, struct buf *err, struct str *ret)
{
    if (!v || v->type == JSON_NULL) {
        return 0;
    }
    if (v->type != JSON_STRING || v->text.n > QUESTION_TEXT_MAX || memchr(v->text.p, '\0', v->text.n)) {
        return wrong(err, member, "a text of at most 1000 bytes");
    }
    *ret = v->text.n ? arena_str(a, v->text) : STR("");
    return ret->p ? 0 : -ENOMEM;
}

static int read_key(const struct json_doc *v, const char *member, struct buf *err, char *ret)
{
    if (!v || v->type == JSON_NULL) {
        return 0;
    }
    bool key = v->type == JSON_STRING && v->text.n == 1 && memchr("0123456789*#", v->text.p[0], 12);
    if (!key) {
        return wrong(err, member, "one key as a text: 0 to 9, * or #");
    }
    *ret = v->text.p[0];
    return 0;
}

static int read_count(const struct json_doc *v, const char *member, const uint32_t range[2], struct buf *err,
                      uint32_t *ret)
{
    if (!v || v->type == JSON_NULL) {
        return 0;
    }
    if (v->type != JSON_NUMBER || !v->whole || v->number < range[0] || v->number > range[1]) {
        buf_printf(err, "consent.%s must be a whole number from %u to %u", member, range[0], range[1]);
        return -ERR_CONFIG;
    }
    *ret = (uint32_t)v->number;
    return 0;
}

static int refuse_unknown(const struct json_doc *doc, struct buf *err)
{
    static const char *const known[] = {"prompt", "timeout", "times", "accept",
                                        "deny",   "goodbye", "sound", "goodbye_sound"};
    for (const struct json_doc *m = doc->first; m; m = m->next) {
        bool found = false;
        for (size_t i = 0; i < ARRAY_LEN(known); i++) {
            found = found || str_is(m->key, known[i]);
        }
        if (!found) {
            buf_printf(err, "there is no setting \"consent.%.40s\"", m->key.p);
            return -ERR_CONFIG;
        }
    }
    return 0;
}

int question_read(const struct json_doc *doc, struct arena *a, struct buf *err, struct question *ret)
{
    static const uint32_t waits[2] = {QUESTION_WAIT_MIN, QUESTION_WAIT_MAX}, counts[2] = {1, QUESTION_TIMES_MAX};
    struct question q = {.wait_s = WAIT_S, .times = TIMES, .accept = '1', .deny = '2'};
    if (!doc || doc->type == JSON_NULL) {
        *ret = (struct question){.prompt = STR("")};
        return 0;
    }
    if (doc->type != JSON_OBJECT) {
        buf_puts(err, "consent must be an object with a prompt");
        return -ERR_CONFIG;
    }
    int e = refuse_unknown(doc, err);
    e = e < 0 ? e : read_text(json_doc_get(doc, STR("prompt")), "prompt", a, err, &q.prompt);
    e = e < 0 ? e : read_text(json_doc_get(doc, STR("goodbye")), "goodbye", a, err, &q.goodbye);
    e = e < 0 ? e : read_text(json_doc_get(doc, STR("sound")), "sound", a, err, &q.sound);
    e = e < 0 ? e : read_text(json_doc_get(doc, STR("goodbye_sound")), "goodbye_sound", a, err, &q.goodbye_sound);
    e = e < 0 ? e : read_count(json_doc_get(doc, STR("timeout")), "timeout", waits, err, &q.wait_s);
    e = e < 0 ? e : read_count(json_doc_get(doc, STR("times")), "times", counts, err, &q.times);
    e = e < 0 ? e : read_key(json_doc_get(doc, STR("accept")), "accept", err, &q.accept);
    e = e < 0 ? e : read_key(json_doc_get(doc, STR("deny")), "deny", err, &q.deny);
    if (e >= 0 && !question_is_put(&q)) {
        e = wrong(err, "prompt", "given, or sound: what is heard before a key is waited for");
    }
    if (e >= 0 && q.prompt.n > 0 && q.sound.n > 0) {
        e = wrong(err, "sound", "given in place of prompt, not beside it");
    }
    if (e >= 0 && q.goodbye.n > 0 && q.goodbye_sound.n > 0) {
        e = wrong(err, "goodbye_sound", "given in place of goodbye, not beside it");
    }
    if (e >= 0 && q.accept == q.deny) {
        e = wrong(err, "deny", "another key than accept");
    }
    if (e >= 0) {
        *ret = q;
    }
    return e;
}

void question_write(const struct question *q, struct json_w *w)
{
    const char accept[2] = {q->accept}, deny[2] = {q->deny};
    if (!question_is_put(q)) {
        json_w_null(w);
        return;
    }
    json_w_open(w);
    json_w_kstr(w, "prompt", q->prompt);
    json_w_ki64(w, "timeout", q->wait_s);
    json_w_ki64(w, "times", q->times);
    json_w_kz(w, "accept", accept);
    json_w_kz(w, "deny", deny);
    json_w_kstr(w, "goodbye", q->goodbye);
    if (q->sound.n > 0) {
        json_w_kstr(w, "sound", q->sound);
    }
    if (q->goodbye_sound.n > 0) {
        json_w_kstr(w, "goodbye_sound", q->goodbye_sound);
    }
    json_w_close(w);
}

int question_copy(struct question *q, struct arena *a)
{
    struct str *const texts[] = {&q->prompt, &q->goodbye, &q->sound, &q->goodbye_sound};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = texts[i]->n ? arena_str(a, *texts[i]) : STR("");
        if (!texts[i]->p) {
            return -ENOMEM;
        }
    }
    return 0;
}

/* ---- time ---- */

struct str question_goodbye(const struct question *q)
{
    return q->goodbye.n > 0 ? q->goodbye : STR(GOODBYE);
}

uint64_t question_round_us(const struct question *q)
{
    return q->prompt.n * SLOW_US + (uint64_t)q->sound_ms * 1000 + q->wait_s * SECOND_US + SLACK_US;
}

uint64_t question_goodbye_us(const struct question *q)
{
    return (q->goodbye_sound.n > 0 ? SOUND_MAX_US : question_goodbye(q).n * SLOW_US) + SLACK_US;
}
