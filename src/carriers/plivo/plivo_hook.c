/* Webhooks: what Plivo asks of us over HTTP, and the documents that it gets. */
#include "carriers/plivo/plivo_impl.h"

#define ANSWER_MAX_BYTES (100u << 10) /* the vendor's limit */
#define NUMBER_MAX       64
#define RING_S           30

/* Numbers come as digits; inside they have their plus. What is no number stays as it is. */
static struct str with_plus(struct str s, char room[NUMBER_MAX])
{
    bool digits = s.n > 3 && s.n <= 15;
    for (size_t i = 0; i < s.n && digits; i++) {
        digits = s.p[i] >= '0' && s.p[i] <= '9';
    }
    if (!digits) {
        return s;
    }
    room[0] = '+';
    memcpy(room + 1, s.p, s.n);
    return (struct str){room, s.n + 1};
}

/* The media socket's address: the one-time token, and what comes back with the stream. */
static void put_media_url(const struct plivo *p, const struct http_request *req, const struct carrier_answer *a,
                          struct buf *out)
{
    struct buf query;
    buf_init(&query, CLOUD_URL_MAX);
    if (a->token[0]) {
        form_put(&query, STR(CARRIER_TOKEN_PARAM), str_from(a->token));
    }
    for (uint32_t i = 0; i < a->n_params && i < CARRIER_ANSWER_MAX_PARAMS; i++) {
        form_put(&query, a->params[i].name, a->params[i].value);
    }
    cloud_put_url(&p->cloud, req, true, STR(PLIVO_MEDIA_PATH), out);
    if (out->len > 0 && query.len > 0) {
        buf_putc(out, '?');
        buf_put_str(out, buf_str(&query));
    }
    out->err = out->err ? out->err : query.err;
    buf_done(&query);
}

enum { URL_MEDIA, URL_AFTER, URL_STATUS, URL_RECORDING, URL_N };

/* False: we do not know our own address. */
static bool put_connect(const struct plivo *p, const struct http_request *req, const struct carrier_answer *a,
                        struct buf *out)
{
    struct buf url[URL_N];
    int err = 0;
    for (int i = 0; i < URL_N; i++) {
        buf_init(&url[i], CLOUD_URL_MAX);
    }
    put_media_url(p, req, a, &url[URL_MEDIA]);
    cloud_put_url(&p->cloud, req, false, STR(PLIVO_AFTER_PATH), &url[URL_AFTER]);
    if (p->opts->public_url.n > 0) {
        cloud_put_url(&p->cloud, req, false, STR(PLIVO_STREAM_PATH), &url[URL_STATUS]);
    }
    if (p->opts->record) {
        cloud_put_url(&p->cloud, req, false, STR(PLIVO_RECORDING_PATH), &url[URL_RECORDING]);
    }
    for (int i = 0; i < URL_N; i++) {
        err = err ? err : url[i].err;
    }
    const struct plivo_urls urls = {
        .media = buf_str(&url[URL_MEDIA]),
        .after = buf_str(&url[URL_AFTER]),
        .status = buf_str(&url[URL_STATUS]),
        .recording = buf_str(&url[URL_RECORDING]),
    };
    bool known = urls.media.n > 0 && err == 0;
    if (known) {
        plivo_put_connect(out, &urls);
    }
    for (int i = 0; i < URL_N; i++) {
        buf_done(&url[i]);
    }
    return known;
}

static void respond_xml(struct http_exchange *x, const struct buf *out)
{
    if (out->err) {
        cloud_respond(x, 500, "The answer is too long.\n");
    } else {
        http_respond(x, 200, STR("application/xml"), STR_NULL, buf_span(out));
    }
}

static void put_ask(const struct plivo *p, struct str attempt, const struct carrier_answer *a, struct buf *out)
{
    struct buf url;
    buf_init(&url, CLOUD_URL_MAX);
    cloud_put_round_url(&p->cloud, &url, PLIVO_ASKED_PATH, attempt, a->ask_round);
    plivo_put_ask(out, a, buf_str(&url), plivo_words(p).voice);
    out->err = out->err ? out->err : url.err;
    buf_done(&url);
}

static void answer(struct plivo *p, struct http_exchange *x, const struct http_request *req,
                   const struct carrier_answer *a, const struct carrier_incoming *in)
{
    struct buf out;
    buf_init(&out, ANSWER_MAX_BYTES);
    bool known = true;
    if (a->kind == CARRIER_ANSWER_CONNECT) {
        known = put_connect(p, req, a, &out);
    } else if (a->kind == CARRIER_ANSWER_ASK) {
        put_ask(p, in->attempt, a, &out);
    } else {
        struct plivo_words words = plivo_words(p);
        /* A number of our own only where the caller has none that could be shown. */
        words.caller_id = in->from.n > 0 && in->from.p[0] == '+' ? STR_NULL : words.caller_id;
        plivo_put_answer(&out, a, &words);
    }
    if (!known) {
        log_error(&p->cloud.scope, "plivo.no-public-url", "path=" STR_FMT, STR_ARG(req->path));
        cloud_respond(x, 500, "server.public_url is not set and the request names no Host.\n");
    } else {
        respond_xml(x, &out);
    }
    buf_done(&out);
}

static void ask_host(struct plivo *p, enum plivo_hook hook, const struct carrier_incoming *in, struct carrier_answer *a)
{
    const struct carrier_host *host = p->cloud.host;
    struct carrier *c = &p->cloud.base;
    if (hook == PLIVO_HOOK_ANSWER) {
        host->on_incoming(c, in, a, p->cloud.arg);
    } else if (hook == PLIVO_HOOK_AFTER && host->on_after) {
        host->on_after(c, in, a, p->cloud.arg);
    } else if (hook == PLIVO_HOOK_DIALLED && host->on_dialled) {
        host->on_dialled(c, in, a, p->cloud.arg);
    } else if (hook == PLIVO_HOOK_ASKED && host->on_asked) {
        host->on_asked(c, in, a, p->cloud.arg);
    } else if (hook == PLIVO_HOOK_APOLOGY) {
        a->kind = CARRIER_ANSWER_APOLOGY;
    }
}

/* Words that end a call: the carrier says it is over. */
static bool is_over(const struct params *params)
{
    return plivo_outcome(params_get(params, "CallStatus")) != CARRIER_OUTCOME_NONE;
}

static void on_call(struct plivo *p, struct http_exchange *x, const struct http_request *req, enum plivo_hook hook,
                    const struct params *params, bool is_signed)
{
    char from[NUMBER_MAX], to[NUMBER_MAX], forwarded[NUMBER_MAX];
    struct str dialled = params_get(params, "DialStatus");
    const struct carrier_incoming in = {
        .call_id = params_get(params, "CallUUID"),
        .account_id = params_get(params, "ParentAuthID"),
        .from = with_plus(params_get(params, "From"), from),
        .to = with_plus(params_get(params, "To"), to),
        .direction = params_get(params, "Direction"),
        .forwarded_from = with_plus(params_get(params, "ForwardedFrom"), forwarded),
        .caller_name = params_get(params, "CallerName"),
        .dial_status = dialled,
        .dial_answered = str_is(dialled, "completed"),
        .caller_gone = is_over(params),
        .attempt = params_attempt(params),
        .asks = params_round(params) >= 0,
        .round = (uint32_t)MAX(params_round(params), 0),
        .key = params_get(params, "Digits"),
        .query_call_id = params_get(params, "call_id"),
        .peer = req->peer,
        .traceparent = http_header(req, "traceparent"),
        .tracestate = http_header(req, "tracestate"),
        .signature_ok = is_signed,
        .headers = params->headers,
        .n_headers = params->n_headers,
        .params = params->list,
        .n_params = params->n,
    };
    struct carrier_answer a = {.kind = CARRIER_ANSWER_HANGUP};
    ask_host(p, hook, &in, &a);
    if (hook == PLIVO_HOOK_APOLOGY) {
        a.text = form_get(&params->query, PLIVO_SAY_PARAM);
    }
    answer(p, x, req, &a, &in);
}

/* The carrier comes for the document of a transfer: our stream has done its part. */
static void on_transfer(struct plivo *p, struct http_exchange *x, const struct params *params)
{
    struct str to = form_get(&params->query, "to");
    struct buf url;
    struct buf out;
    buf_init(&url, CLOUD_URL_MAX);
    buf_init(&out, ANSWER_MAX_BYTES);
    if (!cloud_is_number(to) && !cloud_is_sip(to)) {
        cloud_respond(x, 400, "?to= is neither a number nor a sip: address.\n");
    } else {
        if (p->opts->public_url.n > 0) {
            cloud_put_own_url(&p->cloud, &url, PLIVO_DIALLED_PATH, STR(""));
        }
        plivo_put_transfer(&out, to, buf_str(&url), or_u32(p->opts->transfer_ring_s, RING_S));
        out.err = out.err ? out.err : url.err;
        respond_xml(x, &out);
        plivo_leg_fetched(p, params_get(params, "CallUUID"));
    }
    buf_done(&url);
    buf_done(&out);
}

static void on_hold(struct http_exchange *x)
{
    struct buf out;
    buf_init(&out, 4096);
    plivo_put_hold(&out);
    respond_xml(x, &out);
    buf_done(&out);
}

/* Without a hangup_url of its own an application tells of the end at the answer URL. */
static bool is_news(enum plivo_hook hook, const struct params *params)
{
    struct str event = params_get(params, "Event");
    return hook == PLIVO_HOOK_ANSWER && (str_is(event, "Hangup") || str_is(event, "Ring"));
}

void plivo_on_webhook(struct plivo *p, struct http_exchange *x, const struct http_request *req, enum plivo_hook hook)
{
    struct params params;
    params_init(&params);
    if (params_read(&params, req, PLIVO_SIP_PREFIX) < 0) {
        cloud_respond(x, 400, "The parameters are not a well-formed form.\n");
        params_done(&params);
        return;
    }
    enum cloud_verdict verdict = plivo_verify(p, req, PLIVO_ASKS, &params.body);
    if (cloud_admit(&p->cloud, x, req, verdict, PLIVO_SIGNATURE)) {
        p->cloud.stats.webhooks++;
        if (is_news(hook, &params)) {
            plivo_tell_call(p, &params);
            cloud_respond(x, 200, "OK");
        } else if (hook == PLIVO_HOOK_HOLD) {
            on_hold(x);
        } else if (hook == PLIVO_HOOK_TRANSFER) {
            on_transfer(p, x, &params);
        } else {
            if (hook == PLIVO_HOOK_APOLOGY) {
                plivo_leg_fetched(p, params_get(&params, "CallUUID"));
            }
            if (str_is(req->path, PLIVO_FALLBACK_PATH)) { /* the carrier alone knows what was wrong, and does not say */
                log_error(&p->cloud.scope, "plivo.fallback", "call_uuid=" STR_FMT,
                          STR_ARG(params_get(&params, "CallUUID")));
            }
            on_call(p, x, req, hook, &params, verdict == CLOUD_SIGNED);
        }
    }
    params_done(&params);
}
