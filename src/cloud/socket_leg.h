/*
 * A media socket of a carrier, as a leg: born by the upgrade with nothing proven, proven by its start message and the
 * host's word, closed. What the messages are is its carrier's. Loop thread.
 *
 *     WAITING --start--> LIVE --stop--> OVER        any state --socket_leg_shut--> CLOSING --> on_gone, freed
 */
#ifndef CLOUD_SOCKET_LEG_H
#define CLOUD_SOCKET_LEG_H

#include "call/leg_ops.h"
#include "cloud/cloud.h"
#include "net/ws.h"

enum socket_leg_state {
    SOCKET_LEG_WAITING, /* for start */
    SOCKET_LEG_LIVE,
    SOCKET_LEG_OVER,    /* stop has come */
    SOCKET_LEG_CLOSING, /* our close is under way; messages mean nothing any more */
};

enum { /* close codes */
       SOCKET_LEG_NORMAL = 1000,
       SOCKET_LEG_PROTOCOL = 1002,
       SOCKET_LEG_POLICY = 1008,
       SOCKET_LEG_INTERNAL = 1011,
       SOCKET_LEG_TRY_LATER = 1013,
};

struct socket_leg;

struct socket_leg_ops {
    const struct leg_ops *leg;
    size_t size;        /* of the carrier's struct, which begins with struct socket_leg */
    const char *speaks; /* "Twilio Media Streams", for who comes without an upgrade */
    bool close_is_stop; /* an orderly close by the carrier is the end of the call: there may be no stop message */
    void (*on_born)(struct socket_leg *s); /* of the zeroed struct; optional */
    void (*on_text)(struct socket_leg *s, struct str text);
    void (*on_gone)(struct socket_leg *s); /* its memory goes: let go of timers and requests */
};

struct socket_leg {
    struct leg base;
    struct cloud *cloud;
    const struct socket_leg_ops *ops;
    struct socket_leg *prev, *next;
    struct ws *ws;
    struct timer *deadline; /* for start */
    enum socket_leg_state state;
    bool accepted;     /* the host has given a handler, which must be told on_closed */
    bool signature_ok; /* of the upgrade */
    int err;           /* why we closed it */
    char *query_token, *query_call_id;
    char stream_id[CLOUD_ID_MAX + 1];
    char call_id[CLOUD_ID_MAX + 1];
};

/* Answers the upgrade, by a leg or a refusal. header: the signature's name, for the answer. */
void socket_leg_upgrade(struct cloud *c, struct http_exchange *x, const struct http_request *req,
                        enum cloud_verdict verdict, const char *header, const struct socket_leg_ops *ops);
/* Ends every socket at once; on_closed of the legs is called before it returns. */
void socket_leg_drop_all(struct cloud *c);
struct socket_leg *socket_leg_of(struct leg *leg);

/*
 * The start message has come: asks the host. start: all but signature_ok and peer; an empty token and query_call_id are
 * taken from the upgrade's query. True: it is live, and the carrier emits EV_LEG_START. False: it is being closed.
 */
bool socket_leg_start(struct socket_leg *s, const struct carrier_stream *start);
void socket_leg_emit(struct socket_leg *s, const struct call_event *ev);
/* Closes for a reason of ours; what still comes in is not looked at. */
void socket_leg_shut(struct socket_leg *s, int err, uint16_t code, struct str reason);
/* The peer broke the protocol: a word for the error, then what was wrong. */
void socket_leg_refuse(struct socket_leg *s, int err, uint16_t code, const char *what);
/* Decodes a payload and emits it as EV_LEG_MEDIA; a malformed one refuses the socket. */
void socket_leg_media(struct socket_leg *s, uint32_t at_ms, struct str base64, uint32_t *ret_bytes);

/* "rt17" and back; anybody else's name -> 0. */
#define SOCKET_LEG_MARK_MAX 16
size_t socket_leg_mark_name(uint32_t mark, char ret[SOCKET_LEG_MARK_MAX]);
uint32_t socket_leg_mark_number(struct str name);
/* EV_LEG_MARK; foreign ones are counted. */
void socket_leg_mark(struct socket_leg *s, struct str name);

/* EV_LEG_TRANSFER_FAILED, with what the account said; nothing when the socket is on its way out. */
void socket_leg_transfer_failed(struct socket_leg *s, const struct carrier_result *r);

/* For leg_ops. */
void socket_leg_close(struct leg *leg);
void socket_leg_prefetch(const struct leg *leg, unsigned depth);

#endif
