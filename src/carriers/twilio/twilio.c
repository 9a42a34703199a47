/* The object, its routes and its end. */
#include "carriers/twilio/twilio.h"

#include <assert.h>
#include <stdlib.h>

#include "carriers/twilio/twilio_impl.h"

#define APOLOGY "We are sorry, but we cannot take your call right now. Please try again later. Goodbye."

struct str twilio_apology(const struct twilio *t)
{
    return or_str(t->opts->apology, APOLOGY);
}

struct twilio *twilio_of(struct carrier *carrier)
{
    assert(carrier->ops == &twilio_ops);
    return CONTAINER_OF(carrier, struct twilio, cloud.base);
}

static void set_opts(struct carrier *carrier, const void *opts)
{
    struct twilio *t = twilio_of(carrier);
    t->opts = opts;
    t->cloud.opts = (struct cloud_opts){
        .public_url = t->opts->public_url,
        .require_token = t->opts->require_token,
        .max_unauthenticated = t->opts->max_unauthenticated,
        .socket_start_ms = t->opts->socket_start_ms,
        .max_send_queue_bytes = t->opts->max_send_queue_bytes,
        .ca_file = t->opts->ca_file,
        .rest_ms = t->opts->rest_ms,
    };
}

int twilio_new(struct loop *loop, struct http_client *http, const struct twilio_opts *opts,
               const struct carrier_host *host, void *arg, struct twilio **ret)
{
    struct twilio *t = calloc(1, sizeof(*t));
    if (!t) {
        return -ENOMEM;
    }
    t->cloud.base.ops = &twilio_ops;
    cloud_init(&t->cloud, loop, http, host, arg);
    set_opts(&t->cloud.base, opts);
    if (!opts->require_token) {
        log_warn(&t->cloud.scope, "twilio.open-sockets", "require_token=false media_path=" STR_FMT,
                 STR_ARG(or_str(opts->media_path, "/media-stream")));
    }
    *ret = t;
    return 0;
}

static void close_all(struct carrier *carrier)
{
    struct twilio *t = twilio_of(carrier);
    cloud_done(&t->cloud);
    free(t);
}

struct carrier *twilio_carrier(struct twilio *t)
{
    return &t->cloud.base;
}

static void stats(struct carrier *carrier, struct carrier_stats *ret)
{
    *ret = twilio_of(carrier)->cloud.stats;
}

static void on_incoming(struct twilio *t, struct http_exchange *x, const struct http_request *req)
{
    twilio_on_webhook(t, x, req, TWILIO_HOOK_INCOMING);
}

static void on_after(struct twilio *t, struct http_exchange *x, const struct http_request *req)
{
    twilio_on_webhook(t, x, req, TWILIO_HOOK_AFTER);
}

static void on_dialled(struct twilio *t, struct http_exchange *x, const struct http_request *req)
{
    twilio_on_webhook(t, x, req, TWILIO_HOOK_DIALLED);
}

static void on_asked(struct twilio *t, struct http_exchange *x, const struct http_request *req)
{
    twilio_on_webhook(t, x, req, TWILIO_HOOK_ASKED);
}

static void on_fallback(struct twilio *t, struct http_exchange *x, const struct http_request *req)
{
    twilio_on_webhook(t, x, req, TWILIO_HOOK_FALLBACK);
}

static void on_call_status(struct twilio *t, struct http_exchange *x, const struct http_request *req)
{
    twilio_on_status(t, x, req, false);
}

static void on_stream_status(struct twilio *t, struct http_exchange *x, const struct http_request *req)
{
    twilio_on_status(t, x, req, true);
}

static void on_amd(struct twilio *t, struct http_exchange *x, const struct http_request *req)
{
    twilio_on_amd(t, x, req);
}

static void on_recording(struct twilio *t, struct http_exchange *x, const struct http_request *req)
{
    twilio_on_recording(t, x, req);
}

typedef void (*route_fn)(struct twilio *t, struct http_exchange *x, const struct http_request *req);

static bool handle(struct carrier *carrier, struct http_exchange *x, const struct http_request *req)
{
    struct twilio *t = twilio_of(carrier);
    static const struct {
        const char *path;
        route_fn serve;
    } routes[] = {
        {TWILIO_ANSWER_PATH, on_incoming},
        {"/incoming-call", on_incoming},
        {"/twilio/after", on_after},
        {TWILIO_DIALLED_PATH, on_dialled},
        {TWILIO_STATUS_PATH, on_call_status},
        {TWILIO_AMD_PATH, on_amd},
        {"/twilio/stream-status", on_stream_status},
        {TWILIO_ASKED_PATH, on_asked},
        {TWILIO_FALLBACK_PATH, on_fallback},
        {TWILIO_RECORDING_PATH, on_recording},
    };
    if (str_eq(req->path, or_str(t->opts->media_path, "/media-stream"))) {
        twilio_upgrade(t, x, req);
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        if (str_is(req->path, routes[i].path)) {
            routes[i].serve(t, x, req);
            return true;
        }
    }
    return false;
}

static struct str number(struct carrier *carrier)
{
    return twilio_of(carrier)->opts->phone_number;
}

const struct carrier_ops twilio_ops = {
    .name = "twilio",
    .cannot = twilio_cannot,
    .send_sms = twilio_send_sms,
    .cancel = account_cancel,
    .dial = twilio_dial,
    .hangup = twilio_hangup,
    .record = twilio_record,
    .recall = twilio_recall,
    .find_calls = twilio_find_calls,
    .number = number,
    .handle = handle,
    .set_opts = set_opts,
    .stats = stats,
    .free = close_all,
};
