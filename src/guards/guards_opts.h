/* What a guardrail looks for, as it is configured. Texts are lent; types only. */
#ifndef GUARDS_GUARDS_OPTS_H
#define GUARDS_GUARDS_OPTS_H

#include "base/str.h"

#define GUARDS_MAX_PATTERN_BYTES 4096
#define GUARDS_MAX_WORD_BYTES    200

enum guard_kind {
    GUARD_REGEX,  /* a regular expression */
    GUARD_WORDS,  /* whole words and phrases */
    GUARD_SHAPES, /* things that look like a secret */
    GUARD_LENGTH, /* too short or too long: for input and tools */
    GUARD_RANGE,  /* a number among the arguments of a tool */
    GUARD_HTTP,   /* an endpoint of somebody's */
    GUARD_MODEL,  /* a text model behind a chat/completions endpoint */
    GUARD_CODE,   /* a function of the program that embeds us */
    GUARD_KIND_N
};
const char *guard_kind_name(enum guard_kind kind); /* "regex" */
bool guard_kind_is_local(enum guard_kind kind);    /* answered at once, by a rule */

/* X(constant, word): what may be said of a text without knowing its language. */
#define GUARD_SHAPE_LIST(X)                                                                                            \
    X(SHAPE_API_KEY, "api_key") /* sk-... */                                                                           \
    X(SHAPE_SECRET, "secret")   /* password: ..., secret = ... */                                                      \
    X(SHAPE_CARD, "card")       /* 13 to 19 digits with a right check digit */                                         \
    X(SHAPE_SSN, "ssn")         /* 3-2-4 digits */                                                                     \
    X(SHAPE_TOKEN, "token")     /* 20 letters and digits or more without a blank */                                    \
    X(SHAPE_SCRIPT, "script")   /* <script, javascript:, onclick, onerror, eval(, exec( */

enum guard_shape {
#define X(name, word) name,
    GUARD_SHAPE_LIST(X)
#undef X
        GUARD_SHAPE_N
};
const char *guard_shape_name(enum guard_shape shape);

struct guard_def {
    enum guard_kind kind;
    struct str pattern;      /* regex */
    bool case_sensitive;     /* regex, words */
    const struct str *words; /* words: "foo", "foo bar", "foo*" */
    uint32_t n_words;
    uint32_t shapes;               /* bits of enum guard_shape */
    uint32_t min_chars, max_chars; /* length; 0: no bound */
    struct str argument;           /* range: path in the arguments, "party.size" */
    double min, max;
};

#endif
