#include "tools/webhook/answer.h"

#include "base/err.h"
#include "tools/webhook/request.h"

#define MAX_REASON_BYTES 300

/* A sentence that the service meant to be read: {"error": "..."}, {"message": "..."}, {"error": {"message": "..."}}. */
static struct str reason_of(const struct json_doc *doc)
{
    static const char *const paths[] = {"error", "message", "error.message", "detail"};
    for (uint32_t i = 0; i < ARRAY_LEN(paths); i++) {
        const struct json_doc *v = json_doc_find(doc, str_from(paths[i]));
        if (v && v->type == JSON_STRING && v->text.n > 0 && v->text.n <= MAX_REASON_BYTES &&
            !memchr(v->text.p, 0, v->text.n)) {
            return v->text;
        }
    }
    return STR("");
}

static void put_status_error(const struct webhook_answer *a, struct buf *out)
{
    const struct json_doc *doc = NULL;
    if (a->status >= 300 && a->status < 400) {
        webhook_put_error(out, "The service answered with a redirect (%d), which is not followed.", a->status);
        return;
    }
    struct str reason = json_doc_parse(a->body, &doc) == 0 ? reason_of(doc) : STR("");
    webhook_put_error(out, "The service answered with status %d%s" STR_FMT, a->status, reason.n ? ": " : ".",
                      STR_ARG(reason));
    json_doc_free(doc);
}

static bool is_plain_text(struct str type)
{
    type.n = str_find(type, ';');
    return str_ieq(str_trim(type), STR("text/plain"));
}

/* Only what fits; half a text would be taken for the whole. */
static bool put_text(struct str text, struct buf *out)
{
    if (text.n > WEBHOOK_MAX_OUTPUT_BYTES) {
        webhook_put_error(out, "The answer of the service is too long to be used (%zu bytes).", text.n);
        return false;
    }
    buf_put_str(out, text);
    return true;
}

static bool put_value(const struct json_doc *v, struct buf *out)
{
    if (v->type == JSON_STRING) {
        return put_text(v->text, out);
    }
    struct buf json;
    buf_init(&json, 2 * WEBHOOK_MAX_RESPONSE);
    json_doc_write(v, &json);
    bool ok = json.err == 0;
    if (ok) {
        ok = put_text(buf_str(&json), out);
    } else {
        webhook_put_error(out, "The answer of the service cannot be used.");
    }
    buf_done(&json);
    return ok;
}

static bool put_json(struct str body, struct str response, struct buf *out)
{
    const struct json_doc *doc = NULL;
    int err = json_doc_parse(body, &doc);
    if (err < 0) {
        webhook_put_error(out, "%s",
                          err == -ERR_TOO_BIG ? "The answer of the service holds too many values."
                          : err == -ENOMEM    ? "The answer of the service cannot be read now."
                                              : "The service did not answer with valid JSON.");
        return false;
    }
    const struct json_doc *v = json_doc_find(doc, response);
    bool ok = v;
    if (ok) {
        ok = put_value(v, out);
    } else {
        webhook_put_error(out, "The answer of the service has no \"" STR_FMT "\".", STR_ARG(response));
    }
    json_doc_free(doc);
    return ok;
}

bool webhook_answer_write(const struct webhook_answer *a, struct str response, struct buf *out)
{
    if (a->status < 200 || a->status > 299) {
        put_status_error(a, out);
        return false;
    }
    struct str body = str_trim(a->body);
    if (body.n == 0 && response.n == 0) {
        buf_puts(out, "{\"status\":\"ok\"}");
        return true;
    }
    if (is_plain_text(a->content_type) && response.n == 0 && utf8_valid(body)) {
        return put_text(body, out);
    }
    return put_json(body, response, out);
}

void webhook_failure_write(int err, struct buf *out)
{
    switch (err) {
    case -ETIMEDOUT:
        webhook_put_error(out, "The service did not answer in time. Please try again.");
        return;
    case -ERR_TOO_BIG:
        webhook_put_error(out, "The answer of the service was too large.");
        return;
    case -ERR_TLS:
        webhook_put_error(out, "There is no secure connection to the service.");
        return;
    case -ERR_CLOSED:
        webhook_put_error(out, "The service broke off its answer.");
        return;
    default:
        webhook_put_error(out, "The service cannot be reached.");
        return;
    }
}
