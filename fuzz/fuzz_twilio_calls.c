/* The carrier's list of calls: any bytes give a page within its bounds, whose texts can be read. */
#include "fuzz.h"

#include "wire/twilio_calls.h"

static size_t read_all(struct str s)
{
    size_t sum = 0;
    for (size_t i = 0; i < s.n; i++) {
        sum += (uint8_t)s.p[i];
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct twilio_calls page;
    static volatile size_t sink;
    struct buf scratch;
    buf_init(&scratch, 1 << 20);
    if (twilio_calls_parse((struct str){(const char *)data, n}, &scratch, &page) == 0) {
        REQUIRE(page.n <= TWILIO_CALLS_MAX);
        for (uint32_t i = 0; i < page.n; i++) {
            const struct twilio_call *c = &page.list[i];
            REQUIRE(c->sid.n > 0 && c->duration_s >= -1);
            sink = sink + read_all(c->sid) + read_all(c->to) + read_all(c->from) + read_all(c->status) +
                   read_all(c->direction) + read_all(c->answered_by);
        }
    }
    int64_t t = 0;
    if (twilio_date_parse((struct str){(const char *)data, n}, &t) == 0) {
        REQUIRE(n >= 23);
    }
    buf_done(&scratch);
    return 0;
}
