#include "wire/endpoint.h"

#include "base/err.h"

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

int endpoint_read(struct str text, struct endpoint *ret)
{
    struct str rest = text;
    struct endpoint e = {.query = STR("")};
    e.tls = skip(&rest, "wss://") || skip(&rest, "https://");
    if (!e.tls && !skip(&rest, "ws://") && !skip(&rest, "http://")) {
        return -ERR_CONFIG;
    }
    rest.n = str_find(rest, '#');
    if (!is_clean(rest) || str_find(rest, ' ') != rest.n) {
        return -ERR_CONFIG;
    }
    size_t mark = str_find(rest, '?');
    if (mark < rest.n) {
        e.query = (struct str){rest.p + mark + 1, rest.n - mark - 1};
        rest.n = mark;
    }
    size_t slash = str_find(rest, '/');
    if (slash == 0) {
        return -ERR_CONFIG; /* no host */
    }
    e.host = (struct str){rest.p, slash};
    e.path = (struct str){rest.p + slash, rest.n - slash};
    *ret = e;
    return 0;
}

void endpoint_put_origin(struct buf *out, const struct endpoint *e)
{
    buf_puts(out, e->tls ? "wss://" : "ws://");
    buf_put_str(out, e->host);
}

void endpoint_put_query(struct buf *out, const struct endpoint *e, bool *ret_begun)
{
    *ret_begun = e->query.n > 0;
    buf_puts(out, *ret_begun ? "?" : "");
    buf_put_str(out, e->query);
}

bool endpoint_has_parameter(const struct endpoint *e, const char *name)
{
    struct str rest = e->query, part;
    while (str_split(&rest, '&', &part)) {
        if (str_is((struct str){part.p, str_find(part, '=')}, name)) {
            return true;
        }
    }
    return false;
}

void endpoint_put_parameter(struct buf *out, bool *begun, struct str name, struct str value)
{
    buf_putc(out, *begun ? '&' : '?');
    *begun = true;
    put_escaped(out, name);
    buf_putc(out, '=');
    put_escaped(out, value);
}

static int put_header(struct buf *out, struct str name, struct str scheme, struct str value)
{
    if (name.n == 0 || !is_clean(name) || !is_clean(value) || str_find(name, ':') != name.n) {
        return -ERR_CONFIG;
    }
    buf_put_str(out, name);
    buf_puts(out, ": ");
    buf_put_str(out, scheme);
    buf_puts(out, scheme.n > 0 ? " " : "");
    buf_put_str(out, value);
    buf_puts(out, "\r\n");
    return out->err;
}

int endpoint_put_headers(struct buf *out, const struct endpoint_headers *h)
{
    bool given = false;
    for (uint32_t i = 0; i < h->n_headers; i++) {
        given = given || str_ieq(h->headers[i].name, h->auth_header);
        int err = put_header(out, h->headers[i].name, STR(""), h->headers[i].value);
        if (err < 0) {
            return err;
        }
    }
    if (given || h->api_key.n == 0) {
        return out->err;
    }
    bool bearer = str_ieq(h->auth_header, STR("Authorization"));
    struct str scheme = h->scheme.n > 0 ? h->scheme : STR("Bearer");
    return put_header(out, h->auth_header, bearer ? scheme : STR(""), h->api_key);
}
