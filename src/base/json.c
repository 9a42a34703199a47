#include "base/json.h"

#include <math.h>
#include <stdio.h>

#include "base/err.h"

static const char *skip_blank(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) {
        p++;
    }
    return p;
}

typedef uint64_t words2 __attribute__((vector_size(16))); /* GCC and clang */
typedef signed char chars16 __attribute__((vector_size(16)));

#define LONG_STEP 4096

/* For audio: twice at the speed of memchr, in steps, so that a text made of backslashes is not searched ever again. */
static const char *find_special_far(const char *p, const char *end)
{
    while (p < end) {
        size_t n = MIN((size_t)(end - p), (size_t)LONG_STEP);
        const char *quote = memchr(p, '"', n);
        const char *slash = memchr(p, '\\', quote ? (size_t)(quote - p) : n);
        if (slash || quote) {
            return slash ? slash : quote;
        }
        p += n;
    }
    return end;
}

/* The next quote or backslash, end when there is none. Most strings end in the first steps. */
static inline const char *find_special(const char *p, const char *end)
{
    for (int i = 0; end - p >= (ptrdiff_t)sizeof(chars16); p += sizeof(chars16), i++) {
        if (i == 4) {
            return find_special_far(p, end);
        }
        chars16 v;
        memcpy(&v, p, sizeof(v));
        words2 found = (words2)((v == '"') | (v == '\\'));
        if (found[0]) {
            return p + __builtin_ctzll(found[0]) / 8;
        }
        if (found[1]) {
            return p + 8 + __builtin_ctzll(found[1]) / 8;
        }
    }
    while (p < end && *p != '"' && *p != '\\') {
        p++;
    }
    return p;
}

/* p stands behind the opening quote. Returns the position behind the closing one, NULL when there is none. */
static const char *scan_string(const char *p, const char *end, struct json_val *ret)
{
    const char *from = p;
    bool escaped = false;
    for (p = find_special(p, end); p < end && *p == '\\'; p = find_special(p, end)) {
        escaped = true;
        p += end - p > 1 ? 2 : 1; /* what it escapes is no end, whatever it is */
    }
    if (p >= end) {
        return NULL;
    }
    *ret = (struct json_val){JSON_STRING, escaped, {from, (size_t)(p - from)}};
    return p + 1;
}

static const char *digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9') {
        p++;
    }
    return p;
}

static const char *scan_number(const char *p, const char *end, struct json_val *ret)
{
    const char *from = p;
    if (p < end && *p == '-') {
        p++;
    }
    const char *whole = p;
    p = digits(p, end);
    if (p == whole || (*whole == '0' && p - whole > 1)) {
        return NULL;
    }
    if (p < end && *p == '.') {
        const char *fraction = ++p;
        p = digits(p, end);
        if (p == fraction) {
            return NULL;
        }
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-')) {
            p++;
        }
        const char *exponent = p;
        p = digits(p, end);
        if (p == exponent) {
            return NULL;
        }
    }
    *ret = (struct json_val){JSON_NUMBER, false, {from, (size_t)(p - from)}};
    return p;
}

static const char *scan_word(const char *p, const char *end, const char *word, enum json_type type,
                             struct json_val *ret)
{
    size_t n = strlen(word);
    if ((size_t)(end - p) < n || memcmp(p, word, n) != 0) {
        return NULL;
    }
    *ret = (struct json_val){type, false, {p, n}};
    return p + n;
}

/* Finds the end of a container by its brackets and strings alone; its members are checked when they are walked. */
static const char *skip_container(const char *p, const char *end)
{
    char stack[JSON_MAX_DEPTH];
    int depth = 0;
    while (p < end) {
        switch (*p) {
        case '{':
        case '[':
            if (depth == JSON_MAX_DEPTH) {
                return NULL;
            }
            stack[depth++] = *p++;
            break;
        case '}':
        case ']':
            depth--;
            if (stack[depth] != (*p == '}' ? '{' : '[')) {
                return NULL;
            }
            p++;
            if (depth == 0) {
                return p;
            }
            break;
        case '"': {
            struct json_val ignored;
            p = scan_string(p + 1, end, &ignored);
            if (!p) {
                return NULL;
            }
            break;
        }
        default:
            p++;
        }
    }
    return NULL;
}

static const char *scan_value(const char *p, const char *end, struct json_val *ret)
{
    if (p == end) {
        return NULL;
    }
    switch (*p) {
    case '"':
        return scan_string(p + 1, end, ret);
    case '{':
    case '[': {
        const char *q = skip_container(p, end);
        if (q) {
            *ret = (struct json_val){*p == '{' ? JSON_OBJECT : JSON_ARRAY, false, {p, (size_t)(q - p)}};
        }
        return q;
    }
    case 't':
        return scan_word(p, end, "true", JSON_TRUE, ret);
    case 'f':
        return scan_word(p, end, "false", JSON_FALSE, ret);
    case 'n':
        return scan_word(p, end, "null", JSON_NULL, ret);
    default:
        return scan_number(p, end, ret);
    }
}

static int check_deep(struct json_val v)
{
    if (v.type == JSON_STRING) {
        for (size_t i = 0; i < v.s.n; i++) {
            if ((unsigned char)v.s.p[i] < 0x20) {
                return -ERR_SYNTAX;
            }
        }
    }
    if (v.type != JSON_OBJECT && v.type != JSON_ARRAY) {
        return 0;
    }
    struct json_it it = v.type == JSON_OBJECT ? json_object(v) : json_array(v);
    struct str key;
    struct json_val member;
    while (v.type == JSON_OBJECT ? json_next(&it, &key, &member) : json_elem(&it, &member)) {
        int err = check_deep(member); /* depth is bounded by skip_container */
        if (err < 0) {
            return err;
        }
    }
    return it.err;
}

static int parse_shallow(struct str text, struct json_val *ret)
{
    const char *end = text.p + text.n;
    const char *p = text.p ? skip_blank(text.p, end) : end;
    struct json_val v;
    p = scan_value(p, end, &v);
    if (!p || skip_blank(p, end) != end) {
        return -ERR_SYNTAX;
    }
    *ret = v;
    return 0;
}

int json_parse(struct str text, struct json_val *ret)
{
    struct json_val v;
    int err = parse_shallow(text, &v);
    if (err < 0) {
        return err;
    }
    err = check_deep(v);
    if (err < 0) {
        return err;
    }
    *ret = v;
    return 0;
}

int json_open(struct str text, struct json_val *ret)
{
    text = str_trim(text);
    if (text.n < 2 || text.p[0] != '{' || text.p[text.n - 1] != '}') {
        return -ERR_SYNTAX;
    }
    *ret = (struct json_val){JSON_OBJECT, false, text};
    return 0;
}

static struct json_it iterate(struct json_val v, enum json_type type)
{
    struct json_it it = {.object = type == JSON_OBJECT};
    if (v.type != type) {
        it.err = v.type == JSON_NONE ? -ERR_MISSING : -ERR_TYPE;
        return it;
    }
    it.p = v.s.p + 1;
    it.end = v.s.p + v.s.n - 1;
    return it;
}

struct json_it json_object(struct json_val v)
{
    return iterate(v, JSON_OBJECT);
}

struct json_it json_array(struct json_val v)
{
    return iterate(v, JSON_ARRAY);
}

static bool fail(struct json_it *it)
{
    it->err = -ERR_SYNTAX;
    it->p = it->end = NULL;
    return false;
}

/* To the next member or element, behind the comma; NULL: there is none, or the text is broken. */
static inline const char *step(struct json_it *it)
{
    if (!it->p) {
        return NULL;
    }
    const char *p = skip_blank(it->p, it->end);
    if (p == it->end) {
        it->p = NULL;
        return NULL;
    }
    if (it->started) {
        if (*p != ',') {
            fail(it);
            return NULL;
        }
        p = skip_blank(p + 1, it->end);
    }
    it->started = true;
    return p;
}

bool json_elem(struct json_it *it, struct json_val *ret)
{
    const char *p = step(it);
    if (!p) {
        return false;
    }
    p = scan_value(p, it->end, ret);
    if (!p) {
        return fail(it);
    }
    it->p = p;
    return true;
}

bool json_next(struct json_it *it, struct str *ret_key, struct json_val *ret)
{
    const char *p = step(it);
    if (!p) {
        return false;
    }
    struct json_val key;
    if (p == it->end || *p != '"') {
        return fail(it);
    }
    p = scan_string(p + 1, it->end, &key);
    if (!p) {
        return fail(it);
    }
    p = skip_blank(p, it->end);
    if (p == it->end || *p != ':') {
        return fail(it);
    }
    p = scan_value(skip_blank(p + 1, it->end), it->end, ret);
    if (!p) {
        return fail(it);
    }
    it->p = p;
    *ret_key = key.s;
    return true;
}

struct json_val json_get(struct json_val v, const char *key)
{
    struct json_val none = {0};
    if (v.type != JSON_OBJECT) {
        return none;
    }
    struct str want = str_from(key);
    struct str name;
    struct json_val member;
    for (struct json_it it = json_object(v); json_next(&it, &name, &member);) {
        if (str_eq(name, want)) {
            return member;
        }
    }
    return none;
}

struct json_val json_path(struct json_val v, const char *path)
{
    struct str rest = str_from(path);
    struct str part;
    while (str_split(&rest, '.', &part)) {
        char key[64];
        if (str_copy(key, sizeof(key), part) < 0) {
            return (struct json_val){0};
        }
        v = json_get(v, key);
    }
    return v;
}

static int absent_or_type(struct json_val v)
{
    return v.type == JSON_NONE || v.type == JSON_NULL ? -ERR_MISSING : -ERR_TYPE;
}

int json_to_f64(struct json_val v, double *ret)
{
    if (v.type != JSON_NUMBER) {
        return absent_or_type(v);
    }
    return str_to_f64(v.s, ret) < 0 ? -ERR_RANGE : 0;
}

int json_to_i64(struct json_val v, int64_t *ret)
{
    if (v.type != JSON_NUMBER) {
        return absent_or_type(v);
    }
    if (str_to_i64(v.s, ret) == 0) {
        return 0;
    }
    double value;
    if (str_to_f64(v.s, &value) < 0 || value < -9e15 || value > 9e15) {
        return -ERR_RANGE;
    }
    *ret = (int64_t)value;
    return 0;
}

int json_to_bool(struct json_val v, bool *ret)
{
    if (v.type != JSON_TRUE && v.type != JSON_FALSE) {
        return absent_or_type(v);
    }
    *ret = v.type == JSON_TRUE;
    return 0;
}

static int hex4(const char *p)
{
    int v = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int d = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
        if (d < 0) {
            return -1;
        }
        v = v * 16 + d;
    }
    return v;
}

static void put_utf8(struct buf *out, uint32_t c)
{
    char u[4];
    size_t n;
    if (c < 0x80) {
        u[0] = (char)c;
        n = 1;
    } else if (c < 0x800) {
        u[0] = (char)(0xC0 | c >> 6);
        u[1] = (char)(0x80 | (c & 63));
        n = 2;
    } else if (c < 0x10000) {
        u[0] = (char)(0xE0 | c >> 12);
        u[1] = (char)(0x80 | (c >> 6 & 63));
        u[2] = (char)(0x80 | (c & 63));
        n = 3;
    } else {
        u[0] = (char)(0xF0 | c >> 18);
        u[1] = (char)(0x80 | (c >> 12 & 63));
        u[2] = (char)(0x80 | (c >> 6 & 63));
        u[3] = (char)(0x80 | (c & 63));
        n = 4;
    }
    buf_put(out, u, n);
}

/* *p stands behind "\u". Joins surrogate pairs; a lone one becomes U+FFFD. */
static int unescape_u(const char **p, const char *end, struct buf *out)
{
    if (end - *p < 4) {
        return -ERR_SYNTAX;
    }
    int hi = hex4(*p);
    if (hi < 0) {
        return -ERR_SYNTAX;
    }
    *p += 4;
    uint32_t c = (uint32_t)hi;
    if (c >= 0xD800 && c < 0xDC00 && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u') {
        int lo = hex4(*p + 2);
        if (lo >= 0xDC00 && lo < 0xE000) {
            *p += 6;
            put_utf8(out, 0x10000 + ((c - 0xD800) << 10) + ((uint32_t)lo - 0xDC00));
            return 0;
        }
    }
    put_utf8(out, c >= 0xD800 && c < 0xE000 ? 0xFFFD : c);
    return 0;
}

int json_unescape(struct str raw, struct buf *out)
{
    const char *p = raw.p;
    const char *end = raw.p + raw.n;
    while (p < end) {
        const char *slash = memchr(p, '\\', (size_t)(end - p));
        size_t plain = (size_t)((slash ? slash : end) - p);
        buf_put(out, p, plain);
        p += plain;
        if (!slash) {
            break;
        }
        if (++p == end) {
            return -ERR_SYNTAX;
        }
        static const char from[] = "\"\\/bfnrt";
        static const char to[] = "\"\\/\b\f\n\r\t";
        const char *at = strchr(from, *p);
        if (*p == 'u') {
            p++;
            int err = unescape_u(&p, end, out);
            if (err < 0) {
                return err;
            }
        } else if (*p && at) {
            buf_putc(out, to[at - from]);
            p++;
        } else {
            return -ERR_SYNTAX;
        }
    }
    return out->err;
}

int json_to_str(struct json_val v, struct buf *scratch, struct str *ret)
{
    if (v.type != JSON_STRING) {
        return absent_or_type(v);
    }
    if (!v.escaped) {
        *ret = v.s;
        return 0;
    }
    /* Room for the whole text first, so that the buffer does not move while older slices of it are in use. */
    if (!buf_room(scratch, v.s.n)) {
        return scratch->err;
    }
    size_t from = scratch->len;
    int err = json_unescape(v.s, scratch);
    if (err < 0) {
        return err;
    }
    *ret = (struct str){(const char *)buf_ptr(scratch) + from, scratch->len - from};
    return 0;
}

int json_copy_str(struct json_val v, char *dst, size_t cap)
{
    if (v.type != JSON_STRING) {
        return absent_or_type(v);
    }
    if (!v.escaped) {
        return str_copy(dst, cap, v.s);
    }
    struct buf text;
    buf_init(&text, v.s.n + 8);
    int err = json_unescape(v.s, &text);
    if (err == 0) {
        err = str_copy(dst, cap, buf_str(&text));
    }
    buf_done(&text);
    return err;
}

size_t utf8_len(struct str s)
{
    if (s.n == 0) {
        return 0;
    }
    const unsigned char *p = (const unsigned char *)s.p;
    if (p[0] < 0x80) {
        return 1;
    }
    if (p[0] >= 0xC2 && p[0] < 0xE0) {
        return s.n >= 2 && (p[1] & 0xC0) == 0x80 ? 2 : 0;
    }
    if (p[0] >= 0xE0 && p[0] < 0xF0) {
        bool ok = s.n >= 3 && (p[1] & 0xC0) == 0x80 && (p[2] & 0xC0) == 0x80 && (p[0] != 0xE0 || p[1] >= 0xA0) &&
                  (p[0] != 0xED || p[1] < 0xA0);
        return ok ? 3 : 0;
    }
    if (p[0] >= 0xF0 && p[0] < 0xF5) {
        bool ok = s.n >= 4 && (p[1] & 0xC0) == 0x80 && (p[2] & 0xC0) == 0x80 && (p[3] & 0xC0) == 0x80 &&
                  (p[0] != 0xF0 || p[1] >= 0x90) && (p[0] != 0xF4 || p[1] < 0x90);
        return ok ? 4 : 0;
    }
    return 0;
}

bool utf8_valid(struct str s)
{
    while (s.n) {
        size_t n = utf8_len(s);
        if (n == 0) {
            return false;
        }
        s.p += n;
        s.n -= n;
    }
    return true;
}

/* Characters at the front that stand for themselves between quotes. */
static size_t plain_run(const char *p, size_t n)
{
    size_t i = 0;
    for (; i + sizeof(chars16) <= n; i += sizeof(chars16)) {
        chars16 v;
        memcpy(&v, p + i, sizeof(v));
        words2 other = (words2)((v < ' ') | (v == '"') | (v == '\\')); /* signed: 0x80 and above are below 0 */
        if (other[0] | other[1]) {
            break;
        }
    }
    while (i < n && (signed char)p[i] >= ' ' && p[i] != '"' && p[i] != '\\') {
        i++;
    }
    return i;
}

void json_put_quoted(struct buf *out, struct str s)
{
    buf_putc(out, '"');
    size_t plain = 0;
    for (size_t i = 0; i < s.n;) {
        i += plain_run(s.p + i, s.n - i);
        if (i == s.n) {
            break;
        }
        unsigned char c = (unsigned char)s.p[i];
        size_t n = c >= 0x80 ? utf8_len((struct str){s.p + i, s.n - i}) : 0;
        if (n) {
            i += n;
            continue;
        }
        buf_put(out, s.p + plain, i - plain);
        if (c == '"' || c == '\\') {
            buf_putc(out, '\\');
            buf_putc(out, (char)c);
        } else if (c == '\n') {
            buf_put(out, "\\n", 2);
        } else if (c == '\r') {
            buf_put(out, "\\r", 2);
        } else if (c == '\t') {
            buf_put(out, "\\t", 2);
        } else if (c < 0x20) {
            buf_printf(out, "\\u%04x", c);
        } else {
            buf_put(out, "\xEF\xBF\xBD", 3);
        }
        plain = ++i;
    }
    if (plain < s.n) {
        buf_put(out, s.p + plain, s.n - plain);
    }
    buf_putc(out, '"');
}

static void before_value(struct json_w *w)
{
    if (w->comma) {
        buf_putc(w->out, ',');
    }
    w->comma = true;
}

void json_w_open(struct json_w *w)
{
    before_value(w);
    buf_putc(w->out, '{');
    w->comma = false;
}

void json_w_close(struct json_w *w)
{
    buf_putc(w->out, '}');
    w->comma = true;
}

void json_w_array(struct json_w *w)
{
    before_value(w);
    buf_putc(w->out, '[');
    w->comma = false;
}

void json_w_end(struct json_w *w)
{
    buf_putc(w->out, ']');
    w->comma = true;
}

void json_w_key(struct json_w *w, const char *key)
{
    before_value(w);
    buf_putc(w->out, '"');
    buf_puts(w->out, key);
    buf_put(w->out, "\":", 2);
    w->comma = false;
}

void json_w_str(struct json_w *w, struct str s)
{
    before_value(w);
    json_put_quoted(w->out, s);
}

void json_w_i64(struct json_w *w, int64_t v)
{
    before_value(w);
    buf_put_i64(w->out, v);
}

void json_w_f64(struct json_w *w, double v)
{
    before_value(w);
    if (isfinite(v)) {
        buf_printf(w->out, "%.6g", v);
    } else {
        buf_put(w->out, "null", 4);
    }
}

void json_w_bool(struct json_w *w, bool v)
{
    before_value(w);
    buf_puts(w->out, v ? "true" : "false");
}

void json_w_null(struct json_w *w)
{
    before_value(w);
    buf_put(w->out, "null", 4);
}

void json_w_raw(struct json_w *w, struct str json)
{
    before_value(w);
    buf_put_str(w->out, json);
}

void json_w_kstr(struct json_w *w, const char *key, struct str s)
{
    json_w_key(w, key);
    json_w_str(w, s);
}

void json_w_kz(struct json_w *w, const char *key, const char *z)
{
    json_w_key(w, key);
    if (z) {
        json_w_str(w, str_from(z));
    } else {
        json_w_null(w);
    }
}

void json_w_ki64(struct json_w *w, const char *key, int64_t v)
{
    json_w_key(w, key);
    json_w_i64(w, v);
}

void json_w_kf64(struct json_w *w, const char *key, double v)
{
    json_w_key(w, key);
    json_w_f64(w, v);
}

void json_w_kbool(struct json_w *w, const char *key, bool v)
{
    json_w_key(w, key);
    json_w_bool(w, v);
}
