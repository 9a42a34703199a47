#include "guards/shapes.h"

#include <stdlib.h>

#include "base/err.h"
#include "guards/regex.h"

#define CARD_MIN 13
#define CARD_MAX 19

const char *guard_shape_name(enum guard_shape shape)
{
    static const char *const names[GUARD_SHAPE_N] = {
#define X(name, word) word,
        GUARD_SHAPE_LIST(X)
#undef X
    };
    return (unsigned)shape < GUARD_SHAPE_N ? names[shape] : "unknown";
}

const char *shape_pattern(enum guard_shape shape)
{
    static const char *const patterns[GUARD_SHAPE_N] = {
        [SHAPE_API_KEY] = "(?<![A-Za-z0-9])sk-[A-Za-z0-9_-]{20,}",
        /* After "is" only what has a digit: "the secret is to wait" gives nothing away. */
        [SHAPE_SECRET] =
            "(?<![\\p{L}\\p{N}])(?:password|passwort|passphrase|passcode|secret|api[ _-]?key|access[ _-]?token)"
            "(?![\\p{L}\\p{N}])[\"']?(?:\\s*[:=]\\s*[\"']?\\S{3,}|\\s+is\\s*:?\\s+(?=\\S*[0-9])\\S{4,})",
        [SHAPE_CARD] = "(?<![0-9])[0-9](?:[ -]?[0-9]){12,60}(?![0-9])",
        [SHAPE_SSN] = "(?<![0-9-])(?!000|666|9)[0-9]{3}[- ](?!00)[0-9]{2}[- ](?!0000)[0-9]{4}(?![0-9-])",
        [SHAPE_TOKEN] = "(?<![A-Za-z0-9])(?=[A-Za-z]*[0-9])[A-Za-z0-9]{20,}",
        [SHAPE_SCRIPT] = "<script|javascript:|onclick|onerror|eval\\(|exec\\(",
    };
    return (unsigned)shape < GUARD_SHAPE_N ? patterns[shape] : "(?!)";
}

/* ---- cards ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The check digit of [from, to), which holds digits with single blanks or dashes between. */
static bool check_digit(struct str text, uint32_t from, uint32_t to)
{
    uint32_t sum = 0;
    bool twice = false;
    for (uint32_t i = to; i-- > from;) {
        if (is_digit(text.p[i])) {
            uint32_t d = (uint32_t)(text.p[i] - '0') * (twice ? 2 : 1);
            sum += d > 9 ? d - 9 : d;
            twice = !twice;
        }
    }
    return sum % 10 == 0 && sum > 0;
}

/* The card in a run of digits: other numbers may stand before and behind it, apart from it. */
static bool find_card(struct str text, uint32_t *from, uint32_t *to)
{
    for (uint32_t a = *from; a < *to; a++) {
        if (!is_digit(text.p[a]) || (a > *from && is_digit(text.p[a - 1]))) {
            continue;
        }
        uint32_t digits = 0;
        for (uint32_t b = a; b < *to && digits < CARD_MAX; b++) {
            digits += is_digit(text.p[b]);
            bool ends = b + 1 == *to || !is_digit(text.p[b + 1]);
            if (is_digit(text.p[b]) && ends && digits >= CARD_MIN && check_digit(text, a, b + 1)) {
                *from = a;
                *to = b + 1;
                return true;
            }
        }
    }
    return false;
}

bool shape_confirm(enum guard_shape shape, struct str text, uint32_t *from, uint32_t *to)
{
    return shape != SHAPE_CARD || find_card(text, from, to);
}

/* ---- masking ---- */

struct guard_mask {
    struct regex *shapes[GUARD_SHAPE_N]; /* NULL: not masked */
};

int guard_mask_new(uint32_t shapes, struct guard_mask **ret)
{
    struct guard_mask *m = calloc(1, sizeof(*m));
    struct buf why;
    int err = m ? 0 : -ENOMEM;
    buf_init(&why, 256);
    for (uint32_t i = 0; err >= 0 && i < GUARD_SHAPE_N; i++) {
        if (shapes & UINT32_C(1) << i) {
            err = regex_new(str_from(shape_pattern((enum guard_shape)i)), false, &why, &m->shapes[i]);
        }
    }
    buf_done(&why);
    if (err < 0) {
        guard_mask_free(m);
        return err;
    }
    *ret = m;
    return 0;
}

struct guard_mask *guard_mask_free(struct guard_mask *m)
{
    for (uint32_t i = 0; m && i < GUARD_SHAPE_N; i++) {
        regex_free(m->shapes[i]);
    }
    free(m);
    return NULL;
}

/* The next one of a shape behind at; false: none. err gets a limit that was hit. */
static bool next_shape(struct regex *r, enum guard_shape shape, struct str text, uint32_t *from, uint32_t *to, int *err)
{
    uint32_t at = *from;
    for (;;) {
        int found = regex_find(r, text, at, true, from, to);
        if (found != REGEX_MATCH || *to <= *from) {
            *err = found < 0 ? found : *err;
            return false;
        }
        uint32_t end = *to;
        if (shape_confirm(shape, text, from, to)) {
            return true;
        }
        at = end;
    }
}

/* Where each shape is found next. */
struct sighting {
    bool any;
    uint32_t from, to;
};

/* The first of any shape behind at; those that were seen before it are looked for again. */
static const struct sighting *next_secret(struct guard_mask *m, struct str text, uint32_t at, struct sighting *seen,
                                          int *err)
{
    const struct sighting *best = NULL;
    for (uint32_t i = 0; i < GUARD_SHAPE_N; i++) {
        struct sighting *s = &seen[i];
        if (s->any && s->from < at) {
            s->from = at;
            s->any = next_shape(m->shapes[i], (enum guard_shape)i, text, &s->from, &s->to, err);
        }
        if (s->any && (!best || s->from < best->from || (s->from == best->from && s->to > best->to))) {
            best = s;
        }
    }
    return best;
}

/* Where it ends with all that others begin in it: a card in "secret = 4111 ..." goes on behind the first digits. */
static uint32_t end_of(const struct sighting *seen, uint32_t to)
{
    uint32_t last;
    do {
        last = to;
        for (uint32_t i = 0; i < GUARD_SHAPE_N; i++) {
            to = seen[i].any && seen[i].from < to ? MAX(to, seen[i].to) : to;
        }
    } while (to > last);
    return to;
}

/* Of text what stands behind at. */
static uint32_t put_from(struct guard_mask *m, struct str text, uint32_t at, struct buf *out)
{
    struct sighting seen[GUARD_SHAPE_N] = {0};
    uint32_t n = 0;
    int err = 0;
    size_t before = out->len;
    for (uint32_t i = 0; i < GUARD_SHAPE_N; i++) {
        seen[i].from = at;
        seen[i].any =
            m->shapes[i] && next_shape(m->shapes[i], (enum guard_shape)i, text, &seen[i].from, &seen[i].to, &err);
    }
    const struct sighting *s;
    while (err == 0 && (s = next_secret(m, text, at, seen, &err))) {
        struct str secret = {text.p + s->from, s->to - s->from};
        buf_put_str(out, (struct str){text.p + at, s->from - at});
        buf_puts(out, str_starts(secret, STR("sk-")) ? "sk-***" : "***");
        at = end_of(seen, s->to);
        n++;
    }
    if (err < 0) {
        out->len = MIN(out->len, before);
        buf_puts(out, "***");
        return n + 1;
    }
    buf_put_str(out, (struct str){text.p + at, text.n - at});
    return n;
}

uint32_t guard_mask_put(struct guard_mask *m, struct str text, struct buf *out)
{
    return put_from(m, text, 0, out);
}

/* ---- masking as it comes ---- */

#define STREAM_MAX_BYTES (64u << 10)
#define STREAM_BEHIND    64 /* given out already, for what looks at the letter before */

void mask_stream_init(struct mask_stream *s)
{
    buf_init(&s->text, STREAM_MAX_BYTES);
    s->from = 0;
}

void mask_stream_done(struct mask_stream *s)
{
    buf_done(&s->text);
}

/* Where the first thing of this shape begins that is not over, or what is sure to be one and reaches over limit. */
static uint32_t sure_of(struct regex *r, enum guard_shape shape, struct str text, uint32_t at, uint32_t limit)
{
    uint32_t from = at;
    uint32_t to = at;
    while (at < limit) {
        int found = regex_find(r, text, at, false, &from, &to);
        if (found == REGEX_NONE) {
            return limit;
        }
        if (found != REGEX_MATCH || to >= text.n || to <= at) { /* it may grow; one that gives up waits as well */
            return found < 0 ? at : MIN(from, limit);
        }
        uint32_t end = to;
        if (shape_confirm(shape, text, &from, &to) && from < limit && to > limit) {
            return from;
        }
        at = end;
    }
    return limit;
}

static uint32_t sure(struct guard_mask *m, const struct mask_stream *s)
{
    struct str text = buf_str(&s->text);
    uint32_t limit = (uint32_t)text.n;
    uint32_t last;
    do { /* what one shape waits for may cut another's in two */
        last = limit;
        for (uint32_t i = 0; i < GUARD_SHAPE_N; i++) {
            limit = m->shapes[i] ? sure_of(m->shapes[i], (enum guard_shape)i, text, s->from, limit) : limit;
        }
    } while (limit < last);
    return MAX(limit, s->from);
}

void guard_mask_more(struct guard_mask *m, struct mask_stream *s, struct str piece, bool final, struct buf *out)
{
    buf_put_str(&s->text, piece);
    if (s->text.err < 0) {
        buf_puts(out, final ? "***" : "");
    } else {
        uint32_t upto = final ? (uint32_t)s->text.len : sure(m, s);
        put_from(m, (struct str){buf_str(&s->text).p, upto}, s->from, out);
        s->from = upto;
    }
    if (final) {
        buf_clear(&s->text);
        s->from = 0;
    } else if (s->from > 2 * STREAM_BEHIND) {
        size_t gone = s->from - STREAM_BEHIND;
        buf_consume(&s->text, gone);
        s->from = STREAM_BEHIND;
    }
}
