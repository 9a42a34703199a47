/* base64: any bytes survive the way there and back, any text is decoded or refused within its room. */
#include "fuzz.h"

#include <string.h>

#include "base/base64.h"

static void there_and_back(struct span bytes)
{
    size_t len = base64_enc_len(bytes.n);
    char *text = malloc(len + 1);
    uint8_t *back = malloc(base64_dec_max(len));
    REQUIRE(text && back);
    REQUIRE(base64_encode(text, bytes) == len);
    int n = base64_decode(back, (struct str){text, len});
    REQUIRE(n >= 0 && (size_t)n == bytes.n);
    REQUIRE(n == 0 || memcmp(back, bytes.p, bytes.n) == 0);
    free(text);
    free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *out = malloc(base64_dec_max(size));
    REQUIRE(out);
    int n = base64_decode(out, (struct str){(const char *)data, size});
    REQUIRE(n < 0 || (size_t)n <= base64_dec_max(size));
    if (n >= 0) {
        there_and_back((struct span){out, (size_t)n});
    }
    there_and_back((struct span){data, size});
    free(out);
    return 0;
}
