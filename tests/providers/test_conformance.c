/* What every model session owes the call, whichever provider it is of (src/call/model.h): one list of scenarios. */
#include <stdio.h>

#include "base/err.h"
#include "fakes/wait.h"
#include "providers/model_bench.h"
#include "test.h"

/* OVER_MODELS(name) { ... kind ... }, and TM(name) in the list. */
#define OVER_MODELS(name)                                                                                              \
    static void name(enum kind kind);                                                                                  \
    static void openai_##name(void **state UNUSED)                                                                     \
    {                                                                                                                  \
        name(OPENAI);                                                                                                  \
    }                                                                                                                  \
    static void gemini_##name(void **state UNUSED)                                                                     \
    {                                                                                                                  \
        name(GEMINI);                                                                                                  \
    }                                                                                                                  \
    static void name(enum kind kind)
#define TM(name) T(openai_##name), T(gemini_##name)

static const char *const names[] = {"openai", "gemini"};

OVER_MODELS(greets)
{
    struct bench t;
    bench_up(&t, kind);
    bench_respond(&t, 1, "Say exactly: \"Good day to you.\" Say nothing else.");
    bench_wait_done(&t, 1);
    assert_int_equal(t.list[0].status, RESPONSE_COMPLETED);
    assert_string_equal(t.list[0].text, "Good day to you.");
    assert_true(t.list[0].audio_done);
    assert_true(t.list[0].audio_bytes > 200 * audio_bytes_per_ms(t.out));
    bench_down(&t);
}

OVER_MODELS(answers_a_turn)
{
    struct bench t;
    bench_up(&t, kind);
    bench_speak(&t, 700);
    bench_respond(&t, 1, "");
    bench_wait_done(&t, 1);
    assert_int_equal(t.committed, 1);
    assert_int_equal(t.user_texts, 1);
    assert_string_equal(t.user_text, "say one");
    assert_has(str_from(t.list[0].text), "number one");
    bench_speak(&t, 700);
    bench_respond(&t, 2, "");
    bench_wait_done(&t, 2);
    assert_int_equal(t.committed, 2);
    assert_string_equal(t.list[1].text, "This is the answer to number two.");
    bench_down(&t);
}

OVER_MODELS(calls_a_tool)
{
    struct bench t;
    bench_up(&t, kind);
    struct call_action text = {.type = ACT_MODEL_USER_TEXT};
    text.model_user_text.item_id = STR("rt_item_1");
    text.model_user_text.text = STR("look one two");
    bench_perform(&t, &text);
    bench_respond(&t, 1, "");
    bench_wait_done(&t, 1);
    assert_int_equal(t.list[0].tools, 1); /* once, and before the response is done */
    assert_string_equal(t.tool_name, "look");
    assert_string_equal(t.arguments, "{\"a\":\"12\"}");
    struct call_action out = {.type = ACT_MODEL_TOOL_OUTPUT};
    out.model_tool_output.request = 2;
    out.model_tool_output.tool_call_id = str_from(t.tool_call_id);
    out.model_tool_output.output = STR("{\"colour\":\"blue\"}");
    bench_perform(&t, &out);
    bench_respond(&t, 3, "");
    bench_wait_done(&t, 2);
    assert_string_equal(t.list[1].text, "It is blue.");
    bench_down(&t);
}

OVER_MODELS(is_interrupted)
{
    struct bench t;
    bench_up(&t, kind);
    bench_speak(&t, 700);
    bench_respond(&t, 1, "");
    bench_wait_heard(&t);
    struct call_action cancel = {.type = ACT_MODEL_CANCEL};
    cancel.model_cancel.request = 2;
    cancel.model_cancel.response_id = str_from(t.list[0].id);
    bench_perform(&t, &cancel);
    bench_wait_done(&t, 1);
    bool cut = t.list[0].status == RESPONSE_CANCELLED;
    assert_true(cut || t.list[0].status == RESPONSE_COMPLETED); /* it may have been over */
    bench_speak(&t, 700);
    bench_respond(&t, 3, "");
    bench_wait_done(&t, 2); /* nothing of the first came in between: running() looks */
    assert_int_equal(t.list[1].status, RESPONSE_COMPLETED);
    assert_string_equal(t.list[1].text, "This is the answer to number two.");
    bench_down(&t);
}

OVER_MODELS(knows_what_it_was_told)
{
    const struct call_item items[] = {{.id = STR("u1"),
                                       .type = ITEM_MESSAGE,
                                       .role = ITEM_USER,
                                       .status = ITEM_COMPLETED,
                                       .n_parts = 1,
                                       .parts = {{.kind = PART_TEXT, .text = STR("say one")}}},
                                      {.id = STR("a1"),
                                       .type = ITEM_MESSAGE,
                                       .role = ITEM_ASSISTANT,
                                       .status = ITEM_COMPLETED,
                                       .n_parts = 1,
                                       .parts = {{.kind = PART_TEXT, .text = STR("One it is.")}}}};
    struct bench t;
    bench_up(&t, kind);
    for (uint32_t i = 0; i < ARRAY_LEN(items); i++) {
        struct call_action act = {.type = ACT_MODEL_ITEM};
        act.model_item.request = i + 1;
        act.model_item.item = &items[i];
        assert_ok(model_perform(t.model, &act));
    }
    model_step_over(t.model);
    bench_speak(&t, 700); /* the second sentence of the script: the first was said before */
    bench_respond(&t, 9, "");
    bench_wait_done(&t, 1);
    assert_string_equal(t.list[0].text, "This is the answer to number two.");
    assert_int_equal(t.n, 1); /* being told is no question */
    bench_down(&t);
}

OVER_MODELS(a_key_that_is_wrong)
{
    struct bench t;
    bench_init(&t, kind, "");
    bench_open(&t, "wrong");
    bench_wait_gone(&t);
    assert_true(t.failed && !t.ready);
    assert_int_equal(t.err, -ERR_AUTH);
    assert_true(t.code[0] && t.message[0]);
    bench_down(&t);
}

OVER_MODELS(a_service_that_breaks_off)
{
    struct bench t;
    bench_init(&t, kind, "drop-after=300");
    bench_open(&t, "right");
    bench_wait_settled(&t);
    bench_respond(&t, 1, "Say exactly: \"Good day to you, this takes a while to be said.\"");
    bench_wait_gone(&t);
    assert_true(t.failed && t.ready);
    assert_true(t.err < 0);
    bench_down(&t);
}

OVER_MODELS(an_address_where_nobody_is)
{
    struct bench t;
    bench_init(&t, kind, "");
    snprintf(t.url, sizeof(t.url), "ws://127.0.0.1:1");
    bench_open(&t, "right");
    bench_wait_gone(&t);
    assert_true(t.failed && !t.ready);
    assert_string_equal(t.code, ""); /* nobody said anything */
    bench_down(&t);
}

/* What is asked before the settings are confirmed is refused, not lost in silence. */
OVER_MODELS(is_asked_too_early)
{
    struct bench t;
    bench_init(&t, kind, "");
    bench_open(&t, "right");
    assert_int_equal(model_perform(t.model, &(struct call_action){.type = ACT_MODEL_COMMIT}), -ERR_STATE);
    bench_wait_settled(&t);
    assert_int_equal(model_perform(t.model, &(struct call_action){.type = ACT_LEG_CLEAR}), -EINVAL);
    assert_string_equal(model_kind(t.model), names[kind]);
    bench_down(&t);
}

/* ---- what the service detects by itself ---- */

static bool has_stopped(void *arg)
{
    const struct bench *t = arg;
    return (t->stopped > 0 && t->committed > 0) || t->gone;
}

static bool has_started_twice(void *arg)
{
    const struct bench *t = arg;
    return t->started > 1 || t->gone;
}

static void up_detecting(struct bench *t, enum kind kind)
{
    bench_init(t, kind, "");
    t->call.turn = (struct call_turn_opts){.kind = TURN_SERVER_VAD,
                                           .create_response = true,
                                           .interrupt_response = true,
                                           .threshold = -1,
                                           .prefix_padding_ms = -1,
                                           .silence_duration_ms = 500,
                                           .idle_timeout_ms = -1};
    bench_open(t, "right");
    bench_wait_settled(t);
    assert_true(t->ready);
    assert_true(t->ready_event.model_ready.interrupts && t->ready_event.model_ready.creates);
}

OVER_MODELS(detects_a_turn_and_answers_it)
{
    struct bench t;
    up_detecting(&t, kind);
    bench_feed(&t, 800, 8000);
    bench_feed(&t, 1200, 0);
    wait_until(t.loop, has_stopped, &t);
    bench_wait_done(&t, 1); /* nobody asked for it */
    assert_int_equal(t.started, 1);
    assert_int_equal(t.stopped, 1);
    assert_int_equal(t.committed, 1);
    assert_int_equal(t.list[0].status, RESPONSE_COMPLETED);
    assert_true(t.list[0].audio_bytes > 0);
    bench_down(&t);
}

OVER_MODELS(interrupts_itself_when_the_caller_speaks)
{
    struct bench t;
    up_detecting(&t, kind);
    bench_feed(&t, 800, 8000);
    bench_feed(&t, 1200, 0);
    bench_wait_heard(&t);
    bench_feed(&t, 800, 8000);
    wait_until(t.loop, has_started_twice, &t);
    bench_wait_done(&t, 1);
    bool cut = t.list[0].status == RESPONSE_CANCELLED;
    assert_true(cut || t.list[0].status == RESPONSE_COMPLETED); /* it may have been over */
    bench_feed(&t, 1200, 0);
    bench_wait_done(&t, 2);
    assert_int_equal(t.list[1].status, RESPONSE_COMPLETED);
    bench_down(&t);
}

/* ---- bookkeeping ---- */

static bool has_usage(void *arg)
{
    const struct bench *t = arg;
    return t->usage.out_audio > 0 || t->gone;
}

OVER_MODELS(says_what_it_costs)
{
    struct bench t;
    bench_up(&t, kind);
    bench_speak(&t, 700);
    bench_respond(&t, 1, "");
    bench_wait_done(&t, 1);
    wait_until(t.loop, has_usage, &t);
    assert_true(t.usage.in_text + t.usage.in_audio > 0 && t.usage.out_audio > 0);
    bench_down(&t);
}

OVER_MODELS(an_output_that_wants_no_answer_gets_none)
{
    struct bench t;
    bench_up(&t, kind);
    struct call_action text = {.type = ACT_MODEL_USER_TEXT};
    text.model_user_text.item_id = STR("rt_item_1");
    text.model_user_text.text = STR("look one two");
    bench_perform(&t, &text);
    bench_respond(&t, 1, "");
    bench_wait_done(&t, 1);
    struct call_action out = {.type = ACT_MODEL_TOOL_OUTPUT};
    out.model_tool_output.request = 2;
    out.model_tool_output.tool_call_id = str_from(t.tool_call_id);
    out.model_tool_output.output = STR("{\"colour\":\"blue\"}");
    out.model_tool_output.silent = true;
    bench_perform(&t, &out);
    settle(t.loop);
    assert_int_equal(t.n, 1);
    bench_respond(&t, 3, "Say exactly: \"Good day to you.\" Say nothing else."); /* and it goes on */
    bench_wait_done(&t, 2);
    assert_string_equal(t.list[1].text, "Good day to you.");
    bench_down(&t);
}

/* What was thrown away is no turn: the next one is the first. */
OVER_MODELS(forgets_what_is_thrown_away)
{
    struct bench t;
    bench_up(&t, kind);
    bench_feed(&t, 700, 8000);
    bench_perform(&t, &(struct call_action){.type = ACT_MODEL_CLEAR_INPUT});
    settle(t.loop);
    assert_int_equal(t.committed + t.n, 0);
    bench_speak(&t, 700);
    bench_respond(&t, 1, "");
    bench_wait_done(&t, 1);
    assert_int_equal(t.committed, 1);
    assert_int_equal(t.n, 1);
    assert_true(t.list[0].audio_bytes > 0);
    bench_down(&t);
}

static bool is_updated(void *arg)
{
    const struct bench *t = arg;
    return t->updated > 0 || t->gone;
}

/* Either it can be told of another agent, and says when that is so, or it says before that it cannot. */
OVER_MODELS(is_told_of_another_agent_or_refuses)
{
    struct bench t;
    bench_up(&t, kind);
    struct call_action act = {.type = ACT_MODEL_UPDATE};
    act.model_update.request = 1;
    act.model_update.persona = (struct call_persona){.instructions = STR("Be brief."), .tools = {0}, .n_tools = 1};
    int err = model_perform(t.model, &act);
    if (t.ready_event.model_ready.no_update) {
        assert_int_equal(err, -ENOTSUP);
    } else {
        assert_ok(err);
        wait_until(t.loop, is_updated, &t);
        assert_int_equal(t.updated, 1);
    }
    bench_respond(&t, 2, "Say exactly: \"Good day to you.\" Say nothing else.");
    bench_wait_done(&t, 1);
    assert_string_equal(t.list[0].text, "Good day to you.");
    bench_down(&t);
}

/* There is a memory exactly when it was told of one. */
OVER_MODELS(remembers_what_it_says_it_does)
{
    struct bench t;
    bench_up(&t, kind);
    bench_speak(&t, 700);
    bench_respond(&t, 1, "");
    bench_wait_done(&t, 1);
    wait_until(t.loop, has_usage, &t);
    settle(t.loop);
    assert_int_equal(model_memory(t.model).n > 0, t.resumable > 0);
    assert_int_equal(t.resumable > 0, kind == GEMINI);
    bench_down(&t);
}

/* ---- ends ---- */

OVER_MODELS(may_be_closed_in_any_event)
{
    static const enum call_event_type at[] = {EV_MODEL_READY,        EV_MODEL_COMMITTED, EV_MODEL_RESPONSE_CREATED,
                                              EV_MODEL_ITEM_ADDED,   EV_MODEL_AUDIO,     EV_MODEL_AUDIO_DONE,
                                              EV_MODEL_TEXT_DELTA,   EV_MODEL_USER_TEXT, EV_MODEL_TEXT_DONE,
                                              EV_MODEL_RESPONSE_DONE};
    for (size_t i = 0; i < ARRAY_LEN(at); i++) {
        struct bench t;
        bench_init(&t, kind, "");
        t.close_at = at[i];
        bench_open(&t, "right");
        bench_wait_settled(&t);
        if (!t.closed_within) {
            /* Not perform(): it may be closed within, and what follows is refused then. */
            struct call_action text = {.type = ACT_MODEL_USER_TEXT};
            text.model_user_text.item_id = STR("rt_item_1");
            text.model_user_text.text = STR("say two");
            if (at[i] == EV_MODEL_COMMITTED || at[i] == EV_MODEL_USER_TEXT) {
                bench_feed(&t, 700, 8000);
                ignore_result(model_perform(t.model, &(struct call_action){.type = ACT_MODEL_COMMIT}));
            } else {
                bench_perform(&t, &text);
            }
            struct call_action act = {.type = ACT_MODEL_RESPOND};
            act.model_respond.request = 1;
            ignore_result(model_perform(t.model, &act));
        }
        bench_wait_gone(&t);
        assert_true(t.closed_within);
        assert_false(t.failed);
        bench_down(&t);
    }
}

OVER_MODELS(may_be_closed_when_it_has_failed)
{
    struct bench t;
    bench_init(&t, kind, "");
    t.close_at = EV_MODEL_FAILED;
    bench_open(&t, "wrong");
    bench_wait_gone(&t);
    assert_true(t.failed && t.closed_within);
    bench_down(&t);
}

OVER_MODELS(is_closed_for_good)
{
    struct bench t;
    bench_up(&t, kind);
    bench_respond(&t, 1, "");
    model_close(t.model);
    assert_int_equal(model_perform(t.model, &(struct call_action){.type = ACT_MODEL_COMMIT}), -ERR_CLOSED);
    model_step_over(t.model);
    t.closed_within = true; /* nothing is told any more */
    bench_wait_gone(&t);
    assert_false(t.failed);
    bench_down(&t);
}

OVER_MODELS(an_address_that_is_another_one)
{
    struct bench t;
    bench_init(&t, kind, "");
    snprintf(t.url, sizeof(t.url), "ws://127.0.0.1:%u/nothing/BidiGenerateContent/here",
             sandbox_server_port(t.sandbox));
    bench_open(&t, "right");
    bench_wait_gone(&t);
    assert_true(t.failed && !t.ready);
    assert_int_equal(t.err, -ERR_CONFIG);
    assert_string_equal(t.code, "http-404");
    assert_has(str_from(t.message), "check the address (url)"); /* what to do */
    bench_down(&t);
}

OVER_MODELS(a_service_that_says_nothing)
{
    struct bench t;
    bench_init(&t, kind, "no-updated");
    t.patience_ms = 100;
    bench_open(&t, "right");
    bench_wait_gone(&t);
    assert_true(t.failed && !t.ready);
    assert_int_equal(t.err, -ETIMEDOUT);
    assert_true(t.message[0]);
    bench_down(&t);
}

TEST_MAIN(TM(greets), TM(answers_a_turn), TM(calls_a_tool), TM(is_interrupted), TM(knows_what_it_was_told),
          TM(a_key_that_is_wrong), TM(a_service_that_breaks_off), TM(an_address_where_nobody_is),
          TM(is_asked_too_early), TM(detects_a_turn_and_answers_it), TM(interrupts_itself_when_the_caller_speaks),
          TM(says_what_it_costs), TM(an_output_that_wants_no_answer_gets_none), TM(forgets_what_is_thrown_away),
          TM(is_told_of_another_agent_or_refuses), TM(remembers_what_it_says_it_does), TM(may_be_closed_in_any_event),
          TM(may_be_closed_when_it_has_failed), TM(is_closed_for_good), TM(an_address_that_is_another_one),
          TM(a_service_that_says_nothing))
