/*
 * A whole gateway for tests, on one loop with the peers that surround it: a canned sandbox as its model (told by
 * fault words to misbehave), phones and raw media sockets as its callers, an HTTP client. Real sockets on loopback,
 * records in a folder of their own under the working directory.
 */
#ifndef TESTS_GATEWAY_RIG_H
#define TESTS_GATEWAY_RIG_H

#include "test.h"

#include "base/buf.h"
#include "base/json.h"
#include "fakes/wait.h"
#include "gateway/gateway.h"
#include "net/http_client.h"
#include "net/ws.h"
#include "peer/phone/phone.h"
#include "peer/sandbox/sandbox_server.h"

#define RIG_CALLS   8
#define RIG_SOCKETS 16

struct rig_opts {
    const char *faults; /* of every model session; NULL: none */
    bool no_model;      /* the provider's port refuses connections */
    uint32_t min_free_mb;
    const char *auth_token;        /* phones sign with it; NULL: they do not */
    const char *tokens;            /* of control routes, joined by commas; NULL: none */
    const char *public_url;        /* NULL: unknown */
    const char *records;           /* ", key: value" under records; NULL: nothing more */
    const char *extra;             /* YAML after ours */
    const char *carrier;           /* YAML under the carrier that phones are; NULL: {} */
    const struct phone_vendor *as; /* what phones are; NULL: Twilio */
    const char *dir;               /* records of an earlier rig; NULL: a new folder */
    const char *dialogue;          /* YAML of the sandbox; NULL: ours */
    const char
        *spare;      /* YAML of the first provider besides url; a provider "spare" without faults follows. NULL: none */
    const char *key; /* that the model wants; NULL: any */
    const char *provider; /* YAML of the first provider besides, ", key: value"; NULL: none */
    struct loop *loop;    /* the rig's from now on; NULL: a new one */
    double speed;         /* the model sends so many times faster than real time; 0: 8 */
};

/* What a phone's call came to. */
struct rig_call {
    struct rig *rig;
    struct phone *phone; /* NULL: over */
    bool over, started;
    uint32_t agent_begins, clears;
    int32_t greeting_ms;
    int err, http_status;
    uint32_t duration_ms, agent_ms, warnings;
    uint64_t late_frames; /* that the phone sent too late: the machine was busy */
    uint64_t after_clear_bytes;
    enum phone_side hangup;
    struct phone_turn turns[8];
    size_t n_turns;
    char sid[40];
    char reason[PHONE_TEXT_MAX];
    struct buf docs;
};

/* A raw media socket. */
struct rig_socket {
    struct rig *rig;
    struct ws *ws; /* NULL: gone */
    bool opened, closed;
    uint16_t code;
    int http_status;
    char reason[128];
    uint32_t messages;
    char stream_sid[40];
};

struct rig_reply {
    bool done;
    int err, status;
    char type[64];
    struct buf body;
};

struct rig {
    struct loop *loop;
    struct dialogue *dialogue;
    struct sandbox_server *sandbox;
    struct gateway *gw;
    struct http_client *http;
    struct buf yaml;
    const char *auth_token;
    const struct phone_vendor *as;
    char sign_base[128], stream_base[96]; /* of phones; "": none */
    uint32_t variants;                    /* likewise */
    uint32_t call_ms;                     /* the longest call of a phone; 0: 20 s */
    struct phone_packet_opts packets;     /* what phones do to theirs */
    struct span sounds[8];                /* what phones say as their nth item; empty: the tone */
    char dir[256];
    char base[64]; /* "127.0.0.1:port" */
    struct rig_call calls[RIG_CALLS];
    size_t n_calls;
    struct rig_socket sockets[RIG_SOCKETS];
    size_t n_sockets;
    /* from the tap */
    uint32_t replayed;        /* items told to later sessions */
    struct buf heard, spoken; /* lines of callers and of agents, one below the other */
    uint32_t begun, ended, lines, tools, notes[CALL_NOTE_N];
    enum call_reason last_reason;
    bool model_waited; /* the model of the call whose line opened last was ready before that */
    char ready_call[80], last_call[80], last_recording[512], last_journal[512];
    uint32_t last_duration_ms;
};

void rig_open(struct rig *r, const struct rig_opts *o);
/* Drains, stops and frees everything; the call count must then be zero. Removes the folder unless keep_dir. */
void rig_close(struct rig *r, bool keep_dir);
/* Only the gateway: as a restart would. */
void rig_stop_gateway(struct rig *r);
void rig_start_gateway(struct rig *r);

/* Half a second of a loud tone, what the canned sandbox takes for a sentence. */
struct span rig_tone(void);
/* Rings the webhook. items and hangup as in phone_opts; n items of the tone with the given moments. */
struct rig_call *rig_call(struct rig *r, const struct phone_when *when, size_t n, struct phone_when hangup);
void rig_wait_over(struct rig_call *c);         /* the phone's call is over and its record closed */
void rig_wait_ended(struct rig *r, uint32_t n); /* n calls of the gateway have ended in all */

/* A media socket; path such as "/media-stream?call_id=x". Waits for the upgrade's answer. */
struct rig_socket *rig_socket(struct rig *r, const char *path);
void rig_send(struct rig_socket *s, const char *text);
/* connected and start, with a token or not. */
void rig_send_start(struct rig_socket *s, const char *call_sid, const char *token);
void rig_send_media(struct rig_socket *s, uint32_t number);
void rig_wait_closed(struct rig_socket *s);

/* One request to the gateway, waited for. headers: lines ended by \r\n. Free by buf_done(&reply.body). */
struct rig_reply rig_http(struct rig *r, const char *method, const char *path, const char *headers, const char *body);
/* The JSON of a 200 at a dotted path, "" when absent; lent until the reply is freed. */
struct str rig_json(const struct rig_reply *reply, const char *path);
/* POST /twiml for this CallSid; the token of the answer goes to ret (room for 64), "" when there is none. */
void rig_webhook(struct rig *r, const char *call_sid, char *ret_token, struct rig_reply *ret);

/* That is in what ringtrip calls show prints of the last call. */
void rig_assert_shown(const struct rig *r, const char *part);

#endif
