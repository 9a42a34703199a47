/*
 * Pictures in messages: data URLs of PNG and JPEG, their size as their heads tell it, and the tokens that the vendor
 * counts for them. Pure. Not here: pixels; nothing is decoded but base64.
 */
#ifndef WIRE_PICTURE_H
#define WIRE_PICTURE_H

#include "base/str.h"

enum picture_detail { PICTURE_AUTO, PICTURE_LOW, PICTURE_HIGH, PICTURE_DETAIL_N };

struct picture {
    uint32_t width, height; /* pixels, at least 1 */
};

/* "auto", "low", "high" */
const char *picture_detail_name(enum picture_detail detail);
enum picture_detail picture_detail_of(struct str name); /* auto when unknown */
/* Media type of "data:image/png;base64,..."; p NULL: no data URL in base64. */
struct str picture_url_type(struct str url);
/*
 * Reads "data:image/png;base64,..." (or image/jpeg).
 * Returns 0; -ERR_SYNTAX (no data URL in base64), -ERR_TYPE (another media type), -ERR_BASE64, -ERR_RANGE (not the
 * head of such a picture), -ENOMEM.
 */
MUST_USE int picture_read(struct str url, struct picture *ret);
/*
 * Tokens by the vendor's rule of tiles: 85 for the small view, and for high detail 170 for each square of 512 pixels,
 * after the picture was made to fit into 2048 x 2048 and its shorter side into 768. auto is high.
 */
uint32_t picture_tokens(const struct picture *p, enum picture_detail detail);

#endif
