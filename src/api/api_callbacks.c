#include "api/api_callbacks.h"

#include <stdlib.h>

#include "api/api_json.h"
#include "api/api_query.h"
#include "base/err.h"
#include "base/log.h"

#define MAX_ANSWER_BYTES (4u << 20)
#define MAX_ARENA_BYTES  (8u << 20)
#define LIST_LIMIT       100
#define LIST_LIMIT_MAX   1000

enum verb { VERB_LIST, VERB_GET, VERB_CLOSE };

/* One question or order to the store, from the loop to the job pool and back. */
struct callback_job {
    struct api *api;
    struct http_exchange *exchange;
    enum verb verb;
    char id[CALL_ID_MAX + 1];
    struct str note;
    struct store_callback_filter filter;
    uint64_t now_us;
    struct arena arena;
    struct buf out;
    int status;        /* HTTP */
    const char *error; /* instead of out */
};

static void job_free(struct callback_job *job)
{
    job->api->pending--;
    arena_done(&job->arena);
    buf_done(&job->out);
    free(job);
}

static struct callback_job *job_new(struct api *api, struct http_exchange *x, enum verb verb, struct str id)
{
    struct callback_job *job = calloc(1, sizeof(*job));
    if (!job || str_copy(job->id, sizeof(job->id), id) < 0) {
        free(job);
        return NULL;
    }
    job->api = api;
    job->exchange = x;
    job->verb = verb;
    job->status = 200;
    job->now_us = (uint64_t)clock_wall_us();
    arena_init(&job->arena, MAX_ARENA_BYTES);
    buf_init(&job->out, MAX_ANSWER_BYTES);
    api->pending++;
    return job;
}

/* ---- job thread ---- */

static int list(struct callback_job *job)
{
    const struct api_new_opts *o = &job->api->o;
    struct store_callbacks page;
    int err = o->ops->callback_list(o->store, &job->filter, &job->arena, &page);
    if (err < 0) {
        return err;
    }
    struct json_w w = json_w(&job->out);
    api_json_callbacks(&w, &page);
    return 0;
}

static int get(struct callback_job *job)
{
    const struct api_new_opts *o = &job->api->o;
    struct store_callback c;
    int err = o->ops->callback_get(o->store, str_from(job->id), &job->arena, &c);
    if (err == -ENOENT) {
        job->status = 404;
        job->error = "Callback not found";
    }
    if (err < 0) {
        return err;
    }
    struct json_w w = json_w(&job->out);
    api_json_callback(&w, &c);
    return 0;
}

static int close_it(struct callback_job *job)
{
    const struct api_new_opts *o = &job->api->o;
    const struct store_callback c = {.id = str_from(job->id), .note = job->note};
    const struct store_op op = {.kind = STORE_CALLBACK_CLOSE, .at_us = job->now_us, .u.callback = &c};
    int err = o->ops->write(o->store, &op, 1, NULL);
    if (err == -ERR_STATE) {
        job->status = 409;
        job->error = "The callback is closed already";
    }
    return err < 0 && err != -ENOENT ? err : get(job);
}

static int work(void *arg)
{
    struct callback_job *job = arg;
    return job->verb == VERB_LIST ? list(job) : job->verb == VERB_GET ? get(job) : close_it(job);
}

/* ---- loop ---- */

static void finish(int err, void *arg)
{
    struct callback_job *job = arg;
    if (err >= 0) {
        err = job->out.err;
    }
    if (job->error) {
        api_error(job->api, job->exchange, job->status, STR_NULL, job->error);
    } else if (err < 0) {
        log_warn(NULL, "api.store-failed", "error=%s", err_name(err));
        api_error(job->api, job->exchange, 503, STR("Retry-After: 5\r\n"), "The record store cannot be read now");
    } else {
        if (job->verb == VERB_CLOSE) {
            log_info(NULL, "callback.closed", "id=%s", job->id);
        }
        api_respond(job->api, job->exchange, 200, STR_NULL, buf_str(&job->out));
    }
    job_free(job);
}

static void start(struct callback_job *job)
{
    if (job->error) {
        job->status = 400;
        finish(0, job);
        return;
    }
    int err = job_run(job->api->o.loop, work, finish, job);
    if (err < 0) {
        finish(err, job);
    }
}

static void out_of_memory(struct api *api, struct http_exchange *x)
{
    api_error(api, x, 503, STR_NULL, "Out of memory");
}

/* A sentence for the 400, NULL when the query is fine. */
static const char *read_filter(struct callback_job *job, struct str query)
{
    struct str status = STR_NULL;
    uint64_t limit = LIST_LIMIT;
    uint64_t offset = 0;
    if (api_query_get(query, "status", &job->arena, &status) < 0) {
        return "The query string is malformed";
    }
    job->filter.open = status.n == 0 || str_is(status, "open");
    job->filter.closed = str_is(status, "closed");
    if (!job->filter.open && !job->filter.closed && !str_is(status, "all")) {
        return "status must be open, closed or all";
    }
    if (api_query_u64(query, "limit", LIST_LIMIT_MAX, &limit) < 0 || limit == 0) {
        return "limit must be a number from 1 to 1000";
    }
    if (api_query_u64(query, "offset", UINT32_MAX, &offset) < 0) {
        return "offset must be a number";
    }
    job->filter.limit = (uint32_t)limit;
    job->filter.offset = (uint32_t)offset;
    return NULL;
}

void api_callbacks_list(struct api *api, struct http_exchange *x, struct str query)
{
    struct callback_job *job = job_new(api, x, VERB_LIST, STR(""));
    if (!job) {
        out_of_memory(api, x);
        return;
    }
    job->error = read_filter(job, query);
    start(job);
}

void api_callbacks_get(struct api *api, struct http_exchange *x, struct str id)
{
    struct callback_job *job = job_new(api, x, VERB_GET, id);
    if (!job) {
        out_of_memory(api, x);
        return;
    }
    start(job);
}

/* The note of a body that is empty or one object. */
static const char *read_note(struct callback_job *job, struct str body)
{
    static const char wrong[] = "The body must be empty or {\"note\": \"...\"} with up to 1000 bytes of UTF-8";
    struct json_val doc;
    struct str note = STR("");
    struct buf scratch;
    if (str_trim(body).n == 0) {
        return NULL;
    }
    buf_init(&scratch, STORE_CALLBACK_NOTE_MAX + 1);
    int err = json_parse(body, &doc);
    struct json_val v = err >= 0 && doc.type == JSON_OBJECT ? json_get(doc, "note") : (struct json_val){0};
    err = err < 0 || doc.type != JSON_OBJECT ? -ERR_TYPE
          : v.type == JSON_NONE              ? 0
          : v.type == JSON_STRING            ? json_to_str(v, &scratch, &note)
                                             : -ERR_TYPE;
    if (err >= 0 && note.n <= STORE_CALLBACK_NOTE_MAX && utf8_valid(note)) {
        job->note = arena_str(&job->arena, str_trim(note));
    } else {
        err = -ERR_TYPE;
    }
    buf_done(&scratch);
    return err < 0 ? wrong : NULL;
}

void api_callbacks_close(struct api *api, struct http_exchange *x, struct str id, struct span body)
{
    struct callback_job *job = job_new(api, x, VERB_CLOSE, id);
    if (!job) {
        out_of_memory(api, x);
        return;
    }
    job->error = read_note(job, str_of_span(body));
    start(job);
}
