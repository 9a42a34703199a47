/* Any bytes as a zone file, any text as an offset: a clock that shows possible times, or a refusal. */
#include "fuzz.h"

#include <errno.h>

#include "base/err.h"
#include "base/zone.h"

static void look(const struct zone *z)
{
    static const int64_t times[] = {INT64_MIN,  -1,         0,           951782400,    1774745999,
                                    1774746000, 4102444800, 32503680000, 253402300799, INT64_MAX};
    for (uint32_t i = 0; i < ARRAY_LEN(times); i++) {
        struct zone_time t;
        zone_at(z, times[i], &t);
        REQUIRE(t.month >= 1 && t.month <= 12 && t.day >= 1 && t.day <= 31 && t.weekday <= 6);
        REQUIRE(t.hour < 24 && t.minute < 60 && t.second <= 60 && t.year >= 1970);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct zone *z = NULL;
    arena_init(&a, 1 << 20);
    int err = zone_parse((struct span){data, size}, &a, &z);
    REQUIRE(err == 0 || err == -ERR_SYNTAX || err == -ENOMEM);
    if (err == 0) {
        look(z);
    }
    if (zone_fixed((struct str){(const char *)data, size}, &a, &z) == 0) {
        look(z);
    }
    arena_done(&a);
    return 0;
}
