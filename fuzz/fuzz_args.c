/* Arguments that a model gives a built-in tool: read whatever they are; what is too long is told. */
#include "fuzz.h"

#include "base/json.h"
#include "tools/builtin/args.h"
#include "tools/builtin/builtin.h"

#define ARENA_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str json = {(const char *)data, size};
    struct arena a;
    struct builtin_args args;
    arena_init(&a, ARENA_MAX);
    int err = builtin_args_read(json, &a, &args);
    if (err >= 0) {
        const struct str texts[] = {
            args.order_number, args.email,   args.phone_number,   args.reason, args.preferred_time,
            args.department,   args.message, args.digits,         args.name,   args.restaurant_name,
            args.party_size,   args.date,    args.customer_phone, args.time,   args.special_requests};
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
            REQUIRE(texts[i].n <= json.n && utf8_valid(texts[i])); /* reads all of it */
            REQUIRE(texts[i].n <= BUILTIN_MAX_TEXT_BYTES || args.too_long.n > 0);
        }
    }
    arena_done(&a);
    return 0;
}
