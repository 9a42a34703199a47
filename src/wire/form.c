#include "wire/form.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"

void form_init(struct form *f, size_t max_bytes)
{
    f->n = 0;
    buf_init(&f->text, max_bytes);
}

void form_done(struct form *f)
{
    f->n = 0;
    buf_done(&f->text);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Appends the decoded text; never longer than in. */
static int decode(struct buf *out, struct str in)
{
    for (size_t i = 0; i < in.n; i++) {
        char c = in.p[i];
        if (c == '+') {
            c = ' ';
        } else if (c == '%') {
            int hi = in.n - i > 2 ? hex_digit(in.p[i + 1]) : -1;
            int lo = hi >= 0 ? hex_digit(in.p[i + 2]) : -1;
            if (lo < 0) {
                return -ERR_SYNTAX;
            }
            c = (char)(hi << 4 | lo);
            i += 2;
        }
        if (c == 0) {
            return -ERR_SYNTAX;
        }
        buf_putc(out, c);
    }
    return out->err;
}

static int decode_part(struct form *f, struct str in, struct str *ret)
{
    size_t from = f->text.len;
    int err = decode(&f->text, in);
    if (err < 0) {
        return err;
    }
    *ret = (struct str){(const char *)buf_ptr(&f->text) + from, f->text.len - from};
    return utf8_valid(*ret) ? 0 : -ERR_UTF8;
}

static struct form_pair cut(struct str part)
{
    size_t eq = str_find(part, '=');
    struct str value = eq < part.n ? (struct str){part.p + eq + 1, part.n - eq - 1} : STR("");
    return (struct form_pair){{part.p, eq}, value};
}

int form_decode(struct form *f, struct str text)
{
    struct str part;
    f->n = 0;
    buf_clear(&f->text);
    /* All the room at once, so that the slices do not move. */
    if (!buf_room(&f->text, text.n + 1)) {
        return f->text.err;
    }
    while (str_split(&text, '&', &part)) {
        if (part.n == 0) {
            continue;
        }
        if (f->n == FORM_PAIRS_MAX) {
            return -ERR_TOO_BIG;
        }
        struct form_pair raw = cut(part);
        struct form_pair *pair = &f->pairs[f->n];
        int err = decode_part(f, raw.name, &pair->name);
        err = err < 0 ? err : decode_part(f, raw.value, &pair->value);
        if (err < 0) {
            f->n = 0;
            return err;
        }
        f->n++;
    }
    return 0;
}

struct str form_get(const struct form *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++) {
        if (str_is(f->pairs[i].name, name)) {
            return f->pairs[i].value;
        }
    }
    return STR_NULL;
}

bool form_has(const struct form *f, const char *name)
{
    return form_get(f, name).p != NULL;
}

static int str_order(struct str a, struct str b)
{
    size_t n = MIN(a.n, b.n);
    int order = n ? memcmp(a.p, b.p, n) : 0;
    return order ? order : (a.n > b.n) - (a.n < b.n);
}

static int pair_order(const void *a, const void *b)
{
    const struct form_pair *x = a;
    const struct form_pair *y = b;
    int order = str_order(x->name, y->name);
    return order ? order : str_order(x->value, y->value);
}

void form_sort(struct form *f)
{
    qsort(f->pairs, f->n, sizeof(f->pairs[0]), pair_order);
}

bool form_find(struct str text, const char *name, struct buf *value)
{
    struct str part;
    while (str_split(&text, '&', &part)) {
        struct form_pair raw = cut(part);
        if (!str_is(raw.name, name)) { /* our own names need no escapes */
            continue;
        }
        size_t from = value->len;
        if (decode(value, raw.value) < 0) {
            value->len = from;
            return false;
        }
        return true;
    }
    return false;
}

void form_put_encoded(struct buf *out, struct str text)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                     c == '.' || c == '_' || c == '~';
        if (plain) {
            buf_putc(out, c);
        } else {
            char escape[3] = {'%', hex[(uint8_t)c >> 4], hex[(uint8_t)c & 15]};
            buf_put(out, escape, 3);
        }
    }
}

void form_put(struct buf *out, struct str name, struct str value)
{
    if (out->len) {
        buf_putc(out, '&');
    }
    form_put_encoded(out, name);
    buf_putc(out, '=');
    form_put_encoded(out, value);
}
