#include "answer.h"

void answer_put_column(struct buf *out, struct str s, int width)
{
    int n = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char ch = (unsigned char)s.p[i];
        buf_putc(out, ch < 0x20 || ch == 0x7F ? ' ' : (char)ch);
        n += (ch & 0xC0) != 0x80;
    }
    if (width) {
        buf_printf(out, "%*s", width > n ? width - n : 1, "");
    }
}

void answer_put_text(struct buf *out, struct json_val v, const char *key, int width)
{
    struct buf scratch;
    struct str text = STR("");
    buf_init(&scratch, 1u << 20);
    if (json_to_str(json_get(v, key), &scratch, &text) < 0) {
        text = STR("");
    }
    answer_put_column(out, text, width);
    buf_done(&scratch);
}

int64_t answer_i64(struct json_val v, const char *path)
{
    int64_t n = 0;
    return json_to_i64(json_path(v, path), &n) < 0 ? 0 : n;
}

struct str answer_str(struct json_val v, const char *path, char *room, size_t cap)
{
    struct json_val found = json_path(v, path);
    return found.type == JSON_STRING && json_copy_str(found, room, cap) >= 0 ? str_from(room) : STR("");
}

void answer_put_escaped(struct buf *out, const char *text)
{
    for (; *text; text++) {
        char c = *text;
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
        if (plain) {
            buf_putc(out, c);
        } else {
            buf_printf(out, "%%%02X", (unsigned char)c);
        }
    }
}
