/* The inside of a phone, shared by phone.c (life), phone_dial.c (documents), phone_request.c
 * (HTTP) and phone_media.c (20 ms). */
#ifndef PEER_PHONE_IMPL_H
#define PEER_PHONE_IMPL_H

#include "base/arena.h"
#include "peer/phone/phone.h"
#include "peer/phone/phone_link.h"
#include "peer/phone/phone_record.h"
#include "peer/phone/phone_stream.h"
#include "peer/phone/phone_webhook.h"
#include "wire/twiml.h"

#define PHONE_REQUESTS_MAX 4

/* The vendor's debugger codes of documents. */
enum {
    PHONE_ERR_FETCH = 11200,   /* the answer was none of use, or came too late */
    PHONE_ERR_CONNECT = 11205, /* no connection */
    PHONE_ERR_CONTENT = 12300, /* content type */
};

typedef void (*phone_reply_fn)(struct phone *p, const struct http_reply *reply);

struct phone_request {
    struct phone *phone;
    uint64_t id; /* 0: free */
    phone_reply_fn done;
};

/* Why a fallback URL is asked. */
struct phone_failure {
    uint32_t code;
    struct str url; /* that gave no document */
};

struct phone {
    struct loop *loop;
    struct phone_opts o; /* strings in the arena */
    const struct phone_handler *h;
    void *arg;
    struct arena arena;
    enum phone_state state;

    struct phone_wheel *own_wheel;
    struct http_client *own_http;
    struct tls_ctx *tls;
    struct timer *limit;
    struct phone_request requests[PHONE_REQUESTS_MAX];
    bool closing; /* phone_close was called: no more requests, no more events */
    bool ended;   /* the end is posted */

    /* Dialling. */
    char call_sid[40];
    struct twiml *doc;          /* the document being followed */
    uint32_t verb;              /* position in it */
    uint32_t n_requests;        /* webhook, actions, redirects */
    struct str doc_url;         /* relative URLs in the document refer to it */
    bool fell_back;             /* the fallback URL was asked */
    struct str stream_callback; /* of the stream that is open; empty: none */
    bool redirecting;           /* another document was asked for: the verb that runs is the last of this one */
    bool redirected;            /* it is here, and waits for the end of the stream */
    uint32_t stream_tries;      /* of the verb that runs */
    struct str action_url;      /* of its <Connect>; empty: none */
    char stream_sid[40];
    struct timer *prompt; /* a document waits for a key */
    bool prompting;
    char prompt_key;                 /* that will be pressed */
    char key;                        /* that this request tells; NUL: none */
    uint32_t n_prompts;              /* so far */
    char stream_end[PHONE_TEXT_MAX]; /* how the last stream ended; empty: there was none */

    /* Media. */
    struct phone_stream *stream;
    struct phone_seat seat;
    struct phone_script script;
    struct phone_playout playout;
    struct phone_line line;
    struct phone_packets packets;
    struct phone_record *record; /* NULL: none */
    struct phone_dice dice;      /* loss, first timestamp */
    uint64_t timestamp_ms;       /* of the start */
    uint32_t frame;              /* steps done since the first start */
    uint32_t sent;               /* frames since this start */
    uint32_t audio_frame;        /* when audio last arrived */
    uint8_t said[PHONE_FRAME_BYTES];
    char said_key;
    bool has_said;
    bool clear_open;     /* a clear came and the caller still speaks: audio now is too late */
    bool was_loud;       /* the last full frame heard */
    bool gap_armed;      /* the queue ran dry in mid-sound */
    uint32_t gap_frames; /* since then */
    struct buf scratch;

    struct phone_report report;
};

/* phone.c */
void phone_emit(struct phone *p, struct phone_event ev);
void phone_set_state(struct phone *p, enum phone_state state);
void phone_warn(struct phone *p, uint32_t code, const char *text);
/* The call cannot go on: names the reason, tears down, ends. */
void phone_fail(struct phone *p, int err, const char *reason);
/* The media stream is over (or there was none): status callback, then the end. Idempotent. */
void phone_leave(struct phone *p);
/* Ends a phone that is leaving once no request is under way. */
void phone_check_end(struct phone *p);

/* phone_media.c */
extern const struct phone_stream_handler phone_stream_events;
void phone_media_stop(struct phone *p);

/* phone_dial.c */
MUST_USE int phone_dial(struct phone *p);
/* Opens the media socket; signed_url: what is signed. */
MUST_USE int phone_connect(struct phone *p, struct str url, struct str signed_url, const struct str_pair *params,
                           size_t n_params);
MUST_USE int phone_connect_direct(struct phone *p);
/* Follows the document from behind p->verb on. */
void phone_follow(struct phone *p);
/* Once more, where the vendor tries again. False: it is done trying. */
MUST_USE bool phone_connect_again(struct phone *p);
/* After the server closed the stream: action URL, or the next verb. */
void phone_resume(struct phone *p);
/* The stream that we ended is gone: for another document, or for good. */
void phone_moved_on(struct phone *p);
void phone_doc_drop(struct phone *p);

/* The document at ref, relative to the last one. */
MUST_USE int phone_fetch(struct phone *p, struct str ref, const char *status);
/* There was no usable one: the call ends. */
void phone_fetch_failed(struct phone *p, int err, const char *text);

/* phone_prompt.c: the verb has been told; goes on later. */
MUST_USE int phone_prompt(struct phone *p, uint32_t verb);
bool phone_prompting(const struct phone *p);
void phone_prompt_stop(struct phone *p); /* another document takes its place */

/* phone_request.c. failed: what a fallback is asked for; NULL: it is none */
MUST_USE int phone_request_twiml(struct phone *p, struct str url, const char *status,
                                 const struct phone_failure *failed, phone_reply_fn done);
MUST_USE int phone_request_status(struct phone *p);
void phone_request_stream_status(struct phone *p, bool started, const char *error);
bool phone_requests_pending(const struct phone *p);
/* Each done is still called, from a later loop pass. */
void phone_requests_cancel(struct phone *p);

#endif
