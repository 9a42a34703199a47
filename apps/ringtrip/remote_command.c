#include "remote_command.h"

#include <stdio.h>

#include "answer.h"
#include "base/err.h"
#include "gateway/control_client.h"

int remote_option(struct remote *r, int option, const char *value)
{
    if (option == REMOTE_OPT_JSON) {
        r->json = true;
    } else {
        *(option == REMOTE_OPT_URL ? &r->url : &r->token) = value;
    }
    return 0;
}

static int tell_refusal(const struct remote *r, int status, struct buf *answer)
{
    struct json_val doc;
    struct buf text;
    buf_init(&text, 1u << 20);
    if (json_parse(buf_str(answer), &doc) >= 0) {
        answer_put_text(&text, doc, "error", 0);
    }
    if (text.len == 0) {
        buf_puts(&text, "refused");
    }
    buf_printf(&text, " (status %d)", status);
    if (status == 401 || status == 403) {
        buf_puts(&text, "; the token is the first of server.tokens, or --token");
    }
    const char *line = buf_cstr(&text);
    int result = frame_complain(&r->frame, line ? line : err_text(-ENOMEM), STATUS_FAILED);
    buf_done(&text);
    if (r->json && answer->len > 0) {
        buf_putc(answer, '\n');
        ignore_result(frame_print(answer)); /* the command fails either way */
    }
    return result;
}

int remote_ask(const struct remote *r, const char *method, const char *path, struct str body, struct buf *out)
{
    const struct control_request request = {
        .source = r->frame.source,
        .url = r->url,
        .token = r->token,
        .method = method,
        .path = path,
        .body = body,
    };
    struct buf why;
    int result = STATUS_OK;
    buf_init(&why, 1u << 16);
    buf_clear(out);
    int status = control_ask(&request, out, &why);
    if (status == -ERR_CONFIG) {
        result = frame_complain(&r->frame, why.len ? buf_cstr(&why) : err_text(status), STATUS_USAGE);
    } else if (status < 0) {
        buf_puts(&why, why.len ? "" : err_text(status));
        buf_puts(&why, "; is a gateway running there? --url says where it is");
        result = frame_complain(&r->frame, why.err ? err_text(status) : buf_cstr(&why), STATUS_FAILED);
    } else if (status / 100 != 2) {
        result = tell_refusal(r, status, out);
    }
    buf_done(&why);
    return result;
}
