#include "dialer/csv.h"

#include "base/err.h"

static uint32_t count_of(struct str s, char c)
{
    uint32_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        n += s.p[i] == c;
    }
    return n;
}

struct csv csv_open(struct str text)
{
    struct csv c = {.rest = text, .delimiter = ',', .line = 1};

    if (str_starts(c.rest, STR("\xEF\xBB\xBF"))) {
        c.rest = (struct str){c.rest.p + 3, c.rest.n - 3};
    }
    struct str head = {c.rest.p, str_find(c.rest, '\n')};
    uint32_t most = count_of(head, ',');
    for (const char *other = ";\t"; *other; other++) {
        if (count_of(head, *other) > most) {
            most = count_of(head, *other);
            c.delimiter = *other;
        }
    }
    return c;
}

static char peek(const struct csv *c)
{
    return c->rest.n ? *c->rest.p : '\n';
}

static void step(struct csv *c)
{
    if (c->rest.n) {
        c->line += *c->rest.p == '\n';
        c->rest = (struct str){c->rest.p + 1, c->rest.n - 1};
    }
}

/* Up to the next line: where reading goes on behind a mistake. */
static void skip_line(struct csv *c)
{
    while (c->rest.n && peek(c) != '\n') {
        step(c);
    }
    step(c);
}

static bool at_end(const struct csv *c)
{
    bool crlf = c->rest.n >= 2 && c->rest.p[0] == '\r' && c->rest.p[1] == '\n';
    return c->rest.n == 0 || peek(c) == '\n' || crlf || (c->rest.n == 1 && *c->rest.p == '\r');
}

static int read_quoted(struct csv *c, struct buf *room)
{
    step(c);
    for (;;) {
        if (c->rest.n == 0 || room->len > CSV_ROW_BYTES_MAX) {
            return c->rest.n ? -ERR_TOO_BIG : -ERR_SYNTAX;
        }
        if (peek(c) == '"') {
            step(c);
            if (c->rest.n == 0 || peek(c) != '"') {
                break;
            }
        }
        buf_putc(room, *c->rest.p);
        step(c);
    }
    return at_end(c) || peek(c) == c->delimiter ? 0 : -ERR_SYNTAX;
}

static int read_field(struct csv *c, struct buf *room)
{
    if (c->rest.n && peek(c) == '"') {
        return read_quoted(c, room);
    }
    while (!at_end(c) && peek(c) != c->delimiter) {
        buf_putc(room, *c->rest.p);
        step(c);
        if (room->len > CSV_ROW_BYTES_MAX) {
            return -ERR_TOO_BIG;
        }
    }
    return 0;
}

/* ends[i]: offset behind field i. */
static int read_row(struct csv *c, struct buf *room, size_t *ends, uint32_t *ret_n)
{
    for (uint32_t n = 0;;) {
        if (n == CSV_FIELDS_MAX) {
            return -ERR_TOO_BIG;
        }
        int err = read_field(c, room);
        if (err < 0 || room->err < 0) {
            return err < 0 ? err : room->err;
        }
        ends[n++] = room->len;
        if (at_end(c)) {
            *ret_n = n;
            skip_line(c); /* the rest of it is its end */
            return 0;
        }
        step(c);
    }
}

int csv_next(struct csv *c, struct buf *room, struct csv_row *ret)
{
    size_t ends[CSV_FIELDS_MAX];
    size_t from = 0;

    while (c->rest.n && at_end(c)) {
        skip_line(c);
    }
    ret->line = c->line;
    ret->n = 0;
    if (c->rest.n == 0) {
        return 0;
    }
    buf_clear(room);
    int err = read_row(c, room, ends, &ret->n);
    if (err < 0) {
        skip_line(c);
        return err;
    }
    for (uint32_t i = 0; i < ret->n; i++) {
        ret->fields[i] = str_trim((struct str){(const char *)buf_ptr(room) + from, ends[i] - from});
        from = ends[i];
    }
    return 1;
}
