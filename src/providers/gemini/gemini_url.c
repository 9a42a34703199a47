/* Address and headers of a session, from the options. */
#include "providers/gemini/gemini_impl.h"

#define METHOD "BidiGenerateContent"

/* RFC 3986 unreserved characters stand for themselves. */
static void put_escaped(struct buf *out, struct str s)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = (uint8_t)s.p[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
                     c == '_' || c == '.' || c == '~';
        if (plain) {
            buf_putc(out, (char)c);
        } else {
            buf_putc(out, '%');
            buf_putc(out, hex[c >> 4]);
            buf_putc(out, hex[c & 15]);
        }
    }
}

static bool is_clean(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = (uint8_t)s.p[i];
        if (c < 0x20 || c == 0x7f) {
            return false;
        }
    }
    return true;
}

/* Drops a prefix, case-insensitively. */
static bool skip(struct str *s, const char *prefix)
{
    struct str p = str_from(prefix);
    if (s->n < p.n || !str_ieq((struct str){s->p, p.n}, p)) {
        return false;
    }
    s->p += p.n;
    s->n -= p.n;
    return true;
}

/* A path that names the method is somebody's own (a proxy, Vertex) and stays; another one is put in front. */
static void put_path(struct buf *out, struct str path, struct str version)
{
    if (str_search(path, STR(METHOD)) != SIZE_MAX) {
        buf_put_str(out, path);
        return;
    }
    while (path.n > 0 && path.p[path.n - 1] == '/') {
        path.n--;
    }
    buf_put_str(out, path);
    buf_puts(out, "/ws/google.ai.generativelanguage.");
    buf_put_str(out, version.n > 0 ? version : STR("v1beta"));
    buf_puts(out, ".GenerativeService." METHOD);
}

int gemini_put_url(struct buf *out, const struct gemini_opts *opts)
{
    struct str rest = opts->url.n > 0 ? opts->url : STR("wss://" GEMINI_DEFAULT_HOST);
    bool tls = skip(&rest, "wss://") || skip(&rest, "https://");
    if (!tls && !skip(&rest, "ws://") && !skip(&rest, "http://")) {
        return -ERR_CONFIG;
    }
    rest.n = str_find(rest, '#');
    if (!is_clean(rest) || str_find(rest, ' ') != rest.n) {
        return -ERR_CONFIG;
    }
    struct str query = STR_NULL;
    size_t mark = str_find(rest, '?');
    if (mark < rest.n) {
        query = (struct str){rest.p + mark + 1, rest.n - mark - 1};
        rest.n = mark;
    }
    size_t slash = str_find(rest, '/');
    if (slash == 0) {
        return -ERR_CONFIG; /* no host */
    }
    buf_puts(out, tls ? "wss://" : "ws://");
    buf_put(out, rest.p, slash);
    put_path(out, (struct str){rest.p + slash, rest.n - slash}, opts->api_version);
    buf_puts(out, query.n > 0 ? "?" : "");
    buf_put_str(out, query);
    for (uint32_t i = 0; i < opts->n_query; i++) {
        buf_putc(out, query.n > 0 || i > 0 ? '&' : '?');
        put_escaped(out, opts->query[i].name);
        buf_putc(out, '=');
        put_escaped(out, opts->query[i].value);
    }
    return out->err;
}

static int put_header(struct buf *out, struct str name, const char *prefix, struct str value)
{
    if (name.n == 0 || !is_clean(name) || !is_clean(value) || str_find(name, ':') != name.n) {
        return -ERR_CONFIG;
    }
    buf_put_str(out, name);
    buf_puts(out, ": ");
    buf_puts(out, prefix);
    buf_put_str(out, value);
    buf_puts(out, "\r\n");
    return out->err;
}

int gemini_put_headers(struct buf *out, const struct gemini_opts *opts)
{
    struct str auth = opts->auth_header.n > 0 ? opts->auth_header : STR("x-goog-api-key");
    bool given = false;
    for (uint32_t i = 0; i < opts->n_headers; i++) {
        given = given || str_ieq(opts->headers[i].name, auth);
        int err = put_header(out, opts->headers[i].name, "", opts->headers[i].value);
        if (err < 0) {
            return err;
        }
    }
    if (given || opts->api_key.n == 0) {
        return out->err;
    }
    return put_header(out, auth, str_ieq(auth, STR("Authorization")) ? "Bearer " : "", opts->api_key);
}
