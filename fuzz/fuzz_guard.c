/* Hostile texts before every kind of rule, and hostile answers of endpoints and text models. */
#include "fuzz.h"

#include <stdlib.h>

#include "base/err.h"
#include "guards/question.h"
#include "guards/rule.h"
#include "guards/shapes.h"

static void scan(const struct guard_def *def, struct str text)
{
    struct guard_rule *r = NULL;
    struct guard_finding f;
    struct buf why;
    buf_init(&why, 512);
    if (guard_rule_new(def, &why, &r) >= 0) {
        for (int final = 0; final < 2; final++) {
            if (guard_rule_scan(r, text, final, &f) >= 0 &&
                (f.sure > text.n || (f.tripped && (f.from > f.to || f.to > text.n)))) {
                abort();
            }
        }
        guard_rule_free(r);
    }
    buf_done(&why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct str words[] = {STR("secret code"), STR("refund*")};
    struct str text = {(const char *)data, size < 4096 ? size : 4096};
    size_t cut = str_find(text, '\n');
    struct guard_verdict v;
    struct guard_mask *mask = NULL;
    struct buf out;
    buf_init(&out, 1 << 20);
    scan(&(struct guard_def){.kind = GUARD_SHAPES, .shapes = (1u << GUARD_SHAPE_N) - 1}, text);
    scan(&(struct guard_def){.kind = GUARD_WORDS, .words = words, .n_words = 2}, text);
    scan(&(struct guard_def){.kind = GUARD_LENGTH, .min_chars = 1, .max_chars = 100}, text);
    if (cut < text.n) { /* an expression of its own on the first line */
        scan(&(struct guard_def){.kind = GUARD_REGEX, .pattern = {text.p, cut}},
             (struct str){text.p + cut + 1, text.n - cut - 1});
    }
    ignore_result(guard_answer_read(text, text, &v, &out)); /* any answer but a crash */
    if (v.to > text.n || v.from > v.to) {
        abort();
    }
    buf_clear(&out);
    if (guard_mask_new((1u << GUARD_SHAPE_N) - 1, &mask) >= 0) {
        guard_mask_put(mask, text, &out);
        guard_mask_free(mask);
    }
    buf_done(&out);
    return 0;
}
