#include "peer/sandbox/sandbox_chat.h"

#include "base/err.h"
#include "base/json_doc.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool holds(struct str text, struct str phrase)
{
    for (size_t at = 0; phrase.n && at + phrase.n <= text.n; at++) {
        size_t i = 0;
        while (i < phrase.n && lower(text.p[at + i]) == lower(phrase.p[i])) {
            i++;
        }
        if (i == phrase.n) {
            return true;
        }
    }
    return false;
}

/* The next text in double quotes; false: none is left. */
static bool next_quoted(struct str *rest, struct str *ret)
{
    size_t open = str_find(*rest, '"');
    if (open == rest->n) {
        return false;
    }
    struct str behind = {rest->p + open + 1, rest->n - open - 1};
    size_t close = str_find(behind, '"');
    if (close == behind.n) {
        return false;
    }
    *ret = (struct str){behind.p, close};
    *rest = (struct str){behind.p + close + 1, behind.n - close - 1};
    return true;
}

static struct str content_of(const struct json_doc *messages, const char *role)
{
    struct str found = STR("");
    for (const struct json_doc *m = messages->first; m; m = m->next) {
        const struct json_doc *r = json_doc_get(m, STR("role"));
        const struct json_doc *content = json_doc_get(m, STR("content"));
        if (r && content && content->type == JSON_STRING && str_is(r->text, role)) {
            found = content->text;
        }
    }
    return found;
}

static void put_verdict(struct str rules, struct str said, struct buf *out)
{
    const struct json_doc *doc = NULL;
    const struct json_doc *text = json_doc_parse(said, &doc) == 0 ? json_doc_get(doc, STR("text")) : NULL;
    struct str judged = text && text->type == JSON_STRING ? text->text : said;
    struct str phrase = STR("");
    bool tripped = false;
    while (!tripped && next_quoted(&rules, &phrase)) {
        tripped = holds(judged, phrase);
    }
    struct json_w w = json_w(out);
    json_w_open(&w);
    json_w_kbool(&w, "tripped", tripped);
    json_w_kstr(&w, "reason", tripped ? phrase : STR(""));
    json_w_close(&w);
    json_doc_free(doc);
}

static void put_completion(struct str model, struct str content, int64_t now_s, struct buf *out)
{
    struct json_w w = json_w(out);
    json_w_open(&w);
    json_w_kz(&w, "id", "chatcmpl-sandbox");
    json_w_kz(&w, "object", "chat.completion");
    json_w_ki64(&w, "created", now_s);
    json_w_kstr(&w, "model", model);
    json_w_key(&w, "choices");
    json_w_array(&w);
    json_w_open(&w);
    json_w_ki64(&w, "index", 0);
    json_w_key(&w, "message");
    json_w_open(&w);
    json_w_kz(&w, "role", "assistant");
    json_w_kstr(&w, "content", content);
    json_w_close(&w);
    json_w_kz(&w, "finish_reason", "stop");
    json_w_close(&w);
    json_w_end(&w);
    json_w_close(&w);
}

int chat_answer(struct str body, int64_t now_s, struct buf *out)
{
    const struct json_doc *doc = NULL;
    int err = json_doc_parse(body, &doc);
    if (err < 0) {
        return err;
    }
    const struct json_doc *messages = json_doc_get(doc, STR("messages"));
    const struct json_doc *model = json_doc_get(doc, STR("model"));
    if (!messages || messages->type != JSON_ARRAY || messages->count == 0) {
        json_doc_free(doc);
        return -ERR_MISSING;
    }
    struct buf content;
    buf_init(&content, 64 * 1024);
    put_verdict(content_of(messages, "system"), content_of(messages, "user"), &content);
    put_completion(model && model->type == JSON_STRING ? model->text : STR("sandbox"), buf_str(&content), now_s, out);
    err = content.err < 0 ? content.err : out->err;
    buf_done(&content);
    json_doc_free(doc);
    return err;
}
