/*
 * What one call is told at birth: an immutable snapshot, filled by the host from the configuration and kept alive by
 * it as long as the call. Texts are lent. Written into the journal, so that a replay starts from the same facts;
 * secrets never stand here. Times are milliseconds unless the name says otherwise.
 */
#ifndef CALL_OPTS_H
#define CALL_OPTS_H

#include "audio/format.h"
#include "base/str.h"

#define CALL_MAX_TOOLS 32
#define CALL_ID_MAX    64

enum turn_kind { TURN_SERVER_VAD, TURN_SEMANTIC_VAD, TURN_MANUAL, TURN_LOCAL, TURN_HYBRID, TURN_KIND_N };
const char *turn_kind_name(enum turn_kind kind);

enum greeting_kind { GREETING_NONE, GREETING_TEXT, GREETING_PROMPT, GREETING_KIND_N };

enum call_tool_kind { CALL_TOOL_HOST, CALL_TOOL_END, CALL_TOOL_KIND_N };

struct call_tool {
    struct str name;
    struct str description;
    struct str parameters; /* JSON Schema, one object */
    enum call_tool_kind kind;
    uint32_t deadline_ms; /* 0: opts.deadlines.tool_ms */
};

struct call_turn_opts {
    enum turn_kind kind;
    double threshold;            /* below 0: not given */
    int32_t prefix_padding_ms;   /* -1: not given */
    int32_t silence_duration_ms; /* -1: not given */
    int32_t idle_timeout_ms;     /* -1: not given */
    struct str eagerness;        /* empty: not given */
    bool create_response;
    bool interrupt_response;
};

struct call_opts {
    struct str call_id; /* ours */
    struct str agent;
    struct str provider;
    struct str carrier;
    struct str instructions;
    struct {
        enum greeting_kind kind;
        struct str text;
        bool protect;         /* caller audio is replaced by silence until the greeting was heard */
        uint32_t fallback_ms; /* without audio by then the conversation starts */
    } greeting;
    struct {
        struct str text; /* what is asked for when a goodbye is still owed; empty: the model's own words */
    } farewell;
    struct call_turn_opts turn;
    struct {
        uint32_t lead_ms;
        uint32_t max_lead_ms;
        uint32_t burst_ms;
    } playout;
    struct {
        uint32_t leg_start_ms;   /* call known, media not yet there */
        uint32_t model_ready_ms; /* leg up, model not confirmed */
        uint32_t response_ms;    /* response asked for, not created */
        uint32_t stall_ms;       /* response under way, nothing comes */
        uint32_t cancel_ms;      /* cancel sent, response not done */
        uint32_t tool_ms;
        uint32_t farewell_ms; /* goodbye asked for, no audio */
        uint32_t hangup_ms;   /* hang-up ordered, leg not down */
        uint32_t media_ms;    /* leg up, no media comes */
    } deadlines;
    struct {
        uint32_t max_call_s; /* 0: none */
        uint32_t queue_ms;   /* downlink audio that may wait */
        uint32_t uplink_ms;  /* caller audio that may wait for the model */
    } limits;
    bool record;
    uint32_t n_tools;
    struct call_tool tools[CALL_MAX_TOOLS];
};

/* Sensible values for everything; texts empty. */
void call_opts_init(struct call_opts *o);

#endif
