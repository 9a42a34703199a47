#include "cloud/origin.h"

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

void origin_put(struct buf *out, struct str public_url, bool behind_proxy, const struct http_request *req,
                bool websocket)
{
    if (public_url.n > 0) {
        put_configured(out, public_url, websocket);
        return;
    }
    struct str host = http_header(req, "Host");
    bool tls = req->tls;
    if (behind_proxy) {
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
