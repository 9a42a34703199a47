#include "api/api_job.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"

#define MAX_ANSWER_BYTES (16u << 20)
#define MAX_ARENA_BYTES  (32u << 20)

void *api_job_new(struct api *api, struct http_exchange *x, size_t size, struct str id)
{
    if (id.n > CALL_ID_MAX) {
        api_error(api, x, 404, STR_NULL, "Not found");
        return NULL;
    }
    struct api_job *job = calloc(1, size);
    if (!job) {
        api_error(api, x, 503, STR_NULL, "Out of memory");
        return NULL;
    }
    ignore_result(str_copy(job->id, sizeof(job->id), id)); /* fits */
    job->api = api;
    job->exchange = x;
    job->status = 200;
    job->now_us = (uint64_t)clock_wall_us();
    arena_init(&job->arena, MAX_ARENA_BYTES);
    buf_init(&job->out, MAX_ANSWER_BYTES);
    api->pending++;
    return job;
}

void api_job_finish(int err, void *arg)
{
    struct api_job *job = arg;
    struct api *api = job->api;
    if (err >= 0) {
        err = job->out.err;
    }
    if (job->error) {
        api_error(api, job->exchange, job->status, job->headers, job->error);
    } else if (err < 0) {
        log_warn(NULL, "api.store-failed", "error=%s", err_name(err));
        api_error(api, job->exchange, 503, STR("Retry-After: 5\r\n"), "The record store cannot be read now");
    } else {
        api_respond(api, job->exchange, job->status, job->headers, buf_str(&job->out));
    }
    api->pending--;
    arena_done(&job->arena);
    buf_done(&job->out);
    free(job);
}

void api_job_run(struct api_job *job, int (*work)(void *job), void (*done)(int err, void *job))
{
    if (job->error) {
        job->status = 400;
        api_job_finish(0, job);
        return;
    }
    int err = job_run(job->api->o.loop, work, done, job);
    if (err < 0) {
        done(err, job);
    }
}
