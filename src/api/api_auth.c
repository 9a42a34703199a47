#include "api/api_auth.h"

#include "base/loopback.h"
#include "net/crypto.h"

/* Any of them says that somebody else's request reached us through a local proxy or tunnel. */
static const char *const forwarding_headers[] = {
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Port",
    "X-Forwarded-Server",
    "Forwarded",
    "X-Real-IP",
    "Via",
    "X-Original-Host",
    "X-Client-IP",
    "True-Client-IP",
    "CF-Connecting-IP",
    "CF-Ray",
    "X-Envoy-External-Address",
};

/* Digests of equal length are compared, so that not even the token's length shows in the time. */
static bool token_ok(const struct api_opts *opts, struct str token)
{
    uint8_t given[32];
    uint8_t want[32];
    bool ok = false;
    crypto_sha256(span_of_str(token), given);
    for (uint32_t i = 0; i < opts->n_tokens; i++) {
        crypto_sha256(span_of_str(opts->tokens[i]), want);
        ok |= opts->tokens[i].n > 0 && crypto_equal(span_from(given, sizeof(given)), span_from(want, sizeof(want)));
    }
    return ok;
}

static bool bearer_token(struct str header, struct str *ret)
{
    struct str scheme;
    if (!str_split(&header, ' ', &scheme) || !str_ieq(scheme, STR("Bearer"))) {
        return false;
    }
    *ret = str_trim(header);
    return ret->n > 0;
}

/* "127.0.0.1:8000", "[::1]:8000", "localhost": without the port and brackets. */
static struct str host_of(struct str address)
{
    if (str_starts(address, STR("["))) {
        size_t end = str_find(address, ']');
        return (struct str){address.p + 1, end > 0 ? end - 1 : 0};
    }
    size_t colon = str_find(address, ':');
    struct str rest = {address.p + colon, address.n - colon};
    bool bare_ipv6 = rest.n > 1 && str_find((struct str){rest.p + 1, rest.n - 1}, ':') < rest.n - 1;
    return bare_ipv6 ? address : (struct str){address.p, colon};
}

static bool is_loopback(struct str host)
{
    static const struct str mapped = {"::ffff:", 7};
    if (str_starts(host, mapped)) {
        host = (struct str){host.p + mapped.n, host.n - mapped.n};
    }
    return str_is(host, "::1") || (str_starts(host, STR("127.")) && str_find(host, ':') == host.n);
}

static bool came_through_proxy(const struct http_request *req)
{
    for (size_t i = 0; i < ARRAY_LEN(forwarding_headers); i++) {
        if (http_header(req, forwarding_headers[i]).p) {
            return true;
        }
    }
    return false;
}

/* Browsers send Origin with everything a foreign page can do that changes something, Sec-Fetch-Site with the rest. */
static bool foreign_page(const struct http_request *req)
{
    struct str origin = http_header(req, "Origin");
    struct str site = http_header(req, "Sec-Fetch-Site");
    if (site.p && !str_is(site, "same-origin") && !str_is(site, "none")) {
        return true;
    }
    if (!origin.p) {
        return false;
    }
    size_t at = str_search(origin, STR("://"));
    struct str host = at == SIZE_MAX ? STR_NULL : (struct str){origin.p + at + 3, origin.n - at - 3};
    return host.n == 0 || !str_ieq(host, http_header(req, "Host"));
}

bool api_auth_ok(const struct api_opts *opts, const struct http_request *req)
{
    struct str authorization = http_header(req, "Authorization");
    if (authorization.p) { /* whoever shows a token is judged by it */
        struct str token;
        return bearer_token(authorization, &token) && token_ok(opts, token);
    }
    /* A Host of another spelling is a name of the outside that was pointed at us. */
    return is_loopback(host_of(req->peer)) && loopback_host(http_header(req, "Host")) && !came_through_proxy(req) &&
           !foreign_page(req);
}
