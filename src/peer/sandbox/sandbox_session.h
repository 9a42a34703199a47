/*
 * One session of the sandbox: the OpenAI Realtime server side as a state machine. Client messages, finished speech jobs
 * and the time go in; server events come out through the host's functions, in the vendor's order and shape. No sockets,
 * no clock, no threads: the same inputs give the same outputs (ids come from the seed). Loop thread only.
 *
 * It keeps to what the vendor's service does where that is known; docs/sandbox.md lists what it does not do.
 */
#ifndef PEER_SANDBOX_SESSION_H
#define PEER_SANDBOX_SESSION_H

#include "peer/sandbox/sandbox_clip.h"
#include "peer/sandbox/sandbox_dialogue.h"
#include "peer/sandbox/sandbox_fault.h"
#include "peer/sandbox/sandbox_truth.h"

struct sandbox_session;

enum sandbox_profile {
    SANDBOX_DIALOGUE,   /* turns by server VAD or by hand, answered by the dialogue */
    SANDBOX_CONTINUOUS, /* for load tests: the model talks all the time, one barge-in per 10 s, input is not looked at
                         */
};

struct sandbox_session_opts {
    struct str model;                    /* lent until return */
    bool transcription_only;             /* ?intent=transcription */
    struct str settings;                 /* of a client secret: a checked session object, or empty. lent until return */
    uint32_t answer_s;                   /* answers are made at least so long, to be interrupted; 0: as they are */
    const struct dialogue *dialogue;     /* outlives the session */
    const struct sandbox_faults *faults; /* copied; NULL: none */
    enum sandbox_profile profile;
    double speed;           /* audio is sent so many times faster than real time; 0: 4 */
    uint32_t first_byte_ms; /* thinking time before each response's content */
    uint32_t session_s;     /* 0: 3600 */
    int64_t wall_ms;        /* unix time now, for expires_at */
    uint64_t seed;          /* of the ids */
};

struct sandbox_host {
    /* A server event; lent. */
    void (*send)(struct str json, void *arg);
    void (*send_binary)(struct span data, void *arg); /* only for the fault "binary" */
    /* The session wants no more; nothing is called after it. code 0: cut without a closing handshake. */
    void (*close)(uint16_t code, struct str reason, void *arg);
    /* Text to speech: a reference to the clip at once, or NULL and sandbox_session_said(ticket) later. */
    struct clip *(*say)(uint32_t ticket, struct str text, enum openai_format format, void *arg);
    /*
     * Recognition of one utterance of 8 kHz samples (lent); sandbox_session_heard(ticket) later. A NULL function: the
     * sandbox cannot hear; utterances of 300 ms and more stand for the next sentence of the dialogue's script.
     */
    void (*hear)(uint32_t ticket, const int16_t *pcm, size_t n, uint32_t silence_ms, void *arg);
};

/* Sends session.created before it returns. */
MUST_USE int sandbox_session_open(const struct sandbox_session_opts *opts, const struct sandbox_host *host, void *arg,
                                  uint64_t now_us, struct sandbox_session **ret);
/* Its host is spoken to with another argument from now on. */
void sandbox_session_move(struct sandbox_session *s, void *arg);
/* A moment of the conversation, to go back to: what came behind it was never said. */
struct sandbox_mark {
    char last_id[OPENAI_ID_MAX + 1]; /* of the last item; "": there was none */
    struct dialogue_talk talk;
};
void sandbox_session_mark(const struct sandbox_session *s, struct sandbox_mark *ret);
void sandbox_session_rewind(struct sandbox_session *s, const struct sandbox_mark *mark);
/* The output of this call is only remembered: no answer takes it up. */
void sandbox_session_settle(struct sandbox_session *s, struct str call_id);
struct sandbox_session *sandbox_session_free(struct sandbox_session *s);
DEFINE_CLEANUP(struct sandbox_session, sandbox_session_free);
/* What really happened in it. lends */
const struct truth *sandbox_session_truth(const struct sandbox_session *s);
/* gives it, and the session is only to be freed after. */
struct truth *sandbox_session_take_truth(struct sandbox_session *s);
void sandbox_session_message(struct sandbox_session *s, struct str text, uint64_t now_us);
/* A binary frame came: answered by an error. */
void sandbox_session_binary(struct sandbox_session *s, uint64_t now_us);
/* Takes clip; NULL: speech failed. Tickets that nobody waits for any more are ignored. */
void sandbox_session_said(struct sandbox_session *s, uint32_t ticket, struct clip *clip, uint64_t now_us);
/* accepted false: not understood. */
void sandbox_session_heard(struct sandbox_session *s, uint32_t ticket, bool accepted, struct str words,
                           uint64_t now_us);
/* When sandbox_session_tick wants to be called next; UINT64_MAX: never. */
uint64_t sandbox_session_due_us(const struct sandbox_session *s);
void sandbox_session_tick(struct sandbox_session *s, uint64_t now_us);

#endif
