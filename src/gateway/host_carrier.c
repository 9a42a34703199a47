/*
 * Tools that ask the carrier for something (tools/builtin/wish.h): a text message is sent here; transfers and keys are
 * the call's own work, which is asked for it and answers the tool.
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "gateway/host_impl.h"
#include "tools/builtin/wish.h"

#define OUTPUT_MAX 8192
#define WISH_BYTES (64u << 10)

/* A text message under way. Owns all it needs: the call may be gone before the answer is there. */
struct sms_job {
    struct worker *worker;
    struct host_id id;
    char call_id[CALL_ID_MAX + 1];
    char tool_call_id[CALL_ID_MAX + 1];
    struct arena arena; /* of the wish */
    struct builtin_wish wish;
    struct carrier *carrier; /* that sends it */
    uint64_t request;        /* its number for it */
    uint64_t started_us;
    struct sms_job *next; /* on the worker's list */
};

static void leave_list(struct sms_job *job)
{
    struct sms_job **at = &job->worker->messages;
    while (*at && *at != job) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = job->next;
    }
}

static void job_free(struct sms_job *job)
{
    leave_list(job);
    job->worker->tool_jobs--;
    arena_done(&job->arena);
    free(job);
}

static uint64_t age_us(const struct sms_job *job)
{
    return clock_now_us() - job->started_us;
}

static void tell(const struct sms_job *job, const struct carrier_result *r)
{
    const struct log_scope log = {.call_id = job->call_id, .worker = -1};
    struct metrics *m = job->worker->env.metrics;
    struct host *h = worker_by_id(job->worker, job->id);
    struct buf out;
    buf_init(&out, OUTPUT_MAX);
    bool sent = builtin_put_sms_result(&out, &job->wish, r);
    metrics_add_word(m, METRIC_TOOLS, sent ? STR("ok") : STR("error"), 1);
    metrics_add_word(m, METRIC_SMS, sent ? STR("sent") : r->err == -ERR_HTTP ? STR("refused") : STR("failed"), 1);
    metrics_observe_us(m, METRIC_TOOL_SECONDS, age_us(job));
    log_info(&log, "tool.done", "name=send_sms ms=%llu result=%s status=%d code=%lld sid=" STR_FMT " state=" STR_FMT,
             (unsigned long long)age_us(job) / 1000, sent ? "ok" : err_name(r->err), r->status, (long long)r->code,
             STR_ARG(r->id), STR_ARG(r->state));
    if (h) {
        struct call_event ev = {.type = EV_TOOL_RESULT};
        ev.tool_result.tool_call_id = str_from(job->tool_call_id);
        ev.tool_result.output = out.err < 0 ? STR("{\"status\":\"error\"}") : buf_str(&out);
        ev.tool_result.failed = !sent;
        host_tap(h, TAP_TOOL_RESULT, NULL, &ev);
        host_event(h, &ev);
    }
    buf_done(&out);
}

static void on_sent(const struct carrier_result *r, void *arg)
{
    struct sms_job *job = arg;
    if (r->err != -ECANCELED) { /* the gateway ends */
        tell(job, r);
    }
    job_free(job);
}

void host_cancel_message(struct host *h, struct str tool_call_id)
{
    for (struct sms_job *job = h->worker->messages, *next; job; job = next) {
        next = job->next;
        bool meant = !tool_call_id.p || str_is(tool_call_id, job->tool_call_id);
        if (meant && job->id.slot == h->id.slot && job->id.generation == h->id.generation) {
            log_info(&h->log, "tool.done", "name=send_sms ms=%llu result=cancelled",
                     (unsigned long long)age_us(job) / 1000);
            carrier_cancel(job->carrier, job->request);
            job_free(job);
        }
    }
}

/* ---- the three ---- */

static int send_sms(const struct host *h, struct sms_job *job, struct buf *refusal)
{
    struct worker *w = job->worker;
    struct carrier *carrier = w->env.carrier ? w->env.carrier(h->opts.carrier, w->env.arg) : NULL;
    const char *why =
        carrier ? carrier_cannot(carrier, CARRIER_SMS) : "Text messages are not configured: this call has no carrier.";
    const struct carrier_sms sms = {.to = job->wish.to, .text = job->wish.text};
    int err = why ? -ERR_STATE : carrier_send_sms(carrier, &sms, on_sent, job, &job->request);
    if (err < 0) {
        builtin_put_refusal(refusal, str_from(why ? why : "The message could not be sent."));
        return err;
    }
    job->carrier = carrier;
    job->next = w->messages;
    w->messages = job;
    w->tool_jobs++;
    return 0;
}

static int transfer(struct host *h, const struct sms_job *job, struct buf *refusal)
{
    const char *why = h->leg ? leg_cannot_transfer(h->leg) : "There is nobody on the line.";
    if (why) {
        builtin_put_refusal(refusal, str_from(why));
        return -ERR_STATE;
    }
    struct call_event ev = {.type = EV_CONTROL_TRANSFER};
    ev.control_transfer.tool_call_id = str_from(job->tool_call_id);
    ev.control_transfer.to = job->wish.to;
    ev.control_transfer.name = job->wish.name;
    log_info(&h->log, "tool.transfer", "department=\"" STR_FMT "\"", STR_ARG(job->wish.name));
    host_event(h, &ev);
    return 0;
}

static void press_keys(struct host *h, const struct sms_job *job)
{
    struct call_event ev = {.type = EV_CONTROL_KEYS};
    ev.control_keys.tool_call_id = str_from(job->tool_call_id);
    ev.control_keys.keys = job->wish.text;
    host_event(h, &ev);
}

/* 1: the message is under way and keeps the job. */
static int fulfil(struct host *h, struct sms_job *job, struct buf *refusal)
{
    int err = 0;
    switch (job->wish.kind) {
    case BUILTIN_WISH_SMS:
        err = send_sms(h, job, refusal);
        return err < 0 ? err : 1;
    case BUILTIN_WISH_TRANSFER:
        return transfer(h, job, refusal);
    case BUILTIN_WISH_KEYS:
        press_keys(h, job);
        return 0;
    case BUILTIN_WISH_NONE:
        break;
    }
    return -EINVAL;
}

int host_run_wish(struct host *h, struct str tool_call_id, struct str name, struct str arguments, struct buf *refusal)
{
    struct sms_job *job = calloc(1, sizeof(*job));
    if (!job) {
        return -ENOMEM;
    }
    arena_init(&job->arena, WISH_BYTES);
    job->worker = h->worker;
    job->id = h->id;
    job->started_us = clock_now_us();
    memcpy(job->call_id, h->call_id, sizeof(job->call_id));
    int err = str_copy(job->tool_call_id, sizeof(job->tool_call_id), tool_call_id);
    if (err >= 0) {
        err = builtin_wish_read(&h->snapshot->wishes, name, arguments, &job->arena, &job->wish, refusal);
    }
    if (err >= 0) {
        err = fulfil(h, job, refusal);
    }
    if (err <= 0) {
        arena_done(&job->arena);
        free(job);
    }
    return MIN(err, 0);
}
