#include "guards/rule.h"

#include <stdlib.h>

#include "base/err.h"
#include "guards/regex.h"
#include "guards/shapes.h"

#define MAX_PATTERN (256 * 1024) /* of a list of words */
#define MAX_DEPTH   16           /* of arguments that are looked into */
#define MAX_TEXT    (64 * 1024)

/* One expression, and the shape that it stands for. */
struct part {
    struct regex *regex;
    enum guard_shape shape; /* GUARD_SHAPE_N: none */
};

struct guard_rule {
    enum guard_kind kind;
    struct part parts[GUARD_SHAPE_N];
    uint32_t n_parts;
    uint32_t min_chars, max_chars;
    char *argument;
    double min, max;
};

const char *guard_kind_name(enum guard_kind kind)
{
    static const char *const names[GUARD_KIND_N] = {"regex", "words", "shapes", "length",
                                                    "range", "http",  "model",  "code"};
    return (unsigned)kind < GUARD_KIND_N ? names[kind] : "unknown";
}

bool guard_kind_is_local(enum guard_kind kind)
{
    return kind <= GUARD_RANGE;
}

struct guard_rule *guard_rule_free(struct guard_rule *r)
{
    if (r) {
        for (uint32_t i = 0; i < r->n_parts; i++) {
            regex_free(r->parts[i].regex);
        }
        free(r->argument);
        free(r);
    }
    return NULL;
}

/* ---- making ---- */

static int add_part(struct guard_rule *r, struct str pattern, bool case_sensitive, enum guard_shape shape,
                    struct buf *ret_err)
{
    struct part *p = &r->parts[r->n_parts];
    p->shape = shape;
    int err = regex_new(pattern, case_sensitive, ret_err, &p->regex);
    r->n_parts += err >= 0;
    return err;
}

/* An expression that nothing satisfies would object to every text. */
static int refuse_nothing(struct guard_rule *r, struct buf *ret_err)
{
    static const char *const texts[] = {"", "x", "."};
    for (uint32_t i = 0; i < ARRAY_LEN(texts); i++) {
        uint32_t from = 0;
        uint32_t to = 0;
        int found = regex_find(r->parts[0].regex, str_from(texts[i]), 0, true, &from, &to);
        if (found == REGEX_MATCH && from == to) {
            buf_puts(ret_err, "it also matches nothing at all: every text would trip");
            return -ERR_CONFIG;
        }
        if (found == -ENOMEM) {
            return found;
        }
    }
    return 0;
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (uint8_t)c >= 0x80;
}

/* "no way*": its letters as they stand; between words any blanks and marks; a star at the end: however it goes on. */
static bool put_phrase(struct str phrase, struct buf *out)
{
    bool open = phrase.n > 1 && phrase.p[phrase.n - 1] == '*';
    bool word = false;
    phrase = str_trim((struct str){phrase.p, phrase.n - open});
    for (size_t i = 0; i < phrase.n; i++) {
        char c = phrase.p[i];
        if (c == ' ' || c == '\t') {
            while (i + 1 < phrase.n && (phrase.p[i + 1] == ' ' || phrase.p[i + 1] == '\t')) {
                i++;
            }
            buf_puts(out, "[\\s\\p{P}]+");
            continue;
        }
        word = word || is_word(c);
        if (!is_word(c)) {
            buf_putc(out, '\\');
        }
        buf_putc(out, c);
    }
    buf_puts(out, open ? "[\\p{L}\\p{N}_]*" : "");
    return word;
}

static int add_words(struct guard_rule *r, const struct guard_def *def, struct buf *ret_err)
{
    struct buf pattern;
    int err = 0;
    buf_init(&pattern, MAX_PATTERN);
    buf_puts(&pattern, "(?<![\\p{L}\\p{N}_])(?:");
    for (uint32_t i = 0; i < def->n_words && err == 0; i++) {
        struct str w = str_trim(def->words[i]);
        buf_puts(&pattern, i ? "|" : "");
        if (w.n > GUARDS_MAX_WORD_BYTES || !utf8_valid(w) || memchr(w.p ? w.p : "", 0, w.n) ||
            !put_phrase(w, &pattern)) {
            buf_printf(ret_err, "\"%.*s\" is no word", (int)MIN(w.n, (size_t)60), w.p ? w.p : "");
            err = -ERR_CONFIG;
        }
    }
    buf_puts(&pattern, ")(?![\\p{L}\\p{N}_])");
    if (err == 0 && def->n_words == 0) {
        buf_puts(ret_err, "there are no words");
        err = -ERR_CONFIG;
    }
    err = err < 0 ? err : pattern.err == -ERR_TOO_BIG ? -ERR_CONFIG : pattern.err;
    if (err == -ERR_CONFIG && ret_err->len == 0) {
        buf_puts(ret_err, "the list is too long");
    }
    err = err < 0 ? err : add_part(r, buf_str(&pattern), def->case_sensitive, GUARD_SHAPE_N, ret_err);
    buf_done(&pattern);
    return err;
}

static int add_shapes(struct guard_rule *r, uint32_t shapes, struct buf *ret_err)
{
    int err = 0;
    for (uint32_t i = 0; i < GUARD_SHAPE_N && err >= 0; i++) {
        if (shapes & UINT32_C(1) << i) {
            err = add_part(r, str_from(shape_pattern((enum guard_shape)i)), false, (enum guard_shape)i, ret_err);
        }
    }
    if (err >= 0 && r->n_parts == 0) {
        buf_puts(ret_err, "there are no shapes");
        return -ERR_CONFIG;
    }
    return err;
}

static int fill(struct guard_rule *r, const struct guard_def *def, struct buf *ret_err)
{
    int err;
    switch (def->kind) {
    case GUARD_REGEX:
        if (def->pattern.n == 0 || def->pattern.n > GUARDS_MAX_PATTERN_BYTES) {
            buf_puts(ret_err, def->pattern.n ? "the expression is too long" : "there is no expression");
            return -ERR_CONFIG;
        }
        err = add_part(r, def->pattern, def->case_sensitive, GUARD_SHAPE_N, ret_err);
        return err < 0 ? err : refuse_nothing(r, ret_err);
    case GUARD_WORDS:
        return add_words(r, def, ret_err);
    case GUARD_SHAPES:
        return add_shapes(r, def->shapes, ret_err);
    case GUARD_LENGTH:
    case GUARD_RANGE:
        return 0;
    case GUARD_HTTP:
    case GUARD_MODEL:
    case GUARD_CODE:
    case GUARD_KIND_N:
        break;
    }
    buf_puts(ret_err, "it is no rule");
    return -ERR_CONFIG;
}

int guard_rule_new(const struct guard_def *def, struct buf *ret_err, struct guard_rule **ret)
{
    struct guard_rule *r = calloc(1, sizeof(*r));
    if (!r) {
        return -ENOMEM;
    }
    r->kind = def->kind;
    r->min_chars = def->min_chars;
    r->max_chars = def->max_chars;
    r->min = def->min;
    r->max = def->max;
    r->argument = str_dup(def->argument.p ? def->argument : STR(""));
    int err = r->argument ? fill(r, def, ret_err) : -ENOMEM;
    if (err < 0) {
        guard_rule_free(r);
        return err;
    }
    *ret = r;
    return 0;
}

/* ---- looking ---- */

static int scan_part(const struct part *p, struct str text, bool final, struct guard_finding *ret)
{
    uint32_t at = 0;
    for (;;) {
        uint32_t from = at;
        uint32_t to = at;
        int found = regex_find(p->regex, text, at, final, &from, &to);
        if (found < 0) {
            return found;
        }
        if (found == REGEX_PARTIAL) {
            ret->sure = MIN(ret->sure, from);
        }
        if (found != REGEX_MATCH) {
            return 0;
        }
        uint32_t end = to;
        if (p->shape == GUARD_SHAPE_N || shape_confirm(p->shape, text, &from, &to)) {
            ret->tripped = true;
            ret->from = from;
            ret->to = to;
            ret->what = p->shape == GUARD_SHAPE_N ? NULL : guard_shape_name(p->shape);
            return 0;
        }
        at = MAX(end, at + 1);
        if (at >= text.n) {
            return 0;
        }
    }
}

static void scan_length(const struct guard_rule *r, struct str text, bool final, struct guard_finding *ret)
{
    struct str t = str_trim(text);
    uint32_t chars = 0;
    for (size_t i = 0; i < t.n; i++) {
        chars += ((uint8_t)t.p[i] & 0xC0) != 0x80;
    }
    if (r->max_chars && chars > r->max_chars) {
        ret->tripped = true;
        ret->what = "too long";
    } else if (final && chars < r->min_chars) {
        ret->tripped = true;
        ret->what = chars ? "too short" : "empty";
    }
}

int guard_rule_scan(struct guard_rule *r, struct str text, bool final, struct guard_finding *ret)
{
    text.n = MIN(text.n, (size_t)MAX_TEXT);
    *ret = (struct guard_finding){.sure = (uint32_t)text.n};
    int err = 0;
    for (uint32_t i = 0; i < r->n_parts && err >= 0 && !ret->tripped; i++) {
        err = scan_part(&r->parts[i], text, final, ret);
    }
    if (r->kind == GUARD_LENGTH) {
        scan_length(r, text, final, ret);
    }
    return err < 0 ? err : 0;
}

/* ---- arguments ---- */

/* Every text among them, one to a line. */
static void put_texts(const struct json_doc *v, uint32_t depth, struct buf *out)
{
    if (v->type == JSON_STRING) {
        buf_puts(out, out->len ? "\n" : "");
        buf_put_str(out, v->text);
    } else if (v->type == JSON_NUMBER) {
        buf_puts(out, out->len ? "\n" : "");
        buf_put_str(out, v->text);
    }
    bool inside = (v->type == JSON_OBJECT || v->type == JSON_ARRAY) && depth < MAX_DEPTH;
    for (const struct json_doc *m = inside ? v->first : NULL; m; m = m->next) {
        put_texts(m, depth + 1, out);
    }
}

static void scan_range(const struct guard_rule *r, const struct json_doc *arguments, struct guard_finding *ret)
{
    const struct json_doc *v = json_doc_find(arguments, str_from(r->argument));
    double number = 0;
    if (!v || v->type == JSON_NULL) {
        return; /* whether it must be there is its schema's business */
    }
    struct json_val text = {.type = JSON_NUMBER, .s = v->type == JSON_STRING ? str_trim(v->text) : STR_NULL};
    bool known = v->type == JSON_NUMBER ||
                 (v->type == JSON_STRING && json_parse(text.s, &text) == 0 && json_to_f64(text, &number) == 0);
    number = v->type == JSON_NUMBER ? v->number : number;
    ret->tripped = !known || number < r->min || number > r->max;
    ret->what = !known ? "no number" : number < r->min ? "too small" : "too large";
}

int guard_rule_scan_arguments(struct guard_rule *r, const struct json_doc *arguments, struct guard_finding *ret)
{
    if (r->kind == GUARD_RANGE) {
        *ret = (struct guard_finding){0};
        scan_range(r, arguments, ret);
        return 0;
    }
    struct buf texts;
    buf_init(&texts, MAX_TEXT);
    put_texts(arguments, 0, &texts);
    int err = texts.err == -ERR_TOO_BIG ? -ERR_LIMIT : texts.err;
    err = err < 0 ? err : guard_rule_scan(r, buf_str(&texts), true, ret);
    buf_done(&texts);
    return err;
}
