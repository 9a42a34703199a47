/* Calls that we start, and what the carrier's own lists know of them. */
#include <stdlib.h>

#include "base/json.h"
#include "carriers/plivo/plivo_impl.h"
#include "wire/plivo_calls.h"

#define JSON_MAX      (16u << 10)
#define RING_S        30
#define RING_MAX_S    600
#define AMD_MIN_MS    2000 /* the carrier takes 2 to 10 seconds */
#define AMD_MAX_MS    10000
#define CLOCK_SLACK_S 60 /* their clock and ours */

static bool can_be_called(struct str to)
{
    return cloud_is_number(to) || (cloud_is_sip(to) && to.n <= 256);
}

/* One of our addresses, with the attempt in its query: signed by the carrier like the rest of it. */
static void put_url(const struct plivo *p, struct json_w *w, const char *key, const char *path, struct str attempt)
{
    struct buf url;
    buf_init(&url, CLOUD_URL_MAX);
    cloud_put_own_url(&p->cloud, &url, path, attempt);
    w->out->err = w->out->err ? w->out->err : url.err;
    json_w_kstr(w, key, buf_str(&url));
    buf_done(&url);
}

static void put_answer_url(const struct plivo *p, struct json_w *w, struct str attempt, bool asks)
{
    struct buf url;
    if (!asks) {
        put_url(p, w, "answer_url", PLIVO_ANSWER_PATH, attempt);
        return;
    }
    buf_init(&url, CLOUD_URL_MAX);
    cloud_put_round_url(&p->cloud, &url, PLIVO_ANSWER_PATH, attempt, 0);
    w->out->err = w->out->err ? w->out->err : url.err;
    json_w_kstr(w, "answer_url", buf_str(&url));
    buf_done(&url);
}

/* Beside the call: the answer URL is asked at once, and the verdict comes when there is one. */
static void put_amd(const struct plivo *p, struct json_w *w, const struct carrier_dial *d)
{
    if (d->amd == CARRIER_AMD_OFF) {
        return;
    }
    json_w_kz(w, "machine_detection", "true");
    if (d->amd_timeout_ms > 0) {
        json_w_ki64(w, "machine_detection_time", MIN(MAX(d->amd_timeout_ms, AMD_MIN_MS), AMD_MAX_MS));
    }
    put_url(p, w, "machine_detection_url", PLIVO_AMD_PATH, d->attempt);
    json_w_kz(w, "machine_detection_method", "POST");
}

static void put_dial(const struct plivo *p, struct buf *json, const struct carrier_dial *d)
{
    struct json_w w = json_w(json);
    json_w_open(&w);
    json_w_kstr(&w, "from", plivo_bare(d->from.n > 0 ? d->from : p->opts->phone_number));
    json_w_kstr(&w, "to", plivo_bare(d->to));
    put_answer_url(p, &w, d->attempt, d->asks);
    json_w_kz(&w, "answer_method", "POST");
    put_url(p, &w, "ring_url", PLIVO_RING_PATH, d->attempt);
    json_w_kz(&w, "ring_method", "POST");
    put_url(p, &w, "hangup_url", PLIVO_HANGUP_PATH, d->attempt);
    json_w_kz(&w, "hangup_method", "POST");
    put_url(p, &w, "fallback_url", PLIVO_FALLBACK_PATH, d->attempt);
    json_w_kz(&w, "fallback_method", "POST");
    json_w_ki64(&w, "ring_timeout", MIN(or_u32(d->ring_s, RING_S), RING_MAX_S));
    if (d->max_call_s > 0) {
        json_w_ki64(&w, "time_limit", d->max_call_s);
    }
    put_amd(p, &w, d);
    json_w_close(&w);
}

/* The id of what was started, for who may cancel it. */
static int started(int err, const struct account_request *r, uint64_t *ret_id)
{
    if (err >= 0 && ret_id) {
        *ret_id = account_id(r);
    }
    return err;
}

int plivo_dial(struct carrier *carrier, const struct carrier_dial *dial, carrier_done_fn done, void *arg,
               uint64_t *ret_id)
{
    struct plivo *p = plivo_of(carrier);
    struct account_request *r = NULL;
    struct buf json;
    if (plivo_cannot(carrier, CARRIER_DIAL)) {
        return -ERR_STATE;
    }
    if (!cloud_is_attempt(dial->attempt) || !can_be_called(dial->to) ||
        (dial->from.n > 0 && !cloud_is_number(dial->from))) {
        return -EINVAL;
    }
    buf_init(&json, JSON_MAX);
    put_dial(p, &json, dial);
    const struct plivo_order o = {.method = "POST", .resource = "Call/", .json = &json, .makes = true};
    const struct account_wait w = {.done = done, .arg = arg, .ret = &r, .may_repeat = dial->may_repeat};
    int err = plivo_rest_start(p, &o, &w);
    buf_done(&json);
    return started(err, r, ret_id);
}

/* Before the first webhook only the request has a name. */
int plivo_hangup(struct carrier *carrier, const struct carrier_call_ref *ref, carrier_done_fn done, void *arg,
                 uint64_t *ret_id)
{
    struct plivo *p = plivo_of(carrier);
    struct account_request *r = NULL;
    const struct account_wait w = {.done = done, .arg = arg, .ret = &r};
    char resource[CLOUD_ID_MAX + 16];
    if (ref->call_id.n > 0) {
        int asked = plivo_order_hangup(p, ref->call_id, &w);
        return started(asked, r, ret_id);
    }
    if (!plivo_is_id(ref->request_id)) {
        return -EINVAL;
    }
    int n = snprintf(resource, sizeof(resource), "Request/" STR_FMT "/", STR_ARG(ref->request_id));
    const struct plivo_order o = {.method = "DELETE", .resource = resource, .over_is_fine = true};
    int err = n < 0 || (size_t)n >= sizeof(resource) ? -ENOSPC : plivo_rest_start(p, &o, &w);
    return started(err, r, ret_id);
}

int plivo_recall(struct carrier *carrier, const struct carrier_call_ref *ref, struct str attempt)
{
    struct plivo *p = plivo_of(carrier);
    struct buf url;
    if (!cloud_is_attempt(attempt)) {
        return -EINVAL;
    }
    buf_init(&url, CLOUD_URL_MAX);
    cloud_put_round_url(&p->cloud, &url, PLIVO_ANSWER_PATH, attempt, 0);
    int err = plivo_order_fetch(p, ref->call_id, &url, &(struct account_wait){.done = NULL});
    buf_done(&url);
    return err;
}

/* ---- the carrier's lists ---- */

/*
 * A call is in one of three lists: queued, live, finished. They are asked in that order, so that a call that moves on
 * in between is met later and not missed.
 */
enum find_step { FIND_QUEUED, FIND_LIVE, FIND_FINISHED, FIND_STEP_N };

struct find_job {
    struct plivo *p;
    carrier_found_fn done;
    void *arg;
    enum find_step step;
    bool by_ref;
    uint64_t id; /* of the first request: what the caller may cancel */
    int64_t since_s;
    char ref[CLOUD_ID_MAX + 1];
    char to[260], from[20];
    struct carrier_found found;
    struct buf kept[FIND_STEP_N]; /* bodies that the calls found lend, each with its scratch */
    struct buf scratch[FIND_STEP_N];
};

static void job_free(void *arg)
{
    struct find_job *job = arg;
    for (size_t i = 0; i < FIND_STEP_N; i++) {
        buf_done(&job->kept[i]);
        buf_done(&job->scratch[i]);
    }
    free(job);
}

static enum carrier_outcome outcome_of(const struct plivo_call *c)
{
    if (!c->ended) {
        return CARRIER_OUTCOME_NONE;
    }
    if (c->answered || c->duration_s > 0) {
        return CARRIER_OUTCOME_COMPLETED;
    }
    enum carrier_outcome by_code = plivo_outcome_of_code(c->cause_code);
    return by_code != CARRIER_OUTCOME_NONE ? by_code : CARRIER_OUTCOME_FAILED;
}

static enum carrier_stage stage_of(const struct find_job *job, const struct plivo_call *c)
{
    if (c->ended) {
        return CARRIER_STAGE_ENDED;
    }
    if (c->status.n > 0) {
        return plivo_stage(c->status);
    }
    return job->step == FIND_QUEUED ? CARRIER_STAGE_QUEUED : CARRIER_STAGE_RINGING; /* live: at least that */
}

/* Ids alone were asked for by number; whole calls are looked at. A queued call has no date yet: it is young. */
static bool is_wanted(const struct find_job *job, const struct plivo_call *c)
{
    bool young = c->created_s == 0 || c->created_s + CLOCK_SLACK_S >= job->since_s;
    bool ours = c->to.n == 0 || str_is(plivo_bare(c->to), job->to);
    return job->by_ref || (young && ours);
}

static void put_found(struct find_job *job, const struct plivo_calls *page)
{
    struct carrier_found *f = &job->found;
    f->more = f->more || page->more;
    for (uint32_t i = 0; i < page->n; i++) {
        const struct plivo_call *c = &page->list[i];
        if (!is_wanted(job, c)) {
            continue;
        }
        if (f->n == CARRIER_FOUND_MAX) {
            f->more = true;
            return;
        }
        bool queued = job->step == FIND_QUEUED;
        f->calls[f->n++] = (struct carrier_call){
            .ref = {.call_id = queued ? STR("") : c->uuid, .request_id = queued ? c->uuid : c->request_uuid},
            .stage = stage_of(job, c),
            .outcome = outcome_of(c),
            .created_wall_us = (uint64_t)c->created_s * 1000000,
            .duration_s = c->duration_s,
            .cause = c->cause,
        };
    }
}

static void read_found(struct find_job *job, struct str body)
{
    struct plivo_calls *page = calloc(1, sizeof(*page));
    struct buf *kept = &job->kept[job->step];
    buf_put_str(kept, body);
    int err = !page ? -ENOMEM : kept->err;
    if (err >= 0) {
        err = plivo_calls_parse(buf_str(kept), &job->scratch[job->step], page);
    }
    if (err >= 0) {
        put_found(job, page);
    }
    job->found.err = err;
    free(page);
}

static int ask(struct find_job *job, struct account_request **ret);

static void on_list(const struct carrier_result *result, struct str body, void *arg)
{
    struct find_job *job = arg;
    bool absent = result->status == 404; /* known not to be in this list */
    job->found.err = absent ? 0 : result->err;
    if (job->found.err >= 0 && !absent) {
        read_found(job, body);
    }
    bool known = job->by_ref && job->found.n > 0;
    if (job->found.err >= 0 && !known && ++job->step < FIND_STEP_N) {
        struct account_request *r = NULL;
        int err = ask(job, &r);
        if (err >= 0) {
            account_rename(r, job->id);
            return;
        }
        job->found.err = err;
    }
    job->done(&job->found, job->arg);
    job_free(job);
}

static void put_resource(const struct find_job *job, struct buf *out)
{
    static const char *const lists[FIND_STEP_N] = {"queued", "live", NULL};
    const char *list = lists[job->step];
    if (job->by_ref) {
        buf_printf(out, list ? "Call/%s?status=%s" : "Call/%s/", job->ref, list);
        return;
    }
    buf_puts(out, "Call/?");
    if (list) {
        buf_printf(out, "status=%s&", list);
    } else {
        buf_puts(out, "limit=20&offset=0&");
    }
    buf_puts(out, "call_direction=outbound&from_number=");
    form_put_encoded(out, str_from(job->from));
    buf_puts(out, "&to_number=");
    form_put_encoded(out, str_from(job->to));
}

static int ask(struct find_job *job, struct account_request **ret)
{
    struct buf resource;
    buf_init(&resource, 1024);
    put_resource(job, &resource);
    buf_putc(&resource, '\0');
    const struct plivo_order o = {.method = "GET", .resource = (const char *)buf_ptr(&resource)};
    int err = resource.err;
    if (err >= 0) {
        err = plivo_rest_start(job->p, &o,
                               &(struct account_wait){.reply = on_list, .drop = job_free, .arg = job, .ret = ret});
    }
    buf_done(&resource);
    return err;
}

static int fill_job(struct find_job *job, const struct plivo *p, const struct carrier_find *find)
{
    struct str from = find->from.n > 0 ? find->from : p->opts->phone_number;
    struct str ref = find->ref.call_id.n > 0 ? find->ref.call_id : find->ref.request_id;
    job->by_ref = ref.n > 0;
    job->step = find->ref.call_id.n > 0 ? FIND_LIVE : FIND_QUEUED;
    job->since_s = (int64_t)(find->since_wall_us / 1000000);
    if (job->by_ref ? !plivo_is_id(ref) : !can_be_called(find->to)) {
        return -EINVAL;
    }
    bool kept = str_copy(job->ref, sizeof(job->ref), ref) >= 0 &&
                str_copy(job->to, sizeof(job->to), plivo_bare(find->to)) >= 0 &&
                str_copy(job->from, sizeof(job->from), plivo_bare(from)) >= 0;
    return kept ? 0 : -EINVAL;
}

int plivo_find_calls(struct carrier *carrier, const struct carrier_find *find, carrier_found_fn done, void *arg,
                     uint64_t *ret_id)
{
    struct plivo *p = plivo_of(carrier);
    struct account_request *r = NULL;
    if (!plivo_can_rest(p)) {
        return -ERR_STATE;
    }
    struct find_job *job = calloc(1, sizeof(*job));
    if (!job) {
        return -ENOMEM;
    }
    job->p = p;
    job->done = done;
    job->arg = arg;
    for (size_t i = 0; i < FIND_STEP_N; i++) {
        buf_init(&job->kept[i], 512u << 10);
        buf_init(&job->scratch[i], 512u << 10);
    }
    int err = fill_job(job, p, find);
    err = err < 0 ? err : ask(job, &r);
    if (err < 0) {
        job_free(job);
        return err;
    }
    job->id = account_id(r);
    return started(err, r, ret_id);
}
