/*
 * One visitor describes the fields of every struct; writing, reading and digesting are three modes of it, so that they
 * cannot drift apart. The order of fields is the format: a change of it is a new JOURNAL_VERSION.
 */
#include "call/journal.h"

#include <math.h>

#include "base/err.h"

enum visit_mode { VISIT_WRITE, VISIT_READ, VISIT_DIGEST };

struct visit {
    enum visit_mode mode;
    int err;
    struct buf *out;
    struct span in;
    struct arena *arena;    /* reading: copies texts when not NULL */
    struct call_item *item; /* reading: room for the one of an event */
    uint64_t hash;
};

static void mix(struct visit *v, uint64_t x)
{
    v->hash = (v->hash ^ x) * UINT64_C(0x9E3779B97F4A7C15);
    v->hash ^= v->hash >> 29;
}

static void put_uvar(struct buf *out, uint64_t x)
{
    uint8_t b[10];
    size_t n = 0;
    do {
        b[n++] = (uint8_t)((x & 127) | (x > 127 ? 128 : 0));
        x >>= 7;
    } while (x);
    buf_put(out, b, n);
}

static uint64_t get_uvar(struct visit *v)
{
    uint64_t x = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (v->in.n == 0) {
            v->err = v->err ? v->err : -ENODATA;
            return 0;
        }
        uint8_t b = *v->in.p++;
        v->in.n--;
        x |= (uint64_t)(b & 127) << shift;
        if (b < 128) {
            return x;
        }
    }
    v->err = v->err ? v->err : -ERR_CORRUPT;
    return 0;
}

static void f_u64(struct visit *v, uint64_t *x)
{
    switch (v->mode) {
    case VISIT_WRITE:
        put_uvar(v->out, *x);
        break;
    case VISIT_READ:
        *x = get_uvar(v);
        break;
    case VISIT_DIGEST:
        mix(v, *x);
        break;
    }
}

static void f_u32(struct visit *v, uint32_t *x)
{
    uint64_t wide = *x;
    f_u64(v, &wide);
    if (v->mode == VISIT_READ) {
        if (wide > UINT32_MAX) {
            v->err = v->err ? v->err : -ERR_CORRUPT;
        }
        *x = (uint32_t)wide;
    }
}

static void f_i64(struct visit *v, int64_t *x)
{
    uint64_t zigzag = ((uint64_t)*x << 1) ^ (uint64_t)(*x >> 63);
    f_u64(v, &zigzag);
    if (v->mode == VISIT_READ) {
        *x = (int64_t)(zigzag >> 1) ^ -(int64_t)(zigzag & 1);
    }
}

static void f_i32(struct visit *v, int32_t *x)
{
    int64_t wide = *x;
    f_i64(v, &wide);
    if (v->mode == VISIT_READ) {
        if (wide < INT32_MIN || wide > INT32_MAX) {
            v->err = v->err ? v->err : -ERR_CORRUPT;
        }
        *x = (int32_t)wide;
    }
}

static void f_int(struct visit *v, int *x)
{
    int32_t narrow = *x;
    f_i32(v, &narrow);
    *x = narrow;
}

static void f_bool(struct visit *v, bool *x)
{
    uint32_t wide = *x;
    f_u32(v, &wide);
    *x = wide != 0;
}

/* An enum below limit, through its unsigned value. */
static uint32_t f_enum(struct visit *v, uint32_t x, uint32_t limit)
{
    f_u32(v, &x);
    if (v->mode == VISIT_READ && x >= limit) {
        v->err = v->err ? v->err : -ERR_CORRUPT;
        return 0;
    }
    return x;
}
#define F_ENUM(v, field, limit) (field) = (__typeof__(field))f_enum((v), (uint32_t)(field), (limit))

static void f_f64(struct visit *v, double *x)
{
    int64_t micro = (int64_t)llround(*x * 1e6);
    f_i64(v, &micro);
    if (v->mode == VISIT_READ) {
        *x = (double)micro / 1e6;
    }
}

static void digest_bytes(struct visit *v, const uint8_t *p, size_t n)
{
    mix(v, n);
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t x;
        memcpy(&x, p, 8);
        mix(v, x);
    }
    uint64_t tail = 0;
    for (size_t i = 0; i < n; i++) {
        tail |= (uint64_t)p[i] << (8 * i);
    }
    mix(v, tail);
}

static void f_span(struct visit *v, struct span *s)
{
    switch (v->mode) {
    case VISIT_WRITE:
        put_uvar(v->out, s->n);
        buf_put(v->out, s->p, s->n);
        break;
    case VISIT_READ: {
        uint64_t n = get_uvar(v);
        if (v->err || n > v->in.n) {
            v->err = v->err ? v->err : -ENODATA;
            *s = (struct span){0};
            return;
        }
        *s = (struct span){v->in.p, (size_t)n};
        v->in.p += n;
        v->in.n -= (size_t)n;
        break;
    }
    case VISIT_DIGEST:
        digest_bytes(v, s->p, s->n);
        break;
    }
}

static void f_str(struct visit *v, struct str *s)
{
    struct span bytes = span_of_str(*s);
    f_span(v, &bytes);
    if (v->mode == VISIT_READ && !v->err) {
        *s = str_of_span(bytes);
        if (v->arena) {
            *s = arena_str(v->arena, *s);
            v->err = s->p ? 0 : -ENOMEM;
        }
    }
}

/* A text that may be absent (p NULL), which is not the same as empty. */
static void f_opt_str(struct visit *v, struct str *s)
{
    bool there = s->p != NULL;
    f_bool(v, &there);
    if (there) {
        f_str(v, s);
        s->p = s->p ? s->p : "";
    } else {
        *s = STR_NULL;
    }
}

/* The words may hold keys that the journal masks: in actions their length stands for them. */
static void f_spoken(struct visit *v, struct str *s, bool masked)
{
    if (masked) {
        uint64_t length = s->n;
        f_u64(v, &length);
    } else {
        f_opt_str(v, s);
    }
}

static void f_item(struct visit *v, struct call_item *it)
{
    f_str(v, &it->id);
    f_opt_str(v, &it->previous_id);
    F_ENUM(v, it->type, ITEM_TYPE_N);
    F_ENUM(v, it->role, ITEM_ROLE_N);
    F_ENUM(v, it->status, ITEM_STATUS_N);
    f_u32(v, &it->n_parts);
    if (it->n_parts > CALL_MAX_PARTS) {
        v->err = v->err ? v->err : -ERR_CORRUPT;
        it->n_parts = 0;
    }
    bool masked = v->mode == VISIT_DIGEST && it->role == ITEM_USER;
    for (uint32_t i = 0; i < it->n_parts; i++) {
        F_ENUM(v, it->parts[i].kind, PART_KIND_N);
        f_spoken(v, &it->parts[i].text, masked);
        f_str(v, &it->parts[i].detail);
        f_span(v, &it->parts[i].audio);
    }
    f_str(v, &it->call_id);
    f_str(v, &it->name);
    f_str(v, &it->arguments);
    f_opt_str(v, &it->output);
    f_u32(v, &it->agent);
    f_str(v, &it->unheard);
    f_bool(v, &it->estimated);
}

/* Writing and digesting must not touch what is lent. */
static void f_item_ref(struct visit *v, const struct call_item **ref)
{
    struct call_item copy = {0};
    if (v->mode != VISIT_READ && *ref) {
        copy = **ref;
    }
    f_item(v, &copy);
    if (v->mode == VISIT_READ && v->item) {
        *v->item = copy;
        *ref = v->item;
    }
}

static void f_persona(struct visit *v, struct call_persona *p)
{
    f_u32(v, &p->agent);
    f_str(v, &p->instructions);
    f_u32(v, &p->n_tools);
    for (uint32_t i = 0; i < p->n_tools && i < CALL_MAX_TOOLS; i++) {
        uint32_t tool = p->tools[i];
        f_u32(v, &tool);
        p->tools[i] = (uint8_t)tool;
    }
}

static void f_signal(struct visit *v, struct call_signal *s)
{
    F_ENUM(v, s->kind, CALL_SIGNAL_N);
    f_u32(v, &s->agent);
    f_u32(v, &s->to);
    struct str *texts[] = {&s->response_id, &s->item_id, &s->tool_call_id, &s->name, &s->text};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        f_str(v, texts[i]);
    }
    uint64_t bytes = s->audio.n; /* what it holds stands in the event that brought it */
    f_u64(v, &bytes);
    f_u32(v, &s->ms);
    f_u32(v, &s->index);
    bool there = s->item != NULL;
    f_bool(v, &there);
    if (there) {
        f_item_ref(v, &s->item);
    }
}

static void f_usage(struct visit *v, struct call_usage *u)
{
    f_u32(v, &u->in_text);
    f_u32(v, &u->in_audio);
    f_u32(v, &u->cached_text);
    f_u32(v, &u->cached_audio);
    f_u32(v, &u->out_text);
    f_u32(v, &u->out_audio);
}

static void f_leg_event(struct visit *v, struct call_event *e)
{
    switch (e->type) {
    case EV_LEG_START:
        F_ENUM(v, e->leg_start.format, AUDIO_FORMAT_N);
        f_str(v, &e->leg_start.stream_id);
        f_str(v, &e->leg_start.carrier_call_id);
        f_str(v, &e->leg_start.caller);
        f_str(v, &e->leg_start.called);
        break;
    case EV_LEG_MEDIA:
        f_u32(v, &e->leg_media.timestamp_ms);
        f_span(v, &e->leg_media.audio);
        break;
    case EV_LEG_MARK:
        f_u32(v, &e->leg_mark.mark);
        break;
    case EV_LEG_DTMF: {
        /* Keys are not journalled, only whether one was the '#' that ends an input: that is what the core acts on. */
        uint32_t masked = e->leg_dtmf.digit == '#' ? '#' : '*';
        f_u32(v, &masked);
        e->leg_dtmf.digit = masked == '#' ? '#' : '*';
        break;
    }
    case EV_LEG_CLOSED:
        f_int(v, &e->leg_closed.err);
        break;
    case EV_LEG_TRANSFER_FAILED:
        f_int(v, &e->leg_transfer_failed.err);
        f_i32(v, &e->leg_transfer_failed.code);
        f_str(v, &e->leg_transfer_failed.message);
        break;
    default: /* EV_LEG_STOP has no fields */
        break;
    }
}

static bool of_model(enum call_event_type type)
{
    return type >= EV_MODEL_READY && type <= EV_MODEL_ERROR;
}

static void f_model_event(struct visit *v, struct call_event *e)
{
    if (of_model(e->type)) {
        f_u32(v, &e->session);
    }
    switch (e->type) {
    case EV_MODEL_READY:
        F_ENUM(v, e->model_ready.in, AUDIO_FORMAT_N);
        F_ENUM(v, e->model_ready.out, AUDIO_FORMAT_N);
        f_str(v, &e->model_ready.session_id);
        f_str(v, &e->model_ready.model);
        f_str(v, &e->model_ready.voice);
        f_u32(v, &e->model_ready.n_tools);
        f_bool(v, &e->model_ready.interrupts);
        f_bool(v, &e->model_ready.creates);
        f_u32(v, &e->model_ready.lasts_s);
        break;
    case EV_MODEL_FAILED:
        f_int(v, &e->model_failed.err);
        f_str(v, &e->model_failed.code);
        f_str(v, &e->model_failed.message);
        f_bool(v, &e->model_failed.was_ready);
        break;
    case EV_MODEL_SPEECH_STARTED:
    case EV_MODEL_SPEECH_STOPPED:
    case EV_MODEL_COMMITTED:
        f_str(v, &e->model_speech.item_id);
        f_u32(v, &e->model_speech.at_ms);
        break;
    case EV_MODEL_USER_TEXT:
        f_str(v, &e->model_user_text.item_id);
        f_str(v, &e->model_user_text.text);
        f_bool(v, &e->model_user_text.failed);
        break;
    case EV_MODEL_RESPONSE_CREATED:
        f_str(v, &e->model_response.response_id);
        break;
    case EV_MODEL_ITEM_ADDED:
        f_str(v, &e->model_item_added.response_id);
        f_str(v, &e->model_item_added.item_id);
        break;
    case EV_MODEL_USER_DELTA:
        f_str(v, &e->model_user_text.item_id);
        f_str(v, &e->model_user_text.text);
        break;
    case EV_MODEL_ITEM:
        f_str(v, &e->model_item.response_id);
        f_item_ref(v, &e->model_item.item);
        break;
    case EV_MODEL_ITEM_DELETED:
    case EV_MODEL_ITEM_TRUNCATED:
        f_str(v, &e->model_item_gone.item_id);
        f_u32(v, &e->model_item_gone.ms);
        break;
    case EV_MODEL_AUDIO:
    case EV_MODEL_AUDIO_DONE:
        f_str(v, &e->model_audio.response_id);
        f_str(v, &e->model_audio.item_id);
        f_span(v, &e->model_audio.audio);
        break;
    case EV_MODEL_TEXT_DELTA:
    case EV_MODEL_TEXT_DONE:
        f_str(v, &e->model_text.response_id);
        f_str(v, &e->model_text.item_id);
        f_str(v, &e->model_text.text);
        break;
    case EV_MODEL_TOOL_CALL:
        f_str(v, &e->model_tool.response_id);
        f_str(v, &e->model_tool.item_id);
        f_str(v, &e->model_tool.tool_call_id);
        f_str(v, &e->model_tool.name);
        f_str(v, &e->model_tool.arguments);
        break;
    case EV_MODEL_RESPONSE_DONE:
        f_str(v, &e->model_done.response_id);
        F_ENUM(v, e->model_done.status, RESPONSE_STATUS_N);
        f_str(v, &e->model_done.reason);
        f_usage(v, &e->model_done.usage);
        break;
    case EV_MODEL_ERROR:
        f_str(v, &e->model_error.code);
        f_str(v, &e->model_error.message);
        f_str(v, &e->model_error.param);
        f_u32(v, &e->model_error.request);
        break;
    default:
        break;
    }
}

static void f_control_event(struct visit *v, struct call_event *e)
{
    switch (e->type) {
    case EV_CONTROL_TURN:
        F_ENUM(v, e->control_turn.cue, TURN_CUE_N);
        break;
    case EV_CONTROL_HANGUP:
        F_ENUM(v, e->control_hangup.reason, CALL_REASON_N);
        break;
    case EV_CONTROL_USER_TEXT:
        f_str(v, &e->control_text.text);
        break;
    case EV_CONTROL_INTERRUPT:
        F_ENUM(v, e->control_interrupt.kind, INTERRUPT_KIND_N);
        f_str(v, &e->control_interrupt.response_id);
        break;
    case EV_CONTROL_RESPOND:
        f_str(v, &e->control_respond.instructions);
        f_bool(v, &e->control_respond.no_tools);
        break;
    case EV_CONTROL_SAY:
        f_str(v, &e->control_say.text);
        f_bool(v, &e->control_say.interrupt);
        break;
    case EV_CONTROL_MESSAGE:
        f_item_ref(v, &e->control_message.item);
        f_bool(v, &e->control_message.respond);
        break;
    case EV_CONTROL_AGENT:
        f_u32(v, &e->control_agent.agent);
        f_str(v, &e->control_agent.instructions);
        break;
    case EV_CONTROL_ENABLE:
        f_u32(v, &e->control_enable.tool);
        f_bool(v, &e->control_enable.on);
        break;
    case EV_CONTROL_TRANSFER:
        f_str(v, &e->control_transfer.tool_call_id);
        f_str(v, &e->control_transfer.to);
        f_str(v, &e->control_transfer.name);
        break;
    case EV_CONTROL_KEYS:
        f_str(v, &e->control_keys.tool_call_id);
        f_str(v, &e->control_keys.keys);
        break;
    default:
        break;
    }
}

static void f_event(struct visit *v, struct call_event *e)
{
    F_ENUM(v, e->type, CALL_EVENT_N);
    f_leg_event(v, e);
    f_model_event(v, e);
    f_control_event(v, e);
    switch (e->type) {
    case EV_TOOL_CHECKED:
        f_str(v, &e->tool_checked.tool_call_id);
        F_ENUM(v, e->tool_checked.check, TOOL_CHECK_N);
        f_str(v, &e->tool_checked.output);
        break;
    case EV_TOOL_APPROVAL:
        f_str(v, &e->tool_approval.tool_call_id);
        f_bool(v, &e->tool_approval.approve);
        f_bool(v, &e->tool_approval.always);
        f_str(v, &e->tool_approval.message);
        break;
    case EV_TOOL_RESULT:
        f_str(v, &e->tool_result.tool_call_id);
        f_str(v, &e->tool_result.output);
        f_bool(v, &e->tool_result.failed);
        break;
    case EV_GUARD:
        f_u32(v, &e->guard.check);
        f_u32(v, &e->guard.answered);
        f_u32(v, &e->guard.tripped);
        f_u32(v, &e->guard.failed);
        f_u32(v, &e->guard.covered);
        f_u32(v, &e->guard.from);
        f_u32(v, &e->guard.to);
        f_str(v, &e->guard.info);
        break;
    case EV_VAD:
        f_u32(v, &e->vad.chunk);
        f_u32(v, &e->vad.ppm);
        break;
    default:
        break;
    }
}

static void f_turn_taking(struct visit *v, struct call_opts *o)
{
    bool *flags[] = {&o->vad.on,      &o->barge_in.on, &o->barge_in.pause, &o->silence.on,
                     &o->dead_air.on, &o->echo_guard,  &o->dtmf_in_band};
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        f_bool(v, flags[i]);
    }
    uint32_t *numbers[] = {&o->vad.rate_hz,
                           &o->vad.start_ppm,
                           &o->vad.end_ppm,
                           &o->vad.min_speech_ms,
                           &o->vad.min_silence_ms,
                           &o->vad.pre_speech_ms,
                           &o->vad.grace_ms,
                           &o->barge_in.verdict_ms,
                           &o->barge_in.pause_ppm,
                           &o->barge_in.min_speech_ms,
                           &o->barge_in.echo_extra_ms,
                           &o->barge_in.reject_silence_ms,
                           &o->barge_in.backchannel_ms,
                           &o->barge_in.edge_ms,
                           &o->barge_in.back_ms,
                           &o->barge_in.backoff_ms,
                           &o->barge_in.backoff_ppm,
                           &o->silence.after_ms,
                           &o->silence.again_ms,
                           &o->silence.n_prompts,
                           &o->dead_air.nudge_ms,
                           &o->dead_air.nudges,
                           &o->dead_air.max_response_ms};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        f_u32(v, numbers[i]);
    }
    if (o->silence.n_prompts > CALL_SILENCE_PROMPTS) {
        v->err = v->err ? v->err : -ERR_CORRUPT;
        o->silence.n_prompts = 0;
    }
    for (uint32_t i = 0; i < CALL_SILENCE_PROMPTS; i++) {
        f_str(v, &o->silence.prompts[i]);
    }
    f_str(v, &o->silence.goodbye);
}

static void f_tool_rules(struct visit *v, struct tool_rules *r)
{
    F_ENUM(v, r->mode, TOOL_MODE_N);
    f_bool(v, &r->background);
    f_bool(v, &r->cancel_on_interrupt);
    f_str(v, &r->timeout_text);
    f_u32(v, &r->filler.after_ms);
    f_str(v, &r->filler.words);
    struct str sound = str_of_span(r->filler.sound);
    f_str(v, &sound);
    r->filler.sound = span_of_str(sound);
    F_ENUM(v, r->approval.kind, APPROVAL_KIND_N);
    f_u32(v, &r->approval.timeout_ms);
    f_bool(v, &r->approval.timeout_approves);
    f_str(v, &r->approval.words);
}

static void f_renewal(struct visit *v, struct call_renewal_opts *o)
{
    uint32_t *numbers[] = {&o->n_providers, &o->before_s, &o->latest_s,  &o->open_ms,   &o->attempts,
                           &o->backoff_ms,  &o->gap_ms,   &o->filler_ms, &o->max_items, &o->max_bytes};
    f_bool(v, &o->on);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        f_u32(v, numbers[i]);
    }
    if (o->n_providers < 1 || o->n_providers > CALL_MAX_PROVIDERS) {
        v->err = v->err ? v->err : -ERR_CORRUPT;
        o->n_providers = 1;
    }
    for (uint32_t i = 0; i < CALL_MAX_PROVIDERS; i++) {
        f_u32(v, &o->session_max_s[i]);
    }
    struct str filler = str_of_span(o->filler);
    f_str(v, &filler);
    o->filler = span_of_str(filler);
}

static void f_guards(struct visit *v, struct call_guard_opts *o)
{
    uint32_t *numbers[] = {&o->everywhere, &o->debounce_chars, &o->hold_max_ms, &o->unit_us,
                           &o->margin_ms,  &o->max_trips,      &o->n_list};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        f_u32(v, numbers[i]);
    }
    f_bool(v, &o->hold_back);
    F_ENUM(v, o->expiry, GUARD_EXPIRY_N);
    if (o->n_list > CALL_MAX_GUARDS) {
        v->err = v->err ? v->err : -ERR_CORRUPT;
        o->n_list = 0;
    }
    for (uint32_t i = 0; i < o->n_list; i++) {
        struct call_guard *g = &o->list[i];
        f_str(v, &g->name);
        f_str(v, &g->feedback);
        f_u32(v, &g->sides);
        F_ENUM(v, g->verb, GUARD_VERB_N);
        f_bool(v, &g->local);
        f_bool(v, &g->holds);
        f_u32(v, &g->deadline_ms);
    }
}

/* Places in a table, each below its size. */
static void f_indices(struct visit *v, uint8_t *list, uint32_t *n, uint32_t size)
{
    f_u32(v, n);
    if (*n > size) {
        v->err = v->err ? v->err : -ERR_CORRUPT;
        *n = 0;
    }
    for (uint32_t i = 0; i < *n; i++) {
        list[i] = (uint8_t)f_enum(v, list[i], size);
    }
}

static void f_agents(struct visit *v, struct call_opts *o)
{
    f_u32(v, &o->n_agents);
    if (o->n_agents > CALL_MAX_AGENTS) {
        v->err = v->err ? v->err : -ERR_CORRUPT;
        o->n_agents = 0;
    }
    for (uint32_t i = 0; i < o->n_agents; i++) {
        struct call_agent *a = &o->agents[i];
        f_str(v, &a->name);
        f_str(v, &a->instructions);
        f_str(v, &a->handoff_description);
        f_indices(v, a->tools, &a->n_tools, CALL_MAX_TOOLS);
        f_u32(v, &a->guards);
    }
}

static void f_opts(struct visit *v, struct call_opts *o)
{
    struct str *texts[] = {&o->call_id,      &o->agent,         &o->provider,      &o->carrier,
                           &o->instructions, &o->greeting.text, &o->farewell.text, &o->turn.eagerness,
                           &o->vad.weights,  &o->transfer.text};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        f_str(v, texts[i]);
    }
    F_ENUM(v, o->greeting.kind, GREETING_KIND_N);
    f_bool(v, &o->greeting.protect);
    F_ENUM(v, o->turn.kind, TURN_KIND_N);
    f_f64(v, &o->turn.threshold);
    f_i32(v, &o->turn.prefix_padding_ms);
    f_i32(v, &o->turn.silence_duration_ms);
    f_i32(v, &o->turn.idle_timeout_ms);
    f_bool(v, &o->turn.create_response);
    f_bool(v, &o->turn.interrupt_response);
    uint32_t *numbers[] = {
        &o->greeting.fallback_ms,   &o->playout.lead_ms,          &o->playout.max_lead_ms,   &o->playout.burst_ms,
        &o->deadlines.leg_start_ms, &o->deadlines.model_ready_ms, &o->deadlines.response_ms, &o->deadlines.stall_ms,
        &o->deadlines.cancel_ms,    &o->deadlines.tool_ms,        &o->deadlines.farewell_ms, &o->deadlines.hangup_ms,
        &o->deadlines.media_ms,     &o->deadlines.transfer_ms,    &o->deadlines.update_ms,   &o->limits.max_call_s,
        &o->limits.queue_ms,        &o->limits.uplink_ms,         &o->limits.history_kb,     &o->n_tools};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        f_u32(v, numbers[i]);
    }
    f_bool(v, &o->record);
    f_bool(v, &o->text_only);
    f_turn_taking(v, o);
    f_str(v, &o->approvals.yes);
    f_str(v, &o->approvals.no);
    f_str(v, &o->approvals.rejection);
    f_u32(v, &o->approvals.transcript_ms);
    f_renewal(v, &o->renewal);
    f_guards(v, &o->guards);
    if (o->n_tools > CALL_MAX_TOOLS) {
        v->err = v->err ? v->err : -ERR_CORRUPT;
        o->n_tools = 0;
    }
    for (uint32_t i = 0; i < o->n_tools; i++) {
        f_str(v, &o->tools[i].name);
        f_str(v, &o->tools[i].description);
        f_str(v, &o->tools[i].parameters);
        F_ENUM(v, o->tools[i].kind, CALL_TOOL_KIND_N);
        f_u32(v, &o->tools[i].deadline_ms);
        f_tool_rules(v, &o->tools[i].rules);
        f_u32(v, &o->tools[i].agent);
    }
    f_agents(v, o);
}

static void f_turn(struct visit *v, struct call_turn *t)
{
    f_u32(v, &t->number);
    int32_t *times[] = {&t->speech_start_ms, &t->speech_stop_ms, &t->commit_ms,   &t->created_ms,
                        &t->first_audio_ms,  &t->first_sent_ms,  &t->agent_end_ms};
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        f_i32(v, times[i]);
    }
    f_u32(v, &t->item_ms);
    f_u32(v, &t->heard_ms);
    f_u32(v, &t->tools);
    f_u32(v, &t->agent);
    f_bool(v, &t->interrupted);
    F_ENUM(v, t->verdict, VERDICT_N);
    f_u32(v, &t->pauses);
    f_u32(v, &t->paused_ms);
    f_u32(v, &t->end_silence_ms);
}

static void f_line_stats(struct visit *v, struct call_line *l)
{
    f_bool(v, &l->echo);
    uint32_t *numbers[] = {&l->echo_loss_cb, &l->echo_delay_ms, &l->gate_closures, &l->gated_ms,
                           &l->gaps,         &l->gap_ms,        &l->late,          &l->doubled,
                           &l->odd_frames,   &l->clipped_ms,    &l->zero_ms};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        f_u32(v, numbers[i]);
    }
    f_i32(v, &l->dc_offset);
}

/* A caller's line may hold keys that the journal masks: its length stands for it. */
static void f_line_text(struct visit *v, struct call_action *a)
{
    if (a->line.who == PARTY_CALLER) {
        uint64_t length = a->line.text.n;
        f_u64(v, &length);
    } else {
        f_str(v, &a->line.text);
    }
}

/* What the caller said may hold keys that the journal masks: its length stands for it. */
static void f_said(struct visit *v, enum guard_side side, struct str *text)
{
    if (side == GUARD_INPUT) {
        uint64_t length = text->n;
        f_u64(v, &length);
    } else {
        f_str(v, text);
    }
}

static void f_guard_action(struct visit *v, struct call_action *a)
{
    if (a->type == ACT_GUARD_CHECK) {
        f_u32(v, &a->guard_check.check);
        F_ENUM(v, a->guard_check.side, GUARD_SIDE_N);
        f_u32(v, &a->guard_check.guards);
        f_str(v, &a->guard_check.response_id);
        f_str(v, &a->guard_check.item_id);
        f_u32(v, &a->guard_check.agent);
        f_u32(v, &a->guard_check.offset);
        f_said(v, a->guard_check.side, &a->guard_check.text);
        f_bool(v, &a->guard_check.final);
        return;
    }
    f_u32(v, &a->guard_trip.check);
    F_ENUM(v, a->guard_trip.side, GUARD_SIDE_N);
    f_u32(v, &a->guard_trip.guards);
    f_str(v, &a->guard_trip.response_id);
    f_str(v, &a->guard_trip.item_id);
    f_u32(v, &a->guard_trip.agent);
    f_str(v, &a->guard_trip.names);
    f_str(v, &a->guard_trip.info);
    f_said(v, a->guard_trip.side, &a->guard_trip.text);
    F_ENUM(v, a->guard_trip.verb, GUARD_VERB_N);
    f_u32(v, &a->guard_trip.heard_ms);
    f_u32(v, &a->guard_trip.leaked_words);
    f_bool(v, &a->guard_trip.retried);
}

static void f_action(struct visit *v, struct call_action *a)
{
    F_ENUM(v, a->type, CALL_ACTION_N);
    if (a->type >= ACT_MODEL_OPEN && a->type <= ACT_MODEL_CLOSE) {
        f_u32(v, &a->session);
    }
    switch (a->type) {
    case ACT_LEG_MEDIA:
        f_span(v, &a->leg_media.audio);
        f_u32(v, &a->leg_media.mark);
        break;
    case ACT_LEG_MARK:
        f_u32(v, &a->leg_mark.mark);
        break;
    case ACT_LEG_HANGUP:
        F_ENUM(v, a->leg_hangup.reason, CALL_REASON_N);
        f_bool(v, &a->leg_hangup.apologise);
        break;
    case ACT_MODEL_OPEN:
        f_u32(v, &a->model_open.provider);
        F_ENUM(v, a->model_open.why, RENEWAL_N);
        f_persona(v, &a->model_open.persona);
        break;
    case ACT_LEG_TRANSFER:
        f_str(v, &a->leg_transfer.to);
        f_str(v, &a->leg_transfer.name);
        break;
    case ACT_MODEL_APPEND:
        f_span(v, &a->model_append.audio);
        break;
    case ACT_MODEL_RESPOND:
        f_u32(v, &a->model_respond.request);
        f_str(v, &a->model_respond.instructions);
        f_bool(v, &a->model_respond.no_tools);
        break;
    case ACT_MODEL_CANCEL:
        f_u32(v, &a->model_cancel.request);
        f_str(v, &a->model_cancel.response_id);
        break;
    case ACT_MODEL_TRUNCATE:
        f_u32(v, &a->model_truncate.request);
        f_str(v, &a->model_truncate.item_id);
        f_u32(v, &a->model_truncate.heard_ms);
        break;
    case ACT_MODEL_TOOL_OUTPUT:
        f_u32(v, &a->model_tool_output.request);
        f_str(v, &a->model_tool_output.tool_call_id);
        f_str(v, &a->model_tool_output.output);
        break;
    case ACT_MODEL_USER_TEXT: {
        f_str(v, &a->model_user_text.item_id);
        uint64_t length = a->model_user_text.text.n; /* the words may hold keys that the journal masks */
        f_u64(v, &length);
        break;
    }
    case ACT_TOOL_CHECK:
    case ACT_TOOL_APPROVAL:
        f_str(v, &a->tool_ask.tool_call_id);
        f_str(v, &a->tool_ask.name);
        f_str(v, &a->tool_ask.arguments);
        f_u32(v, &a->tool_ask.timeout_ms);
        f_bool(v, &a->tool_ask.timeout_approves);
        break;
    case ACT_TOOL_DECIDED:
        f_str(v, &a->tool_decided.tool_call_id);
        f_str(v, &a->tool_decided.name);
        F_ENUM(v, a->tool_decided.outcome, APPROVAL_OUTCOME_N);
        break;
    case ACT_MODEL_UPDATE:
        f_u32(v, &a->model_update.request);
        f_persona(v, &a->model_update.persona);
        break;
    case ACT_MODEL_ITEM:
        f_u32(v, &a->model_item.request);
        f_item_ref(v, &a->model_item.item);
        break;
    case ACT_SIGNAL:
        f_signal(v, &a->signal);
        break;
    case ACT_TOOL_RUN:
        f_str(v, &a->tool_run.tool_call_id);
        f_str(v, &a->tool_run.name);
        f_str(v, &a->tool_run.arguments);
        f_u32(v, &a->tool_run.deadline_ms);
        break;
    case ACT_TOOL_CANCEL:
        f_str(v, &a->tool_cancel.tool_call_id);
        break;
    case ACT_GUARD_CHECK:
    case ACT_GUARD_TRIP:
        f_guard_action(v, a);
        break;
    case ACT_VAD:
        f_u32(v, &a->vad.chunk);
        f_u32(v, &a->vad.rate_hz);
        f_bool(v, &a->vad.reset);
        f_span(v, &a->vad.pcm);
        break;
    case ACT_RECORD:
        f_u64(v, &a->record.at_samples);
        f_span(v, &a->record.pairs);
        break;
    case ACT_LINE:
        F_ENUM(v, a->line.who, PARTY_N);
        f_u32(v, &a->line.agent);
        f_i32(v, &a->line.at_ms);
        f_line_text(v, a);
        f_str(v, &a->line.unheard);
        f_bool(v, &a->line.estimated);
        break;
    case ACT_TURN:
        f_turn(v, &a->turn);
        break;
    case ACT_NOTE:
        F_ENUM(v, a->note.note, CALL_NOTE_N);
        f_i64(v, &a->note.value);
        f_str(v, &a->note.text);
        break;
    case ACT_USAGE:
        f_usage(v, &a->usage);
        break;
    case ACT_END:
        F_ENUM(v, a->end.reason, CALL_REASON_N);
        f_str(v, &a->end.detail);
        f_u32(v, &a->end.duration_ms);
        f_line_stats(v, &a->end.line);
        break;
    case ACT_LEG_CLEAR:
    case ACT_MODEL_COMMIT:
    case ACT_MODEL_CLEAR_INPUT:
    case ACT_MODEL_CLOSE:
    case CALL_ACTION_N:
        break;
    }
}

uint64_t actions_digest(const struct call_actions *actions)
{
    struct visit v = {.mode = VISIT_DIGEST, .hash = actions->n};
    for (uint32_t i = 0; i < actions->n; i++) {
        struct call_action copy = actions->list[i]; /* the visitor writes back what it visits */
        f_action(&v, &copy);
    }
    return v.hash;
}

void journal_begin(struct journal_writer *w, struct buf *out, const struct call_opts *opts, uint64_t now_us)
{
    w->last_us = now_us;
    buf_put(out, "RTJ1", 4);
    struct visit v = {.mode = VISIT_WRITE, .out = out};
    uint32_t version = JOURNAL_VERSION;
    struct str build = STR(RINGTRIP_VERSION);
    f_u32(&v, &version);
    f_str(&v, &build);
    f_u64(&v, &now_us);
    struct call_opts copy = *opts;
    f_opts(&v, &copy);
}

void journal_put(struct journal_writer *w, struct buf *out, const struct call_event *ev, uint64_t now_us,
                 const struct call_actions *actions)
{
    uint64_t delta = now_us > w->last_us ? now_us - w->last_us : 0;
    w->last_us = MAX(w->last_us, now_us);
    buf_putc(out, 1);
    struct visit v = {.mode = VISIT_WRITE, .out = out};
    f_u64(&v, &delta);
    struct call_event copy = *ev;
    f_event(&v, &copy);
    uint64_t digest = actions_digest(actions);
    uint8_t le[8];
    for (int i = 0; i < 8; i++) {
        le[i] = (uint8_t)(digest >> (8 * i));
    }
    buf_put(out, le, sizeof(le));
}

int journal_open(struct journal_reader *r, struct span file, struct arena *arena, struct call_opts *ret_opts,
                 struct str *ret_build)
{
    if (file.n < 6 || memcmp(file.p, "RTJ1", 4) != 0) {
        return -ERR_CORRUPT;
    }
    struct visit v = {.mode = VISIT_READ, .in = {file.p + 4, file.n - 4}, .arena = arena};
    uint32_t version = 0;
    struct str build = STR_NULL;
    uint64_t start_us = 0;
    struct call_opts opts;
    call_opts_init(&opts);
    f_u32(&v, &version);
    if (!v.err && version != JOURNAL_VERSION) {
        return -ERR_RANGE;
    }
    f_str(&v, &build);
    f_u64(&v, &start_us);
    f_opts(&v, &opts);
    if (v.err) {
        return v.err == -ENOMEM ? -ENOMEM : -ERR_CORRUPT;
    }
    *r = (struct journal_reader){.rest = v.in, .now_us = start_us};
    *ret_opts = opts;
    *ret_build = build;
    return 0;
}

int journal_next(struct journal_reader *r, struct call_event *ret, uint64_t *ret_now_us, uint64_t *ret_digest)
{
    struct visit v = {.mode = VISIT_READ, .in = r->rest, .item = &r->item};
    if (v.in.n == 0) {
        return 0;
    }
    if (*v.in.p != 1) {
        return -ERR_CORRUPT;
    }
    v.in.p++;
    v.in.n--;
    uint64_t delta = 0;
    struct call_event ev;
    memset(&ev, 0, sizeof(ev));
    f_u64(&v, &delta);
    f_event(&v, &ev);
    if (v.err == -ENODATA || (!v.err && v.in.n < 8)) {
        return 0; /* the process died while it wrote this one */
    }
    if (v.err || delta > UINT64_C(86400000000) * 30) {
        return -ERR_CORRUPT;
    }
    uint64_t digest = 0;
    for (int i = 0; i < 8; i++) {
        digest |= (uint64_t)v.in.p[i] << (8 * i);
    }
    r->rest = (struct span){v.in.p + 8, v.in.n - 8};
    r->now_us += delta;
    r->records++;
    *ret = ev;
    *ret_now_us = r->now_us;
    *ret_digest = digest;
    return 1;
}
