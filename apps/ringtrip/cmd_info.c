/* Commands that only print or hand over: options, version, sandbox. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "command.h"
#include "gateway/gateway.h"
#include "gateway/sandbox_child.h"
#include "ringtrip/ringtrip.h"

static const char options_usage[] = "usage: ringtrip options --env | --markdown\n\n"
                                    "Prints every setting with its default and meaning.\n\n"
                                    "  --env        as .env.example\n"
                                    "  --markdown   as docs/configuration.md\n";

enum { OPT_ENV, OPT_MARKDOWN, OPT_OPTIONS_HELP };
static const struct option options_list[] = {
    [OPT_ENV] = {"--env", NULL, false},
    [OPT_MARKDOWN] = {"--markdown", NULL, false},
    [OPT_OPTIONS_HELP] = {"--help", "-h", false},
};

static int print_buf(struct buf *out)
{
    bool ok = out->err == 0 && fwrite(buf_ptr(out), 1, out->len, stdout) == out->len;
    buf_done(out);
    return ok ? STATUS_OK : STATUS_FAILED;
}

int cmd_options(int argc, char **argv)
{
    struct args a;
    const char *value = NULL;
    int form = ARGS_END;
    int got;
    args_init(&a, argc, argv);
    while ((got = args_next(&a, options_list, ARRAY_LEN(options_list), &value)) != ARGS_END) {
        if (got == OPT_OPTIONS_HELP) {
            return usage_help(options_usage);
        }
        if (got == ARGS_WORD) {
            return usage_error("options", "unexpected argument", value);
        }
        if (got < 0) {
            return STATUS_USAGE;
        }
        form = got;
    }
    if (form == ARGS_END) {
        return usage_error("options", "--env or --markdown?", NULL);
    }
    struct buf out;
    buf_init(&out, 4u << 20);
    if (form == OPT_ENV) {
        config_print_env(&out);
    } else {
        config_print_markdown(&out);
    }
    return print_buf(&out);
}

static const char version_usage[] = "usage: ringtrip version [--json]\n";

enum { OPT_JSON, OPT_VERSION_HELP };
static const struct option version_list[] = {
    [OPT_JSON] = {"--json", NULL, false},
    [OPT_VERSION_HELP] = {"--help", "-h", false},
};

int cmd_version(int argc, char **argv)
{
    struct args a;
    const char *value = NULL;
    bool json = false;
    int got;
    args_init(&a, argc, argv);
    while ((got = args_next(&a, version_list, ARRAY_LEN(version_list), &value)) != ARGS_END) {
        if (got == OPT_VERSION_HELP) {
            return usage_help(version_usage);
        }
        if (got == ARGS_WORD) {
            return usage_error("version", "unexpected argument", value);
        }
        if (got < 0) {
            return STATUS_USAGE;
        }
        json = true;
    }
    struct buf out;
    buf_init(&out, 4096);
    if (json) {
        struct json_w w = json_w(&out);
        json_w_open(&w);
        json_w_kz(&w, "name", "ringtrip");
        json_w_kz(&w, "version", rt_version());
        json_w_close(&w);
        buf_putc(&out, '\n');
    } else {
        buf_printf(&out, "ringtrip %s\n", rt_version());
    }
    return print_buf(&out);
}

int cmd_sandbox(int argc UNUSED, char **argv)
{
    char file[512];
    int err = sandbox_child_find(file, sizeof(file));
    if (err < 0) {
        ignore_result(fputs("ringtrip sandbox: ringtrip-sandbox is neither beside ringtrip nor in PATH\n", stderr) < 0);
        return STATUS_FAILED;
    }
    argv[0] = file;
    ignore_result(execv(file, argv) < 0); /* returns only on failure */
    ignore_result(fprintf(stderr, "ringtrip sandbox: %s: %s\n", file, err_text(-errno)) < 0);
    return STATUS_FAILED;
}
