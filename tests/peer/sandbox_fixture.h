/*
 * A sandbox server on a free port and clients of it over real sockets, on one loop, for tests.
 */
#ifndef TESTS_PEER_SANDBOX_FIXTURE_H
#define TESTS_PEER_SANDBOX_FIXTURE_H

#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "audio/g711.h"
#include "base/base64.h"
#include "base/err.h"
#include "base/json.h"
#include "fakes/wait.h"
#include "net/ws.h"
#include "peer/sandbox/sandbox_server.h"
#include "peer/speech/speech_tts.h"

#define MAX_EVENTS 5000

struct fixture {
    struct loop *loop;
    struct dialogue *dialogue;
    struct sandbox_server *server;
};

struct client {
    struct fixture *f;
    struct ws *ws;
    char *events[MAX_EVENTS];
    uint32_t n, seen;
    uint32_t binaries, pings;
    size_t biggest;
    bool open, closed;
    char protocol[32];
    struct ws_close why;
    char reason[2048];
    const char *awaited;
};

/* ---- server ---- */

static inline struct fixture *server_open_with(const struct sandbox_server_opts *extra)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct buf err;
    buf_init(&err, 4000);
    assert_non_null(f);
    assert_ok(loop_new(&f->loop));
    assert_ok(dialogue_load(dialogue_builtin_yaml(), "builtin", &err, &f->dialogue));
    struct sandbox_server_opts opts = *extra;
    opts.dialogue = f->dialogue;
    opts.speed = opts.speed > 0 ? opts.speed : 100;
    if (sandbox_server_open(f->loop, &opts, &err, &f->server) < 0) {
        fail_msg("%s", buf_cstr(&err));
    }
    buf_done(&err);
    return f;
}

static inline struct fixture *server_canned(void)
{
    return server_open_with(&(struct sandbox_server_opts){.speech = SANDBOX_SPEECH_CANNED});
}

static inline void server_done(struct fixture *f)
{
    sandbox_server_stop(f->server);
    loop_free(f->loop);
    sandbox_server_free(f->server);
    dialogue_free(f->dialogue);
    free(f);
}

/* ---- client ---- */

static inline void on_open(struct ws *ws, struct str protocol, void *arg)
{
    struct client *c = arg;
    c->open = true;
    assert_ok(str_copy(c->protocol, sizeof(c->protocol), protocol));
}

static inline void on_text(struct ws *ws, struct str text, void *arg)
{
    struct client *c = arg;
    c->biggest = MAX(c->biggest, text.n);
    assert_true(c->n < MAX_EVENTS);
    c->events[c->n++] = str_dup((struct str){text.p, MIN(text.n, (size_t)65536)});
}

static inline void on_binary(struct ws *ws, struct span data, void *arg)
{
    ((struct client *)arg)->binaries++;
}

static inline void on_ping(struct ws *ws, struct span data, void *arg)
{
    ((struct client *)arg)->pings++;
}

static inline void on_closed(struct ws *ws, const struct ws_close *why, void *arg)
{
    struct client *c = arg;
    c->closed = true;
    c->why = *why;
    assert_ok(str_copy(c->reason, sizeof(c->reason), why->reason));
}

static const struct ws_handler client_handler = {
    .on_open = on_open, .on_text = on_text, .on_binary = on_binary, .on_ping = on_ping, .on_closed = on_closed};

static inline struct client *client_open_with(struct fixture *f, const char *query, const char *headers,
                                              const char *protocol)
{
    struct client *c = calloc(1, sizeof(*c));
    char url[300];
    assert_non_null(c);
    c->f = f;
    snprintf(url, sizeof(url), "ws://127.0.0.1:%u/v1/realtime%s", sandbox_server_port(f->server), query);
    struct ws_client_opts opts = {
        .ws.max_message_bytes = 32u << 20,
        .ws.max_queue_bytes = 32u << 20,
        .url = str_from(url),
        .headers = str_from(headers),
        .protocol = str_from(protocol),
    };
    assert_ok(ws_connect(f->loop, &opts, &client_handler, c, &c->ws));
    return c;
}

static inline struct client *client_open(struct fixture *f, const char *query)
{
    return client_open_with(f, query, "", "");
}

static inline bool is_closed(void *arg)
{
    return ((struct client *)arg)->closed;
}

static inline bool event_is(const char *json, const char *type)
{
    char needle[100];
    snprintf(needle, sizeof(needle), "{\"type\":\"%s\"", type);
    return strncmp(json, needle, strlen(needle)) == 0;
}

static inline bool has_event(void *arg)
{
    struct client *c = arg;
    for (uint32_t i = c->seen; i < c->n; i++) {
        if (event_is(c->events[i], c->awaited)) {
            return true;
        }
    }
    return c->closed;
}

/* Waits for the next event of that type; everything up to it counts as seen. */
static const char *client_await(struct client *c, const char *type)
{
    c->awaited = type;
    wait_until(c->f->loop, has_event, c);
    for (; c->seen < c->n; c->seen++) {
        if (event_is(c->events[c->seen], type)) {
            return c->events[c->seen++];
        }
    }
    fail_msg("closed before %s", type);
    return NULL;
}

static inline void client_do(struct client *c, const char *json)
{
    assert_ok(ws_send_text(c->ws, str_from(json)));
}

static inline void client_free(struct client *c)
{
    if (!c->closed) {
        ws_close(c->ws, 1000, STR(""));
        wait_until(c->f->loop, is_closed, c);
    }
    for (uint32_t i = 0; i < c->n; i++) {
        free(c->events[i]);
    }
    free(c);
}

static inline void client_speak(struct client *c, const char *text, uint32_t silence_ms)
{
    struct tts_audio a;
    assert_ok(tts_say(str_from(text), TTS_KAL_8K, &a));
    size_t total = a.n + (size_t)silence_ms * 8;
    for (size_t at = 0; at < total; at += 160) {
        uint8_t frame[160];
        char json[400] = "{\"type\":\"input_audio_buffer.append\",\"audio\":\"";
        for (size_t i = 0; i < sizeof(frame); i++) {
            frame[i] = g711_mulaw_encode1(at + i < a.n ? a.samples[at + i] : 0);
        }
        size_t n = strlen(json);
        n += base64_encode(json + n, span_from(frame, sizeof(frame)));
        memcpy(json + n, "\"}", 3);
        client_do(c, json);
    }
    tts_audio_done(&a);
}

#endif
