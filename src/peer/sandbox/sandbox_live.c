#include "peer/sandbox/sandbox_live.h"

#include <stdio.h>
#include <stdlib.h>

#include "audio/resample.h"
#include "base/base64.h"
#include "base/err.h"
#include "peer/sandbox/sandbox_live_impl.h"

#define OUT_MAX   (48u << 20)
#define KEPT_US   UINT64_C(7200000000) /* after the connection ended */
#define SESSION_S 600
#define LEAD_S    60 /* goAway comes so long before the end, or at half of a short session */
#define SETUP_MAX (1u << 20)

/* ---- out ---- */

void live_send(struct live *l)
{
    if (l->closed) {
        return;
    }
    if (l->fillers) {
        l->host->send(span_of_str(STR("{}\n")), l->arg); /* 3.x sends one before almost every frame */
    }
    l->host->send(buf_span(&l->out), l->arg);
}

void live_close(struct live *l, uint16_t code, struct str reason)
{
    if (!l->closed) {
        l->closed = true;
        l->host->close(code, reason, l->arg);
    }
}

void live_send_content(struct live *l, const struct gemini_server_content *c)
{
    gemini_server_put_content(&l->out, c);
    live_send(l);
}

void live_tell(struct live *l, struct buf *json)
{
    sandbox_session_message(l->inner, buf_str(json), l->now_us);
}

void live_tell_type(struct live *l, const char *type)
{
    char json[96];
    snprintf(json, sizeof(json), "{\"type\":\"%s\"}", type);
    sandbox_session_message(l->inner, str_from(json), l->now_us);
}

/* ---- handles ---- */

static uint64_t next_random(struct live *l)
{
    l->random ^= l->random << 13;
    l->random ^= l->random >> 7;
    l->random ^= l->random << 17;
    return l->random;
}

void live_new_handle(struct live *l)
{
    char *at = l->handles[l->handle_n++ % LIVE_HANDLES];
    uint64_t a = next_random(l);
    uint64_t b = next_random(l);
    snprintf(at, LIVE_HANDLE_BYTES, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32), (unsigned)(a >> 16 & 0xffff),
             (unsigned)(a & 0xfff), (unsigned)(0x8000 | (b >> 48 & 0x3fff)), (unsigned long long)(b & 0xffffffffffff));
    sandbox_session_mark(l->inner, &l->mark);
    gemini_server_put_resumption(&l->out, str_from(at), true);
    live_send(l);
}

bool live_knows(const struct live *l, struct str handle)
{
    for (size_t i = 0; i < LIVE_HANDLES; i++) {
        if (l->handles[i][0] && str_is(handle, l->handles[i])) {
            return true;
        }
    }
    return false;
}

/* ---- the session inside ---- */

static void inner_send(struct str json, void *arg)
{
    live_on_event(arg, json);
}

static void inner_send_binary(struct span data UNUSED, void *arg UNUSED)
{
    /* Only a fault of the other protocol. */
}

static void inner_close(uint16_t code, struct str reason, void *arg)
{
    struct live *l = arg;
    l->dead = true;
    live_close(l, code == 1001 ? 1011 : code, reason);
}

static struct clip *inner_say(uint32_t ticket, struct str text, enum openai_format format, void *arg)
{
    struct live *l = arg;
    return l->host->say(ticket, text, format, l->arg);
}

static void inner_hear(uint32_t ticket, const int16_t *pcm, size_t n, uint32_t silence_ms, void *arg)
{
    struct live *l = arg;
    l->host->hear(ticket, pcm, n, silence_ms, l->arg);
}

static const struct sandbox_host inner_full = {inner_send, inner_send_binary, inner_close, inner_say, inner_hear};
static const struct sandbox_host inner_deaf = {inner_send, inner_send_binary, inner_close, inner_say, NULL};

int live_open(const struct live_opts *opts, const struct live_host *host, void *arg, uint64_t now_us, struct live **ret)
{
    struct live *l = calloc(1, sizeof(*l));
    if (!l) {
        return -ENOMEM;
    }
    l->opts = *opts;
    l->faults = opts->session.faults ? *opts->session.faults : (struct sandbox_faults){0};
    l->host = host;
    l->arg = arg;
    l->now_us = now_us;
    l->random = opts->session.seed | 1;
    l->ends_us = l->away_us = l->turn_over_us = l->breaks_us = UINT64_MAX;
    buf_init(&l->out, OUT_MAX);
    buf_init(&l->scratch, OUT_MAX);
    buf_init(&l->decoded, OUT_MAX);
    buf_init(&l->said, SETUP_MAX);
    *ret = l;
    return 0;
}

struct live *live_free(struct live *l)
{
    if (l) {
        sandbox_session_free(l->inner);
        live_tools_clear(l);
        buf_done(&l->out);
        buf_done(&l->scratch);
        buf_done(&l->decoded);
        buf_done(&l->said);
        free(l);
    }
    return NULL;
}

bool live_detach(struct live *l, uint64_t now_us)
{
    l->host = NULL;
    l->closed = true;
    l->kept_until_us = now_us + KEPT_US;
    return l->inner && !l->dead && l->handle_n > 0;
}

uint64_t live_kept_until_us(const struct live *l)
{
    return l->kept_until_us;
}

const struct truth *live_truth(const struct live *l)
{
    return l->inner ? sandbox_session_truth(l->inner) : NULL;
}

struct truth *live_take_truth(struct live *l)
{
    return l->inner ? sandbox_session_take_truth(l->inner) : NULL;
}

/* ---- setup ---- */

static bool model_is_known(struct str model)
{
    static const char *const served[] = {"gemini-3.8-live", "gemini-3.1-flash-live", "native-audio", "sandbox"};
    static const char *const gone[] = {"gemini-2.0-", "gemini-live-2.5-flash-preview"};
    for (size_t i = 0; i < ARRAY_LEN(gone); i++) {
        if (str_search(model, str_from(gone[i])) != SIZE_MAX) {
            return false;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(served); i++) {
        if (str_search(model, str_from(served[i])) != SIZE_MAX) {
            return true;
        }
    }
    return false;
}

static enum live_family family_of(struct str model)
{
    return str_search(model, STR("extended-thinking")) != SIZE_MAX ? LIVE_THINKING
           : str_search(model, STR("gemini-3.1")) != SIZE_MAX      ? LIVE_31
           : str_search(model, STR("native-audio")) != SIZE_MAX    ? LIVE_25
                                                                   : LIVE_38;
}

/* What a family refuses closes the connection in place of setupComplete. */
static bool refuses(const struct live *l, const struct gemini_client_setup *s, struct gemini_refusal *why)
{
    if (!model_is_known(s->model)) {
        gemini_server_refuse(why, 1008,
                             STR_FMT
                             " is not found for API version v1beta, or is not supported for bidiGenerateContent. "
                             "Call ListModels to see",
                             (int)MIN(s->model.n, (size_t)60), s->model.p ? s->model.p : "");
        return true;
    }
    bool bad = l->family == LIVE_38         ? s->thinking || s->affective || s->proactive_off
               : l->family == LIVE_THINKING ? !s->thinking || s->affective || (s->n_functions > 0 && !s->non_blocking)
               : l->family == LIVE_31       ? s->affective || s->non_blocking
                                            : false;
    if (bad || s->text_only) {
        gemini_server_refuse(why, 1007, "Request contains an invalid argument.");
    }
    return bad || s->text_only;
}

/* The session's tools, as the inside knows them: names are what its dialogue looks at. */
static void put_tools(struct json_w *w, struct json_val tools)
{
    struct json_val tool;
    struct json_val f;
    json_w_key(w, "tools");
    json_w_array(w);
    for (struct json_it it = json_array(tools); tools.type == JSON_ARRAY && json_elem(&it, &tool);) {
        struct json_val list = gemini_server_get(tool, "functionDeclarations");
        for (struct json_it at = json_array(list); list.type == JSON_ARRAY && json_elem(&at, &f);) {
            struct json_val name = gemini_server_get(f, "name");
            struct json_val about = gemini_server_get(f, "description");
            json_w_open(w);
            json_w_kz(w, "type", "function");
            json_w_kstr(w, "name", name.s);
            json_w_key(w, "description");
            json_w_raw(w, about.type == JSON_STRING ? (struct str){about.s.p - 1, about.s.n + 2} : STR("\"\""));
            json_w_key(w, "parameters");
            json_w_raw(w, STR("{\"type\":\"object\",\"properties\":{}}"));
            json_w_close(w);
        }
    }
    json_w_end(w);
}

static void put_input(struct json_w *w, const struct gemini_client_setup *s)
{
    json_w_key(w, "input");
    json_w_open(w);
    json_w_key(w, "format");
    json_w_raw(w, STR("{\"type\":\"audio/pcm\",\"rate\":24000}"));
    json_w_key(w, "transcription");
    json_w_raw(w, STR("{\"model\":\"gpt-4o-mini-transcribe\"}")); /* whether it is told is decided here */
    json_w_key(w, "turn_detection");
    if (s->manual) {
        json_w_null(w);
    } else {
        json_w_open(w);
        json_w_kz(w, "type", "server_vad");
        json_w_ki64(w, "silence_duration_ms", s->silence_ms ? MIN(s->silence_ms, 60000u) : 500);
        json_w_kbool(w, "create_response", true);
        json_w_kbool(w, "interrupt_response", !s->no_interruption);
        json_w_close(w);
    }
    json_w_close(w);
}

/* At the beginning everything, later what a contextUpdate names. */
static void configure(struct live *l, const struct gemini_client_setup *s)
{
    struct buf json;
    struct buf instructions;
    buf_init(&json, OUT_MAX);
    buf_init(&instructions, SETUP_MAX);
    gemini_server_content_text(s->system, &instructions);
    struct json_w w = json_w(&json);
    json_w_open(&w);
    json_w_kz(&w, "type", "session.update");
    json_w_key(&w, "session");
    json_w_open(&w);
    json_w_kz(&w, "type", "realtime");
    if (!l->ready || s->system.type != JSON_NONE) {
        json_w_kstr(&w, "instructions", buf_str(&instructions));
    }
    if (!l->ready) {
        json_w_key(&w, "audio");
        json_w_open(&w);
        put_input(&w, s);
        json_w_key(&w, "output");
        json_w_raw(&w, STR("{\"format\":{\"type\":\"audio/pcm\",\"rate\":24000}}"));
        json_w_close(&w);
    }
    if (!l->ready || s->tools.type != JSON_NONE) {
        put_tools(&w, s->tools);
    }
    json_w_close(&w);
    json_w_close(&w);
    live_tell(l, &json);
    buf_done(&json);
    buf_done(&instructions);
}

/* What the kept one knew, under the new connection. */
static bool take_over(struct live *l, const struct gemini_client_setup *s)
{
    bool busy = false;
    struct live *old = l->host->resume(s->handle, &busy, l->arg);
    if (busy) {
        live_close(l, 1011, STR("Internal error encountered."));
    } else if (!old) {
        live_close(l, 1008, STR("Requested entity was not found."));
    } else {
        l->inner = old->inner;
        old->inner = NULL;
        sandbox_session_move(l->inner, l);
        l->quiet = true; /* what broke off with the connection is over */
        live_tell_type(l, "response.cancel");
        live_tell_type(l, "input_audio_buffer.clear");
        sandbox_session_rewind(l->inner, &old->mark);
        l->quiet = false;
        memcpy(l->handles, old->handles, sizeof(l->handles));
        l->handle_n = old->handle_n;
        l->prompt_audio_ms = old->prompt_audio_ms;
        live_free(old);
    }
    return old != NULL;
}

static int begin(struct live *l)
{
    struct sandbox_session_opts o = l->opts.session;
    struct sandbox_faults faults = l->faults;
    faults.on[FAULT_EXPIRE] = faults.on[FAULT_CREATED_LATE] = faults.on[FAULT_NO_UPDATED] = false; /* done here */
    faults.on[FAULT_CLOSE_AFTER] = faults.on[FAULT_DROP_AFTER] = false;                            /* likewise */
    faults.on[FAULT_PCM_TOLD] = faults.on[FAULT_PCM_UNTOLD] = false;                               /* nothing here */
    o.faults = &faults;
    o.model = STR("gpt-realtime");
    o.session_s = 86400;
    l->quiet = true; /* its greeting of the other protocol is not for us */
    int err = sandbox_session_open(&o, l->host->hear ? &inner_full : &inner_deaf, l, l->now_us, &l->inner);
    l->quiet = false;
    return err;
}

static void arm_end(struct live *l)
{
    uint32_t told = fault_number(&l->faults, FAULT_EXPIRE);
    uint32_t lasts = told ? told : l->opts.session.session_s ? l->opts.session.session_s : SESSION_S;
    uint64_t lead_us = MIN((uint64_t)LEAD_S * 1000000, (uint64_t)lasts * 500000);
    l->ends_us = l->now_us + (uint64_t)lasts * 1000000;
    l->away_us = l->ends_us - lead_us;
    enum sandbox_fault fault = l->faults.on[FAULT_DROP_AFTER] ? FAULT_DROP_AFTER : FAULT_CLOSE_AFTER;
    uint32_t after_ms = fault_number(&l->faults, fault);
    l->breaks_us = after_ms ? l->now_us + (uint64_t)after_ms * 1000 : UINT64_MAX;
}

static void on_setup(struct live *l, const struct gemini_client_setup *s)
{
    struct gemini_refusal why;
    l->family = family_of(s->model);
    if (l->ready || refuses(l, s, &why)) {
        if (l->ready) {
            gemini_server_refuse(&why, 1007, "Request contains an invalid argument.");
        }
        live_close(l, why.code, str_from(why.reason));
        return;
    }
    l->manual = s->manual;
    l->no_interruption = s->no_interruption;
    l->history = s->history;
    l->hears = s->hears;
    l->says = s->says;
    l->blocking = !s->non_blocking;
    l->fillers = l->family == LIVE_38;
    bool fine = s->handle.n > 0 ? take_over(l, s) : begin(l) == 0;
    if (!fine) {
        live_close(l, 1011, STR("Internal error encountered."));
        return;
    }
    configure(l, s);
    l->ready = true;
    arm_end(l);
    if (l->faults.on[FAULT_NO_UPDATED]) {
        return;
    }
    bool fillers = l->fillers;
    l->fillers = false; /* nothing before setupComplete */
    gemini_server_put_ready(&l->out);
    live_send(l);
    l->fillers = fillers;
    l->resumable = s->resumption || l->family != LIVE_25;
    if (l->resumable) {
        live_new_handle(l);
    }
}

/* ---- in ---- */

void live_message(struct live *l, struct str text, uint64_t now_us)
{
    struct gemini_client_message m;
    struct gemini_refusal why;
    l->now_us = now_us;
    if (l->closed) {
        return;
    }
    if (gemini_server_decode(text, &l->decoded, &m, &why) < 0) {
        live_close(l, why.code, str_from(why.reason));
    } else if (m.type == GEMINI_CLIENT_SETUP) {
        on_setup(l, &m.setup);
    } else if (!l->ready) {
        live_close(l, 1007, STR("Request contains an invalid argument."));
    } else if (m.type == GEMINI_CLIENT_INPUT) {
        live_on_input(l, &m.input);
    } else if (m.type == GEMINI_CLIENT_CONTENT) {
        live_on_content(l, &m);
    } else if (m.type == GEMINI_CLIENT_CONTEXT) {
        configure(l, &m.setup);
    } else {
        live_on_results(l, m.responses);
    }
}

void live_said(struct live *l, uint32_t ticket, struct clip *clip, uint64_t now_us)
{
    l->now_us = now_us;
    if (l->inner) {
        sandbox_session_said(l->inner, ticket, clip, now_us);
    } else {
        clip_unref(clip);
    }
}

void live_heard(struct live *l, uint32_t ticket, bool accepted, struct str words, uint64_t now_us)
{
    l->now_us = now_us;
    if (l->inner) {
        sandbox_session_heard(l->inner, ticket, accepted, words, now_us);
    }
}

/* ---- time ---- */

uint64_t live_due_us(const struct live *l)
{
    uint64_t due = MIN(MIN(l->ends_us, l->away_us), MIN(l->turn_over_us, l->breaks_us));
    return l->closed ? UINT64_MAX : l->inner ? MIN(due, sandbox_session_due_us(l->inner)) : due;
}

void live_tick(struct live *l, uint64_t now_us)
{
    l->now_us = now_us;
    if (!l->closed && now_us >= l->away_us) {
        uint64_t left_us = l->ends_us - MIN(l->ends_us, now_us);
        l->away_us = UINT64_MAX;
        gemini_server_put_go_away(&l->out, (uint32_t)(left_us / 1000));
        live_send(l);
    }
    if (!l->closed && now_us >= l->breaks_us) {
        live_close(l, l->faults.on[FAULT_DROP_AFTER] ? 0 : 1011, STR("Internal error encountered."));
    }
    if (!l->closed && now_us >= l->ends_us) {
        live_close(l, 1011, STR("Deadline expired before operation could complete."));
    }
    if (!l->closed && now_us >= l->turn_over_us) {
        live_turn_over(l, STR(""));
    }
    if (!l->closed && l->inner && sandbox_session_due_us(l->inner) <= now_us) {
        sandbox_session_tick(l->inner, now_us);
    }
}

bool live_is_path(struct str path)
{
    return str_search(path, STR("/ws/google.")) != SIZE_MAX &&
           (str_ends(path, STR("BidiGenerateContent")) || str_ends(path, STR("BidiGenerateContentConstrained"))) &&
           (str_search(path, STR("generativelanguage.v1")) != SIZE_MAX ||
            str_search(path, STR("aiplatform.v1")) != SIZE_MAX);
}
