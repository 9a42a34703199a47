/* The loop's side of a session: a call of the core with an embedded leg, from start to end. */
#include "base/err.h"
#include "base/log.h"
#include "library/playback.h"
#include "library/servers.h"
#include "library/session.h"
#include "library/wording.h"
#include "obs/traceparent.h"

#define MAX_PARAMETERS SESSION_MAX_PAIRS

struct host *session_host(struct rt_session *s)
{
    return s->host_lives ? worker_by_id(gateway_worker(s->runner->gw), s->host) : NULL;
}

/* ---- the leg ---- */

static void on_leg_audio(const struct embedded_audio *a, void *arg)
{
    session_audio(arg, a);
}

static void on_leg_clear(void *arg)
{
    struct rt_session *s = arg;
    outbox_drop_audio(&s->outbox);
    rt_playback_on_interrupted(s->o.playback);
    if (s->o.playback_ops && s->o.playback_ops->on_interrupted) {
        s->o.playback_ops->on_interrupted(s->o.playback_arg);
    }
}

static void on_leg_commit(void *arg)
{
    struct rt_session *s = arg;
    struct host *h = session_host(s);
    s->turn_open = false;
    if (h) {
        host_control(h, &(struct call_event){.type = EV_CONTROL_COMMIT});
    }
}

static void on_leg_taken(size_t bytes, void *arg)
{
    session_audio_taken(arg, bytes);
}

static void leg_position(struct embedded_position *ret, void *arg)
{
    struct rt_session *s = arg;
    struct rt_playback_state *at = &s->position;
    *at = (struct rt_playback_state){.struct_size = sizeof(*at)};
    if (s->o.playback) {
        ignore_result(rt_playback_get_state(s->o.playback, at)); /* it is one, of this size */
    } else {
        s->o.playback_ops->get_state(at, s->o.playback_arg);
    }
    at->item_id[sizeof(at->item_id) - 1] = '\0';
    *ret = (struct embedded_position){at->playing != 0, str_from(at->item_id), at->elapsed_ms};
}

static void on_leg_gone(void *arg)
{
    struct rt_session *s = arg;
    s->leg = NULL;
    session_unref(s);
}

#define LEG_HANDLER(position_fn)                                                                                       \
    {                                                                                                                  \
        .on_audio = on_leg_audio, .on_clear = on_leg_clear, .on_commit = on_leg_commit, .on_taken = on_leg_taken,      \
        .position = (position_fn), .on_gone = on_leg_gone                                                              \
    }
static const struct embedded_handler by_clock = LEG_HANDLER(NULL);
static const struct embedded_handler by_tracker = LEG_HANDLER(leg_position);

/* ---- the end ---- */

/* Endings that nobody needs to be told of as a failure. */
static bool orderly(enum call_reason reason)
{
    return reason == REASON_CALLER_HANGUP || reason == REASON_AGENT_HANGUP || reason == REASON_API_HANGUP ||
           reason == REASON_DRAIN;
}

static void finish(struct rt_session *s, int err)
{
    struct rt_event end = session_blank(s, RT_EVENT_END);
    end.text = s->error;
    end.err = err;
    end.code = err_name(err);
    bool retry = false;
    pthread_mutex_lock(&s->lock);
    retry = s->state == SESSION_CONNECTING && !s->was_live && err < 0;
    s->end_err = err;
    pthread_mutex_unlock(&s->lock);
    if (!retry) {
        session_event(s, &end, NULL, 0);
        outbox_close(&s->outbox);
    }
    if (s->o.playback) {
        playback_release(s->o.playback);
    }
    pthread_mutex_lock(&s->lock);
    s->state = retry ? SESSION_NEW : SESSION_CLOSED;
    s->audio_waiting = 0;
    pthread_cond_broadcast(&s->news);
    pthread_mutex_unlock(&s->lock);
}

void session_ended(struct rt_session *s, const struct call_action *end)
{
    int err = 0;
    pthread_mutex_lock(&s->lock);
    bool asked = s->state == SESSION_CLOSING && s->was_live;
    if (!asked && !orderly(end->end.reason)) {
        err = s->end_err < 0 ? s->end_err : -ERR_CLOSED;
        if (!s->error[0]) {
            wording_give(s->error, sizeof(s->error),
                         end->end.detail.n > 0 ? end->end.detail : str_from(call_reason_name(end->end.reason)));
        }
    } else if (!s->was_live) {
        err = s->end_err < 0 ? s->end_err : -ECANCELED;
    }
    pthread_mutex_unlock(&s->lock);
    s->host_lives = false;
    finish(s, err);
    session_unref(s);
}

/* It never came to a call. */
static void fail(struct rt_session *s, int err, const char *text)
{
    session_say(s, text ? text : err_text(err));
    s->snapshot = snapshot_unref(s->snapshot);
    finish(s, err);
    session_unref(s);
}

/* ---- the beginning ---- */

static void keep_names(struct rt_session *s, const struct host *h)
{
    const struct call_opts *o = host_opts(h);
    s->n_agents = MAX(o->n_agents, 1u);
    s->agent = 0;
    for (uint32_t i = 0; i < s->n_agents; i++) {
        struct str name = o->n_agents > 0 ? o->agents[i].name : o->agent;
        name.n = MIN(name.n, (size_t)CALL_ID_MAX);
        ignore_result(str_copy(s->agents[i], sizeof(s->agents[i]), name)); /* it fits now */
    }
    s->manual = o->turn.kind == TURN_MANUAL;
    s->turn_open = false;
}

static int open_leg(struct rt_session *s, struct host *h)
{
    const struct leg_handler *lh = NULL;
    void *larg = NULL;
    bool tracked = s->o.playback || s->o.playback_ops;
    const struct embedded_opts o = {
        .format = s->format,
        .by_hand = !s->o.on_event && s->o.delivery == RT_DELIVERY_PACED,
    };
    int err = embedded_open(gateway_loop(s->runner->gw), &o, tracked ? &by_tracker : &by_clock, s, &s->leg);
    if (err < 0) {
        return err;
    }
    session_ref(s);
    err = host_bind_leg(h, embedded_leg(s->leg), &lh, &larg);
    if (err < 0) {
        embedded_drop(s->leg);
        return err;
    }
    embedded_start(s->leg, lh, larg, str_from(s->id), str_from(s->user ? s->user : ""));
    return 0;
}

static uint32_t list_parameters(const struct rt_session *s, struct when_pair *out)
{
    uint32_t n = 0;
    for (size_t i = 0; i < s->o.variable_count && n < MAX_PARAMETERS; i++) {
        out[n++] = (struct when_pair){str_from(s->variables[i].name), str_from(s->variables[i].value)};
    }
    return n;
}

static void begin(struct rt_session *s)
{
    enum admission_cause cause = ADMISSION_OTHER;
    struct host *h = NULL;
    int err = servers_give(s->runner, s->snapshot);
    if (err < 0) {
        fail(s, err, NULL);
        return;
    }
    struct when_pair parameters[MAX_PARAMETERS];
    struct trace_parent parent;
    bool traced = s->trace_parent && traceparent_parse(str_from(s->trace_parent), STR(""), &parent) >= 0;
    const struct host_birth birth = {
        .caller = str_from(s->user ? s->user : ""),
        .called = str_from(s->called ? s->called : ""),
        .parameters = parameters,
        .n_parameters = list_parameters(s, parameters),
        .carrier = STR("embedded"),
        .direction = STORE_INBOUND,
        .snapshot = s->snapshot,
        .watch = {session_tap, s},
        .trace = traced ? &parent : NULL,
    };
    err = host_new(gateway_worker(s->runner->gw), &birth, &cause, &h);
    if (err < 0) {
        fail(s, err, err == -ERR_LIMIT ? "There are too many sessions." : NULL);
        return;
    }
    keep_names(s, h);
    s->snapshot = snapshot_unref(s->snapshot); /* the call has its own reference */
    s->host = host_id(h);
    s->host_lives = true;
    pthread_mutex_lock(&s->lock);
    ignore_result(str_copy(s->id, sizeof(s->id), str_from(host_call_id(h)))); /* of the same size */
    pthread_mutex_unlock(&s->lock);
    err = open_leg(s, h);
    if (err < 0) {
        session_say(s, err_text(err));
        host_abort(h);
    }
}

/* ---- what has to be there before ---- */

static bool must_wait(const struct rt_session *s)
{
    const struct rt_runner *r = s->runner;
    return (s->snapshot->own_sandbox && !gateway_sandbox_ready(r->gw)) || !gateway_logins_settled(r->gw) ||
           (!s->impatient && servers_start(r, s->snapshot));
}

static void on_impatient(void *arg)
{
    struct rt_session *s = arg;
    s->impatient = true;
    log_warn(NULL, "mcp.not-waited-for", "session=%s", s->id);
    session_sandbox_ready(s->runner);
}

static int wait_for_servers(struct rt_session *s)
{
    uint32_t ms = s->o.connect_ms ? s->o.connect_ms : SESSION_CONNECT_MS;
    int err = timer_new(gateway_loop(s->runner->gw), on_impatient, s, &s->patience);
    if (err >= 0) {
        timer_start(s->patience, (uint64_t)ms * 1000 / 3 * 2, 0);
    }
    return err;
}

static void wait(struct rt_session *s)
{
    struct rt_runner *r = s->runner;
    int err = s->snapshot->own_sandbox ? gateway_want_sandbox(r->gw) : 0;
    if (err < 0) {
        fail(s, err,
             "The offline sandbox cannot be started: install ringtrip-sandbox beside the program or in PATH, or "
             "give a key (OPENAI_API_KEY, GEMINI_API_KEY).");
        return;
    }
    err = wait_for_servers(s);
    if (err < 0) {
        fail(s, err, NULL);
        return;
    }
    s->next_starting = r->starting;
    r->starting = s;
}

static bool leave_starting(struct rt_session *s)
{
    struct rt_session **at = &s->runner->starting;
    while (*at && *at != s) {
        at = &(*at)->next_starting;
    }
    bool was = *at == s;
    if (was) {
        *at = s->next_starting;
        s->patience = timer_free(s->patience);
    }
    return was;
}

void session_sandbox_ready(struct rt_runner *r)
{
    struct rt_session *next;
    for (struct rt_session *s = r->starting; s; s = next) {
        next = s->next_starting;
        if (!must_wait(s) && leave_starting(s)) {
            begin(s);
        }
    }
}

void session_start(struct rt_session *s)
{
    s->was_live = false;
    s->n_waiting = 0;
    if (s->o.playback) {
        int err = playback_claim(s->o.playback);
        if (err < 0) {
            session_say(s, "The playback tracker is in use by another session.");
            s->snapshot = snapshot_unref(s->snapshot);
            struct rt_playback *other = s->o.playback;
            s->o.playback = NULL; /* not ours to release */
            finish(s, err);
            s->o.playback = other;
            session_unref(s);
            return;
        }
        playback_set_format(s->o.playback, audio_bytes_per_ms(s->format));
    }
    s->impatient = false;
    if (must_wait(s)) {
        wait(s);
    } else {
        begin(s);
    }
}

void session_stop(struct rt_session *s)
{
    if (leave_starting(s)) {
        fail(s, -ECANCELED, NULL);
        return;
    }
    struct host *h = session_host(s);
    if (s->leg) {
        embedded_stop(s->leg);
    } else if (h) {
        host_hangup(h, REASON_API_HANGUP);
    }
}

/* ---- approvals ---- */

void session_waits(struct rt_session *s, struct str tool_call_id)
{
    if (s->n_waiting < CALL_MAX_TOOLS && tool_call_id.n <= CALL_ID_MAX) {
        ignore_result(str_copy(s->waiting[s->n_waiting++], CALL_ID_MAX + 1, tool_call_id)); /* it fits */
    }
}

bool session_decided(struct rt_session *s, struct str tool_call_id)
{
    for (uint32_t i = 0; i < s->n_waiting; i++) {
        if (str_is(tool_call_id, s->waiting[i])) {
            memmove(s->waiting[i], s->waiting[i + 1], (s->n_waiting - i - 1) * sizeof(s->waiting[0]));
            s->n_waiting--;
            return true;
        }
    }
    return false;
}
