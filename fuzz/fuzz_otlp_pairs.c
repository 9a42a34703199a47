/* name=value pairs of the OTEL_ variables: what comes out holds no control character, and names are not empty. */
#include "fuzz.h"

#include "obs/otlp.h"

static int pair(struct str name, struct str value, void *arg)
{
    size_t *n = arg;
    REQUIRE(name.n > 0);
    for (size_t i = 0; i < value.n; i++) {
        REQUIRE((unsigned char)value.p[i] >= ' ' && value.p[i] != 0x7F);
    }
    return ++*n > 1000 ? -1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t n = 0;
    ignore_result(otlp_pairs((struct str){(const char *)data, size}, pair, &n) < 0); /* any result will do */
    return 0;
}
