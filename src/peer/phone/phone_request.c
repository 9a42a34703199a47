/* The carrier's HTTP requests of one phone: at most a few at a time, each signed, none outliving the phone. */
#include <stdio.h>
#include <time.h>

#include "base/err.h"
#include "net/crypto.h"
#include "peer/phone/phone_impl.h"
#include "peer/phone/phone_url.h"

#define WEBHOOK_MS  15000
#define CALLBACK_MS 5000
#define BODY_MAX    65536u

static void on_reply(const struct http_reply *reply, void *arg)
{
    struct phone_request *r = arg;
    struct phone *p = r->phone;
    r->id = 0;
    r->done(p, reply);
    /* The phone may have ended in there, but it is freed from the loop only. */
    phone_check_end(p);
}

static struct phone_request *request_slot(struct phone *p)
{
    for (size_t i = 0; i < ARRAY_LEN(p->requests); i++) {
        if (p->requests[i].id == 0) {
            return &p->requests[i];
        }
    }
    return NULL;
}

bool phone_requests_pending(const struct phone *p)
{
    for (size_t i = 0; i < ARRAY_LEN(p->requests); i++) {
        if (p->requests[i].id != 0) {
            return true;
        }
    }
    return false;
}

void phone_requests_cancel(struct phone *p)
{
    for (size_t i = 0; i < ARRAY_LEN(p->requests); i++) {
        if (p->requests[i].id != 0) {
            http_cancel(p->o.http, p->requests[i].id);
        }
    }
}

static int put_headers(struct phone *p, struct str url, const struct phone_form *form, struct buf *out)
{
    uint8_t id[16];
    char hex[33];
    crypto_random(id, sizeof(id));
    crypto_hex(span_from(id, sizeof(id)), hex);
    buf_printf(out,
               "Content-Type: application/x-www-form-urlencoded; charset=UTF-8\r\n"
               "User-Agent: %s\r\nAccept: */*\r\n",
               p->o.as->hook_agent);
    if (p->o.as->token_header) {
        buf_printf(out, "%s: %.8s-%.4s-%.4s-%.4s-%s\r\n", p->o.as->token_header, hex, hex + 8, hex + 12, hex + 16,
                   hex + 20);
    }
    if (p->o.auth_token.n > 0) {
        struct buf signed_url;
        buf_init(&signed_url, BODY_MAX);
        int err = phone_url_rebase(url, p->o.sign_base, &signed_url);
        const struct phone_claim claim = {p->o.auth_token, buf_str(&signed_url), form};
        err = err < 0 ? err : p->o.as->put_signature(out, &claim);
        buf_done(&signed_url);
        if (err < 0) {
            return err;
        }
    }
    return out->err;
}

/* Where the gateway really is, when the address is the one that signatures name. */
static int put_dialled(const struct phone *p, struct str url, struct buf *out)
{
    struct phone_url own;
    bool named = p->o.sign_base.n > 0 && str_starts(url, p->o.sign_base);
    int err = named ? phone_url_parse(p->o.url.n > 0 ? p->o.url : p->o.ws_url, &own) : 0;
    return err < 0 ? err : phone_url_rebase(url, named ? own.base : STR(""), out);
}

static int request(struct phone *p, struct str url, const struct phone_form *form, uint32_t deadline_ms,
                   phone_reply_fn done)
{
    struct phone_request *r = request_slot(p);
    if (!r || p->closing) {
        return -ERR_LIMIT;
    }
    struct buf headers, body, dialled;
    buf_init(&dialled, BODY_MAX);
    buf_init(&headers, BODY_MAX);
    buf_init(&body, BODY_MAX);
    phone_form_encode(form, &body);
    int err = body.err ? body.err : put_headers(p, url, form, &headers);
    if (err == 0) {
        err = put_dialled(p, url, &dialled);
    }
    if (err == 0) {
        struct http_call_opts opts = {.method = "POST",
                                      .url = buf_str(&dialled),
                                      .headers = buf_str(&headers),
                                      .body = buf_span(&body),
                                      .ca_file = p->o.ca_file,
                                      .deadline_ms = deadline_ms,
                                      .max_response_bytes = BODY_MAX};
        *r = (struct phone_request){.phone = p, .done = done};
        err = http_call(p->o.http, &opts, on_reply, r, &r->id);
    }
    buf_done(&headers);
    buf_done(&body);
    buf_done(&dialled);
    return err;
}

static struct phone_party party(const struct phone *p)
{
    return (struct phone_party){.account_sid = p->o.account_sid,
                                .call_sid = p->o.call_sid,
                                .from = p->o.from,
                                .to = p->o.to,
                                .request_id = p->o.request_id,
                                .machine = p->o.machine,
                                .called = p->o.called,
                                .again = p->n_requests > 1};
}

int phone_request_twiml(struct phone *p, struct str url, const char *status, const struct phone_failure *failed,
                        phone_reply_fn done)
{
    struct phone_form form = {.n = 0};
    struct phone_party who = party(p);
    struct buf failed_url;
    char code[16];
    int err = 0;
    buf_init(&failed_url, BODY_MAX);
    p->o.as->call_form(&form, &who, status);
    if (p->key) {
        p->o.as->add_key(&form, (struct str){&p->key, 1});
    }
    if (failed && p->o.as->add_failure) {
        ignore_result(snprintf(code, sizeof(code), "%u", failed->code) < 0); /* it fits */
        err = phone_url_rebase(failed->url, p->o.sign_base, &failed_url);
        p->o.as->add_failure(&form, str_from(code), buf_str(&failed_url));
    }
    err = err < 0 ? err : request(p, url, &form, p->o.webhook_ms ? p->o.webhook_ms : WEBHOOK_MS, done);
    buf_done(&failed_url);
    return err;
}

static void ignore_reply(struct phone *p, const struct http_reply *reply)
{
    if (!p->closing && (reply->err < 0 || reply->status / 100 != 2)) {
        phone_warn(p, PHONE_ERR_FETCH, "a status callback was not answered with 2xx");
    }
}

int phone_request_status(struct phone *p)
{
    struct phone_form form = {.n = 0};
    struct phone_party who = party(p);
    char duration[16], minutes[16], timestamp[64] = "";
    uint32_t seconds = (p->report.duration_ms + 999) / 1000;
    time_t now = (time_t)(clock_wall_us() / 1000000);
    struct tm tm;
    ignore_result(snprintf(duration, sizeof(duration), "%u", seconds) < 0);
    ignore_result(snprintf(minutes, sizeof(minutes), "%u", (seconds + 59) / 60) < 0);
    if (gmtime_r(&now, &tm)) {
        ignore_result(strftime(timestamp, sizeof(timestamp), "%a, %d %b %Y %H:%M:%S +0000", &tm) == 0);
    }
    const struct phone_call_end end = {str_from(duration), str_from(minutes), str_from(timestamp),
                                       p->report.hangup == PHONE_SIDE_CALLER};
    p->o.as->call_form(&form, &who, "completed");
    p->o.as->add_end(&form, &end);
    return request(p, p->o.status_callback, &form, CALLBACK_MS, ignore_reply);
}

void phone_request_stream_status(struct phone *p, bool started, const char *error)
{
    struct phone_form form = {.n = 0};
    char timestamp[64] = "", whole[80];
    int64_t wall_us = clock_wall_us();
    time_t now = (time_t)(wall_us / 1000000);
    struct tm tm;
    if (gmtime_r(&now, &tm)) {
        ignore_result(strftime(timestamp, sizeof(timestamp), "%Y-%m-%dT%H:%M:%S", &tm) == 0);
    }
    ignore_result(snprintf(whole, sizeof(whole), "%s.%06d000Z", timestamp, (int)(wall_us % 1000000)) < 0);
    const struct phone_stream_news news = {str_from(p->stream_sid), str_from(whole), started, error};
    const struct phone_party who = party(p);
    p->o.as->stream_form(&form, &who, &news);
    if (request(p, p->stream_callback, &form, CALLBACK_MS, ignore_reply) < 0 && !p->closing) {
        phone_warn(p, PHONE_ERR_FETCH, "a stream status callback could not be sent");
    }
}
