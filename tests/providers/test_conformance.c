/*
 * What every model session owes the call, whichever protocol it speaks (src/call/model.h): the same scenarios over all
 * providers, each against the sandbox in its own words. The order of events is checked as they come.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "audio/codec.h"
#include "base/err.h"
#include "call/model.h"
#include "fakes/wait.h"
#include "net/loop.h"
#include "peer/sandbox/sandbox_server.h"
#include "providers/gemini/gemini.h"
#include "providers/openai/openai.h"
#include "test.h"

#define RESPONSES_MAX 16

static const char dialogue_yaml[] =
    "name: conformance\n"
    "greeting: Hello.\n"
    "refusal: What?\n"
    "unavailable: Not now.\n"
    "prompt: Anything else?\n"
    "script: [say one, say two, say one]\n"
    "rules:\n  digit: one | two | three\n  number: <digit> <digit>+\nslots:\n  number: digits\n"
    "intents:\n"
    "  one: {rules: [say one], say: This is the answer to number one and it takes its time to be spoken to the end.}\n"
    "  two: {rules: [say two], say: This is the answer to number two.}\n"
    "  look: {rules: [\"look <number>\"], say: Looking., call: {tool: look, arguments: {a: \"{number}\"}}}\n"
    "results:\n  look:\n    - say: It is {result.colour}.\n";

enum kind { OPENAI, GEMINI, KIND_N };
static const char *const names[] = {"openai", "gemini"};

/* One response as the call sees it. */
struct seen {
    char id[CALL_ID_MAX];
    bool done, audio_done;
    enum response_status status;
    size_t audio_bytes;
    uint32_t tools;
    char text[512];
};

struct bench {
    enum kind kind;
    struct loop *loop;
    struct dialogue *dialogue;
    struct sandbox_server *sandbox;
    struct call_opts call;
    struct call_opts_room room; /* of call */
    struct model *model;
    char url[64];
    bool ready, failed, gone;
    enum audio_format in, out;
    int err;
    char code[64], message[256];
    struct seen list[RESPONSES_MAX];
    size_t n;
    uint32_t committed, user_texts;
    char user_text[256], tool_call_id[CALL_ID_MAX], tool_name[64], arguments[128];
    size_t wanted; /* responses that are to be done */
    uint32_t started, stopped, resumable, updated;
    struct call_usage usage;
    struct call_event ready_event;
    enum call_event_type close_at; /* the handler closes the model there; CALL_EVENT_N: nowhere */
    bool closed_within;
    uint32_t patience_ms; /* 0: as usual */
};

static struct seen *find(struct bench *t, struct str id)
{
    for (size_t i = 0; i < t->n; i++) {
        if (str_is(id, t->list[i].id)) {
            return &t->list[i];
        }
    }
    fail_msg("%s: \"" STR_FMT "\" was never created", names[t->kind], STR_ARG(id));
    return NULL;
}

/* Content belongs to a response that was created and is not over. */
static struct seen *running(struct bench *t, struct str id)
{
    struct seen *s = find(t, id);
    assert_false(s->done);
    return s;
}

static void on_created(struct bench *t, struct str id)
{
    for (size_t i = 0; i < t->n; i++) {
        assert_false(str_is(id, t->list[i].id)); /* ids are never used again */
    }
    assert_true(t->n < RESPONSES_MAX && id.n > 0 && id.n < CALL_ID_MAX);
    ignore_result(str_copy(t->list[t->n++].id, CALL_ID_MAX, id));
}

static void on_response(struct bench *t, const struct call_event *ev)
{
    struct seen *s;
    switch ((int)ev->type) {
    case EV_MODEL_RESPONSE_CREATED:
        on_created(t, ev->model_response.response_id);
        break;
    case EV_MODEL_ITEM_ADDED:
        running(t, ev->model_item_added.response_id);
        break;
    case EV_MODEL_AUDIO:
        s = running(t, ev->model_audio.response_id);
        assert_false(s->audio_done);
        assert_true(ev->model_audio.audio.n > 0);
        s->audio_bytes += ev->model_audio.audio.n;
        break;
    case EV_MODEL_AUDIO_DONE:
        running(t, ev->model_audio.response_id)->audio_done = true;
        break;
    case EV_MODEL_TEXT_DONE:
        s = running(t, ev->model_text.response_id);
        ignore_result(str_copy(s->text, sizeof(s->text), ev->model_text.text));
        break;
    case EV_MODEL_TOOL_CALL:
        running(t, ev->model_tool.response_id)->tools++;
        ignore_result(str_copy(t->tool_call_id, sizeof(t->tool_call_id), ev->model_tool.tool_call_id));
        ignore_result(str_copy(t->tool_name, sizeof(t->tool_name), ev->model_tool.name));
        ignore_result(str_copy(t->arguments, sizeof(t->arguments), ev->model_tool.arguments));
        break;
    case EV_MODEL_RESPONSE_DONE:
        s = running(t, ev->model_done.response_id);
        s->done = true;
        s->status = ev->model_done.status;
        break;
    default:
        break;
    }
}

static void add_usage(struct bench *t, const struct call_usage *u)
{
    t->usage.in_text += u->in_text;
    t->usage.in_audio += u->in_audio;
    t->usage.out_audio += u->out_audio;
}

static void close_within(struct bench *t, const struct call_event *ev)
{
    if (ev->type == t->close_at && !t->closed_within) {
        t->closed_within = true;
        model_close(t->model);
        assert_false(t->gone); /* from the loop, not from within */
    }
}

static void count(struct bench *t, const struct call_event *ev)
{
    t->started += ev->type == EV_MODEL_SPEECH_STARTED;
    t->stopped += ev->type == EV_MODEL_SPEECH_STOPPED;
    t->resumable += ev->type == EV_MODEL_RESUMABLE;
    t->updated += ev->type == EV_MODEL_UPDATED;
    if (ev->type == EV_MODEL_USAGE) {
        add_usage(t, &ev->model_usage.usage);
    } else if (ev->type == EV_MODEL_RESPONSE_DONE) {
        add_usage(t, &ev->model_done.usage);
    }
}

static void on_event(struct model *model UNUSED, const struct call_event *ev, void *arg)
{
    struct bench *t = arg;
    assert_false(t->gone || t->failed); /* after a failure only on_closed */
    assert_false(t->closed_within);     /* and after a close, too */
    count(t, ev);
    if (ev->type == EV_MODEL_READY) {
        assert_false(t->ready);
        t->ready = true;
        t->in = ev->model_ready.in;
        t->out = ev->model_ready.out;
        t->ready_event = *ev; /* its flags */
        close_within(t, ev);
        return;
    }
    if (ev->type == EV_MODEL_FAILED) {
        t->failed = true;
        t->err = ev->model_failed.err;
        assert_int_equal(ev->model_failed.was_ready, t->ready);
        ignore_result(str_copy(t->code, sizeof(t->code), ev->model_failed.code));
        ignore_result(str_copy(t->message, sizeof(t->message), ev->model_failed.message));
        close_within(t, ev);
        return;
    }
    assert_true(t->ready);
    if (ev->type == EV_MODEL_COMMITTED) {
        t->committed++;
    } else if (ev->type == EV_MODEL_USER_TEXT && !ev->model_user_text.failed) {
        t->user_texts++;
        ignore_result(str_copy(t->user_text, sizeof(t->user_text), ev->model_user_text.text));
    }
    on_response(t, ev);
    close_within(t, ev);
}

static void on_closed(struct model *model UNUSED, int err UNUSED, void *arg)
{
    struct bench *t = arg;
    assert_false(t->gone);
    t->gone = true;
}

static const struct model_handler handler = {.on_event = on_event, .on_closed = on_closed};

static void open_model(struct bench *t, const char *key)
{
    int err;
    if (t->kind == OPENAI) {
        const struct openai_opts o = {.url = str_from(t->url),
                                      .api_key = str_from(key),
                                      .model = STR("gpt-realtime"),
                                      .voice = STR("marin"),
                                      .updated_ms = t->patience_ms,
                                      .transcription = {.enabled = true}};
        err = openai_open(t->loop, &o, &t->call, &handler, t, &t->model);
    } else {
        const struct gemini_opts o = {.url = str_from(t->url),
                                      .api_key = str_from(key),
                                      .temperature = -1,
                                      .top_p = -1,
                                      .seed = -1,
                                      .thinking_budget = -2,
                                      .setup_ms = t->patience_ms,
                                      .hears = true};
        err = gemini_open(t->loop, &o, &t->call, &handler, t, &t->model);
    }
    assert_ok(err);
    assert_false(t->ready || t->failed || t->gone); /* nothing is called before it returns */
}

static void init(struct bench *t, enum kind kind, const char *faults)
{
    struct sandbox_server_opts so = {
        .speech = SANDBOX_SPEECH_CANNED, .speed = 20, .seed = 1, .key = STR("right"), .session_s = 600};
    struct buf err;
    *t = (struct bench){.kind = kind, .close_at = CALL_EVENT_N};
    buf_init(&err, 4096);
    assert_ok(loop_new(&t->loop));
    assert_ok(dialogue_load(str_from(dialogue_yaml), "conformance", &err, &t->dialogue));
    assert_ok(faults_parse(&so.faults, str_from(faults), &err));
    so.dialogue = t->dialogue;
    assert_ok(sandbox_server_open(t->loop, &so, &err, &t->sandbox));
    buf_done(&err);
    snprintf(t->url, sizeof(t->url), "ws://127.0.0.1:%u", sandbox_server_port(t->sandbox));
    call_opts_init(&t->call);
    call_opts_lend(&t->call, &t->room);
    t->call.turn.kind = TURN_LOCAL;
    t->call.instructions = STR("Be kind.");
    t->call.n_tools = 1;
    t->call.tools[0] =
        (struct call_tool){.name = STR("look"),
                           .description = STR("Looks."),
                           .parameters = STR("{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}")};
}

static bool is_settled(void *arg)
{
    const struct bench *t = arg;
    return t->ready || t->gone;
}

static bool is_gone(void *arg)
{
    return ((struct bench *)arg)->gone;
}

static bool are_done(void *arg)
{
    const struct bench *t = arg;
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) {
        n += t->list[i].done;
    }
    return n >= t->wanted || t->gone;
}

static bool is_heard(void *arg)
{
    const struct bench *t = arg;
    return (t->n > 0 && t->list[t->n - 1].audio_bytes > 0) || t->gone;
}

static void wait_done(struct bench *t, size_t n)
{
    t->wanted = n;
    wait_until(t->loop, are_done, t);
    assert_false(t->gone);
}

static void up(struct bench *t, enum kind kind)
{
    init(t, kind, "");
    open_model(t, "right");
    wait_until(t->loop, is_settled, t);
    assert_true(t->ready);
}

static void down(struct bench *t)
{
    if (!t->gone) {
        bool failed = t->failed;
        model_close(t->model);
        model_close(t->model); /* idempotent */
        wait_until(t->loop, is_gone, t);
        assert_int_equal(t->failed, failed); /* whoever closes needs no explanation */
    }
    sandbox_server_stop(t->sandbox);
    loop_free(t->loop);
    sandbox_server_free(t->sandbox);
    dialogue_free(t->dialogue);
}

static void perform(struct bench *t, const struct call_action *act)
{
    model_cork(t->model);
    assert_ok(model_perform(t->model, act));
    model_uncork(t->model);
}

static void respond(struct bench *t, uint32_t request, const char *instructions)
{
    struct call_action act = {.type = ACT_MODEL_RESPOND};
    act.model_respond.request = request;
    act.model_respond.instructions = str_from(instructions);
    perform(t, &act);
}

/* A tone, which the deaf sandbox takes for the next sentence of its script. */
static void speak(struct bench *t, uint32_t ms)
{
    uint32_t rate = audio_rate_hz(t->in);
    size_t n = (size_t)rate * ms / 1000;
    int16_t *pcm = calloc(n, sizeof(*pcm));
    uint8_t *bytes = malloc(n * 2 + 1);
    assert_true(pcm && bytes);
    for (size_t i = 0; i < n; i++) {
        pcm[i] = (int16_t)(8000 * sin(2 * 3.14159265 * 300 * (double)i / rate));
    }
    struct call_action act = {.type = ACT_MODEL_APPEND};
    act.model_append.audio = span_from(bytes, codec_encode(t->in, pcm, n, bytes));
    perform(t, &act);
    perform(t, &(struct call_action){.type = ACT_MODEL_COMMIT});
    free(pcm);
    free(bytes);
}

/* ---- scenarios ---- */

static void greets(enum kind kind)
{
    struct bench t;
    up(&t, kind);
    respond(&t, 1, "Say exactly: \"Good day to you.\" Say nothing else.");
    wait_done(&t, 1);
    assert_int_equal(t.list[0].status, RESPONSE_COMPLETED);
    assert_string_equal(t.list[0].text, "Good day to you.");
    assert_true(t.list[0].audio_done);
    assert_true(t.list[0].audio_bytes > 200 * audio_bytes_per_ms(t.out));
    down(&t);
}

static void answers_a_turn(enum kind kind)
{
    struct bench t;
    up(&t, kind);
    speak(&t, 700);
    respond(&t, 1, "");
    wait_done(&t, 1);
    assert_int_equal(t.committed, 1);
    assert_int_equal(t.user_texts, 1);
    assert_string_equal(t.user_text, "say one");
    assert_true(strstr(t.list[0].text, "number one") != NULL);
    speak(&t, 700);
    respond(&t, 2, "");
    wait_done(&t, 2);
    assert_int_equal(t.committed, 2);
    assert_string_equal(t.list[1].text, "This is the answer to number two.");
    down(&t);
}

static void calls_a_tool(enum kind kind)
{
    struct bench t;
    up(&t, kind);
    struct call_action text = {.type = ACT_MODEL_USER_TEXT};
    text.model_user_text.item_id = STR("rt_item_1");
    text.model_user_text.text = STR("look one two");
    perform(&t, &text);
    respond(&t, 1, "");
    wait_done(&t, 1);
    assert_int_equal(t.list[0].tools, 1); /* once, and before the response is done */
    assert_string_equal(t.tool_name, "look");
    assert_string_equal(t.arguments, "{\"a\":\"12\"}");
    struct call_action out = {.type = ACT_MODEL_TOOL_OUTPUT};
    out.model_tool_output.request = 2;
    out.model_tool_output.tool_call_id = str_from(t.tool_call_id);
    out.model_tool_output.output = STR("{\"colour\":\"blue\"}");
    perform(&t, &out);
    respond(&t, 3, "");
    wait_done(&t, 2);
    assert_string_equal(t.list[1].text, "It is blue.");
    down(&t);
}

static void is_interrupted(enum kind kind)
{
    struct bench t;
    up(&t, kind);
    speak(&t, 700);
    respond(&t, 1, "");
    wait_until(t.loop, is_heard, &t);
    struct call_action cancel = {.type = ACT_MODEL_CANCEL};
    cancel.model_cancel.request = 2;
    cancel.model_cancel.response_id = str_from(t.list[0].id);
    perform(&t, &cancel);
    wait_done(&t, 1);
    bool cut = t.list[0].status == RESPONSE_CANCELLED;
    assert_true(cut || t.list[0].status == RESPONSE_COMPLETED); /* it may have been over */
    speak(&t, 700);
    respond(&t, 3, "");
    wait_done(&t, 2); /* nothing of the first came in between: running() looks */
    assert_int_equal(t.list[1].status, RESPONSE_COMPLETED);
    assert_string_equal(t.list[1].text, "This is the answer to number two.");
    down(&t);
}

static void knows_what_it_was_told(enum kind kind)
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
    up(&t, kind);
    model_cork(t.model);
    for (uint32_t i = 0; i < ARRAY_LEN(items); i++) {
        struct call_action act = {.type = ACT_MODEL_ITEM};
        act.model_item.request = i + 1;
        act.model_item.item = &items[i];
        assert_ok(model_perform(t.model, &act));
    }
    model_uncork(t.model);
    speak(&t, 700); /* the second sentence of the script: the first was said before */
    respond(&t, 9, "");
    wait_done(&t, 1);
    assert_string_equal(t.list[0].text, "This is the answer to number two.");
    assert_int_equal(t.n, 1); /* being told is no question */
    down(&t);
}

static void a_key_that_is_wrong(enum kind kind)
{
    struct bench t;
    init(&t, kind, "");
    open_model(&t, "wrong");
    wait_until(t.loop, is_gone, &t);
    assert_true(t.failed && !t.ready);
    assert_int_equal(t.err, -ERR_AUTH);
    assert_true(t.code[0] && t.message[0]);
    down(&t);
}

static void a_service_that_breaks_off(enum kind kind)
{
    struct bench t;
    init(&t, kind, "drop-after=300");
    open_model(&t, "right");
    wait_until(t.loop, is_settled, &t);
    respond(&t, 1, "Say exactly: \"Good day to you, this takes a while to be said.\"");
    wait_until(t.loop, is_gone, &t);
    assert_true(t.failed && t.ready);
    assert_true(t.err < 0);
    down(&t);
}

static void an_address_where_nobody_is(enum kind kind)
{
    struct bench t;
    init(&t, kind, "");
    snprintf(t.url, sizeof(t.url), "ws://127.0.0.1:1");
    open_model(&t, "right");
    wait_until(t.loop, is_gone, &t);
    assert_true(t.failed && !t.ready);
    assert_string_equal(t.code, ""); /* nobody said anything */
    down(&t);
}

/* What is asked before the settings are confirmed is refused, not lost in silence. */
static void is_asked_too_early(enum kind kind)
{
    struct bench t;
    init(&t, kind, "");
    open_model(&t, "right");
    assert_int_equal(model_perform(t.model, &(struct call_action){.type = ACT_MODEL_COMMIT}), -ERR_STATE);
    wait_until(t.loop, is_settled, &t);
    assert_int_equal(model_perform(t.model, &(struct call_action){.type = ACT_LEG_CLEAR}), -EINVAL);
    assert_string_equal(model_kind(t.model), names[kind]);
    down(&t);
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

/* Sound of that loudness for so long, without saying that it is a turn. */
static void feed(struct bench *t, uint32_t ms, int level)
{
    uint32_t rate = audio_rate_hz(t->in);
    size_t n = (size_t)rate * ms / 1000;
    int16_t *pcm = calloc(n, sizeof(*pcm));
    uint8_t *bytes = malloc(n * 2 + 1);
    assert_true(pcm && bytes);
    for (size_t i = 0; i < n; i++) {
        pcm[i] = (int16_t)(level * sin(2 * 3.14159265 * 300 * (double)i / rate));
    }
    struct call_action act = {.type = ACT_MODEL_APPEND};
    act.model_append.audio = span_from(bytes, codec_encode(t->in, pcm, n, bytes));
    perform(t, &act);
    free(pcm);
    free(bytes);
}

static void up_detecting(struct bench *t, enum kind kind)
{
    init(t, kind, "");
    t->call.turn = (struct call_turn_opts){.kind = TURN_SERVER_VAD,
                                           .create_response = true,
                                           .interrupt_response = true,
                                           .threshold = -1,
                                           .prefix_padding_ms = -1,
                                           .silence_duration_ms = 500,
                                           .idle_timeout_ms = -1};
    open_model(t, "right");
    wait_until(t->loop, is_settled, t);
    assert_true(t->ready);
    assert_true(t->ready_event.model_ready.interrupts && t->ready_event.model_ready.creates);
}

static void detects_a_turn_and_answers_it(enum kind kind)
{
    struct bench t;
    up_detecting(&t, kind);
    feed(&t, 800, 8000);
    feed(&t, 1200, 0);
    wait_until(t.loop, has_stopped, &t);
    wait_done(&t, 1); /* nobody asked for it */
    assert_int_equal(t.started, 1);
    assert_int_equal(t.stopped, 1);
    assert_int_equal(t.committed, 1);
    assert_int_equal(t.list[0].status, RESPONSE_COMPLETED);
    assert_true(t.list[0].audio_bytes > 0);
    down(&t);
}

static void interrupts_itself_when_the_caller_speaks(enum kind kind)
{
    struct bench t;
    up_detecting(&t, kind);
    feed(&t, 800, 8000);
    feed(&t, 1200, 0);
    wait_until(t.loop, is_heard, &t);
    feed(&t, 800, 8000);
    wait_until(t.loop, has_started_twice, &t);
    wait_done(&t, 1);
    bool cut = t.list[0].status == RESPONSE_CANCELLED;
    assert_true(cut || t.list[0].status == RESPONSE_COMPLETED); /* it may have been over */
    feed(&t, 1200, 0);
    wait_done(&t, 2);
    assert_int_equal(t.list[1].status, RESPONSE_COMPLETED);
    down(&t);
}

/* ---- bookkeeping ---- */

static bool has_usage(void *arg)
{
    const struct bench *t = arg;
    return t->usage.out_audio > 0 || t->gone;
}

static void says_what_it_costs(enum kind kind)
{
    struct bench t;
    up(&t, kind);
    speak(&t, 700);
    respond(&t, 1, "");
    wait_done(&t, 1);
    wait_until(t.loop, has_usage, &t);
    assert_true(t.usage.in_text + t.usage.in_audio > 0 && t.usage.out_audio > 0);
    down(&t);
}

static void an_output_that_wants_no_answer_gets_none(enum kind kind)
{
    struct bench t;
    up(&t, kind);
    struct call_action text = {.type = ACT_MODEL_USER_TEXT};
    text.model_user_text.item_id = STR("rt_item_1");
    text.model_user_text.text = STR("look one two");
    perform(&t, &text);
    respond(&t, 1, "");
    wait_done(&t, 1);
    struct call_action out = {.type = ACT_MODEL_TOOL_OUTPUT};
    out.model_tool_output.request = 2;
    out.model_tool_output.tool_call_id = str_from(t.tool_call_id);
    out.model_tool_output.output = STR("{\"colour\":\"blue\"}");
    out.model_tool_output.silent = true;
    perform(&t, &out);
    settle(t.loop);
    assert_int_equal(t.n, 1);
    respond(&t, 3, "Say exactly: \"Good day to you.\" Say nothing else."); /* and it goes on */
    wait_done(&t, 2);
    assert_string_equal(t.list[1].text, "Good day to you.");
    down(&t);
}

/* What was thrown away is no turn: the next one is the first. */
static void forgets_what_is_thrown_away(enum kind kind)
{
    struct bench t;
    up(&t, kind);
    feed(&t, 700, 8000);
    perform(&t, &(struct call_action){.type = ACT_MODEL_CLEAR_INPUT});
    settle(t.loop);
    assert_int_equal(t.committed + t.n, 0);
    speak(&t, 700);
    respond(&t, 1, "");
    wait_done(&t, 1);
    assert_int_equal(t.committed, 1);
    assert_int_equal(t.n, 1);
    assert_true(t.list[0].audio_bytes > 0);
    down(&t);
}

static bool is_updated(void *arg)
{
    const struct bench *t = arg;
    return t->updated > 0 || t->gone;
}

/* Either it can be told of another agent, and says when that is so, or it says before that it cannot. */
static void is_told_of_another_agent_or_refuses(enum kind kind)
{
    struct bench t;
    up(&t, kind);
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
    respond(&t, 2, "Say exactly: \"Good day to you.\" Say nothing else.");
    wait_done(&t, 1);
    assert_string_equal(t.list[0].text, "Good day to you.");
    down(&t);
}

/* There is a memory exactly when it was told of one. */
static void remembers_what_it_says_it_does(enum kind kind)
{
    struct bench t;
    up(&t, kind);
    speak(&t, 700);
    respond(&t, 1, "");
    wait_done(&t, 1);
    wait_until(t.loop, has_usage, &t);
    settle(t.loop);
    assert_int_equal(model_memory(t.model).n > 0, t.resumable > 0);
    assert_int_equal(t.resumable > 0, kind == GEMINI);
    down(&t);
}

/* ---- ends ---- */

static void may_be_closed_in_any_event(enum kind kind)
{
    static const enum call_event_type at[] = {EV_MODEL_READY,        EV_MODEL_COMMITTED, EV_MODEL_RESPONSE_CREATED,
                                              EV_MODEL_ITEM_ADDED,   EV_MODEL_AUDIO,     EV_MODEL_AUDIO_DONE,
                                              EV_MODEL_TEXT_DELTA,   EV_MODEL_USER_TEXT, EV_MODEL_TEXT_DONE,
                                              EV_MODEL_RESPONSE_DONE};
    for (size_t i = 0; i < ARRAY_LEN(at); i++) {
        struct bench t;
        init(&t, kind, "");
        t.close_at = at[i];
        open_model(&t, "right");
        wait_until(t.loop, is_settled, &t);
        if (!t.closed_within) {
            /* Not perform(): it may be closed within, and what follows is refused then. */
            struct call_action text = {.type = ACT_MODEL_USER_TEXT};
            text.model_user_text.item_id = STR("rt_item_1");
            text.model_user_text.text = STR("say two");
            if (at[i] == EV_MODEL_COMMITTED || at[i] == EV_MODEL_USER_TEXT) {
                feed(&t, 700, 8000);
                ignore_result(model_perform(t.model, &(struct call_action){.type = ACT_MODEL_COMMIT}));
            } else {
                perform(&t, &text);
            }
            struct call_action act = {.type = ACT_MODEL_RESPOND};
            act.model_respond.request = 1;
            ignore_result(model_perform(t.model, &act));
        }
        wait_until(t.loop, is_gone, &t);
        assert_true(t.closed_within);
        assert_false(t.failed);
        down(&t);
    }
}

static void may_be_closed_when_it_has_failed(enum kind kind)
{
    struct bench t;
    init(&t, kind, "");
    t.close_at = EV_MODEL_FAILED;
    open_model(&t, "wrong");
    wait_until(t.loop, is_gone, &t);
    assert_true(t.failed && t.closed_within);
    down(&t);
}

static void is_closed_for_good(enum kind kind)
{
    struct bench t;
    up(&t, kind);
    respond(&t, 1, "");
    model_close(t.model);
    assert_int_equal(model_perform(t.model, &(struct call_action){.type = ACT_MODEL_COMMIT}), -ERR_CLOSED);
    model_cork(t.model);
    model_uncork(t.model);
    t.closed_within = true; /* nothing is told any more */
    wait_until(t.loop, is_gone, &t);
    assert_false(t.failed);
    down(&t);
}

static void an_address_that_is_another_one(enum kind kind)
{
    struct bench t;
    init(&t, kind, "");
    snprintf(t.url, sizeof(t.url), "ws://127.0.0.1:%u/nothing/BidiGenerateContent/here",
             sandbox_server_port(t.sandbox));
    open_model(&t, "right");
    wait_until(t.loop, is_gone, &t);
    assert_true(t.failed && !t.ready);
    assert_int_equal(t.err, -ERR_CONFIG);
    assert_string_equal(t.code, "http-404");
    assert_true(strstr(t.message, "check the address (url)") != NULL); /* what to do */
    down(&t);
}

static void a_service_that_says_nothing(enum kind kind)
{
    struct bench t;
    init(&t, kind, "no-updated");
    t.patience_ms = 100;
    open_model(&t, "right");
    wait_until(t.loop, is_gone, &t);
    assert_true(t.failed && !t.ready);
    assert_int_equal(t.err, -ETIMEDOUT);
    assert_true(t.message[0]);
    down(&t);
}

#define EACH(scenario)                                                                                                 \
    static void openai_##scenario(void **state UNUSED)                                                                 \
    {                                                                                                                  \
        scenario(OPENAI);                                                                                              \
    }                                                                                                                  \
    static void gemini_##scenario(void **state UNUSED)                                                                 \
    {                                                                                                                  \
        scenario(GEMINI);                                                                                              \
    }
EACH(greets)
EACH(answers_a_turn)
EACH(calls_a_tool)
EACH(is_interrupted)
EACH(knows_what_it_was_told)
EACH(a_key_that_is_wrong)
EACH(a_service_that_breaks_off)
EACH(an_address_where_nobody_is)
EACH(is_asked_too_early)
EACH(detects_a_turn_and_answers_it)
EACH(interrupts_itself_when_the_caller_speaks)
EACH(says_what_it_costs)
EACH(an_output_that_wants_no_answer_gets_none)
EACH(forgets_what_is_thrown_away)
EACH(is_told_of_another_agent_or_refuses)
EACH(remembers_what_it_says_it_does)
EACH(may_be_closed_in_any_event)
EACH(may_be_closed_when_it_has_failed)
EACH(is_closed_for_good)
EACH(an_address_that_is_another_one)
EACH(a_service_that_says_nothing)

#define BOTH(scenario) T(openai_##scenario), T(gemini_##scenario)

TEST_MAIN(BOTH(greets), BOTH(answers_a_turn), BOTH(calls_a_tool), BOTH(is_interrupted), BOTH(knows_what_it_was_told),
          BOTH(a_key_that_is_wrong), BOTH(a_service_that_breaks_off), BOTH(an_address_where_nobody_is),
          BOTH(is_asked_too_early), BOTH(detects_a_turn_and_answers_it), BOTH(interrupts_itself_when_the_caller_speaks),
          BOTH(says_what_it_costs), BOTH(an_output_that_wants_no_answer_gets_none), BOTH(forgets_what_is_thrown_away),
          BOTH(is_told_of_another_agent_or_refuses), BOTH(remembers_what_it_says_it_does),
          BOTH(may_be_closed_in_any_event), BOTH(may_be_closed_when_it_has_failed), BOTH(is_closed_for_good),
          BOTH(an_address_that_is_another_one), BOTH(a_service_that_says_nothing))
