#include "providers/openai_bench.h"

#include <stdio.h>

#include "base/err.h"
#include "base/json.h"
#include "fakes/wait.h"
#include "test.h"

static void put_ready(struct buf *b, const struct call_event *ev)
{
    buf_printf(b,
               "ready in=%s out=%s tools=%u interrupts=%d creates=%d model=" STR_FMT " voice=" STR_FMT " id=" STR_FMT,
               audio_format_wire(ev->model_ready.in), audio_format_wire(ev->model_ready.out), ev->model_ready.n_tools,
               ev->model_ready.interrupts, ev->model_ready.creates, STR_ARG(ev->model_ready.model),
               STR_ARG(ev->model_ready.voice), STR_ARG(ev->model_ready.session_id));
}

static void put_done(struct buf *b, const struct call_event *ev)
{
    const struct call_usage *u = &ev->model_done.usage;
    buf_printf(b, "done " STR_FMT " status=%d reason=" STR_FMT " in=%u/%u cached=%u/%u out=%u/%u",
               STR_ARG(ev->model_done.response_id), ev->model_done.status, STR_ARG(ev->model_done.reason), u->in_text,
               u->in_audio, u->cached_text, u->cached_audio, u->out_text, u->out_audio);
}

static void put_item(struct buf *b, const struct call_item *it)
{
    buf_printf(b, STR_FMT " after=" STR_FMT " %s %s %s", STR_ARG(it->id), STR_ARG(it->previous_id),
               item_type_name(it->type), item_role_name(it->role), item_status_name(it->status));
    for (uint32_t i = 0; i < it->n_parts; i++) {
        buf_printf(b, " %s[%s" STR_FMT "]", part_kind_name(it->parts[i].kind), it->parts[i].text.p ? "" : "?",
                   STR_ARG(it->parts[i].text));
    }
    if (it->call_id.n) {
        buf_printf(b, " " STR_FMT " " STR_FMT "(" STR_FMT ")=" STR_FMT, STR_ARG(it->call_id), STR_ARG(it->name),
                   STR_ARG(it->arguments), STR_ARG(it->output));
    }
    buf_putc(b, '\n');
}

/* What concerns the conversation alone; false: something else. */
static bool put_conversation(struct bench *t, const struct call_event *ev)
{
    switch (ev->type) {
    case EV_MODEL_ITEM:
        put_item(&t->items, ev->model_item.item);
        return true;
    case EV_MODEL_ITEM_DELETED:
    case EV_MODEL_ITEM_TRUNCATED:
        buf_printf(&t->items, "%s " STR_FMT " %u\n", call_event_name(ev->type), STR_ARG(ev->model_item_gone.item_id),
                   ev->model_item_gone.ms);
        return true;
    case EV_MODEL_USER_DELTA:
        buf_printf(&t->items, "heard " STR_FMT " [" STR_FMT "]\n", STR_ARG(ev->model_user_text.item_id),
                   STR_ARG(ev->model_user_text.text));
        return true;
    case EV_MODEL_UPDATED:
    case EV_MODEL_IDLE:
        buf_printf(&t->items, "%s\n", call_event_name(ev->type));
        return true;
    default:
        return false;
    }
}

static void put_event(struct bench *t, const struct call_event *ev)
{
    if (put_conversation(t, ev)) {
        return;
    }
    struct buf *b = &t->log;
    switch (ev->type) {
    case EV_MODEL_READY:
        put_ready(b, ev);
        break;
    case EV_MODEL_FAILED:
        buf_printf(b, "failed err=%s code=" STR_FMT " ready=%d message=" STR_FMT, err_name(ev->model_failed.err),
                   STR_ARG(ev->model_failed.code), ev->model_failed.was_ready, STR_ARG(ev->model_failed.message));
        break;
    case EV_MODEL_SPEECH_STARTED:
    case EV_MODEL_SPEECH_STOPPED:
    case EV_MODEL_COMMITTED:
        buf_printf(b, "%s " STR_FMT " at=%u", call_event_name(ev->type), STR_ARG(ev->model_speech.item_id),
                   ev->model_speech.at_ms);
        break;
    case EV_MODEL_USER_TEXT:
        buf_printf(b, "user " STR_FMT " failed=%d [" STR_FMT "]", STR_ARG(ev->model_user_text.item_id),
                   ev->model_user_text.failed, STR_ARG(ev->model_user_text.text));
        break;
    case EV_MODEL_RESPONSE_CREATED:
        buf_printf(b, "created " STR_FMT, STR_ARG(ev->model_response.response_id));
        break;
    case EV_MODEL_ITEM_ADDED:
        buf_printf(b, "item " STR_FMT " " STR_FMT, STR_ARG(ev->model_item_added.response_id),
                   STR_ARG(ev->model_item_added.item_id));
        break;
    case EV_MODEL_AUDIO:
        buf_put(&t->audio, ev->model_audio.audio.p, ev->model_audio.audio.n);
        buf_printf(b, "audio " STR_FMT " " STR_FMT " %zu", STR_ARG(ev->model_audio.response_id),
                   STR_ARG(ev->model_audio.item_id), ev->model_audio.audio.n);
        break;
    case EV_MODEL_AUDIO_DONE:
        buf_printf(b, "audio-done " STR_FMT " " STR_FMT, STR_ARG(ev->model_audio.response_id),
                   STR_ARG(ev->model_audio.item_id));
        break;
    case EV_MODEL_TEXT_DELTA:
    case EV_MODEL_TEXT_DONE:
        buf_printf(b, "%s " STR_FMT " [" STR_FMT "]", call_event_name(ev->type), STR_ARG(ev->model_text.item_id),
                   STR_ARG(ev->model_text.text));
        break;
    case EV_MODEL_TOOL_CALL:
        buf_printf(b, "tool " STR_FMT " " STR_FMT " " STR_FMT " [" STR_FMT "]", STR_ARG(ev->model_tool.response_id),
                   STR_ARG(ev->model_tool.tool_call_id), STR_ARG(ev->model_tool.name),
                   STR_ARG(ev->model_tool.arguments));
        break;
    case EV_MODEL_RESPONSE_DONE:
        put_done(b, ev);
        break;
    case EV_MODEL_ERROR:
        buf_printf(b, "error code=" STR_FMT " param=" STR_FMT " request=%u", STR_ARG(ev->model_error.code),
                   STR_ARG(ev->model_error.param), ev->model_error.request);
        break;
    default:
        fail_msg("a model said %s", call_event_name(ev->type));
    }
    buf_putc(b, '\n');
}

static void on_event(struct model *model, const struct call_event *ev, void *arg)
{
    struct bench *t = arg;
    assert_false(t->gone);
    put_event(t, ev);
    if (t->close_on_ready && ev->type == EV_MODEL_READY) {
        model_close(model);
    }
}

static void on_closed(struct model *model UNUSED, int err, void *arg)
{
    struct bench *t = arg;
    assert_false(t->gone);
    t->gone = true;
    t->gone_err = err;
}

const struct model_handler bench_events = {.on_event = on_event, .on_closed = on_closed};

static struct call_tool end_call(void)
{
    return (struct call_tool){.name = STR("end_call"),
                              .description = STR("Ends the call."),
                              .parameters = STR("{\"type\":\"object\",\"properties\":{}}"),
                              .kind = CALL_TOOL_END};
}

void bench_init_tls(struct bench *t, struct tls_ctx *tls)
{
    *t = (struct bench){.f = {.on_open = FAKE_CREATED, .on_update = FAKE_UPDATED, .tls = tls}};
    buf_init(&t->log, 1u << 20);
    buf_init(&t->audio, 64u << 20);
    buf_init(&t->items, 1u << 20);
    fake_openai_open(&t->f);
    call_opts_init(&t->call);
    call_opts_lend(&t->call, &t->room);
    t->call.instructions = STR("Be brief.");
    t->call.turn.kind = TURN_SERVER_VAD;
    t->call.turn.create_response = t->call.turn.interrupt_response = true;
    t->call.n_tools = 1;
    t->call.tools[0] = end_call();
    t->o.url = str_from(fake_openai_url(&t->f, t->url, sizeof(t->url)));
    t->o.api_key = STR("sk-secret");
    t->o.model = STR("gpt-realtime-2.1");
    t->o.voice = STR("marin");
    t->o.input_format = t->o.output_format = AUDIO_PCMU;
}

void bench_init(struct bench *t)
{
    bench_init_tls(t, NULL);
}

void bench_open(struct bench *t)
{
    assert_ok(openai_open(t->f.loop, &t->o, &t->call, &bench_events, t, &t->model));
}

void wait_line(struct bench *t, const char *want)
{
    wait_text(t->f.loop, &t->log, want);
}

bool is_gone(void *arg)
{
    return ((struct bench *)arg)->gone;
}

void bench_done(struct bench *t)
{
    if (t->model && !t->gone) {
        model_close(t->model);
        wait_until(t->f.loop, is_gone, t);
    }
    fake_openai_done(&t->f);
    buf_done(&t->log);
    buf_done(&t->audio);
    buf_done(&t->items);
}

void bench_ready(struct bench *t)
{
    bench_open(t);
    wait_line(t, "ready ");
    buf_clear(&t->log);
}

void assert_log(struct bench *t, const char *want)
{
    assert_str_is(buf_str(&t->log), want);
}

static struct json_val member(struct bench *t, const char *path)
{
    struct json_val v;
    assert_ok(json_parse(str_trim(buf_str(&t->f.got)), &v));
    return json_path(v, path);
}

void assert_member(struct bench *t, const char *path, const char *want)
{
    struct json_val v = member(t, path);
    if (!str_is(v.s, want)) {
        fail_msg("%s is [" STR_FMT "], not [%s]", path, STR_ARG(v.s), want);
    }
}
