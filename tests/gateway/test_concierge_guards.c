/* The guardrails of examples/concierge, with the figures of the reference: what passes, what trips, and what is said.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "gateway/bare_config.h"
#include "gateway/snapshot.h"
#include "test.h"

static struct snapshot *s;

static int load_example(void **state UNUSED)
{
    const struct config_source src = {
        .path = SOURCE_ROOT "/examples/concierge/concierge.yaml", .dotenv_path = "", .env = no_env};
    struct config *cfg = NULL;
    struct buf err;
    buf_init(&err, 1 << 16);
    int e = config_load(&src, &err, &cfg);
    e = e < 0 ? e : snapshot_new(cfg, &err, &s);
    if (e < 0) {
        print_error("%s\n", buf_cstr(&err));
    }
    buf_done(&err);
    return e < 0 ? -1 : 0;
}

static int free_example(void **state UNUSED)
{
    s = snapshot_unref(s);
    return 0;
}

static uint32_t index_of(const char *name)
{
    for (uint32_t i = 0; i < s->guarding.n_list; i++) {
        if (str_is(s->guarding.list[i].name, name)) {
            assert_true(s->guarding.everywhere & 1u << i);
            return i;
        }
    }
    fail_msg("the example has no guardrail %s", name);
    return 0;
}

static struct guard_finding look_at_tool(const char *name, const char *json)
{
    struct guard_finding f = {0};
    const struct json_doc *doc = NULL;
    assert_ok(json_doc_parse(str_from(json), &doc));
    assert_ok(guard_rule_scan_arguments(s->guards[index_of(name)].rule, doc, &f));
    json_doc_free(doc);
    return f;
}

static struct guard_finding look_at(const char *name, const char *text)
{
    struct guard_finding f = {0};
    assert_ok(guard_rule_scan(s->guards[index_of(name)].rule, str_from(text), true, &f));
    return f;
}

TEST(parties_of_1_4_20_pass_and_of_0_100_999_trip)
{
    static const struct {
        const char *json;
        bool trips;
    } cases[] = {{"{\"party_size\":1}", false},
                 {"{\"party_size\":4}", false},
                 {"{\"party_size\":20}", false},
                 {"{\"party_size\":\"50\"}", false},
                 {"{\"party_size\":0}", true},
                 {"{\"party_size\":51}", true},
                 {"{\"party_size\":100}", true},
                 {"{\"party_size\":999}", true},
                 {"{\"party_size\":\"999\"}", true},
                 {"{\"party_size\":\"four\"}", true},
                 {"{\"party_size\":-4}", true},
                 {"{\"party_size\":4,\"time\":\"19:30\",\"phone\":\"555 123 4567\",\"date\":\"2026-12-31\"}", false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (look_at_tool("party-size", cases[i].json).tripped != cases[i].trips) {
            fail_msg("%s", cases[i].json);
        }
    }
    const struct config_guardrail *c = s->guards[index_of("party-size")].config;
    assert_str_is(c->refusal, "The party size must be between 1 and 50.");
    assert_int_equal(c->tools.n, 1); /* every number of other tools is their own matter */
}

TEST(empty_and_too_long_texts_of_a_caller_trip)
{
    char text[1002];
    memset(text, 'a', sizeof(text));
    text[1000] = '\0';
    assert_false(look_at("too-long", text).tripped);
    text[1000] = 'a';
    text[1001] = '\0';
    struct guard_finding f = look_at("too-long", text);
    assert_true(f.tripped);
    assert_string_equal(f.what, "too long");
    f = look_at("empty", "");
    assert_true(f.tripped);
    assert_string_equal(f.what, "empty");
    assert_false(look_at("empty", "x").tripped);
}

TEST(scripts_trip_in_texts_and_in_arguments)
{
    static const char *const bad[] = {"<script>alert(1)", "JavaScript:run()", "x onclick=1",
                                      "OnError=y",        "eval(1)",          "please exec( this )"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char json[100];
        assert_true(look_at("scripts", bad[i]).tripped);
        assert_true(snprintf(json, sizeof(json), "{\"customer_name\":\"%s\"}", bad[i]) < (int)sizeof(json));
        assert_true(look_at_tool("scripts", json).tripped);
    }
    assert_false(look_at("scripts", "a script for the evaluation, please").tripped);
}

TEST(an_agent_gives_no_secret_away)
{
    char key[64] = "It is sk-";
    memset(key + strlen(key), 'x', 48);
    static const struct {
        const char *text, *what;
    } cases[] = {{"abcdefghij0123456789", "token"},
                 {"the password: hunter22", "secret"},
                 {"secret = abc1234", "secret"},
                 {"his number is 123-45-6789", "ssn"},
                 {"4111 1111 1111 1111", "card"},
                 {"Your table for four is confirmed, number ABC123.", NULL},
                 {"The password is not something that I may tell.", NULL},
                 {"Call +1 415 555 0100 at 19:30 on 2026-12-31.", NULL}};
    assert_string_equal(look_at("secrets", key).what, "api_key");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct guard_finding f = look_at("secrets", cases[i].text);
        if (f.tripped != (cases[i].what != NULL) || (f.tripped && strcmp(f.what, cases[i].what) != 0)) {
            fail_msg("%s: %s", cases[i].text, f.tripped ? f.what : "fine");
        }
    }
}

int main(void)
{
    const struct CMUnitTest all[] = {T(parties_of_1_4_20_pass_and_of_0_100_999_trip),
                                     T(empty_and_too_long_texts_of_a_caller_trip),
                                     T(scripts_trip_in_texts_and_in_arguments), T(an_agent_gives_no_secret_away)};
    return cmocka_run_group_tests(all, load_example, free_example);
}
