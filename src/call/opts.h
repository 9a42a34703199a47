/*
 * What one call is told at birth: an immutable snapshot, filled by the host from the configuration and kept alive by
 * it as long as the call. Texts are lent. Written into the journal, so that a replay starts from the same facts;
 * secrets never stand here. Times are milliseconds unless the name says otherwise.
 */
#ifndef CALL_OPTS_H
#define CALL_OPTS_H

#include "audio/format.h"
#include "base/arena.h"
#include "base/str.h"
#include "call/guard_opts.h"
#include "call/tool_opts.h"

#define CALL_MAX_TOOLS  64
#define CALL_MAX_AGENTS 16
#define CALL_ID_MAX     64

enum turn_kind { TURN_SERVER_VAD, TURN_SEMANTIC_VAD, TURN_MANUAL, TURN_LOCAL, TURN_HYBRID, TURN_KIND_N };
const char *turn_kind_name(enum turn_kind kind);

enum greeting_kind { GREETING_NONE, GREETING_TEXT, GREETING_PROMPT, GREETING_KIND_N };

enum call_tool_kind {
    CALL_TOOL_HOST,    /* carried out by the host */
    CALL_TOOL_END,     /* goodbye and hang-up */
    CALL_TOOL_HANDOFF, /* another agent takes over */
    CALL_TOOL_ASKED,   /* likewise, when the host has run it without a failure; else its output is a tool's */
    CALL_TOOL_KIND_N
};

struct call_tool {
    struct str name;
    struct str description;
    struct str parameters; /* JSON Schema, one object */
    enum call_tool_kind kind;
    uint32_t deadline_ms; /* 0: opts.deadlines.tool_ms */
    struct tool_rules rules;
    uint32_t agent; /* handoff: index of the one who takes over */
};

/*
 * One of those who may speak in this call. All share voice, model and turn detection: a session cannot change them.
 * The list has all that the agent may come to have in this call; EV_CONTROL_ENABLE, also before EV_BEGIN, says which
 * of them are off. Of several with one name the first that is on counts.
 */
struct call_agent {
    struct str name;
    struct str instructions;
    struct str handoff_description;
    uint32_t n_tools; /* of opts.tools, handoffs among them, in the order in which the model sees them */
    uint8_t tools[CALL_MAX_TOOLS];
    uint32_t guards; /* mask: its own, besides those of opts.guards.everywhere */
};

/* What a model session is told of whoever speaks. */
struct call_persona {
    uint32_t agent;
    struct str instructions;
    uint32_t n_tools;
    uint8_t tools[CALL_MAX_TOOLS]; /* of opts.tools */
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

/* The local detector: the VAD network's probability against two thresholds. */
struct call_vad_opts {
    bool on;            /* it runs: kinds local, hybrid, manual (barge-in), semantic_vad with a threshold of its own */
    uint32_t rate_hz;   /* branch of the network: 8000 (256 samples) or 16000 (512) */
    uint32_t start_ppm; /* at or above: speech begins; millionths */
    uint32_t end_ppm;   /* below: silence is counted; between the two nothing changes */
    uint32_t min_speech_ms;  /* of speech before a sound is a turn, while the agent is silent */
    uint32_t min_silence_ms; /* ends a turn */
    uint32_t pre_speech_ms;  /* audio before the onset that still belongs to the turn */
    struct str weights;      /* of the network, by fingerprint: for whoever runs it again over a journal */
    uint32_t grace_ms;       /* after the greeting, before sounds count */
};

/* A sound over the agent: pause at once, then decide. */
struct call_barge_in_opts {
    bool on;                    /* the caller may stop the agent */
    bool pause;                 /* two steps; else the first sound that is a turn cancels at once */
    uint32_t verdict_ms;        /* a pause without verdict ends */
    uint32_t pause_ppm;         /* at or above the agent falls silent and listens; at most start_ppm */
    uint32_t min_speech_ms;     /* of speech before it is real, three quarters of it at or above start_ppm */
    uint32_t echo_extra_ms;     /* more of it on a line with echo: what opens the guard lets our own voice in */
    uint32_t reject_silence_ms; /* so much silence and it was nothing */
    uint32_t backchannel_ms;    /* at the edges of the agent's turn shorter speech is a backchannel */
    uint32_t edge_ms;           /* what counts as an edge */
    uint32_t back_ms;           /* resuming moves back to a quiet point, at most so far */
    uint32_t backoff_ms;        /* after a pause that came to nothing the next one needs backoff_ppm more */
    uint32_t backoff_ppm;
};

#define CALL_SILENCE_PROMPTS 4

/* The caller says nothing. */
struct call_silence_opts {
    bool on;
    uint32_t after_ms;  /* of silence on both sides before the first prompt */
    uint32_t again_ms;  /* between the later rungs */
    uint32_t n_prompts; /* then the goodbye, then the hang-up */
    struct str prompts[CALL_SILENCE_PROMPTS];
    struct str goodbye;
};

/* The model says nothing, or never ends. */
struct call_dead_air_opts {
    bool on;
    uint32_t nudge_ms;        /* an answer is owed and nothing can be heard: ask once more */
    uint32_t nudges;          /* so often; then the apology and the hang-up */
    uint32_t max_response_ms; /* audio of one response; over it it is cancelled. 0: none */
};

#define CALL_MAX_PROVIDERS 4

/* Another model session takes over: before the service's limit, when one is lost, when somebody asks for it. */
struct call_renewal_opts {
    bool on;                                    /* else the call ends with its first session */
    uint32_t n_providers;                       /* that may be tried, the agent's own first; at least 1 */
    uint32_t session_max_s[CALL_MAX_PROVIDERS]; /* a session lasts so long unless the service says less; 0: no end */
    uint32_t before_s;   /* so long before the end a new session is prepared; then a quiet moment is waited for */
    uint32_t latest_s;   /* so long before the end the new one takes over, quiet or not */
    uint32_t open_ms;    /* for each attempt to open one */
    uint32_t attempts;   /* of one provider in a row; then the next one is tried */
    uint32_t backoff_ms; /* before the second attempt; doubles each time */
    uint32_t gap_ms;     /* without any session; then the caller gets an apology */
    uint32_t filler_ms;  /* silence of both sides in a gap before the filler is heard; 0: never */
    struct span filler;  /* mu-law; empty: a soft tone */
    uint32_t max_items;  /* of the history that a new session is told, the last ones */
    uint32_t max_bytes;  /* of their texts together */
};

struct call_opts {
    struct str call_id; /* ours */
    struct str agent;   /* who starts: agents[0].name */
    struct str provider;
    struct str carrier;
    struct str instructions; /* agents[0].instructions */
    bool outgoing;           /* we called: before the leg is up nobody is there to be told anything */
    bool text_only;          /* the model writes, nothing is played: `ringtrip chat`; the leg carries no media */
    struct {
        enum greeting_kind kind;
        struct str text;
        bool protect;         /* caller audio is replaced by silence until the greeting was heard */
        uint32_t fallback_ms; /* without audio by then the conversation starts */
    } greeting;
    struct {
        struct str text; /* what is asked for when a goodbye is still owed; empty: the model's own words */
    } farewell;
    struct {
        struct str text; /* said before a transfer when the agent has said nothing; empty: its own words */
    } transfer;
    struct call_turn_opts turn; /* what the service is told */
    struct call_vad_opts vad;
    struct call_barge_in_opts barge_in;
    struct call_silence_opts silence;
    struct call_dead_air_opts dead_air;
    struct call_renewal_opts renewal;
    bool echo_guard;
    bool dtmf_in_band; /* keys are looked for in the audio until the carrier reports one */
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
        uint32_t update_ms;   /* new settings sent, not confirmed */
        uint32_t transfer_ms; /* transfer ordered, the leg neither stopped nor said why not */
    } deadlines;
    struct {
        uint32_t max_call_s; /* 0: none */
        uint32_t queue_ms;   /* downlink audio that may wait */
        uint32_t uplink_ms;  /* caller audio that may wait for the model */
        uint32_t history_kb; /* texts of the conversation that are kept; over it the oldest go */
    } limits;
    bool record;
    struct approval_opts approvals;
    struct call_guard_opts guards;
    uint32_t n_tools;          /* at most CALL_MAX_TOOLS */
    struct call_tool *tools;   /* of all agents; lent, as are the other lists */
    uint32_t n_agents;         /* 0: one, with agent, instructions and all tools */
    struct call_agent *agents; /* index 0 starts the call */
};

/* The lists while somebody still fills them: as long as they may become. */
struct call_opts_room {
    struct call_tool tools[CALL_MAX_TOOLS];
    struct call_agent agents[CALL_MAX_AGENTS];
    struct call_guard guards[CALL_MAX_GUARDS];
};

/* Sensible values for everything; texts and lists empty. */
void call_opts_init(struct call_opts *o);
/* What is in the lists goes into the room, and they lie there from now on. */
void call_opts_lend(struct call_opts *o, struct call_opts_room *room);
/* The same into an arena, each as long as it is: for a call, which lives long. -ENOMEM, and the lists stay. */
MUST_USE int call_opts_pack(struct call_opts *o, struct arena *a);
/* Adds the tool to the agent's list. -ERR_LIMIT */
MUST_USE int call_agent_add_tool(struct call_agent *a, uint32_t tool);
/* The one at index, also when n_agents is 0: then it is made of agent, instructions and all tools. */
struct call_agent call_opts_agent(const struct call_opts *o, uint32_t index);
/* What a session is told of it, as it was configured. */
struct call_persona call_opts_persona(const struct call_opts *o, uint32_t index);
/* Its name: that of opts.agent when there are no agents. */
struct str call_opts_name(const struct call_opts *o, uint32_t index);
/* Index of the agent of that name; UINT32_MAX: none. */
uint32_t call_opts_find_agent(const struct call_opts *o, struct str name);
/* "transfer_to_" and the name in snake form: "Front Desk" -> "transfer_to_front_desk". -ERR_TOO_BIG */
MUST_USE int call_handoff_name(struct str agent, char ret[CALL_ID_MAX]);

#endif
