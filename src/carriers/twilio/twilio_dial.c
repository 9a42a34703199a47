/* Calls that we start: the orders, the carrier's list of calls, and its words as ours. */
#include <stdlib.h>

#include "carriers/twilio/twilio_impl.h"
#include "wire/twilio_calls.h"

#define FORM_MAX      (16u << 10)
#define RING_S        30
#define RING_MAX_S    600
#define AMD_MIN_MS    3000 /* the carrier takes 3 to 59 seconds */
#define AMD_MAX_MS    59000
#define CLOCK_SLACK_S 60 /* their clock and ours */
#define FIND_PAGE     50

/* ---- words ---- */

enum carrier_stage twilio_stage(struct str status)
{
    static const struct {
        const char *word;
        enum carrier_stage stage;
    } words[] = {
        {"queued", CARRIER_STAGE_QUEUED},     {"initiated", CARRIER_STAGE_QUEUED},
        {"ringing", CARRIER_STAGE_RINGING},   {"in-progress", CARRIER_STAGE_ANSWERED},
        {"answered", CARRIER_STAGE_ANSWERED},
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_is(status, words[i].word)) {
            return words[i].stage;
        }
    }
    return twilio_outcome(status) != CARRIER_OUTCOME_NONE ? CARRIER_STAGE_ENDED : CARRIER_STAGE_UNKNOWN;
}

enum carrier_outcome twilio_outcome(struct str status)
{
    static const struct {
        const char *word;
        enum carrier_outcome outcome;
    } words[] = {
        {"completed", CARRIER_OUTCOME_COMPLETED}, {"busy", CARRIER_OUTCOME_BUSY},
        {"no-answer", CARRIER_OUTCOME_NO_ANSWER}, {"failed", CARRIER_OUTCOME_FAILED},
        {"canceled", CARRIER_OUTCOME_CANCELED},
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_is(status, words[i].word)) {
            return words[i].outcome;
        }
    }
    return CARRIER_OUTCOME_NONE;
}

enum carrier_answerer twilio_answerer(struct str answered_by)
{
    if (answered_by.n == 0) {
        return CARRIER_ANSWERER_NONE;
    }
    if (str_is(answered_by, "human")) {
        return CARRIER_ANSWERER_HUMAN;
    }
    if (str_starts(answered_by, STR("machine_end"))) {
        return CARRIER_ANSWERER_MACHINE_END;
    }
    /* A fax is a machine; "unknown", and what may be invented later, is nobody we dare to call one. */
    return str_is(answered_by, "machine_start") || str_is(answered_by, "fax") ? CARRIER_ANSWERER_MACHINE
                                                                              : CARRIER_ANSWERER_UNSURE;
}

/* ---- dialling ---- */

const char *twilio_cannot_dial(const struct twilio *t)
{
    if (!twilio_can_rest(t)) {
        return "Twilio cannot dial: carriers.twilio.account_sid and auth_token are not set.";
    }
    if (t->opts->phone_number.n == 0) {
        return "Twilio cannot dial: carriers.twilio.phone_number, the caller id, is not set.";
    }
    return t->opts->public_url.n == 0
               ? "Twilio cannot dial: server.public_url is not set, so it would not find back to us."
               : NULL;
}

static bool can_be_called(struct str to)
{
    return cloud_is_number(to) || (cloud_is_sip(to) && to.n <= 256);
}

static void put_u32(struct buf *form, const char *name, uint32_t value)
{
    char digits[16];
    int n = snprintf(digits, sizeof(digits), "%u", value);
    form_put(form, str_from(name), (struct str){digits, (size_t)n});
}

/* One of our addresses, with the attempt in its query: signed by the carrier like the rest of it. */
static void put_own_url(const struct twilio *t, struct buf *form, const char *name, const char *path,
                        struct str attempt)
{
    struct buf url;
    buf_init(&url, CLOUD_URL_MAX);
    cloud_put_own_url(&t->cloud, &url, path, attempt);
    form->err = form->err ? form->err : url.err;
    form_put(form, str_from(name), buf_str(&url));
    buf_done(&url);
}

static void put_answer_url(const struct twilio *t, struct buf *form, struct str attempt, bool asks)
{
    struct buf url;
    if (!asks) {
        put_own_url(t, form, "Url", TWILIO_ANSWER_PATH, attempt);
        return;
    }
    buf_init(&url, CLOUD_URL_MAX);
    cloud_put_round_url(&t->cloud, &url, TWILIO_ANSWER_PATH, attempt, 0);
    form->err = form->err ? form->err : url.err;
    form_put(form, STR("Url"), buf_str(&url));
    buf_done(&url);
}

/* Beside the call: the answer URL is asked at once, and the verdict comes when there is one. */
static void put_amd(const struct twilio *t, struct buf *form, const struct carrier_dial *d)
{
    if (d->amd == CARRIER_AMD_OFF) {
        return;
    }
    form_put(form, STR("MachineDetection"), d->amd == CARRIER_AMD_DETECT ? STR("Enable") : STR("DetectMessageEnd"));
    if (d->amd_timeout_ms > 0) {
        put_u32(form, "MachineDetectionTimeout", MIN(MAX(d->amd_timeout_ms, AMD_MIN_MS), AMD_MAX_MS) / 1000);
    }
    form_put(form, STR("AsyncAmd"), STR("true"));
    put_own_url(t, form, "AsyncAmdStatusCallback", TWILIO_AMD_PATH, d->attempt);
    form_put(form, STR("AsyncAmdStatusCallbackMethod"), STR("POST"));
}

static void put_dial(const struct twilio *t, struct buf *form, const struct carrier_dial *d)
{
    static const char *const events[] = {"initiated", "ringing", "answered", "completed"};
    form_put(form, STR("To"), d->to);
    form_put(form, STR("From"), d->from.n > 0 ? d->from : t->opts->phone_number);
    put_answer_url(t, form, d->attempt, d->asks);
    form_put(form, STR("Method"), STR("POST"));
    put_own_url(t, form, "FallbackUrl", TWILIO_FALLBACK_PATH, d->attempt);
    form_put(form, STR("FallbackMethod"), STR("POST"));
    put_own_url(t, form, "StatusCallback", TWILIO_STATUS_PATH, d->attempt);
    form_put(form, STR("StatusCallbackMethod"), STR("POST"));
    for (size_t i = 0; i < ARRAY_LEN(events); i++) {
        form_put(form, STR("StatusCallbackEvent"), str_from(events[i]));
    }
    put_u32(form, "Timeout", MIN(or_u32(d->ring_s, RING_S), RING_MAX_S));
    if (d->max_call_s > 0) {
        put_u32(form, "TimeLimit", d->max_call_s);
    }
    put_amd(t, form, d);
}

/* The id of what was started, for who may cancel it. */
static int started(int err, const struct account_request *r, uint64_t *ret_id)
{
    if (err >= 0 && ret_id) {
        *ret_id = account_id(r);
    }
    return err;
}

int twilio_dial(struct carrier *carrier, const struct carrier_dial *dial, carrier_done_fn done, void *arg,
                uint64_t *ret_id)
{
    struct twilio *t = twilio_of(carrier);
    struct account_request *r = NULL;
    struct buf form;
    if (twilio_cannot_dial(t)) {
        return -ERR_STATE;
    }
    if (!cloud_is_attempt(dial->attempt) || !can_be_called(dial->to) ||
        (dial->from.n > 0 && !cloud_is_number(dial->from))) {
        return -EINVAL;
    }
    buf_init(&form, FORM_MAX);
    put_dial(t, &form, dial);
    const struct twilio_order o = {.resource = STR("Calls.json"), .form = buf_str(&form), .makes = true};
    const struct account_wait w = {.done = done, .arg = arg, .ret = &r, .may_repeat = dial->may_repeat};
    int err = form.err ? form.err : twilio_rest_start(t, &o, &w);
    buf_done(&form);
    return started(err, r, ret_id);
}

int twilio_hangup(struct carrier *carrier, const struct carrier_call_ref *ref, carrier_done_fn done, void *arg,
                  uint64_t *ret_id)
{
    struct account_request *r = NULL;
    int err = twilio_order_hangup(twilio_of(carrier), ref->call_id, STR_NULL,
                                  &(struct account_wait){.done = done, .arg = arg, .ret = &r});
    return started(err, r, ret_id);
}

int twilio_recall(struct carrier *carrier, const struct carrier_call_ref *ref, struct str attempt)
{
    struct twilio *t = twilio_of(carrier);
    struct buf url;
    if (!cloud_is_attempt(attempt)) {
        return -EINVAL;
    }
    buf_init(&url, CLOUD_URL_MAX);
    cloud_put_round_url(&t->cloud, &url, TWILIO_ANSWER_PATH, attempt, 0);
    int err = url.err < 0 ? url.err
                          : twilio_order_redirect(t, ref->call_id, buf_str(&url), &(struct account_wait){.done = NULL});
    buf_done(&url);
    return err;
}

/* ---- the carrier's list ---- */

struct find_job {
    carrier_found_fn done;
    void *arg;
    bool by_ref;
    int64_t since_s;
    char from[20];
};

static void put_found(struct carrier_found *f, const struct twilio_call *c)
{
    f->calls[f->n++] = (struct carrier_call){
        .ref = {.call_id = c->sid},
        .stage = twilio_stage(c->status),
        .outcome = twilio_outcome(c->status),
        .answerer = twilio_answerer(c->answered_by),
        .created_wall_us = (uint64_t)c->created_s * 1000000,
        .duration_s = c->duration_s,
        .cause = c->status,
    };
}

/* A queued call has no date yet: it is young. */
static bool is_wanted(const struct find_job *job, const struct twilio_call *c)
{
    bool young = c->created_s == 0 || c->created_s + CLOCK_SLACK_S >= job->since_s;
    return job->by_ref || (young && str_is(c->from, job->from) && str_starts(c->direction, STR("outbound")));
}

static void read_found(const struct find_job *job, struct str body, struct carrier_found *found,
                       struct twilio_calls *page, struct buf *scratch)
{
    found->err = twilio_calls_parse(body, scratch, page);
    if (found->err < 0) {
        return;
    }
    /* The newest come first: with one that is too old on this page, the next ones hold nothing for us. */
    const struct twilio_call *last = page->n > 0 ? &page->list[page->n - 1] : NULL;
    found->more = page->more && !(last && last->created_s > 0 && last->created_s + CLOCK_SLACK_S < job->since_s);
    for (uint32_t i = 0; i < page->n; i++) {
        if (!is_wanted(job, &page->list[i])) {
            continue;
        }
        if (found->n == CARRIER_FOUND_MAX) {
            found->more = true;
            break;
        }
        put_found(found, &page->list[i]);
    }
}

static void on_list(const struct carrier_result *result, struct str body, void *arg)
{
    struct find_job *job = arg;
    struct carrier_found *found = calloc(1, sizeof(*found));
    struct twilio_calls *page = calloc(1, sizeof(*page));
    struct buf scratch;
    buf_init(&scratch, 512u << 10);
    if (!found || !page) {
        static const struct carrier_found none = {.err = -ENOMEM};
        job->done(&none, job->arg);
    } else {
        /* Asked by its sid, a call that does not exist is a 404: known not to be. */
        bool gone = job->by_ref && result->status == 404;
        found->err = gone ? 0 : result->err;
        if (found->err >= 0 && !gone) {
            read_found(job, body, found, page, &scratch);
        }
        job->done(found, job->arg);
    }
    buf_done(&scratch);
    free(found);
    free(page);
    free(job);
}

static int start_find(struct twilio *t, const struct carrier_find *f, struct find_job *job, uint64_t *ret_id)
{
    struct account_request *r = NULL;
    struct buf resource;
    struct buf query;
    buf_init(&resource, 256);
    buf_init(&query, 1024);
    if (job->by_ref) {
        buf_printf(&resource, "Calls/" STR_FMT ".json", STR_ARG(f->ref.call_id));
    } else {
        buf_puts(&resource, "Calls.json");
        form_put(&query, STR("To"), f->to);
        form_put(&query, STR("From"), str_from(job->from));
        put_u32(&query, "PageSize", FIND_PAGE);
    }
    const struct twilio_order o = {.resource = buf_str(&resource), .form = buf_str(&query), .get = true};
    int err = resource.err ? resource.err : query.err;
    if (err >= 0) {
        err = twilio_rest_start(t, &o, &(struct account_wait){.reply = on_list, .drop = free, .arg = job, .ret = &r});
    }
    buf_done(&resource);
    buf_done(&query);
    return started(err, r, ret_id);
}

int twilio_find_calls(struct carrier *carrier, const struct carrier_find *find, carrier_found_fn done, void *arg,
                      uint64_t *ret_id)
{
    struct twilio *t = twilio_of(carrier);
    struct str from = find->from.n > 0 ? find->from : t->opts->phone_number;
    bool by_ref = find->ref.call_id.n > 0;
    if (!twilio_can_rest(t)) {
        return -ERR_STATE;
    }
    if (by_ref ? !twilio_is_sid(find->ref.call_id) : !can_be_called(find->to)) {
        return -EINVAL;
    }
    struct find_job *job = calloc(1, sizeof(*job));
    if (!job) {
        return -ENOMEM;
    }
    *job = (struct find_job){
        .done = done, .arg = arg, .by_ref = by_ref, .since_s = (int64_t)(find->since_wall_us / 1000000)};
    int err = str_copy(job->from, sizeof(job->from), from);
    err = err < 0 ? -EINVAL : start_find(t, find, job, ret_id);
    if (err < 0) {
        free(job);
    }
    return err;
}
