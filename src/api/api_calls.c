#include "api/api_calls.h"

#include <stdlib.h>

#include "api/api_json.h"
#include "api/api_query.h"
#include "base/err.h"
#include "base/log.h"

#define MAX_ANSWER_BYTES (16u << 20)
#define MAX_ARENA_BYTES  (32u << 20)
#define LIST_LIMIT       100
#define LIST_LIMIT_MAX   1000

/* One question to the store, from the loop to the job pool and back. */
struct api_job {
    struct api *api;
    struct http_exchange *exchange;
    enum api_read what;
    bool absent; /* only tells "unknown" from "over" */
    char id[CALL_ID_MAX + 1];
    struct store_filter filter;
    uint64_t now_us;
    uint64_t uptime_s;     /* of the metrics */
    struct str public_url; /* likewise; in the arena */
    bool is_live;
    struct api_live live;
    struct arena arena;
    struct buf out;
    int status;        /* HTTP */
    const char *error; /* instead of out */
};

static void job_free(struct api_job *job)
{
    job->api->pending--;
    arena_done(&job->arena);
    buf_done(&job->out);
    free(job);
}

static struct api_job *job_new(struct api *api, struct http_exchange *x, struct str id)
{
    struct api_job *job = calloc(1, sizeof(*job));
    if (!job || str_copy(job->id, sizeof(job->id), id) < 0) {
        free(job);
        return NULL;
    }
    job->api = api;
    job->exchange = x;
    job->status = 200;
    job->now_us = (uint64_t)clock_wall_us();
    arena_init(&job->arena, MAX_ARENA_BYTES);
    buf_init(&job->out, MAX_ANSWER_BYTES);
    api->pending++;
    return job;
}

/* ---- job thread ---- */

/* By our id or the carrier's. */
static int get_call(struct api_job *job, struct store_call *ret)
{
    const struct api_new_opts *o = &job->api->o;
    struct str id = str_from(job->id);
    int err = o->ops->call_get(o->store, id, &job->arena, ret);
    if (err == -ENOENT && o->ops->call_find(o->store, id, &job->arena, &id) >= 0) {
        err = o->ops->call_get(o->store, id, &job->arena, ret);
    }
    if (err == -ENOENT) {
        job->status = 404;
        job->error = "Call not found";
    }
    return err;
}

static int answer_list(struct api_job *job)
{
    const struct api_new_opts *o = &job->api->o;
    struct store_page page = {0};
    int err = o->ops->call_list(o->store, &job->filter, &job->arena, &page);
    if (err < 0) {
        return err;
    }
    struct json_w w = json_w(&job->out);
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

static int answer_status(struct api_job *job)
{
    struct store_call call;
    int err = get_call(job, &call);
    if (err < 0) {
        return err;
    }
    struct json_w w = json_w(&job->out);
    api_json_status(&w, &call, job->now_us);
    return 0;
}

static int answer_record(struct api_job *job)
{
    const struct api_new_opts *o = &job->api->o;
    struct store_call call;
    struct store_turn *turns = NULL;
    struct store_line *lines = NULL;
    struct api_record r = {.call = &call, .live = job->is_live ? &job->live : NULL};
    int err = get_call(job, &call);
    if (err >= 0) {
        err = o->ops->turn_list(o->store, call.id, &job->arena, &turns, &r.n_turns);
    }
    if (err >= 0) {
        err = o->ops->line_list(o->store, call.id, &job->arena, &lines, &r.n_lines);
    }
    if (err < 0) {
        return err;
    }
    r.turns = turns;
    r.lines = lines;
    struct json_w w = json_w(&job->out);
    api_json_record(&w, &r, true);
    return 0;
}

static int answer_trace(struct api_job *job)
{
    const struct api_new_opts *o = &job->api->o;
    struct store_call call;
    struct store_span *spans = NULL;
    uint32_t n = 0;
    int err = get_call(job, &call);
    if (err >= 0) {
        err = o->ops->span_list(o->store, call.id, &job->arena, &spans, &n);
    }
    if (err < 0) {
        return err;
    }
    struct json_w w = json_w(&job->out);
    api_json_trace(&w, call.id, spans, n);
    return 0;
}

static int answer_metrics(struct api_job *job)
{
    const struct api_new_opts *o = &job->api->o;
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
    metrics_print_json(o->metrics, &in, &job->out);
    return 0;
}

static int work(void *arg)
{
    struct api_job *job = arg;
    if (job->absent) { /* it is not live: does it exist at all? */
        struct store_call call;
        int err = get_call(job, &call);
        if (err >= 0) {
            job->status = 409;
            job->error = "The call is over";
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

static void finish(int err, void *arg)
{
    struct api_job *job = arg;
    if (err >= 0) {
        err = job->out.err;
    }
    if (job->error) {
        api_error(job->api, job->exchange, job->status, STR_NULL, job->error);
    } else if (err < 0) {
        log_warn(NULL, "api.store-failed", "error=%s", err_name(err));
        api_error(job->api, job->exchange, 503, STR("Retry-After: 5\r\n"), "The record store cannot be read now");
    } else {
        api_respond(job->api, job->exchange, 200, STR_NULL, buf_str(&job->out));
    }
    job_free(job);
}

static void start(void *arg)
{
    struct api_job *job = arg;
    int err = job_run(job->api->o.loop, work, finish, job);
    if (err < 0) {
        finish(err, job);
    }
}

static void settle(struct api_job *job)
{
    struct api *api = job->api;
    int err = api->o.host->settle(start, job, api->o.arg);
    if (err < 0) {
        finish(err, job);
    }
}

/* A sentence for the 400, NULL when the query is fine. */
static const char *read_filter(struct api_job *job, struct str query)
{
    struct store_filter *f = &job->filter;
    uint64_t limit = LIST_LIMIT;
    uint64_t offset = 0;
    if (api_query_get(query, "status", &job->arena, &f->status) < 0 ||
        api_query_get(query, "caller", &job->arena, &f->caller) < 0) {
        return "The query string is malformed";
    }
    enum store_status known;
    if (f->status.n > 0 && !str_is(f->status, "live") && store_status_parse(f->status, &known) < 0) {
        return "status must be initiated, ringing, in_progress, completed, failed or live";
    }
    if (api_query_u64(query, "limit", LIST_LIMIT_MAX, &limit) < 0 || limit == 0) {
        return "limit must be a number from 1 to 1000";
    }
    if (api_query_u64(query, "offset", UINT32_MAX, &offset) < 0) {
        return "offset must be a number";
    }
    f->limit = (uint32_t)limit;
    f->offset = (uint32_t)offset;
    return NULL;
}

static void fill_metrics(struct api_job *job)
{
    struct api *api = job->api;
    struct api_health health = {0};
    api->o.host->health(&health, api->o.arg);
    job->uptime_s = health.uptime_s;
    job->public_url = arena_str(&job->arena, api->opts->public_url);
}

void api_calls_read(struct api *api, struct http_exchange *x, enum api_read what, struct str id, struct str query)
{
    struct api_job *job = job_new(api, x, id);
    if (!job) {
        api_error(api, x, 503, STR_NULL, "Out of memory");
        return;
    }
    job->what = what;
    if (what == API_LIST || what == API_RECORD_LIST) {
        job->error = read_filter(job, query);
    }
    if (job->error) {
        job->status = 400;
        finish(0, job);
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
    struct api_job *job = job_new(api, x, id);
    if (!job) {
        api_error(api, x, 503, STR_NULL, "Out of memory");
        return;
    }
    job->absent = true;
    settle(job);
}

static void removed(int err, void *arg)
{
    struct api_job *job = arg;
    if (err == -EBUSY) {
        job->status = 409;
        job->error = "The call is live; hang it up first";
    } else if (err == -ENOENT) {
        job->status = 404;
        job->error = "Call not found";
    } else if (err >= 0) {
        struct json_w w = json_w(&job->out);
        json_w_open(&w);
        json_w_kz(&w, "call_id", job->id);
        json_w_kbool(&w, "deleted", true);
        json_w_close(&w);
    }
    finish(err, job);
}

void api_calls_remove(struct api *api, struct http_exchange *x, struct str id)
{
    struct api_job *job = job_new(api, x, id);
    if (!job) {
        api_error(api, x, 503, STR_NULL, "Out of memory");
        return;
    }
    int err = api->o.host->remove(id, removed, job, api->o.arg);
    if (err < 0) {
        removed(err, job);
    }
}
