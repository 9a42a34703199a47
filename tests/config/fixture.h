/* Loads a configuration from a text and a list of environment variables, without files and without the real
 * environment. */
#ifndef TESTS_CONFIG_FIXTURE_H
#define TESTS_CONFIG_FIXTURE_H

#include "base/err.h"
#include "config/config.h"
#include "test.h"

struct fixture {
    struct config *cfg;
    struct buf errors;
};

/* env: "NAME=value" strings, ended by NULL. */
static const char *fixture_env(const char *name, void *arg)
{
    const char *const *env = arg;
    size_t n = strlen(name);

    for (; env && *env; env++) {
        if (strncmp(*env, name, n) == 0 && (*env)[n] == '=') {
            return *env + n + 1;
        }
    }
    return NULL;
}

static inline UNUSED int fixture_load(struct fixture *f, const char *yaml, const char *const *env)
{
    struct str text = str_from(yaml);
    struct config_source src = {.path = yaml ? "t.yaml" : NULL,
                                .text = yaml ? &text : NULL,
                                .dotenv_path = "",
                                .env = fixture_env,
                                .env_arg = (void *)(uintptr_t)env};

    f->cfg = NULL;
    buf_init(&f->errors, 1 << 20);
    return config_load(&src, &f->errors, &f->cfg);
}

static inline UNUSED void fixture_done(struct fixture *f)
{
    config_unref(f->cfg);
    buf_done(&f->errors);
}

/* Loads, or fails the test with the messages. */
static inline UNUSED void fixture_ok(struct fixture *f, const char *yaml, const char *const *env)
{
    int err = fixture_load(f, yaml, env);

    if (err < 0) {
        print_error("%s: %s\n", err_name(err), buf_cstr(&f->errors));
    }
    assert_int_equal(err, 0);
}

/* The messages must be exactly these. */
static inline UNUSED void assert_refused_(const char *yaml, const char *const *env, const char *want, const char *file,
                                          int line)
{
    struct fixture f;
    int err = fixture_load(&f, yaml, env);

    if (err != -ERR_CONFIG || !str_is(buf_str(&f.errors), want)) {
        print_error("yaml:\n%s\nerr %d, got:\n%s\nwant:\n%s\n", yaml ? yaml : "", err, buf_cstr(&f.errors), want);
        fixture_done(&f);
        _fail(file, line);
    }
    fixture_done(&f);
}
#define assert_refused(yaml, env, want) assert_refused_(yaml, env, want, __FILE__, __LINE__)

#define ENV(...) ((const char *const[]){__VA_ARGS__, NULL})

#endif
