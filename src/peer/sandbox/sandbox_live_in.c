/* What a Gemini Live client sends, told to the session inside in its own words. */
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/err.h"
#include "peer/sandbox/sandbox_live_impl.h"

#define JSON_MAX  (48u << 20)
#define DIRECTION "[Direction" /* how a client marks what the caller did not say */

/* ---- audio ---- */

static void append(struct live *l, const int16_t *pcm, size_t n)
{
    struct buf json;
    buf_init(&json, JSON_MAX);
    buf_puts(&json, "{\"type\":\"input_audio_buffer.append\",\"audio\":\"");
    uint8_t *at = buf_room(&json, base64_enc_len(n * 2));
    if (at) {
        buf_added(&json, base64_encode((char *)at, span_from(pcm, n * 2)));
    }
    buf_puts(&json, "\"}");
    live_tell(l, &json);
    buf_done(&json);
}

static void on_audio(struct live *l, const struct gemini_client_input *in)
{
    uint8_t *bytes = NULL;
    size_t n = 0;
    if (l->manual && !l->activity) {
        return; /* outside the marks it is no turn */
    }
    if (gemini_server_audio(in->audio, &bytes, &n) < 0 || n % 2) {
        free(bytes);
        live_close(l, 1007, STR("Request contains an invalid argument."));
        return;
    }
    if (in->rate_hz != l->in_hz) {
        l->in_hz = in->rate_hz;
        if (resample_init(&l->up, l->in_hz, GEMINI_OUT_HZ) < 0) {
            free(bytes);
            live_close(l, 1007, STR("Request contains an invalid argument."));
            return;
        }
    }
    size_t samples = n / 2;
    int16_t *in_pcm = malloc(samples * 2 + 2);
    int16_t *wide = malloc(resample_out_max(&l->up, samples) * 2 + 2);
    size_t made = 0;
    if (in_pcm && wide) {
        memcpy(in_pcm, bytes, samples * 2);
        resample_run(&l->up, in_pcm, samples, wide, &made);
        l->prompt_audio_ms += samples * 1000 / l->in_hz;
        append(l, wide, made);
    }
    free(bytes);
    free(in_pcm);
    free(wide);
}

/* ---- interruptions ---- */

void live_tools_clear(struct live *l)
{
    for (size_t i = 0; i < LIVE_CALLS; i++) {
        buf_done(&l->calls[i].args);
        l->calls[i] = (struct live_call){0};
    }
}

/* Calls that nobody has answered are dropped: 2.5 says so, later models only call again when they are asked again. */
static void drop_calls(struct live *l)
{
    struct str ids[LIVE_CALLS];
    size_t n = 0;
    for (size_t i = 0; i < LIVE_CALLS; i++) {
        if (l->calls[i].used && l->calls[i].told) {
            ids[n++] = str_from(l->calls[i].id);
        }
    }
    if (n > 0 && l->family == LIVE_25) {
        gemini_server_put_cancelled(&l->out, ids, n);
        live_send(l);
    }
    live_tools_clear(l);
}

void live_interrupt(struct live *l)
{
    bool generating = l->generating;
    bool cut = l->turn_open;
    if (generating) {
        l->generating = false;
        l->quiet = true; /* the close-out of the other protocol is not told */
        live_tell_type(l, "response.cancel");
        l->quiet = false;
    }
    l->again = false;
    if (cut) {
        live_send_content(l, &(struct gemini_server_content){.interrupted = true});
        live_turn_over(l, STR(""));
    }
    if (l->blocking) {
        drop_calls(l);
    }
}

/* ---- realtime input ---- */

static void commit(struct live *l)
{
    live_tell_type(l, "input_audio_buffer.commit");
    live_tell_type(l, "response.create");
}

static void put_item(struct live *l, const char *role, const char *part, struct str text)
{
    struct buf json;
    buf_init(&json, JSON_MAX);
    struct json_w w = json_w(&json);
    json_w_open(&w);
    json_w_kz(&w, "type", "conversation.item.create");
    json_w_key(&w, "item");
    json_w_open(&w);
    json_w_kz(&w, "type", "message");
    json_w_kz(&w, "role", role);
    json_w_key(&w, "content");
    json_w_array(&w);
    json_w_open(&w);
    json_w_kz(&w, "type", part);
    json_w_kstr(&w, "text", text);
    json_w_close(&w);
    json_w_end(&w);
    json_w_close(&w);
    json_w_close(&w);
    live_tell(l, &json);
    buf_done(&json);
}

static void respond(struct live *l, struct str instructions)
{
    struct buf json;
    buf_init(&json, JSON_MAX);
    struct json_w w = json_w(&json);
    json_w_open(&w);
    json_w_kz(&w, "type", "response.create");
    if (instructions.n > 0) {
        json_w_key(&w, "response");
        json_w_open(&w);
        json_w_kstr(&w, "instructions", instructions);
        json_w_close(&w);
    }
    json_w_close(&w);
    live_tell(l, &json);
    buf_done(&json);
}

static void on_text(struct live *l, struct str text)
{
    live_interrupt(l);
    if (str_starts(text, STR(DIRECTION)) || str_trim(text).n == 0) {
        respond(l, str_trim(text));
        return;
    }
    put_item(l, "user", "input_text", text);
    respond(l, STR(""));
}

void live_on_input(struct live *l, const struct gemini_client_input *in)
{
    bool marks = in->activity_start || in->activity_end;
    if ((marks && !l->manual) || (in->stream_end && l->manual)) {
        live_close(l, 1007, STR("Request contains an invalid argument."));
        return;
    }
    if (in->activity_start) {
        live_interrupt(l);
        live_tell_type(l, "input_audio_buffer.clear");
        l->activity = true;
    }
    if (in->audio.p) {
        on_audio(l, in);
    }
    if (in->activity_end && l->activity) {
        l->activity = false;
        commit(l);
    }
    if (in->stream_end) {
        struct buf silence;
        buf_init(&silence, JSON_MAX); /* the detector hears that nothing more comes */
        uint8_t *at = buf_room(&silence, (size_t)GEMINI_OUT_HZ * 4);
        if (at) {
            memset(at, 0, (size_t)GEMINI_OUT_HZ * 4);
            append(l, (const int16_t *)(const void *)at, (size_t)GEMINI_OUT_HZ * 2);
        }
        buf_done(&silence);
    }
    if (in->text.p && !l->closed) {
        on_text(l, in->text);
    }
}

/* ---- content ---- */

static bool part_between(struct str text, const char *from, const char *to, struct str *ret, struct str *rest)
{
    size_t at = str_search(text, str_from(from));
    if (at == SIZE_MAX) {
        return false;
    }
    struct str tail = {text.p + at + strlen(from), text.n - at - strlen(from)};
    size_t end = str_search(tail, str_from(to));
    if (end == SIZE_MAX) {
        return false;
    }
    *ret = (struct str){tail.p, end};
    *rest = (struct str){tail.p + end + strlen(to), tail.n - end - strlen(to)};
    return true;
}

static void put_function(struct live *l, const char *type, struct str name, const char *key, struct str value)
{
    struct buf json;
    buf_init(&json, JSON_MAX);
    struct json_w w = json_w(&json);
    json_w_open(&w);
    json_w_kz(&w, "type", "conversation.item.create");
    json_w_key(&w, "item");
    json_w_open(&w);
    json_w_kz(&w, "type", type);
    json_w_kstr(&w, "call_id", name); /* one call of a tool at a time is told */
    if (strcmp(type, "function_call") == 0) {
        json_w_kstr(&w, "name", name);
    }
    json_w_kstr(&w, key, value);
    json_w_close(&w);
    json_w_close(&w);
    live_tell(l, &json);
    buf_done(&json);
}

/* A model understands what a client writes of tools that were used in an earlier session; ours looks for the words. */
static bool put_tool_note(struct live *l, struct str text)
{
    struct str name;
    struct str rest;
    if (part_between(text, "The tool ", " was called with ", &name, &rest)) {
        put_function(l, "function_call", name, "arguments", rest);
        return true;
    }
    if (part_between(text, "The tool ", " answered ", &name, &rest)) {
        put_function(l, "function_call_output", name, "output", rest);
        return true;
    }
    return false;
}

void live_on_content(struct live *l, const struct gemini_client_message *m)
{
    struct json_val turn;
    struct buf text;
    struct buf direction;
    buf_init(&text, LIVE_TEXT);
    buf_init(&direction, LIVE_TEXT);
    bool asks = m->turn_complete && !l->history;
    l->history = l->history && !m->turn_complete;
    if (asks) {
        live_interrupt(l);
    }
    for (struct json_it it = json_array(m->turns); m->turns.type == JSON_ARRAY && json_elem(&it, &turn);) {
        struct json_val role = gemini_server_get(turn, "role");
        bool model = role.type == JSON_STRING && str_ieq(role.s, STR("model"));
        buf_clear(&text);
        gemini_server_content_text(turn, &text);
        buf_clear(&direction);
        if (text.len == 0) {
            continue;
        }
        if (model) {
            put_item(l, "assistant", "output_text", buf_str(&text));
        } else if (str_starts(buf_str(&text), STR(DIRECTION))) {
            if (!put_tool_note(l, buf_str(&text))) {
                buf_put_str(&direction, buf_str(&text));
            }
        } else {
            put_item(l, "user", "input_text", buf_str(&text));
        }
    }
    if (asks && !l->closed) {
        respond(l, buf_str(&direction));
    }
    buf_done(&text);
    buf_done(&direction);
}

/* ---- tools ---- */

static struct live_call *find_call(struct live *l, struct str id)
{
    for (size_t i = 0; i < LIVE_CALLS; i++) {
        if (l->calls[i].used && l->calls[i].told && str_is(id, l->calls[i].id)) {
            return &l->calls[i];
        }
    }
    return NULL;
}

static bool any_pending(const struct live *l)
{
    for (size_t i = 0; i < LIVE_CALLS; i++) {
        if (l->calls[i].used && l->calls[i].told) {
            return true;
        }
    }
    return false;
}

/* "output" or "error" is what counts, else the object as a whole. */
static struct json_val outcome(struct json_val response)
{
    struct json_val v = gemini_server_get(response, "output");
    v = v.type == JSON_NONE ? gemini_server_get(response, "error") : v;
    v = v.type == JSON_NONE ? gemini_server_get(response, "result") : v;
    return v.type == JSON_NONE ? response : v;
}

static void put_output(struct live *l, const struct live_call *c, struct json_val response)
{
    struct json_val v = outcome(response);
    struct buf json;
    struct buf text;
    buf_init(&json, JSON_MAX);
    buf_init(&text, LIVE_TEXT);
    if (v.type == JSON_STRING) {
        ignore_result(json_unescape(v.s, &text)); /* it was checked */
    } else {
        buf_put_str(&text, v.s);
    }
    struct json_w w = json_w(&json);
    json_w_open(&w);
    json_w_kz(&w, "type", "conversation.item.create");
    json_w_key(&w, "item");
    json_w_open(&w);
    json_w_kz(&w, "type", "function_call_output");
    json_w_kstr(&w, "call_id", str_from(c->id));
    json_w_kstr(&w, "output", buf_str(&text));
    json_w_close(&w);
    json_w_close(&w);
    live_tell(l, &json);
    buf_done(&json);
    buf_done(&text);
}

static void go_on(struct live *l, bool at_once)
{
    if (l->blocking) {
        respond(l, STR(""));
    } else if (at_once || (!l->generating && !l->turn_open)) {
        live_interrupt(l);
        respond(l, STR(""));
    } else {
        l->again = true; /* when the turn under way was heard */
    }
}

void live_on_results(struct live *l, struct json_val responses)
{
    struct json_val r;
    bool answered = false;
    bool at_once = false;
    bool silent = true;
    for (struct json_it it = json_array(responses); json_elem(&it, &r);) {
        struct json_val id = gemini_server_get(r, "id");
        struct json_val scheduling = gemini_server_get(r, "scheduling");
        struct live_call *c = id.type == JSON_STRING ? find_call(l, id.s) : NULL;
        if (!c) {
            continue; /* unknown, or dropped meanwhile: ignored, as the service does */
        }
        put_output(l, c, gemini_server_get(r, "response"));
        bool quiet = scheduling.type == JSON_STRING && str_ieq(scheduling.s, STR("SILENT"));
        if (quiet && !l->blocking) {
            sandbox_session_settle(l->inner, str_from(c->id));
        }
        buf_done(&c->args);
        *c = (struct live_call){0};
        answered = true;
        at_once = at_once || (scheduling.type == JSON_STRING && str_ieq(scheduling.s, STR("INTERRUPT")));
        silent = silent && quiet;
    }
    if (answered && !any_pending(l) && !(silent && !l->blocking)) {
        go_on(l, at_once);
    }
}
