/*
 * One item of a conversation as everybody here speaks of it: what the service announces, what the history keeps, what
 * is put into a new session. Texts are lent by whoever hands the item over. No service's words: adapters translate.
 */
#ifndef CALL_ITEM_H
#define CALL_ITEM_H

#include "base/str.h"

#define CALL_MAX_PARTS 8

/* X(constant, word) */
#define ITEM_TYPE_LIST(X)                                                                                              \
    X(ITEM_MESSAGE, "message")                                                                                         \
    X(ITEM_FUNCTION_CALL, "function_call")     /* output, once it is there, completes the same item */                 \
    X(ITEM_FUNCTION_OUTPUT, "function_output") /* only on its way to and from a service */                             \
    X(ITEM_OTHER, "other")                     /* a kind that means nothing to a call */

enum item_type {
#define X(name, word) name,
    ITEM_TYPE_LIST(X)
#undef X
        ITEM_TYPE_N
};
enum item_role { ITEM_NO_ROLE, ITEM_USER, ITEM_ASSISTANT, ITEM_SYSTEM, ITEM_ROLE_N };
enum item_status { ITEM_NO_STATUS, ITEM_IN_PROGRESS, ITEM_COMPLETED, ITEM_INCOMPLETE, ITEM_STATUS_N };
enum part_kind {
    PART_TEXT,  /* text */
    PART_AUDIO, /* text: its transcript, p NULL: not known (yet) */
    PART_IMAGE, /* text: URL, usually data: */
    PART_KIND_N
};

const char *item_type_name(enum item_type type);
const char *item_role_name(enum item_role role);       /* "user" ... ; "" for none */
const char *item_status_name(enum item_status status); /* "in_progress" ... ; "" for none */
const char *part_kind_name(enum part_kind kind);       /* "text", "audio", "image" */

struct call_part {
    enum part_kind kind;
    struct str text;
    struct str detail; /* image: "low", "high", "auto"; empty: not given */
    struct span audio; /* audio that is put into a session, in its input format; empty: none */
};

struct call_item {
    struct str id;
    struct str previous_id; /* p NULL: not said, or the first: then it goes to the end */
    enum item_type type;
    enum item_role role;
    enum item_status status;
    uint32_t n_parts;
    struct call_part parts[CALL_MAX_PARTS];
    /* function calls */
    struct str call_id, name, arguments;
    struct str output; /* p NULL: not yet */
    /* what the history knows besides */
    uint32_t agent;     /* index in opts.agents of who spoke or called */
    struct str unheard; /* assistant, cut: what was said and not heard; parts hold what was heard */
    bool estimated;     /* the cut is an estimate */
};

#endif
