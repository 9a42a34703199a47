/*
 * Any text as ringtrip.yaml: a snapshot whose dump loads again, or named mistakes; never a crash. What follows a NUL
 * byte is a .env file, what follows a second one the value of every environment variable.
 */
#include <string.h>

#include "base/err.h"
#include "config/env.h"
#include "fuzz.h"

/*
 * libfyaml 0.7.12 forgets half a kilobyte when a quoted scalar is broken in certain ways. That happens in a
 * refused load only; our own leaks must still show.
 */
const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml";
}

struct inputs {
    struct str yaml;
    struct str dotenv;
    char env[64];
};

static struct inputs split(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size};
    struct inputs in = {.yaml = rest};
    size_t end = str_find(rest, '\0');

    in.yaml.n = end;
    if (end < size) {
        in.dotenv = (struct str){rest.p + end + 1, rest.n - end - 1};
        end = str_find(in.dotenv, '\0');
        if (end < in.dotenv.n) {
            struct str value = {in.dotenv.p + end + 1, in.dotenv.n - end - 1};

            value.n = MIN(str_find(value, '\0'), sizeof(in.env) - 1);
            REQUIRE(str_copy(in.env, sizeof(in.env), value) == 0);
            in.dotenv.n = end;
        }
    }
    return in;
}

static const char *fixed_env(const char *name, void *arg)
{
    const struct inputs *in = arg;

    /* One name never has a value, so that this way is walked too. */
    return in->env[0] && strcmp(name, "NOT_SET") != 0 ? in->env : NULL;
}

static void read_dotenv(const struct inputs *in, struct buf *errors)
{
    struct arena a;
    struct env e;

    arena_init(&a, 4 << 20);
    env_init(&e, &a, fixed_env, (void *)(uintptr_t)in);
    int err = env_parse_dotenv(&e, STR(".env"), in->dotenv, errors);
    REQUIRE(err == 0 || errors->len > 0 || err == -ENOMEM);
    arena_done(&a);
}

/* Whatever conditions say, they can be asked and printed; references lead somewhere. */
static void check_agents(const struct config *cfg, struct buf *dump)
{
    static const struct when_pair pair = {{"X-Tier", 6}, {"gold", 4}};
    const struct when_facts facts = {.called = STR("+15550100"),
                                     .caller = STR("anonymous"),
                                     .headers = &pair,
                                     .n_headers = 1,
                                     .wall_us = 1795283274000000,
                                     .zone = cfg->zone};
    REQUIRE(cfg->agent_count > 0 && cfg->start_agent < cfg->agent_count && cfg->time_zone.p && cfg->company_name.p);
    for (uint32_t i = 0; i < cfg->agent_count; i++) {
        const struct config_agent *a = &cfg->agents[i];
        REQUIRE(a->name.n && a->instructions.p && a->provider < cfg->provider_count);
        for (uint32_t j = 0; j < a->tool_ref_count; j++) {
            REQUIRE(a->tool_refs[j] < cfg->tool_count);
        }
        for (uint32_t j = 0; j < a->handoff_count; j++) {
            REQUIRE(a->handoffs[j].agent < cfg->agent_count && a->handoffs[j].tool_name.n > 12);
            when_put(a->handoffs[j].enabled, dump);
        }
        REQUIRE(when_holds(a->enabled, &facts) == when_holds(a->enabled, &facts));
    }
    const struct config_route *r = config_find_route(cfg, &facts);
    REQUIRE(!r || r->agent < cfg->agent_count);
    buf_clear(dump);
}

/* Everything that readers rely on: no NULL text, at least one provider, secrets nowhere in the dump. */
static void check(const struct config *cfg, struct buf *dump)
{
    REQUIRE(cfg->provider_count > 0 && cfg->agent.provider < cfg->provider_count);
    REQUIRE(cfg->server.host.p && cfg->agent.instructions.p && cfg->agent.apology.p && cfg->records.database.n);
    REQUIRE(cfg->providers[0].model.p && cfg->providers[0].api_key.p && cfg->twilio.auth_token.p);
    REQUIRE(cfg->playout.burst_ms <= cfg->playout.lead_ms && cfg->playout.lead_ms <= cfg->playout.max_lead_ms);
    check_agents(cfg, dump);
    config_dump_masked(cfg, dump);
    REQUIRE(dump->err == 0 || dump->err == -ERR_TOO_BIG);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct inputs in = split(data, size);
    struct config_source src = {
        .path = "f.yaml", .text = &in.yaml, .dotenv_path = "", .env = fixed_env, .env_arg = &in};
    struct config *cfg = NULL;
    struct buf errors, dump;

    buf_init(&errors, 1 << 20);
    buf_init(&dump, 16 << 20);
    read_dotenv(&in, &errors);
    buf_clear(&errors);
    int err = config_load(&src, &errors, &cfg);
    REQUIRE((err == 0) == (cfg != NULL));
    REQUIRE(err == 0 || errors.len > 0 || err == -ENOMEM);
    if (cfg) {
        check(cfg, &dump);
        config_unref(cfg);
    }
    buf_done(&errors);
    buf_done(&dump);
    return 0;
}
