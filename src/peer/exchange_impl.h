/* The inside of an exchange, shared by exchange.c (calls, life) and exchange_rest.c (requests). */
#ifndef PEER_EXCHANGE_IMPL_H
#define PEER_EXCHANGE_IMPL_H

#include "base/arena.h"
#include "peer/exchange.h"
#include "wire/form.h"

#define EXCHANGE_CALLS_MAX 4096
#define EXCHANGE_URL_MAX   4096u

enum line_state { LINE_QUEUED, LINE_RINGING, LINE_UP, LINE_OVER };

/* One call of the account. */
struct line {
    struct line *next;
    struct exchange *e;
    struct exchange_call view;
    enum line_state state;
    struct exchange_callee callee;
    struct timer *timer, *detect;
    struct phone *phone; /* NULL: not answered, or over */
    uint64_t created_wall_us, answered_us;
    uint32_t sequence, ring_s;
    uint32_t pending;                 /* requests of ours under way */
    char *url, *status_url, *amd_url; /* "" where none was given */
    bool amd;
    bool end_of_message;
};

struct exchange {
    struct loop *loop;
    struct exchange_opts o; /* texts in the arena */
    struct arena arena;
    const struct exchange_handler *h;
    void *arg;
    struct http_server *server;
    struct line *lines; /* the newest first; all that ever were */
    struct exchange_stats stats;
    struct http_exchange *mute[16]; /* requests that nobody answers; every exchange is owed an answer in the end */
    uint32_t n_mute;
    bool closing;
};

/* exchange.c */
struct line *exchange_line(struct exchange *e, struct str sid);
/* NULL: no memory, or too many. */
struct line *exchange_line_new(struct exchange *e, const struct form *f);
/* From the next loop pass on, or at once. */
void exchange_line_begin(struct line *l, bool at_once);
/* The account ends it: status canceled before an answer, completed after it. */
void exchange_line_end(struct line *l);

/* exchange_rest.c */
extern const struct http_server_handler exchange_rest;

#endif
