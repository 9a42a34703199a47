#include "tools/builtin/args.h"

#include <errno.h>
#include <stddef.h>

#include "base/err.h"
#include "base/json.h"
#include "tools/builtin/builtin.h"

static const struct {
    const char *name;
    size_t offset;
} arg_fields[] = {
    {"order_number", offsetof(struct builtin_args, order_number)},
    {"email", offsetof(struct builtin_args, email)},
    {"phone_number", offsetof(struct builtin_args, phone_number)},
    {"reason", offsetof(struct builtin_args, reason)},
    {"preferred_time", offsetof(struct builtin_args, preferred_time)},
    {"department", offsetof(struct builtin_args, department)},
    {"message", offsetof(struct builtin_args, message)},
    {"digits", offsetof(struct builtin_args, digits)},
    {"name", offsetof(struct builtin_args, name)},
    {"restaurant_name", offsetof(struct builtin_args, restaurant_name)},
    {"restaurant_phone", offsetof(struct builtin_args, restaurant_phone)},
    {"party_size", offsetof(struct builtin_args, party_size)},
    {"date", offsetof(struct builtin_args, date)},
    {"time", offsetof(struct builtin_args, time)},
    {"customer_name", offsetof(struct builtin_args, customer_name)},
    {"customer_phone", offsetof(struct builtin_args, customer_phone)},
    {"special_requests", offsetof(struct builtin_args, special_requests)},
};

/* Models write numbers with and without quotes. What is neither text nor number counts as not given. */
static int arg_text(struct json_val v, struct arena *a, struct str *ret)
{
    struct str text = v.s;
    struct buf scratch;
    int err = 0;

    buf_init(&scratch, BUILTIN_MAX_ARGS_BYTES * 2);
    if (v.type == JSON_STRING) {
        err = json_to_str(v, &scratch, &text);
        err = err < 0 || utf8_valid(text) ? err : -ERR_UTF8; /* one without escapes is lent as it stood there */
    } else if (v.type != JSON_NUMBER) {
        text = STR("");
    }
    if (err >= 0) {
        *ret = arena_str(a, str_trim(text));
        err = ret->p ? 0 : -ENOMEM;
    }
    buf_done(&scratch);
    return err == -ENOMEM ? err : 0; /* a text that is no UTF-8 counts as not given */
}

int builtin_args_read(struct str json, struct arena *a, struct builtin_args *ret)
{
    struct json_val doc;
    int err = 0;

    *ret = (struct builtin_args){.order_number = STR("")};
    if (json.n > BUILTIN_MAX_ARGS_BYTES) {
        ret->too_long = STR("arguments");
        return 0;
    }
    if (json_parse(json, &doc) < 0 || doc.type != JSON_OBJECT) {
        return 0;
    }
    for (uint32_t i = 0; err >= 0 && i < ARRAY_LEN(arg_fields); i++) {
        struct str *field = (struct str *)(void *)((char *)ret + arg_fields[i].offset);

        err = arg_text(json_get(doc, arg_fields[i].name), a, field);
        if (field->n > BUILTIN_MAX_TEXT_BYTES && !ret->too_long.n) {
            ret->too_long = str_from(arg_fields[i].name);
        }
    }
    return err;
}
