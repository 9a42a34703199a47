/*
 * Twilio's REST service for tests, on a real loopback socket: the part that we use (calls' update, messages), as strict
 * as the real one where that is known. It holds an account, its numbers and its calls; what breaks the protocol is
 * answered as the vendor does and counted, so that a test can insist on none.
 */
#ifndef TESTS_FAKES_TWILIO_REST_H
#define TESTS_FAKES_TWILIO_REST_H

#include "base/buf.h"
#include "net/http_server.h"

#define TWILIO_REST_ACCOUNT "AC0123456789abcdef0123456789abcdef"
#define TWILIO_REST_TOKEN   "0123456789abcdef0123456789abcdef"
#define TWILIO_REST_NUMBER  "+15005550006"
#define TWILIO_REST_CALLS   8

struct twilio_rest_call {
    char sid[40];
    bool over;
};

/* What the next requests get instead of being served. */
struct twilio_rest_fault {
    uint32_t times;
    int status; /* 0: no answer at all */
    const char *body;
    uint32_t wait_s; /* Retry-After; 0: none */
};

struct twilio_rest_server {
    struct loop *loop;
    struct http_server *server;
    char base[64]; /* "http://127.0.0.1:4711" */
    struct twilio_rest_call calls[TWILIO_REST_CALLS];
    size_t n_calls;
    bool any_call; /* calls that nobody announced are in progress as well */
    struct twilio_rest_fault fault;
    struct http_exchange *unanswered[16]; /* until it closes */
    uint32_t n_unanswered;

    const char *list; /* what GET Calls.json and GET Calls/{sid}.json answer; NULL: 404 */

    uint32_t requests, messages, updates, dials;
    char problem[256]; /* the first request that the vendor would not have taken, "" */
    struct buf log;    /* a line for each: "POST Messages.json To=... Body=..." decoded, in their order */
    /* The last ones of their kind. */
    char to[64], from[64], body[2048], twiml[4096], call_sid[64], status[32];

    /* A call was given other TwiML or ended; optional. */
    void (*on_update)(struct twilio_rest_server *s, const char *call_sid, struct str twiml, void *arg);
    void *arg;
};

/* Also makes TwiML of <Dial> be looked at: number, timeout, action. */
void twilio_rest_open(struct twilio_rest_server *s, struct loop *loop);
void twilio_rest_close(struct twilio_rest_server *s);
void twilio_rest_add_call(struct twilio_rest_server *s, const char *sid);
/* One attribute of the first <Dial> of the last TwiML, or its number with "". Empty when absent. */
void twilio_rest_dial(const struct twilio_rest_server *s, const char *attr, char *ret, size_t cap);

#endif
