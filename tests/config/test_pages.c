/* .env.example, docs/configuration.md and examples/ringtrip.yaml are what the option table says. SOURCE_ROOT by Meson.
 */
#include <stdio.h>
#include <stdlib.h>

#include "config/options.h"
#include "fixture.h"

static void read_page(const char *name, struct buf *out)
{
    char path[512];
    FILE *f;
    size_t n;

    assert_true((size_t)snprintf(path, sizeof(path), "%s/%s", SOURCE_ROOT, name) < sizeof(path));
    f = fopen(path, "r");
    if (!f) {
        fail_msg("%s is missing", name);
        return;
    }
    do {
        uint8_t *room = buf_room(out, 4096);

        n = room ? fread(room, 1, 4096, f) : 0;
        buf_added(out, n);
    } while (n);
    fclose(f);
    assert_int_equal(out->err, 0);
}

static void assert_page(const char *name, void (*print)(struct buf *out), const char *option)
{
    struct buf want, got;

    buf_init(&want, 1 << 20);
    buf_init(&got, 1 << 20);
    print(&want);
    assert_int_equal(want.err, 0);
    read_page(name, &got);
    if (!str_eq(buf_str(&want), buf_str(&got))) {
        fail_msg("%s is not what the table says; run: ringtrip options --%s > %s", name, option, name);
    }
    buf_done(&want);
    buf_done(&got);
}

TEST(env_example_is_what_the_table_prints)
{
    assert_page(".env.example", config_print_env, "env");
}

TEST(the_reference_page_is_what_the_table_prints)
{
    assert_page("docs/configuration.md", config_print_markdown, "markdown");
}

TEST(every_option_is_printed_and_explained)
{
    struct buf env, page;

    buf_init(&env, 1 << 20);
    buf_init(&page, 1 << 20);
    config_print_env(&env);
    config_print_markdown(&page);
    for (uint32_t i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];

        assert_non_null(o->meaning);
        assert_non_null(o->since);
        assert_true(o->key || o->env[0]);
        for (uint32_t j = 0; j < OPTION_MAX_ENV && o->env[j]; j++) {
            assert_has(buf_str(&env), o->env[j]);
            assert_has(buf_str(&page), o->env[j]);
        }
        if (o->key) {
            assert_has(buf_str(&page), o->key);
        }
    }
    assert_int_equal(env.err, 0);
    assert_int_equal(page.err, 0);
    buf_done(&env);
    buf_done(&page);
}

TEST(no_key_and_no_environment_name_is_there_twice)
{
    for (uint32_t i = 0; i < option_count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            const struct option *a = &option_table[i];
            const struct option *b = &option_table[j];

            assert_false(a->scope == b->scope && a->key && b->key && str_is(str_from(a->key), b->key));
            for (uint32_t k = 0; k < OPTION_MAX_ENV && a->env[k]; k++) {
                for (uint32_t l = 0; l < OPTION_MAX_ENV && b->env[l]; l++) {
                    assert_string_not_equal(a->env[k], b->env[l]);
                }
            }
        }
    }
}

TEST(every_alias_leads_to_a_key)
{
    for (uint32_t i = 0; i < option_alias_count; i++) {
        struct str to = str_from(option_aliases[i].to);

        assert_true(option_find(OPTION_ROOT, to) || option_is_group(OPTION_ROOT, to));
        assert_null(option_find(OPTION_ROOT, str_from(option_aliases[i].from)));
    }
    for (uint32_t i = 0; i < option_shorthand_count; i++) {
        assert_non_null(option_find(option_shorthands[i].scope, str_from(option_shorthands[i].word_key)));
        assert_non_null(option_find(option_shorthands[i].scope, str_from(option_shorthands[i].null_key)));
    }
}

/* Whoever uncomments a line gets a configuration that loads. */
TEST(every_line_of_env_example_loads_by_itself)
{
    struct buf text, one;
    struct str rest, line;
    uint32_t n = 0;

    buf_init(&text, 1 << 20);
    buf_init(&one, 1 << 16);
    read_page(".env.example", &text);
    rest = buf_str(&text);
    while (str_split(&rest, '\n', &line)) {
        struct fixture f;

        if (line.n < 3 || line.p[0] != '#' || line.p[1] == ' ') {
            continue;
        }
        buf_clear(&one);
        buf_put_str(&one, (struct str){line.p + 1, line.n - 1});
        if (str_starts(line, STR("#TLS_")) || str_starts(line, STR("#RINGTRIP_WEBHOOK_URLS"))) {
            continue; /* they come in pairs */
        }
        if (fixture_load(&f, NULL, ENV(buf_cstr(&one))) < 0) {
            fail_msg("%s: %s", buf_cstr(&one), buf_cstr(&f.errors));
        }
        fixture_done(&f);
        n++;
    }
    assert_true(n > 30);
    buf_done(&text);
    buf_done(&one);
}

static void assert_example(const char *name, const char *const *env)
{
    struct config_source src = {.dotenv_path = "", .env = fixture_env};
    struct config *cfg = NULL;
    struct buf errors;
    char path[512];

    buf_init(&errors, 1 << 16);
    assert_true((size_t)snprintf(path, sizeof(path), "%s/examples/%s", SOURCE_ROOT, name) < sizeof(path));
    src.path = path;
    src.env_arg = (void *)(uintptr_t)env;
    if (config_load(&src, &errors, &cfg) < 0) {
        fail_msg("%s: %s", name, buf_cstr(&errors));
    }
    if (cfg->warnings.n > 0) {
        fail_msg("%s: " STR_FMT, name, STR_ARG(cfg->warnings.v[0]));
    }
    config_unref(cfg);
    buf_done(&errors);
}

/* Without a key and with one. */
static void assert_example_loads(const char *name)
{
    static const char *const env[] = {"OPENAI_API_KEY=sk-1234567890", NULL};
    assert_example(name, NULL);
    assert_example(name, env);
}

TEST(the_example_configurations_load_without_warnings)
{
    assert_example_loads("agents.yaml");
    assert_example_loads("ringtrip.yaml");
    assert_example_loads("webhook-tools.yaml");
    assert_example_loads("approvals.yaml");
    assert_example_loads("failover.yaml");
}

/* Each needs what its first lines name. */
TEST(the_examples_that_need_keys_load_with_them)
{
    static const char *const names[] = {
        "twilio-openai.yaml", "twilio-gemini.yaml",      "twilio-vertex.yaml", "plivo-openai.yaml",
        "plivo-gemini.yaml",  "guardrails.yaml",         "mcp.yaml",           "campaign.yaml",
        "recorded.yaml",      "concierge/concierge.yaml"};
    static const char *const env[] = {"OPENAI_API_KEY=sk-1234567890",
                                      "GEMINI_API_KEY=AIza1234567890",
                                      "GOOGLE_CLOUD_PROJECT=my-project",
                                      "GOOGLE_APPLICATION_CREDENTIALS=/k/vertex.json",
                                      "TWILIO_ACCOUNT_SID=AC00000000000000000000000000000000",
                                      "TWILIO_AUTH_TOKEN=made-up-twilio-token",
                                      "TWILIO_PHONE_NUMBER=+15005550006",
                                      "PLIVO_AUTH_ID=MA00000000000000AAAA",
                                      "PLIVO_AUTH_TOKEN=made-up-plivo-token",
                                      "PLIVO_PHONE_NUMBER=+14155550100",
                                      "PUBLIC_URL=https://voice.example.com",
                                      NULL};
    for (uint32_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_example(names[i], env);
    }
}

TEST_MAIN(T(the_examples_that_need_keys_load_with_them), T(env_example_is_what_the_table_prints),
          T(the_reference_page_is_what_the_table_prints), T(every_option_is_printed_and_explained),
          T(no_key_and_no_environment_name_is_there_twice), T(every_alias_leads_to_a_key),
          T(every_line_of_env_example_loads_by_itself), T(the_example_configurations_load_without_warnings))
