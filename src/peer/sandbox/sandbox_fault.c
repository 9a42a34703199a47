#include "peer/sandbox/sandbox_fault.h"

#include "base/err.h"
#include "wire/ws.h"

static const struct {
    const char *name, *value, *text;
} table[FAULT_N] = {
#define X(constant, word, deflt, what) [constant] = {word, deflt, what},
    FAULT_LIST(X)
#undef X
};

/* A fault whose default is a number takes numbers only. NULL, or what it takes. */
static const char *wants(enum sandbox_fault fault, struct str value)
{
    int64_t v = 0;
    if (str_to_i64(str_from(table[fault].value), &v) < 0) {
        return NULL;
    }
    bool number = str_to_i64(value, &v) == 0;
    if (fault == FAULT_CLOSE) {
        bool may_be_sent = number && v >= 0 && v <= UINT16_MAX && ws_code_ok((uint16_t)v);
        return may_be_sent ? NULL : "a close code, 1000 to 1003, 1007 to 1014 or 3000 to 4999";
    }
    return number && v >= 0 && v <= UINT32_MAX ? NULL : "a number from 0 to 4294967295";
}

static int fault_add(struct sandbox_faults *f, struct str part, struct buf *ret_err)
{
    size_t eq = MIN(str_find(part, '='), str_find(part, ':'));
    struct str name = {part.p, eq};
    for (int i = 0; i < FAULT_N; i++) {
        if (!str_is(name, table[i].name)) {
            continue;
        }
        struct str value = eq < part.n ? (struct str){part.p + eq + 1, part.n - eq - 1} : str_from(table[i].value);
        if (eq < part.n && table[i].value[0] == '\0') {
            buf_printf(ret_err, "the fault \"%s\" takes no value", table[i].name);
            return -EINVAL;
        }
        const char *wanted = wants((enum sandbox_fault)i, value);
        if (wanted) {
            buf_printf(ret_err, "the fault \"%s\" takes %s, not \"" STR_FMT "\"", table[i].name, wanted,
                       STR_ARG(value));
            return -EINVAL;
        }
        if (str_copy(f->value[i], FAULT_VALUE_BYTES, value) < 0) {
            buf_printf(ret_err, "the value of the fault \"%s\" is too long", table[i].name);
            return -EINVAL;
        }
        f->on[i] = true;
        return 0;
    }
    buf_printf(ret_err, "no fault is named \"" STR_FMT "\"; see --help", STR_ARG(name));
    return -EINVAL;
}

int faults_parse(struct sandbox_faults *f, struct str text, struct buf *ret_err)
{
    struct str part;
    while (str_split(&text, ',', &part)) {
        part = str_trim(part);
        int err = part.n ? fault_add(f, part, ret_err) : 0;
        if (err < 0) {
            return err;
        }
    }
    return 0;
}

uint32_t fault_number(const struct sandbox_faults *f, enum sandbox_fault fault)
{
    int64_t v = 0;
    if (!f->on[fault] || str_to_i64(str_from(f->value[fault]), &v) < 0 || v < 0 || v > UINT32_MAX) {
        return 0;
    }
    return (uint32_t)v;
}

void faults_describe(struct buf *out)
{
    for (int i = 0; i < FAULT_N; i++) {
        struct buf left;
        buf_init(&left, 256);
        buf_puts(&left, table[i].name);
        if (table[i].value[0]) {
            buf_printf(&left, "=%s", table[i].value);
        }
        buf_printf(out, "  %-26s %s\n", buf_cstr(&left), table[i].text);
        buf_done(&left);
    }
}
