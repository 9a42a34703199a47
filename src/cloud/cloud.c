#include "cloud/cloud.h"

#include <stdio.h>

#include "base/err.h"
#include "cloud/account.h"
#include "cloud/origin.h"
#include "cloud/socket_leg.h"

#define DIGITS_MAX 15 /* of E.164 */
#define DIGITS_MIN 3

void cloud_init(struct cloud *c, struct loop *loop, struct http_client *http, const struct carrier_host *host,
                void *arg)
{
    c->loop = loop;
    c->http = http;
    c->host = host;
    c->arg = arg;
    c->scope.worker = -1;
    buf_init(&c->text, CLOUD_MESSAGE_MAX);
    buf_init(&c->audio, CLOUD_MESSAGE_MAX);
}

void cloud_done(struct cloud *c)
{
    account_drop_all(c);
    socket_leg_drop_all(c);
    buf_done(&c->text);
    buf_done(&c->audio);
}

bool cloud_trusts(const struct cloud *c, const struct http_request *req)
{
    return c->host->trusts_proxy && c->host->trusts_proxy(req->peer, c->arg);
}

void cloud_put_url(const struct cloud *c, const struct http_request *req, bool websocket, struct str path,
                   struct buf *out)
{
    buf_clear(out);
    origin_put(out, c->opts.public_url, cloud_trusts(c, req), req, websocket);
    if (out->len > 0) {
        buf_put_str(out, path);
    }
}

void cloud_put_own_url(const struct cloud *c, struct buf *out, const char *path, struct str attempt)
{
    buf_put_str(out, c->opts.public_url);
    buf_puts(out, path);
    if (attempt.n > 0) {
        buf_puts(out, "?" CARRIER_ATTEMPT_ARG "=");
        buf_put_str(out, attempt);
    }
}

void cloud_put_round_url(const struct cloud *c, struct buf *out, const char *path, struct str attempt, uint32_t round)
{
    cloud_put_own_url(c, out, path, attempt);
    buf_printf(out, "%c" CARRIER_ROUND_ARG "=%u", attempt.n > 0 ? '&' : '?', round);
}

bool cloud_is_attempt(struct str id)
{
    for (size_t i = 0; i < id.n; i++) {
        char c = id.p[i];
        bool ok = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
        if (!ok) {
            return false;
        }
    }
    return id.n > 0 && id.n <= CARRIER_ATTEMPT_MAX;
}

bool cloud_is_number(struct str s)
{
    for (size_t i = 1; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') {
            return false;
        }
    }
    return s.n > DIGITS_MIN && s.n <= DIGITS_MAX + 1 && s.p[0] == '+';
}

bool cloud_is_sip(struct str s)
{
    return str_starts(s, STR("sip:")) || str_starts(s, STR("sips:"));
}

void cloud_respond(struct http_exchange *x, int status, const char *text)
{
    http_respond(x, status, STR("text/plain"), STR_NULL, span_of_str(str_from(text)));
}

bool cloud_admit(struct cloud *c, struct http_exchange *x, const struct http_request *req, enum cloud_verdict verdict,
                 const char *header)
{
    if (!str_is(req->method, "POST") && !str_is(req->method, "GET")) {
        http_respond(x, 405, STR("text/plain"), STR("Allow: GET, POST\r\n"), span_of_str(STR("Use GET or POST.\n")));
        return false;
    }
    if (verdict == CLOUD_SIGNED || verdict == CLOUD_UNCHECKED) {
        return true;
    }
    bool missing = verdict == CLOUD_UNSIGNED;
    char text[160];
    c->stats.bad_signatures++;
    log_warn(&c->scope, "carrier.signature", "carrier=%s path=" STR_FMT " peer=" STR_FMT " why=\"%s\"",
             c->base.ops->name, STR_ARG(req->path), STR_ARG(req->peer), missing ? "no signature" : "wrong signature");
    int n =
        snprintf(text, sizeof(text),
                 missing ? "%s is missing.\n" : "%s is wrong. Check the auth token and server.public_url.\n", header);
    http_respond(x, 403, STR("text/plain"), STR_NULL, span_from(text, MIN((size_t)n, sizeof(text) - 1)));
    return false;
}
