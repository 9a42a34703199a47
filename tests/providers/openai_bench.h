/*
 * One session of the OpenAI provider against a scripted service, with everything it says written down as lines
 * ("ready in=audio/pcmu ...").
 */
#ifndef TESTS_PROVIDERS_OPENAI_BENCH_H
#define TESTS_PROVIDERS_OPENAI_BENCH_H

#include "call/model.h"
#include "providers/fake_openai.h"
#include "providers/openai/openai.h"

struct bench {
    struct fake_openai f;
    struct openai_opts o;
    struct call_opts call;
    struct call_opts_room room; /* of call */
    struct model *model;
    char url[64];
    struct buf log;
    struct buf items; /* what it says of the conversation, apart */
    struct buf audio; /* decoded, all of it */
    bool gone;
    int gone_err;
    bool close_on_ready;
};

extern const struct model_handler bench_events;

void bench_init_tls(struct bench *t, struct tls_ctx *tls);
void bench_init(struct bench *t);
void bench_open(struct bench *t);
/* Runs until a line of the log holds this. */
void wait_line(struct bench *t, const char *want);
/* For wait_until: on_closed was called. */
bool is_gone(void *arg);
void bench_done(struct bench *t);
/* Opens and waits until the settings are confirmed; the log is then empty. */
void bench_ready(struct bench *t);
void assert_log(struct bench *t, const char *want);
/* A member of the session.update that the service got. */
void assert_member(struct bench *t, const char *path, const char *want);

#define ERROR_EVENT(code, param, message, id)                                                                          \
    "{\"type\":\"error\",\"event_id\":\"e9\",\"error\":{\"type\":\"invalid_request_error\",\"code\":\"" code           \
    "\",\"message\":\"" message "\",\"param\":" param ",\"event_id\":" id "}}"

#define DELTA(type, item, data)                                                                                        \
    "{\"type\":\"" type "\",\"event_id\":\"e\",\"response_id\":\"r1\",\"item_id\":\"" item                             \
    "\",\"output_index\":0,\"content_index\":0,\"delta\":\"" data "\"}"

#endif
