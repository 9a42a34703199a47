/* docs/metrics.md is what the list of metrics says. With UPDATE_PAGES in the environment it is written anew. */
#include <stdio.h>
#include <stdlib.h>

#include "obs/metrics.h"
#include "test.h"

#define PAGE SOURCE_ROOT "/docs/metrics.md"

static void update_page(const struct buf *text)
{
    FILE *f = fopen(PAGE, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(buf_ptr(text), 1, text->len, f), text->len);
    assert_int_equal(fclose(f), 0);
}

TEST(the_metrics_page_is_what_the_list_prints)
{
    struct buf want, got;
    FILE *f;
    size_t n;

    buf_init(&want, 1 << 20);
    buf_init(&got, 1 << 20);
    metrics_print_markdown(&want);
    if (getenv("UPDATE_PAGES")) {
        update_page(&want);
    }
    f = fopen(PAGE, "r");
    assert_non_null(f);
    do {
        uint8_t *room = buf_room(&got, 4096);

        n = room ? fread(room, 1, 4096, f) : 0;
        buf_added(&got, n);
    } while (n);
    fclose(f);
    assert_int_equal(want.err, 0);
    if (!str_eq(buf_str(&want), buf_str(&got))) {
        fail_msg("docs/metrics.md is not what the list says; run this test once with UPDATE_PAGES=1");
    }
    buf_done(&want);
    buf_done(&got);
}

TEST_MAIN(T(the_metrics_page_is_what_the_list_prints))
