#include "base/template.h"

#include "base/err.h"

int template_next(struct str *rest, struct str *ret_text, struct str *ret_name)
{
    size_t open = str_search(*rest, STR("{{"));
    *ret_name = STR_NULL;
    if (open == SIZE_MAX) {
        *ret_text = *rest;
        *rest = STR("");
        return 0;
    }
    struct str behind = {rest->p + open + 2, rest->n - open - 2};
    size_t close = str_search(behind, STR("}}"));
    if (close == SIZE_MAX) {
        return -ERR_SYNTAX;
    }
    struct str name = str_trim((struct str){behind.p, close});
    if (name.n == 0 || name.n > TEMPLATE_MAX_NAME) {
        return -ERR_SYNTAX;
    }
    *ret_text = (struct str){rest->p, open};
    *ret_name = name;
    *rest = (struct str){behind.p + close + 2, behind.n - close - 2};
    return 1;
}

/* Only text can stand there: numbers and true as they are written, null as nothing. */
static int plain_text(const struct json_doc *v, struct str *ret)
{
    switch (v->type) {
    case JSON_STRING:
    case JSON_NUMBER:
        *ret = v->text;
        return 0;
    case JSON_TRUE:
        *ret = STR("true");
        return 0;
    case JSON_FALSE:
        *ret = STR("false");
        return 0;
    case JSON_NULL:
        *ret = STR("");
        return 0;
    case JSON_OBJECT:
    case JSON_ARRAY:
        return -ERR_TYPE;
    case JSON_NONE:
        return -ERR_MISSING;
    }
    return -ERR_TYPE;
}

static void put_url(struct buf *out, struct str s)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = (uint8_t)s.p[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
            c == '.' || c == '~') {
            buf_putc(out, (char)c);
        } else {
            buf_putc(out, '%');
            buf_putc(out, hex[c >> 4]);
            buf_putc(out, hex[c & 15]);
        }
    }
}

static int put_header(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((uint8_t)s.p[i] < ' ' || s.p[i] == 0x7F) {
            return -ERR_RANGE;
        }
    }
    buf_put_str(out, s);
    return 0;
}

/* Within quotes: what a quoted text looks like without them. */
static int put_inside_json(struct buf *out, const struct json_doc *v)
{
    struct buf quoted;
    struct str text;
    int err = plain_text(v, &text);
    buf_init(&quoted, out->max_bytes);
    if (err == -ERR_TYPE) { /* an object within a text: its JSON as text */
        struct buf json;
        buf_init(&json, out->max_bytes);
        json_doc_write(v, &json);
        json_put_quoted(&quoted, buf_str(&json));
        err = json.err;
        buf_done(&json);
    } else if (err == 0) {
        json_put_quoted(&quoted, text);
    }
    if (err == 0) {
        err = quoted.err;
    }
    if (err == 0) {
        buf_put(out, buf_ptr(&quoted) + 1, quoted.len - 2);
    }
    buf_done(&quoted);
    return err;
}

struct place {
    bool quoted; /* JSON: within a string */
    bool query;  /* URL: behind the ? */
};

static void look(struct str text, enum template_kind kind, struct place *at)
{
    for (size_t i = 0; i < text.n; i++) {
        if (kind == TEMPLATE_URL) {
            at->query = at->query || text.p[i] == '?';
        } else if (at->quoted && text.p[i] == '\\') {
            i++;
        } else if (text.p[i] == '"') {
            at->quoted = !at->quoted;
        }
    }
}

static int put_value(struct buf *out, enum template_kind kind, const struct place *at, const struct json_doc *v)
{
    struct str text;
    if (kind == TEMPLATE_JSON) {
        if (at->quoted) {
            return put_inside_json(out, v);
        }
        json_doc_write(v, out); /* absent: null */
        return 0;
    }
    int err = plain_text(v, &text);
    if (err < 0) {
        return err;
    }
    if (kind == TEMPLATE_HEADER) {
        return put_header(out, text);
    }
    /* They would make another path of it: /users//orders, /users/../orders. */
    if (!at->query && (text.n == 0 || str_is(text, ".") || str_is(text, ".."))) {
        return -ERR_RANGE;
    }
    put_url(out, text);
    return 0;
}

int template_write(struct str text, enum template_kind kind, template_get_fn get, void *arg, struct buf *out,
                   struct str *ret_name)
{
    struct place at = {false, false};
    struct str before;
    int more = 1;
    *ret_name = STR("");
    while (more > 0) {
        more = template_next(&text, &before, ret_name);
        if (more < 0) {
            return more;
        }
        buf_put_str(out, before);
        look(before, kind, &at);
        if (more > 0) {
            struct json_doc v = get(arg, *ret_name);
            int err = put_value(out, kind, &at, &v);
            if (err < 0) {
                return err;
            }
        }
    }
    return out->err;
}

/* ---- texts for people ---- */

static bool name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
}

/* "{{ name }}" or "{name}" at the beginning: how long it is, 0 when it is neither. */
static size_t placeholder(struct str s, struct str *ret_name)
{
    size_t braces = s.n > 1 && s.p[1] == '{' ? 2 : 1;
    struct str inner = {s.p + braces, s.n - braces};
    size_t end = str_find(inner, '}');
    if (end == inner.n || (braces == 2 && (end + 1 >= inner.n || inner.p[end + 1] != '}'))) {
        return 0;
    }
    struct str name = {inner.p, end};
    name = braces == 2 ? str_trim(name) : name; /* { name } is no placeholder */
    for (size_t i = 0; i < name.n; i++) {
        if (!name_char(name.p[i])) {
            return 0;
        }
    }
    *ret_name = name;
    return name.n > 0 && name.n <= TEMPLATE_MAX_NAME ? braces + end + braces : 0;
}

void template_fill(struct str text, template_text_fn get, void *arg, struct buf *out)
{
    while (text.n > 0) {
        size_t open = str_find(text, '{');
        struct str name, value = STR_NULL;
        buf_put_str(out, (struct str){text.p, open});
        text = (struct str){text.p + open, text.n - open};
        size_t n = text.n > 0 ? placeholder(text, &name) : 0;
        if (n > 0 && get(arg, name, &value)) {
            buf_put_str(out, value);
        } else {
            n = n > 0 ? n : MIN(text.n, 1u);
            buf_put_str(out, (struct str){text.p, n});
        }
        text = (struct str){text.p + n, text.n - n};
    }
}
