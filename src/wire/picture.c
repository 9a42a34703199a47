#include "wire/picture.h"

#include <stdlib.h>

#include "base/base64.h"
#include "base/err.h"

#define BASE_TOKENS 85
#define TILE_TOKENS 170
#define TILE_SIDE   512
#define LONG_SIDE   2048
#define SHORT_SIDE  768

static const char *const details[PICTURE_DETAIL_N] = {"auto", "low", "high"};

const char *picture_detail_name(enum picture_detail detail)
{
    return details[detail];
}

enum picture_detail picture_detail_of(struct str name)
{
    int i = str_index(name, details, PICTURE_DETAIL_N);
    return i < 0 ? PICTURE_AUTO : (enum picture_detail)i;
}

/* ---- heads ---- */

static uint32_t be16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t be32(const uint8_t *p)
{
    return be16(p) << 16 | be16(p + 2);
}

static int sides(uint32_t width, uint32_t height, struct picture *ret)
{
    if (width == 0 || height == 0 || width > INT32_MAX || height > INT32_MAX) {
        return -ERR_RANGE;
    }
    *ret = (struct picture){width, height};
    return 0;
}

/* Signature, then the chunk IHDR: length, name, width, height. */
static int read_png(struct span s, struct picture *ret)
{
    static const uint8_t head[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13, 'I', 'H', 'D', 'R'};
    if (s.n < sizeof(head) + 8 || memcmp(s.p, head, sizeof(head)) != 0) {
        return -ERR_RANGE;
    }
    return sides(be32(s.p + sizeof(head)), be32(s.p + sizeof(head) + 4), ret);
}

/* Start of a frame: every C0 to CF but tables (C4, CC) and the reserved C8. */
static bool is_frame(uint8_t marker)
{
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

/* Segments of FF, marker, length (with itself); that of the frame has precision, height and width. */
static int read_jpeg(struct span s, struct picture *ret)
{
    size_t at = 2;
    if (s.n < 4 || s.p[0] != 0xff || s.p[1] != 0xd8) {
        return -ERR_RANGE;
    }
    while (at + 9 <= s.n && s.p[at] == 0xff) {
        if (s.p[at + 1] == 0xff) { /* filling */
            at++;
            continue;
        }
        if (is_frame(s.p[at + 1])) {
            return sides(be16(s.p + at + 7), be16(s.p + at + 5), ret);
        }
        at += 2 + MAX(be16(s.p + at + 2), 2u);
    }
    return -ERR_RANGE;
}

/* ---- data URLs ---- */

#define MARK ";base64,"

/* Where the base64 begins; SIZE_MAX: nowhere. Media types are short. */
static size_t url_data(struct str url)
{
    size_t at = str_search((struct str){url.p, MIN(url.n, (size_t)128)}, STR(MARK));
    return at == SIZE_MAX || !str_starts(url, STR("data:")) ? SIZE_MAX : at + sizeof(MARK) - 1;
}

struct str picture_url_type(struct str url)
{
    size_t data = url_data(url), head = sizeof("data:") - 1;
    return data == SIZE_MAX ? STR_NULL : (struct str){url.p + head, data - head - (sizeof(MARK) - 1)};
}

int picture_read(struct str url, struct picture *ret)
{
    struct str type = picture_url_type(url);
    bool png = str_is(type, "image/png"), jpeg = str_is(type, "image/jpeg");
    if (!type.p || !(png || jpeg)) {
        return type.p ? -ERR_TYPE : -ERR_SYNTAX;
    }
    size_t data = url_data(url);
    struct str text = {url.p + data, url.n - data};
    uint8_t *bytes = malloc(base64_dec_max(text.n));
    if (!bytes) {
        return -ENOMEM;
    }
    int n = base64_decode(bytes, text);
    struct span s = {bytes, (size_t)MAX(n, 0)};
    int err = n < 0 ? n : png ? read_png(s, ret) : read_jpeg(s, ret);
    free(bytes);
    return err;
}

/* ---- tokens ---- */

static uint32_t tiles(uint32_t side)
{
    return (side + TILE_SIDE - 1) / TILE_SIDE;
}

uint32_t picture_tokens(const struct picture *p, enum picture_detail detail)
{
    double w = p->width, h = p->height;
    if (detail == PICTURE_LOW) {
        return BASE_TOKENS;
    }
    double shrink = MIN(1.0, LONG_SIDE / MAX(w, h));
    shrink = MIN(shrink, SHORT_SIDE / MIN(w, h));
    uint32_t across = (uint32_t)MAX(w * shrink + 0.5, 1), down = (uint32_t)MAX(h * shrink + 0.5, 1);
    return BASE_TOKENS + TILE_TOKENS * tiles(across) * tiles(down);
}
