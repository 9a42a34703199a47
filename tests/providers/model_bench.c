#include "providers/model_bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "audio/codec.h"
#include "base/err.h"
#include "fakes/wait.h"
#include "providers/gemini/gemini.h"
#include "providers/openai/openai.h"
#include "test.h"

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

static struct seen *find(struct bench *t, struct str id)
{
    for (size_t i = 0; i < t->n; i++) {
        if (str_is(id, t->list[i].id)) {
            return &t->list[i];
        }
    }
    fail_msg("%s: \"" STR_FMT "\" was never created", t->kind == OPENAI ? "openai" : "gemini", STR_ARG(id));
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
    assert_true(t->n < BENCH_RESPONSES_MAX && id.n > 0 && id.n < CALL_ID_MAX);
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

void bench_open(struct bench *t, const char *key)
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

void bench_init(struct bench *t, enum kind kind, const char *faults)
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

void bench_wait_settled(struct bench *t)
{
    wait_until(t->loop, is_settled, t);
}

void bench_wait_gone(struct bench *t)
{
    wait_until(t->loop, is_gone, t);
}

void bench_wait_heard(struct bench *t)
{
    wait_until(t->loop, is_heard, t);
}

void bench_wait_done(struct bench *t, size_t n)
{
    t->wanted = n;
    wait_until(t->loop, are_done, t);
    assert_false(t->gone);
}

void bench_up(struct bench *t, enum kind kind)
{
    bench_init(t, kind, "");
    bench_open(t, "right");
    bench_wait_settled(t);
    assert_true(t->ready);
}

void bench_down(struct bench *t)
{
    if (!t->gone) {
        bool failed = t->failed;
        model_close(t->model);
        model_close(t->model); /* idempotent */
        bench_wait_gone(t);
        assert_int_equal(t->failed, failed); /* whoever closes needs no explanation */
    }
    sandbox_server_stop(t->sandbox);
    loop_free(t->loop);
    sandbox_server_free(t->sandbox);
    dialogue_free(t->dialogue);
}

void bench_perform(struct bench *t, const struct call_action *act)
{
    assert_ok(model_perform(t->model, act));
    model_step_over(t->model);
}

void bench_respond(struct bench *t, uint32_t request, const char *instructions)
{
    struct call_action act = {.type = ACT_MODEL_RESPOND};
    act.model_respond.request = request;
    act.model_respond.instructions = str_from(instructions);
    bench_perform(t, &act);
}

void bench_feed(struct bench *t, uint32_t ms, int level)
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
    bench_perform(t, &act);
    free(pcm);
    free(bytes);
}

void bench_speak(struct bench *t, uint32_t ms)
{
    bench_feed(t, ms, 8000);
    bench_perform(t, &(struct call_action){.type = ACT_MODEL_COMMIT});
}
