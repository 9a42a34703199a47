/*
 * One session of the Gemini provider against a scripted service, with everything it says written down as lines
 * ("model.audio gi_1 4"): ids without what sets sessions apart.
 */
#ifndef TESTS_PROVIDERS_GEMINI_BENCH_H
#define TESTS_PROVIDERS_GEMINI_BENCH_H

#include "call/model.h"
#include "providers/fake_openai.h"
#include "providers/gemini/gemini.h"

struct bench {
    struct fake_openai f; /* a service that says what it is told to, whatever the protocol */
    struct gemini_opts o;
    struct call_opts call;
    struct call_opts_room room; /* of call */
    struct model *model;
    char url[64];
    struct buf log;
    bool gone;
};

/* Options that say nothing but an address, a key and one tool, "look". */
void bench_init(struct bench *t, enum turn_kind kind);
void bench_start(struct bench *t);
/* All of it until the setup is confirmed; log and what was sent are then empty. */
void bench_ready(struct bench *t, enum turn_kind kind);
void bench_done(struct bench *t);
/* Runs until a line of the log, or something that was sent, holds this. */
void wait_line(struct bench *t, const char *want);
void wait_sent(struct bench *t, const char *want);
/* For wait_until: on_closed was called. */
bool is_gone(void *arg);
/* The whole log, which is then empty. */
void assert_log(struct bench *t, const char *want);
void assert_sent_order(struct bench *t, const char *const *parts, size_t n);
void assert_not_sent(struct bench *t, const char *part);

/* What the call wants. */
void bench_perform(struct bench *t, const struct call_action *act);
void bench_simple(struct bench *t, enum call_action_type type);
void bench_append(struct bench *t, size_t n); /* bytes of silence */
void bench_respond(struct bench *t, const char *instructions);
void bench_output(struct bench *t, const char *id, const char *json, bool silent);

/* What the service says. */
void bench_say(struct bench *t, const char *json);

#define AUDIO(data)                                                                                                    \
    "{\"serverContent\":{\"modelTurn\":{\"parts\":[{\"inlineData\":{\"mimeType\":\"audio/"                             \
    "pcm;rate=24000\",\"data\":\"" data "\"}}],\"role\":\"model\"}}}"
#define SAID(text)  "{\"serverContent\":{\"outputTranscription\":{\"text\":\"" text "\"}}}"
#define HEARD(text) "{\"serverContent\":{\"inputTranscription\":{\"text\":\"" text "\"}}}"
#define FLAG(name)  "{\"serverContent\":{\"" name "\":true}}"
#define CALL(id)    "{\"toolCall\":{\"functionCalls\":[{\"name\":\"look\",\"args\":{\"a\": \"b c\"},\"id\":\"" id "\"}]}}"

#endif
