#include "peer/phone/phone_url.h"

#include "base/err.h"

int phone_url_parse(struct str url, struct phone_url *ret)
{
    size_t scheme_n = str_search(url, STR("://"));
    if (scheme_n == SIZE_MAX || scheme_n == 0) {
        return -ERR_SYNTAX;
    }
    struct str rest = {url.p + scheme_n + 3, url.n - scheme_n - 3};
    size_t host_n = 0;
    while (host_n < rest.n && !memchr("/?#", rest.p[host_n], 3)) {
        host_n++;
    }
    if (host_n == 0) {
        return -ERR_SYNTAX;
    }
    struct phone_url u = {.scheme = {url.p, scheme_n}, .base = {url.p, scheme_n + 3 + host_n}};
    rest = (struct str){rest.p + host_n, rest.n - host_n};
    rest.n = str_find(rest, '#');
    size_t path_n = str_find(rest, '?');
    u.path = (struct str){rest.p, path_n};
    u.query = path_n < rest.n ? (struct str){rest.p + path_n + 1, rest.n - path_n - 1} : STR_NULL;
    *ret = u;
    return 0;
}

int phone_url_resolve(struct str base, struct str ref, struct buf *out)
{
    struct phone_url b, absolute;
    if (phone_url_parse(ref, &absolute) == 0) {
        buf_put_str(out, ref);
        return out->err;
    }
    int err = phone_url_parse(base, &b);
    if (err < 0) {
        return err;
    }
    buf_put_str(out, b.base);
    if (!str_starts(ref, STR("/"))) {
        size_t folder_n = b.path.n;
        while (folder_n > 0 && b.path.p[folder_n - 1] != '/') {
            folder_n--;
        }
        buf_put_str(out, folder_n > 0 ? (struct str){b.path.p, folder_n} : STR("/"));
    }
    buf_put_str(out, ref);
    return out->err;
}

void phone_url_put_ws(struct str url, struct buf *out)
{
    bool http = str_starts(url, STR("http://")) || str_starts(url, STR("https://"));
    if (http) {
        buf_puts(out, "ws");
        url = (struct str){url.p + 4, url.n - 4}; /* http is ws, https is wss */
    }
    buf_put_str(out, url);
}

int phone_url_rebase(struct str url, struct str base, struct buf *out)
{
    struct phone_url u, b;
    int err = phone_url_parse(url, &u);
    if (err < 0) {
        return err;
    }
    if (base.n == 0) {
        buf_put_str(out, url);
        return out->err;
    }
    err = phone_url_parse(base, &b);
    if (err < 0) {
        return err;
    }
    buf_put_str(out, b.base);
    buf_put_str(out, (struct str){url.p + u.base.n, url.n - u.base.n});
    return out->err;
}
