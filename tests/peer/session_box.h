/*
 * A sandbox session in a box, for tests: virtual time, speech jobs answered at once or when told, every event kept.
 * An event is found by type; its members are read by path.
 */
#ifndef TESTS_PEER_SESSION_BOX_H
#define TESTS_PEER_SESSION_BOX_H

#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "audio/g711.h"
#include "base/base64.h"
#include "base/json.h"
#include "peer/sandbox/sandbox_session.h"

#define BOX_MAX_EVENTS 20000

struct box {
    struct sandbox_session *s;
    struct dialogue *dialogue;
    uint64_t now_us;
    char *events[BOX_MAX_EVENTS];
    uint32_t n;
    uint32_t seen; /* events before this one were looked at */
    uint32_t binaries;
    bool closed;
    uint16_t close_code;
    char close_reason[200];
    /* speech */
    bool late_speech; /* clips only when box_say_now is called */
    uint32_t say_ticket;
    enum openai_format say_format;
    uint32_t ms_per_char;
    /* hearing */
    uint32_t hear_ticket;
    size_t heard_samples;
};

static void box_send(struct str json, void *arg)
{
    struct box *b = arg;
    assert_false(b->closed);
    assert_true(b->n < BOX_MAX_EVENTS);
    b->events[b->n++] = str_dup(json);
}

static void box_send_binary(struct span data, void *arg)
{
    ((struct box *)arg)->binaries++;
}

static void box_close(uint16_t code, struct str reason, void *arg)
{
    struct box *b = arg;
    assert_false(b->closed);
    b->closed = true;
    b->close_code = code;
    assert_ok(str_copy(b->close_reason, sizeof(b->close_reason), reason));
}

static struct clip *box_clip(enum openai_format format, uint32_t ms)
{
    size_t n = (size_t)ms * clip_bytes_per_ms(format);
    uint8_t *bytes = malloc(n + 1);
    assert_non_null(bytes);
    memset(bytes, 0x55, n);
    return clip_new(format, bytes, n);
}

static struct clip *box_say(uint32_t ticket, struct str text, enum openai_format format, void *arg)
{
    struct box *b = arg;
    if (b->late_speech) {
        b->say_ticket = b->say_ticket ? b->say_ticket : ticket;
        b->say_format = format;
        return NULL;
    }
    return box_clip(format, (uint32_t)text.n * b->ms_per_char);
}

static void box_hear(uint32_t ticket, const int16_t *pcm, size_t n, uint32_t silence_ms, void *arg)
{
    struct box *b = arg;
    b->hear_ticket = ticket;
    b->heard_samples = n;
}

static const struct sandbox_host box_host = {box_send, box_send_binary, box_close, box_say, box_hear};
static const struct sandbox_host box_deaf = {box_send, box_send_binary, box_close, box_say, NULL};

struct box_opts {
    const char *faults;
    uint32_t answer_s;
    enum sandbox_profile profile;
    bool deaf;
    uint32_t session_s;
};

static struct box *box_open(const struct box_opts *o)
{
    struct box *b = calloc(1, sizeof(*b));
    struct buf err;
    assert_non_null(b);
    buf_init(&err, 2000);
    b->now_us = 1000000;
    b->ms_per_char = 60;
    assert_ok(dialogue_load(dialogue_builtin_yaml(), "builtin", &err, &b->dialogue));
    struct sandbox_faults faults = {0};
    if (faults_parse(&faults, str_from(o->faults ? o->faults : ""), &err) < 0) {
        fail_msg("%s", buf_cstr(&err));
    }
    buf_done(&err);
    struct sandbox_session_opts opts = {
        .model = STR("gpt-realtime"),
        .dialogue = b->dialogue,
        .faults = &faults,
        .profile = o->profile,
        .session_s = o->session_s,
        .answer_s = o->answer_s,
        .wall_ms = 1700000000000,
        .seed = 42,
    };
    assert_ok(sandbox_session_open(&opts, o->deaf ? &box_deaf : &box_host, b, b->now_us, &b->s));
    return b;
}

static void box_free(struct box *b)
{
    sandbox_session_free(b->s);
    dialogue_free(b->dialogue);
    for (uint32_t i = 0; i < b->n; i++) {
        free(b->events[i]);
    }
    free(b);
}

static void box_do(struct box *b, const char *json)
{
    sandbox_session_message(b->s, str_from(json), b->now_us);
}

/* Lets virtual time pass, in the server's 10 ms ticks. */
static void box_run(struct box *b, uint32_t ms)
{
    for (uint32_t t = 0; t < ms && !b->closed; t += 10) {
        b->now_us += 10000;
        if (sandbox_session_due_us(b->s) <= b->now_us) {
            sandbox_session_tick(b->s, b->now_us);
        }
    }
}

static UNUSED void box_heard(struct box *b, bool accepted, const char *words)
{
    uint32_t ticket = b->hear_ticket;
    assert_int_not_equal(ticket, 0);
    b->hear_ticket = 0;
    sandbox_session_heard(b->s, ticket, accepted, str_from(words), b->now_us);
}

/* One append of mu-law bytes. */
static void box_append_bytes(struct box *b, struct span audio)
{
    static const char head[] = "{\"type\":\"input_audio_buffer.append\",\"audio\":\"";
    size_t n = sizeof(head) - 1;
    char *json = malloc(n + base64_enc_len(audio.n) + 3);
    assert_non_null(json);
    memcpy(json, head, n);
    n += base64_encode(json + n, audio);
    memcpy(json + n, "\"}", 3);
    box_do(b, json);
    free(json);
}

/* A 400 Hz square wave as mu-law; level 0 is silence. */
static void box_fill(uint8_t *bytes, size_t n, int16_t level)
{
    for (size_t i = 0; i < n; i++) {
        bytes[i] = g711_mulaw_encode1((int16_t)(i / 10 % 2 ? level : -level));
    }
}

/* In messages of 20 ms, as a telephone sends. */
static void box_append_level(struct box *b, uint32_t ms, int16_t level)
{
    uint8_t frame[160];
    box_fill(frame, sizeof(frame), level);
    for (uint32_t t = 0; t < ms; t += 20) {
        box_append_bytes(b, span_from(frame, sizeof(frame)));
    }
}

static UNUSED void box_append(struct box *b, uint32_t ms, bool loud)
{
    box_append_level(b, ms, loud ? 6000 : 0);
}

/* ---- looking ---- */

static struct json_val box_event(const struct box *b, uint32_t i)
{
    struct json_val v;
    if (json_parse(str_from(b->events[i]), &v) < 0) {
        fail_msg("no JSON: %s", b->events[i]);
    }
    return v;
}

static bool box_is(const struct box *b, uint32_t i, const char *type)
{
    return str_is(json_get(box_event(b, i), "type").s, type);
}

/* The next event of that type after what was looked at; looks at everything up to it. */
static struct json_val box_next(struct box *b, const char *type)
{
    while (b->seen < b->n) {
        if (box_is(b, b->seen++, type)) {
            return box_event(b, b->seen - 1);
        }
    }
    fail_msg("no %s came", type);
    return (struct json_val){0};
}

static uint32_t box_count(const struct box *b, const char *type)
{
    uint32_t count = 0;
    for (uint32_t i = b->seen; i < b->n; i++) {
        count += box_is(b, i, type);
    }
    return count;
}

static void box_forget(struct box *b)
{
    b->seen = b->n;
}

/* The types of all events not looked at yet, deltas of a kind in a row as one. */
static inline void assert_types_(struct box *b, const char *const *want, size_t n_want, int line)
{
    size_t k = 0;
    struct str last = STR("");
    for (; b->seen < b->n; b->seen++) {
        struct str type = json_get(box_event(b, b->seen), "type").s;
        if (str_ends(type, STR(".delta"))) {
            if (str_ends(last, STR(".delta"))) {
                continue; /* transcript and audio deltas interleave */
            }
        }
        last = type;
        const char *name = str_ends(type, STR(".delta")) ? "(deltas)" : type.p;
        size_t name_n = str_ends(type, STR(".delta")) ? strlen(name) : type.n;
        if (k >= n_want || strlen(want[k]) != name_n || memcmp(want[k], name, name_n) != 0) {
            print_error("line %d: event %zu is %.*s, want %s\n", line, k, (int)name_n, name,
                        k < n_want ? want[k] : "nothing more");
            fail();
        }
        k++;
    }
    if (k != n_want) {
        print_error("line %d: only %zu of %zu events came, next would be %s\n", line, k, n_want, want[k]);
        fail();
    }
}
#define assert_types(b, ...)                                                                                           \
    assert_types_(b, (const char *const[]){__VA_ARGS__}, ARRAY_LEN(((const char *const[]){__VA_ARGS__})), __LINE__)

static inline void assert_at_(struct json_val v, const char *path, const char *want, int line)
{
    struct json_val at = json_path(v, path);
    if (at.type == JSON_NONE || !str_is(at.s, want)) {
        print_error("line %d: %s is [" STR_FMT "], want [%s]\n", line, path, STR_ARG(at.s), want);
        fail();
    }
}
/* The raw text of a member; strings without quotes. */
#define assert_at(v, path, want) assert_at_(v, path, want, __LINE__)

static inline int64_t number_at(struct json_val v, const char *path)
{
    int64_t n = 0;
    if (json_to_i64(json_path(v, path), &n) < 0) {
        fail_msg("%s is no number", path);
    }
    return n;
}

static inline const char *text_at(struct json_val v, const char *path)
{
    static char text[4][4096];
    static unsigned at;
    at = (at + 1) % 4;
    if (json_copy_str(json_path(v, path), text[at], sizeof(text[at])) < 0) {
        fail_msg("%s is no text", path);
    }
    return text[at];
}

/* Array element i of the array at path. */
static inline struct json_val elem_at(struct json_val v, const char *path, uint32_t i)
{
    struct json_val e = {0};
    struct json_it it = json_array(json_path(v, path));
    for (uint32_t k = 0; k <= i; k++) {
        if (!json_elem(&it, &e)) {
            fail_msg("%s has no element %u", path, i);
        }
    }
    return e;
}

#endif
