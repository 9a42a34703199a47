/* Webhooks: what Twilio asks of us over HTTP, and what we answer. */
#include "carriers/twilio/twilio_impl.h"
#include "carriers/twilio/twilio_params.h"
#include "carriers/twilio/twilio_twiml.h"

#define ANSWER_MAX_BYTES (64u << 10) /* the vendor's limit */

static void respond_text(struct http_exchange *x, int status, const char *text)
{
    http_respond(x, status, STR("text/plain"), STR_NULL, span_of_str(str_from(text)));
}

/* Method, form and signature. False: the request has been answered. */
static bool admit(struct twilio *t, struct http_exchange *x, const struct http_request *req, struct twilio_params *p,
                  bool *ret_signed)
{
    if (!str_is(req->method, "POST") && !str_is(req->method, "GET")) {
        http_respond(x, 405, STR("text/plain"), STR("Allow: GET, POST\r\n"), span_of_str(STR("Use GET or POST.\n")));
        return false;
    }
    if (twilio_params_read(p, req) < 0) {
        respond_text(x, 400, "The parameters are not a well-formed form.\n");
        return false;
    }
    enum twilio_verdict verdict = twilio_verify(t, req, false, &p->body);
    *ret_signed = verdict == TWILIO_SIGNED;
    if (verdict == TWILIO_SIGNED || verdict == TWILIO_UNCHECKED) {
        return true;
    }
    bool missing = verdict == TWILIO_UNSIGNED;
    t->stats.bad_signatures++;
    log_warn(&t->scope, "twilio.signature", "path=" STR_FMT " peer=" STR_FMT " why=\"%s\"", STR_ARG(req->path),
             STR_ARG(req->peer), missing ? "no signature" : "wrong signature");
    respond_text(x, 403,
                 missing ? "X-Twilio-Signature is missing.\n"
                         : "X-Twilio-Signature is wrong. Check the auth token and server.public_url.\n");
    return false;
}

static void put_url(const struct twilio *t, const struct http_request *req, bool websocket, struct str path,
                    struct buf *out)
{
    buf_clear(out, 0);
    twilio_put_origin(t, req, websocket, out);
    if (out->len > 0) {
        buf_put_str(out, path);
    }
}

/* False: we do not know our own address. */
static bool put_connect(const struct twilio *t, const struct http_request *req, const struct carrier_answer *answer,
                        struct buf *out)
{
    struct buf stream;
    struct buf after;
    struct buf status;
    buf_init(&stream, TWILIO_URL_MAX);
    buf_init(&after, TWILIO_URL_MAX);
    buf_init(&status, TWILIO_URL_MAX);
    put_url(t, req, true, twilio_or_str(t->opts->media_path, "/media-stream"), &stream);
    put_url(t, req, false, STR("/twilio/after"), &after);
    if (t->opts->public_url.n > 0) {
        put_url(t, req, false, STR("/twilio/stream-status"), &status);
    }
    struct twilio_own_urls urls = {buf_str(&stream), buf_str(&after), buf_str(&status)};
    bool known = urls.stream.n > 0 && !stream.err && !after.err && !status.err;
    if (known) {
        twilio_put_connect(out, &urls, answer);
    }
    buf_done(&stream);
    buf_done(&after);
    buf_done(&status);
    return known;
}

static void answer(struct twilio *t, struct http_exchange *x, const struct http_request *req,
                   const struct carrier_answer *a, struct str from)
{
    struct buf out;
    buf_init(&out, ANSWER_MAX_BYTES);
    bool known = true;
    if (a->kind == CARRIER_ANSWER_CONNECT) {
        known = put_connect(t, req, a, &out);
    } else {
        /* A number of our own only where the caller has none that could be shown. */
        struct str caller_id = from.n > 0 && from.p[0] == '+' ? STR_NULL : t->opts->phone_number;
        const struct twilio_words words = {twilio_apology(t), t->opts->apology_twiml, t->opts->busy_twiml, caller_id};
        twilio_put_refusal(&out, a, &words);
    }
    if (!known) {
        log_error(&t->scope, "twilio.no-public-url", "path=" STR_FMT, STR_ARG(req->path));
        respond_text(x, 500, "server.public_url is not set and the request names no Host.\n");
    } else if (out.err) {
        respond_text(x, 500, "The answer is too long.\n");
    } else {
        http_respond(x, 200, STR("text/xml; charset=utf-8"), STR_NULL, buf_span(&out));
    }
    buf_done(&out);
}

/* Of the query alone: what we wrote into the URL. A form parameter of that name is none of ours. */
static struct str attempt_of(const struct twilio_params *p)
{
    struct str s = form_get(&p->query, CARRIER_ATTEMPT_ARG);
    return s.p && s.n <= CARRIER_ATTEMPT_MAX ? s : STR("");
}

static void ask_host(struct twilio *t, enum twilio_hook hook, const struct carrier_incoming *in,
                     struct carrier_answer *a)
{
    const struct carrier_host *host = t->host;
    if (hook == TWILIO_HOOK_INCOMING) {
        host->on_incoming(&t->base, in, a, t->arg);
    } else if (hook == TWILIO_HOOK_AFTER && host->on_after) {
        host->on_after(&t->base, in, a, t->arg);
    } else if (hook == TWILIO_HOOK_DIALLED && host->on_dialled) {
        host->on_dialled(&t->base, in, a, t->arg);
    }
}

void twilio_on_webhook(struct twilio *t, struct http_exchange *x, const struct http_request *req, enum twilio_hook hook)
{
    struct twilio_params p;
    twilio_params_init(&p);
    bool is_signed = false;
    if (admit(t, x, req, &p, &is_signed)) {
        struct str dialled = twilio_params_get(&p, "DialCallStatus");
        struct carrier_incoming in = {
            .call_id = twilio_params_get(&p, "CallSid"),
            .account_id = twilio_params_get(&p, "AccountSid"),
            .from = twilio_params_get(&p, "From"),
            .to = twilio_params_get(&p, "To"),
            .direction = twilio_params_get(&p, "Direction"),
            .forwarded_from = twilio_params_get(&p, "ForwardedFrom"),
            .caller_name = twilio_params_get(&p, "CallerName"),
            .dial_status = dialled,
            .dial_answered = str_is(dialled, "completed") || str_is(dialled, "answered"),
            .caller_gone = str_is(twilio_params_get(&p, "CallStatus"), "completed"),
            .query_call_id = twilio_params_get(&p, "call_id"),
            .attempt = attempt_of(&p),
            .peer = req->peer,
            .traceparent = http_header(req, "traceparent"),
            .tracestate = http_header(req, "tracestate"),
            .signature_ok = is_signed,
            .headers = p.headers,
            .n_headers = p.n_headers,
            .params = p.list,
            .n_params = p.n,
        };
        struct carrier_answer a = {.kind = CARRIER_ANSWER_HANGUP};
        t->stats.webhooks++;
        ask_host(t, hook, &in, &a);
        answer(t, x, req, &a, in.from);
    }
    twilio_params_done(&p);
}

/* ---- status ---- */

static uint64_t hash(struct str s)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < s.n; i++) {
        h = (h ^ (uint8_t)s.p[i]) * 0x100000001b3u;
    }
    return h ? h : 1;
}

/* Callbacks overtake each other and come twice: true when this one says nothing new. */
static bool is_stale(struct twilio *t, struct str call_sid, int64_t sequence)
{
    if (sequence < 0) {
        return false;
    }
    uint64_t call = hash(call_sid);
    for (size_t i = 0; i < TWILIO_SEEN_CALLS; i++) {
        struct twilio_seen *s = &t->seen[i];
        if (s->call == call) {
            bool stale = sequence <= s->sequence;
            s->sequence = MAX(s->sequence, sequence);
            return stale;
        }
    }
    t->seen[t->seen_next++ % TWILIO_SEEN_CALLS] = (struct twilio_seen){call, sequence};
    return false;
}

static int64_t number(const struct twilio_params *p, const char *name)
{
    int64_t v = -1;
    return str_to_i64(twilio_params_get(p, name), &v) == 0 && v >= 0 ? v : -1;
}

static void tell_progress(struct twilio *t, const struct carrier_status *s, struct str attempt)
{
    const struct carrier_progress p = {
        .attempt = attempt,
        .ref = {.call_id = s->call_id},
        .stage = twilio_stage(s->status),
        .outcome = twilio_outcome(s->status),
        .answerer = twilio_answerer(s->answered_by),
        .stale = s->stale,
        .duration_s = s->duration_s,
        .cause = s->cause.n > 0 ? s->cause : s->status,
    };
    if (attempt.n > 0 && t->host->on_progress) {
        t->host->on_progress(&t->base, &p, t->arg);
    }
}

void twilio_on_status(struct twilio *t, struct http_exchange *x, const struct http_request *req, bool of_stream)
{
    struct twilio_params p;
    twilio_params_init(&p);
    bool is_signed = false;
    if (admit(t, x, req, &p, &is_signed)) {
        struct carrier_status s = {
            .kind = of_stream ? CARRIER_STATUS_STREAM : CARRIER_STATUS_CALL,
            .call_id = twilio_params_get(&p, "CallSid"),
            .status = twilio_params_get(&p, of_stream ? "StreamEvent" : "CallStatus"),
            .sequence = of_stream ? -1 : number(&p, "SequenceNumber"),
            .duration_s = number(&p, "CallDuration"),
            .cause = twilio_params_get(&p, "SipResponseCode"),
            .answered_by = twilio_params_get(&p, "AnsweredBy"),
            .stream_id = twilio_params_get(&p, "StreamSid"),
            .error = twilio_params_get(&p, "StreamError"),
            .params = p.list,
            .n_params = p.n,
        };
        s.final = !of_stream && twilio_outcome(s.status) != CARRIER_OUTCOME_NONE;
        s.stale = is_stale(t, s.call_id, s.sequence);
        t->stats.statuses++;
        if (of_stream && s.error.n > 0) {
            log_warn(&t->scope, "twilio.stream-error", "stream=" STR_FMT " error=\"" STR_FMT "\"", STR_ARG(s.stream_id),
                     STR_ARG(s.error));
        }
        if (t->host->on_status) {
            t->host->on_status(&t->base, &s, t->arg);
        }
        if (!of_stream) {
            tell_progress(t, &s, attempt_of(&p));
        }
        http_respond(x, 204, STR_NULL, STR_NULL, (struct span){NULL, 0});
    }
    twilio_params_done(&p);
}

void twilio_on_amd(struct twilio *t, struct http_exchange *x, const struct http_request *req)
{
    struct twilio_params p;
    twilio_params_init(&p);
    bool is_signed = false;
    if (admit(t, x, req, &p, &is_signed)) {
        const struct carrier_progress progress = {
            .attempt = attempt_of(&p),
            .ref = {.call_id = twilio_params_get(&p, "CallSid")},
            .answerer = twilio_answerer(twilio_params_get(&p, "AnsweredBy")),
            .duration_s = -1,
        };
        t->stats.statuses++;
        if (progress.attempt.n > 0 && t->host->on_progress) {
            t->host->on_progress(&t->base, &progress, t->arg);
        }
        http_respond(x, 204, STR_NULL, STR_NULL, (struct span){NULL, 0});
    }
    twilio_params_done(&p);
}
