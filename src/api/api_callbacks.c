#include "api/api_callbacks.h"

#include "api/api_job.h"
#include "api/api_json.h"
#include "api/api_query.h"
#include "base/err.h"
#include "base/log.h"

enum verb { VERB_LIST, VERB_GET, VERB_CLOSE };

struct callback_job {
    struct api_job base;
    enum verb verb;
    struct str note;
    struct store_callback_filter filter;
};

/* ---- job thread ---- */

static int list(struct callback_job *job)
{
    const struct api_new_opts *o = &job->base.api->o;
    struct store_callbacks page;
    int err = o->ops->callback_list(o->store, &job->filter, &job->base.arena, &page);
    if (err < 0) {
        return err;
    }
    struct json_w w = json_w(&job->base.out);
    api_json_callbacks(&w, &page);
    return 0;
}

static int get(struct callback_job *job)
{
    const struct api_new_opts *o = &job->base.api->o;
    struct store_callback c;
    int err = o->ops->callback_get(o->store, str_from(job->base.id), &job->base.arena, &c);
    if (err == -ENOENT) {
        job->base.status = 404;
        job->base.error = "Callback not found";
    }
    if (err < 0) {
        return err;
    }
    struct json_w w = json_w(&job->base.out);
    api_json_callback(&w, &c);
    return 0;
}

static int close_it(struct callback_job *job)
{
    const struct api_new_opts *o = &job->base.api->o;
    const struct store_callback c = {.id = str_from(job->base.id), .note = job->note};
    const struct store_op op = {.kind = STORE_CALLBACK_CLOSE, .at_us = job->base.now_us, .u.callback = &c};
    int err = o->ops->write(o->store, &op, 1, NULL);
    if (err == -ERR_STATE) {
        job->base.status = 409;
        job->base.error = "The callback is closed already";
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
    if (err >= 0 && !job->base.error && job->verb == VERB_CLOSE) {
        log_info(NULL, "callback.closed", "id=%s", job->base.id);
    }
    api_job_finish(err, job);
}

static struct callback_job *job_new(struct api *api, struct http_exchange *x, enum verb verb, struct str id)
{
    struct callback_job *job = api_job_new(api, x, sizeof(*job), id);
    if (job) {
        job->verb = verb;
    }
    return job;
}

/* A sentence for the 400, NULL when the query is fine. */
static const char *read_filter(struct callback_job *job, struct str query)
{
    struct str status = STR_NULL;
    if (api_query_get(query, "status", &job->base.arena, &status) < 0) {
        return "The query string is malformed";
    }
    job->filter.open = status.n == 0 || str_is(status, "open");
    job->filter.closed = str_is(status, "closed");
    if (!job->filter.open && !job->filter.closed && !str_is(status, "all")) {
        return "status must be open, closed or all";
    }
    return api_query_page(query, &job->filter.limit, &job->filter.offset);
}

void api_callbacks_list(struct api *api, struct http_exchange *x, struct str query)
{
    struct callback_job *job = job_new(api, x, VERB_LIST, STR(""));
    if (!job) {
        return;
    }
    job->base.error = read_filter(job, query);
    api_job_run(&job->base, work, finish);
}

void api_callbacks_get(struct api *api, struct http_exchange *x, struct str id)
{
    struct callback_job *job = job_new(api, x, VERB_GET, id);
    if (!job) {
        return;
    }
    api_job_run(&job->base, work, finish);
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
        job->note = arena_str(&job->base.arena, str_trim(note));
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
        return;
    }
    job->base.error = read_note(job, str_of_span(body));
    api_job_run(&job->base, work, finish);
}
