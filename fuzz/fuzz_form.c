/* Forms: what decodes encodes to a form that decodes to the same pairs; sorted pairs are sorted; URLs have variants. */
#include "fuzz.h"

#include "wire/spelling.h"
#include "wire/twilio_sig.h"

static void pairs(struct str text)
{
    static struct form form, again; /* large; the harness has one thread */
    struct buf out;
    form_init(&form, 1 << 16);
    form_init(&again, 1 << 18);
    buf_init(&out, 1 << 18);
    if (form_decode(&form, text) == 0) {
        for (size_t i = 0; i < form.n; i++) {
            form_put(&out, form.pairs[i].name, form.pairs[i].value);
        }
        REQUIRE(out.err == 0);
        REQUIRE(form_decode(&again, buf_str(&out)) == 0);
        REQUIRE(again.n == form.n);
        for (size_t i = 0; i < form.n; i++) {
            REQUIRE(str_eq(form.pairs[i].name, again.pairs[i].name));
            REQUIRE(str_eq(form.pairs[i].value, again.pairs[i].value));
        }
        buf_clear(&out);
        REQUIRE(twilio_sign_base(&out, STR("https://h/"), &form) == 0);
        for (size_t i = 1; i < form.n; i++) {
            struct str a = form.pairs[i - 1].name, b = form.pairs[i].name;
            int order = memcmp(a.p, b.p, MIN(a.n, b.n));
            REQUIRE(order < 0 || (order == 0 && a.n <= b.n));
        }
    }
    buf_clear(&out);
    ignore_result(form_find(text, "token", &out));
    form_done(&form);
    form_done(&again);
    buf_done(&out);
}

static void urls(struct str text)
{
    struct spelling u;
    if (spelling_init(&u, text) == 0) {
        REQUIRE(u.n >= 1 && u.n <= SPELLING_MAX);
        REQUIRE(str_search(u.url[0], STR("://")) != SIZE_MAX);
        spelling_done(&u);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    pairs(text);
    urls(text);
    return 0;
}
