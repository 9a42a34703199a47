/* The dialogue engine: text, digits and tool results in; lines and tool calls out. And its grammar. */
#include "test.h"

#include <stdio.h>

#include "base/err.h"
#include "peer/sandbox/sandbox_dialogue.h"
#include "peer/sandbox/sandbox_grammar.h"

/* ---- grammar ---- */

struct gram {
    struct grammar *g;
    struct buf err;
    const struct pattern *p;
};

static int gram_compile(struct gram *x, const char *expr)
{
    buf_init(&x->err, 1000);
    return grammar_compile(x->g, str_from(expr), PATTERN_SPOKEN, &x->err, &x->p);
}

static bool matches(const struct pattern *p, const char *text, enum pattern_where where)
{
    struct words w;
    struct pattern_match m;
    words_init(&w);
    assert_ok(words_set(&w, str_from(text)));
    bool ok = pattern_match(p, &w, where, &m);
    words_done(&w);
    return ok;
}

TEST(grammar_matches_what_jsgf_says)
{
    static const struct {
        const char *expr, *text;
        bool want;
    } cases[] = {
        {"hello", "Hello!", true},
        {"hello", "hello there", false},
        {"hello [there]", "hello there", true},
        {"hello [there]", "hello", true},
        {"(a | b c) d", "b c d", true},
        {"(a | b c) d", "b d", false},
        {"a | b c | d", "d", true},
        {"a* b", "a a a b", true},
        {"a* b", "b", true},
        {"a+ b", "b", false},
        {"a+ b", "a a b", true},
        {"([a])* b", "b", true}, /* an empty loop must end */
        {"([a])+", "a a a", true},
        {"order <digit>+", "order 12 3", true},
        {"order <digit>+", "order", false},
        {"[please] [order] <digit>", "please order seven", true},
        {"where's my order", "Where\xe2\x80\x99s my order?", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct gram x = {0};
        assert_ok(grammar_new(&x.g));
        buf_init(&x.err, 1000);
        assert_ok(grammar_add_rule(x.g, STR("digit"), STR("one | two | three | seven"), &x.err));
        assert_ok(gram_compile(&x, cases[i].expr));
        if (matches(x.p, cases[i].text, PATTERN_WHOLE) != cases[i].want) {
            fail_msg("\"%s\" against \"%s\"", cases[i].text, cases[i].expr);
        }
        grammar_free(x.g);
    }
}

TEST(grammar_refuses_bad_expressions_with_a_place)
{
    static const struct {
        const char *expr, *want;
    } cases[] = {
        {"(a", "\")\" expected"},
        {"[a", "\"]\" expected"},
        {"a )", "unexpected character at character 3"},
        {"", "a word is missing"},
        {"a | ", "a word is missing"},
        {"<nope>", "no rule is named <nope>"},
        {"<no", "written <name>"},
        {"a {tag}", "unexpected character"},
        {"<self>", "refers to itself"},
        {"((((((((((((((((((((((((((((a))))))))))))))))))))))))))))", "nested too deeply"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct gram x = {0};
        assert_ok(grammar_new(&x.g));
        buf_init(&x.err, 1000);
        assert_ok(grammar_add_rule(x.g, STR("self"), STR("a <self>"), &x.err));
        assert_true(gram_compile(&x, cases[i].expr) < 0);
        if (!strstr(buf_cstr(&x.err), cases[i].want)) {
            fail_msg("\"%s\": got \"%s\"", cases[i].expr, buf_cstr(&x.err));
        }
        buf_done(&x.err);
        grammar_free(x.g);
    }
}

TEST(grammar_that_explodes_is_refused)
{
    struct gram x = {0};
    assert_ok(grammar_new(&x.g));
    buf_init(&x.err, 1000);
    assert_ok(grammar_add_rule(x.g, STR("r0"), STR("a b c d e f g h"), &x.err));
    for (int i = 1; i < 10; i++) {
        char name[8], expr[64];
        snprintf(name, sizeof(name), "r%d", i);
        snprintf(expr, sizeof(expr), "<r%d> <r%d> <r%d> <r%d>", i - 1, i - 1, i - 1, i - 1);
        assert_ok(grammar_add_rule(x.g, str_from(name), str_from(expr), &x.err));
    }
    assert_err(gram_compile(&x, "<r9>"), ERR_TOO_BIG);
    buf_done(&x.err);
    grammar_free(x.g);
}

/* ---- engine ---- */

struct fixture {
    struct dialogue *d;
    struct dialogue_talk talk;
    struct dialogue_reply r;
    const char *tools; /* space separated */
};

static bool has_tool(struct str name, void *arg)
{
    struct str rest = str_from(arg), part;
    while (str_split(&rest, ' ', &part)) {
        if (str_eq(part, name)) {
            return true;
        }
    }
    return false;
}

static int setup(void **state)
{
    static struct fixture f;
    struct buf err;
    buf_init(&err, 2000);
    f = (struct fixture){.tools = "check_order_status schedule_callback end_call"};
    if (dialogue_load(dialogue_builtin_yaml(), "sandbox-dialogue.yaml", &err, &f.d) < 0) {
        print_error("%s\n", buf_cstr(&err));
        return -1;
    }
    buf_done(&err);
    dialogue_talk_init(&f.talk, f.d);
    dialogue_reply_init(&f.r);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    dialogue_reply_done(&f->r);
    dialogue_free(f->d);
    return 0;
}

static struct dialogue_tools tools_of(struct fixture *f)
{
    return (struct dialogue_tools){has_tool, (void *)(uintptr_t)f->tools};
}

static void fresh(struct fixture *f)
{
    dialogue_reply_done(&f->r);
    dialogue_reply_init(&f->r);
}

static void type_in(struct fixture *f, const char *text)
{
    fresh(f);
    assert_ok(dialogue_hear(&f->talk, str_from(text), true, tools_of(f), &f->r));
}

static void speak(struct fixture *f, const char *text)
{
    fresh(f);
    assert_ok(dialogue_hear(&f->talk, str_from(text), false, tools_of(f), &f->r));
}

static void press(struct fixture *f, const char *digits)
{
    fresh(f);
    assert_ok(dialogue_digits(&f->talk, str_from(digits), tools_of(f), &f->r));
}

static void result(struct fixture *f, const char *tool, const char *json)
{
    fresh(f);
    assert_ok(dialogue_tool_result(&f->talk, str_from(tool), str_from(json), tools_of(f), &f->r));
}

static void assert_says(struct fixture *f, uint32_t step, const char *part)
{
    assert_true(step < f->r.n);
    assert_int_equal(f->r.steps[step].kind, DIALOGUE_SAY);
    assert_has(f->r.steps[step].text, part);
}

static void assert_calls(struct fixture *f, uint32_t step, const char *tool, const char *arguments)
{
    assert_true(step < f->r.n);
    assert_int_equal(f->r.steps[step].kind, DIALOGUE_CALL);
    assert_str_is(f->r.steps[step].text, tool);
    assert_str_is(f->r.steps[step].arguments, arguments);
}

TEST(spoken_order_question_calls_the_tool_with_the_digits)
{
    struct fixture *f = *state;
    speak(f, "where is my order one two double three oh");
    assert_str_is(f->r.intent, "order_status");
    assert_int_equal(f->r.n, 2);
    assert_says(f, 0, "look that up");
    assert_calls(f, 1, "check_order_status", "{\"order_number\":\"12330\"}");
    result(
        f, "check_order_status",
        "{\"status\":\"shipped\",\"order_number\":\"12330\",\"carrier\":\"FedEx\",\"estimated_delivery\":\"May 3\"}");
    assert_says(f, 0, "Your order 1 2 3 3 0 has been shipped with FedEx. It should arrive on May 3.");
}

TEST(a_missing_number_is_asked_for_and_may_be_keyed_in)
{
    struct fixture *f = *state;
    speak(f, "where is my order");
    assert_int_equal(f->r.n, 1);
    assert_says(f, 0, "What is your order number?");
    press(f, "4711#");
    assert_calls(f, 1, "check_order_status", "{\"order_number\":\"4711\"}");
    /* The next question starts afresh. */
    speak(f, "where is my order");
    assert_says(f, 0, "What is your order number?");
    speak(f, "it is nine nine");
    assert_calls(f, 1, "check_order_status", "{\"order_number\":\"99\"}");
}

TEST(callback_collects_number_and_reason)
{
    struct fixture *f = *state;
    speak(f, "please call me back on five five five one");
    assert_calls(f, 1, "schedule_callback",
                 "{\"phone_number\":\"5551\",\"reason\":\"a question\",\"department\":\"general\"}");
    speak(f, "please call me back about my bill");
    assert_says(f, 0, "On which number");
    speak(f, "my number is five five five one");
    assert_calls(f, 1, "schedule_callback",
                 "{\"phone_number\":\"5551\",\"reason\":\"my bill\",\"department\":\"general\"}");
    speak(f, "call me back on nine nine");
    assert_calls(f, 1, "schedule_callback",
                 "{\"phone_number\":\"99\",\"reason\":\"a question\",\"department\":\"general\"}");
    result(f, "schedule_callback",
           "{\"status\":\"scheduled\",\"phone_number\":\"5551\",\"scheduled_time\":\"within 2 business hours\"}");
    assert_says(f, 0, "call you back on 5 5 5 1, within 2 business hours");
}

TEST(goodbye_says_it_and_ends_the_call)
{
    struct fixture *f = *state;
    speak(f, "thank you goodbye");
    assert_says(f, 0, "Goodbye");
    assert_calls(f, 1, "end_call", "{\"reason\":\"the caller said goodbye\"}");
}

TEST(typed_text_matches_by_parts_and_by_keywords)
{
    struct fixture *f = *state;
    type_in(f, "Hi there, could you tell me where is my order 4711, please?");
    assert_calls(f, 1, "check_order_status", "{\"order_number\":\"4711\"}");
    type_in(f, "any news on order status for 88?");
    assert_calls(f, 1, "check_order_status", "{\"order_number\":\"88\"}");
    type_in(f, "What are your business hours on weekends");
    assert_str_is(f->r.intent, "opening_hours");
    type_in(f, "The caller pressed 3");
    assert_str_is(f->r.intent, "opening_hours");
    type_in(f, "DTMF: 0");
    assert_str_is(f->r.intent, "human");
}

TEST(what_no_intent_matches_is_refused)
{
    struct fixture *f = *state;
    type_in(f, "the weather in Norway");
    assert_str_is(f->r.intent, "");
    assert_says(f, 0, "Sorry, I did not get that.");
    speak(f, "");
    assert_says(f, 0, "Sorry, I did not get that.");
    press(f, "8");
    assert_says(f, 0, "Sorry, I did not get that.");
}

TEST(spoken_keywords_do_not_count)
{
    struct fixture *f = *state;
    speak(f, "something about order status maybe");
    assert_str_is(f->r.intent, "");
}

TEST(a_tool_that_the_session_lacks_is_not_called)
{
    struct fixture *f = *state;
    f->tools = "end_call";
    speak(f, "where is my order one two");
    assert_int_equal(f->r.n, 1);
    assert_says(f, 0, "I cannot do that");
}

TEST(states_understand_their_own_answers_first)
{
    struct fixture *f = *state;
    speak(f, "i want to speak to a human");
    assert_says(f, 0, "call you back");
    speak(f, "yes please");
    assert_str_is(f->r.intent, "accept_callback");
    assert_says(f, 0, "On which number");
    /* A general intent still works inside a state, and leaves it. */
    speak(f, "what are your opening hours");
    assert_says(f, 0, "nine in the morning");
    speak(f, "yes please");
    assert_str_is(f->r.intent, "yes");
}

TEST(repeat_says_the_last_line_again)
{
    struct fixture *f = *state;
    fresh(f);
    assert_ok(dialogue_greet(&f->talk, &f->r));
    assert_says(f, 0, "Hello, this is Robin");
    speak(f, "please repeat that");
    assert_says(f, 0, "Hello, this is Robin");
}

TEST(results_choose_lines_by_field_and_skip_unknown_ones)
{
    struct fixture *f = *state;
    result(f, "check_order_status", "{\"status\":\"delivered\",\"order_number\":\"7\"}");
    assert_says(f, 0, "Your order 7 has been delivered.");
    result(f, "check_order_status", "{\"status\":\"error\",\"message\":\"x\"}");
    assert_says(f, 0, "could not find that order");
    result(f, "check_order_status", "{\"error\":\"timeout\"}");
    assert_says(f, 0, "could not look up");
    result(f, "check_order_status", "no json at all");
    assert_says(f, 0, "no news");
    result(f, "never_heard_of", "{}");
    assert_says(f, 0, "anything else");
}

TEST(keypad_texts_are_recognised_strictly)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"DTMF: 12#", "12#"},
        {"dtmf 1", "1"},
        {"[DTMF] 5", "5"},
        {"The caller pressed 4 7 1 1 #.", "4711#"},
        {"pressed \"9\"", "9"},
        {"1234", NULL},
        {"DTMF", NULL},
        {"pressed hard", NULL},
        {"keypad: *", "*"},
        {"", NULL},
        {"DTMF 0123456789012345678901234567890123", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char digits[32];
        bool ok = dialogue_text_digits(str_from(cases[i].text), digits);
        if (ok != (cases[i].want != NULL) || (ok && strcmp(digits, cases[i].want) != 0)) {
            fail_msg("\"%s\"", cases[i].text);
        }
    }
}

/* ---- files ---- */

TEST(mistakes_are_told_with_file_line_and_column)
{
#define HEAD "greeting: hi\nrefusal: what\n"
    static const struct {
        const char *yaml, *want;
    } cases[] = {
        {"", "f.yaml:1:1: the file is empty"},
        {"greeting: [", "f.yaml:2:1: flow sequence without a closing bracket"},
        {"greeting: hi\n", "f.yaml:1:1: \"greeting\", \"refusal\" and \"intents\" are required"},
        {HEAD "intents: {}\ngreetings: x\n", "f.yaml:4:1: unknown key \"greetings\"; known here: name, greeting"},
        {HEAD "intents:\n  a:\n    rules: [hello, (x]\n", "f.yaml:5:20: \")\" expected"},
        {HEAD "intents:\n  a:\n    rules: hello\n    then: b\n", "f.yaml:6:11: no intent is named \"b\""},
        {HEAD "intents:\n  a:\n    goto: b\n", "f.yaml:5:11: no state is named \"b\""},
        {HEAD "intents:\n  a:\n    call: {arguments: {x: y}}\n", "\"tool\" is missing"},
        {HEAD "intents:\n  a:\n    needs: {x: y}\n", "f.yaml:5:13: no slot is named \"x\""},
        {HEAD "intents: {}\nslots: {x: digits}\n", "f.yaml:4:9: a slot is named like a rule; there is no rule <x>"},
        {HEAD "intents: {}\nrules: {x: a}\nslots: {x: floats}\n", "f.yaml:5:12: a slot is of the kind"},
        {HEAD "intents:\n  a: 1\n", "f.yaml:4:6: a mapping"},
        {"%:\xf4", "f.yaml:1:3: the file is not UTF-8 text"},
        {HEAD "intents:\n  a: {say: \"\xff\"}\n", "f.yaml:4:13: the file is not UTF-8 text"},
        {HEAD "intents: {}\nrules: {x: a, x-y: b}\n", "f.yaml:4:20: a rule's name has letters"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf err;
        struct dialogue *d = NULL;
        buf_init(&err, 2000);
        assert_true(dialogue_load(str_from(cases[i].yaml), "f.yaml", &err, &d) < 0);
        assert_null(d);
        if (!strstr(buf_cstr(&err), cases[i].want)) {
            fail_msg("case %zu: got \"%s\", want \"%s\"", i, buf_cstr(&err), cases[i].want);
        }
        buf_done(&err);
    }
}

#define D(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
TEST_MAIN(T(grammar_matches_what_jsgf_says), T(grammar_refuses_bad_expressions_with_a_place),
          T(grammar_that_explodes_is_refused), D(spoken_order_question_calls_the_tool_with_the_digits),
          D(a_missing_number_is_asked_for_and_may_be_keyed_in), D(callback_collects_number_and_reason),
          D(goodbye_says_it_and_ends_the_call), D(typed_text_matches_by_parts_and_by_keywords),
          D(what_no_intent_matches_is_refused), D(spoken_keywords_do_not_count),
          D(a_tool_that_the_session_lacks_is_not_called), D(states_understand_their_own_answers_first),
          D(repeat_says_the_last_line_again), D(results_choose_lines_by_field_and_skip_unknown_ones),
          T(keypad_texts_are_recognised_strictly), T(mistakes_are_told_with_file_line_and_column))
