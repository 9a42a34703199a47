/* The inside of an exchange, shared by exchange.c (calls, life) and one file per vendor (requests, callbacks). */
#ifndef PEER_EXCHANGE_IMPL_H
#define PEER_EXCHANGE_IMPL_H

#include "base/arena.h"
#include "peer/exchange/exchange.h"
#include "wire/form.h"

#define EXCHANGE_CALLS_MAX 4096
#define EXCHANGE_URL_MAX   4096u

enum line_state { LINE_QUEUED, LINE_RINGING, LINE_UP, LINE_OVER };

/* A request for a call, checked, in words that all vendors have. Texts are lent. */
struct exchange_order {
    struct str to, from;
    struct str url;                       /* of the answer */
    struct str fallback_url;              /* asked when url gave no document; empty: none */
    struct str status_url, ring_url;      /* empty: nobody is told */
    struct str amd_url;                   /* of the detection's verdict */
    struct str twiml;                     /* in place of url; empty: url is asked */
    bool amd, end_of_message, amd_before; /* amd_before: the verdict first, then the answer URL */
    bool amd_hangs_up;                    /* on a machine */
    uint32_t ring_s;                      /* 0: the vendor's own */
    uint32_t max_s;                       /* of the talk; 0: no limit */
};

/* One call of the account. */
struct line {
    struct line *next;
    struct exchange *e;
    struct exchange_call view;
    enum line_state state;
    struct exchange_callee callee;
    struct timer *timer, *detect;
    struct phone *phone;                                     /* NULL: not answered, or over */
    uint64_t created_wall_us, answered_us, answered_wall_us; /* 0: not answered */
    uint32_t sequence, ring_s;
    uint32_t pending;                                           /* requests of ours under way */
    char *url, *fallback_url, *status_url, *ring_url, *amd_url; /* "" where none was given */
    bool amd, end_of_message, amd_before, amd_hangs_up;
    char *incoming;             /* URL; "": it is a call into the world */
    char *twiml;                /* of its other end, "": url is asked */
    bool by_callee;             /* who hung up */
    bool machine_gone;          /* it ended because a machine answered */
    uint32_t max_ms;            /* 0: no limit */
    struct http_exchange *owed; /* the request for this call, when it is answered late; NULL: it was */
};

struct callback;
struct exchange_account; /* what else a vendor's account has, its own file knows; NULL: nothing */

/* What vendors do differently. */
struct exchange_vendor {
    const struct phone_vendor *phone;
    void (*on_request)(struct exchange *e, struct http_exchange *x, const struct http_request *req);
    /* The answer to the request that made l. */
    void (*answer_dial)(struct exchange *e, struct http_exchange *x, const struct line *l);
    /* status: initiated, ringing, in-progress, completed, busy, no-answer, failed, canceled */
    void (*tell)(struct line *l, const char *status, uint32_t sequence);
    /* The detection's verdict: a word of Twilio's, which are the finer ones. */
    void (*tell_machine)(struct line *l, const char *word);
    void (*refuse)(struct exchange *e, struct http_exchange *x, int status); /* as opts.refuse_status asks for */
    /* Where a call to this number of the account's comes in; empty: it leaves for the world. Lent. */
    struct str (*incoming)(struct exchange *e, struct str to);
    uint32_t ring_s;
    bool names_requests; /* a request has an id besides that of its call */
};
extern const struct exchange_vendor exchange_twilio, exchange_plivo;

struct exchange {
    struct loop *loop;
    struct exchange_opts o; /* texts in the arena */
    struct arena arena;
    const struct exchange_handler *h;
    void *arg;
    const struct exchange_vendor *vendor;
    struct exchange_account *account;
    struct http_server *server;
    struct line *lines; /* the newest first; all that ever were */
    struct exchange_stats stats;
    struct http_exchange *mute[16]; /* requests that nobody answers; every exchange is owed an answer in the end */
    uint32_t n_mute;
    struct callback *late; /* callbacks that wait */
    bool closing;
    bool refuses; /* this request, because it was told to */
};

/* exchange.c */
struct line *exchange_line(struct exchange *e, struct str sid);
/* Makes the call, or two, or says that it cannot (NULL: no memory, too many), and answers x in time or not at all. */
struct line *exchange_dial(struct exchange *e, struct http_exchange *x, const struct exchange_order *o);
/* The account ends it: status canceled before an answer, completed after it. */
void exchange_line_end(struct line *l);
/* The other end of an incoming call says this, when it has heard the agent. -ERR_STATE, -ENOTSUP, ... */
MUST_USE int exchange_line_say(struct line *l, struct str text);
/* The talk goes on with another document: at url, or this one (url is empty then). -ERR_STATE: nobody talks. */
MUST_USE int exchange_line_redirect(struct line *l, struct str url, struct str document);
/* exchange_callback.c: a signed request of the vendor's, now or late. */
void exchange_post(struct line *l, struct str url, const struct phone_form *form);
/* Where it really goes. Appends. */
MUST_USE int exchange_put_delivery(const struct exchange *e, struct str url, struct buf *out);
void exchange_callbacks_drop(struct exchange *e);
struct phone_party exchange_party(const struct line *l);
bool exchange_is_ours(const struct exchange *e, struct str number);
bool exchange_is_authorized(const struct exchange *e, const struct http_request *req);
/* exchange_incoming.c: an incoming call begins; its other end gets its document. url: empty, in use as long as o. */
MUST_USE int exchange_incoming_open(struct line *l, struct phone_opts *o, struct buf *url);
void exchange_incoming_begin(struct line *l);
/* Keeps the first request that the vendor would not have taken. */
void exchange_count_refusal(struct exchange *e, const char *why);
#define EXCHANGE_HEADERS_MAX 40
/* Header lines of a refusal, into room. */
struct str exchange_refusal_headers(const struct exchange *e, char room[EXCHANGE_HEADERS_MAX]);

#endif
