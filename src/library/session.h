/*
 * The inside of a session. Three parts: the program's side (session.c, session_connect.c, session_say.c,
 * session_span.c: any thread, through orders), the loop's side (session_loop.c, session_events.c: loop thread of the
 * runner), and what they share under a lock. The loop's side is a call of the gateway's core with an embedded leg.
 */
#ifndef LIBRARY_SESSION_H
#define LIBRARY_SESSION_H

#include "carriers/embedded/embedded.h"
#include "gateway/host.h"
#include "library/derive.h"
#include "library/outbox.h"

#define SESSION_CONNECT_MS 15000 /* unless the program says otherwise */
#define SESSION_MAX_PAIRS  64    /* headers, variables */

enum session_state {
    SESSION_NEW,        /* also after a connect that failed */
    SESSION_CONNECTING, /* on its way to the model */
    SESSION_LIVE,
    SESSION_CLOSING, /* the call ends */
    SESSION_CLOSED
};

struct rt_session {
    struct rt_runner *runner;
    /* copies of the options */
    struct rt_session_opts o;
    char *api_key, *url, *user, *called, *trace_parent;
    struct rt_header *headers, *variables;
    struct rt_settings *settings;
    enum audio_format format;
    /* shared, under lock */
    pthread_mutex_t lock;
    pthread_cond_t news;
    enum session_state state;
    uint32_t refs; /* of the handle and of the loop's side */
    int end_err;   /* why it ended; 0: in order */
    bool end_told; /* next_event has given it */
    char id[CALL_ID_MAX + 1];
    char error[512], error_given[512];
    struct history_book book;
    struct rt_usage usage;
    size_t audio_waiting; /* bytes on their way into the call */
    struct outbox outbox;
    /* loop thread */
    struct snapshot *snapshot;
    struct rt_session *next_starting;
    struct timer *patience; /* servers of tools are not waited for longer; NULL: they are not waited for */
    bool impatient;
    struct host_id host;
    struct embedded *leg;
    bool host_lives, was_live, manual, turn_open, stop_asked;
    enum audio_format model_out;
    char agents[CALL_MAX_AGENTS][CALL_ID_MAX + 1];
    uint32_t n_agents, agent;
    char audio_item[CALL_ID_MAX + 1]; /* of the item whose audio is handed out */
    char audio_response[CALL_ID_MAX + 1];
    uint64_t audio_total_ms;                       /* of it, so far */
    bool audio_whole;                              /* and that is all of it */
    bool audio_told;                               /* AUDIO_END was given */
    char waiting[CALL_MAX_TOOLS][CALL_ID_MAX + 1]; /* tool calls that wait for an approval */
    uint32_t n_waiting;
    char failed[8][CALL_ID_MAX + 1]; /* the last tool calls that failed: ring */
    uint32_t n_failed;
    struct rt_playback_state position;
};

/* ---- loop thread ---- */

/* The loop's side begins: takes the snapshot. Its result comes through session_done or the state. */
void session_start(struct rt_session *s);
void session_stop(struct rt_session *s);
/* The call is over, with this ACT_END. */
void session_ended(struct rt_session *s, const struct call_action *end);
/* A sandbox of the runner's own or a server of tools may be there: whoever has waited for it goes on. */
void session_sandbox_ready(struct rt_runner *r);
/* A tool call waits for an approval, or does not any more: false, it was not among those. */
void session_waits(struct rt_session *s, struct str tool_call_id);
bool session_decided(struct rt_session *s, struct str tool_call_id);
/* Live call of the session; NULL: none. */
struct host *session_host(struct rt_session *s);

/* ---- any thread ---- */

void session_ref(struct rt_session *s);
void session_unref(struct rt_session *s);
/* Why it failed, for people. */
void session_say(struct rt_session *s, const char *text);
/* So much of the audio on its way into the call is not any more. */
void session_audio_taken(struct rt_session *s, size_t bytes);

/* ---- session_events.c, loop thread ---- */

/* An event of the session with nothing in it: texts are "". */
struct rt_event session_blank(struct rt_session *s, enum rt_event_type type);
void session_event(struct rt_session *s, struct rt_event *e, struct rt_history *owner, uint32_t mark);
void session_tap(const struct tap_event *e, void *arg);
void session_audio(struct rt_session *s, const struct embedded_audio *a);
/* An event of the model's service, as it came; arg is the session. */
void session_raw(struct str text, void *arg);

#endif
