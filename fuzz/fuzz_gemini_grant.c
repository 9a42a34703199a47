/* Key files and answers of token servers: what comes out can stand in a header, and every refusal says why. */
#include "fuzz.h"

#include "base/err.h"
#include "providers/gemini/gemini_grant.h"

static void key_file(struct str text)
{
    struct gemini_grant g;
    struct buf problem;
    gemini_grant_init(&g);
    buf_init(&problem, 4096);
    int err = gemini_grant_make(&g, text, STR(""), 1700000000, &problem);
    REQUIRE(err != -ERR_CONFIG || problem.len > 0);
    REQUIRE(err < 0 || (g.url.len > 0 && g.body.len > 0));
    buf_done(&problem);
    gemini_grant_done(&g);
}

static void answer(struct str text)
{
    struct buf out;
    uint32_t lasts_s = 0;
    buf_init(&out, 1 << 16);
    if (gemini_grant_answer(text, &out, &lasts_s) >= 0) {
        REQUIRE(out.len > 0 && lasts_s > 0);
        for (size_t i = 0; i < out.len; i++) {
            REQUIRE(buf_ptr(&out)[i] > ' ' && buf_ptr(&out)[i] < 0x7F);
        }
    }
    buf_clear(&out);
    gemini_grant_refusal(text, &out);
    for (size_t i = 0; i < out.len; i++) {
        REQUIRE(buf_ptr(&out)[i] >= ' ');
    }
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    key_file((struct str){(const char *)data, size});
    answer((struct str){(const char *)data, size});
    return 0;
}
