#include "obs/otlp.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "net/crypto.h"
#include "net/gzip.h"
#include "obs/trace_json.h"

#define MAX_SPAN_BYTES    (256u << 10)
#define MAX_QUEUE_BYTES   (32u << 20)
#define MAX_BODY_BYTES    (4u << 20) /* of one request, before it is packed; receivers take 20 MiB and more */
#define MAX_HEAD_BYTES    (64u << 10)
#define MAX_ANSWER_BYTES  (64u << 10)
#define RETRY_MS          1000
#define RETRY_MAX_MS      32000
#define RETRY_AFTER_MAX_S 300
#define MAX_TRIES         6
#define MAX_PAIR_BYTES    8192

/* A finished span as text. */
struct queued {
    struct queued *next;
    size_t n;
    char text[];
};

struct otlp {
    struct otlp_env env;
    struct otlp_opts o; /* its texts are those below */
    char *url, *ca_file;
    struct buf headers;  /* lines */
    struct buf resource; /* {"attributes":[...]} */
    struct queued *first, **last;
    uint32_t n_queued;
    size_t queued_bytes;
    struct timer *timer; /* the delay of a batch, or the pause before another try */
    struct buf body;     /* of the batch under way */
    struct buf packed;
    uint32_t n_sending; /* spans in it; 0: nothing is under way */
    uint32_t tries;
    uint64_t call_id; /* 0: no request */
    uint64_t sent_us;
    bool packing; /* a job holds on to body and packed */
    bool failing; /* the last request failed: said once */
    bool full;    /* spans are being dropped: said once */
    bool stopped, freed;
};

/* ---- settings ---- */

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

static int decode(struct str s, struct buf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '%') {
            int high = i + 2 < s.n ? hex(s.p[i + 1]) : -1;
            int low = i + 2 < s.n ? hex(s.p[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return -ERR_SYNTAX;
            }
            c = (char)(high << 4 | low);
            i += 2;
        }
        if ((unsigned char)c < ' ' || c == 0x7F) {
            return -ERR_SYNTAX;
        }
        buf_putc(out, c);
    }
    return out->err;
}

int otlp_pairs(struct str text, otlp_pair_fn fn, void *arg)
{
    struct str part;
    struct buf value;
    int err = 0;
    buf_init(&value, MAX_PAIR_BYTES);
    while (err >= 0 && text.n > 0 && str_split(&text, ',', &part)) {
        part = str_trim(part);
        size_t eq = str_find(part, '=');
        struct str name = str_trim((struct str){part.p, eq});
        if (part.n == 0) {
            continue;
        }
        if (eq == part.n || name.n == 0) {
            err = -ERR_SYNTAX;
            break;
        }
        buf_clear(&value);
        err = decode(str_trim((struct str){part.p + eq + 1, part.n - eq - 1}), &value);
        err = err < 0 ? err : fn(name, buf_str(&value), arg);
    }
    buf_done(&value);
    return err;
}

static bool is_header_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool ok = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') ||
                  (c != '\0' && strchr("-_.!#$&'*+^`|~", c));
        if (!ok) {
            return false;
        }
    }
    return s.n > 0;
}

static int put_header(struct str name, struct str value, void *arg)
{
    struct buf *out = arg;
    if (!is_header_name(name)) {
        return -ERR_SYNTAX;
    }
    buf_put_str(out, name);
    buf_puts(out, ": ");
    buf_put_str(out, value);
    buf_puts(out, "\r\n");
    return out->err;
}

/* The resource under construction: service.name has its own setting, which wins. */
struct resource {
    struct buf *out;
    bool comma;
};

static int put_resource(struct str name, struct str value, void *arg)
{
    struct resource *r = arg;
    if (str_is(name, "service.name")) {
        return 0;
    }
    buf_puts(r->out, r->comma ? "," : "");
    r->comma = true;
    trace_put_otlp_str(r->out, name, value);
    return r->out->err;
}

static int fill_resource(const struct otlp_opts *opts, struct buf *out)
{
    struct resource r = {.out = out};
    buf_puts(out, "{\"attributes\":[");
    trace_put_otlp_str(out, STR("service.name"), opts->service);
    buf_putc(out, ',');
    trace_put_otlp_str(out, STR("service.version"), STR(RINGTRIP_VERSION));
    r.comma = true;
    int err = otlp_pairs(opts->resource, put_resource, &r);
    buf_puts(out, "]}");
    return err < 0 ? err : out->err;
}

static int fill_headers(const struct otlp_opts *opts, struct buf *out)
{
    buf_puts(out, "Content-Type: application/json\r\n");
    buf_puts(out, opts->gzip ? "Content-Encoding: gzip\r\n" : "");
    int err = otlp_pairs(opts->headers, put_header, out);
    return err < 0 ? err : out->err;
}

int otlp_set(struct otlp *o, const struct otlp_opts *opts, struct buf *ret_err)
{
    struct buf headers, resource;
    buf_init(&headers, MAX_HEAD_BYTES);
    buf_init(&resource, MAX_HEAD_BYTES);
    char *url = str_dup(opts->url);
    char *ca_file = str_dup(opts->ca_file);
    int err = url && ca_file ? fill_headers(opts, &headers) : -ENOMEM;
    if (err < 0 && err != -ENOMEM) {
        buf_puts(ret_err, "tracing.export.headers must be name=value pairs with commas between them");
        err = -ERR_CONFIG;
    }
    if (err >= 0) {
        err = fill_resource(opts, &resource);
        if (err < 0 && err != -ENOMEM) {
            buf_puts(ret_err, "tracing.resource_attributes must be name=value pairs with commas between them");
            err = -ERR_CONFIG;
        }
    }
    if (err < 0) {
        free(url);
        free(ca_file);
        buf_done(&headers);
        buf_done(&resource);
        return err;
    }
    free(o->url);
    free(o->ca_file);
    buf_done(&o->headers);
    buf_done(&o->resource);
    o->o = *opts;
    o->url = url;
    o->ca_file = ca_file;
    o->headers = headers;
    o->resource = resource;
    return 0;
}

/* ---- a batch ---- */

static void count(struct otlp *o, const char *fate, uint32_t n)
{
    metrics_add_word(o->env.metrics, METRIC_TRACE_SPANS, str_from(fate), n);
}

static void send_batch(struct otlp *o);
static void otlp_destroy(struct otlp *o);

static void arm(struct otlp *o)
{
    if (o->n_queued > 0 && o->n_sending == 0) {
        bool now = o->stopped || o->n_queued >= o->o.max_batch;
        timer_start(o->timer, now ? 0 : (uint64_t)o->o.delay_ms * 1000, 0);
    }
}

/* The batch is over, whatever became of it. */
static void end_batch(struct otlp *o)
{
    o->n_sending = 0;
    o->tries = 0;
    buf_clear(&o->body);
    buf_clear(&o->packed);
    arm(o);
    if (o->stopped && o->n_queued == 0 && o->env.on_idle) {
        o->env.on_idle(o->env.arg);
    }
}

static void lose_batch(struct otlp *o, const struct http_reply *reply)
{
    count(o, "failed", o->n_sending);
    if (!o->failing) {
        log_error(NULL, "trace.export-failed", "spans=%u status=%d error=%s tries=%u detail=\"%s\"", o->n_sending,
                  reply->status, err_name(reply->err), o->tries, reply->detail ? reply->detail : "");
    }
    o->failing = true;
    end_batch(o);
}

static bool is_passing(const struct http_reply *r)
{
    if (r->err < 0) {
        return r->err != -ECANCELED && r->err != -EINVAL;
    }
    return r->status == 429 || r->status == 502 || r->status == 503 || r->status == 504;
}

/* Doubled each time, spread by a fifth so that many senders do not come back at once. */
static uint64_t pause_us(const struct otlp *o, uint32_t retry_after_s)
{
    uint64_t first_ms = o->o.retry_ms ? o->o.retry_ms : RETRY_MS;
    uint64_t ms = MIN(first_ms << MIN(o->tries - 1, 10u), (uint64_t)RETRY_MAX_MS);
    uint16_t spread;
    if (retry_after_s > 0) {
        return (uint64_t)MIN(retry_after_s, (uint32_t)RETRY_AFTER_MAX_S) * 1000000;
    }
    crypto_random(&spread, sizeof(spread));
    return ms * 800 + ms * 400 * spread / UINT16_MAX;
}

/* {"partialSuccess":{"rejectedSpans":"3","errorMessage":"..."}}; the figure comes as a number or as a text. */
static uint32_t rejected(const struct http_reply *reply)
{
    struct json_val doc;
    int64_t n = 0;
    if (json_parse(str_of_span(reply->body), &doc) < 0) {
        return 0;
    }
    struct json_val v = json_path(doc, "partialSuccess.rejectedSpans");
    if (v.type == JSON_STRING ? str_to_i64(v.s, &n) < 0 : json_to_i64(v, &n) < 0) {
        return 0;
    }
    return (uint32_t)CLAMP(n, 0, (int64_t)UINT32_MAX);
}

static void succeed(struct otlp *o, const struct http_reply *reply)
{
    uint32_t lost = MIN(rejected(reply), o->n_sending);
    count(o, "exported", o->n_sending - lost);
    count(o, "rejected", lost);
    if (lost > 0) {
        log_warn(NULL, "trace.export-rejected", "spans=%u answer=\"" STR_FMT "\"", lost, (int)MIN(reply->body.n, 300u),
                 (const char *)reply->body.p);
    }
    if (o->failing) {
        log_info(NULL, "trace.export-ok", "waiting=%u", o->n_queued);
    }
    o->failing = false;
    end_batch(o);
}

static void on_reply(const struct http_reply *reply, void *arg)
{
    struct otlp *o = arg;
    o->call_id = 0;
    if (o->freed) {
        otlp_destroy(o);
        return;
    }
    metrics_observe_us(o->env.metrics, METRIC_TRACE_EXPORT, clock_now_us() - o->sent_us);
    if (reply->err >= 0 && reply->status / 100 == 2) {
        succeed(o, reply);
    } else if (is_passing(reply) && o->tries < MAX_TRIES && !o->stopped) {
        if (!o->failing) {
            log_warn(NULL, "trace.export-retry", "spans=%u status=%d error=%s detail=\"%s\"", o->n_sending,
                     reply->status, err_name(reply->err), reply->detail ? reply->detail : "");
        }
        timer_start(o->timer, pause_us(o, reply->retry_after_s), 0);
    } else {
        lose_batch(o, reply);
    }
}

static void send_batch(struct otlp *o)
{
    const struct http_call_opts call = {
        .method = "POST",
        .url = str_from(o->url),
        .headers = buf_str(&o->headers),
        .body = o->packed.len > 0 ? buf_span(&o->packed) : buf_span(&o->body),
        .ca_file = o->ca_file[0] ? o->ca_file : NULL,
        .deadline_ms = o->o.timeout_ms,
        .max_response_bytes = MAX_ANSWER_BYTES,
    };
    o->tries++;
    o->sent_us = clock_now_us();
    int err = http_call(o->env.http, &call, on_reply, o, &o->call_id);
    if (err < 0) {
        lose_batch(o, &(struct http_reply){.err = err, .detail = err_text(err)});
    }
}

static int pack_work(void *arg)
{
    struct otlp *o = arg;
    return gzip_pack(buf_span(&o->body), &o->packed);
}

static void pack_done(int err, void *arg)
{
    struct otlp *o = arg;
    o->packing = false;
    if (o->freed) {
        otlp_destroy(o);
    } else if (err < 0) {
        lose_batch(o, &(struct http_reply){.err = err, .detail = "it could not be packed"});
    } else {
        send_batch(o);
    }
}

static struct queued *take(struct otlp *o)
{
    struct queued *q = o->first;
    o->first = q->next;
    if (!o->first) {
        o->last = &o->first;
    }
    o->n_queued--;
    o->queued_bytes -= q->n;
    return q;
}

static void fill_body(struct otlp *o)
{
    buf_clear(&o->body);
    buf_puts(&o->body, "{\"resourceSpans\":[{\"resource\":");
    buf_put_str(&o->body, buf_str(&o->resource));
    buf_puts(&o->body,
             ",\"scopeSpans\":[{\"scope\":{\"name\":\"ringtrip\",\"version\":\"" RINGTRIP_VERSION "\"},\"spans\":[");
    while (o->first && o->n_sending < o->o.max_batch &&
           (o->n_sending == 0 || o->body.len + o->first->n < MAX_BODY_BYTES - 64)) {
        struct queued *q = take(o);
        buf_puts(&o->body, o->n_sending > 0 ? "," : "");
        buf_put(&o->body, q->text, q->n);
        o->n_sending++;
        free(q);
    }
    buf_puts(&o->body, "]}]}]}");
}

/* Takes the next batch out of the queue. */
static void begin(struct otlp *o)
{
    fill_body(o);
    o->full = false;
    int err = o->body.err;
    if (err >= 0 && o->o.gzip) {
        buf_clear(&o->packed);
        err = job_run(o->env.loop, pack_work, pack_done, o);
        o->packing = err >= 0;
        if (err >= 0) {
            return;
        }
    }
    if (err < 0) {
        lose_batch(o, &(struct http_reply){.err = err, .detail = err_text(err)});
    } else {
        send_batch(o);
    }
}

static void on_timer(void *arg)
{
    struct otlp *o = arg;
    if (o->n_sending > 0) {
        send_batch(o); /* the pause is over */
    } else if (o->n_queued > 0) {
        begin(o);
    }
}

/* ---- the tracer's side ---- */

static void drop(struct otlp *o)
{
    count(o, "dropped", 1);
    if (!o->full) {
        log_warn(NULL, "trace.dropped", "waiting=%u max_queue=%u", o->n_queued, o->o.max_queue);
    }
    o->full = true;
}

static void on_span_end(const struct trace_span *s, void *arg)
{
    struct otlp *o = arg;
    struct buf text;
    if (!trace_sampled(s->trace)) {
        return;
    }
    if (o->stopped || o->n_queued >= o->o.max_queue || o->queued_bytes > MAX_QUEUE_BYTES) {
        drop(o);
        return;
    }
    buf_init(&text, MAX_SPAN_BYTES);
    trace_put_otlp(&text, s);
    struct queued *q = text.err < 0 ? NULL : malloc(sizeof(*q) + text.len);
    if (q) {
        *q = (struct queued){.n = text.len};
        memcpy(q->text, buf_ptr(&text), text.len);
        *o->last = q;
        o->last = &q->next;
        o->n_queued++;
        o->queued_bytes += q->n;
        if (o->n_queued == 1 || o->n_queued == o->o.max_batch) {
            arm(o);
        }
    } else {
        drop(o);
    }
    buf_done(&text);
}

const struct trace_processor otlp_processor = {.name = "otlp", .on_span_end = on_span_end};

/* ---- life ---- */

int otlp_new(const struct otlp_env *env, const struct otlp_opts *opts, struct buf *ret_err, struct otlp **ret)
{
    struct otlp *o = calloc(1, sizeof(*o));
    if (!o) {
        return -ENOMEM;
    }
    o->env = *env;
    o->last = &o->first;
    buf_init(&o->body, MAX_BODY_BYTES + MAX_SPAN_BYTES + MAX_HEAD_BYTES);
    buf_init(&o->packed, MAX_BODY_BYTES + MAX_SPAN_BYTES + MAX_HEAD_BYTES);
    int err = otlp_set(o, opts, ret_err);
    if (err >= 0) {
        err = timer_new(env->loop, on_timer, o, &o->timer);
    }
    if (err < 0) {
        otlp_free(o);
        return err;
    }
    *ret = o;
    return 0;
}

static void otlp_destroy(struct otlp *o)
{
    buf_done(&o->body);
    buf_done(&o->packed);
    buf_done(&o->headers);
    buf_done(&o->resource);
    free(o->url);
    free(o->ca_file);
    free(o);
}

struct otlp *otlp_free(struct otlp *o)
{
    if (!o) {
        return NULL;
    }
    o->freed = true;
    while (o->first) {
        free(take(o));
    }
    o->timer = timer_free(o->timer);
    if (o->call_id) {
        http_cancel(o->env.http, o->call_id);
    }
    if (!o->packing && !o->call_id) {
        otlp_destroy(o);
    }
    return NULL;
}

void otlp_stop(struct otlp *o)
{
    o->stopped = true;
    if (o->n_sending > 0 && !o->call_id && !o->packing) {
        timer_start(o->timer, 0, 0); /* in a pause: its last try */
    } else {
        arm(o);
    }
}

uint32_t otlp_pending(const struct otlp *o)
{
    return o->n_queued + o->n_sending;
}
