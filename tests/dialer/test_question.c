/* The question that is put before an agent speaks: what may be set, what is refused and how it is said. */
#include <stdio.h>

#include "test.h"

#include "base/err.h"
#include "base/json_doc.h"
#include "dialer/question.h"

static struct arena arena;
static struct buf err;

static int read(const char *json, struct question *ret)
{
    const struct json_doc *doc = NULL;
    buf_clear(&err);
    assert_ok(json_doc_parse(str_from(json), &doc));
    int result = question_read(doc, &arena, &err, ret);
    json_doc_free(doc);
    return result;
}

TEST(what_is_left_open_has_its_default)
{
    struct question q;
    assert_ok(read("{\"prompt\": \"Press 1.\"}", &q));
    assert_true(question_is_put(&q));
    assert_str_is(q.prompt, "Press 1.");
    assert_int_equal(q.wait_s, 5);
    assert_int_equal(q.times, 2);
    assert_int_equal(q.accept, '1');
    assert_int_equal(q.deny, '2');
    assert_true(question_goodbye(&q).n > 0);
    assert_true(question_round_us(&q) > 20 * UINT64_C(1000000));
    assert_ok(read("null", &q));
    assert_false(question_is_put(&q));
    assert_ok(question_read(NULL, &arena, &err, &q));
    assert_false(question_is_put(&q));
}

TEST(it_is_written_as_it_is_read)
{
    static const char text[] =
        "{\"prompt\":\"Hello {{name}}\",\"timeout\":9,\"times\":3,\"accept\":\"#\",\"deny\":\"0\","
        "\"goodbye\":\"Bye.\"}";
    struct question q;
    struct buf out;
    buf_init(&out, 4096);
    assert_ok(read(text, &q));
    struct json_w w = json_w(&out);
    question_write(&q, &w);
    assert_str_is(buf_str(&out), text);
    buf_done(&out);
}

TEST(a_recorded_question_is_written_as_it_is_read)
{
    static const char text[] =
        "{\"prompt\":\"\",\"timeout\":5,\"times\":2,\"accept\":\"1\",\"deny\":\"2\",\"goodbye\":\"\","
        "\"sound\":\"question\",\"goodbye_sound\":\"farewell\"}";
    struct question q;
    struct buf out;
    buf_init(&out, 4096);
    assert_ok(read("{\"sound\": \"question\", \"goodbye_sound\": \"farewell\"}", &q));
    assert_true(question_is_put(&q));
    q.sound_ms = 7000;
    assert_true(question_round_us(&q) >= 7000000 + 5000000);
    struct json_w w = json_w(&out);
    question_write(&q, &w);
    assert_str_is(buf_str(&out), text);
    assert_ok(read(buf_cstr(&out), &q));
    assert_str_is(q.sound, "question");
    buf_done(&out);
}

TEST(what_cannot_be_asked_is_refused_with_the_members_name)
{
    static const struct {
        const char *json, *holds;
    } cases[] = {
        {"[]", "consent must be an object"},
        {"true", "consent must be an object"},
        {"{}", "consent.prompt must be given"},
        {"{\"prompt\": \"\"}", "consent.prompt must be given"},
        {"{\"sound\": \"a\", \"prompt\": \"b\"}", "consent.sound must be given in place of prompt"},
        {"{\"prompt\": \"b\", \"goodbye\": \"c\", \"goodbye_sound\": \"d\"}",
         "consent.goodbye_sound must be given in place"},
        {"{\"prompt\": 5}", "consent.prompt must be a text"},
        {"{\"prompt\": \"a\\u0000b\"}", "consent.prompt must be a text"},
        {"{\"prompt\": \"x\", \"timeout\": 4}", "consent.timeout must be a whole number from 5 to 60"},
        {"{\"prompt\": \"x\", \"timeout\": 61}", "consent.timeout"},
        {"{\"prompt\": \"x\", \"timeout\": 5.5}", "consent.timeout"},
        {"{\"prompt\": \"x\", \"times\": 0}", "consent.times must be a whole number from 1 to 5"},
        {"{\"prompt\": \"x\", \"accept\": \"12\"}", "consent.accept must be one key"},
        {"{\"prompt\": \"x\", \"accept\": 1}", "consent.accept must be one key"},
        {"{\"prompt\": \"x\", \"deny\": \"a\"}", "consent.deny must be one key"},
        {"{\"prompt\": \"x\", \"deny\": \"1\"}", "another key than accept"},
        {"{\"prompt\": \"x\", \"repeats\": 1}", "there is no setting \"consent.repeats\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct question q = {.times = 77};
        assert_int_equal(read(cases[i].json, &q), -ERR_CONFIG);
        assert_has(buf_str(&err), cases[i].holds);
        assert_int_equal(q.times, 77); /* untouched */
    }
}

TEST(a_prompt_has_its_limit)
{
    char text[QUESTION_TEXT_MAX + 64];
    struct question q;
    for (int more = 0; more <= 1; more++) {
        int n = snprintf(text, sizeof(text), "{\"prompt\": \"%0*d\"}", QUESTION_TEXT_MAX + more, 0);
        assert_true(n > 0);
        assert_int_equal(read(text, &q), more ? -ERR_CONFIG : 0);
    }
}

TEST(words_and_values_are_the_same)
{
    for (int i = 0; i < QUESTION_REPLY_N; i++) {
        assert_int_equal(question_reply_parse(str_from(question_reply_word((enum question_reply)i))), i);
    }
    assert_int_equal(question_reply_parse(STR("perhaps")), QUESTION_NONE);
}

static int set_up(void **state UNUSED)
{
    arena_init(&arena, 1u << 20);
    buf_init(&err, 4096);
    return 0;
}

static int tear_down(void **state UNUSED)
{
    arena_done(&arena);
    buf_done(&err);
    return 0;
}

#define Q(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {Q(what_is_left_open_has_its_default),
                                       Q(it_is_written_as_it_is_read),
                                       Q(a_recorded_question_is_written_as_it_is_read),
                                       Q(what_cannot_be_asked_is_refused_with_the_members_name),
                                       Q(a_prompt_has_its_limit),
                                       Q(words_and_values_are_the_same)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
