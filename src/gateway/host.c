#include "gateway/host.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/prefetch.h"
#include "gateway/host_impl.h"
#include "gateway/session_json.h"
#include "net/crypto.h"

#define LATE_US       20000
#define SWITCH_US     5000000 /* conditions know minutes */
#define TEXT_MAX      (64u << 10)
#define LISTS_MAX     (2 * sizeof(struct call_opts_room))
#define WORKER_NUMBER 0 /* one worker so far */
#define UUID_VERSION  0x40
#define UUID_VARIANT  0x80

static void mark_dirty(struct host *h)
{
    if (!h->dirty) {
        h->dirty = true;
        h->next_dirty = h->worker->dirty;
        h->worker->dirty = h;
    }
}

/* Whose calls are counted: who calls us, or whom we call. */
static struct str counted_number(const struct host *h)
{
    return str_from(h->facts.direction == STORE_OUTBOUND ? h->facts.called : h->facts.caller);
}

/* ---- the end ---- */

static void host_free(struct host *h)
{
    event_queue_done(&h->queue);
    mask_stream_done(&h->said);
    host_forget_models(h);
    call_free(h->call);
    free(h->vad);
    host_facts_done(&h->facts);
    plan_free(h->plan);
    arena_done(&h->lists);
    snapshot_unref(h->snapshot);
    free(h);
}

static void leave(struct host *h)
{
    struct worker *w = h->worker;
    admission_token_drop(w->env.admission, h->id);
    admission_leave(w->env.admission, counted_number(h));
    worker_remember(w, host_carrier_id(h), h->apologise, host_apology(h));
    host_trace_end(h);
    record_end(h);
    host_tap(h, TAP_END, &h->facts.end, NULL);
    watch_end_all(h);
    struct host_id id = h->id;
    host_free(h);
    worker_remove(w, id);
}

/* Goes as far towards the grave as the sockets and files allow. The last step frees. */
static void advance(struct host *h)
{
    if (h->state == HOST_CLOSING && !h->leg && !h->models) {
        h->state = HOST_FILING;
        host_close_files(h);
    }
    if (h->state == HOST_FILING && h->files_open == 0) {
        leave(h);
    }
}

static void begin_closing(struct host *h)
{
    h->state = HOST_CLOSING;
    host_cancel_tools(h);
    host_cancel_guards(h);
    host_approvals_drop(h);
    h->worker->queued_bytes -= h->queued_bytes;
    h->queued_bytes = 0;
    admission_token_drop(h->worker->env.admission, h->id);
    if (h->leg) {
        leg_close(h->leg);
    }
    host_close_models(h);
}

void host_fail(struct host *h, enum call_reason reason, const char *detail)
{
    if (h->state != HOST_LIVE) {
        return;
    }
    struct call_view view;
    call_view(h->call, &view);
    uint64_t now_us = loop_now_us(h->worker->env.loop);
    struct call_action *end = &h->facts.end;
    *end = (struct call_action){.type = ACT_END};
    end->end.reason = reason;
    end->end.detail = str_from(detail);
    end->end.duration_ms = view.leg_start_us ? (uint32_t)((now_us - view.leg_start_us) / 1000) : 0;
    begin_closing(h);
}

/* ---- steps ---- */

static void write_journal(struct host *h, const struct call_event *ev, uint64_t now_us)
{
    struct worker *w = h->worker;
    if (!h->journal) {
        return;
    }
    buf_clear(&w->journal);
    journal_put(&h->journal_writer, &w->journal, ev, now_us, &w->actions);
    if (w->journal.err < 0) {
        log_error(&h->log, "journal.lost", "error=%s", err_name(w->journal.err));
        disk_file_close(h->journal);
        h->journal = NULL;
        return;
    }
    disk_file_append(h->journal, buf_span(&w->journal));
}

/* Waiting agent audio is bounded for all calls together; the one whose model speaks beyond it gives way. */
static void account_audio(struct host *h, const struct call_event *ev)
{
    struct worker *w = h->worker;
    if (h->state != HOST_LIVE) {
        return;
    }
    size_t queued = call_queued_bytes(h->call);
    w->queued_bytes += queued - h->queued_bytes; /* wraps back when it falls */
    h->queued_bytes = queued;
    size_t limit = (size_t)h->snapshot->cfg->limits.audio_pool_mb << 20;
    if (ev->type == EV_MODEL_AUDIO && w->queued_bytes > limit) {
        log_warn(&h->log, "audio.shed", "queued_bytes=%zu limit_mb=%u", w->queued_bytes,
                 h->snapshot->cfg->limits.audio_pool_mb);
        host_event(h, &(struct call_event){.type = EV_CONTROL_SHED});
    }
}

/* When the worker is to look at this call next. */
static void arm(struct host *h)
{
    uint64_t due_us = MIN(h->switched_us + SWITCH_US, record_alive_due_us(h));
    worker_due(h->worker, h->id, MIN(h->deadline_us, due_us));
}

/* What one event causes leaves when the pass ends (net/ws.h). */
static void step(struct host *h, const struct call_event *ev)
{
    struct worker *w = h->worker;
    uint64_t now_us = loop_now_us(w->env.loop);
    w->stepping = true;
    host_trace_before(h, ev);
    if (h->watchers) {
        watch_tell_raw(h, ev);
    }
    call_step(h->call, ev, now_us, &w->actions);
    write_journal(h, ev, now_us);
    for (uint32_t i = 0; i < w->actions.n && h->state == HOST_LIVE; i++) {
        const struct call_action *act = &w->actions.list[i];
        host_perform(h, act);
        if (act->type == ACT_END) {
            begin_closing(h);
        }
    }
    host_trace_after(h, ev);
    if (h->models_acted) {
        host_models_step_over(h);
    }
    h->deadline_us = call_deadline_us(h->call);
    arm(h);
    account_audio(h, ev);
    w->stepping = false;
    if (w->actions.overflow) {
        metrics_add(w->env.metrics, METRIC_CALL_BUGS, 1);
        log_error(&h->log, "call.overflow", "event=%s actions=%u", call_event_name(ev->type), w->actions.n);
        host_fail(h, REASON_INTERNAL, "a step caused more than fits");
    }
}

/* Steps what came up during the last step, also of other calls, then lets go of calls that are over. */
static void settle(struct worker *w)
{
    while (w->dirty) {
        struct host *h = w->dirty;
        w->dirty = h->next_dirty;
        h->dirty = false;
        const struct call_event *ev = NULL;
        struct queued_event *e = NULL;
        while (h->state == HOST_LIVE && (e = event_queue_take(&h->queue, &ev))) {
            step(h, ev);
            queued_event_free(e);
        }
        if (!h->dirty) { /* else it is on the list again, its turn comes */
            advance(h);
        }
    }
}

void host_event(struct host *h, const struct call_event *ev)
{
    struct worker *w = h->worker;
    if (h->state != HOST_LIVE) {
        return;
    }
    mark_dirty(h);
    if (w->stepping || h->queue.first) {
        if (event_queue_put(&h->queue, ev) < 0) {
            host_fail(h, REASON_INTERNAL, "out of memory");
        }
    } else {
        step(h, ev);
    }
    if (!w->stepping) {
        settle(w);
    }
}

void host_settle(struct host *h)
{
    mark_dirty(h);
    if (!h->worker->stepping) {
        settle(h->worker);
    }
}

void host_tick(struct host *h, uint64_t now_us)
{
    if (h->state != HOST_LIVE) {
        return;
    }
    record_alive(h, now_us);
    if (now_us - h->switched_us >= SWITCH_US) {
        h->switched_us = now_us;
        host_switch(h);
    }
    if (now_us < h->deadline_us && !h->queue.first) {
        arm(h);
        return;
    }
    if (now_us > h->deadline_us && now_us - h->deadline_us > LATE_US) {
        metrics_add(h->worker->env.metrics, METRIC_FRAMES_LATE, 1);
    }
    host_event(h, &(struct call_event){.type = EV_TICK}); /* behind what host_switch has queued; h may be gone */
}

/* ---- the leg ---- */

/* The carrier's start message knows neither number; the webhook did. */
static struct call_event complete_start(struct host *h, const struct call_event *ev)
{
    struct call_event full = *ev;
    if (full.leg_start.caller.n == 0) {
        full.leg_start.caller = str_from(h->facts.caller);
    }
    if (full.leg_start.called.n == 0) {
        full.leg_start.called = str_from(h->facts.called);
    }
    return full;
}

static void on_leg_event(struct leg *leg UNUSED, const struct call_event *ev, void *arg)
{
    struct host *h = arg;
    if (ev->type == EV_CONTROL_USER_TEXT && host_text_refused(h, ev->control_text.text)) {
        return; /* the guard has told of it */
    }
    if (ev->type != EV_LEG_START) {
        host_event(h, ev);
        return;
    }
    struct call_event full = complete_start(h, ev);
    if (h->opts.record) {
        host_open_recorder(h, full.leg_start.format);
    }
    record_answered(h, &full);
    host_tap(h, TAP_LEG_START, NULL, &full);
    host_event(h, &full);
}

static void on_leg_closed(struct leg *leg, int err, void *arg)
{
    struct host *h = arg;
    assert(leg == h->leg);
    struct worker *w = h->worker;
    struct host_id id = h->id;
    h->leg = NULL;
    host_event(h, &(struct call_event){.type = EV_LEG_CLOSED, .leg_closed = {.err = err}});
    h = worker_by_id(w, id); /* without a model and files the event was its last */
    if (h) {
        host_settle(h);
    }
}

void host_prefetch(const struct host *h, unsigned depth)
{
    if (depth == 0) {
        PREFETCH_MEMBERS(h, worker, call_id);
        prefetch(&h->opts, sizeof(h->opts));
        return;
    }
    call_prefetch(h->call, depth - 1);
    host_prefetch_model(h, depth - 1);
    if (h->leg) {
        leg_prefetch(h->leg, depth - 1);
    }
    if (h->recorder) {
        recorder_prefetch(h->recorder, depth - 1);
    }
    if (h->journal) {
        disk_file_prefetch(h->journal, depth - 1);
    }
}

static void prefetch_host(const void *arg, unsigned depth)
{
    host_prefetch(arg, depth);
}

static const struct leg_handler leg_handler = {
    .on_event = on_leg_event,
    .on_closed = on_leg_closed,
    .prefetch = prefetch_host,
};

int host_bind_leg(struct host *h, struct leg *leg, const struct leg_handler **ret_handler, void **ret_arg)
{
    if (h->state != HOST_LIVE || h->had_leg) {
        return -ERR_STATE;
    }
    h->leg = leg;
    h->had_leg = true;
    *ret_handler = &leg_handler;
    *ret_arg = h;
    return 0;
}

/* ---- birth ---- */

static void make_call_id(char out[CALL_ID_MAX + 1])
{
    uint8_t b[16];
    char hex[33];
    crypto_random(b, sizeof(b));
    b[6] = (uint8_t)((b[6] & 0x0F) | UUID_VERSION);
    b[8] = (uint8_t)((b[8] & 0x3F) | UUID_VARIANT);
    crypto_hex(span_from(b, sizeof(b)), hex);
    ignore_result(snprintf(out, CALL_ID_MAX + 1, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
                           hex + 20) < 0); /* 36 characters fit */
}

/* Texts of carriers are cut where they do not fit: they are for people, and a number of 64 characters is none. */
static void copy_cut(char *dst, size_t cap, struct str s)
{
    s.n = MIN(s.n, cap - 1);
    ignore_result(str_copy(dst, cap, s)); /* it fits now */
}

static void fill_facts(struct host *h, const struct host_birth *b)
{
    struct host_facts *f = &h->facts;
    copy_cut(f->caller, sizeof(f->caller), b->caller);
    copy_cut(f->called, sizeof(f->called), b->called);
    copy_cut(f->alias, sizeof(f->alias), b->alias);
    copy_cut(f->carrier_id, sizeof(f->carrier_id), b->carrier_call_id);
    f->direction = b->direction;
    f->begun_us = loop_now_us(h->worker->env.loop);
    f->started_wall_us = (uint64_t)clock_wall_us();
    buf_init(&f->user, TEXT_MAX);
    buf_init(&f->agent, TEXT_MAX);
    buf_init(&f->end_text, TEXT_MAX);
}

static int fill_opts(struct host *h, const struct host_birth *b)
{
    struct worker *w = h->worker;
    int err = host_plan(h, b);
    h->opts.call_id = str_from(h->call_id);
    if (b->opening.n > 0) {
        h->opts.greeting.kind = GREETING_PROMPT;
        h->opts.greeting.text = b->opening;
    }
    h->opts.vad.weights = str_from(w->env.vad && h->opts.vad.on ? vad_model_id(w->env.vad) : "");
    host_providers(h);
    h->opts.record = h->opts.record && records_room(w->env.records);
    return err;
}

/* A call that never began. */
static void host_drop(struct host *h)
{
    admission_leave(h->worker->env.admission, counted_number(h));
    worker_remove(h->worker, h->id);
    host_free(h);
}

int host_new(struct worker *w, const struct host_birth *b, enum admission_cause *ret_cause, struct host **ret)
{
    struct host *h = calloc(1, sizeof(*h));
    *ret_cause = ADMISSION_OTHER;
    if (!h) {
        return -ENOMEM;
    }
    h->worker = w;
    h->watch = b->watch;
    mask_stream_init(&h->said);
    arena_init(&h->lists, LISTS_MAX);
    h->state = HOST_LIVE;
    h->deadline_us = UINT64_MAX;
    fill_facts(h, b);
    int err = admission_enter(w->env.admission, counted_number(h), ret_cause);
    if (err < 0) {
        host_facts_done(&h->facts);
        free(h);
        return err;
    }
    if (b->call_id.n == 0 || str_copy(h->call_id, sizeof(h->call_id), b->call_id) < 0) {
        make_call_id(h->call_id);
    }
    h->log = (struct log_scope){.call_id = h->call_id, .worker = WORKER_NUMBER};
    err = fill_opts(h, b);
    if (err >= 0 && b->ring_ms > 0) {
        h->opts.outgoing = true;
        h->opts.deadlines.leg_start_ms += b->ring_ms;
    }
    if (err >= 0) {
        err = call_new(&h->opts, &h->call);
    }
    if (err >= 0) {
        err = worker_add(w, h, &h->id);
    }
    if (err < 0) {
        admission_leave(w->env.admission, counted_number(h));
        host_free(h);
        return err;
    }
    host_switch(h);
    /* Only queued: a step may be the call's last, and the caller still holds h. */
    err = event_queue_put(&h->queue, &(struct call_event){.type = EV_BEGIN});
    if (err < 0) {
        host_drop(h);
        return err;
    }
    host_open_journal(h);
    record_begin(h);
    host_trace_begin(h, b->trace); /* its first row belongs to a call that the store knows */
    host_tap(h, TAP_BEGIN, NULL, NULL);
    *ret = h;
    return 0;
}

void host_start(struct host *h)
{
    host_settle(h);
}

void host_hangup(struct host *h, enum call_reason reason)
{
    host_event(h, &(struct call_event){.type = EV_CONTROL_HANGUP, .control_hangup = {.reason = reason}});
}

void host_turn(struct host *h, enum turn_cue cue)
{
    log_info(&h->log, "call.turn-cue", "cue=%s", turn_cue_name(cue));
    host_event(h, &(struct call_event){.type = EV_CONTROL_TURN, .control_turn = {.cue = cue}});
}

void host_text(struct host *h, struct str text)
{
    log_info(&h->log, "call.user-text", "bytes=%zu", text.n);
    host_event(h, &(struct call_event){.type = EV_CONTROL_USER_TEXT, .control_text = {.text = text}});
}

void host_control(struct host *h, const struct call_event *ev)
{
    log_info(&h->log, "call.control", "event=%s", call_event_name(ev->type));
    host_event(h, ev);
}

const struct call_opts *host_opts(const struct host *h)
{
    return &h->opts;
}

void host_put_history(const struct host *h, struct buf *out)
{
    struct call_view view;
    struct json_w w = json_w(out);
    call_view(h->call, &view);
    json_w_open(&w);
    json_w_kz(&w, "call_id", h->call_id);
    json_w_kstr(&w, "agent", call_opts_name(&h->opts, view.agent));
    json_w_key(&w, "history");
    session_json_history(&w, &(struct session_json){.opts = &h->opts, .mask = h->snapshot->mask},
                         call_history(h->call));
    json_w_close(&w);
}

struct vad_stream *host_vad_stream(struct host *h)
{
    return h->state == HOST_LIVE ? h->vad : NULL;
}

void host_vad(struct host *h, uint32_t chunk, uint32_t ppm)
{
    host_event(h, &(struct call_event){.type = EV_VAD, .vad = {.chunk = chunk, .ppm = ppm}});
}

void host_abort(struct host *h)
{
    host_fail(h, REASON_DRAIN, "it did not end in time");
    host_settle(h);
}

/* ---- looks ---- */

void host_learn_carrier_id(struct host *h, struct str carrier_call_id)
{
    if (h->facts.carrier_id[0] == '\0' && carrier_call_id.n > 0) {
        copy_cut(h->facts.carrier_id, sizeof(h->facts.carrier_id), carrier_call_id);
        record_ringing(h);
    }
}

bool host_outgoing(const struct host *h)
{
    return h->opts.outgoing;
}

struct host_id host_id(const struct host *h)
{
    return h->id;
}

const char *host_call_id(const struct host *h)
{
    return h->call_id;
}

struct str host_carrier_id(const struct host *h)
{
    return str_from(h->facts.carrier_id);
}

struct str host_called(const struct host *h)
{
    return str_from(h->facts.called);
}

struct str host_caller(const struct host *h)
{
    return str_from(h->facts.caller);
}

bool host_is(const struct host *h, struct str any_id)
{
    return any_id.n > 0 &&
           (str_is(any_id, h->call_id) || str_is(any_id, h->facts.carrier_id) || str_is(any_id, h->facts.alias));
}

bool host_has_leg(const struct host *h)
{
    return h->had_leg;
}

bool host_manual(const struct host *h)
{
    return h->opts.turn.kind == TURN_MANUAL;
}

bool host_live(const struct host *h)
{
    return h->state == HOST_LIVE;
}

bool host_take_apology(struct host *h, struct str *ret_words)
{
    bool owed = h->apologise;
    *ret_words = host_apology(h);
    h->apologise = false;
    return owed;
}

void host_view(const struct host *h, struct call_view *ret)
{
    call_view(h->call, ret);
}
