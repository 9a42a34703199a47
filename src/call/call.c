/* Dispatch: one handler per event, then what follows from any event: deadlines, pump, progress, recording. */
#include "call/call.h"

#include <stdlib.h>

#include "base/cpu.h"
#include "base/err.h"
#include "base/prefetch.h"
#include "call/state.h"

int call_new(const struct call_opts *opts, struct call **ret)
{
    struct call *c = calloc(1, sizeof(*c));
    if (!c) {
        return -ENOMEM;
    }
    c->o = opts;
    c->lead_ms = opts->playout.lead_ms;
    c->model_reason = REASON_MODEL_UNREACHABLE;
    c->leg_format = c->model_in = c->model_out = AUDIO_PCMU;
    for (int t = 0; t < TIMER_N; t++) {
        c->timers[t] = UINT64_MAX;
    }
    buf_init(&c->farewell_own, 4096);
    buf_init(&c->want_text, CALL_WANT_MAX);
    buf_init(&c->asked_text, CALL_WANT_MAX);
    hold_init(&c->waiting, (size_t)1 << 23);
    hold_init(&c->kept, (size_t)1 << 23);
    buf_init(&c->back, (size_t)1 << 22);
    buf_init(&c->recent, (size_t)1 << 18);
    fifo_init(&c->queue);
    ledger_init(&c->ledger, audio_bytes_per_ms(AUDIO_PCMU));
    track_init(&c->track, AUDIO_PCMU);
    buf_init(&c->say, CALL_WANT_MAX);
    agents_init(c);
    conv_init(c);
    if (guard_init(c) < 0) {
        call_free(c);
        return -ENOMEM;
    }
    *ret = c;
    return 0;
}

struct call *call_free(struct call *c)
{
    if (!c) {
        return NULL;
    }
    buf_done(&c->farewell_own);
    voicemail_done(c);
    buf_done(&c->want_text);
    buf_done(&c->asked_text);
    hold_done(&c->waiting);
    hold_done(&c->kept);
    buf_done(&c->back);
    buf_done(&c->recent);
    fifo_done(&c->queue);
    ledger_done(&c->ledger);
    track_done(&c->track);
    buf_done(&c->say);
    agents_done(c);
    conv_done(c);
    guard_done(c);
    intake_done(c);
    for (int i = 0; i < CALL_ITEMS; i++) {
        buf_done(&c->items[i].text);
    }
    tools_done(c);
    transfer_drop(c);
    free(c);
    return NULL;
}

struct call_action *call_emit(struct call *c, enum call_action_type type)
{
    struct call_actions *a = c->out;
    if (a->n == CALL_MAX_ACTIONS) {
        a->overflow = true;
        a->n--; /* the last one gives way; the host ends the call over overflow */
    }
    struct call_action *act = &a->list[a->n++];
    memset(act, 0, sizeof(*act));
    act->type = type;
    act->session = type >= ACT_MODEL_OPEN && type <= ACT_MODEL_CLOSE ? c->renew.session : 0;
    return act;
}

struct str call_keep(struct call *c, struct str s)
{
    if (s.n == 0) {
        return STR("");
    }
    struct str kept = arena_str(&c->out->bytes, s);
    if (!kept.p) {
        c->out->overflow = true;
        return STR("");
    }
    return kept;
}

void call_remark(struct call *c, enum call_note n, int64_t value, struct str text)
{
    struct str kept = call_keep(c, text);
    struct call_action *act = call_emit(c, ACT_NOTE);
    act->note.note = n;
    act->note.value = value;
    act->note.text = kept;
}

void call_copy_id(char dst[CALL_ID_MAX], struct str id)
{
    size_t n = MIN(id.n, (size_t)CALL_ID_MAX - 1);
    memcpy(dst, id.p ? id.p : "", n);
    dst[n] = '\0';
}

int32_t call_since_ms(const struct call *c)
{
    return c->leg_start_us ? (int32_t)((c->now_us - c->leg_start_us) / 1000) : 0;
}

uint64_t call_position(const struct call *c, uint64_t at_us)
{
    return at_us > c->leg_start_us ? (at_us - c->leg_start_us) * (audio_rate_hz(c->leg_format) / 1000) / 1000 : 0;
}

static bool illegal(struct call *c, const char *machine, const char *state, const char *event)
{
    char text[96];
    struct buf b;
    buf_init(&b, sizeof(text));
    buf_printf(&b, "%s %s x %s", machine, state, event);
    c->illegal++;
    call_remark(c, NOTE_ILLEGAL, 0, buf_str(&b));
    buf_done(&b);
    return false;
}

bool phase_to(struct call *c, enum phase_event e)
{
    int next = phase_next(c->phase, e);
    if (next < 0) {
        return illegal(c, "phase", call_phase_name(c->phase), phase_event_name(e));
    }
    bool greeted = c->phase == PHASE_GREETING && next == PHASE_CONVERSATION;
    bool silent = c->phase == PHASE_SETUP && next == PHASE_CONVERSATION;
    c->phase = (enum call_phase)next;
    if (greeted || silent) {
        turn_arm(c);
    }
    return true;
}

bool caller_to(struct call *c, enum caller_event e)
{
    int next = caller_next(c->caller, e);
    if (next < 0) {
        return illegal(c, "caller", caller_state_name(c->caller), caller_event_name(e));
    }
    c->caller = (enum caller_state)next;
    return true;
}

bool response_to(struct call *c, enum response_event e)
{
    int next = response_next(c->response, e);
    if (next < 0) {
        return illegal(c, "response", response_state_name(c->response), response_event_name(e));
    }
    c->response = (enum response_state)next;
    return true;
}

bool playout_to(struct call *c, enum playout_event e)
{
    int next = playout_next(c->playout, e);
    if (next < 0) {
        return illegal(c, "playout", playout_state_name(c->playout), playout_event_name(e));
    }
    c->playout = (enum playout_state)next;
    return true;
}

/* ---- one handler per event ---- */

static void on_begin(struct call *c, const struct call_event *ev UNUSED)
{
    life_begin(c);
}

static void on_tick(struct call *c UNUSED, const struct call_event *ev UNUSED)
{
    /* What is due runs after every event. */
}

static void on_leg_media(struct call *c, const struct call_event *ev)
{
    uplink_media(c, ev->leg_media.timestamp_ms, ev->leg_media.audio);
}

static void on_leg_mark(struct call *c, const struct call_event *ev)
{
    playout_mark(c, ev->leg_mark.mark);
}

static void on_leg_dtmf(struct call *c, const struct call_event *ev)
{
    c->keys_reported = true;
    call_remark(c, NOTE_DTMF, 0, STR_NULL); /* the digit itself stays out of logs */
    uplink_key(c, ev->leg_dtmf.digit);
}

static void on_leg_stop(struct call *c, const struct call_event *ev UNUSED)
{
    life_leg_over(c, REASON_CALLER_HANGUP);
}

static void on_leg_closed(struct call *c, const struct call_event *ev)
{
    int err = ev->leg_closed.err;
    bool protocol = err == -ERR_WS || err == -ERR_SYNTAX || err == -ERR_STATE || err == -ERR_TYPE ||
                    err == -ERR_MISSING || err == -ERR_BASE64 || err == -ERR_TOO_BIG || err == -ERR_UTF8 ||
                    err == -ERR_RANGE;
    life_leg_over(c, protocol ? REASON_PROTOCOL : REASON_CARRIER_CLOSED);
}

/* The service hears somebody over the agent, who goes on all the same. */
static void talk_on(struct call *c, struct str why)
{
    call_remark(c, NOTE_BARGE_IN_IGNORED, 0, why);
    if (c->turn_open && c->playout != PLAYOUT_EMPTY) {
        c->turn.verdict = VERDICT_PROTECTED;
    }
}

static void on_speech_started(struct call *c, const struct call_event *ev UNUSED)
{
    seq_alive(c);
    if (c->phase == PHASE_GREETING && c->o->greeting.protect) {
        talk_on(c, STR("protected-greeting"));
        return;
    }
    if (call_leaving(c)) {
        talk_on(c, str_from(call_phase_name(c->phase)));
        return;
    }
    if (!c->gated) {
        c->own_commits = 0; /* one that was not confirmed by now never will be */
    }
    if (turn_judged_here(c) && (c->gated || c->playout != PLAYOUT_EMPTY || c->caller == CALLER_SPEAKING)) {
        return; /* evidence, not an order */
    }
    if (!c->o->barge_in.on && c->playout != PLAYOUT_EMPTY) {
        talk_on(c, STR("switched off"));
        return;
    }
    bool known = c->renew.again && c->turn_open && c->playout == PLAYOUT_EMPTY; /* from the session before */
    c->renew.again = false;
    if (caller_to(c, CA_START) && !known) {
        barge_in(c, VERDICT_SERVICE);
    }
}

static void on_speech_stopped(struct call *c, const struct call_event *ev UNUSED)
{
    seq_alive(c);
    if (c->caller == CALLER_SILENT || c->caller == CALLER_MAYBE_SPEECH || c->gated) {
        return; /* its start was ignored */
    }
    if (caller_to(c, CA_STOP) && c->turn_open) {
        c->turn.speech_stop_ms = call_since_ms(c);
    }
}

static void on_committed(struct call *c, const struct call_event *ev)
{
    consent_committed(c, ev->model_speech.item_id);
    if (c->own_commits) {
        c->own_commits--; /* the answer is asked for already */
        hold_name(&c->kept, call_tag(ev->model_speech.item_id));
        return;
    }
    if (turn_judged_here(c) && c->playout != PLAYOUT_EMPTY) {
        call_remark(c, NOTE_BARGE_IN_IGNORED, 0, STR("not heard here"));
        return;
    }
    bool spoke = c->caller != CALLER_SILENT;
    hold_end_turn(&c->kept, call_tag(ev->model_speech.item_id));
    c->renew.again = false;
    caller_to(c, CA_COMMIT);
    if (!spoke && !c->turn_open) {
        turn_begin(c);
    }
    turn_committed(c);
    if (c->model_creates) {
        timer_set(c, TIMER_EXPECT, c->o->deadlines.response_ms);
    } else if (c->phase == PHASE_CONVERSATION || c->phase == PHASE_GREETING) {
        seq_request(c, STR_NULL, false);
    }
}

static void on_user_text(struct call *c, const struct call_event *ev)
{
    if (!ev->model_user_text.failed) {
        hold_known(&c->kept, call_tag(ev->model_user_text.item_id));
        line_caller(c, ev->model_user_text.text);
        conv_transcript(c, ev->model_user_text.item_id, ev->model_user_text.text);
        guard_said(c, ev->model_user_text.text, true);
    }
    consent_said(c, ev->model_user_text.item_id, ev->model_user_text.text, ev->model_user_text.failed);
}

static void on_user_delta(struct call *c, const struct call_event *ev UNUSED)
{
    seq_alive(c); /* for who watches the service; the history waits for all of it */
}

static void on_item_deleted(struct call *c, const struct call_event *ev)
{
    conv_deleted(c, ev->model_item_gone.item_id);
}

static void on_item_truncated(struct call *c UNUSED, const struct call_event *ev UNUSED)
{
    /* We asked for it: the history holds what was heard since then. */
}

static void on_updated(struct call *c, const struct call_event *ev UNUSED)
{
    agents_updated(c);
}

static void on_idle(struct call *c, const struct call_event *ev UNUSED)
{
    call_tell(c, SIGNAL_IDLE_TIMEOUT);
}

static void on_response_created(struct call *c, const struct call_event *ev)
{
    seq_created(c, ev->model_response.response_id);
    guard_created(c, ev->model_response.response_id);
}

static void on_item_added(struct call *c, const struct call_event *ev UNUSED)
{
    seq_alive(c);
}

static void on_model_audio(struct call *c, const struct call_event *ev)
{
    seq_alive(c);
    playout_audio(c, ev->model_audio.response_id, ev->model_audio.item_id, ev->model_audio.audio);
}

static void on_model_audio_done(struct call *c, const struct call_event *ev)
{
    seq_alive(c);
    playout_item_done(c, ev->model_audio.response_id, ev->model_audio.item_id);
}

static void on_text_delta(struct call *c, const struct call_event *ev)
{
    seq_alive(c);
    text_delta(c, ev);
}

static void on_text_done(struct call *c, const struct call_event *ev)
{
    text_done(c, ev);
}

static void on_tool_call(struct call *c, const struct call_event *ev)
{
    seq_alive(c);
    conv_call(c, ev);
    tools_call(c, ev);
}

static void on_usage(struct call *c, const struct call_event *ev)
{
    call_emit(c, ACT_USAGE)->usage = ev->model_usage.usage;
}

static void on_response_done(struct call *c, const struct call_event *ev)
{
    const struct call_usage *u = &ev->model_done.usage;
    if (u->in_text | u->in_audio | u->out_text | u->out_audio) {
        call_emit(c, ACT_USAGE)->usage = *u;
    }
    guard_response_done(c, ev->model_done.response_id);
    playout_response_done(c, ev->model_done.response_id);
    seq_done(c, ev->model_done.response_id, ev->model_done.status, ev->model_done.reason);
}

static void on_model_error(struct call *c, const struct call_event *ev)
{
    struct str code = call_keep(c, ev->model_error.code);
    struct str text = call_keep(c, ev->model_error.message);
    struct call_signal *s = call_tell(c, SIGNAL_ERROR);
    s->name = code;
    s->text = text;
    if (!agents_error(c, ev->model_error.request, code)) {
        seq_error(c, ev->model_error.request, code);
    }
}

static void on_vad(struct call *c, const struct call_event *ev)
{
    turn_vad(c, ev->vad.chunk, ev->vad.ppm);
}

static void on_control_turn(struct call *c, const struct call_event *ev)
{
    turn_cue(c, ev->control_turn.cue);
}

static void on_control_hangup(struct call *c, const struct call_event *ev)
{
    life_hangup(c, ev->control_hangup.reason, false);
}

static void on_control_shed(struct call *c, const struct call_event *ev UNUSED)
{
    playout_shed(c);
}

static void on_control_text(struct call *c, const struct call_event *ev)
{
    consent_typed(c, ev->control_text.text);
    uplink_text(c, ev->control_text.text);
    guard_said(c, ev->control_text.text, false);
}

static void on_control_renew(struct call *c, const struct call_event *ev UNUSED)
{
    renew_asked(c);
}

static void (*const handlers[CALL_EVENT_N])(struct call *c, const struct call_event *ev) = {
    [EV_BEGIN] = on_begin,
    [EV_TICK] = on_tick,
    [EV_LEG_START] = life_leg_start,
    [EV_LEG_MEDIA] = on_leg_media,
    [EV_LEG_MARK] = on_leg_mark,
    [EV_LEG_DTMF] = on_leg_dtmf,
    [EV_LEG_STOP] = on_leg_stop,
    [EV_LEG_CLOSED] = on_leg_closed,
    [EV_MODEL_READY] = renew_ready,
    [EV_MODEL_FAILED] = renew_failed,
    [EV_MODEL_SPEECH_STARTED] = on_speech_started,
    [EV_MODEL_SPEECH_STOPPED] = on_speech_stopped,
    [EV_MODEL_COMMITTED] = on_committed,
    [EV_MODEL_USER_TEXT] = on_user_text,
    [EV_MODEL_RESPONSE_CREATED] = on_response_created,
    [EV_MODEL_ITEM_ADDED] = on_item_added,
    [EV_MODEL_AUDIO] = on_model_audio,
    [EV_MODEL_AUDIO_DONE] = on_model_audio_done,
    [EV_MODEL_TEXT_DELTA] = on_text_delta,
    [EV_MODEL_TEXT_DONE] = on_text_done,
    [EV_MODEL_TOOL_CALL] = on_tool_call,
    [EV_MODEL_RESPONSE_DONE] = on_response_done,
    [EV_MODEL_USER_DELTA] = on_user_delta,
    [EV_MODEL_ITEM] = conv_item,
    [EV_MODEL_ITEM_DELETED] = on_item_deleted,
    [EV_MODEL_ITEM_TRUNCATED] = on_item_truncated,
    [EV_MODEL_UPDATED] = on_updated,
    [EV_MODEL_IDLE] = on_idle,
    [EV_MODEL_USAGE] = on_usage,
    [EV_MODEL_TOOL_WITHDRAWN] = tools_withdrawn,
    [EV_MODEL_LEAVING] = renew_leaving,
    [EV_MODEL_RESUMABLE] = renew_resumable,
    [EV_MODEL_ERROR] = on_model_error,
    [EV_TOOL_CHECKED] = tools_checked,
    [EV_TOOL_APPROVAL] = tools_approval,
    [EV_TOOL_RESULT] = tools_result,
    [EV_GUARD] = guard_answer,
    [EV_VAD] = on_vad,
    [EV_CONTROL_TURN] = on_control_turn,
    [EV_CONTROL_HANGUP] = on_control_hangup,
    [EV_CONTROL_SHED] = on_control_shed,
    [EV_CONTROL_USER_TEXT] = on_control_text,
    [EV_CONTROL_RENEW] = on_control_renew,
    [EV_CONTROL_INTERRUPT] = control_interrupt,
    [EV_CONTROL_RESPOND] = control_respond,
    [EV_CONTROL_COMMIT] = control_commit,
    [EV_CONTROL_SAY] = control_say,
    [EV_CONTROL_MESSAGE] = control_message,
    [EV_CONTROL_AGENT] = agents_switch,
    [EV_CONTROL_ENABLE] = agents_enable,
    [EV_LEG_TRANSFER_FAILED] = transfer_failed,
    [EV_CONTROL_TRANSFER] = transfer_wanted,
    [EV_CONTROL_KEYS] = keys_wanted,
    [EV_CONTROL_VOICEMAIL] = voicemail_wanted,
};

static bool from_model(enum call_event_type t)
{
    return t >= EV_MODEL_SPEECH_STARTED && t <= EV_MODEL_ERROR;
}

CPU_BODY uint64_t least_of(const uint64_t *due, size_t n)
{
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < n; i++) {
        least = MIN(least, due[i]);
    }
    return least;
}

CPU_AVX2 static uint64_t least_of_avx2(const uint64_t *due, size_t n)
{
    return least_of(due, n);
}

static uint64_t first_timer(const struct call *c)
{
    return cpu_has_avx2() ? least_of_avx2(c->timers, TIMER_N) : least_of(c->timers, TIMER_N);
}

static void run_timers(struct call *c)
{
    if (first_timer(c) > c->now_us) {
        return;
    }
    for (int t = 0; t < TIMER_N && c->phase != PHASE_ENDED; t++) {
        if (c->timers[t] <= c->now_us) {
            c->timers[t] = UINT64_MAX;
            life_timer(c, (enum call_timer)t);
        }
    }
}

void call_step(struct call *c, const struct call_event *ev, uint64_t now_us, struct call_actions *actions)
{
    call_actions_clear(actions);
    c->out = actions;
    c->now_us = MAX(c->now_us, now_us);
    /* A model that failed or was never ready has nothing more to say; a peer that talks on is not believed. */
    bool heard = !from_model(ev->type) || renew_hears(c, ev);
    if (c->phase != PHASE_ENDED && heard && (unsigned)ev->type < CALL_EVENT_N) {
        handlers[ev->type](c, ev);
        run_timers(c);
        if (c->phase != PHASE_ENDED && c->leg_start_us) {
            playout_progress(c);
            turn_progress(c);
            renew_progress(c);
            tools_flush(c);
            control_progress(c);
            seq_try(c);
            filler_progress(c);
            keys_pump(c);
            playout_pump(c);
            guard_progress(c);
            life_progress(c);
            ladder_progress(c);
            turn_settle(c);
            playout_record(c, false);
        }
    }
    c->out = NULL;
}

uint64_t call_deadline_us(const struct call *c)
{
    return c->phase == PHASE_ENDED ? UINT64_MAX : first_timer(c);
}

size_t call_queued_bytes(const struct call *c)
{
    return c->queue.len;
}

/* Without what only rare events look at: texts, items, a detector that may be off. */
static void prefetch_own(const struct call *c)
{
    PREFETCH_MEMBERS(c, o, farewell_own);
    PREFETCH_MEMBERS(c, place, dtmf);
    PREFETCH_MEMBERS(c, echo, up.resample);
    PREFETCH_MEMBERS(c, waiting, detector);
    PREFETCH_MEMBERS(c, sound, items);
    PREFETCH_MEMBERS(c, item_first, dead);
    PREFETCH_MEMBERS(c, dead_next, turn);
    PREFETCH_MEMBERS(c, turn, turns);
}

void call_prefetch(const struct call *c, unsigned depth)
{
    if (depth == 0) {
        prefetch_own(c);
        return;
    }
    fifo_prefetch(&c->kept.bytes, depth - 1);
    fifo_prefetch(&c->queue, depth - 1);
    if (depth == 1) {
        const struct item *it = &c->items[c->item_first];
        PREFETCH_MEMBERS(it, received, text);
        ledger_prefetch(&c->ledger);
        track_prefetch(&c->track);
    }
}

bool call_ended(const struct call *c)
{
    return c->phase == PHASE_ENDED;
}

const struct items *call_history(const struct call *c)
{
    return &c->history;
}

void call_view(const struct call *c, struct call_view *ret)
{
    *ret = (struct call_view){
        .phase = c->phase,
        .caller = c->caller,
        .response = c->response,
        .playout = c->playout,
        .leg_start_us = c->leg_start_us,
        .uplink_bytes = c->uplink_bytes,
        .appended_bytes = c->appended_bytes,
        .downlink_bytes = c->downlink_bytes,
        .sent_bytes = c->sent_bytes,
        .flushed_bytes = c->flushed_bytes,
        .record_samples = c->track.base,
        .queued_ms = bytes_ms(c, c->queue.len),
        .outstanding_ms = ledger_outstanding_ms(&c->ledger, c->now_us),
        .barge_ins = c->barge_ins,
        .illegal = c->illegal,
        .turns = c->turns,
        .agent = c->agent,
        .pending_tools = c->tools_live,
        .session = c->renew.session,
        .renewals = c->renew.renewals,
        .renews = c->o->renewal.on,
        .renewing = c->renew.state != RENEW_IDLE,
    };
    if (c->item_n) {
        const struct item *it = &c->items[c->item_first];
        uint32_t low = it->acked;
        uint32_t high = it->acked;
        ledger_heard(&c->ledger, it->number, c->now_us, &low, &high);
        low = MAX(low, it->heard);
        ret->heard_low_ms = bytes_ms(c, low);
        ret->heard_high_ms = bytes_ms(c, high);
    }
}
