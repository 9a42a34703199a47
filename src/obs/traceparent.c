#include "obs/traceparent.h"

#include "base/err.h"

#define VERSION_00    0x00
#define VERSION_BAD   0xFF
#define FLAG_SAMPLED  0x01
#define STATE_MEMBERS 32
#define KEY_MAX       256
#define VALUE_MAX     256

/* Lower-case only: an upper-case digit makes the header malformed. */
static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hex(const char *p, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int high = digit(p[2 * i]);
        int low = digit(p[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool is_zero(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i]) {
            return false;
        }
    }
    return true;
}

static bool is_key(struct str key)
{
    if (key.n == 0 || key.n > KEY_MAX) {
        return false;
    }
    for (size_t i = 0; i < key.n; i++) {
        char c = key.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        bool other = c == '_' || c == '-' || c == '*' || c == '/' || c == '@';
        if (!letter && (!other || i == 0)) {
            return false;
        }
    }
    return true;
}

static bool is_value(struct str value)
{
    if (value.n == 0 || value.n > VALUE_MAX) {
        return false;
    }
    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];
        if (c < 0x20 || c > 0x7E || c == ',' || c == '=') {
            return false;
        }
    }
    return true;
}

/* Whole or not at all: what we do not understand we do not pass on. */
static bool state_ok(struct str state)
{
    struct str member;
    uint32_t n = 0;
    if (state.n > TRACE_STATE_MAX) {
        return false;
    }
    while (state.n > 0 && str_split(&state, ',', &member)) {
        member = str_trim(member);
        size_t eq = str_find(member, '=');
        if (member.n == 0) {
            continue;
        }
        if (eq == member.n || ++n > STATE_MEMBERS || !is_key((struct str){member.p, eq}) ||
            !is_value((struct str){member.p + eq + 1, member.n - eq - 1})) {
            return false;
        }
    }
    return true;
}

int traceparent_parse(struct str parent, struct str state, struct trace_parent *ret)
{
    struct trace_parent p = {0};
    uint8_t version = 0;
    uint8_t flags = 0;
    parent = str_trim(parent);
    state = str_trim(state);
    if (parent.n < TRACE_PARENT_TEXT || !read_hex(parent.p, &version, 1) || version == VERSION_BAD) {
        return -ERR_SYNTAX;
    }
    /* A later version may say more behind another dash; 00 may not. */
    bool longer = parent.n > TRACE_PARENT_TEXT;
    if (longer && (version == VERSION_00 || parent.p[TRACE_PARENT_TEXT] != '-')) {
        return -ERR_SYNTAX;
    }
    if (parent.p[2] != '-' || parent.p[35] != '-' || parent.p[52] != '-' ||
        !read_hex(parent.p + 3, p.trace_id, sizeof(p.trace_id)) ||
        !read_hex(parent.p + 36, p.span_id, sizeof(p.span_id)) || !read_hex(parent.p + 53, &flags, 1) ||
        is_zero(p.trace_id, sizeof(p.trace_id)) || is_zero(p.span_id, sizeof(p.span_id))) {
        return -ERR_SYNTAX;
    }
    p.sampled = flags & FLAG_SAMPLED;
    if (state.n > 0 && state_ok(state)) {
        ignore_result(str_copy(p.state, sizeof(p.state), state)); /* it was measured */
    }
    *ret = p;
    return 0;
}

static char *put_hex(char *out, const uint8_t *p, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        *out++ = digits[p[i] >> 4];
        *out++ = digits[p[i] & 15];
    }
    *out++ = '-';
    return out;
}

void traceparent_print(const struct trace_parent *p, char ret[TRACE_PARENT_TEXT + 1])
{
    const uint8_t version = VERSION_00;
    const uint8_t flags = p->sampled ? FLAG_SAMPLED : 0;
    char *out = put_hex(ret, &version, 1);
    out = put_hex(out, p->trace_id, sizeof(p->trace_id));
    out = put_hex(out, p->span_id, sizeof(p->span_id));
    out = put_hex(out, &flags, 1);
    out[-1] = '\0'; /* over the last dash */
}
