#include "frame.h"

#include <stdio.h>

static int read_option(const struct frame_command *c, struct frame *f, int got, const char *value, void *arg)
{
    switch (got) {
    case FRAME_OPT_CONFIG:
        f->source.path = value;
        return 0;
    case FRAME_OPT_ENV_FILE:
        f->source.dotenv_path = value;
        return 0;
    default:
        return c->option(arg, got, value);
    }
}

int frame_read(const struct frame_command *c, struct frame *f, int argc, char **argv, void *arg)
{
    struct args a;
    const char *value = NULL;
    int got;
    f->name = c->name;
    args_init(&a, argc, argv);
    while ((got = args_next(&a, c->options, c->n_options, &value)) != ARGS_END) {
        if (got == ARGS_BAD) {
            return STATUS_USAGE;
        }
        if (got == FRAME_OPT_HELP) {
            return usage_help(c->usage);
        }
        if (got == ARGS_WORD && f->n_words == c->max_words) {
            return usage_error(c->name, "unexpected argument", value);
        }
        if (got == ARGS_WORD) {
            f->words[f->n_words++] = value;
            continue;
        }
        int status = read_option(c, f, got, value, arg);
        if (status != 0) {
            return status;
        }
    }
    return FRAME_GO;
}

int frame_print(const struct buf *out)
{
    return out->len == 0 || fwrite(buf_ptr(out), 1, out->len, stdout) == out->len ? STATUS_OK : STATUS_FAILED;
}

int frame_complain(const struct frame *f, const char *text, int status)
{
    ignore_result(fprintf(stderr, "ringtrip %s: %s\n", f->name, text) < 0);
    return status;
}
