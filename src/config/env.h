/*
 * Names and values from outside the YAML file: the process environment first, then a .env file. And the expansion of
 * ${VAR} and ${VAR:-default} in texts; $${ stands for a literal ${.
 */
#ifndef CONFIG_ENV_H
#define CONFIG_ENV_H

#include "base/arena.h"
#include "config/config.h"

struct env_pair {
    struct str name;
    struct str value;
    uint32_t line;
    struct env_pair *next;
};

struct env {
    config_env_fn get;
    void *arg;
    struct arena *arena;
    struct str dotenv; /* its name, for messages */
    struct env_pair *pairs;
};

struct env_value {
    struct str value; /* p NULL: not set, or set to nothing */
    uint32_t line;    /* of the .env file; 0: from the process */
    bool unquoted;    /* quotes were taken off that are not the process's: docker --env-file keeps those of a .env */
};

/* get NULL: the process environment. */
void env_init(struct env *e, struct arena *a, config_env_fn get, void *arg);
/*
 * Reads the text of a .env file: NAME=value, optional "export", # comments, '...' as it stands, "..." with \n \t \" \\.
 * A later line wins. -ERR_SYNTAX after "name:line: message" lines in errors.
 */
MUST_USE int env_parse_dotenv(struct env *e, struct str name, struct str text, struct buf *errors);
struct env_value env_get(const struct env *e, const char *name);
/* *ret: text itself when there is nothing to expand. -ERR_CONFIG with a message in why; -ENOMEM. */
MUST_USE int env_expand(const struct env *e, struct str text, struct buf *why, struct str *ret);

#endif
