/*
 * One session of the sandbox in the words of Gemini Live: a translator in front of a sandbox_session, which hears,
 * thinks and speaks as it does for its other protocol. Here: setup and its checks, activity marks, turns and the
 * playback that the service assumes, interruptions, tools with ids, handles to resume by, goAway. Pure: messages,
 * finished jobs and time go in, messages come out. Loop thread only.
 *
 * A session outlives its connection when it can be resumed: the server keeps it and gives it to the next one.
 */
#ifndef PEER_SANDBOX_LIVE_H
#define PEER_SANDBOX_LIVE_H

#include "peer/sandbox/sandbox_session.h"

#define LIVE_HANDLE_BYTES 40

struct live;

struct live_host {
    void (*send)(struct span message, void *arg); /* one JSON object */
    void (*close)(uint16_t code, struct str reason, void *arg);
    struct clip *(*say)(uint32_t ticket, struct str text, enum openai_format format, void *arg);
    void (*hear)(uint32_t ticket, const int16_t *pcm, size_t n, uint32_t silence_ms, void *arg); /* may be NULL */
    /* A session that was told this handle and is not connected any more: gives it. *ret_busy: it still is. */
    struct live *(*resume)(struct str handle, bool *ret_busy, void *arg);
};

struct live_opts {
    struct sandbox_session_opts session; /* session_s: 0: 600 */
};

MUST_USE int live_open(const struct live_opts *opts, const struct live_host *host, void *arg, uint64_t now_us,
                       struct live **ret);
struct live *live_free(struct live *l);
/* The connection is gone: true, it is kept, and may be resumed until live_kept_until_us. */
bool live_detach(struct live *l, uint64_t now_us);
uint64_t live_kept_until_us(const struct live *l);
bool live_knows(const struct live *l, struct str handle);
/* A setup that resumes moves what the kept session knows into this one; the kept one is only to be freed after. */
void live_message(struct live *l, struct str text, uint64_t now_us);
void live_said(struct live *l, uint32_t ticket, struct clip *clip, uint64_t now_us);
void live_heard(struct live *l, uint32_t ticket, bool accepted, struct str words, uint64_t now_us);
uint64_t live_due_us(const struct live *l);
void live_tick(struct live *l, uint64_t now_us);
/* Of the session inside; NULL before the setup. */
const struct truth *live_truth(const struct live *l);
struct truth *live_take_truth(struct live *l);

/* ---- who may connect ---- */

/* "//ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent", with any prefix, and Vertex's. */
bool live_is_path(struct str path);

#endif
