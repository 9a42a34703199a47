/*
 * What carriers do differently, as far as the phone plays them: their messages, what a clear does to marks, their
 * webhooks and signatures, their documents. Everything else of a phone is the same for all. Pure, but for crypto.
 */
#ifndef PEER_PHONE_VENDOR_H
#define PEER_PHONE_VENDOR_H

#include "peer/phone/phone_webhook.h"
#include "wire/twiml.h"

#define PHONE_PARAMS_MAX 32 /* parameters of a stream */

/* What the vendor's pages and captures disagree on, as they have it the other way. X(constant, bit, word) */
#define PHONE_VARIANT_LIST(X)                                                                                          \
    X(PHONE_VARIANT_STOP, 1u << 0, "stop")            /* a stop message at the end */                                  \
    X(PHONE_VARIANT_PLAYED, 1u << 1, "played")        /* not playedStream */                                           \
    X(PHONE_VARIANT_ZERO, 1u << 2, "sequence-0")      /* the first message has number 0 */                             \
    X(PHONE_VARIANT_JSON, 1u << 3, "extra-json")      /* extra_headers as the text of an object */                     \
    X(PHONE_VARIANT_PAIRS, 1u << 4, "extra-pairs")    /* a=1;b=2 */                                                    \
    X(PHONE_VARIANT_UNCLEARED, 1u << 5, "no-cleared") /* a clear is carried out and not answered */                    \
    X(PHONE_VARIANT_STRINGS, 1u << 6, "strings")      /* counters and rates are strings */
enum phone_variant {
#define X(name, bit, word) name = bit,
    PHONE_VARIANT_LIST(X)
#undef X
};
/* 0: no such variant. */
uint32_t phone_variant_find(struct str word);

enum phone_message_kind {
    PHONE_MESSAGE_CONNECTED,
    PHONE_MESSAGE_START,
    PHONE_MESSAGE_MEDIA,
    PHONE_MESSAGE_MARK,    /* all before it was heard */
    PHONE_MESSAGE_CLEARED, /* the answer to a clear */
    PHONE_MESSAGE_KEY,
    PHONE_MESSAGE_STOP,
};

/* One message of the carrier. */
struct phone_message {
    enum phone_message_kind kind;
    uint64_t sequence;
    uint32_t variants; /* of PHONE_VARIANT_LIST */
    struct str stream_id, call_id, account_id;
    const struct str_pair *params; /* START */
    size_t n_params;
    uint64_t chunk, timestamp_ms; /* MEDIA; the time since the start */
    uint64_t epoch_ms;            /* of the start */
    struct span audio;            /* MEDIA, mu-law */
    struct str name;              /* MARK */
    char digit;                   /* KEY */
};

enum phone_command_kind { PHONE_COMMAND_AUDIO, PHONE_COMMAND_MARK, PHONE_COMMAND_CLEAR, PHONE_COMMAND_KEYS };

/* One message of the server, checked. */
struct phone_command {
    enum phone_command_kind kind;
    struct str text; /* AUDIO: base64; MARK: its name; KEYS. Lends the message, or name */
    char name[512];
};

/* What a signature is made over. form NULL: none (GET, WebSocket). */
struct phone_claim {
    struct str token, url;
    const struct phone_form *form;
};

/* What a status callback tells; texts are lent. */
struct phone_call_end {
    struct str seconds, minutes, timestamp; /* whole ones; "Mon, 05 Jan 2026 10:00:00 +0000" */
    bool by_caller;
};
struct phone_stream_news {
    struct str stream_id, timestamp;
    bool started;
    const char *error; /* NULL: none */
};

struct phone_vendor {
    const char *name;       /* "twilio" */
    const char *hook_agent; /* User-Agent of webhooks and of media sockets */
    const char *media_agent;
    bool greets;              /* CONNECTED comes first */
    bool stops;               /* STOP comes at the end */
    bool answers_clear;       /* by CLEARED; marks that a clear met never come back */
    bool keeps_query;         /* of the media URL */
    bool strict_documents;    /* what a document may not hold ends the call */
    uint32_t queue_max_bytes; /* more is lost; 0: no limit of the vendor's */
    uint32_t overflow_code, document_code;
    const char *hangup_path;  /* told of the end without being asked to, beside the webhook; NULL: it is not */
    uint32_t stream_tries;    /* so often a media socket is tried; 0: once */
    const char *token_header; /* of idempotency; NULL: none */
    const struct twiml_grammar *grammar; /* NULL: TwiML's own */
    void (*new_call_id)(const char hex[33], char ret[40]);
    void (*new_stream_id)(const char hex[33], char ret[40]);
    void (*put)(struct buf *out, const struct phone_message *m);
    /* 0, or the number of what was wrong, and a static sentence. */
    uint32_t (*read)(struct str text, bool binary, struct str stream_id, struct phone_command *ret, const char **why);
    void (*call_form)(struct phone_form *f, const struct phone_party *party, const char *status);
    void (*add_key)(struct phone_form *f, struct str key);                      /* of a document's prompt */
    void (*add_failure)(struct phone_form *f, struct str code, struct str url); /* of a fallback; NULL: it tells none */
    void (*add_end)(struct phone_form *f, const struct phone_call_end *end);
    void (*stream_form)(struct phone_form *f, const struct phone_party *party, const struct phone_stream_news *news);
    /* Header lines; appended. */
    int (*put_signature)(struct buf *out, const struct phone_claim *claim);
};

extern const struct phone_vendor phone_twilio, phone_plivo;
/* NULL: no such vendor. */
const struct phone_vendor *phone_vendor_find(struct str name);

#endif
