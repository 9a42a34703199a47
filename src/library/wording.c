#include "library/wording.h"

#include <stdlib.h>

#include "base/err.h"

_Static_assert(RT_ERR_SYNTAX == (int)ERR_SYNTAX && RT_ERR_LIMIT == (int)ERR_LIMIT, "the public errors are ours");

const char *rt_version(void)
{
    return RINGTRIP_VERSION;
}

const char *rt_error_text(int err)
{
    return err_text(err);
}

const char *rt_error_name(int err)
{
    return err_name(err);
}

void wording_init(struct rt_text *t)
{
    buf_init(&t->buf, LIBRARY_TEXT_MAX);
}

void wording_done(struct rt_text *t)
{
    buf_done(&t->buf);
}

int rt_text_put(struct rt_text *out, const char *text)
{
    if (!out || !text) {
        return -EINVAL;
    }
    buf_puts(&out->buf, text);
    return out->buf.err;
}

int wording_ask(rt_text_fn fn, void *arg, char **ret)
{
    struct rt_text t;
    wording_init(&t);
    int err = fn(&t, arg);
    if (err >= 0) {
        err = t.buf.err;
    }
    if (err >= 0) {
        char *copy = str_dup(t.buf.len > 0 ? buf_str(&t.buf) : STR(""));
        err = copy ? 0 : -ENOMEM;
        *ret = copy ? copy : *ret;
    }
    wording_done(&t);
    return err < 0 ? err : 0;
}

int wording_set(char **at, const char *z)
{
    char *copy = z ? str_dup(str_from(z)) : NULL;
    if (z && !copy) {
        return -ENOMEM;
    }
    free(*at);
    *at = copy;
    return 0;
}

void wording_give(char *dst, size_t cap, struct str text)
{
    if (dst && cap > 0) {
        text.n = MIN(text.n, cap - 1);
        ignore_result(str_copy(dst, cap, text)); /* it fits now */
    }
}
