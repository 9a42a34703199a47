#include "providers/gemini_bench.h"

#include <stdio.h>

#include "base/err.h"
#include "fakes/wait.h"
#include "test.h"

#define READY "{\"setupComplete\":{}}"

/* "gr_5f3a_12" -> "gr_12": what sets sessions apart is not looked at. */
static void put_id(struct buf *b, struct str id)
{
    size_t first = str_find(id, '_');
    size_t last = first;
    for (size_t i = 0; i < id.n; i++) {
        last = id.p[i] == '_' ? i : last;
    }
    buf_printf(b, " %.*s%.*s", (int)first, id.p ? id.p : "", (int)(id.n - MIN(last, id.n)),
               id.p ? id.p + MIN(last, id.n) : "");
}

static void on_event(struct model *model UNUSED, const struct call_event *ev, void *arg)
{
    struct bench *t = arg;
    struct buf *b = &t->log;
    const struct call_usage *u = &ev->model_usage.usage;
    buf_puts(b, call_event_name(ev->type));
    switch ((int)ev->type) {
    case EV_MODEL_READY:
        buf_printf(b, " in=%s out=%s interrupts=%d creates=%d tools=%u resumed=%d",
                   audio_format_name(ev->model_ready.in), audio_format_name(ev->model_ready.out),
                   ev->model_ready.interrupts, ev->model_ready.creates, ev->model_ready.n_tools,
                   ev->model_ready.resumed);
        break;
    case EV_MODEL_FAILED:
        buf_printf(b, " %s " STR_FMT " [" STR_FMT "]", err_name(ev->model_failed.err), STR_ARG(ev->model_failed.code),
                   STR_ARG(ev->model_failed.message));
        break;
    case EV_MODEL_SPEECH_STARTED:
    case EV_MODEL_SPEECH_STOPPED:
    case EV_MODEL_COMMITTED:
        put_id(b, ev->model_speech.item_id);
        break;
    case EV_MODEL_ITEM:
        put_id(b, ev->model_item.item->id);
        break;
    case EV_MODEL_USER_TEXT:
    case EV_MODEL_USER_DELTA:
        put_id(b, ev->model_user_text.item_id);
        buf_printf(b, " [" STR_FMT "]%s", STR_ARG(ev->model_user_text.text),
                   ev->model_user_text.failed ? " failed" : "");
        break;
    case EV_MODEL_RESPONSE_CREATED:
        put_id(b, ev->model_response.response_id);
        break;
    case EV_MODEL_AUDIO_DONE:
        put_id(b, ev->model_audio.item_id);
        break;
    case EV_MODEL_AUDIO:
        put_id(b, ev->model_audio.item_id);
        buf_printf(b, " %zu", ev->model_audio.audio.n);
        break;
    case EV_MODEL_TEXT_DELTA:
    case EV_MODEL_TEXT_DONE:
        buf_printf(b, " [" STR_FMT "]", STR_ARG(ev->model_text.text));
        break;
    case EV_MODEL_TOOL_CALL:
        put_id(b, ev->model_tool.response_id);
        buf_printf(b, " " STR_FMT " " STR_FMT " " STR_FMT, STR_ARG(ev->model_tool.tool_call_id),
                   STR_ARG(ev->model_tool.name), STR_ARG(ev->model_tool.arguments));
        break;
    case EV_MODEL_RESPONSE_DONE:
        put_id(b, ev->model_done.response_id);
        buf_printf(b, " %d " STR_FMT, ev->model_done.status, STR_ARG(ev->model_done.reason));
        break;
    case EV_MODEL_USAGE:
        buf_printf(b, " in=%u/%u out=%u/%u", u->in_text, u->in_audio, u->out_text, u->out_audio);
        if (u->cached_text || u->cached_audio) {
            buf_printf(b, " cached=%u/%u", u->cached_text, u->cached_audio);
        }
        break;
    case EV_MODEL_TOOL_WITHDRAWN:
        buf_printf(b, " " STR_FMT, STR_ARG(ev->model_withdrawn.tool_call_id));
        break;
    case EV_MODEL_LEAVING:
        buf_printf(b, " %u", ev->model_leaving.left_ms);
        break;
    default:
        break;
    }
    buf_putc(b, '\n');
}

static void on_closed(struct model *model UNUSED, int err UNUSED, void *arg)
{
    ((struct bench *)arg)->gone = true;
}

static const struct model_handler events = {.on_event = on_event, .on_closed = on_closed};

void bench_init(struct bench *t, enum turn_kind kind)
{
    memset(t, 0, sizeof(*t));
    fake_openai_open(&t->f);
    t->f.on_open = READY;
    buf_init(&t->log, 1 << 20);
    call_opts_init(&t->call);
    call_opts_lend(&t->call, &t->room);
    t->call.turn.kind = kind;
    t->call.turn.interrupt_response = t->call.turn.create_response = true;
    t->call.instructions = STR("Be kind.");
    t->call.n_tools = 1;
    t->call.tools[0] =
        (struct call_tool){.name = STR("look"),
                           .description = STR("Looks."),
                           .parameters = STR("{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},"
                                             "\"additionalProperties\":false}")};
    t->o = (struct gemini_opts){.url = str_from(fake_openai_url(&t->f, t->url, sizeof(t->url))),
                                .api_key = STR("AIza-secret"),
                                .temperature = -1,
                                .top_p = -1,
                                .seed = -1,
                                .thinking_budget = -2,
                                .hears = true,
                                .compress = true};
}

void bench_start(struct bench *t)
{
    assert_ok(gemini_open(t->f.loop, &t->o, &t->call, &events, t, &t->model));
}

void wait_line(struct bench *t, const char *want)
{
    wait_text(t->f.loop, &t->log, want);
}

void wait_sent(struct bench *t, const char *want)
{
    wait_text(t->f.loop, &t->f.got, want);
}

bool is_gone(void *arg)
{
    return ((struct bench *)arg)->gone;
}

void bench_done(struct bench *t)
{
    if (!t->gone) {
        model_close(t->model);
        wait_until(t->f.loop, is_gone, t);
    }
    buf_done(&t->log);
    fake_openai_done(&t->f);
}

void bench_ready(struct bench *t, enum turn_kind kind)
{
    bench_init(t, kind);
    bench_start(t);
    wait_line(t, "model.ready");
    wait_sent(t, "\"setup\"");
    buf_clear(&t->log);
    buf_clear(&t->f.got);
}

void assert_log(struct bench *t, const char *want)
{
    assert_str_is(buf_str(&t->log), want);
    buf_clear(&t->log);
}

void bench_perform(struct bench *t, const struct call_action *act)
{
    assert_ok(model_perform(t->model, act));
    model_step_over(t->model);
}

void bench_simple(struct bench *t, enum call_action_type type)
{
    bench_perform(t, &(struct call_action){.type = type});
}

void bench_append(struct bench *t, size_t n)
{
    static uint8_t pcm[16000];
    struct call_action act = {.type = ACT_MODEL_APPEND};
    act.model_append.audio = span_from(pcm, n);
    bench_perform(t, &act);
}

void bench_respond(struct bench *t, const char *instructions)
{
    struct call_action act = {.type = ACT_MODEL_RESPOND};
    act.model_respond.request = 1;
    act.model_respond.instructions = str_from(instructions);
    bench_perform(t, &act);
}

void bench_output(struct bench *t, const char *id, const char *json, bool silent)
{
    struct call_action act = {.type = ACT_MODEL_TOOL_OUTPUT};
    act.model_tool_output.tool_call_id = str_from(id);
    act.model_tool_output.output = str_from(json);
    act.model_tool_output.silent = silent;
    bench_perform(t, &act);
}

void bench_say(struct bench *t, const char *json)
{
    fake_openai_say(&t->f, json);
}

void assert_sent_order(struct bench *t, const char *const *parts, size_t n)
{
    size_t from = 0;
    for (size_t i = 0; i < n; i++) {
        struct str rest = {buf_str(&t->f.got).p + from, t->f.got.len - from};
        size_t at = str_search(rest, str_from(parts[i]));
        if (at == SIZE_MAX) {
            fail_msg("\"%s\" is missing, or too early, in:\n" STR_FMT, parts[i], STR_ARG(buf_str(&t->f.got)));
        }
        from += at + 1;
    }
}

void assert_not_sent(struct bench *t, const char *part)
{
    assert_has_not(buf_str(&t->f.got), part);
}
