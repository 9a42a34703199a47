/* Configurations of tests that come from their text alone: no .env file, and an empty environment. */
#ifndef TESTS_GATEWAY_BARE_CONFIG_H
#define TESTS_GATEWAY_BARE_CONFIG_H

#include "config/config.h"
#include "test.h"

static inline UNUSED const char *no_env(const char *name UNUSED, void *arg UNUSED)
{
    return NULL;
}

/* The text is lent. */
static inline UNUSED struct config_source bare_source(const struct str *yaml)
{
    return (struct config_source){.path = "test.yaml", .text = yaml, .dotenv_path = "", .env = no_env};
}

/* As config_load. */
static inline UNUSED int bare_load(const char *yaml, struct buf *err, struct config **ret)
{
    struct str text = str_from(yaml);
    struct config_source source = bare_source(&text);
    return config_load(&source, err, ret);
}

/* One that loads. */
static inline UNUSED struct config *bare_config(const char *yaml)
{
    struct config *cfg = NULL;
    struct buf err;
    buf_init(&err, 1 << 16);
    if (bare_load(yaml, &err, &cfg) < 0) {
        fail_msg("%s", buf_cstr(&err));
    }
    buf_done(&err);
    return cfg;
}

#endif
