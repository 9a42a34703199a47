/*
 * A configuration that is being put together: the snapshot, where each value came from, and the problems found so far.
 * Private to src/config.
 */
#ifndef CONFIG_DRAFT_H
#define CONFIG_DRAFT_H

#include "config/env.h"
#include "config/options.h"
#include "config/yaml.h"

#define DRAFT_MAX_OPTIONS   320
#define DRAFT_MAX_PROVIDERS 16
#define DRAFT_MAX_TOOLS     CALL_MAX_TOOLS
#define DRAFT_MAX_PRICES    64
#define DRAFT_MAX_WARNINGS  64
#define DRAFT_MAX_SECRETS   256

enum origin_kind { ORIGIN_DEFAULT, ORIGIN_DOTENV, ORIGIN_ENV, ORIGIN_FILE };

struct origin {
    enum origin_kind kind;
    uint32_t line;
    uint32_t col;
    const char *env; /* the name, when it came from the environment */
};

struct draft_provider {
    struct config_provider v;
    struct origin at;
    bool broken; /* a key of it was refused: what follows from defaults is not worth telling */
    struct origin origins[DRAFT_MAX_OPTIONS]; /* by index into option_table */
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
    struct config_price *prices;
    uint32_t price_count;
    struct str warnings[DRAFT_MAX_WARNINGS];
    uint32_t warning_count;
    struct str secrets[DRAFT_MAX_SECRETS];
    uint32_t secret_count;
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

/* tools.c: the maps among agent.tools; gives back the list of those entries that are none, made in names. */
const struct yaml_node *take_tools(struct draft *d, const struct yaml_node *list, struct yaml_node *names);
void finish_tools(struct draft *d);
/* A YAML map as JSON text, as it stands: without variables, numbers and words as YAML 1.2 means them. */
MUST_USE int schema_keep(struct draft *d, const struct yaml_node *n, struct str *ret);

/* tracing.c: {workflow_name, group_id, metadata} as JSON; what follows from the settings of the export. */
MUST_USE int tracing_keep(struct draft *d, const struct yaml_node *n, struct str *ret, struct buf *why);
void finish_tracing(struct draft *d);

/* finish.c: what follows from several values, and the checks over them. */
void finish_draft(struct draft *d);

/* turns.c: turn detection, interruption and silence: what is told to the service, what stays with us. */
void finish_turns(struct draft *d);
/* False: under this kind of turn detection the key says nothing; in a dump it would come back as a wish of the user. */
bool turns_say(const struct config_agent *a, const char *key);

/* model.c: facts about the service's models and voices. */
bool model_is_retired(struct str model);
const char *model_default(void);
bool voice_is_known(struct str voice);

#endif
