#include <stdlib.h>

#include "base/err.h"
#include "net/loop_impl.h"

struct job {
    uv_work_t req;
    struct list link;
    struct loop *loop;
    job_work_fn work;
    job_done_fn done;
    void *arg;
    int result;
};

static void on_work(uv_work_t *req)
{
    struct job *job = CONTAINER_OF(req, struct job, req);
    job->result = job->work(job->arg);
}

static void on_done(uv_work_t *req, int status)
{
    struct job *job = CONTAINER_OF(req, struct job, req);
    loop_enter(job->loop);
    list_leave(&job->link);
    job->done(status < 0 ? -ECANCELED : job->result, job->arg);
    free(job);
}

int job_run(struct loop *loop, job_work_fn work, job_done_fn done, void *arg)
{
    struct job *job = calloc(1, sizeof(*job));
    if (!job) {
        return -ENOMEM;
    }
    *job = (struct job){.loop = loop, .work = work, .done = done, .arg = arg};
    int err = uv_queue_work(&loop->uv, &job->req, on_work, on_done);
    if (err < 0) {
        free(job);
        return err;
    }
    list_append(&loop->jobs, &job->link);
    return 0;
}

void job_cancel_all(struct loop *loop)
{
    for (struct list *at = loop->jobs.next; at != &loop->jobs; at = at->next) {
        /* A job that runs already cannot be stopped; loop_free waits for it. */
        ignore_result(uv_cancel((uv_req_t *)&CONTAINER_OF(at, struct job, link)->req));
    }
}
