/*
 * A model session of any provider against the sandbox, in its own words. The order of its events is checked as they
 * come.
 */
#ifndef TESTS_PROVIDERS_MODEL_BENCH_H
#define TESTS_PROVIDERS_MODEL_BENCH_H

#include "call/model.h"
#include "net/loop.h"
#include "peer/sandbox/sandbox_server.h"

#define BENCH_RESPONSES_MAX 16

enum kind { OPENAI, GEMINI };

/* One response as the call sees it. */
struct seen {
    char id[CALL_ID_MAX];
    bool done, audio_done;
    enum response_status status;
    size_t audio_bytes;
    uint32_t tools;
    char text[512];
};

struct bench {
    enum kind kind;
    struct loop *loop;
    struct dialogue *dialogue;
    struct sandbox_server *sandbox;
    struct call_opts call;
    struct call_opts_room room; /* of call */
    struct model *model;
    char url[64];
    bool ready, failed, gone;
    enum audio_format in, out;
    int err;
    char code[64], message[256];
    struct seen list[BENCH_RESPONSES_MAX];
    size_t n;
    uint32_t committed, user_texts;
    char user_text[256], tool_call_id[CALL_ID_MAX], tool_name[64], arguments[128];
    size_t wanted; /* responses that are to be done */
    uint32_t started, stopped, resumable, updated;
    struct call_usage usage;
    struct call_event ready_event;
    enum call_event_type close_at; /* the handler closes the model there; CALL_EVENT_N: nowhere */
    bool closed_within;
    uint32_t patience_ms; /* 0: as usual */
};

/* A sandbox with these faults, and options for a session with turns of ours; its key is "right". */
void bench_init(struct bench *t, enum kind kind, const char *faults);
void bench_open(struct bench *t, const char *key);
/* All of it until the session is ready. */
void bench_up(struct bench *t, enum kind kind);
void bench_down(struct bench *t);

/* What the call wants. */
void bench_perform(struct bench *t, const struct call_action *act);
void bench_respond(struct bench *t, uint32_t request, const char *instructions);
/* A tone of that loudness for so long; the deaf sandbox takes it for the next sentence of its script. */
void bench_feed(struct bench *t, uint32_t ms, int level);
/* The same, and that it was a turn. */
void bench_speak(struct bench *t, uint32_t ms);

/* Until the session is ready or gone; gone; until so many responses are done; until the last of them is heard. */
void bench_wait_settled(struct bench *t);
void bench_wait_gone(struct bench *t);
void bench_wait_done(struct bench *t, size_t n);
void bench_wait_heard(struct bench *t);

#endif
