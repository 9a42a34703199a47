/*
 * The sandbox's session. Lines of the input are client messages; a line that begins with '!' is something else that
 * happens: time, finished speech, a binary frame; "!f" in front names faults, "!d" makes it deaf. Whatever comes, every
 * answer is JSON with a type and an event_id, at most one response is active in the conversation, and nothing is sent
 * after the end; faults may break the first two. What it tells about itself at the end is JSON always.
 */
#include "fuzz.h"

#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "peer/sandbox/sandbox_session.h"

struct rig {
    struct sandbox_session *s;
    uint64_t now_us;
    uint32_t say[8], n_say;
    enum openai_format format;
    uint32_t hear;
    int active; /* responses of the default conversation */
    bool faulty;
    bool closed;
};

static void on_send(struct str json, void *arg)
{
    struct rig *r = arg;
    struct json_val v;
    REQUIRE(!r->closed);
    if (r->faulty) {
        return;
    }
    REQUIRE(json_parse(json, &v) == 0);
    struct str type = json_get(v, "type").s;
    REQUIRE(type.n > 0 && json_get(v, "event_id").s.n > 0);
    bool main = json_path(v, "response.conversation_id").type == JSON_STRING;
    if (main && str_is(type, "response.created")) {
        r->active++;
    } else if (main && str_is(type, "response.done")) {
        r->active--;
    }
    REQUIRE(r->active >= 0 && r->active <= 1);
}

static void on_send_binary(struct span data, void *arg)
{
}

static void on_close(uint16_t code, struct str reason, void *arg)
{
    struct rig *r = arg;
    REQUIRE(!r->closed);
    r->closed = true;
}

static struct clip *noise(enum openai_format format, size_t n)
{
    uint8_t *bytes = calloc(n + 1, 1);
    if (!bytes) {
        abort();
    }
    return clip_new(format, bytes, n);
}

static struct clip *on_say(uint32_t ticket, struct str text, enum openai_format format, void *arg)
{
    struct rig *r = arg;
    if (text.n % 2 == 0) {
        return noise(format, text.n * 100 * clip_bytes_per_ms(format) / 8);
    }
    r->format = format;
    if (r->n_say < 8) {
        r->say[r->n_say++] = ticket;
    }
    return NULL;
}

static void on_hear(uint32_t ticket, const int16_t *pcm, size_t n, uint32_t silence_ms, void *arg)
{
    struct rig *r = arg;
    REQUIRE(n > 0 && pcm);
    r->hear = ticket;
}

static void happen(struct rig *r, struct str line)
{
    char kind = line.n > 1 ? line.p[1] : 't';
    if (kind == 't') {
        for (int i = 0; i < 50; i++) {
            r->now_us += 40000;
            sandbox_session_tick(r->s, r->now_us);
        }
    } else if (kind == 's' && r->n_say > 0) {
        uint32_t ticket = r->say[--r->n_say];
        sandbox_session_said(r->s, ticket, line.n % 3 ? noise(r->format, 4000) : NULL, r->now_us);
    } else if (kind == 'h') {
        struct str words = {line.p + 2, line.n > 2 ? line.n - 2 : 0};
        sandbox_session_heard(r->s, r->hear, words.n > 0, words, r->now_us);
    } else if (kind == 'b') {
        sandbox_session_binary(r->s, r->now_us);
    }
}

static struct dialogue *dialogue_once(void)
{
    static struct dialogue *d;
    struct buf err;
    buf_init(&err, 1000);
    REQUIRE(d || dialogue_load(dialogue_builtin_yaml(), "builtin", &err, &d) == 0);
    buf_done(&err);
    return d;
}

/* What the first lines say about the session. */
static struct str begin(struct rig *r, struct str rest, struct sandbox_faults *faults, bool *deaf)
{
    struct buf err;
    buf_init(&err, 1000);
    while (rest.n > 1 && rest.p[0] == '!' && (rest.p[1] == 'f' || rest.p[1] == 'd')) {
        struct str line;
        REQUIRE(str_split(&rest, '\n', &line));
        *deaf = *deaf || line.p[1] == 'd';
        if (line.p[1] == 'f') {
            r->faulty = true;
            ignore_result(
                faults_parse(faults, (struct str){line.p + 2, line.n - 2}, &err)); /* what came before counts */
        }
    }
    buf_done(&err);
    return rest;
}

static void check_truth(const struct sandbox_session *s)
{
    struct buf out;
    struct json_val v;
    buf_init(&out, 64u << 20);
    struct json_w w = json_w(&out);
    truth_put_session(&w, sandbox_session_truth(s), true);
    REQUIRE(!out.err && json_parse(buf_str(&out), &v) == 0);
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct sandbox_host host = {on_send, on_send_binary, on_close, on_say, on_hear};
    static const struct sandbox_host host_deaf = {on_send, on_send_binary, on_close, on_say, NULL};
    struct rig r = {.now_us = 1000};
    struct sandbox_faults faults = {0};
    bool deaf = false;
    struct str rest = begin(&r, (struct str){(const char *)data, size}, &faults, &deaf), line;
    struct sandbox_session_opts opts = {.model = STR("gpt-realtime"),
                                        .dialogue = dialogue_once(),
                                        .faults = &faults,
                                        .speed = 4,
                                        .wall_ms = 1000,
                                        .seed = 1};
    REQUIRE(sandbox_session_open(&opts, deaf ? &host_deaf : &host, &r, r.now_us, &r.s) == 0);
    for (int i = 0; i < 200 && str_split(&rest, '\n', &line); i++) {
        if (line.n > 0 && line.p[0] == '!') {
            happen(&r, line);
        } else {
            sandbox_session_message(r.s, line, r.now_us);
        }
    }
    check_truth(r.s);
    sandbox_session_free(r.s);
    return 0;
}
