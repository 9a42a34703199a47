/*
 * Plivo's REST service for tests, on a real loopback socket: the part that we use, as strict as the real one where that
 * is known: JSON bodies with snake_case keys of the right types, paths that end with a slash, Basic auth, 401 in plain
 * text. What breaks the protocol is answered as the vendor does and kept, so that a test can insist on none. Asked to
 * transfer a call it fetches the document like the vendor, signed.
 */
#ifndef TESTS_FAKES_PLIVO_REST_H
#define TESTS_FAKES_PLIVO_REST_H

#include "base/buf.h"
#include "net/http_client.h"
#include "net/http_server.h"

#define PLIVO_REST_ID     "MA0123456789ABCDEFGH"
#define PLIVO_REST_TOKEN  "0123456789abcdef0123456789abcdef"
#define PLIVO_REST_NUMBER "15005550006"

struct plivo_rest_app {
    char id[24], name[64];
    char answer_url[256], hangup_url[256], fallback_url[256];
};

/* What the next requests get instead of being served; after them all is well again. */
struct plivo_rest_fault {
    uint32_t times;
    int status; /* 0: no answer at all */
    const char *type, *body;
    bool acts; /* it is carried out before */
};

struct plivo_rest {
    struct loop *loop;
    struct http_server *server;
    struct http_client *http;
    char base[64]; /* "http://127.0.0.1:4711" */
    struct plivo_rest_app apps[32];
    size_t n_apps;
    char number_app[128]; /* path of the number's application; "": none */
    bool no_number;       /* it is another account's */
    struct plivo_rest_fault fault;
    struct http_exchange *unanswered[16]; /* until it closes */
    uint32_t n_unanswered;
    const char *queued, *live, *finished; /* bodies of the lists and of a single call; NULL: 404 */

    uint32_t requests, calls, hangups, cancels, transfers, messages, records, app_writes, number_writes;
    char problem[256]; /* the first request that the vendor would not have taken, "" */
    struct buf log;    /* "POST Call/ {...}" lines, in their order */
    char last_call[64];
    char reach[96]; /* "http://127.0.0.1:4712": where our addresses really are; "": at themselves */

    /* A transfer was accepted: the document is fetched from here unless this is NULL. Called with it. */
    void (*on_document)(struct plivo_rest *s, const char *call_uuid, int status, struct str xml, void *arg);
    /* A call was hung up; optional. */
    void (*on_hangup)(struct plivo_rest *s, const char *call_uuid, void *arg);
    void *arg;
};

void plivo_rest_open(struct plivo_rest *s, struct loop *loop);
void plivo_rest_close(struct plivo_rest *s);
/* One webhook of the carrier, signed with V3. url: whole. token "": not signed. done may be NULL. */
void plivo_rest_ring(struct plivo_rest *s, const char *url, const char *form, const char *token, http_reply_fn done,
                     void *arg);

#endif
