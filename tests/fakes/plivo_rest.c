#include "fakes/plivo_rest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/json.h"
#include "net/crypto.h"
#include "test.h"
#include "wire/form.h"
#include "wire/plivo_sig.h"

#define PREFIX "/v1/Account/" PLIVO_REST_ID "/"

static void problem(struct plivo_rest *s, const char *what)
{
    if (!s->problem[0]) {
        snprintf(s->problem, sizeof(s->problem), "%s", what);
    }
}

static void reply(struct http_exchange *x, int status, const char *json)
{
    http_respond(x, status, STR("application/json"), STR_NULL, span_of_str(str_from(json)));
}

static void refuse(struct plivo_rest *s, struct http_exchange *x, int status, const char *why)
{
    char body[512];
    problem(s, why);
    snprintf(body, sizeof(body), "{\"api_id\":\"a\",\"error\":\"%s\"}", why);
    reply(x, status, body);
}

static bool authorized(const struct http_request *req)
{
    static const char pair[] = PLIVO_REST_ID ":" PLIVO_REST_TOKEN;
    struct str given = http_header(req, "Authorization");
    uint8_t text[128];
    if (!str_starts(given, STR("Basic ")) || base64_dec_max(given.n - 6) > sizeof(text)) {
        return false;
    }
    int n = base64_decode(text, (struct str){given.p + 6, given.n - 6});
    return n == sizeof(pair) - 1 && memcmp(text, pair, sizeof(pair) - 1) == 0;
}

static void keep(char *dst, size_t cap, struct json_val v)
{
    assert_true(json_copy_str(v, dst, cap) >= 0);
}

/* Each key is known and of its type: s text, i number, b truth. */
static bool fits(struct plivo_rest *s, struct json_val doc, const char *const *keys)
{
    struct json_it it = json_object(doc);
    struct str key;
    struct json_val v;
    while (json_next(&it, &key, &v)) {
        const char *const *k = keys;
        while (*k && !str_is(key, *k + 1)) {
            k++;
        }
        enum json_type want = !*k ? JSON_NONE : **k == 's' ? JSON_STRING : **k == 'i' ? JSON_NUMBER : v.type;
        if (!*k || v.type != want) {
            char what[128];
            snprintf(what, sizeof(what), "%s key %.*s", *k ? "wrong type of" : "unknown", (int)key.n, key.p);
            problem(s, what);
            return false;
        }
    }
    return it.err == 0;
}

static bool is_digits(struct json_val v)
{
    bool ok = v.type == JSON_STRING && v.s.n >= 7 && v.s.n <= 15;
    for (size_t i = 0; ok && i < v.s.n; i++) {
        ok = v.s.p[i] >= '0' && v.s.p[i] <= '9';
    }
    return ok;
}

static bool has(struct json_val doc, const char *key)
{
    return json_get(doc, key).type != JSON_NONE;
}

/* ---- calls ---- */

static const char *const dial_keys[] = {"sfrom",
                                        "sto",
                                        "sanswer_url",
                                        "sanswer_method",
                                        "sring_url",
                                        "sring_method",
                                        "shangup_url",
                                        "shangup_method",
                                        "sfallback_url",
                                        "sfallback_method",
                                        "iring_timeout",
                                        "itime_limit",
                                        "smachine_detection",
                                        "imachine_detection_time",
                                        "smachine_detection_url",
                                        "smachine_detection_method",
                                        NULL};
static const char *const transfer_keys[] = {"slegs", "saleg_url", "saleg_method", NULL};
static const char *const record_keys[] = {"itime_limit",   "sfile_format",     "srecord_channel_type",
                                          "scallback_url", "scallback_method", NULL};

static void on_create(struct plivo_rest *s, struct http_exchange *x, struct json_val doc)
{
    char body[256];
    if (!fits(s, doc, dial_keys) || !is_digits(json_get(doc, "from")) || !has(doc, "answer_url")) {
        refuse(s, x, 400, "from, to and answer_url are mandatory");
        return;
    }
    s->calls++;
    snprintf(body, sizeof(body),
             "{\"message\":\"call fired\",\"request_uuid\":\"00000000-0000-4000-a000-%012u\",\"api_id\":\"a\"}",
             s->calls);
    reply(x, 201, body);
}

struct fetch {
    struct plivo_rest *s;
    char call[64];
};

static void on_fetched(const struct http_reply *r, void *arg)
{
    struct fetch *f = arg;
    if (f->s->on_document && r->err == 0) {
        f->s->on_document(f->s, f->call, r->status, str_of_span(r->body), f->s->arg);
    }
    free(f);
}

static void on_transfer(struct plivo_rest *s, struct http_exchange *x, struct str uuid, struct json_val doc)
{
    char url[512];
    char form[256];
    struct json_val legs = json_get(doc, "legs");
    if (!fits(s, doc, transfer_keys) || legs.type != JSON_STRING || !str_is(legs.s, "aleg") || !has(doc, "aleg_url")) {
        refuse(s, x, 400, "legs and aleg_url are mandatory");
        return;
    }
    keep(url, sizeof(url), json_get(doc, "aleg_url"));
    s->transfers++;
    snprintf(s->last_call, sizeof(s->last_call), "%.*s", (int)uuid.n, uuid.p);
    reply(x, 202, "{\"message\":\"call transferred\",\"api_id\":\"a\"}");
    if (s->on_document) {
        struct fetch *f = calloc(1, sizeof(*f));
        assert_non_null(f);
        f->s = s;
        snprintf(f->call, sizeof(f->call), "%s", s->last_call);
        snprintf(form, sizeof(form), "CallUUID=%s&From=15005550001&To=%s&CallStatus=in-progress&Event=Redirect",
                 f->call, PLIVO_REST_NUMBER);
        plivo_rest_ring(s, url, form, PLIVO_REST_TOKEN, on_fetched, f);
    }
}

static void on_call(struct plivo_rest *s, struct http_exchange *x, const struct http_request *req, struct str rest,
                    struct json_val doc)
{
    size_t end = str_find(rest, '/');
    struct str uuid = {rest.p, end};
    struct str part = end < rest.n ? (struct str){rest.p + end + 1, rest.n - end - 1} : STR("?");
    if (str_is(req->method, "GET")) {
        const char *body = str_search(req->query, STR("status=queued")) != SIZE_MAX ? s->queued
                           : str_search(req->query, STR("status=live")) != SIZE_MAX ? s->live
                                                                                    : s->finished;
        reply(x, body ? 200 : 404, body ? body : "{\"api_id\":\"a\",\"error\":\"not found\"}");
    } else if (str_is(part, "?")) {
        refuse(s, x, 404, "the path has no slash at its end");
    } else if (str_is(req->method, "DELETE") && part.n == 0) {
        s->hangups++;
        snprintf(s->last_call, sizeof(s->last_call), "%.*s", (int)uuid.n, uuid.p);
        http_respond(x, 204, STR_NULL, STR_NULL, (struct span){NULL, 0});
        if (s->on_hangup) {
            s->on_hangup(s, s->last_call, s->arg);
        }
    } else if (str_is(req->method, "POST") && str_is(part, "Record/")) {
        s->records += fits(s, doc, record_keys);
        reply(x, 202,
              "{\"url\":\"u\",\"message\":\"call recording started\",\"recording_id\":\"r-1\",\"api_id\":\"a\"}");
    } else if (str_is(req->method, "POST") && part.n == 0) {
        on_transfer(s, x, uuid, doc);
    } else {
        refuse(s, x, 404, "no such resource of a call");
    }
}

/* ---- messages ---- */

static void on_message(struct plivo_rest *s, struct http_exchange *x, struct json_val doc)
{
    static const char *const keys[] = {"ssrc", "sdst", "stext", "surl", "smethod", NULL};
    if (!fits(s, doc, keys) || !is_digits(json_get(doc, "src")) || !is_digits(json_get(doc, "dst"))) {
        refuse(s, x, 400, "src and dst are digits");
        return;
    }
    s->messages++;
    reply(x, 202, "{\"message\":\"message(s) queued\",\"message_uuid\":[\"m-1\"],\"api_id\":\"a\"}");
}

/* ---- applications and numbers ---- */

static void put_app(struct buf *out, const struct plivo_rest_app *a)
{
    buf_printf(
        out,
        "{\"api_id\":\"a\",\"app_id\":\"%s\",\"app_name\":\"%s\",\"answer_url\":\"%s\",\"answer_method\":\"POST\","
        "\"hangup_url\":\"%s\",\"hangup_method\":\"POST\",\"fallback_answer_url\":\"%s\","
        "\"fallback_method\":\"POST\",\"enabled\":true}",
        a->id, a->name, a->answer_url, a->hangup_url, a->fallback_url);
}

static uint32_t offset_of(struct str query)
{
    struct buf v;
    int64_t n = 0;
    buf_init(&v, 64);
    if (form_find(query, "offset", &v)) {
        assert_int_equal(str_to_i64(buf_str(&v), &n), 0);
    }
    buf_done(&v);
    return (uint32_t)n;
}

static void list_apps(struct plivo_rest *s, struct http_exchange *x, struct str query)
{
    struct buf out;
    size_t from = offset_of(query);
    size_t to = MIN(from + 20, s->n_apps);
    buf_init(&out, 1 << 16);
    buf_printf(&out,
               "{\"api_id\":\"a\",\"meta\":{\"limit\":20,\"offset\":%zu,\"next\":%s,\"previous\":null,"
               "\"total_count\":%zu},\"objects\":[",
               from, to < s->n_apps ? "\"/v1/next\"" : "null", s->n_apps);
    for (size_t i = from; i < to; i++) {
        buf_puts(&out, i > from ? "," : "");
        put_app(&out, &s->apps[i]);
    }
    buf_puts(&out, "]}");
    reply(x, 200, buf_cstr(&out));
    buf_done(&out);
}

static void on_app(struct plivo_rest *s, struct http_exchange *x, const struct http_request *req, struct str rest,
                   struct json_val doc)
{
    static const char *const keys[] = {"sanswer_url",          "sanswer_method",   "shangup_url", "shangup_method",
                                       "sfallback_answer_url", "sfallback_method", "sapp_name",   NULL};
    char body[128];
    struct plivo_rest_app *a = NULL;
    if (str_is(req->method, "GET")) {
        list_apps(s, x, req->query);
        return;
    }
    for (size_t i = 0; i < s->n_apps; i++) {
        bool this = rest.n == strlen(s->apps[i].id) + 1 && str_starts(rest, str_from(s->apps[i].id));
        a = this ? &s->apps[i] : a;
    }
    if (!fits(s, doc, keys) || (rest.n > 0 && !a) || (rest.n == 0) != has(doc, "app_name")) {
        refuse(s, x, 400, "an application is changed by its id, and made with a name");
        return;
    }
    bool made = !a;
    if (made) {
        assert_true(s->n_apps < ARRAY_LEN(s->apps));
        a = &s->apps[s->n_apps++];
        snprintf(a->id, sizeof(a->id), "1578473544268505%zu", s->n_apps);
        keep(a->name, sizeof(a->name), json_get(doc, "app_name"));
    }
    s->app_writes++;
    keep(a->answer_url, sizeof(a->answer_url), json_get(doc, "answer_url"));
    keep(a->hangup_url, sizeof(a->hangup_url), json_get(doc, "hangup_url"));
    keep(a->fallback_url, sizeof(a->fallback_url), json_get(doc, "fallback_answer_url"));
    snprintf(body, sizeof(body), "{\"message\":\"%s\",\"app_id\":\"%s\",\"api_id\":\"a\"}",
             made ? "created" : "changed", a->id);
    reply(x, made ? 201 : 202, body);
}

static void on_number(struct plivo_rest *s, struct http_exchange *x, const struct http_request *req, struct str rest,
                      struct json_val doc)
{
    static const char *const keys[] = {"sapp_id", NULL};
    char body[512];
    if (s->no_number || !str_is(rest, PLIVO_REST_NUMBER "/")) {
        refuse(s, x, 404, "not found");
    } else if (str_is(req->method, "GET")) {
        snprintf(body, sizeof(body), "{\"api_id\":\"a\",\"number\":\"" PLIVO_REST_NUMBER "\",\"application\":%s%s%s}",
                 s->number_app[0] ? "\"" : "", s->number_app[0] ? s->number_app : "null", s->number_app[0] ? "\"" : "");
        reply(x, 200, body);
    } else if (fits(s, doc, keys) && has(doc, "app_id")) {
        char id[64];
        keep(id, sizeof(id), json_get(doc, "app_id"));
        s->number_writes++;
        snprintf(s->number_app, sizeof(s->number_app), PREFIX "Application/%s/", id);
        reply(x, 202, "{\"message\":\"changed\",\"api_id\":\"a\"}");
    } else {
        refuse(s, x, 400, "app_id is missing");
    }
}

/* ---- the service ---- */

static void serve(struct plivo_rest *s, struct http_exchange *x, const struct http_request *req, struct str rest)
{
    struct json_val doc = {0};
    bool get = str_is(req->method, "GET");
    if (!get && (json_parse(str_of_span(req->body), &doc) < 0 || doc.type != JSON_OBJECT ||
                 !str_is(http_header(req, "Content-Type"), "application/json"))) {
        refuse(s, x, 400, "the body is no JSON object");
        return;
    }
    static const struct {
        const char *name;
        void (*serve)(struct plivo_rest *s, struct http_exchange *x, const struct http_request *req, struct str rest,
                      struct json_val doc);
    } trees[] = {{"Application/", on_app}, {"Number/", on_number}};
    if (str_is(rest, "Call/") && str_is(req->method, "POST")) {
        on_create(s, x, doc);
    } else if (str_is(rest, "Message/") && str_is(req->method, "POST")) {
        on_message(s, x, doc);
    } else if (str_starts(rest, STR("Request/")) && str_is(req->method, "DELETE")) {
        s->cancels++;
        http_respond(x, 204, STR_NULL, STR_NULL, (struct span){NULL, 0});
    } else if (str_starts(rest, STR("Call/"))) {
        on_call(s, x, req, (struct str){rest.p + 5, rest.n - 5}, doc);
    } else {
        for (size_t i = 0; i < ARRAY_LEN(trees); i++) {
            struct str name = str_from(trees[i].name);
            if (str_starts(rest, name)) {
                trees[i].serve(s, x, req, (struct str){rest.p + name.n, rest.n - name.n}, doc);
                return;
            }
        }
        refuse(s, x, 404, "no such resource");
    }
}

static void on_request(struct http_exchange *x, const struct http_request *req, void *arg)
{
    struct plivo_rest *s = arg;
    struct str prefix = STR(PREFIX);
    s->requests++;
    if (!authorized(req)) {
        problem(s, "Could not verify your access level for that URL.");
        http_respond(x, 401, STR("text/plain"), STR_NULL,
                     span_of_str(STR("Could not verify your access level for that URL.")));
        return;
    }
    if (!str_starts(req->path, prefix)) {
        refuse(s, x, 404, "another account");
        return;
    }
    struct str rest = {req->path.p + prefix.n, req->path.n - prefix.n};
    struct str target = {req->target.p + prefix.n, req->target.n - prefix.n};
    buf_printf(&s->log, STR_FMT " " STR_FMT " %.*s\n", STR_ARG(req->method), STR_ARG(target), (int)req->body.n,
               (const char *)req->body.p);
    if (s->fault.times > 0) {
        s->fault.times--;
        if (s->fault.status == 0) {
            assert_true(s->n_unanswered < ARRAY_LEN(s->unanswered));
            s->unanswered[s->n_unanswered++] = x;
            return;
        }
        s->calls += s->fault.acts;
        http_respond(x, s->fault.status, str_from(s->fault.type ? s->fault.type : "application/json"), STR_NULL,
                     span_of_str(str_from(s->fault.body ? s->fault.body : "{}")));
        return;
    }
    serve(s, x, req, rest);
}

static const struct http_server_handler requests = {.on_request = on_request};

void plivo_rest_open(struct plivo_rest *s, struct loop *loop)
{
    struct http_server_opts so = {.host = "127.0.0.1"};
    *s = (struct plivo_rest){.loop = loop};
    buf_init(&s->log, 1 << 20);
    assert_int_equal(http_server_open(loop, &so, &requests, s, &s->server), 0);
    assert_int_equal(http_client_new(loop, &s->http), 0);
    snprintf(s->base, sizeof(s->base), "http://127.0.0.1:%u", (unsigned)http_server_port(s->server));
}

void plivo_rest_close(struct plivo_rest *s)
{
    for (uint32_t i = 0; i < s->n_unanswered; i++) {
        http_respond(s->unanswered[i], 500, STR_NULL, STR_NULL, (struct span){NULL, 0});
    }
    s->http = http_client_free(s->http);
    http_server_free(s->server);
    buf_done(&s->log);
}

static void nobody(const struct http_reply *r UNUSED, void *arg UNUSED)
{
}

void plivo_rest_ring(struct plivo_rest *s, const char *url, const char *form, const char *token, http_reply_fn done,
                     void *arg)
{
    struct form *params = malloc(sizeof(*params));
    struct buf text;
    struct buf headers;
    uint64_t id;
    assert_non_null(params);
    form_init(params, 1 << 16);
    buf_init(&text, 1 << 16);
    buf_init(&headers, 4096);
    buf_puts(&headers, "Content-Type: application/x-www-form-urlencoded\r\n");
    if (token[0]) {
        uint8_t mac[32];
        char signature[48];
        assert_int_equal(form_decode(params, str_from(form)), 0);
        assert_int_equal(plivo_sign_base(&text, str_from(url), params, STR("12345")), 0);
        crypto_hmac_sha256(span_of_str(str_from(token)), buf_span(&text), mac);
        signature[base64_encode(signature, span_from(mac, sizeof(mac)))] = '\0';
        buf_printf(&headers, "X-Plivo-Signature-V3: %s\r\nX-Plivo-Signature-V3-Nonce: 12345\r\n", signature);
    }
    char at[512];
    const char *path = strstr(url, "://");
    path = path ? strchr(path + 3, '/') : NULL;
    snprintf(at, sizeof(at), "%s%s", s->reach[0] && path ? s->reach : "", s->reach[0] && path ? path : url);
    const struct http_call_opts o = {.method = "POST",
                                     .url = str_from(at),
                                     .headers = buf_str(&headers),
                                     .body = span_of_str(str_from(form)),
                                     .deadline_ms = 5000,
                                     .max_response_bytes = 1 << 16};
    assert_int_equal(http_call(s->http, &o, done ? done : nobody, arg, &id), 0);
    form_done(params);
    free(params);
    buf_done(&text);
    buf_done(&headers);
}
