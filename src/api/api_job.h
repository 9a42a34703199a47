/*
 * What a request asks of the record store: from the loop to the job pool and back, and what the client is told then.
 * The jobs of single routes embed it as their first member. Private to src/api.
 */
#ifndef API_API_JOB_H
#define API_API_JOB_H

#include "api/api_calls.h"
#include "base/arena.h"

struct api_job {
    struct api *api;
    struct http_exchange *exchange;
    char id[CALL_ID_MAX + 1]; /* of what the route names; else "" */
    uint64_t now_us;          /* wall clock */
    struct arena arena;       /* what the store answers, and what was read from the request */
    struct buf out;           /* the answer's JSON */
    int status;               /* HTTP; 200 until somebody finds otherwise */
    const char *error;        /* a sentence instead of out */
    struct str headers;       /* lines of the answer's; static */
};

/* size of the whole struct, which begins with a struct api_job; the rest is zero. Counts as pending until it is
 * finished. NULL: no memory, or no such id can exist; the client has been told. Loop thread, like the others. */
void *api_job_new(struct api *api, struct http_exchange *x, size_t size, struct str id);

/* Runs work(job) in the pool, then done(its result, job) on the loop, which ends in api_job_finish. A job that has an
 * error already is answered with 400 and not run. */
void api_job_run(struct api_job *job, int (*work)(void *job), void (*done)(int err, void *job));

/* Answers the exchange: error with status, else 503 when err is below 0, else 200 with out. Frees the job. */
void api_job_finish(int err, void *job);

#endif
