/*
 * How to reach and set up an OpenAI Realtime service or one that speaks its protocol (Azure, the sandbox, others).
 * Filled by the host from the configuration. Everything is lent until openai_open returns, tls and scratch longer.
 */
#ifndef PROVIDERS_OPENAI_OPTS_H
#define PROVIDERS_OPENAI_OPTS_H

#include "audio/format.h"
#include "base/buf.h"

struct tls_ctx;
struct call_persona;

enum openai_dialect { OPENAI_GA, OPENAI_BETA }; /* beta: flat session, for dated Azure previews and old compatibles */

/* Decoding buffers of one loop, shared by all its sessions. */
struct openai_scratch {
    struct buf text;
    struct buf audio;
    struct buf pcm;
};

#define OPENAI_NEVER UINT32_MAX

struct openai_opts {
    /* ws, wss, http or https. No path or one that ends in /v1: "/realtime" is added (after "/v1"); else as it is. */
    struct str url;
    struct str api_key;             /* empty: no authorization header */
    struct str auth_header;         /* empty or "Authorization": "Bearer <key>"; any other name: the bare key */
    const struct str_pair *headers; /* further request headers */
    uint32_t n_headers;
    const struct str_pair *query; /* further query parameters; unescaped */
    uint32_t n_query;
    bool no_model_query; /* do not put ?model= into the URL */
    enum openai_dialect dialect;
    struct tls_ctx *tls;            /* for wss; kept by reference; NULL: the system's store */
    struct openai_scratch *scratch; /* outlives the sessions; NULL: each has its own */

    const struct call_persona *persona; /* who speaks; NULL: agent 0 of the call */
    struct str model;
    struct str voice; /* a name, or "voice_..." */
    /* Wishes; what the server confirms counts. Anything but PCMU and PCMA asks for PCM16 at 24 kHz. */
    enum audio_format input_format, output_format;
    bool text_only; /* output modality text */
    struct {
        bool enabled;
        struct str model; /* empty: gpt-4o-mini-transcribe */
        struct str language, prompt;
        struct str extra; /* further members as JSON, without braces; empty: none */
    } transcription;
    struct str noise_reduction;  /* "near_field", "far_field", "none" (sends null), empty: not sent */
    double speed;                /* 0: not sent */
    double temperature;          /* 0: not sent; only in the beta dialect */
    uint32_t max_output_tokens;  /* 0: not sent */
    struct str tool_choice;      /* auto, none, required, or the name of a tool; empty: not sent */
    struct str reasoning_effort; /* minimal .. xhigh; empty: not sent */
    bool parallel_tool_calls_set, parallel_tool_calls;
    struct str tracing, truncation, prompt, include; /* JSON, copied as it is; empty: not sent */

    /* Every event of the service, as it came (lent), before it is looked at; NULL: nobody. raw_arg outlives the
     * session. */
    void (*on_raw)(struct str text, void *arg);
    void *raw_arg;

    uint32_t connect_ms;        /* name lookup to 101; 0: 5000 */
    uint32_t created_ms;        /* 101 to session.created; 0: 5000 */
    uint32_t updated_ms;        /* session.update to session.updated; 0: 5000 */
    uint32_t ping_ms;           /* own pings; 0: 20000, OPENAI_NEVER: none */
    uint32_t pong_ms;           /* after a ping without any byte: dead; 0: 60000, OPENAI_NEVER: never */
    uint32_t max_message_bytes; /* of the service's messages; more closes the session; 0 and at most: 16 MB */
};

#endif
