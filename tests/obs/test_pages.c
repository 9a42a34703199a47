/* docs/metrics.md is what the list of metrics says. */
#include <stdio.h>

#include "obs/metrics.h"
#include "test.h"

TEST(the_metrics_page_is_what_the_list_prints)
{
    struct buf want, got;
    FILE *f = fopen(SOURCE_ROOT "/docs/metrics.md", "r");
    size_t n;

    assert_non_null(f);
    buf_init(&want, 1 << 20);
    buf_init(&got, 1 << 20);
    metrics_print_markdown(&want);
    do {
        uint8_t *room = buf_room(&got, 4096);

        n = room ? fread(room, 1, 4096, f) : 0;
        buf_added(&got, n);
    } while (n);
    fclose(f);
    assert_int_equal(want.err, 0);
    if (!str_eq(buf_str(&want), buf_str(&got))) {
        fail_msg("docs/metrics.md is not what the list says; run: ringtrip options --metrics > docs/metrics.md");
    }
    buf_done(&want);
    buf_done(&got);
}

TEST_MAIN(T(the_metrics_page_is_what_the_list_prints))
