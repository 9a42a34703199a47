#include "api/api.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/api_approvals.h"
#include "api/api_auth.h"
#include "api/api_callbacks.h"
#include "api/api_calls.h"
#include "api/api_campaigns.h"
#include "api/api_control.h"
#include "api/api_dial.h"
#include "api/api_verbs.h"
#include "api/openapi_text.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"

enum route {
    ROUTE_ROOT,
    ROUTE_HEALTH,
    ROUTE_LIVE,
    ROUTE_READY,
    ROUTE_METRICS,
    ROUTE_OPENAPI,
    ROUTE_CALLS,
    ROUTE_CALL,
    ROUTE_CALL_STATUS,
    ROUTE_CALL_HANGUP,
    ROUTE_CALL_RECORD,
    ROUTE_CALL_TURN,
    ROUTE_CALL_TEXT,
    ROUTE_CALL_INTERRUPT,
    ROUTE_CALL_RESPOND,
    ROUTE_CALL_COMMIT,
    ROUTE_CALL_SAY,
    ROUTE_CALL_MESSAGE,
    ROUTE_CALL_AGENT,
    ROUTE_CALL_RECONNECT,
    ROUTE_CALL_EVENTS,
    ROUTE_CALL_HISTORY,
    ROUTE_V1_CALLS,
    ROUTE_V1_CALL,
    ROUTE_APPROVALS,
    ROUTE_APPROVAL,
    ROUTE_CALLBACKS,
    ROUTE_CALLBACK,
    ROUTE_CALLBACK_CLOSE,
    ROUTE_V1_TRACE,
    ROUTE_DIAL,
    ROUTE_OUTBOUND_CALL,
    ROUTE_OUTBOUND_STATUS,
    ROUTE_OUTBOUND_HANGUP,
    ROUTE_OUTBOUND_CAMPAIGN,
    ROUTE_CAMPAIGN, /* the first of enum api_campaign_verb; the others follow */
};

#define CAMPAIGN(verb) (enum route)(ROUTE_CAMPAIGN + API_CAMPAIGN_##verb)

/* A path with "*" for the call's id; several rows of one path are its methods. */
static const struct {
    const char *path;
    const char *method;
    enum route route;
    bool control;
} routes[] = {
    {"/", "GET", ROUTE_ROOT, false},
    {"/health", "GET", ROUTE_HEALTH, false},
    {"/live", "GET", ROUTE_LIVE, false},
    {"/ready", "GET", ROUTE_READY, false},
    {"/metrics", "GET", ROUTE_METRICS, false},
    {"/openapi.json", "GET", ROUTE_OPENAPI, false},
    {"/calls", "GET", ROUTE_CALLS, true},
    {"/calls/*", "DELETE", ROUTE_CALL, true},
    {"/calls/*/status", "GET", ROUTE_CALL_STATUS, true},
    {"/calls/*/hangup", "POST", ROUTE_CALL_HANGUP, true},
    {"/v1/calls", "GET", ROUTE_V1_CALLS, true},
    {"/v1/calls", "POST", ROUTE_DIAL, true},
    {"/outbound/call", "POST", ROUTE_OUTBOUND_CALL, true},
    {"/outbound/status/*", "GET", ROUTE_OUTBOUND_STATUS, true},
    {"/outbound/hangup/*", "POST", ROUTE_OUTBOUND_HANGUP, true},
    {"/outbound/campaign/*", "GET", ROUTE_OUTBOUND_CAMPAIGN, true},
    {"/v1/calls/*", "GET", ROUTE_V1_CALL, true},
    {"/v1/calls/*/trace", "GET", ROUTE_V1_TRACE, true},
    {"/v1/calls/*", "DELETE", ROUTE_CALL, true},
    {"/v1/calls/*/hangup", "POST", ROUTE_CALL_HANGUP, true},
    {"/v1/calls/*/record", "POST", ROUTE_CALL_RECORD, true},
    {"/v1/calls/*/turn", "POST", ROUTE_CALL_TURN, true},
    {"/v1/calls/*/text", "POST", ROUTE_CALL_TEXT, true},
    {"/v1/calls/*/interrupt", "POST", ROUTE_CALL_INTERRUPT, true},
    {"/v1/calls/*/respond", "POST", ROUTE_CALL_RESPOND, true},
    {"/v1/calls/*/commit", "POST", ROUTE_CALL_COMMIT, true},
    {"/v1/calls/*/say", "POST", ROUTE_CALL_SAY, true},
    {"/v1/calls/*/message", "POST", ROUTE_CALL_MESSAGE, true},
    {"/v1/calls/*/agent", "POST", ROUTE_CALL_AGENT, true},
    {"/v1/calls/*/reconnect", "POST", ROUTE_CALL_RECONNECT, true},
    {"/v1/calls/*/events", "GET", ROUTE_CALL_EVENTS, true},
    {"/v1/calls/*/history", "GET", ROUTE_CALL_HISTORY, true},
    {"/v1/approvals", "GET", ROUTE_APPROVALS, true},
    {"/v1/approvals/*", "POST", ROUTE_APPROVAL, true},
    {"/v1/callbacks", "GET", ROUTE_CALLBACKS, true},
    {"/v1/callbacks/*", "GET", ROUTE_CALLBACK, true},
    {"/v1/callbacks/*/close", "POST", ROUTE_CALLBACK_CLOSE, true},
    {"/v1/campaigns", "GET", CAMPAIGN(LIST), true},
    {"/v1/campaigns", "POST", CAMPAIGN(CREATE), true},
    {"/v1/campaigns/*", "GET", CAMPAIGN(SHOW), true},
    {"/v1/campaigns/*", "PUT", CAMPAIGN(CHANGE), true},
    {"/v1/campaigns/*", "DELETE", CAMPAIGN(REMOVE), true},
    {"/v1/campaigns/*/start", "POST", CAMPAIGN(START), true},
    {"/v1/campaigns/*/pause", "POST", CAMPAIGN(PAUSE), true},
    {"/v1/campaigns/*/stop", "POST", CAMPAIGN(STOP), true},
    {"/v1/campaigns/*/archive", "POST", CAMPAIGN(ARCHIVE), true},
    {"/v1/campaigns/*/progress", "GET", CAMPAIGN(PROGRESS), true},
    {"/v1/campaigns/*/contacts", "GET", CAMPAIGN(CONTACTS), true},
    {"/v1/campaigns/*/contacts", "POST", CAMPAIGN(IMPORT), true},
    {"/v1/campaigns/*/redial", "POST", CAMPAIGN(REDIAL), true},
    {"/v1/campaigns/*/cancel", "POST", CAMPAIGN(CANCEL), true},
    {"/v1/campaigns/*/attempts", "GET", CAMPAIGN(ATTEMPTS), true},
    {"/v1/do-not-call", "GET", (enum route)(ROUTE_CAMPAIGN + API_DNC_LIST), true},
    {"/v1/do-not-call", "POST", (enum route)(ROUTE_CAMPAIGN + API_DNC_ADD), true},
    {"/v1/do-not-call", "DELETE", (enum route)(ROUTE_CAMPAIGN + API_DNC_REMOVE), true},
};

int api_new(const struct api_new_opts *o, const struct api_opts *opts, struct api **ret)
{
    struct api *api = calloc(1, sizeof(*api));
    if (!api) {
        return -ENOMEM;
    }
    api->o = *o;
    api->opts = opts;
    *ret = api;
    return 0;
}

struct api *api_free(struct api *api)
{
    free(api);
    return NULL;
}

void api_set_opts(struct api *api, const struct api_opts *opts)
{
    api->opts = opts;
}

uint32_t api_pending(const struct api *api)
{
    return api->pending;
}

/* ---- answers ---- */

static void count(struct api *api, int status)
{
    const char *word = status < 200   ? "1xx"
                       : status < 300 ? "2xx"
                       : status < 400 ? "3xx"
                       : status < 500 ? "4xx"
                                      : "5xx";
    metrics_add_word(api->o.metrics, METRIC_HTTP, str_from(word), 1);
}

void api_respond(struct api *api, struct http_exchange *x, int status, struct str headers, struct str json)
{
    count(api, status);
    http_respond(x, status, STR("application/json"), headers, span_of_str(json));
}

void api_error(struct api *api, struct http_exchange *x, int status, struct str headers, const char *text)
{
    struct buf out;
    buf_init(&out, 4096);
    struct json_w w = json_w(&out);
    json_w_open(&w);
    json_w_kz(&w, "error", text);
    json_w_close(&w);
    api_respond(api, x, status, headers, buf_str(&out));
    buf_done(&out);
}

static void respond_buf(struct api *api, struct http_exchange *x, int status, struct buf *out)
{
    if (out->err < 0) {
        api_error(api, x, 500, STR_NULL, err_text(out->err));
    } else {
        api_respond(api, x, status, STR_NULL, buf_str(out));
    }
    buf_done(out);
}

/* The host name of the public URL: what the reference calls the public domain. */
static struct str public_domain(struct str url)
{
    size_t at = str_search(url, STR("://"));
    if (at != SIZE_MAX) {
        url = (struct str){url.p + at + 3, url.n - at - 3};
    }
    return (struct str){url.p, str_find(url, '/')};
}

static void answer_root(struct api *api, struct http_exchange *x)
{
    struct buf out;
    buf_init(&out, 4096);
    struct json_w w = json_w(&out);
    struct str domain = public_domain(api->opts->public_url);
    json_w_open(&w);
    json_w_kz(&w, "status", "ok");
    json_w_kz(&w, "service", "ringtrip");
    json_w_kz(&w, "version", RINGTRIP_VERSION);
    json_w_kstr(&w, "phone_number", api->opts->phone_number.n ? api->opts->phone_number : STR("not configured"));
    if (domain.n > 0) {
        json_w_kstr(&w, "public_domain", domain);
    } else {
        json_w_kz(&w, "public_domain", NULL);
    }
    json_w_close(&w);
    respond_buf(api, x, 200, &out);
}

static void answer_health(struct api *api, struct http_exchange *x)
{
    struct api_health h = {0};
    struct buf out;
    api->o.host->health(&h, api->o.arg);
    buf_init(&out, 4096);
    struct json_w w = json_w(&out);
    json_w_open(&w);
    json_w_kz(&w, "status", "healthy");
    json_w_kz(&w, "service", "ringtrip");
    json_w_kz(&w, "version", RINGTRIP_VERSION);
    json_w_kbool(&w, "ready", h.ready);
    json_w_ki64(&w, "calls_active", h.calls);
    json_w_ki64(&w, "max_calls", h.max_calls);
    json_w_ki64(&w, "uptime_s", (int64_t)h.uptime_s);
    json_w_ki64(&w, "mcp_servers", h.mcp_servers);
    json_w_ki64(&w, "mcp_servers_up", h.mcp_up);
    json_w_close(&w);
    respond_buf(api, x, 200, &out);
}

static void answer_ready(struct api *api, struct http_exchange *x)
{
    struct api_health h = {0};
    struct buf out;
    api->o.host->health(&h, api->o.arg);
    metrics_set(api->o.metrics, METRIC_READY, h.ready);
    if (h.ready) {
        api_respond(api, x, 200, STR_NULL, STR("{\"status\":\"ready\"}"));
        return;
    }
    buf_init(&out, 4096);
    struct json_w w = json_w(&out);
    json_w_open(&w);
    json_w_kz(&w, "status", "not_ready");
    json_w_kz(&w, "error", h.reason);
    json_w_close(&w);
    api_respond(api, x, 503, STR("Retry-After: 5\r\n"), buf_str(&out));
    buf_done(&out);
}

static void answer_metrics(struct api *api, struct http_exchange *x, const struct http_request *req)
{
    struct api_health h = {0};
    struct buf out;
    if (str_search(http_header(req, "Accept"), STR("application/json")) != SIZE_MAX) {
        api_calls_read(api, x, API_METRICS_JSON, STR(""), STR_NULL);
        return;
    }
    api->o.host->health(&h, api->o.arg);
    metrics_set(api->o.metrics, METRIC_READY, h.ready);
    api->o.host->gauges(api->o.arg);
    count(api, 200);
    buf_init(&out, 1u << 20);
    metrics_print(api->o.metrics, &out);
    if (out.err < 0) {
        http_respond(x, 500, STR("text/plain"), STR_NULL, span_of_str(str_from(err_text(out.err))));
    } else {
        http_respond(x, 200, STR(METRICS_CONTENT_TYPE), STR_NULL, buf_span(&out));
    }
    buf_done(&out);
}

/* ---- routing ---- */

static bool id_ok(struct str id)
{
    if (id.n == 0 || id.n > CALL_ID_MAX) {
        return false;
    }
    for (size_t i = 0; i < id.n; i++) {
        char c = id.p[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!alnum && c != '-' && c != '_') {
            return false;
        }
    }
    return true;
}

/* pattern with at most one "*", which stands for an id. */
static bool path_is(struct str path, const char *pattern, struct str *ret_id)
{
    struct str want = str_from(pattern);
    size_t star = str_find(want, '*');
    struct str head = {want.p, star};
    if (star == want.n) {
        return str_eq(path, want);
    }
    struct str tail = {want.p + star + 1, want.n - star - 1};
    if (path.n <= head.n + tail.n || !str_starts(path, head) || !str_ends(path, tail)) {
        return false;
    }
    struct str id = {path.p + head.n, path.n - head.n - tail.n};
    if (!id_ok(id)) {
        return false;
    }
    *ret_id = id;
    return true;
}

static void run_route(struct api *api, struct http_exchange *x, const struct http_request *req, enum route route,
                      struct str id)
{
    switch (route) {
    case ROUTE_ROOT:
        answer_root(api, x);
        break;
    case ROUTE_HEALTH:
        answer_health(api, x);
        break;
    case ROUTE_LIVE:
        api_respond(api, x, 200, STR_NULL, STR("{\"status\":\"live\"}"));
        break;
    case ROUTE_READY:
        answer_ready(api, x);
        break;
    case ROUTE_METRICS:
        answer_metrics(api, x, req);
        break;
    case ROUTE_OPENAPI:
        api_respond(api, x, 200, STR_NULL, str_from(openapi_text));
        break;
    case ROUTE_CALLS:
        api_calls_read(api, x, API_LIST, STR(""), req->query);
        break;
    case ROUTE_CALL:
        api_calls_remove(api, x, id);
        break;
    case ROUTE_CALL_STATUS:
        api_calls_read(api, x, API_STATUS, id, STR_NULL);
        break;
    case ROUTE_CALL_HANGUP:
        api_control_hangup(api, x, id);
        break;
    case ROUTE_CALL_RECORD:
        api_control_record(api, x, id);
        break;
    case ROUTE_CALL_TURN:
        api_control_turn(api, x, id, req->body);
        break;
    case ROUTE_CALL_TEXT:
        api_control_text(api, x, id, req->body);
        break;
    case ROUTE_CALL_INTERRUPT:
    case ROUTE_CALL_RESPOND:
    case ROUTE_CALL_COMMIT:
    case ROUTE_CALL_SAY:
    case ROUTE_CALL_MESSAGE:
    case ROUTE_CALL_AGENT:
    case ROUTE_CALL_RECONNECT:
        api_verb(api, x, (enum api_verb)(API_INTERRUPT + (route - ROUTE_CALL_INTERRUPT)), id, req->body);
        break;
    case ROUTE_CALL_EVENTS:
        api_events(api, x, id, req->query);
        break;
    case ROUTE_CALL_HISTORY:
        api_history(api, x, id);
        break;
    case ROUTE_V1_CALLS:
        api_calls_read(api, x, API_RECORD_LIST, STR(""), req->query);
        break;
    case ROUTE_V1_CALL:
        api_calls_read(api, x, API_RECORD, id, STR_NULL);
        break;
    case ROUTE_APPROVALS:
        api_approvals_list(api, x);
        break;
    case ROUTE_APPROVAL:
        api_approvals_decide(api, x, id, req->body);
        break;
    case ROUTE_CALLBACKS:
        api_callbacks_list(api, x, req->query);
        break;
    case ROUTE_CALLBACK:
        api_callbacks_get(api, x, id);
        break;
    case ROUTE_CALLBACK_CLOSE:
        api_callbacks_close(api, x, id, req->body);
        break;
    case ROUTE_V1_TRACE:
        api_calls_read(api, x, API_TRACE, id, STR_NULL);
        break;
    case ROUTE_DIAL:
        api_dial(api, x, req);
        break;
    case ROUTE_OUTBOUND_CALL:
        api_outbound_call(api, x, req);
        break;
    case ROUTE_OUTBOUND_STATUS:
        api_outbound_status(api, x, id);
        break;
    case ROUTE_OUTBOUND_HANGUP:
        api_outbound_hangup(api, x, id);
        break;
    case ROUTE_OUTBOUND_CAMPAIGN:
        api_outbound_campaign(api, x, id);
        break;
    case ROUTE_CAMPAIGN:
        break; /* api_handle has them */
    }
}

static void refuse(struct api *api, struct http_exchange *x, const struct http_request *req)
{
    metrics_add_word(api->o.metrics, METRIC_AUTH_FAILURES, STR("bearer"), 1);
    log_warn(NULL, "api.unauthorized", "peer=" STR_FMT " method=" STR_FMT, STR_ARG(req->peer), STR_ARG(req->method));
    api_error(api, x, 401, STR("WWW-Authenticate: Bearer realm=\"ringtrip\"\r\n"),
              "This route needs \"Authorization: Bearer\" with a token of server.tokens");
}

void api_handle(struct api *api, struct http_exchange *x, const struct http_request *req)
{
    struct str id = STR_NULL;
    char allow[64] = "Allow:";
    size_t allow_n = sizeof("Allow:") - 1;
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        if (!path_is(req->path, routes[i].path, &id)) {
            continue;
        }
        if (str_is(req->method, routes[i].method)) {
            if (routes[i].control && !api_auth_ok(api->opts, req)) {
                refuse(api, x, req);
            } else if (routes[i].route >= ROUTE_CAMPAIGN) {
                api_campaigns(api, x, req, (enum api_campaign_verb)(routes[i].route - ROUTE_CAMPAIGN), id);
            } else {
                run_route(api, x, req, routes[i].route, id);
            }
            return;
        }
        int n = snprintf(allow + allow_n, sizeof(allow) - allow_n, "%s %s", allow_n > 6 ? "," : "", routes[i].method);
        allow_n += n > 0 ? (size_t)n : 0;
    }
    if (allow_n > 6) {
        char text[96];
        ignore_result(snprintf(text, sizeof(text), "This path takes%s", allow + sizeof("Allow:") - 1) < 0); /* fits */
        ignore_result(snprintf(allow + allow_n, sizeof(allow) - allow_n, "\r\n") < 0); /* three short words fit */
        api_error(api, x, 405, str_from(allow), text);
    } else {
        api_error(api, x, 404, STR_NULL, "There is nothing here; GET /openapi.json lists what there is");
    }
}
