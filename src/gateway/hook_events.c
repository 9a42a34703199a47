#include "gateway/hook_events.h"

#include <stdlib.h>

#include "api/api_record.h"
#include "base/err.h"
#include "base/log.h"
#include "gateway/gateway_impl.h"
#include "gateway/hooks.h"
#include "gateway/host.h"
#include "gateway/outbound.h"

#define DATA_MAX  (4u << 20)
#define ARENA_MAX (32u << 20)

/* ---- steps ---- */

static void put_call(struct json_w *w, const struct host *h)
{
    const struct call_opts *o = host_opts(h);
    json_w_kz(w, "direction", host_outgoing(h) ? "outbound" : "inbound");
    json_w_kstr(w, "carrier", o->carrier);
    json_w_kstr(w, "agent", o->agent);
    json_w_kstr(w, "from", host_caller(h));
    json_w_kstr(w, "to", host_called(h));
    json_w_kstr(w, "carrier_call_id", host_carrier_id(h));
}

static void tell_step(struct gateway *gw, const char *type, const struct tap_event *e)
{
    const struct host *h = worker_find(gw->worker, str_from(e->call_id)); /* at its end it lives no more */
    struct buf data;
    if (!hooks_want(gw->hooks, type)) {
        return;
    }
    buf_init(&data, DATA_MAX);
    struct json_w w = json_w(&data);
    json_w_open(&w);
    if (h) {
        put_call(&w, h);
    }
    if (e->kind == TAP_END) {
        json_w_kz(&w, "reason", call_reason_name(e->action->end.reason));
        json_w_kstr(&w, "detail", e->action->end.detail);
        json_w_ki64(&w, "duration_ms", e->action->end.duration_ms);
    }
    json_w_close(&w);
    hooks_put(gw->hooks, type, str_from(e->call_id), buf_str(&data));
    buf_done(&data);
}

/* ---- the report ---- */

struct report {
    struct gateway *gw;
    char id[CALL_ID_MAX + 1];
    struct arena arena;
    struct buf data;
};

/* Job thread. */
static int read_report(void *arg)
{
    struct report *r = arg;
    const struct store_ops *ops = r->gw->ops;
    struct store *s = r->gw->store;
    struct api_record_room room;
    struct api_record record = {.live = NULL};
    int err = ops->call_get(s, str_from(r->id), &r->arena, &room.call);
    err = err < 0 ? err : api_record_read(ops, s, &r->arena, &room, &record);
    if (err < 0) {
        return err;
    }
    struct json_w w = json_w(&r->data);
    api_json_record(&w, &record, true);
    return r->data.err;
}

static void report_done(int err, void *arg)
{
    struct report *r = arg;
    if (err < 0) {
        log_error(NULL, "webhook.no-report", "call=%s error=%s", r->id, err_name(err));
    } else {
        hooks_put(r->gw->hooks, "call.report", str_from(r->id), buf_str(&r->data));
    }
    r->gw->reports--;
    arena_done(&r->arena);
    buf_done(&r->data);
    free(r);
}

static void read_when_written(void *arg)
{
    struct report *r = arg;
    int err = job_run(r->gw->loop, read_report, report_done, r);
    if (err < 0) {
        report_done(err, r);
    }
}

static void tell_report(struct gateway *gw, struct str id)
{
    struct report *r = hooks_want(gw->hooks, "call.report") ? calloc(1, sizeof(*r)) : NULL;
    if (!r) {
        return;
    }
    r->gw = gw;
    gw->reports++;
    arena_init(&r->arena, ARENA_MAX);
    buf_init(&r->data, DATA_MAX);
    int err = str_copy(r->id, sizeof(r->id), id);
    err = err < 0 ? err : scribe_after(gw->scribe, read_when_written, r);
    if (err < 0) {
        report_done(err, r);
    }
}

/* ---- what comes in ---- */

void hook_events_tap(struct gateway *gw, const struct tap_event *e)
{
    if (e->kind == TAP_BEGIN) {
        tell_step(gw, "call.started", e);
    } else if (e->kind == TAP_LEG_START) {
        tell_step(gw, "call.answered", e);
    } else if (e->kind == TAP_END) {
        tell_step(gw, "call.ended", e);
        /* Of a call that we made the carrier's last word belongs to it, and comes with the end of the attempt. */
        if (!outbound_follows(gw->outbound, str_from(e->call_id))) {
            tell_report(gw, str_from(e->call_id));
        }
    }
}

static const char *type_of(enum dialer_event_kind kind)
{
    return kind == DIALER_REQUESTED  ? "call.dialled"
           : kind == DIALER_RINGING  ? "call.ringing"
           : kind == DIALER_ANSWERER ? "call.answerer"
           : kind == DIALER_CONSENT  ? "call.consent"
           : kind == DIALER_ENDED    ? "call.outcome"
                                     : NULL; /* answered: the media's start tells */
}

static void tell_dial(struct gateway *gw, const char *type, const struct dialer_event *ev)
{
    struct buf data;
    buf_init(&data, DATA_MAX);
    struct json_w w = json_w(&data);
    json_w_open(&w);
    json_w_kstr(&w, "to", ev->to);
    json_w_kstr(&w, "from", ev->from);
    json_w_kstr(&w, "campaign_id", ev->campaign);
    json_w_kstr(&w, "carrier_call_id", ev->ref.call_id);
    json_w_kz(&w, "answered_by", carrier_answerer_word(ev->answerer));
    if (ev->reply != QUESTION_NONE) {
        json_w_kz(&w, "consent", question_reply_word(ev->reply));
    }
    if (ev->kind == DIALER_ENDED) {
        json_w_kz(&w, "outcome", dialer_outcome_word(ev->outcome));
        json_w_kbool(&w, "may_have_rung", ev->dialled);
        json_w_ki64(&w, "talk_s", ev->duration_s);
        json_w_kstr(&w, "cause", ev->cause);
        json_w_kstr(&w, "detail", ev->detail);
    }
    json_w_close(&w);
    hooks_put(gw->hooks, type, ev->id, buf_str(&data));
    buf_done(&data);
}

void hook_events_dial(struct gateway *gw, const struct dialer_event *ev)
{
    const char *type = type_of(ev->kind);
    if (type && hooks_want(gw->hooks, type)) {
        tell_dial(gw, type, ev);
    }
    /* Whichever is over last, the call or the attempt: then everything is known. */
    if (ev->kind == DIALER_ENDED && !outbound_lives(gw->outbound, ev->id)) {
        tell_report(gw, ev->id);
    }
}
