#include "base/err.h"

#include <string.h>

static const struct {
    const char *word;
    const char *text;
} err_table[] = {
#define X(name, word, text) {word, text},
    ERR_LIST(X)
#undef X
};

static int err_index(int err)
{
    int i = -err - ERR_FIRST_ - 1;
    return i >= 0 && i < (int)ARRAY_LEN(err_table) ? i : -1;
}

const char *err_name(int err)
{
    if (err >= 0) {
        return "ok";
    }
    int i = err_index(err);
    if (i >= 0) {
        return err_table[i].word;
    }
    const char *name = strerrorname_np(-err);
    return name ? name : "unknown";
}

const char *err_text(int err)
{
    if (err >= 0) {
        return "success";
    }
    int i = err_index(err);
    if (i >= 0) {
        return err_table[i].text;
    }
    const char *text = strerrordesc_np(-err);
    return text ? text : "unknown error";
}
