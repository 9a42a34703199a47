#include "guards/regex.h"

#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/err.h"

/* What one search may do from each place in the text: a sane expression needs a few hundred steps. */
#define MATCH_LIMIT 5000
#define DEPTH_LIMIT 1000
#define HEAP_KB     2048

struct regex {
    pcre2_code *code;
    pcre2_match_data *found;
    pcre2_match_context *limits;
};

struct regex *regex_free(struct regex *r)
{
    if (r) {
        pcre2_match_context_free(r->limits);
        pcre2_match_data_free(r->found);
        pcre2_code_free(r->code);
        free(r);
    }
    return NULL;
}

static int refuse(int code, size_t at, struct buf *ret_err)
{
    PCRE2_UCHAR text[160] = "";
    ignore_result(pcre2_get_error_message(code, text, sizeof(text))); /* cut when it is longer */
    buf_printf(ret_err, "%s (at character %zu)", (const char *)text, at + 1);
    return -ERR_CONFIG;
}

int regex_new(struct str pattern, bool case_sensitive, struct buf *ret_err, struct regex **ret)
{
    uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;
    int code = 0;
    size_t at = 0;
    struct regex *r = calloc(1, sizeof(*r));
    if (!r) {
        return -ENOMEM;
    }
    options |= case_sensitive ? 0 : PCRE2_CASELESS;
    r->code = pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n, options, &code, &at, NULL);
    if (!r->code) {
        regex_free(r);
        return code == PCRE2_ERROR_HEAP_FAILED ? -ENOMEM : refuse(code, at, ret_err);
    }
    r->found = pcre2_match_data_create_from_pattern(r->code, NULL);
    r->limits = pcre2_match_context_create(NULL);
    if (!r->found || !r->limits) {
        regex_free(r);
        return -ENOMEM;
    }
    ignore_result(pcre2_set_match_limit(r->limits, MATCH_LIMIT)); /* these three always return 0 */
    ignore_result(pcre2_set_depth_limit(r->limits, DEPTH_LIMIT));
    ignore_result(pcre2_set_heap_limit(r->limits, HEAP_KB));
    *ret = r;
    return 0;
}

int regex_find(struct regex *r, struct str text, uint32_t offset, bool final, uint32_t *ret_from, uint32_t *ret_to)
{
    PCRE2_SPTR p = (PCRE2_SPTR)(text.p ? text.p : "");
    int n = pcre2_match(r->code, p, text.n, offset, final ? 0 : PCRE2_PARTIAL_HARD, r->found, r->limits);
    const size_t *at = pcre2_get_ovector_pointer(r->found);
    if (n == PCRE2_ERROR_NOMATCH) {
        return REGEX_NONE;
    }
    if (n < 0 && n != PCRE2_ERROR_PARTIAL) {
        return n == PCRE2_ERROR_NOMEMORY ? -ENOMEM : -ERR_LIMIT;
    }
    *ret_from = (uint32_t)MIN(at[0], at[1]); /* \K may turn them round */
    *ret_to = (uint32_t)MAX(at[0], at[1]);
    return n == PCRE2_ERROR_PARTIAL ? REGEX_PARTIAL : REGEX_MATCH;
}
