/* Any bytes as a table of contacts: contacts that can be called, or reasons; never more than the text can hold. */
#include "fuzz.h"

#include "base/e164.h"
#include "base/err.h"
#include "base/json.h"
#include "dialer/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct import_opts o = {.campaign_id = STR("c"), .country = STR("DE")};
    struct arena a;
    struct buf err;
    struct import im;
    arena_init(&a, 64 << 20);
    buf_init(&err, 4096);
    int e = import_read((struct str){(const char *)data, size}, &o, &a, &err, &im);
    REQUIRE(e == 0 || e == -ERR_CONFIG || e == -ENOMEM);
    REQUIRE(e != -ERR_CONFIG || err.len > 0);
    REQUIRE(im.n_errors <= im.refused && im.n_errors <= IMPORT_ERRORS_MAX);
    for (uint32_t i = 0; e == 0 && i < im.n; i++) {
        const struct contact_row *c = &im.rows[i];
        struct json_val vars;
        REQUIRE(e164_is(c->phone));
        REQUIRE(c->name.n <= IMPORT_NAME_MAX && utf8_valid(c->name));
        REQUIRE(json_parse(c->vars, &vars) == 0 && vars.type == JSON_OBJECT);
        REQUIRE(c->caller_id.n == 0 || e164_is(c->caller_id));
    }
    buf_done(&err);
    arena_done(&a);
    return 0;
}
