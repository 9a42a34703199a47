#include <errno.h>
#include <stdio.h>

#include "base/err.h"
#include "draw.h"
#include "frame.h"
#include "gateway/graph.h"

#define MAX_DOT_BYTES     (4u << 20)
#define MAX_PICTURE_BYTES (64u << 20)

static const char usage[] =
    "usage: ringtrip graph [-c FILE] [--env-file FILE] [--agent NAME] [-o FILE] [--format WORD]\n\n"
    "Draws the agents of the configuration: agents as yellow boxes, tools as green ellipses, handoffs as arrows; a "
    "blue\n"
    "dot is where calls begin. What has a condition is dashed.\n\n" FRAME_USAGE
    "  --agent NAME        only who can be reached from this agent\n"
    "  -o, --output FILE   FILE.svg, FILE.png, FILE.pdf or FILE.dot; without: standard output\n"
    "  --format WORD       svg, png, pdf or dot, whatever FILE is called; default: dot on standard output\n\n"
    "Exit status: 0 done, 1 it cannot be drawn or written, 2 usage or configuration.\n";

enum { OPT_AGENT = FRAME_OPT_N, OPT_OUTPUT, OPT_FORMAT };
static const struct option options[] = {
    FRAME_OPTIONS,
    [OPT_AGENT] = {"--agent", "-a", true},
    [OPT_OUTPUT] = {"--output", "-o", true},
    [OPT_FORMAT] = {"--format", "-T", true},
};

static const char *const formats[] = {"dot", "svg", "png", "pdf"};

struct request {
    struct frame frame;
    const char *agent, *output, *format;
};

static const char *find_format(struct str word)
{
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        if (str_ieq(word, str_from(formats[i]))) {
            return formats[i];
        }
    }
    return NULL;
}

/* By the end of the file's name, when no format was given. */
static int settle_format(struct request *r)
{
    if (r->format) {
        const char *known = find_format(str_from(r->format));
        if (!known) {
            return usage_error("graph", "the formats are dot, svg, png and pdf, not", r->format);
        }
        r->format = known;
        return 0;
    }
    struct str name = str_from(r->output ? r->output : "x.dot");
    struct str end = name;
    while (str_find(end, '.') < end.n) {
        size_t dot = str_find(end, '.');
        end = (struct str){end.p + dot + 1, end.n - dot - 1};
    }
    r->format = end.n < name.n ? find_format(end) : NULL;
    return r->format
               ? 0
               : usage_error("graph", "FILE must end in .svg, .png, .pdf or .dot, or --format say which:", r->output);
}

static int take_option(void *arg, int option, const char *value)
{
    struct request *r = arg;
    switch (option) {
    case OPT_AGENT:
        r->agent = value;
        break;
    case OPT_OUTPUT:
        r->output = str_is(str_from(value), "-") ? NULL : value;
        break;
    default:
        r->format = value;
        break;
    }
    return 0;
}

static int write_out(const char *path, const struct buf *data)
{
    if (!path) {
        ignore_result(frame_print(data)); /* main tells whether it arrived */
        return 0;
    }
    FILE *file = fopen(path, "wb");
    if (!file) {
        return -errno;
    }
    bool ok = fwrite(buf_ptr(data), 1, data->len, file) == data->len;
    return fclose(file) == 0 && ok ? 0 : -EIO;
}

static int complain(const struct request *r, int err, struct buf *why)
{
    const char *text = why->len > 0 ? buf_cstr(why) : NULL;
    if (err == -ENOENT && !text) {
        buf_printf(why, "there is no agent \"%s\"", r->agent ? r->agent : "");
        text = buf_cstr(why);
    }
    return frame_complain(&r->frame, text ? text : err_text(err),
                          err == -ERR_CONFIG || err == -ENOENT ? STATUS_USAGE : STATUS_FAILED);
}

static int draw(const struct request *r, const struct config *cfg, struct buf *picture, struct buf *why)
{
    struct buf dot;
    buf_init(&dot, MAX_DOT_BYTES);
    int err = graph_put_dot(cfg, str_from(r->agent ? r->agent : ""), &dot);
    if (err >= 0 && str_is(str_from(r->format), "dot")) {
        buf_put_str(picture, buf_str(&dot));
        err = picture->err;
    } else if (err >= 0) {
        const char *text = buf_cstr(&dot);
        err = text ? draw_graph(text, r->format, picture, why) : -ENOMEM;
    }
    buf_done(&dot);
    return err;
}

int cmd_graph(int argc, char **argv)
{
    static const struct frame_command command = {
        .name = "graph",
        .usage = usage,
        .options = options,
        .n_options = ARRAY_LEN(options),
        .option = take_option,
    };
    struct request r = {0};
    struct config *cfg = NULL;
    struct buf picture, why;
    int status = frame_read(&command, &r.frame, argc, argv, &r);
    if (status != FRAME_GO || (status = settle_format(&r)) != 0) {
        return status;
    }
    buf_init(&picture, MAX_PICTURE_BYTES);
    buf_init(&why, 1u << 20);
    int err = config_load(&r.frame.source, &why, &cfg);
    if (err >= 0) {
        buf_clear(&why);
        err = draw(&r, cfg, &picture, &why);
    } else if (err == -ENOENT) { /* a file, not an agent */
        err = -EIO;
    }
    if (err >= 0) {
        err = write_out(r.output, &picture);
        if (err < 0) {
            buf_printf(&why, "%s: %s", r.output, err_text(err));
            err = -EIO;
        }
    }
    status = err < 0 ? complain(&r, err, &why) : STATUS_OK;
    config_unref(cfg);
    buf_done(&picture);
    buf_done(&why);
    return status;
}
