/*
 * How to reach and set up a Gemini Live service or one that speaks its protocol (the sandbox). Filled by the host from
 * the configuration. Everything is lent until gemini_open returns, tls and scratch longer.
 */
#ifndef PROVIDERS_GEMINI_OPTS_H
#define PROVIDERS_GEMINI_OPTS_H

#include "base/buf.h"

struct tls_ctx;
struct call_persona;

/* Decoding buffers of one loop, shared by all its sessions. */
struct gemini_scratch {
    struct buf text;
    struct buf audio;
};

enum gemini_behaviour {
    GEMINI_TOOLS_BLOCK, /* the model waits for what it called */
    GEMINI_TOOLS_TALK,  /* it goes on talking */
};

struct gemini_opts {
    /* ws, wss, http or https; empty: Google's. Without a method in its path "/ws/...BidiGenerateContent" is added. */
    struct str url;
    struct str api_version; /* empty: v1beta; of Vertex AI v1beta1 */
    /* Vertex AI: the path and the model's whole name are made of these; an empty project: the Gemini API. */
    struct str project, location;
    struct str api_key;     /* empty: no such header; "auth_tokens/...": an ephemeral token, sent as one */
    struct str auth_header; /* empty: x-goog-api-key; "Authorization": "Bearer <key>"; any other name: the bare key */
    const struct str_pair *headers; /* further request headers */
    uint32_t n_headers;
    const struct str_pair *query; /* further query parameters; unescaped */
    uint32_t n_query;
    struct tls_ctx *tls;            /* for wss; kept by reference; NULL: the system's store */
    struct gemini_scratch *scratch; /* outlives the sessions; NULL: each has its own */

    const struct call_persona *persona; /* who speaks; NULL: agent 0 of the call */
    struct str handle;                  /* of the session that goes on here; empty: a new one */
    bool continues;                     /* what was said before will be told as items, right behind EV_MODEL_READY */
    struct str model;                   /* empty: GEMINI_DEFAULT_MODEL */
    struct str voice, language_code;
    bool text_only;                             /* what the model says is told as its words alone */
    bool hears;                                 /* transcripts of the caller */
    struct str hear_languages;                  /* "en-US, de-DE"; empty: as the service likes */
    struct str hear_vocabulary;                 /* words that are likely to be heard, separated by commas */
    struct str hear_mode;                       /* verbatim, smart; empty: the service's own */
    double temperature, top_p;                  /* below 0: not sent */
    double presence_penalty, frequency_penalty; /* 0: not sent */
    struct str media_resolution;                /* of images: low, medium, high; empty: the service's own */
    uint32_t top_k, max_output_tokens;          /* 0: not sent */
    int64_t seed;                               /* below 0: not sent */
    struct str thinking_level;              /* minimal, low, medium, high; empty: not sent, or what the model demands */
    int32_t thinking_budget;                /* -1: as the model likes; below: not sent */
    bool affective_dialog, proactive_audio; /* sent when they are on */
    bool google_search;
    struct str start_sensitivity, end_sensitivity; /* high, low; empty: the service's own. Server detection only */
    struct str turn_coverage;                      /* empty: activity; from 3.1 on, images besides it */
    bool context_update;                           /* the service takes contextUpdate: other agents need no session of
                                                      their own */
    enum gemini_behaviour tools;
    struct str scheduling;                  /* when_idle, interrupt, silent: of outputs, when tools do not block */
    bool compress;                          /* context window compression */
    uint32_t trigger_tokens, target_tokens; /* 0: the service's own */

    /* Every message of the service, as it came (lent), before it is looked at; NULL: nobody. */
    void (*on_raw)(struct str text, void *arg);
    void *raw_arg;

    uint32_t connect_ms;        /* name lookup to 101; 0: 5000 */
    uint32_t max_message_bytes; /* of the service's messages; more closes the session; 0 and at most: 16 MB */
    uint32_t setup_ms;          /* setup to setupComplete; 0: 10000 */
};

#endif
