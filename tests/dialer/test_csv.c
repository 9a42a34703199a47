/* Tables from anywhere: what people's programs write, and what nobody should. */
#include "base/err.h"
#include "dialer/csv.h"
#include "test.h"

/* Rows as "a|b;c|d", an error as "!line". */
static void assert_rows(struct str text, const char *want)
{
    struct csv csv = csv_open(text);
    struct csv_row row;
    struct buf room, got;
    int n = 0;
    buf_init(&room, 4 * CSV_ROW_BYTES_MAX);
    buf_init(&got, 1 << 20);
    while ((n = csv_next(&csv, &room, &row)) != 0) {
        buf_puts(&got, got.len ? ";" : "");
        if (n < 0) {
            buf_printf(&got, "!%u", row.line);
        }
        for (uint32_t i = 0; n > 0 && i < row.n; i++) {
            buf_puts(&got, i ? "|" : "");
            buf_put_str(&got, row.fields[i]);
        }
    }
    assert_str_is(buf_str(&got), want);
    buf_done(&got);
    buf_done(&room);
}

TEST(rows_are_read_as_programs_write_them)
{
    assert_rows(STR(""), "");
    assert_rows(STR("\n\r\n"), "");
    assert_rows(STR("a,b\n1,2"), "a|b;1|2");
    assert_rows(STR("a,b\r\n1,2\r\n"), "a|b;1|2");
    assert_rows(STR("\xEF\xBB\xBF"
                    "a,b\n"),
                "a|b");
    assert_rows(STR("a;b,c;d\n1;2,3;4\n"), "a|b,c|d;1|2,3|4"); /* more semicolons */
    assert_rows(STR("a\tb\n1\t2\n"), "a|b;1|2");
    assert_rows(STR(" a , b \n"), "a|b");
    assert_rows(STR("a,,\n"), "a||");
    assert_rows(STR("\"x, y\",\"say \"\"hi\"\"\",\"two\nlines\"\nnext,1,2\n"), "x, y|say \"hi\"|two\nlines;next|1|2");
    assert_rows(STR("\"\"\n"), "");
    assert_rows(STR("a\"b,c\n"), "a\"b|c"); /* a quote inside is a letter */
}

TEST(a_bad_row_is_told_and_the_next_one_is_read)
{
    assert_rows(STR("a,b\n\"x\"y,2\n3,4\n"), "a|b;!2;3|4");
    assert_rows(STR("a\n\"never closed\n3\n"), "a;!2");
    assert_rows(STR("\"a\n\nb\",1\n\"x\"y\nz\n"), "a\n\nb|1;!4;z"); /* lines inside quotes count */
}

TEST(a_row_has_limits)
{
    static char text[2 * CSV_ROW_BYTES_MAX + 64];
    memset(text, 'x', sizeof(text));
    text[2 * CSV_ROW_BYTES_MAX] = '\n';
    assert_rows((struct str){text, sizeof(text)}, "!1;xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    memset(text, ',', CSV_FIELDS_MAX - 1);
    text[CSV_FIELDS_MAX - 1] = '\n';
    struct csv csv = csv_open((struct str){text, CSV_FIELDS_MAX});
    struct csv_row row;
    struct buf room;
    buf_init(&room, 4 * CSV_ROW_BYTES_MAX);
    assert_int_equal(csv_next(&csv, &room, &row), 1);
    assert_int_equal(row.n, CSV_FIELDS_MAX);
    memset(text, ',', CSV_FIELDS_MAX);
    text[CSV_FIELDS_MAX] = '\n';
    csv = csv_open((struct str){text, CSV_FIELDS_MAX + 1});
    assert_err(csv_next(&csv, &room, &row), ERR_TOO_BIG);
    buf_done(&room);
}

TEST_MAIN(T(rows_are_read_as_programs_write_them), T(a_bad_row_is_told_and_the_next_one_is_read), T(a_row_has_limits))
