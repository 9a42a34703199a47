#include "api/api_calls.h"

#include "api/api_job.h"
#include "api/api_query.h"
#include "api/api_record.h"
#include "base/err.h"

struct call_job {
    struct api_job base;
    enum api_read what;
    bool absent; /* only tells "unknown" from "over" */
    struct store_filter filter;
    uint64_t uptime_s;     /* of the metrics */
    struct str public_url; /* likewise; in the arena */
    bool is_live;
    struct api_live live;
};

/* ---- job thread ---- */

/* By our id or the carrier's. */
static int get_call(struct call_job *job, struct store_call *ret)
{
    const struct api_new_opts *o = &job->base.api->o;
    struct str id = str_from(job->base.id);
    int err = o->ops->call_get(o->store, id, &job->base.arena, ret);
    if (err == -ENOENT && o->ops->call_find(o->store, id, &job->base.arena, &id) >= 0) {
        err = o->ops->call_get(o->store, id, &job->base.arena, ret);
    }
    if (err == -ENOENT) {
        job->base.status = 404;
        job->base.error = "Call not found";
    }
    return err;
}

static int answer_list(struct call_job *job)
{
    const struct api_new_opts *o = &job->base.api->o;
    struct store_page page = {0};
    int err = o->ops->call_list(o->store, &job->filter, &job->base.arena, &page);
    if (err < 0) {
        return err;
    }
    struct json_w w = json_w(&job->base.out);
    json_w_open(&w);
    json_w_ki64(&w, "total", (int64_t)page.total);
    json_w_key(&w, "calls");
    json_w_array(&w);
    for (uint32_t i = 0; i < page.n; i++) {
        if (job->what == API_LIST) {
            api_json_item(&w, &page.calls[i]);
        } else {
            api_json_record(&w, &(struct api_record){.call = &page.calls[i]}, false);
        }
    }
    json_w_end(&w);
    json_w_close(&w);
    return 0;
}

static int answer_status(struct call_job *job)
{
    struct store_call call;
    int err = get_call(job, &call);
    if (err < 0) {
        return err;
    }
    struct json_w w = json_w(&job->base.out);
    api_json_status(&w, &call, job->base.now_us);
    return 0;
}

static int answer_record(struct call_job *job)
{
    const struct api_new_opts *o = &job->base.api->o;
    struct api_record_room room;
    struct api_record r = {.live = job->is_live ? &job->live : NULL};
    int err = get_call(job, &room.call);
    err = err < 0 ? err : api_record_read(o->ops, o->store, &job->base.arena, &room, &r);
    if (err < 0) {
        return err;
    }
    struct json_w w = json_w(&job->base.out);
    api_json_record(&w, &r, true);
    return 0;
}

static int answer_trace(struct call_job *job)
{
    const struct api_new_opts *o = &job->base.api->o;
    struct store_call call;
    struct store_span *spans = NULL;
    uint32_t n = 0;
    int err = get_call(job, &call);
    if (err >= 0) {
        err = o->ops->span_list(o->store, call.id, &job->base.arena, &spans, &n);
    }
    if (err < 0) {
        return err;
    }
    struct json_w w = json_w(&job->base.out);
    api_json_trace(&w, call.id, spans, n);
    return 0;
}

static int answer_metrics(struct call_job *job)
{
    const struct api_new_opts *o = &job->base.api->o;
    struct store_counts counts;
    int err = o->ops->call_counts(o->store, &counts);
    if (err < 0) {
        return err;
    }
    struct metrics_status statuses[STORE_STATUS_N];
    for (uint32_t i = 0; i < STORE_STATUS_N; i++) {
        statuses[i] = (struct metrics_status){store_status_word((enum store_status)i), counts.status[i]};
    }
    struct metrics_json in = {
        .total_calls = counts.total,
        .statuses = statuses,
        .n_statuses = STORE_STATUS_N,
        .uptime_s = job->uptime_s,
        .public_url = job->public_url.p ? job->public_url.p : "",
    };
    metrics_print_json(o->metrics, &in, &job->base.out);
    return 0;
}

static int work(void *arg)
{
    struct call_job *job = arg;
    if (job->absent) { /* it is not live: does it exist at all? */
        struct store_call call;
        int err = get_call(job, &call);
        if (err >= 0) {
            job->base.status = 409;
            job->base.error = "The call is over";
        }
        return err;
    }
    switch (job->what) {
    case API_LIST:
    case API_RECORD_LIST:
        return answer_list(job);
    case API_STATUS:
        return answer_status(job);
    case API_RECORD:
        return answer_record(job);
    case API_TRACE:
        return answer_trace(job);
    case API_METRICS_JSON:
        return answer_metrics(job);
    }
    return -EINVAL;
}

/* ---- loop ---- */

static void start(void *arg)
{
    struct call_job *job = arg;
    api_job_run(&job->base, work, api_job_finish);
}

/* Runs it when what was written before is in the store. */
static void settle(struct call_job *job)
{
    struct api *api = job->base.api;
    int err = api->o.host->settle(start, job, api->o.arg);
    if (err < 0) {
        api_job_finish(err, job);
    }
}

/* A sentence for the 400, NULL when the query is fine. */
static const char *read_filter(struct call_job *job, struct str query)
{
    struct store_filter *f = &job->filter;
    if (api_query_get(query, "status", &job->base.arena, &f->status) < 0 ||
        api_query_get(query, "caller", &job->base.arena, &f->caller) < 0) {
        return "The query string is malformed";
    }
    enum store_status known;
    if (f->status.n > 0 && !str_is(f->status, "live") && store_status_parse(f->status, &known) < 0) {
        return "status must be initiated, ringing, in_progress, completed, failed or live";
    }
    return api_query_page(query, &f->limit, &f->offset);
}

static void fill_metrics(struct call_job *job)
{
    struct api *api = job->base.api;
    struct api_health health = {0};
    api->o.host->health(&health, api->o.arg);
    job->uptime_s = health.uptime_s;
    job->public_url = arena_str(&job->base.arena, api->opts->public_url);
}

void api_calls_read(struct api *api, struct http_exchange *x, enum api_read what, struct str id, struct str query)
{
    struct call_job *job = api_job_new(api, x, sizeof(*job), id);
    if (!job) {
        return;
    }
    job->what = what;
    if (what == API_LIST || what == API_RECORD_LIST) {
        job->base.error = read_filter(job, query);
    }
    if (job->base.error) {
        start(job); /* answers at once */
        return;
    }
    if (what == API_METRICS_JSON) {
        fill_metrics(job);
    } else if (what == API_RECORD) {
        job->is_live = api->o.host->live(id, &job->live, api->o.arg);
    }
    settle(job);
}

void api_calls_absent(struct api *api, struct http_exchange *x, struct str id)
{
    struct call_job *job = api_job_new(api, x, sizeof(*job), id);
    if (!job) {
        return;
    }
    job->absent = true;
    settle(job);
}

static void removed(int err, void *arg)
{
    struct call_job *job = arg;
    if (err == -EBUSY) {
        job->base.status = 409;
        job->base.error = "The call is live; hang it up first";
    } else if (err == -ENOENT) {
        job->base.status = 404;
        job->base.error = "Call not found";
    } else if (err >= 0) {
        struct json_w w = json_w(&job->base.out);
        json_w_open(&w);
        json_w_kz(&w, "call_id", job->base.id);
        json_w_kbool(&w, "deleted", true);
        json_w_close(&w);
    }
    api_job_finish(err, job);
}

void api_calls_remove(struct api *api, struct http_exchange *x, struct str id)
{
    struct call_job *job = api_job_new(api, x, sizeof(*job), id);
    if (!job) {
        return;
    }
    int err = api->o.host->remove(id, removed, job, api->o.arg);
    if (err < 0) {
        removed(err, job);
    }
}
