#include "command.h"

#include <stdio.h>

void args_init(struct args *a, int argc, char **argv)
{
    *a = (struct args){.argc = argc, .argv = argv, .at = 1};
}

int usage_error(const char *command, const char *text, const char *what)
{
    ignore_result(fprintf(stderr, "ringtrip %s: %s%s%s\nTry: ringtrip %s --help\n", command, text, what ? " " : "",
                          what ? what : "", command) < 0);
    return STATUS_USAGE;
}

int usage_help(const char *text)
{
    return fputs(text, stdout) < 0 ? STATUS_FAILED : STATUS_OK;
}

static int bad(const struct args *a, const char *text, const char *what)
{
    ignore_result(usage_error(a->argv[0], text, what));
    return ARGS_BAD;
}

static int read_option(struct args *a, const struct option *o, struct str text, size_t name_n, const char **ret_value)
{
    bool inline_value = name_n < text.n;
    a->name = o->name;
    if (!o->takes_value) {
        return inline_value ? bad(a, "this option takes no value:", o->name) : 0;
    }
    if (inline_value) {
        *ret_value = text.p + name_n + 1;
        return 0;
    }
    if (a->at == a->argc) {
        return bad(a, "this option needs a value:", o->name);
    }
    *ret_value = a->argv[a->at++];
    return 0;
}

int args_next(struct args *a, const struct option *list, size_t n, const char **ret_value)
{
    if (a->at == a->argc) {
        return ARGS_END;
    }
    const char *arg = a->argv[a->at++];
    struct str text = str_from(arg);
    if (!a->words_only && str_is(text, "--")) {
        a->words_only = true;
        return args_next(a, list, n, ret_value);
    }
    if (a->words_only || text.n < 2 || text.p[0] != '-') {
        *ret_value = arg;
        return ARGS_WORD;
    }
    bool is_long = text.p[1] == '-';
    size_t name_n = is_long ? str_find(text, '=') : text.n;
    struct str name = {text.p, name_n};
    for (size_t i = 0; i < n; i++) {
        if (str_is(name, list[i].name) || (list[i].brief && str_is(name, list[i].brief))) {
            int err = read_option(a, &list[i], text, name_n, ret_value);
            return err < 0 ? err : (int)i;
        }
    }
    return bad(a, "unknown option", arg);
}
