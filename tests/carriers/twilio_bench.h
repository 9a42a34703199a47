/*
 * The Twilio carrier under test on real loopback sockets: a server that mounts it, a host that writes down what it is
 * asked, a carrier-side client for the media socket, an HTTP client for the webhooks, a REST service with a script.
 */
#ifndef TESTS_CARRIERS_TWILIO_BENCH_H
#define TESTS_CARRIERS_TWILIO_BENCH_H

#include "base/buf.h"
#include "carriers/twilio/twilio.h"
#include "net/http_client.h"
#include "net/http_server.h"

#define BENCH_AUTH_TOKEN "0123456789abcdef0123456789abcdef"
#define BENCH_STREAM     "MZ0123456789abcdef0123456789abcdef"
#define BENCH_CALL       "CA0123456789abcdef0123456789abcdef"

/* What the REST service answers to the n-th request. */
struct rest_answer {
    int status; /* 0: never */
    const char *body;
};

struct bench {
    struct loop *loop;
    struct http_server *server;
    struct http_client *http;
    struct twilio *twilio;
    struct twilio_opts o;
    char base[64]; /* "http://127.0.0.1:4711" */
    bool trust_proxy;

    /* the host */
    struct carrier_answer answer;
    int start_result;
    int query_result;
    struct buf log;
    struct leg *leg;
    bool gone;
    int gone_err;
    bool close_on_media;

    /* the carrier's end of a media socket */
    struct ws *ws;
    bool open, ws_closed;
    uint16_t close_code;
    int http_status;
    char close_reason[128];
    struct buf got;

    /* the last webhook's reply */
    bool replied;
    int status;
    struct buf body;

    /* the REST service */
    struct http_server *rest;
    char rest_base[64];
    const struct rest_answer *rest_script;
    uint32_t n_rest_script;
    uint32_t n_rest;
    struct buf rest_got; /* "POST /target Basic xyz body" lines */
    struct http_exchange *unanswered;
};

void bench_init(struct bench *b);
void bench_start(struct bench *b); /* after the options were set */
void bench_done(struct bench *b);
/* A webhook; waits for the reply. headers: lines ended by \r\n. */
void bench_post(struct bench *b, const char *target, const char *form, const char *headers);
void bench_call(struct bench *b, const char *method, const char *target, const char *body, const char *headers);
/* Opens a media socket and waits until it is open or refused. */
void bench_dial(struct bench *b, const char *target, const char *headers);
void bench_say(struct bench *b, const char *text);
/* dial + connected + start with the token, and waits for the leg. */
void bench_leg(struct bench *b);
void bench_wait_log(struct bench *b, const char *want);
void bench_wait_got(struct bench *b, const char *want);
void bench_wait_closed(struct bench *b);
void bench_rest(struct bench *b, const struct rest_answer *script, uint32_t n);

#define BENCH_CONNECTED "{\"event\":\"connected\",\"protocol\":\"Call\",\"version\":\"1.0.0\"}"
#define BENCH_START_WITH(params)                                                                                       \
    "{\"event\":\"start\",\"sequenceNumber\":\"1\",\"start\":{\"accountSid\":\"AC1\",\"streamSid\":\"" BENCH_STREAM    \
    "\",\"callSid\":\"" BENCH_CALL "\",\"tracks\":[\"inbound\"],\"mediaFormat\":{\"encoding\":\"audio/x-mulaw\","      \
    "\"sampleRate\":8000,\"channels\":1},\"customParameters\":" params "},\"streamSid\":\"" BENCH_STREAM "\"}"
#define BENCH_START BENCH_START_WITH("{\"token\":\"tok-1\",\"from\":\"+15005550001\"}")
#define BENCH_MEDIA(ts, payload)                                                                                       \
    "{\"event\":\"media\",\"sequenceNumber\":\"2\",\"media\":{\"track\":\"inbound\",\"chunk\":\"1\",\"timestamp\":"    \
    "\"" ts "\",\"payload\":\"" payload "\"},\"streamSid\":\"" BENCH_STREAM "\"}"

#endif
