/* Webhooks: what Twilio asks of us over HTTP, and what we answer. */
#include "carriers/twilio/twilio_impl.h"
#include "carriers/twilio/twilio_twiml.h"

#define ANSWER_MAX_BYTES (64u << 10) /* the vendor's limit */

/* Method, form and signature. False: the request has been answered. */
static bool admit(struct twilio *t, struct http_exchange *x, const struct http_request *req, struct params *p,
                  bool *ret_signed)
{
    if (params_read(p, req, "SipHeader_") < 0) {
        cloud_respond(x, 400, "The parameters are not a well-formed form.\n");
        return false;
    }
    enum cloud_verdict verdict = twilio_verify(t, req, false, &p->body);
    *ret_signed = verdict == CLOUD_SIGNED;
    return cloud_admit(&t->cloud, x, req, verdict, TWILIO_SIGNATURE);
}

/* False: we do not know our own address. */
static bool put_connect(const struct twilio *t, const struct http_request *req, const struct carrier_answer *answer,
                        struct buf *out)
{
    struct buf stream;
    struct buf after;
    struct buf status;
    buf_init(&stream, CLOUD_URL_MAX);
    buf_init(&after, CLOUD_URL_MAX);
    buf_init(&status, CLOUD_URL_MAX);
    cloud_put_url(&t->cloud, req, true, or_str(t->opts->media_path, "/media-stream"), &stream);
    cloud_put_url(&t->cloud, req, false, STR("/twilio/after"), &after);
    if (t->opts->public_url.n > 0) {
        cloud_put_url(&t->cloud, req, false, STR("/twilio/stream-status"), &status);
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

static void put_ask(const struct twilio *t, struct str attempt, const struct carrier_answer *a, struct buf *out)
{
    struct buf url;
    buf_init(&url, CLOUD_URL_MAX);
    cloud_put_round_url(&t->cloud, &url, TWILIO_ASKED_PATH, attempt, a->ask_round);
    twilio_put_ask(out, a, buf_str(&url));
    out->err = out->err ? out->err : url.err;
    buf_done(&url);
}

static void answer(struct twilio *t, struct http_exchange *x, const struct http_request *req,
                   const struct carrier_answer *a, const struct carrier_incoming *in)
{
    struct buf out;
    buf_init(&out, ANSWER_MAX_BYTES);
    bool known = true;
    if (a->kind == CARRIER_ANSWER_CONNECT) {
        known = put_connect(t, req, a, &out);
    } else if (a->kind == CARRIER_ANSWER_ASK) {
        put_ask(t, in->attempt, a, &out);
    } else {
        /* A number of our own only where the caller has none that could be shown. */
        struct str caller_id = in->from.n > 0 && in->from.p[0] == '+' ? STR_NULL : t->opts->phone_number;
        const struct twilio_words words = {twilio_apology(t), t->opts->apology_twiml, t->opts->busy_twiml, caller_id};
        twilio_put_refusal(&out, a, &words);
    }
    if (!known) {
        log_error(&t->cloud.scope, "twilio.no-public-url", "path=" STR_FMT, STR_ARG(req->path));
        cloud_respond(x, 500, "server.public_url is not set and the request names no Host.\n");
    } else if (out.err) {
        cloud_respond(x, 500, "The answer is too long.\n");
    } else {
        http_respond(x, 200, STR("text/xml; charset=utf-8"), STR_NULL, buf_span(&out));
    }
    buf_done(&out);
}

static void ask_host(struct twilio *t, enum twilio_hook hook, const struct carrier_incoming *in,
                     struct carrier_answer *a)
{
    const struct carrier_host *host = t->cloud.host;
    if (hook == TWILIO_HOOK_INCOMING) {
        host->on_incoming(&t->cloud.base, in, a, t->cloud.arg);
    } else if (hook == TWILIO_HOOK_AFTER && host->on_after) {
        host->on_after(&t->cloud.base, in, a, t->cloud.arg);
    } else if (hook == TWILIO_HOOK_DIALLED && host->on_dialled) {
        host->on_dialled(&t->cloud.base, in, a, t->cloud.arg);
    } else if (hook == TWILIO_HOOK_ASKED && host->on_asked) {
        host->on_asked(&t->cloud.base, in, a, t->cloud.arg);
    } else if (hook == TWILIO_HOOK_FALLBACK) {
        a->kind = CARRIER_ANSWER_APOLOGY;
    }
}

/* Something between the carrier and us, or our own document: only the carrier knows what was wrong with it. */
static void log_fallback(const struct twilio *t, const struct params *p)
{
    log_error(&t->cloud.scope, "twilio.fallback", "call_sid=" STR_FMT " code=" STR_FMT " url=" STR_FMT,
              STR_ARG(params_get(p, "CallSid")), STR_ARG(params_get(p, "ErrorCode")),
              STR_ARG(params_get(p, "ErrorUrl")));
}

void twilio_on_webhook(struct twilio *t, struct http_exchange *x, const struct http_request *req, enum twilio_hook hook)
{
    struct params p;
    params_init(&p);
    bool is_signed = false;
    if (admit(t, x, req, &p, &is_signed)) {
        struct str dialled = params_get(&p, "DialCallStatus");
        struct carrier_incoming in = {
            .call_id = params_get(&p, "CallSid"),
            .account_id = params_get(&p, "AccountSid"),
            .from = params_get(&p, "From"),
            .to = params_get(&p, "To"),
            .direction = params_get(&p, "Direction"),
            .forwarded_from = params_get(&p, "ForwardedFrom"),
            .caller_name = params_get(&p, "CallerName"),
            .dial_status = dialled,
            .dial_answered = str_is(dialled, "completed") || str_is(dialled, "answered"),
            .caller_gone = str_is(params_get(&p, "CallStatus"), "completed"),
            .query_call_id = params_get(&p, "call_id"),
            .attempt = params_attempt(&p),
            .asks = params_round(&p) >= 0,
            .round = (uint32_t)MAX(params_round(&p), 0),
            .key = params_get(&p, "Digits"),
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
        t->cloud.stats.webhooks++;
        if (hook == TWILIO_HOOK_FALLBACK) {
            log_fallback(t, &p);
        }
        ask_host(t, hook, &in, &a);
        answer(t, x, req, &a, &in);
    }
    params_done(&p);
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
    if (attempt.n > 0 && t->cloud.host->on_progress) {
        t->cloud.host->on_progress(&t->cloud.base, &p, t->cloud.arg);
    }
}

void twilio_on_status(struct twilio *t, struct http_exchange *x, const struct http_request *req, bool of_stream)
{
    struct params p;
    params_init(&p);
    bool is_signed = false;
    if (admit(t, x, req, &p, &is_signed)) {
        struct carrier_status s = {
            .kind = of_stream ? CARRIER_STATUS_STREAM : CARRIER_STATUS_CALL,
            .call_id = params_get(&p, "CallSid"),
            .status = params_get(&p, of_stream ? "StreamEvent" : "CallStatus"),
            .sequence = of_stream ? -1 : params_number(&p, "SequenceNumber"),
            .duration_s = params_number(&p, "CallDuration"),
            .cause = params_get(&p, "SipResponseCode"),
            .answered_by = params_get(&p, "AnsweredBy"),
            .stream_id = params_get(&p, "StreamSid"),
            .error = params_get(&p, "StreamError"),
            .params = p.list,
            .n_params = p.n,
        };
        s.final = !of_stream && twilio_outcome(s.status) != CARRIER_OUTCOME_NONE;
        s.stale = is_stale(t, s.call_id, s.sequence);
        t->cloud.stats.statuses++;
        if (of_stream && s.error.n > 0) {
            log_warn(&t->cloud.scope, "twilio.stream-error", "stream=" STR_FMT " error=\"" STR_FMT "\"",
                     STR_ARG(s.stream_id), STR_ARG(s.error));
        }
        if (t->cloud.host->on_status) {
            t->cloud.host->on_status(&t->cloud.base, &s, t->cloud.arg);
        }
        if (!of_stream) {
            tell_progress(t, &s, params_attempt(&p));
        }
        http_respond(x, 204, STR_NULL, STR_NULL, (struct span){NULL, 0});
    }
    params_done(&p);
}

void twilio_on_amd(struct twilio *t, struct http_exchange *x, const struct http_request *req)
{
    struct params p;
    params_init(&p);
    bool is_signed = false;
    if (admit(t, x, req, &p, &is_signed)) {
        const struct carrier_progress progress = {
            .attempt = params_attempt(&p),
            .ref = {.call_id = params_get(&p, "CallSid")},
            .answerer = twilio_answerer(params_get(&p, "AnsweredBy")),
            .duration_s = -1,
        };
        t->cloud.stats.statuses++;
        if (progress.attempt.n > 0 && t->cloud.host->on_progress) {
            t->cloud.host->on_progress(&t->cloud.base, &progress, t->cloud.arg);
        }
        http_respond(x, 204, STR_NULL, STR_NULL, (struct span){NULL, 0});
    }
    params_done(&p);
}

void twilio_on_recording(struct twilio *t, struct http_exchange *x, const struct http_request *req)
{
    struct params p;
    params_init(&p);
    bool is_signed = false;
    if (admit(t, x, req, &p, &is_signed)) {
        t->cloud.stats.statuses++;
        log_info(&t->cloud.scope, "twilio.recording",
                 "call_sid=" STR_FMT " sid=" STR_FMT " status=" STR_FMT " seconds=" STR_FMT,
                 STR_ARG(params_get(&p, "CallSid")), STR_ARG(params_get(&p, "RecordingSid")),
                 STR_ARG(params_get(&p, "RecordingStatus")), STR_ARG(params_get(&p, "RecordingDuration")));
        http_respond(x, 204, STR_NULL, STR_NULL, (struct span){NULL, 0});
    }
    params_done(&p);
}
