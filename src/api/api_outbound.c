/*
 * The outgoing calls of the reference system: its routes, its shapes, its habit to answer 200 whatever happens. What is
 * behind them is the same as behind /v1/calls.
 */
#include <stdio.h>

#include "api/api_dial.h"
#include "api/api_job.h"
#include "api/api_json.h"
#include "api/api_query.h"
#include "base/e164.h"
#include "base/err.h"
#include "net/loop.h"

#define NOT_FOUND "Call not found"

struct outbound_job {
    struct api_job base;
    bool hangup;
    struct str campaign; /* of a list; in the arena */
};

static void put_or_null(struct json_w *w, const char *key, struct str s)
{
    if (s.n > 0) {
        json_w_kstr(w, key, s);
    } else {
        json_w_kz(w, key, NULL);
    }
}

static void answer_error(struct api_job *job, const char *text, struct str id)
{
    struct json_w w = json_w(&job->out);
    json_w_open(&w);
    json_w_kz(&w, "error", text);
    if (id.n > 0) {
        json_w_kstr(&w, "call_id", id);
    }
    json_w_close(&w);
}

/* ---- words ---- */

static const char *status_of(const struct store_call *c, const struct store_dial *d)
{
    if (c->ended_us == 0) {
        return c->status == STORE_INITIATED ? "initiating" : c->status == STORE_RINGING ? "ringing" : "connected";
    }
    if (str_is(d->outcome, "no_answer") || str_is(d->outcome, "canceled")) {
        return "no_answer";
    }
    bool failed = str_is(d->outcome, "failed") || str_is(d->outcome, "busy") || str_is(d->outcome, "unknown");
    return failed || (d->outcome.n == 0 && c->status == STORE_FAILED) ? "failed" : "completed";
}

static struct str outcome_of(const struct store_dial *d)
{
    if (str_is(d->outcome, "answered") || str_is(d->outcome, "voicemail") || str_is(d->outcome, "machine")) {
        return STR("success");
    }
    if (str_is(d->outcome, "canceled")) {
        return STR("no_answer");
    }
    return str_is(d->outcome, "unknown") ? STR("failed") : d->outcome;
}

static void put_duration(struct json_w *w, const struct store_call *c, const struct store_dial *d)
{
    if (c->ended_us == 0) {
        json_w_kz(w, "duration", NULL);
    } else {
        json_w_ki64(w, "duration", (int64_t)(d->talk_s ? d->talk_s : c->duration_ms / 1000));
    }
}

/* ---- POST /outbound/call ---- */

/* The client waits until the carrier has taken the call or refused it, and no longer than this. */
#define PLACED_MAX_US 8000000

struct place_job {
    struct api_job base;
    struct timer *timer;
    char to[E164_MAX];
};

static bool read_query(struct api_job *job, struct str query, struct dialer_request *r, struct str *ret_number)
{
    return api_query_get(query, "phone_number", &job->arena, ret_number) >= 0 &&
           api_query_get(query, "campaign_id", &job->arena, &r->campaign) >= 0 &&
           api_query_get(query, "opening_reason", &job->arena, &r->opening_reason) >= 0 &&
           api_query_get(query, "objective", &job->arena, &r->objective) >= 0 &&
           api_query_get(query, "context", &job->arena, &r->context) >= 0;
}

static void finish_place(struct place_job *job)
{
    job->timer = timer_free(job->timer);
    api_job_finish(0, job);
}

/* request_id: the carrier's; empty: not known, or it gives none. */
static void answer_placed(struct place_job *job, struct str request_id)
{
    struct json_w w = json_w(&job->base.out);
    json_w_open(&w);
    json_w_kz(&w, "call_id", job->base.id);
    json_w_kz(&w, "status", "ringing");
    json_w_kz(&w, "phone_number", job->to);
    put_or_null(&w, "plivo_request_uuid", request_id);
    json_w_close(&w);
    finish_place(job);
}

static void on_placed(const struct dialer_event *ev, void *arg)
{
    struct place_job *job = arg;
    struct api *api = job->base.api;
    if (ev->kind == DIALER_ENDED) {
        char text[320];
        struct str why = ev->detail.n ? ev->detail : ev->cause;
        int n = snprintf(text, sizeof(text), "The call was not placed: " STR_FMT, STR_ARG(why));
        answer_error(&job->base, n > 0 ? text : "The call was not placed", str_from(job->base.id));
        finish_place(job);
        return;
    }
    api->o.host->dial_forget(ev->id, api->o.arg); /* the rest is /outbound/status */
    answer_placed(job, ev->ref.request_id);
}

/* The carrier is slow: what became of the call is /outbound/status's to say. */
static void on_late(void *arg)
{
    struct place_job *job = arg;
    struct api *api = job->base.api;
    api->o.host->dial_forget(str_from(job->base.id), api->o.arg);
    answer_placed(job, STR(""));
}

static const struct dialer_handler placed = {.on_event = on_placed};

/* False: nothing was begun, why says the reason. */
static bool place(struct place_job *job, struct str query, struct buf *why)
{
    struct api *api = job->base.api;
    struct dialer_request r = {.amd = CARRIER_AMD_OFF, .machine = api->o.host->on_machine(api->o.arg)};
    struct str number = STR("");
    if (!read_query(&job->base, query, &r, &number)) {
        buf_puts(why, "The query string is malformed");
        return false;
    }
    if (number.n == 0) {
        buf_puts(why, "phone_number is required");
        return false;
    }
    if (api->o.host->number(number, job->to, why, api->o.arg) < 0) {
        buf_puts(why, why->len ? "" : "phone_number is no telephone number");
        return false;
    }
    r.to = str_from(job->to);
    int err = timer_new(api->o.loop, on_late, job, &job->timer);
    if (err >= 0) {
        err = api->o.host->dial(&r, &placed, job, job->base.id, why, api->o.arg);
    }
    if (err < 0) {
        buf_puts(why, why->len ? "" : err_text(err));
        return false;
    }
    timer_start(job->timer, PLACED_MAX_US, 0);
    return true;
}

void api_outbound_call(struct api *api, struct http_exchange *x, const struct http_request *req)
{
    struct place_job *job = api_job_new(api, x, sizeof(*job), STR(""));
    struct buf why;
    if (!job) {
        return;
    }
    buf_init(&why, 1024);
    if (!place(job, req->query, &why)) {
        const char *text = buf_cstr(&why);
        answer_error(&job->base, text ? text : "Out of memory", STR(""));
        finish_place(job);
    }
    buf_done(&why);
}

/* ---- status and hang-up ---- */

static void put_status(struct json_w *w, const struct store_call *c, const struct store_dial *d)
{
    struct str outcome = outcome_of(d);
    json_w_open(w);
    json_w_kstr(w, "call_id", c->id);
    json_w_kstr(w, "phone_number", c->called);
    json_w_kz(w, "status", status_of(c, d));
    put_or_null(w, "campaign_id", d->campaign);
    put_or_null(w, "opening_reason", d->opening_reason);
    put_or_null(w, "objective", d->objective);
    put_or_null(w, "outcome", outcome);
    put_duration(w, c, d);
    put_or_null(w, "hangup_cause", d->cause);
    api_json_time(w, "created_at", c->started_us);
    api_json_time(w, "connected_at", c->answered_us ? c->answered_us : d->answered_us);
    api_json_time(w, "ended_at", c->ended_us);
    put_or_null(w, "plivo_call_uuid", c->carrier_call_id);
    put_or_null(w, "plivo_request_uuid", d->request_id);
    json_w_close(w);
}

/* Job thread. */
static int read_one(void *arg)
{
    struct outbound_job *job = arg;
    const struct api_new_opts *o = &job->base.api->o;
    struct str id = str_from(job->base.id);
    struct store_call call = {0};
    struct store_dial d = {0};
    int err = o->ops->call_get(o->store, id, &job->base.arena, &call);
    if (err >= 0) {
        err = o->ops->dial_get(o->store, id, &job->base.arena, &d);
    }
    if (err < 0) {
        if (err == -ENOENT) {
            answer_error(&job->base, NOT_FOUND, STR(""));
        }
        return err == -ENOENT ? 0 : err;
    }
    if (!job->hangup) {
        struct json_w w = json_w(&job->base.out);
        put_status(&w, &call, &d);
        return 0;
    }
    char text[128];
    ignore_result(snprintf(text, sizeof(text), "Call is not active (status: %s)", status_of(&call, &d)) < 0); /* fits */
    answer_error(&job->base, text, STR(""));
    return 0;
}

static void start(void *arg)
{
    struct outbound_job *job = arg;
    api_job_run(&job->base, read_one, api_job_finish);
}

static void read_settled(struct api *api, struct http_exchange *x, struct str id, bool hangup)
{
    struct outbound_job *job = api_job_new(api, x, sizeof(*job), id);
    if (!job) {
        return;
    }
    job->hangup = hangup;
    int err = api->o.host->settle(start, job, api->o.arg);
    if (err < 0) {
        api_job_finish(err, job);
    }
}

void api_outbound_status(struct api *api, struct http_exchange *x, struct str id)
{
    read_settled(api, x, id, false);
}

void api_outbound_hangup(struct api *api, struct http_exchange *x, struct str id)
{
    if (api->o.host->hangup(id, api->o.arg) < 0) {
        read_settled(api, x, id, true); /* why not */
        return;
    }
    struct outbound_job *job = api_job_new(api, x, sizeof(*job), id);
    if (job) {
        struct json_w w = json_w(&job->base.out);
        json_w_open(&w);
        json_w_kstr(&w, "call_id", id);
        json_w_kz(&w, "status", "completed");
        json_w_close(&w);
        api_job_finish(0, job);
    }
}

/* ---- a campaign's calls ---- */

/* Job thread. */
static int read_campaign(void *arg)
{
    struct outbound_job *job = arg;
    const struct api_new_opts *o = &job->base.api->o;
    const struct store_dial_filter f = {.campaign = job->campaign, .limit = 1000};
    struct store_dials page = {0};
    int err = o->ops->dial_list(o->store, &f, &job->base.arena, &page);
    if (err < 0) {
        return err;
    }
    struct json_w w = json_w(&job->base.out);
    json_w_open(&w);
    json_w_kstr(&w, "campaign_id", job->campaign);
    json_w_ki64(&w, "total", (int64_t)page.total);
    json_w_key(&w, "calls");
    json_w_array(&w);
    for (uint32_t i = 0; i < page.n; i++) {
        json_w_open(&w);
        json_w_kstr(&w, "call_id", page.calls[i].id);
        json_w_kstr(&w, "phone_number", page.calls[i].called);
        json_w_kz(&w, "status", status_of(&page.calls[i], &page.list[i]));
        put_or_null(&w, "outcome", outcome_of(&page.list[i]));
        put_duration(&w, &page.calls[i], &page.list[i]);
        json_w_close(&w);
    }
    json_w_end(&w);
    json_w_close(&w);
    return 0;
}

static void start_campaign(void *arg)
{
    struct outbound_job *job = arg;
    api_job_run(&job->base, read_campaign, api_job_finish);
}

void api_outbound_campaign(struct api *api, struct http_exchange *x, struct str campaign)
{
    struct outbound_job *job = api_job_new(api, x, sizeof(*job), STR(""));
    if (!job) {
        return;
    }
    job->campaign = arena_str(&job->base.arena, campaign);
    int err = job->campaign.p ? api->o.host->settle(start_campaign, job, api->o.arg) : -ENOMEM;
    if (err < 0) {
        api_job_finish(err, job);
    }
}
