/*
 * The one table of options: where a value stands in YAML, which environment names give it, its type, limits, default
 * and meaning. The loader, the masked dump, .env.example and docs/configuration.md are all driven by it. Const data.
 */
#ifndef CONFIG_OPTIONS_H
#define CONFIG_OPTIONS_H

#include "base/nearest.h"
#include "config/config.h"

/* Which struct the offset counts in. */
enum option_scope {
    OPTION_ROOT,     /* struct config */
    OPTION_PROVIDER, /* struct config_provider; key relative to providers.<name> */
    OPTION_PRICE,    /* struct config_price; key relative to prices.<model> */
    OPTION_TOOL,     /* struct config_tool; key relative to an entry of tools or agent.tools */
    OPTION_ROUTE,    /* struct config_route; key relative to an entry of routes */
    OPTION_MCP,      /* struct config_mcp; key relative to mcp.<name> */
    OPTION_GUARD,    /* struct config_guardrail; key relative to guardrails.<name> */
    OPTION_SCOPE_N
};

/* The field's C type stands beside it. */
enum option_type {
    OPTION_STR,        /* struct str; one of words when there are any */
    OPTION_SECRET,     /* struct str, masked */
    OPTION_FILE,       /* struct str; a relative path in YAML counts from the YAML file's folder */
    OPTION_URL,        /* struct str; scheme and host required, no slash at the end */
    OPTION_HOSTNAME,   /* struct str; a bare host becomes https://host */
    OPTION_LISTEN,     /* server.host and server.port together */
    OPTION_U16,        /* uint16_t */
    OPTION_U32,        /* uint32_t; 0 may be spelt by word0 */
    OPTION_I32,        /* int32_t */
    OPTION_MS,         /* uint32_t; plain milliseconds or 5s, 250ms, 2m */
    OPTION_SECONDS,    /* uint32_t; plain seconds or 5s, 2m, 1h */
    OPTION_F64,        /* double */
    OPTION_PPM,        /* uint32_t, millionths; written as a fraction */
    OPTION_MONEY,      /* int64_t, millionths */
    OPTION_BOOL,       /* bool */
    OPTION_ENUM,       /* an enum; one of words */
    OPTION_AUDIO,      /* struct config_audio; a name, or a map with type */
    OPTION_VOICE,      /* struct str; a name, or a map with id */
    OPTION_CHOICE,     /* struct str; a word, or {type: function, name: x} */
    OPTION_MODALITIES, /* enum config_modality; a word or a list of words */
    OPTION_LIST,       /* struct config_list; a list or one word; commas separate in the environment */
    OPTION_TEXTS,      /* struct config_list of sentences: a list or one; in this table | separates */
    OPTION_SECRETS,    /* struct config_list, masked */
    OPTION_MAP,        /* struct config_map */
    OPTION_SECRET_MAP, /* struct config_map, values masked */
    OPTION_SCHEMA,     /* struct str, JSON; a map, as it stands */
    OPTION_WHEN,       /* const struct when *; true, false or a map of conditions */
    OPTION_TOOLS,      /* names of tools, and maps that describe one: draft.tool_refs */
    OPTION_HANDOFFS,   /* names of agents, and maps with agent: draft.handoff_refs */
    OPTION_TRACING,    /* struct str; a word, or JSON of a map {workflow_name, group_id, metadata} */
    OPTION_PROMPT,     /* struct str, JSON of a map {id, version, variables} */
    OPTION_TRUNCATION, /* struct str; a word, or JSON of a map {type, retention_ratio, token_limits} */
    OPTION_BLOCKS,     /* trusted_proxies and their count */
    OPTION_DROPPED,    /* accepted in any form, without effect, reported once */
};

struct option_word {
    const char *word;
    int value;
    bool hidden; /* another spelling, not shown */
};

#define OPTION_MAX_ENV 3

#define OPTION_KIND(kind) (1u << (kind))

struct option {
    enum option_scope scope;
    enum option_type type;
    const char *key;                 /* dotted; NULL: environment only */
    const char *env[OPTION_MAX_ENV]; /* first that is set wins */
    size_t offset;
    double min;
    double max;
    const struct option_word *words; /* ends with a NULL word */
    const char *word0;               /* spelling of 0 ("inf") */
    const char *null_text;           /* what YAML null means; NULL: as if the key were absent */
    const char *def;                 /* text; NULL: zero or empty */
    const char *def_text;            /* how documentation words the default; NULL: def */
    const char *example;             /* for .env.example */
    const char *meaning;
    const char *since;
    bool host_alone;   /* OPTION_URL: a host name without a scheme is https */
    bool env_wins;     /* the environment replaces what the file says */
    uint8_t env_kinds; /* mask of OPTION_KIND: only these providers take it from the environment; 0: all */
    uint8_t kinds;     /* likewise: only these have it at all */
};

extern const struct option option_table[];
extern const uint32_t option_count;

/* Other spellings of keys: a path or the beginning of one, and what it stands for. */
struct option_alias {
    const char *from;
    const char *to;
};
extern const struct option_alias option_aliases[];
extern const uint32_t option_alias_count;

/* Top-level keys that hold names or entries of the user's own: providers, agents, tools, ... */
extern const char *const option_sections[];
extern const uint32_t option_section_count;

/* Names of the tools that are built in. */
extern const char *const option_builtins[];
extern const uint32_t option_builtin_count;

/* A group of keys that may be written as one word: which key the word is for, and which one null is for. */
struct option_shorthand {
    const char *group;
    const char *word_key;
    const char *null_key;
    enum option_scope scope;
};
extern const struct option_shorthand option_shorthands[];
extern const uint32_t option_shorthand_count;

/* The option with this key, NULL when there is none. */
const struct option *option_find(enum option_scope scope, struct str key);
/* Some key of the scope begins with path and a dot. */
bool option_is_group(enum option_scope scope, struct str path);
/* The nearest known member name of the group ("" : top), false when nothing is near. */
bool option_nearest(enum option_scope scope, struct str group, struct str word, char *ret, size_t cap);
/* Keeps the nearer of *ret and known; *best begins at NEAREST_NONE. */
void option_consider(struct str known, struct str word, uint32_t *best, struct str *ret);
bool option_word_nearest(const struct option_word *words, struct str word, const char **ret);
/* Rewrites a path by the aliases and camelCase into its known spelling. -ENOSPC when it is longer than cap. */
MUST_USE int option_canonical(struct str path, char *ret, size_t cap);

#endif
