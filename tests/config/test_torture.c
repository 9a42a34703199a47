/* Loading with the n-th allocation failing, for every n: out of memory is said, nothing is half done, nothing leaks. */
#include "fakes/alloc_fail.h"
#include "fixture.h"

static const char yaml[] =
    "server: {listen: ':${P:-1}', public_url: 'https://${H}.example.com', tokens: [aaaaaa, bbbbbb],\n"
    "         trusted_proxies: [10.0.0.0/8]}\n"
    "providers:\n"
    "  a: &a {kind: openai, url: 'ws://10.0.0.1', api_key: sk-1234567, headers: {X-A: b}, query: {c: d}}\n"
    "  b: *a\n"
    "carriers: {twilio: {auth_token: [token-a, token-b]}}\n"
    "agent: {provider: b, temperature: 1, model: gpt-4o-realtime-preview, voice: {id: voice_1},\n"
    "        modalities: [text, audio], instructions: \"${LONG}\", greeting: null,\n"
    "        tools: [end_call, {name: hook, parameters: {type: object, properties: {a: {pattern: '^a$', format: b}}},\n"
    "                webhook: {url: 'http://h/{{arguments.a}}', headers: {X: '{{caller}}'}, sign_secret: secret-1,\n"
    "                          body: '{\"a\": \"\\\"{{arguments.a}}\"}'}}]}\n"
    "prices: {gpt-realtime-2.1: {text_in: 1}}\n"
    "limits: {max_cost: 2}\n"
    "tools: {shared: {description: s, enabled: {hours: '9-17', time_zone: '+01:00'}, webhook: {url: 'https://h/'}}}\n"
    "agents:\n"
    "  one: {handoffs: [{agent: two, enabled: {any: [{called: '+1*'}, {not: {header: {A: [b, c]}}}]}}], tools: "
    "[shared]}\n"
    "  two: {variables: {a: b}, handoffs: [one]}\n"
    "routes: [{when: {dates: '12-24..12-26', days: mon-fri}, agent: two, tools: [end_call]}, {greeting: Hi}]\n";

static char long_text[9000];

static void load(struct fixture *f, const char *text, int *err)
{
    *err = fixture_load(f, text, ENV("H=voice", long_text));
}

TEST(a_snapshot_is_whole_or_not_there)
{
    struct fixture f, whole;
    struct buf want, got;
    uint64_t n = 0;
    int err = -1;

    memset(long_text, 'x', sizeof(long_text) - 1);
    memcpy(long_text, "LONG=", 5);
    load(&whole, yaml, &err);
    if (err < 0) {
        fail_msg("%s", buf_cstr(&whole.errors));
    }
    buf_init(&want, 1 << 20);
    buf_init(&got, 1 << 20);
    config_dump_masked(whole.cfg, &want);
    do {
        alloc_fail_at(++n);
        load(&f, yaml, &err);
        bool failed = alloc_has_failed();
        alloc_fail_at(0);
        if (failed && err != -ENOMEM) {
            fail_msg("allocation %u: %d %s", (unsigned)n, err, buf_cstr(&f.errors));
        }
        if (!failed) {
            assert_int_equal(err, 0);
            config_dump_masked(f.cfg, &got);
            assert_true(str_eq(buf_str(&want), buf_str(&got)));
            assert_int_equal(f.cfg->warnings.n, whole.cfg->warnings.n);
            assert_int_equal(f.cfg->secrets.n, whole.cfg->secrets.n);
        }
        fixture_done(&f);
        if (!failed) {
            break;
        }
    } while (n < 5000);
    assert_true(n > 10 && n < 5000);
    fixture_done(&whole);
    buf_done(&want);
    buf_done(&got);
}

/* A text that is refused stays refused, whatever fails meanwhile. */
TEST(a_mistake_is_never_let_through)
{
    struct fixture f;
    uint64_t n = 0;
    bool failed;

    do {
        int err;

        alloc_fail_at(++n);
        load(&f, "servre: 1\nlimits: {max_calls: x}\nagent: {tool_choice: ${NOPE}}\n", &err);
        failed = alloc_has_failed();
        alloc_fail_at(0);
        assert_true(err == -ERR_CONFIG || err == -ENOMEM);
        assert_null(f.cfg);
        fixture_done(&f);
    } while (failed && n < 5000);
    assert_true(n > 5 && n < 5000);
}

TEST_MAIN(T(a_snapshot_is_whole_or_not_there), T(a_mistake_is_never_let_through))
