/*
 * TwiML: a writer for the documents that we answer, and a strict parser into a bounded tree for the phone simulator.
 * Pure. Not here: what a document means for a call.
 */
#ifndef WIRE_TWIML_H
#define WIRE_TWIML_H

#include "base/buf.h"

/* ---- writer ---- */

#define TWIML_DEPTH_MAX 8

struct twiml_w {
    struct buf *out;
    const char *open[TWIML_DEPTH_MAX]; /* names of the elements that are open; static strings */
    uint32_t depth;
    bool in_tag; /* the last start tag still takes attributes */
};

/*
 *     struct twiml_w w = twiml_w(out);            <?xml ...?><Response
 *     twiml_w_open(&w, "Connect"); twiml_w_open(&w, "Stream"); twiml_w_attr(&w, "url", url); ...
 *     twiml_w_end(&w);                            closes all that is open; out's sticky error tells of failure
 * Text is escaped as the vendor's library does it; what XML cannot carry becomes U+FFFD.
 */
struct twiml_w twiml_w(struct buf *out);
void twiml_w_open(struct twiml_w *w, const char *name);
void twiml_w_attr(struct twiml_w *w, const char *name, struct str value);
void twiml_w_text(struct twiml_w *w, struct str text);
void twiml_w_close(struct twiml_w *w);
void twiml_w_end(struct twiml_w *w);

/* Whole verbs. Arguments with p NULL are left out. */
void twiml_w_say(struct twiml_w *w, struct str text, struct str voice, struct str language);
void twiml_w_pause(struct twiml_w *w, uint32_t seconds);
void twiml_w_hangup(struct twiml_w *w);
void twiml_w_reject(struct twiml_w *w, bool busy);
void twiml_w_redirect(struct twiml_w *w, struct str url);
void twiml_w_dial(struct twiml_w *w, struct str number, struct str caller_id, struct str action);
void twiml_w_play(struct twiml_w *w, struct str url);
struct twiml_prompt {
    struct str text, play; /* what is said, or the URL of a recording in its place; play empty: none */
    struct str action;     /* is asked with the key */
    uint32_t wait_s;       /* when all was heard */
};
/* Without a key the next verb is done. */
void twiml_w_gather(struct twiml_w *w, const struct twiml_prompt *p);
/* Opens <Stream>, which stays open for parameters: for use inside open("Connect") or "Start". */
void twiml_w_stream(struct twiml_w *w, struct str url, struct str status_callback);
void twiml_w_parameter(struct twiml_w *w, struct str name, struct str value);

/* ---- parser ---- */

#define TWIML_NODES_MAX    128
#define TWIML_ATTRS_MAX    512
#define TWIML_WARNINGS_MAX 16
#define TWIML_TEXT_MAX     (64 * 1024)

/* The vendor's debugger codes. */
enum { TWIML_ERR_PARSE = 12100, TWIML_WARN_SCHEMA = 12200 };

enum twiml_kind {
    TWIML_UNKNOWN, /* warned about; it and what it holds are to be skipped */
    TWIML_RESPONSE,
    TWIML_CONNECT,
    TWIML_START,
    TWIML_STOP,
    TWIML_STREAM,
    TWIML_PARAMETER,
    TWIML_SAY,
    TWIML_PLAY,
    TWIML_PAUSE,
    TWIML_DIAL,
    TWIML_NUMBER,
    TWIML_SIP,
    TWIML_CLIENT,
    TWIML_CONFERENCE,
    TWIML_QUEUE,
    TWIML_REDIRECT,
    TWIML_RECORD,
    TWIML_REJECT,
    TWIML_HANGUP,
    TWIML_MESSAGE,
    TWIML_GATHER, /* waits for keys; says what stands in it meanwhile */
    TWIML_OTHER,  /* a verb that exists but is of no use to a voice stream: Enqueue, Leave, Refer */
    TWIML_KIND_N
};

struct twiml_attr {
    struct str name;
    struct str value;
};

struct twiml_node {
    enum twiml_kind kind;
    struct str name;
    struct str text; /* character data directly inside, trimmed */
    uint16_t parent; /* index; the root is its own */
    uint16_t first_attr;
    uint16_t n_attrs;
};

struct twiml_warning {
    unsigned line;
    char text[120];
};

/* About 40 kB: not for a small stack. */
struct twiml {
    struct twiml_node nodes[TWIML_NODES_MAX]; /* in document order; [0] is the Response */
    uint32_t n_nodes;
    struct twiml_attr attrs[TWIML_ATTRS_MAX];
    uint32_t n_attrs;
    struct twiml_warning warnings[TWIML_WARNINGS_MAX]; /* each a 12200 */
    uint32_t n_warnings;                               /* may exceed the array: counted on */
    struct buf text;                                   /* what all slices lend */
};

struct twiml_error {
    unsigned line;
    char text[120];
};

/*
 * What a document may hold. Carriers that grew up beside the vendor have documents of the same build under other names
 * (wire/plivo_xml.h): they bring a grammar of their own and use its kinds for what means the same.
 */
#define TWIML_IN(kind) (1u << (kind))
struct twiml_element {
    const char *name; /* case-sensitive */
    enum twiml_kind kind;
    uint32_t parents;         /* TWIML_IN of each */
    const char *const *attrs; /* ends with NULL; NULL: any */
};
struct twiml_grammar {
    const struct twiml_element *elements;
    size_t n;
};

/*
 * Parses a document; doctypes are refused. On error nothing needs twiml_done.
 * Returns 0; -ERR_SYNTAX (the vendor's 12100; also another root than Response), -ERR_TOO_BIG, -ENOMEM.
 */
MUST_USE int twiml_parse(struct str text, struct twiml *ret, struct twiml_error *ret_error);
MUST_USE int twiml_parse_as(const struct twiml_grammar *g, struct str text, struct twiml *ret,
                            struct twiml_error *ret_error);
void twiml_done(struct twiml *t);
/* Walks the children of node parent: start with prev = parent; 0 when there are no more. */
uint32_t twiml_next(const struct twiml *t, uint32_t parent, uint32_t prev);
/* First child of that kind, 0 when absent. */
uint32_t twiml_child(const struct twiml *t, uint32_t parent, enum twiml_kind kind);
/* p NULL when absent. */
struct str twiml_attr(const struct twiml *t, uint32_t node, const char *name);

#endif
