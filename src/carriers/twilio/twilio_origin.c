/*
 * Who we are to the outside, and whether a request was signed by the vendor. The URL is where everyone fails: it is
 * rebuilt from the configuration, and accepted with, without, or with the default port, since the vendor's systems
 * do not agree on it. On an upgrade an ending slash is as uncertain.
 */
#include <stdlib.h>

#include "base/base64.h"
#include "carriers/twilio/twilio_impl.h"
#include "carriers/twilio/twilio_params.h"
#include "net/crypto.h"

/* First element of a forwarded list: the client's side of it. */
static struct str first_of(struct str list)
{
    list.n = str_find(list, ',');
    return str_trim(list);
}

static bool is_host(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool ok = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' ||
                  c == '_' || c == ':' || c == '[' || c == ']';
        if (!ok) {
            return false;
        }
    }
    return s.n > 0;
}

static void put_scheme(struct buf *out, bool tls, bool websocket)
{
    buf_puts(out, websocket ? (tls ? "wss://" : "ws://") : (tls ? "https://" : "http://"));
}

/* "https://a.b" with its scheme turned into the one wanted. */
static void put_configured(struct buf *out, struct str url, bool websocket)
{
    bool tls = str_starts(url, STR("https://")) || str_starts(url, STR("wss://"));
    size_t colon = str_search(url, STR("://"));
    struct str rest = colon == SIZE_MAX ? url : (struct str){url.p + colon + 3, url.n - colon - 3};
    while (rest.n > 0 && rest.p[rest.n - 1] == '/') {
        rest.n--;
    }
    put_scheme(out, tls || colon == SIZE_MAX, websocket);
    buf_put_str(out, rest);
}

void twilio_put_origin(const struct twilio *t, const struct http_request *req, bool websocket, struct buf *out)
{
    if (t->opts->public_url.n > 0) {
        put_configured(out, t->opts->public_url, websocket);
        return;
    }
    struct str host = http_header(req, "Host");
    bool tls = req->tls;
    if (t->host->trusts_proxy && t->host->trusts_proxy(req->peer, t->arg)) {
        struct str proto = first_of(http_header(req, "X-Forwarded-Proto"));
        struct str forwarded = first_of(http_header(req, "X-Forwarded-Host"));
        tls = proto.n > 0 ? str_ieq(proto, STR("https")) || str_ieq(proto, STR("wss")) : tls;
        host = forwarded.n > 0 ? forwarded : host;
    }
    if (is_host(host)) {
        put_scheme(out, tls, websocket);
        buf_put_str(out, host);
    }
}

/* ---- signature ---- */

struct signed_text {
    struct str scheme; /* with "://" */
    struct str host;   /* without port */
    struct str port;   /* with ':'; may be empty */
    struct str target; /* path?query */
    struct str params; /* names and values, sorted and joined */
};

static int by_name_and_value(const void *a, const void *b)
{
    const struct twilio_param *x = a;
    const struct twilio_param *y = b;
    const struct str pairs[2][2] = {{x->name, y->name}, {x->value, y->value}};
    for (int i = 0; i < 2; i++) {
        struct str p = pairs[i][0];
        struct str q = pairs[i][1];
        size_t n = MIN(p.n, q.n);
        int c = n > 0 ? memcmp(p.p, q.p, n) : 0;
        if (c != 0 || p.n != q.n) {
            return c != 0 ? c : p.n < q.n ? -1 : 1;
        }
    }
    return 0;
}

/* Ascending byte order of names, then of distinct values; no separators. */
static void put_params(struct buf *out, const struct twilio_param *params, uint32_t n)
{
    struct twilio_param sorted[TWILIO_MAX_PARAMS];
    n = MIN(n, TWILIO_MAX_PARAMS);
    if (n > 0) {
        memcpy(sorted, params, n * sizeof(*params));
    }
    qsort(sorted, n, sizeof(*sorted), by_name_and_value);
    for (uint32_t i = 0; i < n; i++) {
        if (i > 0 && by_name_and_value(&sorted[i - 1], &sorted[i]) == 0) {
            continue;
        }
        buf_put_str(out, sorted[i].name);
        buf_put_str(out, sorted[i].value);
    }
}

static bool split_origin(struct str origin, struct signed_text *s)
{
    size_t colon = str_search(origin, STR("://"));
    if (colon == SIZE_MAX) {
        return false;
    }
    s->scheme = (struct str){origin.p, colon + 3};
    s->host = (struct str){origin.p + colon + 3, origin.n - colon - 3};
    s->port = STR_NULL;
    for (size_t i = s->host.n; i-- > 0 && s->host.p[i] != ']';) {
        if (s->host.p[i] == ':') {
            s->port = (struct str){s->host.p + i, s->host.n - i};
            s->host.n = i;
            break;
        }
    }
    return true;
}

static bool matches(const struct twilio_opts *o, const struct signed_text *s, struct str port, struct str target,
                    struct str signature)
{
    struct buf text;
    bool found = false;
    buf_init(&text, 4u << 20);
    buf_put_str(&text, s->scheme);
    buf_put_str(&text, s->host);
    buf_put_str(&text, port);
    buf_put_str(&text, target);
    buf_put_str(&text, s->params);
    for (uint32_t i = 0; i < o->n_auth_tokens && text.err == 0; i++) {
        uint8_t mac[20];
        char want[28];
        crypto_hmac_sha1(span_of_str(o->auth_tokens[i]), buf_span(&text), mac);
        size_t n = base64_encode(want, span_from(mac, sizeof(mac)));
        found = crypto_equal(span_from(want, n), span_of_str(signature)) || found;
    }
    buf_done(&text);
    return found;
}

static bool matches_any_port(const struct twilio_opts *o, const struct signed_text *s, struct str target,
                             struct str signature)
{
    bool tls = str_is(s->scheme, "https://") || str_is(s->scheme, "wss://");
    return matches(o, s, s->port, target, signature) || matches(o, s, STR_NULL, target, signature) ||
           matches(o, s, tls ? STR(":443") : STR(":80"), target, signature);
}

/* An upgrade may have been signed with a slash at the end that we did not write, or without one that we did. */
static bool matches_other_slash(const struct twilio_opts *o, const struct signed_text *s, struct str signature)
{
    struct buf other;
    struct str target = s->target;
    buf_init(&other, TWILIO_URL_MAX);
    if (target.n > 1 && target.p[target.n - 1] == '/') {
        buf_put(&other, target.p, target.n - 1);
    } else {
        buf_put_str(&other, target);
        buf_putc(&other, '/');
    }
    bool found = other.err == 0 && matches_any_port(o, s, buf_str(&other), signature);
    buf_done(&other);
    return found;
}

static struct str query_value(struct str query, const char *name)
{
    struct str part;
    while (str_split(&query, '&', &part)) {
        size_t eq = str_find(part, '=');
        if (eq < part.n && str_is((struct str){part.p, eq}, name)) {
            return (struct str){part.p + eq + 1, part.n - eq - 1};
        }
    }
    return STR_NULL;
}

/* A body that is no form is signed by its hash in the query. */
static bool body_hash_ok(const struct http_request *req)
{
    uint8_t hash[32];
    char hex[65];
    struct str want = query_value(req->query, "bodySHA256");
    if (req->body.n == 0 && want.n == 0) {
        return true;
    }
    crypto_sha256(req->body, hash);
    crypto_hex(span_from(hash, sizeof(hash)), hex);
    return crypto_equal(span_from(hex, 64), span_of_str(want));
}

bool twilio_signature_fits(const struct twilio_opts *o, const struct twilio_signed *what, struct str signature)
{
    struct buf joined;
    struct signed_text s;
    buf_init(&joined, 4u << 20);
    put_params(&joined, what->params, what->n_params);
    bool ok = joined.err == 0 && split_origin(what->origin, &s);
    if (ok) {
        s.target = what->target;
        s.params = buf_str(&joined);
        ok = matches_any_port(o, &s, s.target, signature) || (what->websocket && matches_other_slash(o, &s, signature));
    }
    buf_done(&joined);
    return ok;
}

enum twilio_verdict twilio_verify(const struct twilio *t, const struct http_request *req, bool websocket,
                                  const struct twilio_param *params, uint32_t n_params)
{
    if (!t->opts->verify_signature || t->opts->n_auth_tokens == 0) {
        return TWILIO_UNCHECKED;
    }
    struct str signature = http_header(req, "X-Twilio-Signature");
    if (signature.n == 0) {
        return TWILIO_UNSIGNED;
    }
    bool form = !websocket && twilio_is_form(req);
    struct buf origin;
    buf_init(&origin, TWILIO_URL_MAX);
    twilio_put_origin(t, req, websocket, &origin);
    struct twilio_signed what = {
        .origin = buf_str(&origin),
        .target = req->target,
        .websocket = websocket,
        .params = params,
        .n_params = form ? n_params : 0,
    };
    bool ok =
        (form || websocket || body_hash_ok(req)) && origin.err == 0 && twilio_signature_fits(t->opts, &what, signature);
    buf_done(&origin);
    return ok ? TWILIO_SIGNED : TWILIO_FORGED;
}
