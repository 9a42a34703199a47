/* Pictures: what is taken has sides and costs tokens, more in detail than at a glance. The first byte chooses whether a
 * head follows as it stands, or a whole URL. */
#include "fuzz_wire.h"

#include "wire/picture.h"

static void look(struct str url)
{
    struct picture p;
    if (picture_read(url, &p) == 0) {
        REQUIRE(p.width > 0 && p.height > 0);
        REQUIRE(picture_url_type(url).n > 0);
        REQUIRE(picture_tokens(&p, PICTURE_LOW) < picture_tokens(&p, PICTURE_HIGH));
        REQUIRE(picture_tokens(&p, PICTURE_HIGH) <= 85 + 170 * 8); /* 2048 x 768 at most */
    }
}

static void look_at(struct world *w, const char *type, struct str bytes)
{
    buf_printf(&w->out, "data:%s;base64,", type);
    base64_put(&w->out, span_of_str(bytes));
    look(buf_str(&w->out));
}

static void png(struct world *w, struct str bytes)
{
    look_at(w, "image/png", bytes);
}

static void jpeg(struct world *w, struct str bytes)
{
    look_at(w, "image/jpeg", bytes);
}

static void url(struct world *w, struct str text)
{
    (void)w;
    look(text);
}

FUZZ_READERS(png, jpeg, url)
