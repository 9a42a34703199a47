/*
 * A model service for tests, on a real loopback socket: does nothing by itself but what the test scripts. Keeps what
 * clients say.
 */
#ifndef TESTS_PROVIDERS_FAKE_OPENAI_H
#define TESTS_PROVIDERS_FAKE_OPENAI_H

#include "base/buf.h"
#include "net/http_server.h"

struct fake_openai {
    struct loop *loop;
    struct http_server *server;
    uint16_t port;
    int refuse_status;         /* not 0: the upgrade is answered with it */
    const char *on_open;       /* sent when a client has connected; NULL: nothing */
    const char *on_update;     /* sent after a session.update; NULL: nothing */
    uint16_t close_after_open; /* not 0: closed with it right after on_open */
    const char *close_reason;
    struct tls_ctx *tls; /* not NULL: wss */
    bool hold_reading;   /* do not read from clients */
    struct ws *ws;       /* the present client */
    bool closed;
    uint16_t close_code; /* what the client closed with */
    struct buf request;  /* target and headers of the upgrade, as lines */
    struct buf got;      /* messages of the client, a line each */
};

void fake_openai_open(struct fake_openai *f);
void fake_openai_done(struct fake_openai *f);
/* Sends one event. */
void fake_openai_say(struct fake_openai *f, const char *json);
const char *fake_openai_url(const struct fake_openai *f, char *room, size_t cap);

/* Default confirmations with mu-law both ways. */
#define FAKE_CREATED "{\"type\":\"session.created\",\"event_id\":\"e1\",\"session\":{\"id\":\"sess_1\"}}"
#define FAKE_TURNS   "{\"type\":\"server_vad\",\"threshold\":0.5,\"create_response\":true,\"interrupt_response\":true}"
#define FAKE_UPDATED_WITH(in, out, turns)                                                                              \
    "{\"type\":\"session.updated\",\"event_id\":\"e2\",\"session\":{\"type\":\"realtime\",\"id\":\"sess_1\","          \
    "\"model\":\"gpt-realtime-2.1\",\"tools\":[{\"type\":\"function\",\"name\":\"end_call\"}],\"audio\":{\"input\":{"  \
    "\"format\":" in ",\"turn_detection\":" turns "},\"output\":{\"format\":" out ",\"voice\":\"marin\"}}}}"
#define FAKE_PCMU    "{\"type\":\"audio/pcmu\"}"
#define FAKE_PCM     "{\"type\":\"audio/pcm\",\"rate\":24000}"
#define FAKE_UPDATED FAKE_UPDATED_WITH(FAKE_PCMU, FAKE_PCMU, FAKE_TURNS)

#endif
