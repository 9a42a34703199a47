#include "wire/spelling.h"

#include "base/err.h"

/* scheme :// authority rest; the authority is cut before its port. */
struct url_parts {
    struct str scheme;
    struct str host; /* with user info */
    struct str port; /* without colon; p NULL when absent */
    struct str rest; /* path and query */
};

static int split(struct str url, struct url_parts *ret)
{
    size_t mark = str_search(url, STR("://"));
    if (mark == SIZE_MAX || mark == 0) {
        return -ERR_SYNTAX;
    }
    struct str behind = {url.p + mark + 3, url.n - mark - 3};
    size_t end = 0;
    while (end < behind.n && behind.p[end] != '/' && behind.p[end] != '?' && behind.p[end] != '#') {
        end++;
    }
    struct str authority = {behind.p, end};
    size_t host = 0;
    for (size_t i = 0; i < authority.n; i++) {
        host = authority.p[i] == '@' ? i + 1 : host; /* a colon before it belongs to the password */
    }
    size_t colon = authority.n;
    for (size_t i = host; i < authority.n; i++) {
        colon = authority.p[i] == ':' ? i : authority.p[i] == ']' ? authority.n : colon;
    }
    if (colon == host || authority.n == host) {
        return -ERR_SYNTAX;
    }
    ret->scheme = (struct str){url.p, mark};
    ret->host = (struct str){authority.p, colon};
    ret->port = STR_NULL;
    if (colon < authority.n) {
        ret->port = (struct str){authority.p + colon + 1, authority.n - colon - 1};
    }
    ret->rest = (struct str){behind.p + end, behind.n - end};
    return 0;
}

static void add(struct spelling *u, const struct url_parts *p, struct str port, struct str rest)
{
    size_t from = u->text.len;
    buf_put_str(&u->text, p->scheme);
    buf_puts(&u->text, "://");
    buf_put_str(&u->text, p->host);
    if (port.n) {
        buf_putc(&u->text, ':');
        buf_put_str(&u->text, port);
    }
    buf_put_str(&u->text, rest);
    if (u->text.err < 0) {
        return;
    }
    struct str made = {(const char *)buf_ptr(&u->text) + from, u->text.len - from};
    for (size_t i = 0; i < u->n; i++) {
        if (str_eq(u->url[i], made)) {
            u->text.len = from;
            return;
        }
    }
    u->url[u->n++] = made;
}

int spelling_init(struct spelling *u, struct str url)
{
    struct url_parts p;
    int err = split(url, &p);
    if (err < 0) {
        return err;
    }
    *u = (struct spelling){0};
    bool socket = str_ieq(p.scheme, STR("ws")) || str_ieq(p.scheme, STR("wss"));
    bool secure = str_ieq(p.scheme, STR("https")) || str_ieq(p.scheme, STR("wss"));
    struct str standard = secure ? STR("443") : STR("80");
    /* Room for all of them at once, so that the slices do not move. */
    buf_init(&u->text, SPELLING_MAX * (url.n + 8));
    if (!buf_room(&u->text, u->text.max_bytes)) {
        err = u->text.err;
        spelling_done(u);
        return err;
    }
    struct buf with;
    buf_init(&with, url.n + 2);
    buf_put_str(&with, p.rest);
    buf_putc(&with, '/');
    bool query = str_find(p.rest, '?') < p.rest.n;
    bool has_slash = p.rest.n && p.rest.p[p.rest.n - 1] == '/';
    struct str other = has_slash ? (struct str){p.rest.p, p.rest.n - 1} : buf_str(&with);
    for (int slash = 0; slash < (socket && !query ? 2 : 1); slash++) {
        struct str rest = slash ? other : p.rest;
        add(u, &p, p.port, rest);
        add(u, &p, STR_NULL, rest);
        add(u, &p, standard, rest);
    }
    err = with.err < 0 ? with.err : u->text.err;
    buf_done(&with);
    if (err < 0) {
        spelling_done(u);
    }
    return err;
}

void spelling_done(struct spelling *u)
{
    buf_done(&u->text);
    u->n = 0;
}
