/*
 * A configuration that is being put together: the snapshot, where each value came from, and the problems found so far.
 * Private to src/config.
 */
#ifndef CONFIG_DRAFT_H
#define CONFIG_DRAFT_H

#include "config/env.h"
#include "config/options.h"
#include "config/yaml.h"

#define DRAFT_MAX_OPTIONS   400
#define DRAFT_MAX_PROVIDERS 16
#define DRAFT_MAX_TOOLS     128
#define DRAFT_MAX_REFS      64
#define DRAFT_MAX_PRICES    64
#define DRAFT_MAX_WARNINGS  64
#define DRAFT_MAX_SECRETS   256
#define DRAFT_MAX_ZONES     32
#define DRAFT_MAX_MCP       16

enum origin_kind { ORIGIN_DEFAULT, ORIGIN_DOTENV, ORIGIN_ENV, ORIGIN_FILE };

struct origin {
    enum origin_kind kind;
    uint32_t line;
    uint32_t col;
    const char *env; /* the name, when it came from the environment */
    bool inherited;  /* from agent: by one of agents: */
};

struct draft_provider {
    struct config_provider v;
    struct origin at;
    bool broken; /* a key of it was refused: what follows from defaults is not worth telling */
    struct origin origins[DRAFT_MAX_OPTIONS]; /* by index into option_table */
};

/* A name that is looked up when everything has been read. */
struct draft_ref {
    struct str name;
    struct origin at;
    const struct when *enabled; /* of a handoff */
    struct str description;     /* likewise */
};

struct draft_refs {
    struct draft_ref *v; /* DRAFT_MAX_REFS of them, in the arena; NULL: none yet */
    uint32_t n;
};

/* What one agent says; while it is worked on it stands in draft.cfg->agent, draft.origins and draft.refs. */
struct draft_agent {
    struct config_agent v;
    struct origin at;
    struct origin origins[DRAFT_MAX_OPTIONS];
    struct draft_refs tools;
    struct draft_refs handoffs;
};

struct draft_route {
    struct config_route v;
    struct origin at;
    struct origin origins[DRAFT_MAX_OPTIONS];
};

struct draft_mcp {
    struct config_mcp v;
    struct origin at;
    struct origin origins[DRAFT_MAX_OPTIONS];
};

struct draft_guardrail {
    struct config_guardrail v;
    struct origin at;
    struct origin origins[DRAFT_MAX_OPTIONS];
};

struct draft {
    struct config *cfg;
    struct arena *arena; /* of the snapshot */
    struct buf *errors;
    struct str name;   /* of the YAML file, for messages */
    struct str folder; /* of the YAML file, with a slash at the end; "" : the working directory */
    struct env env;
    struct origin origins[DRAFT_MAX_OPTIONS];
    struct draft_provider *providers;
    uint32_t provider_count;
    struct config_tool *tools;
    uint32_t tool_count;
    struct draft_agent *agents; /* CONFIG_MAX_AGENTS, and behind them what agent: says */
    uint32_t agent_count;
    bool several;                   /* agents: is there */
    bool is_start;                  /* the one that is worked on is the starting one */
    const struct origin *agent_at;  /* where it is */
    struct str agent_name;          /* the one of agents: that is worked on; empty: agent: itself */
    struct draft_refs tool_refs;    /* its */
    struct draft_refs handoff_refs; /* likewise */
    struct draft_route *routes;     /* CONFIG_MAX_ROUTES, in the arena */
    uint32_t route_count;
    struct draft_mcp *mcp; /* DRAFT_MAX_MCP, in the arena; NULL: none */
    uint32_t mcp_count;
    struct draft_guardrail *guardrails; /* CALL_MAX_GUARDS, in the arena; NULL: none yet */
    uint32_t guardrail_count;
    struct config_price *prices;
    uint32_t price_count;
    struct str warnings[DRAFT_MAX_WARNINGS];
    uint32_t warning_count;
    struct str secrets[DRAFT_MAX_SECRETS];
    uint32_t secret_count;
    struct {
        struct str name;
        const struct zone *zone;
    } zones[DRAFT_MAX_ZONES]; /* read already */
    uint32_t zone_count;
    uint32_t condition_count;
    const char *prefix; /* of the keys that are walked: "tools.lookup." */
    uint32_t problems;
    bool out_of_memory;
};

/* One problem: "file:line:col: message", ".env:3: NAME: message" or "environment: NAME: message". */
void draft_fail(struct draft *d, const struct origin *at, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Something that works but should be known; the same text only once. */
void draft_warn(struct draft *d, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* keeps nothing: the secret must live in the arena. */
void draft_secret(struct draft *d, struct str secret);
/* Where the option of this key (root scope) got its value. */
const struct origin *draft_origin(const struct draft *d, const char *key);
static inline bool draft_given(const struct draft *d, const char *key)
{
    return draft_origin(d, key)->kind != ORIGIN_DEFAULT;
}

/* wanted.c: what the option wants, to be followed by what it got. */
void wanted_put(struct buf *why, const struct option *o);

/*
 * value.c: text or node into the field of base that o describes. -ERR_CONFIG with what is wrong in why; -ENOMEM.
 * value_set_node: 1 when it was set, 0 when the node comes to nothing (an empty ${VAR:-}).
 */
MUST_USE int value_set_text(struct draft *d, const struct option *o, void *base, struct str text, bool from_file,
                            struct buf *why);
MUST_USE int value_set_node(struct draft *d, const struct option *o, void *base, const struct yaml_node *n,
                            struct buf *why);
/* The types that take a map or a list as well as a word. */
bool value_takes_map(enum option_type type);

/* walk.c: the YAML tree into the draft; problems are reported, the walk goes on. */
void walk_tree(struct draft *d, const struct yaml_node *root);
/* New providers and prices with their defaults; NULL when there are too many or memory ran out (reported). */
struct draft_provider *draft_provider_add(struct draft *d, struct str name, const struct origin *at);

/* Gives the defaults of a scope to a new struct; its texts are at least "", so that readers never meet NULL. */
void draft_defaults(struct draft *d, enum option_scope scope, void *base);
/* A map of the file into a struct; prefix ("agent.tools[0].") and the origins are for messages. */
void walk_struct(struct draft *d, enum option_scope scope, const struct yaml_node *map, void *base,
                 struct origin *origins, const char *prefix);
/* A map of the file as the group ("agent") of the root. */
void walk_group(struct draft *d, const char *group, const struct yaml_node *map);

/* tools.c: agent.tools: names, and maps that describe a tool on the spot. -ERR_CONFIG with why when it is no list. */
MUST_USE int take_tool_refs(struct draft *d, const struct yaml_node *list, struct buf *why);
/* tools: a map of names or a list. */
void walk_tools(struct draft *d, const struct yaml_node *n);
/* The tools of the agent that is worked on. */
void default_agent_tools(struct draft *d);
void finish_agent_tools(struct draft *d);
void finish_tools(struct draft *d);
/* Which tools there are, for "did you mean"; false when nothing is near. */
bool tool_nearest(const struct draft *d, struct str name, struct str *ret);

/* agents.c: agents: after everything else has been read. */
void walk_agents(struct draft *d, const struct yaml_node *n);
MUST_USE int take_handoff_refs(struct draft *d, const struct yaml_node *list, struct buf *why);
/* Comma-separated names as references, for defaults. */
MUST_USE int draft_refs_text(struct draft *d, struct draft_refs *refs, struct str text, struct buf *why);
MUST_USE int draft_ref_add(struct draft *d, struct draft_refs *refs, const struct draft_ref *ref, struct buf *why);
/* Makes an agent the one that is worked on; and puts it back. */
void draft_agent_enter(struct draft *d, const struct draft_agent *a);
void draft_agent_leave(struct draft *d, struct draft_agent *a);
/* The option belongs to agent:. */
bool option_is_agent(const struct option *o);
void finish_agents(struct draft *d);
/* key ("start_agent") names an agent that is not there: told with the nearest one. */
void agent_unknown(struct draft *d, const struct origin *at, const char *key, struct str name);

/* guardrails.c */
void walk_guardrails(struct draft *d, const struct yaml_node *n);
void finish_guardrails(struct draft *d);

/* routes.c */
void walk_routes(struct draft *d, const struct yaml_node *n);
void finish_routes(struct draft *d);
/* mcp.c */
void walk_mcp(struct draft *d, const struct yaml_node *n);
void finish_agent_mcp(struct draft *d);
void finish_mcp(struct draft *d);

/* Nearest of the names of providers. */
bool provider_nearest(const struct draft *d, struct str name, struct str *ret);
/* A YAML map as JSON text, as it stands: without variables, numbers and words as YAML 1.2 means them. */
MUST_USE int schema_keep(struct draft *d, const struct yaml_node *n, struct str *ret);

/* when_read.c: a condition; problems are reported. path ("routes[2].when") is for messages. NULL: always. */
const struct when *when_read(struct draft *d, const struct yaml_node *n, const char *path);
/* zones.c: the zone of this name (kept by reference), NULL after a report. */
const struct zone *draft_zone(struct draft *d, struct str name, const struct origin *at, const char *key);

/* finish.c: names of variables are words. */
void check_variables(struct draft *d, const struct config_map *m, const struct origin *at, const char *key);
/* finish.c: the environment for options of agent:, and the checks of one agent; it is the one that is worked on. */
void finish_agent_env(struct draft *d);
void finish_agent(struct draft *d);
/* tracing.c: {workflow_name, group_id, metadata} as JSON; what follows from the settings of the export. */
MUST_USE int prompt_keep(struct draft *d, const struct yaml_node *n, struct str *ret, struct buf *why);
MUST_USE int truncation_keep(struct draft *d, const struct yaml_node *n, struct str *ret, struct buf *why);
/* p NULL: there is no provider, and the load has failed. */
void finish_service(struct draft *d, const struct config_provider *p);
MUST_USE int tracing_keep(struct draft *d, const struct yaml_node *n, struct str *ret, struct buf *why);
void finish_tracing(struct draft *d);

/* finish_provider.c: every provider, then the one that the agent speaks to (of the agent that is worked on). */
void finish_providers(struct draft *d);
void finish_provider_choice(struct draft *d);
/* finish.c, for it: the environment for options of a provider; whether any option of o's field has a value; a copy of
 * text. */
void finish_provider_env(struct draft *d, struct draft_provider *p);
bool draft_field_taken(const struct origin *origins, const struct option *o);
void draft_set_text(struct draft *d, struct str *field, struct str text);

/* finish.c: what follows from several values, and the checks over them. */
void finish_draft(struct draft *d);

/* approvals.c: what may be said of a tool's use: conditions, sounds; words of consent. */
void check_tool_rules(struct draft *d, struct config_tool *tool, const char *prefix, const struct origin *origins,
                      const struct origin *entry);
void finish_approvals(struct draft *d);

/* turns.c: turn detection, interruption and silence: what is told to the service, what stays with us. */
void finish_turns(struct draft *d);
/* False: under this kind of turn detection the key says nothing; in a dump it would come back as a wish of the user. */
bool turns_say(const struct config_agent *a, const char *key);

/* departments.c: numbers in the form that carriers take. After the tools are known. */
void finish_departments(struct draft *d);

/* model.c: facts about the service's models and voices. */
bool model_is_retired(struct str model);
const char *model_default(void);
bool voice_is_known(struct str voice);
void voice_put_names(struct buf *out); /* "alloy, ash ... and cedar" */
/* The same of Gemini Live. */
const char *live_model_default(void);
const char *live_voice_default(void);
bool live_voice_is_known(struct str voice); /* case counts */
void live_voice_put_names(struct buf *out);

#endif
