/* What is asked of the account: calls ended, given another document or handed over, recorded; text messages. */
#include "base/json.h"
#include "carriers/plivo/plivo_impl.h"

#define JSON_MAX          (16u << 10)
#define SMS_MAX_BYTES     1600
#define APOLOGY_MAX_BYTES 1000 /* of them each takes at most three in a URL */
#define RESOURCE_MAX      (CLOUD_ID_MAX + 32)

/* ---- calls ---- */

static int order_call(struct plivo *p, const char *method, struct str call_uuid, const char *part,
                      const struct plivo_order *what, const struct account_wait *w)
{
    char resource[RESOURCE_MAX];
    if (!plivo_is_id(call_uuid)) {
        return -EINVAL;
    }
    struct plivo_order o = *what;
    int n = snprintf(resource, sizeof(resource), "Call/" STR_FMT "/%s", STR_ARG(call_uuid), part);
    o.method = method;
    o.resource = resource;
    return n < 0 || (size_t)n >= sizeof(resource) ? -ENOSPC : plivo_rest_start(p, &o, w);
}

int plivo_order_hangup(struct plivo *p, struct str call_uuid, const struct account_wait *w)
{
    return order_call(p, "DELETE", call_uuid, "", &(struct plivo_order){.over_is_fine = true}, w);
}

int plivo_order_fetch(struct plivo *p, struct str call_uuid, const struct buf *url, const struct account_wait *w)
{
    struct buf json;
    buf_init(&json, JSON_MAX);
    struct json_w jw = json_w(&json);
    json_w_open(&jw);
    json_w_kz(&jw, "legs", "aleg");
    json_w_kstr(&jw, "aleg_url", buf_str(url));
    json_w_kz(&jw, "aleg_method", "POST");
    json_w_close(&jw);
    int err = url->err < 0 ? url->err : order_call(p, "POST", call_uuid, "", &(struct plivo_order){.json = &json}, w);
    buf_done(&json);
    return err;
}

/*
 * The words stand in the URL that the carrier comes back with, as the destination of a transfer does. Too many of them
 * for a URL are left out: the configured sentence is spoken.
 */
int plivo_order_apology(struct plivo *p, struct str call_uuid, struct str words, const struct account_wait *w)
{
    struct buf url;
    if (p->opts->public_url.n == 0) {
        return -ERR_STATE; /* it would not find back to us */
    }
    buf_init(&url, CLOUD_URL_MAX);
    cloud_put_own_url(&p->cloud, &url, PLIVO_APOLOGY_PATH, STR(""));
    if (words.n > 0 && words.n <= APOLOGY_MAX_BYTES) {
        buf_puts(&url, "?" PLIVO_SAY_PARAM "=");
        form_put_encoded(&url, words);
    }
    int err = plivo_order_fetch(p, call_uuid, &url, w);
    buf_done(&url);
    return err;
}

/* Where to stands in the URL that the carrier comes back with: nothing has to be remembered, or can get lost. */
int plivo_order_transfer(struct plivo *p, struct str call_uuid, struct str to, const struct account_wait *w)
{
    struct buf url;
    if (!cloud_is_number(to) && !cloud_is_sip(to)) {
        return -EINVAL;
    }
    if (p->opts->public_url.n == 0) {
        return -ERR_STATE;
    }
    buf_init(&url, CLOUD_URL_MAX);
    cloud_put_own_url(&p->cloud, &url, PLIVO_TRANSFER_PATH, STR(""));
    buf_puts(&url, "?to=");
    form_put_encoded(&url, to);
    int err = plivo_order_fetch(p, call_uuid, &url, w);
    buf_done(&url);
    return err;
}

int plivo_record(struct carrier *carrier, const struct carrier_call_ref *ref, carrier_done_fn done, void *arg,
                 uint64_t *ret_id)
{
    struct plivo *p = plivo_of(carrier);
    struct account_request *r = NULL;
    struct buf json;
    struct buf url;
    buf_init(&json, JSON_MAX);
    buf_init(&url, CLOUD_URL_MAX);
    struct json_w jw = json_w(&json);
    json_w_open(&jw);
    json_w_ki64(&jw, "time_limit", PLIVO_RECORD_MAX_S);
    json_w_kz(&jw, "file_format", "wav");
    json_w_kz(&jw, "record_channel_type", "stereo");
    if (p->opts->public_url.n > 0) {
        cloud_put_own_url(&p->cloud, &url, PLIVO_RECORDING_PATH, STR(""));
        json_w_kstr(&jw, "callback_url", buf_str(&url));
        json_w_kz(&jw, "callback_method", "POST");
    }
    json_w_close(&jw);
    const struct plivo_order o = {.json = &json, .makes = true};
    const struct account_wait w = {.done = done, .arg = arg, .ret = &r};
    int err = url.err < 0 ? url.err : order_call(p, "POST", ref->call_id, "Record/", &o, &w);
    buf_done(&json);
    buf_done(&url);
    if (err >= 0 && ret_id) {
        *ret_id = account_id(r);
    }
    return err;
}

/* ---- messages ---- */

static const char *cannot_dial(const struct plivo *p)
{
    if (!plivo_can_rest(p)) {
        return "Plivo cannot dial: carriers.plivo.auth_id and auth_token are not set.";
    }
    if (p->opts->phone_number.n == 0) {
        return "Plivo cannot dial: carriers.plivo.phone_number, the caller id, is not set.";
    }
    return p->opts->public_url.n == 0
               ? "Plivo cannot dial: server.public_url is not set, so it would not find back to us."
               : NULL;
}

const char *plivo_cannot(struct carrier *carrier, enum carrier_service service)
{
    const struct plivo *p = plivo_of(carrier);
    if (service == CARRIER_DIAL) {
        return cannot_dial(p);
    }
    if (!plivo_can_rest(p)) {
        return "Text messages are not configured: there is no Plivo account.";
    }
    return p->opts->phone_number.n == 0 ? "Text messages are not configured: there is no number to send them from."
                                        : NULL;
}

static void put_message(const struct plivo *p, const struct carrier_sms *sms, struct buf *json)
{
    struct buf url;
    buf_init(&url, CLOUD_URL_MAX);
    struct json_w w = json_w(json);
    json_w_open(&w);
    if (p->opts->public_url.n > 0) {
        cloud_put_own_url(&p->cloud, &url, PLIVO_SMS_PATH, STR(""));
        json_w_kstr(&w, "url", buf_str(&url));
        json_w_kz(&w, "method", "POST");
    }
    json_w_kstr(&w, "src", plivo_bare(sms->from.n > 0 ? sms->from : p->opts->phone_number));
    json_w_kstr(&w, "dst", plivo_bare(sms->to));
    json_w_kstr(&w, "text", sms->text);
    json_w_close(&w);
    buf_done(&url);
}

int plivo_send_sms(struct carrier *carrier, const struct carrier_sms *sms, carrier_done_fn done, void *arg,
                   uint64_t *ret_id)
{
    struct plivo *p = plivo_of(carrier);
    struct account_request *r = NULL;
    struct buf json;
    if (plivo_cannot(carrier, CARRIER_SMS)) {
        return -ERR_STATE;
    }
    if (!cloud_is_number(sms->to) || sms->text.n == 0 || sms->text.n > SMS_MAX_BYTES) {
        return -EINVAL;
    }
    buf_init(&json, JSON_MAX);
    put_message(p, sms, &json);
    const struct plivo_order o = {.method = "POST", .resource = "Message/", .json = &json};
    int err = plivo_rest_start(p, &o, &(struct account_wait){.done = done, .arg = arg, .ret = &r});
    buf_done(&json);
    if (err >= 0) {
        *ret_id = account_id(r);
    }
    return err;
}
