/* Pictures in messages: which data URLs are taken, what their heads say, and the tokens they cost. */
#include "wire/picture.h"

#include "base/base64.h"
#include "base/buf.h"
#include "base/err.h"
#include "test.h"

/* A data URL of those bytes; valid until the next. */
static struct str url_of(const char *type, const void *bytes, size_t n)
{
    static struct buf b;
    static bool made;
    if (!made) {
        buf_init(&b, 1 << 20);
        made = true;
    }
    buf_clear(&b);
    buf_printf(&b, "data:%s;base64,", type);
    base64_put(&b, span_from(bytes, n));
    return buf_str(&b);
}
#define URL(type, lit) url_of((type), (lit), sizeof(lit) - 1)

#define PNG(width, height) "\x89PNG\r\n\x1a\n\0\0\0\rIHDR" width height "\x08\x02\0\0\0"

TEST(a_png_tells_its_size)
{
    struct picture p;
    assert_ok(picture_read(URL("image/png", PNG("\0\0\x02\x80", "\0\0\x01\xe0")), &p));
    assert_int_equal(p.width, 640);
    assert_int_equal(p.height, 480);
}

/* Behind the start: an application segment, a table, filling bytes, then a progressive frame. */
TEST(a_jpeg_is_walked_to_its_frame)
{
    struct picture p;
    assert_ok(
        picture_read(URL("image/jpeg", "\xff\xd8\xff\xe0\0\x04JF\xff\xc4\0\x03t\xff\xff\xc2\0\x0b\x08\x01\xe0\x02\x80"
                                       "\x01\x11\0\0"),
                     &p));
    assert_int_equal(p.width, 640);
    assert_int_equal(p.height, 480);
}

TEST(what_is_no_picture_is_refused_by_its_fault)
{
    struct picture p = {7, 7};
    static const struct {
        const char *url;
        int err;
    } cases[] = {
        {"", ERR_SYNTAX},
        {"https://example.com/a.png", ERR_SYNTAX},
        {"data:image/png,abc", ERR_SYNTAX},
        {"image/png;base64,AAAA", ERR_SYNTAX},
        {"data:;base64,AAAA", ERR_TYPE},
        {"data:image/gif;base64,R0lGODlh", ERR_TYPE},
        {"data:text/plain;base64,aGVsbG8=", ERR_TYPE},
        {"data:image/png;base64,A", ERR_BASE64},
        {"data:image/png;base64,!!!!", ERR_BASE64},
        {"data:image/png;base64,", ERR_RANGE},
        {"data:image/png;base64,aGVsbG8=", ERR_RANGE},
        {"data:image/jpeg;base64,aGVsbG8=", ERR_RANGE},
        {"data:image/jpeg;base64,/9j/", ERR_RANGE},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (picture_read(str_from(cases[i].url), &p) != -cases[i].err) {
            fail_msg("\"%s\" is not refused as %d", cases[i].url, cases[i].err);
        }
    }
    assert_err(picture_read(URL("image/png", PNG("\0\0\0\0", "\0\0\0\x01")), &p), ERR_RANGE);
    assert_err(picture_read(URL("image/png", PNG("\xff\xff\xff\xff", "\0\0\0\x01")), &p), ERR_RANGE);
    /* A PNG under the name of a JPEG, and segments that lead out of the file. */
    assert_err(picture_read(URL("image/jpeg", PNG("\0\0\0\x01", "\0\0\0\x01")), &p), ERR_RANGE);
    assert_err(picture_read(URL("image/jpeg", "\xff\xd8\xff\xe0\xff\xff"
                                              "0123456789"),
                            &p),
               ERR_RANGE);
    assert_err(picture_read(URL("image/jpeg", "\xff\xd8\xff\xe0\0\0\xff\xe0\0\0\xff\xe0\0\0\xff"), &p), ERR_RANGE);
    assert_int_equal(p.width, 7);
}

/* Figures of the vendor's own examples. */
TEST(tokens_follow_the_vendors_tiles)
{
    static const struct {
        struct picture p;
        enum picture_detail detail;
        uint32_t tokens;
    } cases[] = {
        {{1024, 1024}, PICTURE_HIGH, 765}, {{2048, 4096}, PICTURE_HIGH, 1105}, {{4096, 8192}, PICTURE_LOW, 85},
        {{1024, 1024}, PICTURE_AUTO, 765}, {{1, 1}, PICTURE_HIGH, 255},        {{513, 500}, PICTURE_HIGH, 425},
        {{1, 100000}, PICTURE_HIGH, 765},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(picture_tokens(&cases[i].p, cases[i].detail), cases[i].tokens);
    }
}

TEST(details_have_names)
{
    for (enum picture_detail d = PICTURE_AUTO; d < PICTURE_DETAIL_N; d++) {
        assert_int_equal(picture_detail_of(str_from(picture_detail_name(d))), d);
    }
    assert_int_equal(picture_detail_of(STR("ultra")), PICTURE_AUTO);
}

TEST_MAIN(T(a_png_tells_its_size), T(a_jpeg_is_walked_to_its_frame), T(what_is_no_picture_is_refused_by_its_fault),
          T(tokens_follow_the_vendors_tiles), T(details_have_names))
