/*
 * Whether a request was signed by the vendor. The URL is where everyone fails: it is rebuilt from the configuration,
 * and every spelling that the vendor's systems may have signed is tried; for an upgrade also https in place of wss, for
 * no page of the vendor says which of the two it signs.
 */
#include "base/base64.h"
#include "carriers/plivo/plivo_impl.h"
#include "net/crypto.h"
#include "wire/plivo_sig.h"
#include "wire/spelling.h"

#define SIGNED_MAX_BYTES   (4u << 20)
#define PLIVO_SIGNATURE_V2 "X-Plivo-Signature-V2"

struct claim {
    struct str nonce;
    struct str account, main; /* lists of signatures; either may be empty */
    bool v2;                  /* over the address alone */
};

static bool listed(struct str list, struct str want)
{
    struct str one;
    bool found = false;
    while (plivo_next_signature(&list, &one)) {
        found = crypto_equal(span_of_str(one), span_of_str(want)) || found;
    }
    return found;
}

static bool signed_by_us(const struct plivo_opts *o, struct span text, const struct claim *c)
{
    bool found = false;
    for (uint32_t i = 0; i < o->n_auth_tokens; i++) {
        uint8_t mac[32];
        char want[44];
        crypto_hmac_sha256(span_of_str(o->auth_tokens[i]), text, mac);
        struct str s = {want, base64_encode(want, span_from(mac, sizeof(mac)))};
        found = listed(c->account, s) || listed(c->main, s) || found;
    }
    return found;
}

static bool fits(const struct plivo_opts *o, struct str url, struct form *params, const struct claim *c)
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
        int err = c->v2 ? plivo_sign_base_v2(&text, urls.url[i], c->nonce)
                        : plivo_sign_base(&text, urls.url[i], params, c->nonce);
        found = err == 0 && signed_by_us(o, buf_span(&text), c);
    }
    buf_done(&text);
    spelling_done(&urls);
    return found;
}

static struct claim claim_of(const struct http_request *req, bool v2)
{
    return (struct claim){
        .nonce = http_header(req, v2 ? PLIVO_SIGNATURE_V2 "-Nonce" : PLIVO_SIGNATURE "-Nonce"),
        .account = http_header(req, v2 ? PLIVO_SIGNATURE_V2 : PLIVO_SIGNATURE),
        .main = http_header(req, v2 ? "X-Plivo-Signature-Ma-V2" : "X-Plivo-Signature-Ma-V3"),
        .v2 = v2,
    };
}

static bool is_signed(const struct claim *c)
{
    return c->account.n > 0 || c->main.n > 0;
}

enum cloud_verdict plivo_verify(const struct plivo *p, const struct http_request *req, enum plivo_call_for what,
                                struct form *params)
{
    bool websocket = what == PLIVO_OPENS;
    if (!p->opts->verify_signature || p->opts->n_auth_tokens == 0) {
        return CLOUD_UNCHECKED;
    }
    struct claim claim = claim_of(req, false);
    if (!is_signed(&claim) && what == PLIVO_WRITES && p->opts->accept_v2) {
        claim = claim_of(req, true);
    }
    if (!is_signed(&claim)) {
        return CLOUD_UNSIGNED;
    }
    if (claim.nonce.n == 0 || claim.nonce.n > PLIVO_NONCE_MAX) {
        return CLOUD_FORGED;
    }
    struct form *signed_params = !websocket && params_is_form(req) ? params : NULL;
    struct buf url;
    bool ok = false;
    buf_init(&url, SIGNED_MAX_BYTES);
    for (int secure = websocket ? 1 : 0; secure >= 0 && !ok; secure--) {
        cloud_put_url(&p->cloud, req, secure != 0, req->target, &url);
        ok = url.err == 0 && fits(p->opts, buf_str(&url), signed_params, &claim);
    }
    buf_done(&url);
    return ok ? CLOUD_SIGNED : CLOUD_FORGED;
}
