#include "api/api_campaigns.h"

#include <stdio.h>

#include "api/api_job.h"
#include "api/api_json.h"
#include "api/api_query.h"
#include "base/e164.h"
#include "base/err.h"
#include "base/log.h"
#include "call/campaign_store.h"
#include "dialer/campaign_settings.h"
#include "dialer/import.h"

#define ADD_AT_ONCE 500
#define BIT(x)      (1u << (x))

struct campaign_job {
    struct api_job base;
    enum api_campaign_verb verb;
    struct campaign_filter filter;
    struct str body;     /* copied */
    struct str phone;    /* DNC_REMOVE */
    uint64_t contact_id; /* REDIAL, CANCEL */
    char new_id[CARRIER_ATTEMPT_MAX + 1];
    struct buf why; /* a sentence for the client, behind error */
    struct str country, timezone;
    bool changed; /* the scheduler should look */
};

static const struct campaign_ops *ops_of(const struct campaign_job *job)
{
    return job->base.api->o.ops->campaigns;
}

static struct store *store_of(const struct campaign_job *job)
{
    return job->base.api->o.store;
}

/* The job is answered with this instead. */
static int refuse(struct campaign_job *job, int status, const char *text)
{
    job->base.status = status;
    job->base.error = text;
    return 0;
}

static int not_found(struct campaign_job *job)
{
    return refuse(job, 404, "Campaign not found");
}

/* ------------------------------------------------------------------------------------------------ as JSON */

static bool is_over(const struct campaign_row *c, const struct campaign_progress *p)
{
    uint64_t left = p->states[CONTACT_PENDING] + p->states[CONTACT_LEASED] + p->states[CONTACT_DIALING] +
                    p->states[CONTACT_AMD_PENDING] + p->states[CONTACT_IN_PROGRESS];
    return c->status == CAMPAIGN_RUNNING && p->contacts > 0 && left == 0;
}

static void put_progress(struct json_w *w, const struct campaign_progress *p)
{
    json_w_ki64(w, "contacts", (int64_t)p->contacts);
    json_w_ki64(w, "attempts", (int64_t)p->attempts);
    json_w_key(w, "states");
    json_w_open(w);
    for (uint32_t i = 0; i < CONTACT_STATE_N; i++) {
        json_w_ki64(w, contact_state_word((enum contact_state)i), (int64_t)p->states[i]);
    }
    json_w_close(w);
    json_w_key(w, "outcomes");
    json_w_open(w);
    for (uint32_t i = ATTEMPT_NONE + 1; i < ATTEMPT_OUTCOME_N; i++) {
        json_w_ki64(w, attempt_outcome_word((enum attempt_outcome)i), (int64_t)p->outcomes[i]);
    }
    json_w_close(w);
    api_json_time(w, "next_at", p->next_us > 1 ? p->next_us : 0);
}

static void put_campaign(struct json_w *w, const struct campaign_row *c, const struct campaign_progress *p, bool full)
{
    json_w_open(w);
    json_w_kstr(w, "campaign_id", c->id);
    json_w_kstr(w, "name", c->name);
    json_w_kz(w, "status", p && is_over(c, p) ? "completed" : campaign_status_word(c->status));
    json_w_kstr(w, "note", c->note);
    api_json_time(w, "created_at", c->created_us);
    api_json_time(w, "started_at", c->started_us);
    api_json_time(w, "updated_at", c->updated_us);
    if (full) {
        json_w_key(w, "settings");
        json_w_raw(w, c->settings);
    }
    if (p) {
        json_w_key(w, "progress");
        json_w_open(w);
        put_progress(w, p);
        json_w_close(w);
    }
    json_w_close(w);
}

static void put_contact(struct json_w *w, const struct contact_row *c)
{
    json_w_open(w);
    json_w_ki64(w, "contact_id", (int64_t)c->id);
    json_w_kstr(w, "name", c->name);
    json_w_kstr(w, "phone_number", c->phone);
    json_w_kz(w, "state", contact_state_word(c->state));
    json_w_ki64(w, "attempts", c->attempts);
    json_w_kz(w, "last_outcome", c->last_outcome == ATTEMPT_NONE ? NULL : attempt_outcome_word(c->last_outcome));
    api_json_time(w, "next_at", c->state == CONTACT_PENDING ? c->next_us : 0);
    json_w_kstr(w, "note", c->note);
    json_w_kstr(w, "timezone", c->timezone);
    json_w_kstr(w, "agent", c->agent);
    json_w_kstr(w, "caller_id", c->caller_id);
    json_w_key(w, "custom_vars");
    json_w_raw(w, c->vars);
    json_w_close(w);
}

static void put_attempt(struct json_w *w, const struct attempt_row *t)
{
    json_w_open(w);
    json_w_kstr(w, "call_id", t->id);
    json_w_ki64(w, "contact_id", (int64_t)t->contact_id);
    json_w_ki64(w, "number", t->number);
    json_w_kstr(w, "phone_number", t->phone);
    json_w_kstr(w, "caller_id", t->caller_id);
    json_w_kstr(w, "agent", t->agent);
    json_w_kz(w, "outcome", t->outcome == ATTEMPT_NONE ? NULL : attempt_outcome_word(t->outcome));
    api_json_time(w, "created_at", t->created_us);
    api_json_time(w, "answered_at", t->answered_us);
    api_json_time(w, "ended_at", t->ended_us);
    if (t->duration_s >= 0) {
        json_w_ki64(w, "duration", t->duration_s);
    } else {
        json_w_kz(w, "duration", NULL);
    }
    json_w_kstr(w, "answered_by", t->answerer);
    json_w_kstr(w, "consent", t->consent);
    json_w_kstr(w, "carrier_call_id", t->carrier_call_id);
    json_w_kstr(w, "cause", t->cause);
    json_w_kstr(w, "error", t->error);
    json_w_kstr(w, "gateway", t->owner);
    json_w_close(w);
}

/* ------------------------------------------------------------------------------------------------ job thread: looking
 */

static int list_campaigns(struct campaign_job *job)
{
    struct campaign_rows rows;
    int err = ops_of(job)->list(store_of(job), &job->filter, &job->base.arena, &rows);
    if (err < 0) {
        return err;
    }
    struct json_w w = json_w(&job->base.out);
    json_w_open(&w);
    json_w_ki64(&w, "total", (int64_t)rows.total);
    json_w_key(&w, "campaigns");
    json_w_array(&w);
    for (uint32_t i = 0; i < rows.n && err >= 0; i++) {
        struct campaign_progress p;
        err = ops_of(job)->progress(store_of(job), rows.campaigns[i].id, &p);
        put_campaign(&w, &rows.campaigns[i], &p, false);
    }
    json_w_end(&w);
    json_w_close(&w);
    return err;
}

static int show(struct campaign_job *job, struct str id)
{
    struct campaign_row c;
    struct campaign_progress p;
    int err = ops_of(job)->get(store_of(job), id, &job->base.arena, &c);
    err = err < 0 ? err : ops_of(job)->progress(store_of(job), id, &p);
    if (err < 0) {
        return err == -ENOENT ? not_found(job) : err;
    }
    struct json_w w = json_w(&job->base.out);
    if (job->verb == API_CAMPAIGN_PROGRESS) {
        json_w_open(&w);
        json_w_kstr(&w, "campaign_id", c.id);
        json_w_kz(&w, "status", is_over(&c, &p) ? "completed" : campaign_status_word(c.status));
        put_progress(&w, &p);
        json_w_close(&w);
    } else {
        put_campaign(&w, &c, &p, true);
    }
    return 0;
}

static int exists(struct campaign_job *job)
{
    struct campaign_row c;
    return ops_of(job)->get(store_of(job), str_from(job->base.id), &job->base.arena, &c);
}

static int list_of(struct campaign_job *job, bool attempts)
{
    struct campaign_rows rows;
    const struct campaign_ops *ops = ops_of(job);
    int err = exists(job);
    job->filter.campaign_id = str_from(job->base.id);
    err = err < 0 ? err
                  : (attempts ? ops->attempts : ops->contacts)(store_of(job), &job->filter, &job->base.arena, &rows);
    if (err < 0) {
        return err == -ENOENT ? not_found(job) : err;
    }
    struct json_w w = json_w(&job->base.out);
    json_w_open(&w);
    json_w_ki64(&w, "total", (int64_t)rows.total);
    json_w_key(&w, attempts ? "attempts" : "contacts");
    json_w_array(&w);
    for (uint32_t i = 0; i < rows.n; i++) {
        if (attempts) {
            put_attempt(&w, &rows.attempts[i]);
        } else {
            put_contact(&w, &rows.contacts[i]);
        }
    }
    json_w_end(&w);
    json_w_close(&w);
    return 0;
}

/* ------------------------------------------------------------------------------------------------ job thread: changing
 */

/* Reads, checks and writes the settings anew, so that what is kept is complete. 1: refused. */
static int read_settings(struct campaign_job *job, struct campaign_row *c)
{
    const struct api_host *host = job->base.api->o.host;
    struct campaign_settings s;
    struct buf out;
    int err = campaign_settings_read(job->body, job->timezone, &job->base.arena, &job->why, &s);

    if (err >= 0 && host->zone_known && !host->zone_known(s.timezone)) {
        buf_printf(&job->why, "timezone: \"%.40s\" is not known; names are like Europe/Berlin", s.timezone.p);
        err = -ERR_CONFIG;
    }
    if (err == -ERR_CONFIG) {
        refuse(job, 400, buf_cstr(&job->why));
        return 1;
    }
    if (err < 0) {
        return err;
    }
    buf_init(&out, 2 * CAMPAIGN_SETTINGS_MAX);
    campaign_settings_write(&s, &out);
    *c = (struct campaign_row){.name = s.name,
                               .status = CAMPAIGN_DRAFT,
                               .settings = arena_str(&job->base.arena, buf_str(&out)),
                               .max_concurrent = s.max_concurrent,
                               .interval_us = campaign_interval_us(&s),
                               .run_start_us = s.run_start_us,
                               .run_end_us = s.run_end_us,
                               .created_us = job->base.now_us,
                               .updated_us = job->base.now_us};
    err = out.err < 0 || !c->settings.p ? -ENOMEM : 0;
    buf_done(&out);
    return err;
}

static int create(struct campaign_job *job)
{
    struct campaign_row c;
    int err = read_settings(job, &c);
    if (err != 0) {
        return MIN(err, 0);
    }
    c.id = str_from(job->new_id);
    err = ops_of(job)->create(store_of(job), &c);
    if (err >= 0) {
        err = show(job, c.id);
        job->base.status = 201;
        log_info(NULL, "campaign.created", "campaign=%s", job->new_id);
    }
    return err;
}

static int change(struct campaign_job *job)
{
    struct campaign_row c;
    int err = read_settings(job, &c);
    if (err != 0) {
        return MIN(err, 0);
    }
    c.id = str_from(job->base.id);
    err = ops_of(job)->change(store_of(job), &c);
    if (err == -ENOENT) {
        return not_found(job);
    }
    if (err == -ERR_STATE) {
        return refuse(job, 409, "The campaign runs or is archived: pause it first");
    }
    return err < 0 ? err : show(job, c.id);
}

static int remove_it(struct campaign_job *job)
{
    int err = ops_of(job)->remove(store_of(job), str_from(job->base.id));
    if (err == -ENOENT) {
        return not_found(job);
    }
    if (err == -ERR_STATE) {
        return refuse(job, 409, "The campaign runs: stop it first");
    }
    if (err == -EBUSY) {
        return refuse(job, 409, "Contacts of the campaign are being called");
    }
    buf_puts(&job->base.out, "{\"deleted\":true}");
    return err;
}

/* Which states may go where. */
static const struct move {
    enum campaign_status to;
    uint32_t from;
    const char *refusal;
} moves[] = {
    [API_CAMPAIGN_START] = {CAMPAIGN_RUNNING, BIT(CAMPAIGN_DRAFT) | BIT(CAMPAIGN_PAUSED) | BIT(CAMPAIGN_STOPPED),
                            "The campaign runs already, or is archived"},
    [API_CAMPAIGN_PAUSE] = {CAMPAIGN_PAUSED, BIT(CAMPAIGN_RUNNING), "The campaign does not run"},
    [API_CAMPAIGN_STOP] = {CAMPAIGN_STOPPED, BIT(CAMPAIGN_RUNNING) | BIT(CAMPAIGN_PAUSED),
                           "The campaign neither runs nor is paused"},
    [API_CAMPAIGN_ARCHIVE] = {CAMPAIGN_ARCHIVED, BIT(CAMPAIGN_DRAFT) | BIT(CAMPAIGN_PAUSED) | BIT(CAMPAIGN_STOPPED),
                              "The campaign runs: stop it first"},
};

static int move(struct campaign_job *job)
{
    const struct move *m = &moves[job->verb];
    struct str id = str_from(job->base.id);
    int err = ops_of(job)->move(store_of(job), id, m->from, m->to, STR(""), job->base.now_us);
    if (err == -ENOENT) {
        return not_found(job);
    }
    if (err == -ERR_STATE) {
        return refuse(job, 409, m->refusal);
    }
    if (err >= 0) {
        job->changed = true;
        log_info(NULL, "campaign.moved", "campaign=%s status=%s", job->base.id, campaign_status_word(m->to));
    }
    return err < 0 ? err : show(job, id);
}

static bool zone_known(struct str name, void *arg)
{
    const struct campaign_job *job = arg;
    const struct api_host *host = job->base.api->o.host;
    return !host->zone_known || host->zone_known(name);
}

static void put_report(struct campaign_job *job, const struct import *im, const bool *added)
{
    struct json_w w = json_w(&job->base.out);
    uint32_t fresh = 0;
    for (uint32_t i = 0; i < im->n; i++) {
        fresh += added[i];
    }
    json_w_open(&w);
    json_w_ki64(&w, "added", fresh);
    json_w_ki64(&w, "existing", im->n - fresh + im->doubled);
    json_w_ki64(&w, "refused", im->refused);
    json_w_key(&w, "errors");
    json_w_array(&w);
    for (uint32_t i = 0; i < im->n_errors; i++) {
        json_w_open(&w);
        json_w_ki64(&w, "line", im->errors[i].line);
        json_w_kstr(&w, "error", im->errors[i].reason);
        json_w_close(&w);
    }
    json_w_end(&w);
    json_w_close(&w);
    log_info(NULL, "campaign.imported", "campaign=%s added=%u existing=%u refused=%u", job->base.id, fresh,
             im->n - fresh + im->doubled, im->refused);
}

static int import_table(struct campaign_job *job)
{
    const struct import_opts o = {.campaign_id = str_from(job->base.id),
                                  .country = job->country,
                                  .zone_known = zone_known,
                                  .number = job->base.api->o.host->contact_number,
                                  .arg = job};
    struct import im;
    int err = exists(job);
    if (err < 0) {
        return err == -ENOENT ? not_found(job) : err;
    }
    err = import_read(job->body, &o, &job->base.arena, &job->why, &im);
    if (err == -ERR_CONFIG) {
        return refuse(job, 400, buf_cstr(&job->why));
    }
    bool *added = err < 0 ? NULL : arena_alloc(&job->base.arena, MAX(im.n, 1u));
    err = err < 0 ? err : added ? 0 : -ENOMEM;
    for (uint32_t i = 0; err >= 0 && i < im.n; i += ADD_AT_ONCE) {
        err = ops_of(job)->add(store_of(job), im.rows + i, MIN(im.n - i, (uint32_t)ADD_AT_ONCE), job->base.now_us,
                               added + i);
    }
    if (err >= 0) {
        put_report(job, &im, added);
        job->changed = true;
    }
    return err == -ENOENT ? not_found(job) : err;
}

static int set_contact(struct campaign_job *job, enum contact_state state)
{
    int err = ops_of(job)->contact_set(store_of(job), str_from(job->base.id), job->contact_id, state);
    if (err == -ENOENT) {
        return refuse(job, 404, "Contact not found");
    }
    if (err == -ERR_STATE) {
        return refuse(job, 409, "The contact is being called");
    }
    job->changed = err >= 0;
    buf_printf(&job->base.out, "{\"contact_id\":%llu,\"state\":\"%s\"}", (unsigned long long)job->contact_id,
               contact_state_word(state));
    return err;
}

/* ------------------------------------------------------------------------------------------------ do not call */

static int dnc_list(struct campaign_job *job)
{
    struct dnc_row *list = NULL;
    uint32_t n = 0;
    uint64_t total = 0;
    int err = ops_of(job)->dnc_list(store_of(job), job->filter.limit, job->filter.offset, &job->base.arena, &list, &n,
                                    &total);
    if (err < 0) {
        return err;
    }
    struct json_w w = json_w(&job->base.out);
    json_w_open(&w);
    json_w_ki64(&w, "total", (int64_t)total);
    json_w_key(&w, "numbers");
    json_w_array(&w);
    for (uint32_t i = 0; i < n; i++) {
        json_w_open(&w);
        json_w_kstr(&w, "phone_number", list[i].phone);
        json_w_kstr(&w, "reason", list[i].reason);
        api_json_time(&w, "added_at", list[i].added_us);
        json_w_close(&w);
    }
    json_w_end(&w);
    json_w_close(&w);
    return 0;
}

/* False: refused; of a number that is there and is none with the number, else with how it is to be given. */
static bool take_number(struct campaign_job *job, struct str text, char ret[E164_MAX], const char *how)
{
    const struct api_host *host = job->base.api->o.host;
    int err =
        host->contact_number ? host->contact_number(text, job->country, ret) : e164_normalize(text, job->country, ret);
    if (err < 0 && text.n > 0 && text.n <= 64 && utf8_valid(text)) {
        buf_printf(&job->why, "\"" STR_FMT "\" is no telephone number; write it with + and the country's code",
                   STR_ARG(text));
        how = buf_cstr(&job->why);
    }
    if (err < 0) {
        refuse(job, 400, how);
    }
    return err >= 0;
}

static int dnc_add(struct campaign_job *job)
{
    struct json_val doc;
    struct buf room;
    struct str phone = STR(""), reason = STR("");
    char number[E164_MAX];

    buf_init(&room, 4096);
    int err = json_parse(job->body, &doc);
    err = err < 0 ? err : json_to_str(json_get(doc, "phone_number"), &room, &phone);
    if (err >= 0 && json_get(doc, "reason").type != JSON_NONE) {
        err = json_to_str(json_get(doc, "reason"), &room, &reason);
    }
    static const char how[] = "The body must be {\"phone_number\": \"+15550001111\", \"reason\": \"...\"}";
    if (err < 0 || reason.n > 500 || !utf8_valid(reason)) {
        err = refuse(job, 400, how);
    } else if (take_number(job, phone, number, how)) {
        const struct dnc_row row = {str_from(number), reason, job->base.now_us};
        err = ops_of(job)->dnc_add(store_of(job), &row, 1);
        buf_printf(&job->base.out, "{\"phone_number\":\"%s\"}", number);
        job->base.status = 201;
    }
    buf_done(&room);
    return err;
}

static int dnc_remove(struct campaign_job *job)
{
    char number[E164_MAX];
    if (!take_number(job, job->phone, number, "phone must be a number such as %2B15550001111")) {
        return 0;
    }
    int err = ops_of(job)->dnc_remove(store_of(job), str_from(number));
    if (err == -ENOENT) {
        return refuse(job, 404, "The number is not on the list");
    }
    buf_puts(&job->base.out, "{\"deleted\":true}");
    return err;
}

static int work(void *arg)
{
    struct campaign_job *job = arg;
    switch (job->verb) {
    case API_CAMPAIGN_LIST:
        return list_campaigns(job);
    case API_CAMPAIGN_CREATE:
        return create(job);
    case API_CAMPAIGN_SHOW:
    case API_CAMPAIGN_PROGRESS:
        return show(job, str_from(job->base.id));
    case API_CAMPAIGN_CHANGE:
        return change(job);
    case API_CAMPAIGN_REMOVE:
        return remove_it(job);
    case API_CAMPAIGN_START:
    case API_CAMPAIGN_PAUSE:
    case API_CAMPAIGN_STOP:
    case API_CAMPAIGN_ARCHIVE:
        return move(job);
    case API_CAMPAIGN_IMPORT:
        return import_table(job);
    case API_CAMPAIGN_CONTACTS:
        return list_of(job, false);
    case API_CAMPAIGN_ATTEMPTS:
        return list_of(job, true);
    case API_CAMPAIGN_REDIAL:
        return set_contact(job, CONTACT_PENDING);
    case API_CAMPAIGN_CANCEL:
        return set_contact(job, CONTACT_CANCELED);
    case API_DNC_LIST:
        return dnc_list(job);
    case API_DNC_ADD:
        return dnc_add(job);
    case API_DNC_REMOVE:
        return dnc_remove(job);
    }
    return -EINVAL;
}

/* ------------------------------------------------------------------------------------------------ loop */

static void finish(int err, void *arg)
{
    struct campaign_job *job = arg;
    struct api *api = job->base.api;
    struct buf why = job->why; /* the answer may point into it */

    if (err >= 0 && job->changed && api->o.host->campaigns_changed) {
        api->o.host->campaigns_changed(api->o.arg);
    }
    api_job_finish(err, job);
    buf_done(&why);
}

/* "?status=draft" or "?state=pending"; a sentence for the 400. */
static const char *read_words(struct campaign_job *job, struct str query)
{
    bool campaigns = job->verb == API_CAMPAIGN_LIST;
    struct str word = STR_NULL;
    enum campaign_status status;
    enum contact_state state;

    if (api_query_get(query, campaigns ? "status" : "state", &job->base.arena, &word) < 0) {
        return "The query string is malformed";
    }
    if (word.n == 0) {
        return NULL;
    }
    if (campaigns && campaign_status_parse(word, &status) >= 0) {
        job->filter.states = BIT(status);
        return NULL;
    }
    if (!campaigns && contact_state_parse(word, &state) >= 0) {
        job->filter.states = BIT(state);
        return NULL;
    }
    return campaigns
               ? "status must be draft, running, paused, stopped or archived"
               : "state must be pending, leased, dialing, amd_pending, in_progress, completed, failed or canceled";
}

static const char *read_contact_id(struct campaign_job *job)
{
    struct json_val doc;
    int64_t id = 0;
    if (json_parse(job->body, &doc) < 0 || json_to_i64(json_get(doc, "contact_id"), &id) < 0 || id <= 0) {
        return "The body must be {\"contact_id\": 7}";
    }
    job->contact_id = (uint64_t)id;
    return NULL;
}

static const char *read_request(struct campaign_job *job, const struct http_request *req)
{
    switch (job->verb) {
    case API_CAMPAIGN_LIST:
    case API_CAMPAIGN_CONTACTS: {
        const char *wrong = read_words(job, req->query);
        return wrong ? wrong : api_query_page(req->query, &job->filter.limit, &job->filter.offset);
    }
    case API_CAMPAIGN_ATTEMPTS:
        if (api_query_u64(req->query, "contact_id", INT64_MAX, &job->filter.contact_id) < 0) {
            return "contact_id must be a number";
        }
        return api_query_page(req->query, &job->filter.limit, &job->filter.offset);
    case API_DNC_LIST:
        return api_query_page(req->query, &job->filter.limit, &job->filter.offset);
    case API_DNC_REMOVE:
        return api_query_get(req->query, "phone", &job->base.arena, &job->phone) < 0 || job->phone.n == 0
                   ? "phone must be a number such as %2B15550001111"
                   : NULL;
    case API_CAMPAIGN_REDIAL:
    case API_CAMPAIGN_CANCEL:
        return read_contact_id(job);
    case API_CAMPAIGN_CREATE:
    case API_CAMPAIGN_SHOW:
    case API_CAMPAIGN_CHANGE:
    case API_CAMPAIGN_REMOVE:
    case API_CAMPAIGN_START:
    case API_CAMPAIGN_PAUSE:
    case API_CAMPAIGN_STOP:
    case API_CAMPAIGN_ARCHIVE:
    case API_CAMPAIGN_PROGRESS:
    case API_CAMPAIGN_IMPORT:
    case API_DNC_ADD:
        break;
    }
    return NULL;
}

void api_campaigns(struct api *api, struct http_exchange *x, const struct http_request *req,
                   enum api_campaign_verb verb, struct str id)
{
    if (!api->o.ops->campaigns) {
        api_error(api, x, 501, STR_NULL, "The record store keeps no campaigns");
        return;
    }
    struct campaign_job *job = api_job_new(api, x, sizeof(*job), id);
    if (!job) {
        return;
    }
    job->verb = verb;
    buf_init(&job->why, 1024);
    dialer_id_new(job->new_id);
    job->body = arena_str(&job->base.arena, str_of_span(req->body));
    job->country = arena_str(&job->base.arena, api->opts->country);
    job->timezone = arena_str(&job->base.arena, api->opts->timezone.n ? api->opts->timezone : STR("UTC"));
    job->base.error = job->body.p && job->country.p && job->timezone.p ? read_request(job, req) : "Out of memory";
    api_job_run(&job->base, work, finish);
}
