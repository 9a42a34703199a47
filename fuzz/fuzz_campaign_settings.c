/* Any bytes as the settings of a campaign: refused in words, or read, written and read again to the same. */
#include "fuzz.h"

#include "base/err.h"
#include "dialer/campaign_settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct campaign_settings s, t;
    struct arena a;
    struct buf err, out, again;
    arena_init(&a, 8 << 20);
    buf_init(&err, 4096);
    buf_init(&out, 8 * CAMPAIGN_SETTINGS_MAX);
    buf_init(&again, 8 * CAMPAIGN_SETTINGS_MAX);
    int e = campaign_settings_read((struct str){(const char *)data, size}, STR("UTC"), &a, &err, &s);
    REQUIRE(e == 0 || e == -ERR_CONFIG || e == -ENOMEM);
    REQUIRE(e != -ERR_CONFIG || err.len > 0);
    if (e == 0) {
        REQUIRE(s.max_concurrent >= 1 && campaign_interval_us(&s) >= 10000 && s.max_attempts >= 1);
        campaign_settings_write(&s, &out);
        if (out.len <= CAMPAIGN_SETTINGS_MAX && campaign_settings_read(buf_str(&out), STR("UTC"), &a, &err, &t) == 0) {
            campaign_settings_write(&t, &again);
            REQUIRE(str_eq(buf_str(&out), buf_str(&again)));
        }
    }
    buf_done(&err);
    buf_done(&out);
    buf_done(&again);
    arena_done(&a);
    return 0;
}
