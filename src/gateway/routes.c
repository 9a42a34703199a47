/* What comes in from outside and where it goes: requests to carrier or API, webhooks and media sockets to calls. */
#include "base/err.h"
#include "base/log.h"
#include "config/zones.h"
#include "gateway/gateway_impl.h"
#include "gateway/hooks.h"
#include "gateway/host.h"
#include "gateway/outbound.h"
#include "gateway/sounds.h"
#include "gateway/watch.h"
#include "numbers/number.h"

#define BIRTH_PAIRS 64 /* of what a carrier says; the rest is left out */

/* ---- HTTP ---- */

/* A recording, for the carrier that plays it. */
static bool serve_sound(const struct gateway *gw, struct http_exchange *x, const struct http_request *req)
{
    const struct sound *s = str_is(req->method, "GET") ? sounds_at(gw->snapshot->sounds, req->path) : NULL;
    if (s) {
        http_respond(x, 200, STR(SOUNDS_TYPE), STR("Cache-Control: private, max-age=86400\r\n"), s->wav);
    }
    return s != NULL;
}

static void on_request(struct http_exchange *x, const struct http_request *req, void *arg)
{
    struct gateway *gw = arg;
    if (!carriers_handle(gw, x, req) && !serve_sound(gw, x, req)) {
        api_handle(gw->api, x, req);
    }
}

const struct http_server_handler gateway_http_handler = {.on_request = on_request};

/* ---- the carrier asks ---- */

static void answer_refusal(struct gateway *gw, enum admission_cause cause, struct carrier_answer *ret)
{
    metrics_add_word(gw->metrics, METRIC_CALLS_REFUSED, str_from(admission_cause_word(cause)), 1);
    ret->kind = CARRIER_ANSWER_BUSY;
}

/* A carrier asks again when our answer got lost: the call that waits for its socket is meant, not a second one. */
static struct host *waiting_call(struct gateway *gw, struct str carrier_call_id)
{
    struct host *h = worker_by_carrier_id(gw->worker, carrier_call_id);
    return h && host_live(h) && !host_has_leg(h) ? h : NULL;
}

static enum store_direction direction_of(struct str word)
{
    return str_starts(word, STR("outbound")) ? STORE_OUTBOUND : STORE_INBOUND;
}

/* What a carrier says besides, for routes and texts. */
struct birth_pairs {
    struct when_pair headers[BIRTH_PAIRS], parameters[BIRTH_PAIRS];
};

static void put_headers(struct host_birth *b, struct birth_pairs *room, const struct str_pair *headers, uint32_t n)
{
    for (uint32_t i = 0; i < n && b->n_headers < BIRTH_PAIRS; i++) {
        room->headers[b->n_headers++] = (struct when_pair){headers[i].name, headers[i].value};
    }
    b->headers = room->headers;
}

static void put_parameters(struct host_birth *b, struct birth_pairs *room, const struct str_pair *params, uint32_t n)
{
    for (uint32_t i = 0; i < n && b->n_parameters < BIRTH_PAIRS; i++) {
        if (!str_is(params[i].name, CARRIER_TOKEN_PARAM)) {
            room->parameters[b->n_parameters++] = (struct when_pair){params[i].name, params[i].value};
        }
    }
    b->parameters = room->parameters;
}

/* The one-time token ties the socket that will come to the call. */
static void connect_with(struct gateway *gw, struct host *h, struct str carrier_call_id, struct carrier_answer *ret)
{
    uint64_t until_us = loop_now_us(gw->loop) + (uint64_t)gw->snapshot->call.deadlines.leg_start_ms * 1000;
    int err = admission_token_new(gw->admission, carrier_call_id, host_id(h), until_us, ret->token);
    if (err < 0) {
        log_error(NULL, "call.token-failed", "error=%s", err_name(err));
        answer_refusal(gw, ADMISSION_OTHER, ret);
        host_hangup(h, REASON_INTERNAL);
        return;
    }
    ret->kind = CARRIER_ANSWER_CONNECT;
    host_start(h);
}

/* A call for the agent, or a refusal. opening: see host_birth. */
static void connect_caller(struct gateway *gw, const struct carrier *c, const struct carrier_incoming *in,
                           struct str opening, struct carrier_answer *ret)
{
    enum admission_cause cause = ADMISSION_OTHER;
    struct host *h = waiting_call(gw, in->call_id);
    struct trace_parent trace;
    bool traced = in->traceparent.n > 0 && traceparent_parse(in->traceparent, in->tracestate, &trace) >= 0;
    if (!h) {
        struct birth_pairs pairs;
        struct host_birth birth = {
            .carrier_call_id = in->call_id,
            .caller = in->from,
            .called = in->to,
            .alias = in->query_call_id,
            .direction = direction_of(in->direction),
            .carrier = str_from(carrier_kind(c)),
            .caller_name = in->caller_name,
            .trace = traced ? &trace : NULL,
            .opening = opening,
        };
        put_headers(&birth, &pairs, in->headers, in->n_headers);
        put_parameters(&birth, &pairs, in->params, in->n_params);
        int err = host_new(gw->worker, &birth, &cause, &h);
        if (err < 0) {
            log_warn(NULL, "call.refused", "cause=%s carrier_call_id=" STR_FMT " calls=%u", admission_cause_word(cause),
                     STR_ARG(in->call_id), admission_calls(gw->admission));
            answer_refusal(gw, cause, ret);
            return;
        }
    }
    connect_with(gw, h, in->call_id, ret);
}

/* Whom we called has answered. A call that is under way is connected with what was prepared for it; one that nobody
 * knows was started before a restart: an agent is better than silence. */
static void on_answered(struct gateway *gw, struct carrier *c, const struct carrier_incoming *in,
                        struct carrier_answer *ret)
{
    const struct dialer_caller who = {in->attempt, in->call_id, in->asks, in->round, in->key};
    struct outbound_answer a;
    outbound_on_answer(gw->outbound, &who, &a);
    struct host *h = a.kind == DIALER_ANSWER_TALK ? worker_by_call_id(gw->worker, in->attempt) : NULL;
    ret->kind = a.kind == DIALER_ANSWER_ASK       ? CARRIER_ANSWER_ASK
                : a.kind == DIALER_ANSWER_GOODBYE ? CARRIER_ANSWER_SAY
                                                  : CARRIER_ANSWER_HANGUP;
    ret->text = a.text;
    ret->sound = a.sound;
    ret->ask_s = a.wait_s;
    ret->ask_round = a.round;
    if (h && host_live(h) && !host_has_leg(h)) {
        connect_with(gw, h, in->call_id, ret);
    } else if (a.kind == DIALER_ANSWER_UNKNOWN) {
        log_warn(NULL, "dial.unknown-attempt", "attempt=" STR_FMT " carrier_call_id=" STR_FMT, STR_ARG(in->attempt),
                 STR_ARG(in->call_id));
        connect_caller(gw, c, in, STR_NULL, ret);
    }
}

static void on_incoming(struct carrier *c, const struct carrier_incoming *in, struct carrier_answer *ret, void *arg)
{
    struct gateway *gw = arg;
    if (in->attempt.n > 0) {
        on_answered(gw, c, in, ret);
    } else if (gw->snapshot->cfg->mode == CONFIG_MODE_OUTBOUND) {
        log_warn(NULL, "call.refused", "cause=mode carrier_call_id=" STR_FMT, STR_ARG(in->call_id));
        answer_refusal(gw, ADMISSION_OTHER, ret);
    } else {
        connect_caller(gw, c, in, STR_NULL, ret);
    }
}

/* A key, or none in time. */
static void on_asked(struct carrier *c, const struct carrier_incoming *in, struct carrier_answer *ret, void *arg)
{
    ret->kind = CARRIER_ANSWER_HANGUP;
    if (in->attempt.n > 0 && in->asks) {
        on_answered(arg, c, in, ret);
    }
}

static void on_progress(struct carrier *c, const struct carrier_progress *progress, void *arg)
{
    struct gateway *gw = arg;
    outbound_on_progress(gw->outbound, c, progress);
}

#define NOBODY_ANSWERED                                                                                                \
    "You were just talking with this caller and tried to connect them with somebody else, but nobody answered there. " \
    "Say so in one short sentence, and ask what you can do for them instead, such as a callback. Do not greet again."

/* A transfer is over. Whoever was not reached there is not left alone. */
static void on_dialled(struct carrier *c, const struct carrier_incoming *in, struct carrier_answer *ret, void *arg)
{
    struct gateway *gw = arg;
    const struct config_transfer *t = &gw->snapshot->cfg->transfer;
    log_info(NULL, "transfer.over", "carrier_call_id=" STR_FMT " dial_status=" STR_FMT, STR_ARG(in->call_id),
             STR_ARG(in->dial_status));
    metrics_add_word(gw->metrics, METRIC_TRANSFERS, in->dial_answered ? STR("answered") : STR("unanswered"), 1);
    if (in->dial_answered || in->caller_gone) {
        ret->kind = CARRIER_ANSWER_HANGUP;
    } else if (t->return_to_agent) {
        connect_caller(gw, c, in, STR(NOBODY_ANSWERED), ret);
    } else {
        ret->kind = CARRIER_ANSWER_SAY;
        ret->text = t->sorry;
    }
}

/* A socket that nobody announced: only where the configuration allows it, or with a signature of the carrier. */
static int start_unannounced(struct gateway *gw, const struct carrier *c, const struct carrier_stream *s,
                             struct host **ret)
{
    enum admission_cause cause = ADMISSION_OTHER;
    struct birth_pairs pairs;
    struct host_birth birth = {.carrier_call_id = s->call_id,
                               .alias = s->query_call_id,
                               .direction = STORE_INBOUND,
                               .carrier = str_from(carrier_kind(c))};
    put_parameters(&birth, &pairs, s->params, s->n_params);
    int err = host_new(gw->worker, &birth, &cause, ret);
    if (err == -ERR_LIMIT) {
        metrics_add_word(gw->metrics, METRIC_CALLS_REFUSED, str_from(admission_cause_word(cause)), 1);
    }
    return err;
}

static int find_call(struct gateway *gw, const struct carrier *c, const struct carrier_stream *s, struct host **ret)
{
    if (s->token.n > 0) {
        struct host_id id;
        int err = admission_token_use(gw->admission, s->token, s->call_id, loop_now_us(gw->loop), &id);
        if (err < 0) {
            metrics_add_word(gw->metrics, METRIC_AUTH_FAILURES, STR("token"), 1);
            log_warn(NULL, "media.bad-token", "peer=" STR_FMT " carrier_call_id=" STR_FMT, STR_ARG(s->peer),
                     STR_ARG(s->call_id));
            return err;
        }
        *ret = worker_by_id(gw->worker, id);
        return *ret ? 0 : -ENOENT;
    }
    *ret = s->query_call_id.n > 0 ? worker_by_call_id(gw->worker, s->query_call_id) : waiting_call(gw, s->call_id);
    if (*ret) {
        return 0;
    }
    return s->query_call_id.n > 0 ? -ENOENT : start_unannounced(gw, c, s, ret);
}

static int on_media_start(struct carrier *c, const struct carrier_stream *s, struct leg *leg,
                          const struct leg_handler **h, void **harg, void *arg)
{
    struct gateway *gw = arg;
    struct host *host = NULL;
    int err = find_call(gw, c, s, &host);
    return err < 0 ? err : host_bind_leg(host, leg, h, harg);
}

static int on_media_query(struct carrier *c UNUSED, struct str call_id, void *arg)
{
    struct gateway *gw = arg;
    return worker_by_call_id(gw->worker, call_id) ? 0 : -ENOENT;
}

static void on_after(struct carrier *c UNUSED, const struct carrier_incoming *in, struct carrier_answer *ret, void *arg)
{
    struct gateway *gw = arg;
    struct host *h = worker_by_carrier_id(gw->worker, in->call_id);
    ret->kind = CARRIER_ANSWER_HANGUP;
    if (h ? host_take_apology(h, &ret->text) : worker_take_apology(gw->worker, in->call_id, &ret->text)) {
        ret->kind = CARRIER_ANSWER_APOLOGY;
    }
}

/* The carrier's word on calls that have no socket yet: a caller who gave up while it rang. */
static void on_status(struct carrier *c UNUSED, const struct carrier_status *status, void *arg)
{
    struct gateway *gw = arg;
    struct host *h = waiting_call(gw, status->call_id);
    log_debug(NULL, "carrier.status", "carrier_call_id=" STR_FMT " status=" STR_FMT " error=" STR_FMT,
              STR_ARG(status->call_id), STR_ARG(status->status), STR_ARG(status->error));
    if (status->kind == CARRIER_STATUS_CALL && status->final && !status->stale && h && !host_outgoing(h)) {
        host_hangup(h, REASON_CALLER_HANGUP);
    }
}

static bool trusts_proxy(struct str peer, void *arg)
{
    struct gateway *gw = arg;
    return config_trusts_proxy(gw->snapshot->cfg, peer);
}

const struct carrier_host gateway_carrier_host = {
    .on_incoming = on_incoming,
    .on_media_start = on_media_start,
    .on_media_query = on_media_query,
    .on_after = on_after,
    .on_dialled = on_dialled,
    .on_asked = on_asked,
    .on_status = on_status,
    .on_progress = on_progress,
    .trusts_proxy = trusts_proxy,
};

/* ---- the API asks ---- */

static void api_health(struct api_health *ret, void *arg)
{
    struct gateway *gw = arg;
    enum admission_cause cause = ADMISSION_OTHER;
    ret->calls = admission_calls(gw->admission);
    ret->max_calls = gw->snapshot->cfg->limits.max_calls;
    ret->uptime_s = (loop_now_us(gw->loop) - gw->started_us) / 1000000;
    mcp_count(gw->mcp, &ret->mcp_servers, &ret->mcp_up);
    ret->ready = admission_open(gw->admission, &cause);
    ret->reason = ret->ready ? "" : admission_cause_word(cause);
    if (ret->ready && gw->snapshot->own_sandbox && (!gw->sandbox || sandbox_child_url(gw->sandbox).n == 0)) {
        ret->ready = false;
        ret->reason = "sandbox-not-running";
    } else if (ret->ready && !gateway_logins_settled(gw)) {
        ret->ready = false;
        ret->reason = "logging-in";
    }
}

static bool api_live_call(struct str id, struct api_live *ret, void *arg)
{
    struct gateway *gw = arg;
    const struct host *h = worker_by_call_id(gw->worker, id);
    if (!h) {
        return false;
    }
    struct call_view view;
    host_view(h, &view);
    *ret = (struct api_live){
        .phase = call_phase_name(view.phase),
        .caller = caller_state_name(view.caller),
        .response = response_state_name(view.response),
        .playout = playout_state_name(view.playout),
        .queued_ms = view.queued_ms,
        .outstanding_ms = view.outstanding_ms,
        .pending_tools = view.pending_tools,
        .barge_ins = view.barge_ins,
        .turns = view.turns,
        .agent = call_opts_name(host_opts(h), view.agent),
    };
    return true;
}

static int api_hangup(struct str id, void *arg)
{
    struct gateway *gw = arg;
    struct host *h = worker_by_call_id(gw->worker, id);
    if (!h) {
        return -ENOENT;
    }
    host_hangup(h, REASON_API_HANGUP);
    return 0;
}

static int api_record(struct str id, const char **ret_why, void *arg)
{
    struct gateway *gw = arg;
    const struct host *h = worker_by_call_id(gw->worker, id);
    return h ? carriers_record(gw, h, ret_why) : -ENOENT;
}

/* Why a caller's words cannot be taken now; NULL: they can. */
static const char *not_talking(const struct call_view *view)
{
    if (view->phase == PHASE_SETUP) {
        return "The call is not connected yet";
    }
    return view->phase == PHASE_FAREWELL || view->phase == PHASE_ENDED ? "The call is ending" : NULL;
}

static const char *wrong_cue(const struct call_view *view, enum turn_cue cue)
{
    bool talks = view->caller == CALLER_SPEAKING;
    if (cue == TURN_CUE_START) {
        return talks ? "A turn is open already" : NULL;
    }
    return talks ? NULL : "No turn is open";
}

static int api_turn(struct str id, enum turn_cue cue, const char **ret_why, void *arg)
{
    struct gateway *gw = arg;
    struct host *h = worker_by_call_id(gw->worker, id);
    struct call_view view;
    if (!h) {
        return -ENOENT;
    }
    host_view(h, &view);
    *ret_why = !host_manual(h) ? "The agent of this call finds turns by itself (turn_detection.type is not manual)"
                               : not_talking(&view);
    *ret_why = *ret_why ? *ret_why : wrong_cue(&view, cue);
    if (*ret_why) {
        return -ERR_STATE;
    }
    host_turn(h, cue);
    return 0;
}

static int api_text(struct str id, struct str text, const char **ret_why, void *arg)
{
    struct gateway *gw = arg;
    struct host *h = worker_by_call_id(gw->worker, id);
    struct call_view view;
    if (!h) {
        return -ENOENT;
    }
    host_view(h, &view);
    *ret_why = not_talking(&view);
    if (*ret_why) {
        return -ERR_STATE;
    }
    *ret_why = host_text_refused(h, text);
    if (*ret_why) {
        return -ERR_RANGE;
    }
    host_text(h, text);
    return 0;
}

/* Why a wish cannot be fulfilled now; NULL: it can. */
static const char *wrong_wish(const struct call_view *view, const struct call_event *ev)
{
    bool generates = view->response == RESPONSE_GENERATING;
    bool plays = view->playout != PLAYOUT_EMPTY;
    if (ev->type == EV_CONTROL_RENEW) {
        return view->renewing ? "Another session is being opened already" : view->renews ? NULL : "Renewal is off";
    }
    if (ev->type != EV_CONTROL_INTERRUPT) {
        return NULL;
    }
    switch (ev->control_interrupt.kind) {
    case INTERRUPT_RESPONSE:
        return generates ? NULL : "No response is under way";
    case INTERRUPT_PLAYBACK:
        return plays ? NULL : "Nothing is being played";
    case INTERRUPT_NORMAL:
    case INTERRUPT_FORCED:
    case INTERRUPT_KIND_N:
        break;
    }
    return generates || plays ? NULL : "Nothing is being said";
}

static int api_wish(struct str id, const struct call_event *ev, const char **ret_why, void *arg)
{
    struct gateway *gw = arg;
    struct host *h = worker_by_call_id(gw->worker, id);
    struct call_view view;
    if (!h) {
        return -ENOENT;
    }
    host_view(h, &view);
    *ret_why = ev->type == EV_CONTROL_AGENT ? NULL : not_talking(&view);
    *ret_why = *ret_why ? *ret_why : wrong_wish(&view, ev);
    if (*ret_why) {
        return -ERR_STATE;
    }
    *ret_why = host_control_refused(h, ev);
    if (*ret_why) {
        return -ERR_RANGE;
    }
    host_control(h, ev);
    return 0;
}

static int api_find_agent(struct str id, struct str name, uint32_t *ret_index, void *arg)
{
    struct gateway *gw = arg;
    struct host *h = worker_by_call_id(gw->worker, id);
    if (!h) {
        return -ENOENT;
    }
    *ret_index = call_opts_find_agent(host_opts(h), name);
    return *ret_index == UINT32_MAX ? -EINVAL : 0;
}

static int api_watch(struct str id, struct http_exchange *x, struct str query, const char **ret_why, void *arg)
{
    struct gateway *gw = arg;
    struct host *h = worker_by_call_id(gw->worker, id);
    struct watch_opts opts;
    if (watch_opts_read(query, &opts) < 0) {
        *ret_why = "Known are raw=1, audio=1 and names=alias";
        return -EINVAL;
    }
    return h ? watch_begin(h, x, &opts) : -ENOENT;
}

static int api_put_history(struct str id, struct buf *out, void *arg)
{
    struct gateway *gw = arg;
    struct host *h = worker_by_call_id(gw->worker, id);
    if (!h) {
        return -ENOENT;
    }
    host_put_history(h, out);
    return 0;
}

static int api_remove(struct str id, api_removed_fn done, void *done_arg, void *arg)
{
    struct gateway *gw = arg;
    return worker_holds(gw->worker, id) ? -EBUSY : records_remove(gw->records, id, done, done_arg);
}

static int api_settle(loop_fn fn, void *fn_arg, void *arg)
{
    struct gateway *gw = arg;
    return scribe_after(gw->scribe, fn, fn_arg);
}

static int api_number(struct str text, char ret[E164_MAX], struct buf *why, void *arg)
{
    struct gateway *gw = arg;
    return phone_number_read(text, gw->snapshot->cfg->default_country, ret, why);
}

static enum dialer_machine api_on_machine(void *arg)
{
    struct gateway *gw = arg;
    return outbound_on_machine(gw->outbound);
}

static int api_dial_call(const struct dialer_request *req, const struct dialer_handler *handler, void *handler_arg,
                         char ret_id[CARRIER_ATTEMPT_MAX + 1], struct buf *why, void *arg)
{
    struct gateway *gw = arg;
    return outbound_dial(gw->outbound, req, handler, handler_arg, ret_id, why);
}

static void api_dial_forget(struct str id, void *arg)
{
    struct gateway *gw = arg;
    dialer_forget(outbound_dialer(gw->outbound), id);
}

/* Above it the machine is not ours enough for calls. */
#define STOLEN_WARN_PERMILLE 50

/* From the second look on: the first one has nothing to compare with. Two that come at once are one. */
static void look_at_machine(struct gateway *gw)
{
    struct machine_time now;
    if (machine_read(&now) < 0 || (gw->machine.all > 0 && !machine_tells(&gw->machine, &now))) {
        return;
    }
    uint32_t permille = gw->machine.all > 0 ? machine_stolen_permille(&gw->machine, &now) : 0;
    gw->machine = now;
    metrics_set(gw->metrics, METRIC_CPU_STOLEN, permille);
    if (permille >= STOLEN_WARN_PERMILLE) {
        log_warn(NULL, "machine.stolen",
                 "permille=%u text=\"the host gives processor time of this machine to others: calls will stutter\"",
                 permille);
    }
}

/* Figures that others count: the metrics get what was added since the last look. */
static void api_gauges(void *arg)
{
    struct gateway *gw = arg;
    struct loop_stats loop;
    loop_stats(gw->loop, &loop);
    carriers_gauges(gw);
    uint32_t servers = 0, up = 0;
    mcp_count(gw->mcp, &servers, &up);
    metrics_set(gw->metrics, METRIC_MCP_SERVERS, servers);
    metrics_set(gw->metrics, METRIC_MCP_UP, up);
    metrics_set(gw->metrics, METRIC_AUDIO_QUEUE, (int64_t)worker_queued_bytes(gw->worker));
    metrics_set(gw->metrics, METRIC_WEBHOOKS_WAITING, hooks_waiting(gw->hooks));
    metrics_set(gw->metrics, METRIC_DRAINING, gw->state != GATEWAY_SERVING);
    metrics_add(gw->metrics, METRIC_LOOP_STALLS, loop.slow_passes - gw->last_stats.slow_passes);
    gw->last_stats = loop;
    look_at_machine(gw);
    if (gw->logger) {
        metrics_set(gw->metrics, METRIC_LOG_SUPPRESSED, (int64_t)logger_suppressed(gw->logger));
    }
}

static int api_contact_number(struct str text, struct str country, char ret[E164_MAX])
{
    return phone_number_read(text, country, ret, NULL);
}

static bool api_zone_known(struct str name)
{
    struct zone *zone = NULL;
    struct arena a;
    arena_init(&a, 1u << 20);
    int err = zone_load(name, &a, &zone);
    arena_done(&a);
    return err >= 0;
}

const struct api_host gateway_api_host = {
    .zone_known = api_zone_known,
    .contact_number = api_contact_number,
    .campaigns_changed = gateway_campaigns_changed,
    .health = api_health,
    .live = api_live_call,
    .hangup = api_hangup,
    .record = api_record,
    .turn = api_turn,
    .text = api_text,
    .control = api_wish,
    .agent = api_find_agent,
    .events = api_watch,
    .history = api_put_history,
    .approvals = gateway_api_approvals,
    .decide = gateway_api_decide,
    .remove = api_remove,
    .settle = api_settle,
    .number = api_number,
    .on_machine = api_on_machine,
    .dial = api_dial_call,
    .dial_forget = api_dial_forget,
    .gauges = api_gauges,
};
