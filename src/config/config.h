/*
 * The configuration: YAML, a .env file and the environment become one immutable, reference-counted snapshot of plain
 * structs. Modules never see this header: the gateway fills their x_opts from it. One table (options.c) drives the
 * keys, the environment names, the checks, the reference page and .env.example.
 *
 * Where a value comes from, first hit wins: the YAML file; the process environment; the .env file; the default.
 * ${VAR} and ${VAR:-default} in YAML values bring the environment into the file. SYSTEM_PROMPT alone wins over YAML.
 *
 * Every struct str in a snapshot is NUL-terminated and p is never NULL; "" means not given. A snapshot may be read by
 * any thread as long as a reference is held. Loading blocks (files): start-up or a job thread.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/buf.h"
#include "base/log.h"
#include "call/cost_opts.h"
#include "call/opts.h"
#include "config/when.h"
#include "guards/guards_opts.h"
#include "obs/trace_opts.h"
#include "tools/webhook/webhook_opts.h"

struct config_list {
    const struct str *v;
    uint32_t n;
};

struct config_pair {
    struct str name;
    struct str value;
};

struct config_map {
    const struct config_pair *v;
    uint32_t n;
};

/* An address block, IPv4 as ::ffff:a.b.c.d. */
struct config_block {
    uint8_t addr[16];
    uint8_t bits; /* of 128 */
};

struct config_server {
    struct str host; /* from server.listen or SERVER_HOST; without brackets */
    uint16_t port;   /* 0: any free one */
    struct str
        public_url; /* "https://voice.example.com", no slash at the end; "" when unknown: take the request's Host */
    struct str tls_cert; /* both or none */
    struct str tls_key;
    struct config_list tokens;                  /* bearer tokens of control routes */
    const struct config_block *trusted_proxies; /* whose X-Forwarded-* headers are believed */
    uint32_t trusted_proxy_count;
};

struct config_store {
    struct str url;  /* postgres://...; empty: SQLite, records.database */
    struct str node; /* this gateway's name among those that share it; empty: the host's name and records.dir */
};

struct config_campaigns {
    struct str timezone; /* of campaigns that name none */
    uint32_t max_calls;  /* of all campaigns at once, on this gateway */
    uint32_t lease_s;    /* without a sign of life for so long its contacts are taken over by others */
};

struct config_records {
    struct str dir;
    struct str database; /* file; default <dir>/ringtrip.db */
    bool recording;
    bool journal;
    bool confirmation;          /* a confirmation number that is said in a call is kept with it */
    uint32_t retention_days;    /* 0: for ever */
    uint32_t retention_minutes; /* 0: retention_days counts */
    uint32_t min_free_mb;       /* below it no new recording starts */
};

enum config_provider_kind { CONFIG_OPENAI, CONFIG_SANDBOX, CONFIG_GEMINI, CONFIG_PROVIDER_N };
enum config_dialect { CONFIG_GA, CONFIG_BETA, CONFIG_LIVE, CONFIG_DIALECT_N }; /* live: Gemini's, of a sandbox */
/* Where a provider of Vertex AI has its access tokens from. key: api_key is one. */
enum config_login { CONFIG_LOGIN_KEY, CONFIG_LOGIN_FILE, CONFIG_LOGIN_METADATA };
enum config_tool_behaviour { CONFIG_BLOCKING, CONFIG_NON_BLOCKING };

/* What only providers of kind gemini have. Empty, negative and 0 are not sent. */
struct config_gemini {
    struct str api_version;
    struct str project, location; /* of Vertex AI; "": the Gemini API */
    enum config_login login;      /* key without a project */
    struct str credentials_file;  /* of CONFIG_LOGIN_FILE */
    struct str token_url;         /* "": Google's own */
    struct str language_code;
    struct config_list transcription_languages, transcription_vocabulary;
    struct str transcription_mode;
    double presence_penalty, frequency_penalty; /* 0: not sent */
    struct str media_resolution;
    bool context_update;
    double temperature, top_p; /* -1: not sent */
    uint32_t top_k;
    int32_t seed; /* -1: not sent */
    struct str thinking_level;
    int32_t thinking_budget; /* -2: not sent; -1: as the model likes */
    bool affective_dialog, proactive_audio, google_search;
    struct str start_sensitivity, end_sensitivity;
    struct str turn_coverage;
    enum config_tool_behaviour tool_behavior;
    struct str tool_scheduling;
    bool compression;
    uint32_t trigger_tokens, target_tokens; /* 0: the service's own */
};

struct config_provider {
    struct str name; /* the key under providers: */
    enum config_provider_kind kind;
    struct str url; /* ws, wss, http or https base; "" for a sandbox: the one that `ringtrip serve` starts itself */
    struct str api_key;
    struct str model;          /* a retired name has been replaced (a warning says so) */
    struct str voice;          /* a name, or the id of a custom voice ("voice_...") */
    struct str ca_file;        /* "": the system's store */
    uint32_t ping_ms, pong_ms; /* 0: none, never */
    uint32_t connect_ms;
    uint32_t max_message_bytes;
    struct str auth_header; /* "Authorization": sends "Bearer <key>"; any other name: the bare key */
    bool model_in_query;
    enum config_dialect dialect;
    struct config_gemini gemini;
    struct config_map headers;
    struct config_map query;
    struct cost_prices prices; /* of prices.<model>; all zero when unknown */
    struct config_list tools;  /* only these of an agent's tools, when narrowed */
    bool narrowed;
    uint32_t session_max_s;      /* 0: none known */
    struct config_list failover; /* names of providers that take over, in this order; distinct, known, not this one */
    const uint32_t *failover_to; /* the same as indices into config.providers */
};

struct config_twilio {
    bool enabled; /* its routes are served; default: it is configured, or no carrier is */
    struct str account_sid;
    struct str auth_token;          /* the first of auth_tokens: REST */
    struct config_list auth_tokens; /* any of them may sign a webhook (two during a token roll) */
    struct str phone_number;
    struct str messaging_service; /* "MG..."; text messages go through it */
    bool require_token;           /* a media socket needs our one-time token or a valid signature */
    bool verify_signature;        /* default: on when there is an auth token */
    struct str api_base;          /* "https://api.twilio.com" */
    struct str ca_file;
};

struct config_plivo {
    bool enabled; /* likewise */
    struct str auth_id;
    struct str auth_token; /* the first of auth_tokens: REST */
    struct config_list auth_tokens;
    struct str phone_number; /* with its + */
    struct str application;
    bool configure; /* application and number are brought up to date at the start */
    bool require_token;
    bool verify_signature; /* default: on when there is an auth token */
    bool accept_v2;
    bool text_events;
    bool record;
    struct str voice;
    struct str api_base; /* "https://api.plivo.com" */
    struct str ca_file;
};

struct config_greeting {
    enum greeting_kind kind;
    struct str text;      /* text: spoken exactly; prompt: an instruction how to greet ("": as the model likes) */
    bool protect;         /* key "protected": caller speech does not cut it */
    uint32_t fallback_ms; /* without audio by then the conversation starts */
};

struct config_transcription {
    bool enabled;
    struct str model;
    struct str language;
    struct str prompt;
    struct config_list keywords, languages;
    struct str delay; /* "": not given */
    struct str extra; /* these three as members of a JSON object, without braces; "": none */
};

enum config_noise { CONFIG_NOISE_NONE, CONFIG_NEAR_FIELD, CONFIG_FAR_FIELD, CONFIG_NOISE_N };
enum config_modality { CONFIG_AUDIO, CONFIG_TEXT, CONFIG_MODALITY_N };

/* Thresholds and silence for a kind of room; keys that are given win over it. */
enum config_preset { CONFIG_PRESET_NONE, CONFIG_PRESET_QUIET, CONFIG_PRESET_NOISY, CONFIG_PRESET_N };

/* A wish: the server's confirmed format is what counts. */
struct config_audio {
    bool given; /* false: what the phone leg speaks */
    enum audio_format format;
};

enum config_effort {
    CONFIG_EFFORT_DEFAULT, /* not sent */
    CONFIG_EFFORT_MINIMAL,
    CONFIG_EFFORT_LOW,
    CONFIG_EFFORT_MEDIUM,
    CONFIG_EFFORT_HIGH,
    CONFIG_EFFORT_XHIGH,
    CONFIG_EFFORT_N
};

/* What happens to an approval that nobody gives. */
enum config_policy { CONFIG_POLICY_DEFAULT, CONFIG_POLICY_REJECT, CONFIG_POLICY_APPROVE };

/* What the caller hears while a tool takes its time. */
struct config_filler {
    bool enabled;
    uint32_t after_ms;
    struct str words;
    struct str sound; /* WAV file, in place of words; "": none */
};

struct config_approvals {
    uint32_t timeout_ms; /* 0: none */
    enum config_policy late;
    struct str words;     /* told to the caller meanwhile; "": nothing */
    struct str rejection; /* "": ours */
    struct config_list languages, yes, no;
    struct str yes_words, no_words; /* what follows from them: one on a line */
};

/* An entry of tools, or of agent.tools, that is a map. Texts in {{ }} are templates. */
struct config_tool {
    struct str name;
    bool builtin;               /* settings of a built-in tool: description and parameters are its own when empty */
    const struct when *enabled; /* NULL: always */
    struct str description;
    struct str parameters; /* JSON Schema of an object, checked */
    struct str url;
    enum webhook_method method;
    struct config_map headers;
    struct str body;        /* JSON; "": the default of the method */
    struct str response;    /* path; "": the whole answer */
    struct str sign_secret; /* "": not signed */
    struct str ca_file;     /* "": the system's store */
    uint32_t timeout_ms;    /* 0: deadlines.tool_ms */
    uint32_t max_response_bytes;
    bool retry;
    struct config_list retry_on;
    uint32_t retry_mask; /* of webhook_retry_bit */
    uint32_t run_ms;     /* of any kind of tool; 0: deadlines.tool_ms */
    /* As they were given: zeros and empty texts stand for config.filler and config.approvals. */
    struct tool_rules rules;
    bool fills;                      /* false: no filler at all */
    struct str filler_sound;         /* WAV file */
    struct config_list approve_when; /* conditions, checked */
    enum config_policy approve_late;
};

#define CONFIG_MAX_AGENTS   32
#define CONFIG_MAX_HANDOFFS 16
#define CONFIG_MAX_ROUTES   256
#define CONFIG_NONE         UINT32_MAX

#define CONFIG_MAX_COMMAND 32 /* words */

/* A server of the Model Context Protocol. */
struct config_mcp {
    struct str name;
    struct config_list command; /* program and arguments; empty: url */
    struct config_map env;
    struct str url;
    struct config_map headers;
    struct str ca_file; /* "": the system's store */
    uint32_t start_ms;
    uint32_t timeout_ms;      /* 0: deadlines.tool_ms */
    uint32_t refresh_s;       /* 0: never */
    struct config_list tools; /* only these; empty: all */
    struct str prefix;
    enum approval_kind approval; /* of all its tools */
};

/* A way from one agent to another. */
struct config_handoff {
    struct str agent_name;
    uint32_t agent;             /* index into config.agents */
    struct str tool_name;       /* "transfer_to_billing" */
    struct str description;     /* for the model; the agent's handoff_description unless given here */
    const struct when *enabled; /* NULL: always */
};

struct config_agent {
    struct str name;
    const struct when *enabled; /* NULL: always */
    struct str handoff_description;
    const struct config_handoff *handoffs;
    uint32_t handoff_count;
    const uint32_t *tool_refs; /* what it may use, as indices into config.tools: built-in and others, in order */
    uint32_t tool_ref_count;
    struct config_list mcp;        /* names of servers whose tools it may use, too */
    struct config_list guardrails; /* names */
    struct config_map variables;   /* for templates; over config.variables */
    uint32_t provider;             /* index into config.providers */
    struct str provider_name;
    struct str model;        /* "": its provider's; see config_model */
    struct str voice;        /* "": its provider's */
    struct str instructions; /* the text itself, also when it came from instructions_file or SYSTEM_PROMPT */
    struct str instructions_file;
    struct config_greeting greeting;
    struct str farewell;        /* what the model is asked to say before end_call hangs up; "" : what it likes */
    struct str apology;         /* spoken (by the carrier) when no model can be reached */
    struct config_list tools;   /* the same by name */
    struct call_turn_opts turn; /* only what the service is to be told is given; the rest is -1 or empty */
    enum config_preset preset;
    enum turn_kind service_kind; /* hybrid: how the service detects; already told by turn.eagerness */
    struct call_vad_opts vad;    /* on: it runs, for the turns or only for interruptions */
    struct call_barge_in_opts barge_in;
    struct config_list silence_prompts; /* already in silence */
    struct call_silence_opts silence;   /* off where the service's idle timeout takes its place */
    bool silence_outbound;              /* calls that we place have it, too */
    struct call_dead_air_opts dead_air;
    bool echo_guard;
    bool dtmf_in_band;
    struct config_transcription transcription;
    enum config_noise noise_reduction;
    struct config_audio input_format;
    struct config_audio output_format;
    enum config_modality output_modality;
    double speed;               /* 0: not sent */
    uint32_t max_output_tokens; /* 0: "inf", not sent */
    struct str tool_choice;     /* "auto", "none", "required" or the name of a tool */
    enum config_effort reasoning_effort;
    bool parallel_tool_calls_set;
    bool parallel_tool_calls;
    struct str tracing;    /* "auto", "none" or a JSON object: for the service */
    struct str prompt;     /* stored at the service, as a JSON object; "": none */
    struct str truncation; /* "auto", "disabled" or a JSON object; "": not sent */
    double temperature;    /* below 0: not sent */
};

/* An entry of guardrails. */
struct config_guardrail {
    struct str name;
    struct guard_def def; /* words and shapes are filled from the lists below */
    bool for_all;         /* every agent has it; else those that name it */
    struct config_list on;
    uint32_t sides; /* bits of enum guard_side, from on */
    enum guard_verb action;
    struct str feedback; /* told to the model behind a trip; "": a sentence that names it */
    struct config_list words;
    struct config_list shapes;
    struct config_list tools; /* whose arguments it looks at; none: all */
    struct str refusal;       /* what the model gets in place of the tool's output; "": a sentence */
    bool raise;               /* an error of the session instead, and no output but that it cannot be used */
    bool hold;                /* http, model, code: audio waits for its opinion too */
    struct str url; /* http: the endpoint; model: base of chat/completions, "": that of the agent's provider */
    struct config_map headers;
    struct str api_key; /* model; "": the provider's */
    struct str model;
    struct str instructions;
    struct str schema;      /* of the model's answer; "": ours */
    struct str sign_secret; /* http */
    struct str ca_file;
    uint32_t timeout_ms;
    uint32_t max_response_bytes;
};

/* How guardrails work together. */
struct config_guarding {
    uint32_t debounce_chars;
    bool hold_back;
    uint32_t hold_max_ms;
    enum guard_expiry expiry;
    uint32_t margin_ms;
    uint32_t max_trips;
    bool before_approval;    /* tools: looked at before somebody is asked, and again before they run */
    struct config_list mask; /* shapes that are masked in transcripts and logs */
    uint32_t mask_shapes;    /* the same as bits */
};

/* Which calls go where. The first whose condition holds counts; without any, start_agent takes the call. */
struct config_route {
    struct str name;          /* for logs; "#3" when it has none */
    const struct when *when;  /* NULL: every call */
    struct str agent_name;    /* "": start_agent */
    uint32_t agent;           /* index into config.agents */
    struct str provider_name; /* "": the agent's */
    uint32_t provider;        /* index into config.providers, CONFIG_NONE: the agent's */
    bool narrowed;            /* tools are given */
    struct config_list tools; /* only these of an agent's tools */
    struct str language;      /* "": the agent's */
    struct str voice;         /* "": the agent's */
    bool greeting_given;
    struct str greeting;         /* in place of the agent's text */
    struct config_map variables; /* over those of the agent */
};

struct config_vad {
    struct str model_file; /* "": the network that is built in */
};

/* Another model session takes over: call_renewal_opts as far as it is set by hand. */
struct config_renewal {
    bool enabled;
    uint32_t before_s, latest_s;
    uint32_t attempts;
    uint32_t backoff_ms, open_ms, gap_ms, filler_ms;
    struct str filler_sound; /* path; "": a tone */
};

struct config_playout {
    uint32_t lead_ms;
    uint32_t max_lead_ms;
    uint32_t burst_ms;
};

struct config_limits {
    uint32_t max_calls;
    uint32_t max_call_s;
    uint32_t max_calls_per_number; /* 0: no bound */
    uint32_t max_unauthenticated_sockets;
    int64_t max_cost_micro; /* of one call; 0: no bound */
    uint32_t audio_pool_mb; /* of waiting model audio, per worker */
    uint32_t queue_ms;      /* model audio that may wait, per call */
    uint32_t uplink_ms;     /* caller audio that may wait for the model */
    uint32_t history_kb;    /* of the conversation */
};

struct config_price {
    struct str model;
    struct cost_prices prices;
};

/* Traces of calls: our own, and what the service is told (config_agent.tracing). */
struct config_tracing {
    bool enabled;
    bool local;   /* kept with the records */
    int content;  /* 1: what was said, arguments and results too */
    bool exports; /* follows from the rest: there is somewhere to send them to */
    struct str endpoint;
    struct str traces_endpoint; /* the whole address, made of endpoint when only that is given */
    struct str headers;         /* name=value, percent-encoded */
    uint32_t timeout_ms;
    int gzip; /* 1: yes */
    struct str ca_file;
    struct str protocol;
    uint32_t delay_ms;
    uint32_t max_batch;
    uint32_t max_queue;
    bool sdk_disabled;
    struct config_list exporters;
    enum trace_sampler sampler;
    double sampler_ratio;
    struct str service_name;
    struct str resource; /* name=value, percent-encoded */
};

enum config_log_format { CONFIG_LOG_TEXT, CONFIG_LOG_JSON, CONFIG_LOG_FORMAT_N };

struct config_log {
    enum log_level level;
    enum config_log_format format;
    struct str file; /* "": standard error */
};

struct config_fallback {
    struct str twiml; /* the model cannot be reached; "": speak agent.apology and hang up */
    struct str busy_twiml;
    struct str plivo_xml, plivo_busy_xml; /* over a limit or draining; "": <Reject reason="busy"/> */
};

/* The one restaurant of the concierge demonstration. */
struct config_concierge {
    struct str agent;         /* who calls it; "": as the routes say */
    uint32_t poll_ms, wait_s; /* how that call is followed */
    struct str name, phone, address, cuisine;
};

/* Handing a caller over to people. */
struct config_transfer {
    struct str announcement; /* said before when the agent has said nothing; "": its own words */
    uint32_t ring_s;
    bool return_to_agent; /* nobody answers: the caller comes back to the agent, else hears sorry and it ends */
    struct str sorry;
};

enum config_mode { CONFIG_MODE_BOTH, CONFIG_MODE_INBOUND, CONFIG_MODE_OUTBOUND };

/* Calls that we start. */
struct config_outbound {
    struct str carrier; /* "twilio"; "": the first that can dial */
    uint32_t ring_s;
    uint32_t max_call_s;          /* 0: limits.max_call_s alone */
    uint32_t max_calls;           /* at a time, of limits.max_calls; 0: all of them */
    struct str opening;           /* how the agent begins, in place of its greeting; "": by its reason */
    struct str on_machine;        /* "talk", "hangup", "voicemail" */
    struct str voicemail;         /* what is said behind the beep */
    struct str sounds;            /* folder of recordings; "": none */
    uint32_t machine_detection_s; /* so long the carrier may listen; 0: its own */
    struct str voicemail_sound;   /* one of them, in place of voicemail; "": the words */
};

/* Where events of calls are told to programs. */
struct config_event_hooks {
    struct config_list urls;
    struct str secret;         /* signs what is sent */
    struct config_list events; /* words; empty: all */
    uint32_t timeout_ms;
    uint32_t give_up_s;
};

/* The first nine are those of call_opts; the rest belongs to the edges. */
struct config_deadlines {
    uint32_t leg_start_ms;
    uint32_t model_ready_ms;
    uint32_t response_ms;
    uint32_t stall_ms;
    uint32_t cancel_ms;
    uint32_t tool_ms;
    uint32_t farewell_ms;
    uint32_t hangup_ms;
    uint32_t media_ms;
    uint32_t transfer_ms;
    uint32_t socket_start_ms;    /* media socket opened to an accepted start message */
    uint32_t session_updated_ms; /* session.update sent to session.updated */
    uint32_t warm_session_ms;    /* a model session opened at the webhook waits for media */
    uint32_t rest_ms;            /* one request to the carrier's REST API */
    uint32_t drain_ms;           /* shutdown: running calls may go on for so long */
};

struct config {
    struct config_server server;
    struct config_records records;
    struct config_store store;
    struct config_campaigns campaigns;
    const struct config_provider *providers; /* at least one */
    uint32_t provider_count;
    struct config_twilio twilio;
    struct config_plivo plivo;
    struct config_agent agent;         /* the starting one, the same as agents[start_agent] */
    const struct config_agent *agents; /* at least one; distinct names */
    uint32_t agent_count;
    uint32_t start_agent; /* index into agents */
    struct str start_agent_name;
    struct config_filler filler;
    struct config_approvals approvals;
    const struct config_tool *tools; /* every tool that is described or used; distinct names */
    uint32_t tool_count;
    const struct config_mcp *mcp;
    uint32_t mcp_count;
    const struct config_route *routes;
    uint32_t route_count;
    struct str company_name;                   /* {{company_name}} */
    const struct zone *zone;                   /* of time_zone */
    struct str time_zone;                      /* of conditions, and of dates in texts: "Europe/Berlin"; "UTC" */
    struct config_map variables;               /* for templates */
    const struct config_guardrail *guardrails; /* distinct names, at most CALL_MAX_GUARDS */
    uint32_t guardrail_count;
    struct config_guarding guarding;
    struct config_vad vad;
    struct config_renewal renewal;
    struct config_playout playout;
    struct config_limits limits;
    const struct config_price *prices;
    uint32_t price_count;
    struct config_log log;
    struct config_tracing tracing;
    struct config_map departments; /* name to number, E.164 or sip: */
    struct config_transfer transfer;
    struct config_concierge concierge;
    struct config_fallback fallback;
    struct config_deadlines deadlines;
    enum config_mode mode;
    struct config_outbound outbound;
    struct config_event_hooks event_hooks;
    struct str default_country; /* "US": for numbers without + (DEFAULT_COUNTRY_CODE) */

    struct str source;           /* the YAML file's path, "" : environment alone */
    struct config_list warnings; /* log each once after loading: retired model, dropped keys, ... */
    struct config_list secrets;  /* register with the log sink to be masked */
};

/* The value of an environment variable or NULL. */
typedef const char *(*config_env_fn)(const char *name, void *arg);

struct config_source {
    const char *path;        /* YAML file, NULL: none */
    const struct str *text;  /* YAML text instead of a file (tests, fuzzing); path then only names it */
    const struct str *over;  /* YAML text whose keys win over those of the file; NULL: none */
    const char *dotenv_path; /* NULL: ".env" in the working directory; "": none. A missing file is no error */
    config_env_fn env;       /* NULL: the process environment */
    void *env_arg;
};

#define CONFIG_MAX_FILE_BYTES (1024 * 1024)

/*
 * Loads a snapshot with one reference. On failure (-ERR_CONFIG; -ENOENT and other -errno of the file; -ENOMEM) errors
 * gets one line for each problem found: "file:line:col: message; did you mean "nearest"?".
 */
MUST_USE int config_load(const struct config_source *src, struct buf *errors, struct config **ret);
struct config *config_ref(struct config *cfg);
struct config *config_unref(struct config *cfg);

/* The address (text, with or without port or brackets) is a trusted proxy. */
bool config_trusts_proxy(const struct config *cfg, struct str address);
/* Index of the agent, provider or tool with this name; CONFIG_NONE when there is none. */
uint32_t config_find_agent(const struct config *cfg, struct str name);
uint32_t config_find_provider(const struct config *cfg, struct str name);
uint32_t config_find_tool(const struct config *cfg, struct str name);
uint32_t config_find_guardrail(const struct config *cfg, struct str name);
/* The first route that holds for these facts and whose agent is enabled; NULL: none, start_agent takes the call. */
const struct config_route *config_find_route(const struct config *cfg, const struct when_facts *facts);
/*
 * The model an agent speaks with over a provider, CONFIG_NONE: its own. Its own model counts only there: another
 * provider has names of its own. A voice is the agent's wherever it speaks.
 */
struct str config_model(const struct config *cfg, const struct config_agent *agent, uint32_t provider);
struct str config_voice(const struct config *cfg, const struct config_agent *agent, uint32_t provider);
/* It speaks the protocol of Gemini Live, else that of OpenAI Realtime. */
bool config_is_live(const struct config_provider *p);
/* Prices of a model, NULL when none are configured. A dated name ("m-2026-01-02") finds its undated one. */
const struct cost_prices *config_prices(const struct config *cfg, struct str model);

/* The effective configuration as YAML; secrets as "***". */
void config_dump_masked(const struct config *cfg, struct buf *out);
/* .env.example and docs/configuration.md, from the option table. */
void config_print_env(struct buf *out);
void config_print_markdown(struct buf *out);

/* Words of enums as in the configuration. */
const char *config_noise_word(enum config_noise noise);    /* "near_field"; "none" */
const char *config_effort_word(enum config_effort effort); /* "low"; "" for the default */

#endif
