/*
 * The JSON scanner and writer: any text is walked without harm, by the checked and by the fast way in, and what the
 * writer makes of a document reads back as the same document.
 */
#include "fuzz.h"

#include "base/buf.h"
#include "base/json.h"

static void rewrite(struct json_w *w, struct json_val v, struct buf *scratch);

static void rewrite_object(struct json_w *w, struct json_val v, struct buf *scratch)
{
    struct str key;
    struct json_val member;
    json_w_open(w);
    struct json_it it = json_object(v);
    while (json_next(&it, &key, &member)) {
        /* Keys go through as they are; the writer takes them as NUL-terminated literals only. */
        json_w_raw(w, (struct str){key.p - 1, key.n + 2});
        w->comma = false;
        buf_putc(w->out, ':');
        rewrite(w, member, scratch);
    }
    REQUIRE(it.err == 0);
    json_w_close(w);
}

static void rewrite(struct json_w *w, struct json_val v, struct buf *scratch)
{
    if (v.type == JSON_OBJECT) {
        rewrite_object(w, v, scratch);
    } else if (v.type == JSON_ARRAY) {
        struct json_val elem;
        json_w_array(w);
        struct json_it it = json_array(v);
        while (json_elem(&it, &elem)) {
            rewrite(w, elem, scratch);
        }
        REQUIRE(it.err == 0);
        json_w_end(w);
    } else if (v.type == JSON_STRING) {
        struct str text;
        buf_clear(scratch);
        if (json_to_str(v, scratch, &text) == 0) {
            json_w_str(w, text);
        } else {
            json_w_null(w);
        }
    } else {
        json_w_raw(w, v.s);
    }
}

/* Walks whatever is there, believing nothing. */
static void wander(struct json_val v, unsigned depth, struct buf *scratch)
{
    struct str key;
    struct json_val member;
    int64_t i;
    double f;
    bool b;
    char fixed[16];
    buf_clear(scratch);
    ignore_result(json_to_i64(v, &i));
    ignore_result(json_to_f64(v, &f));
    ignore_result(json_to_bool(v, &b));
    ignore_result(json_to_str(v, scratch, &key));
    if (json_copy_str(v, fixed, sizeof fixed) == 0) {
        REQUIRE(memchr(fixed, 0, sizeof fixed));
    }
    if (depth == 0) {
        return;
    }
    for (struct json_it it = json_object(v); json_next(&it, &key, &member);) {
        wander(member, depth - 1, scratch);
    }
    for (struct json_it it = json_array(v); json_elem(&it, &member);) {
        wander(member, depth - 1, scratch);
    }
    ignore_result(json_path(v, "event.media.payload").type);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct json_val v;
    struct buf scratch, once, twice;
    buf_init(&scratch, 1 << 20);
    buf_init(&once, 1 << 22);
    buf_init(&twice, 1 << 22);
    if (json_open(text, &v) == 0) {
        wander(v, 4, &scratch);
    }
    if (json_parse(text, &v) == 0) {
        wander(v, 4, &scratch);
        struct json_w w = json_w(&once);
        rewrite(&w, v, &scratch);
        if (once.err == 0) {
            struct json_val again;
            REQUIRE(json_parse(buf_str(&once), &again) == 0);
            REQUIRE(again.type == v.type || v.type == JSON_STRING);
            w = json_w(&twice);
            rewrite(&w, again, &scratch);
            REQUIRE(str_eq(buf_str(&once), buf_str(&twice)));
        }
    }
    buf_done(&scratch);
    buf_done(&once);
    buf_done(&twice);
    return 0;
}
