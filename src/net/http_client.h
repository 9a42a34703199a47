/* HTTP requests that we make (libcurl multi on the loop). Every one has a deadline and a response limit. Loop thread
 * only. */
#ifndef NET_HTTP_CLIENT_H
#define NET_HTTP_CLIENT_H

#include "net/loop.h"

struct http_client; /* one per loop: connection cache, handles */

struct http_call_opts {
    const char *method; /* "POST" */
    struct str url;
    struct str headers;          /* lines each ended by \r\n; lent until return */
    struct span body;            /* lent until return */
    struct str user, password;   /* Basic auth when user is not empty */
    const char *ca_file;         /* NULL: system store */
    const char *connect_to;      /* "host:port" in place of the url's, past any proxy; certificates and headers stay
                                    the url's. NULL: the url's */
    uint32_t deadline_ms;        /* whole call; 0: 10 s */
    uint32_t max_response_bytes; /* 0: 256 kB; over it -ERR_TOO_BIG */
    const char *want_header;     /* one header of the answer; static or NULL */
};

struct http_reply {
    int err;                 /* 0 when a status came back */
    int status;              /* 200 ... */
    struct span body;        /* lent */
    struct str content_type; /* lent */
    uint32_t retry_after_s;  /* of the header, also when it is a date; 0: none */
    struct str header;       /* what was wanted; lent; empty: not there */
    const char *detail;      /* a sentence when err < 0 */
};

typedef void (*http_reply_fn)(const struct http_reply *reply, void *arg);

MUST_USE int http_client_new(struct loop *loop, struct http_client **ret);
/* Cancels what is under way: each done is called with -ECANCELED. */
struct http_client *http_client_free(struct http_client *c);
/* done is called once, never before this returns. ret_id may be NULL. */
MUST_USE int http_call(struct http_client *c, const struct http_call_opts *opts, http_reply_fn done, void *arg,
                       uint64_t *ret_id);
/* done is called with -ECANCELED from the next loop pass; unknown ids are ignored. */
void http_cancel(struct http_client *c, uint64_t id);

#endif
