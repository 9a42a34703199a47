/* REST requests of the account: how they are written, and what the answers mean. */
#include "base/json.h"
#include "carriers/plivo/plivo_impl.h"

#define LIST_MAX_BYTES (256u << 10)

/* A string, or the first of a list of them: some ids come so. */
static struct str id_of(struct json_val doc, const char *key, struct buf *scratch)
{
    struct json_val v = json_get(doc, key);
    struct json_it it = json_array(v);
    struct json_val first;
    struct str s = STR("");
    if (v.type == JSON_ARRAY) {
        v = json_elem(&it, &first) ? first : (struct json_val){0};
    }
    return v.type == JSON_STRING && json_to_str(v, scratch, &s) >= 0 ? s : STR("");
}

/* What was made has a name of its own in each answer. */
static struct str made(struct json_val doc, struct buf *scratch)
{
    static const char *const keys[] = {"message_uuid", "recording_id", "app_id", "call_uuid"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct str id = id_of(doc, keys[i], scratch);
        if (id.n > 0) {
            return id;
        }
    }
    return STR("");
}

/* The reason of a refusal: a string, or an object, which is told as it is; 401 and gateways answer in plain text. */
static struct str reason(struct json_val doc, struct buf *scratch)
{
    struct json_val v = json_get(doc, "error");
    return v.type == JSON_OBJECT || v.type == JSON_ARRAY ? v.s : account_text(doc, "error", scratch);
}

static bool read_reply(const struct http_reply *reply, bool over_is_fine, struct account_scratch *scratch,
                       struct carrier_result *ret)
{
    struct json_val doc = {0};
    bool good = reply->status >= 200 && reply->status < 300;
    if (json_parse(str_of_span(reply->body), &doc) == 0 && doc.type == JSON_OBJECT) {
        ret->request_id = id_of(doc, "request_uuid", &scratch->of[0]);
        ret->id = made(doc, &scratch->of[1]);
        ret->state = account_text(doc, "message", &scratch->of[2]);
        ret->message = reason(doc, &scratch->of[3]);
    } else if (reply->status == 401) {
        ret->message = STR("The auth id or the auth token is wrong.");
    }
    return good || (over_is_fine && reply->status == 404);
}

bool plivo_can_rest(const struct plivo *p)
{
    return p->cloud.http && p->opts->auth_id.n > 0 && p->opts->n_auth_tokens > 0;
}

int plivo_rest_start(struct plivo *p, const struct plivo_order *o, const struct account_wait *w)
{
    struct buf url;
    if (!plivo_can_rest(p)) {
        return -ERR_STATE;
    }
    buf_init(&url, CLOUD_URL_MAX);
    buf_put_str(&url, or_str(p->opts->api_base, "https://api.plivo.com"));
    buf_printf(&url, "/v1/Account/" STR_FMT "/%s", STR_ARG(p->opts->auth_id), o->resource);
    bool get = str_is(str_from(o->method), "GET");
    const struct account_order order = {
        .method = o->method,
        .url = buf_str(&url),
        .content_type = get ? STR("") : STR("application/json"),
        .body = get       ? (struct span){NULL, 0}
                : o->json ? buf_span(o->json)
                          : span_of_str(STR("{}")),
        .user = p->opts->auth_id,
        .password = p->opts->auth_tokens[0],
        .what = {o->resource, str_find(str_from(o->resource), '?')},
        .max_response_bytes = get ? LIST_MAX_BYTES : 0,
        .over_is_fine = o->over_is_fine,
        .makes = o->makes,
        .read = read_reply,
    };
    int err = url.err < 0 ? url.err : o->json && o->json->err < 0 ? o->json->err : account_start(&p->cloud, &order, w);
    buf_done(&url);
    return err;
}

bool plivo_is_id(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool ok = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-';
        if (!ok) {
            return false;
        }
    }
    return s.n > 0 && s.n <= CLOUD_ID_MAX;
}

struct str plivo_bare(struct str number)
{
    return number.n > 0 && number.p[0] == '+' ? (struct str){number.p + 1, number.n - 1} : number;
}
