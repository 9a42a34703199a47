/*
 * At the start: the application of our name gets our addresses, and our number gets the application.
 *
 *     LIST (page by page) -> MAKE | CHANGE | nothing -> NUMBER -> ASSIGN | nothing -> ready
 *
 * Applications of other names and numbers that are not in the configuration are never touched.
 */
#include <stdlib.h>

#include "base/json.h"
#include "carriers/plivo/plivo_impl.h"

#define JSON_MAX     (16u << 10)
#define PAGE         20
#define PAGES_MAX    50
#define APP_ID_MAX   64
#define NAME_MAX_LEN 120
#define RESOURCE_MAX 256
#define DEFAULT_NAME "Ringtrip"

enum setup_step { SETUP_LIST, SETUP_MAKE, SETUP_CHANGE, SETUP_NUMBER, SETUP_ASSIGN };

static const char *const steps[] = {"list applications", "create the application", "update the application",
                                    "look the number up", "assign the number"};

struct plivo_setup {
    struct plivo *p;
    struct account_request *request;
    enum setup_step step;
    uint32_t page;
    bool assigned; /* by us, just now: the log says so */
    char app_id[APP_ID_MAX + 1];
};

static void setup_free(struct plivo_setup *s)
{
    s->p->setup = NULL;
    free(s);
}

void plivo_setup_drop(struct plivo *p)
{
    if (p->setup) {
        if (p->setup->request) {
            account_forget(p->setup->request);
        }
        setup_free(p->setup);
    }
}

static struct str app_name(const struct plivo *p)
{
    return or_str(p->opts->application, DEFAULT_NAME);
}

/* ---- our addresses ---- */

static const struct {
    const char *url_key, *method_key, *path;
} addresses[] = {
    {"answer_url", "answer_method", PLIVO_ANSWER_PATH},
    {"hangup_url", "hangup_method", PLIVO_HANGUP_PATH},
    {"fallback_answer_url", "fallback_method", PLIVO_FALLBACK_PATH},
};

static void put_application(const struct plivo *p, struct buf *json, bool with_name)
{
    struct json_w w = json_w(json);
    json_w_open(&w);
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        struct buf url;
        buf_init(&url, CLOUD_URL_MAX);
        cloud_put_own_url(&p->cloud, &url, addresses[i].path, STR(""));
        json_w_kstr(&w, addresses[i].url_key, buf_str(&url));
        json_w_kz(&w, addresses[i].method_key, "POST");
        json->err = json->err ? json->err : url.err;
        buf_done(&url);
    }
    if (with_name) {
        json_w_kstr(&w, "app_name", app_name(p));
    }
    json_w_close(&w);
}

static bool is_current(const struct plivo *p, struct json_val app)
{
    bool same = true;
    for (size_t i = 0; i < ARRAY_LEN(addresses) && same; i++) {
        struct buf url;
        struct json_val v = json_get(app, addresses[i].url_key);
        struct json_val method = json_get(app, addresses[i].method_key);
        buf_init(&url, CLOUD_URL_MAX);
        cloud_put_own_url(&p->cloud, &url, addresses[i].path, STR(""));
        same = v.type == JSON_STRING && !v.escaped && str_eq(v.s, buf_str(&url)) && method.type == JSON_STRING &&
               str_is(method.s, "POST");
        buf_done(&url);
    }
    return same;
}

/* ---- steps ---- */

static void on_answer(const struct carrier_result *result, struct str body, void *arg);

static void fail(struct plivo_setup *s, const struct carrier_result *r)
{
    log_error(&s->p->cloud.scope, "plivo.setup-failed",
              "step=\"%s\" err=%s status=%d message=\"" STR_FMT
              "\" text=\"callers do not reach this server yet; it serves all the same\"",
              steps[s->step], err_name(r->err), r->status, STR_ARG(r->message));
    setup_free(s);
}

static void ask(struct plivo_setup *s, enum setup_step step, const char *method, const char *resource,
                const struct buf *json)
{
    const struct plivo_order o = {.method = method, .resource = resource, .json = json, .makes = step == SETUP_MAKE};
    s->step = step;
    int err = plivo_rest_start(s->p, &o, &(struct account_wait){.reply = on_answer, .arg = s, .ret = &s->request});
    if (err < 0) {
        fail(s, &(struct carrier_result){.err = err});
    }
}

static void ask_list(struct plivo_setup *s)
{
    struct buf resource;
    buf_init(&resource, RESOURCE_MAX * 2);
    buf_puts(&resource, "Application/?app_name=");
    form_put_encoded(&resource, app_name(s->p));
    buf_printf(&resource, "&limit=%d&offset=%u", PAGE, s->page * PAGE);
    buf_putc(&resource, '\0');
    if (resource.err < 0) {
        fail(s, &(struct carrier_result){.err = resource.err});
    } else {
        ask(s, SETUP_LIST, "GET", (const char *)buf_ptr(&resource), NULL);
    }
    buf_done(&resource);
}

static void ask_application(struct plivo_setup *s, enum setup_step step)
{
    char resource[RESOURCE_MAX];
    struct buf json;
    int n = step == SETUP_MAKE ? snprintf(resource, sizeof(resource), "Application/")
                               : snprintf(resource, sizeof(resource), "Application/%s/", s->app_id);
    buf_init(&json, JSON_MAX);
    put_application(s->p, &json, step == SETUP_MAKE);
    if (n > 0 && (size_t)n < sizeof(resource)) {
        ask(s, step, "POST", resource, &json);
    } else {
        fail(s, &(struct carrier_result){.err = -ENOSPC});
    }
    buf_done(&json);
}

static void ask_number(struct plivo_setup *s, enum setup_step step)
{
    char resource[RESOURCE_MAX];
    struct buf json;
    struct str number = plivo_bare(s->p->opts->phone_number);
    int n = snprintf(resource, sizeof(resource), "Number/" STR_FMT "/", STR_ARG(number));
    buf_init(&json, JSON_MAX);
    struct json_w w = json_w(&json);
    json_w_open(&w);
    json_w_kz(&w, "app_id", s->app_id);
    json_w_close(&w);
    if (n > 0 && (size_t)n < sizeof(resource)) {
        ask(s, step, step == SETUP_ASSIGN ? "POST" : "GET", resource, step == SETUP_ASSIGN ? &json : NULL);
    } else {
        fail(s, &(struct carrier_result){.err = -ENOSPC});
    }
    buf_done(&json);
}

static void ready(struct plivo_setup *s)
{
    struct str number = plivo_bare(s->p->opts->phone_number);
    log_info(&s->p->cloud.scope, "plivo.ready",
             "application=" STR_FMT " app_id=%s assigned=%d text=\"Ready! Call +" STR_FMT " to test\"",
             STR_ARG(app_name(s->p)), s->app_id, s->assigned, STR_ARG(number));
    setup_free(s);
}

/* ---- answers ---- */

static bool keep_id(struct plivo_setup *s, struct str id)
{
    return plivo_is_id(id) && str_copy(s->app_id, sizeof(s->app_id), id) >= 0;
}

/* The application of exactly our name: the carrier's filter takes more. */
static bool find_application(struct json_val objects, struct str name, struct json_val *ret)
{
    struct json_it it = json_array(objects);
    struct json_val app;
    while (json_elem(&it, &app)) {
        struct json_val v = app.type == JSON_OBJECT ? json_get(app, "app_name") : (struct json_val){0};
        if (v.type == JSON_STRING && !v.escaped && str_eq(v.s, name)) {
            *ret = app;
            return true;
        }
    }
    return false;
}

static void on_list(struct plivo_setup *s, struct json_val doc)
{
    struct json_val app;
    struct json_val meta = json_get(doc, "meta");
    if (find_application(json_get(doc, "objects"), app_name(s->p), &app)) {
        struct json_val id = json_get(app, "app_id");
        if (id.type != JSON_STRING || !keep_id(s, id.s)) {
            fail(s, &(struct carrier_result){.err = -ERR_MISSING, .message = STR("the application has no app_id")});
        } else if (is_current(s->p, app)) {
            ask_number(s, SETUP_NUMBER);
        } else {
            ask_application(s, SETUP_CHANGE);
        }
    } else if (meta.type == JSON_OBJECT && json_get(meta, "next").type == JSON_STRING && ++s->page < PAGES_MAX) {
        ask_list(s);
    } else {
        ask_application(s, SETUP_MAKE);
    }
}

/* The application of a number is a path that ends with its id. */
static void on_number(struct plivo_setup *s, struct json_val doc)
{
    char want[APP_ID_MAX + 32];
    struct json_val v = json_get(doc, "application");
    int n = snprintf(want, sizeof(want), "/Application/%s/", s->app_id);
    if (n > 0 && v.type == JSON_STRING && str_ends(v.s, (struct str){want, (size_t)n})) {
        ready(s);
    } else {
        ask_number(s, SETUP_ASSIGN);
    }
}

static void on_answer(const struct carrier_result *result, struct str body, void *arg)
{
    struct plivo_setup *s = arg;
    struct json_val doc = {0};
    s->request = NULL;
    if (result->err == -ECANCELED) {
        setup_free(s);
        return;
    }
    int err = result->err;
    if (err >= 0 && (json_parse(body, &doc) < 0 || doc.type != JSON_OBJECT)) {
        err = -ERR_SYNTAX;
    }
    if (err < 0) {
        struct carrier_result told = *result;
        told.err = err;
        fail(s, &told);
        return;
    }
    switch (s->step) {
    case SETUP_LIST:
        on_list(s, doc);
        break;
    case SETUP_MAKE:
        if (keep_id(s, result->id)) {
            ask_number(s, SETUP_NUMBER);
        } else {
            fail(s, &(struct carrier_result){.err = -ERR_MISSING, .message = STR("the application has no app_id")});
        }
        break;
    case SETUP_CHANGE:
        ask_number(s, SETUP_NUMBER);
        break;
    case SETUP_NUMBER:
        on_number(s, doc);
        break;
    case SETUP_ASSIGN:
        s->assigned = true;
        ready(s);
        break;
    }
}

/* ---- the start ---- */

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool ok = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
        if (!ok) {
            return false;
        }
    }
    return s.n > 0 && s.n <= NAME_MAX_LEN;
}

/* What would have to be there; false: something is not. */
static bool complete(const struct plivo *p)
{
    const struct plivo_opts *o = p->opts;
    struct buf missing;
    buf_init(&missing, 1024);
    const struct {
        bool there;
        const char *name;
    } parts[] = {
        {o->auth_id.n > 0, "carriers.plivo.auth_id (PLIVO_AUTH_ID)"},
        {o->n_auth_tokens > 0, "carriers.plivo.auth_token (PLIVO_AUTH_TOKEN)"},
        {o->phone_number.n > 0, "carriers.plivo.phone_number (PLIVO_PHONE_NUMBER)"},
        {o->public_url.n > 0, "server.public_url (PUBLIC_URL)"},
        {is_name(app_name(p)), "carriers.plivo.application of letters, digits, - and _ only"},
    };
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (!parts[i].there) {
            buf_printf(&missing, "%s%s", missing.len > 0 ? ", " : "", parts[i].name);
        }
    }
    bool all = missing.len == 0;
    if (!all) {
        log_warn(&p->cloud.scope, "plivo.not-configured",
                 "missing=\"" STR_FMT "\" text=\"the application and the number are left as they are\"",
                 STR_ARG(buf_str(&missing)));
    }
    buf_done(&missing);
    return all;
}

void plivo_configure(struct plivo *p)
{
    if (p->setup || !complete(p)) {
        return;
    }
    struct plivo_setup *s = calloc(1, sizeof(*s));
    if (!s) {
        return;
    }
    s->p = p;
    p->setup = s;
    ask_list(s);
}
