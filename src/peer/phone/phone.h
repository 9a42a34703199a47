/*
 * The simulated telephone, carrier included: rings the gateway's webhook as its vendor does, follows the document to
 * the media WebSocket, talks by script on a 20 ms media clock, listens, measures. Event driven: hundreds of phones
 * share one loop, one wheel and one HTTP client. Thread: loop thread only. Not here: command line, terminal
 * (apps/ringtrip).
 *
 *     DIALLING (webhook) -> CONNECTING (upgrade) -> TALKING -> HANGING_UP (stop sent) -> LEAVING (status callback) ->
 * ENDED TALKING -> AFTER (server closed: TwiML goes on) -> CONNECTING | LEAVING
 */
#ifndef PEER_PHONE_H
#define PEER_PHONE_H

#include "net/http_client.h"
#include "net/loop.h"
#include "net/tls.h"
#include "peer/phone/phone_line.h"
#include "peer/phone/phone_packet.h"
#include "peer/phone/phone_report.h"
#include "peer/phone/phone_script.h"
#include "peer/phone/phone_vendor.h"
#include "peer/phone/phone_wheel.h"

struct phone;

enum phone_state {
    PHONE_DIALLING,
    PHONE_CONNECTING,
    PHONE_TALKING,
    PHONE_HANGING_UP,
    PHONE_AFTER,
    PHONE_LEAVING,
    PHONE_ENDED,
    PHONE_STATE_N
};
const char *phone_state_name(enum phone_state state);

enum phone_event_kind {
    PHONE_EVENT_STATE,       /* state */
    PHONE_EVENT_TWIML,       /* text: the document */
    PHONE_EVENT_START,       /* the stream has started; text: streamSid */
    PHONE_EVENT_SAYS,        /* the caller begins an item; text: its label */
    PHONE_EVENT_SAID,        /* and is done with it */
    PHONE_EVENT_AGENT_BEGIN, /* agent speech heard, at_ms is its first frame */
    PHONE_EVENT_AGENT_END,   /* its last frame */
    PHONE_EVENT_SENT,        /* frame n (from 0) is about to be sent */
    PHONE_EVENT_AUDIO,       /* audio arrived: lent bytes, before they are queued */
    PHONE_EVENT_MARK,        /* a mark went back; text: name */
    PHONE_EVENT_CLEAR,       /* a clear took effect; n: bytes dropped */
    PHONE_EVENT_KEYS,        /* the server pressed keys; text */
    PHONE_EVENT_WARNING,     /* n: vendor's number; text */
    PHONE_EVENT_VERB,        /* TwiML after the stream; text */
};

struct phone_event {
    enum phone_event_kind kind;
    enum phone_state state;
    uint32_t at_ms; /* media clock; 0 before the start */
    uint64_t n;
    struct str text;   /* lent */
    struct span audio; /* lent */
};

struct phone_handler {
    void (*on_event)(struct phone *p, const struct phone_event *ev, void *arg); /* optional */
    /* Last. The report is lent until return; report->err < 0: there was no call. */
    void (*on_closed)(struct phone *p, const struct phone_report *r, void *arg);
};

/* Replaces the script's audio: fills the frame that is sent next. number counts from 0. */
typedef void (*phone_source_fn)(uint32_t number, uint8_t out[PHONE_FRAME_BYTES], void *arg);

struct phone_opts {
    const struct phone_vendor *as; /* NULL: phone_twilio */
    uint32_t variants;             /* PHONE_VARIANT_LIST: what the vendor may do otherwise */
    struct str url;                /* webhook, http:// or https://; empty: ws_url */
    struct str fallback_url;       /* asked once, when the webhook gave no document; empty: nobody is */
    struct str ws_url;             /* direct: the media URL */
    struct str stream_base; /* "ws://host:port" in place of that of the TwiML's media URL, but for its signature */
    struct str sign_base;   /* "https://gw.example.com": what signatures name instead of the address that is dialled */
    const struct str_pair *params; /* direct mode: customParameters */
    size_t n_params;
    struct str auth_token;  /* empty: nothing is signed */
    struct str account_sid; /* empty: a fixed test account */
    struct str call_sid;    /* empty: random */
    struct str from, to;    /* empty: +15005550001, +15005550002 */
    struct str request_id;  /* as in phone_party; so is machine */
    struct str machine;
    bool called;                /* the gateway has called it, and it has answered: outbound-api, in-progress */
    struct str status_callback; /* URL for the final status; empty: none */
    const char *ca_file;        /* for https and wss; NULL: system store */

    struct str prompt_keys;  /* pressed at each prompt of a document that waits for one; '-': nothing, 'h': hangs up;
                                past its end: nothing */
    uint32_t prompt_wait_ms; /* silence at such a prompt; 0: as the document says */
    uint32_t press_ms;       /* after it began a key is pressed; 0: 200 */

    const struct phone_item *items; /* copied; their audio must outlive the phone, or be owned (then taken) */
    size_t n_items;
    struct phone_when hangup;
    bool open_ended;                  /* interactive: wait for phone_say, hang up by phone_hang_up */
    uint32_t quiet_ms;                /* silence that ends speech; 0: 700 */
    uint32_t max_ms;                  /* of the call, from the dialling; 0: 60 s */
    uint32_t webhook_ms;              /* patience with a document; 0: 15 s, as the vendor */
    uint32_t delay_ms;                /* one way, each way */
    uint32_t jitter_ms;               /* added, 0 to this */
    double loss_percent;              /* of 20 ms frames on the telephone side, each way */
    struct phone_line_opts line;      /* echo, noise, level: zero: a good line */
    struct phone_packet_opts packets; /* zero: frames of 20 ms in order */
    bool truth;                       /* keep what phone_truth.h needs: 8 kB a second */
    uint64_t seed;
    const char *record_path; /* stereo WAV, left what leaves on the line; NULL: none. Its memory is 16 kB a second */

    phone_source_fn source; /* NULL: the script; else the script only hangs up */
    void *source_arg;
    struct phone_wheel *wheel; /* shared; NULL: own */
    struct http_client *http;  /* shared; NULL: own */
};

/* Copies what opts points to except items' audio. Nothing is called before it returns, nothing at all on failure (owned
 * audio is then still the caller's). -EINVAL (neither or both URLs), -ENOMEM, -ERR_TLS (ca_file), ... */
MUST_USE int phone_open(struct loop *loop, const struct phone_opts *opts, const struct phone_handler *h, void *arg,
                        struct phone **ret);
/* One more item, taken as in phone_script_add. -ERR_CLOSED when the call is over. */
MUST_USE int phone_say(struct phone *p, const struct phone_item *item);
/* Interactive: nothing more will be typed; the call ends by opts.hangup once all is said. */
void phone_say_no_more(struct phone *p);
/* The account gives the call another document, at url or this one (the other is empty); the stream ends for it.
 * -ERR_STATE: the call is not up; -EINVAL, -ERR_SYNTAX: the document or its address is none. */
MUST_USE int phone_redirect(struct phone *p, struct str url, struct str document);
/* The caller hangs up now, whatever is being said. Idempotent. */
void phone_hang_up(struct phone *p, const char *reason);
/* Are these keys for prompt_keys? */
bool phone_keys_ok(struct str keys);
/* Drops everything without farewell; on_closed comes from a later loop pass. Idempotent. */
void phone_close(struct phone *p);
enum phone_state phone_state(const struct phone *p);
uint32_t phone_now_ms(const struct phone *p);
/* What is known so far; turns are not worked out yet. */
const struct phone_report *phone_report_now(const struct phone *p);
/* For people: what the script waits for. */
const char *phone_waits_for(const struct phone *p);

#endif
