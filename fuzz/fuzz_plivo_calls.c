/* Plivo's answers about calls: what is read is within its limits and lent by the text or the scratch. */
#include "fuzz.h"

#include "wire/plivo_calls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct plivo_calls calls; /* large; the harness has one thread */
    struct buf scratch;
    int64_t at = 0;
    struct str text = {(const char *)data, size};
    buf_init(&scratch, 1 << 20);
    if (plivo_calls_parse(text, &scratch, &calls) == 0) {
        REQUIRE(calls.n <= PLIVO_CALLS_MAX);
        for (uint32_t i = 0; i < calls.n; i++) {
            const struct plivo_call *c = &calls.list[i];
            REQUIRE(c->uuid.n > 0 && c->uuid.n <= size);
            REQUIRE(c->duration_s >= -1 && c->cause_code >= -1 && c->created_s >= -86400);
            bool lent = (c->uuid.p >= text.p && c->uuid.p + c->uuid.n <= text.p + text.n) ||
                        (c->uuid.p >= (const char *)buf_ptr(&scratch) &&
                         c->uuid.p + c->uuid.n <= (const char *)buf_ptr(&scratch) + scratch.len);
            REQUIRE(lent);
        }
    }
    if (plivo_date_parse(text, &at) == 0) {
        REQUIRE(at >= -86400 * 5);
    }
    buf_done(&scratch);
    return 0;
}
