/*
 * Whether a request was signed by the vendor. The URL is where everyone fails: it is rebuilt from the configuration,
 * and every spelling that the vendor's systems may have signed is tried.
 */
#include "base/base64.h"
#include "carriers/twilio/twilio_impl.h"
#include "net/crypto.h"
#include "wire/spelling.h"
#include "wire/twilio_sig.h"

#define SIGNED_MAX_BYTES (4u << 20)

static bool signed_by_us(const struct twilio_opts *o, struct span text, struct str signature)
{
    bool found = false;
    for (uint32_t i = 0; i < o->n_auth_tokens; i++) {
        uint8_t mac[20];
        char want[28];
        crypto_hmac_sha1(span_of_str(o->auth_tokens[i]), text, mac);
        size_t n = base64_encode(want, span_from(mac, sizeof(mac)));
        found = crypto_equal(span_from(want, n), span_of_str(signature)) || found;
    }
    return found;
}

bool twilio_signature_fits(const struct twilio_opts *o, struct str url, struct form *params, struct str signature)
{
    struct spelling urls;
    struct buf text;
    bool found = false;
    if (spelling_init(&urls, url) < 0) {
        return false;
    }
    buf_init(&text, SIGNED_MAX_BYTES);
    for (size_t i = 0; i < urls.n && !found; i++) {
        buf_clear(&text);
        found = twilio_sign_base(&text, urls.url[i], params) == 0 && signed_by_us(o, buf_span(&text), signature);
    }
    buf_done(&text);
    spelling_done(&urls);
    return found;
}

/* A body that is no form is signed by its hash, which stands in the query. */
static bool body_hash_ok(const struct http_request *req)
{
    uint8_t hash[32];
    char hex[65];
    struct buf want;
    buf_init(&want, 1024);
    bool named = form_find(req->query, "bodySHA256", &want);
    bool ok = !named && req->body.n == 0;
    if (named) {
        crypto_sha256(req->body, hash);
        crypto_hex(span_from(hash, sizeof(hash)), hex);
        ok = crypto_equal(span_from(hex, 64), buf_span(&want));
    }
    buf_done(&want);
    return ok;
}

enum cloud_verdict twilio_verify(const struct twilio *t, const struct http_request *req, bool websocket,
                                 struct form *params)
{
    if (!t->opts->verify_signature || t->opts->n_auth_tokens == 0) {
        return CLOUD_UNCHECKED;
    }
    struct str signature = http_header(req, TWILIO_SIGNATURE);
    if (signature.n == 0) {
        return CLOUD_UNSIGNED;
    }
    bool form = !websocket && params_is_form(req);
    struct buf url;
    buf_init(&url, SIGNED_MAX_BYTES);
    cloud_put_url(&t->cloud, req, websocket, req->target, &url);
    bool ok = (form || websocket || body_hash_ok(req)) && url.err == 0 &&
              twilio_signature_fits(t->opts, buf_str(&url), form ? params : NULL, signature);
    buf_done(&url);
    return ok ? CLOUD_SIGNED : CLOUD_FORGED;
}
