#include "cloud/params.h"

#define PARAMS_MAX_BYTES (1u << 20)

void params_init(struct params *p)
{
    p->n = p->n_headers = 0;
    form_init(&p->body, PARAMS_MAX_BYTES);
    form_init(&p->query, PARAMS_MAX_BYTES);
}

void params_done(struct params *p)
{
    form_done(&p->body);
    form_done(&p->query);
}

bool params_is_form(const struct http_request *req)
{
    struct str type = http_header(req, "Content-Type");
    type.n = str_find(type, ';');
    return str_ieq(str_trim(type), STR("application/x-www-form-urlencoded"));
}

static int read_into(struct params *p, struct form *form, struct str text, struct str prefix)
{
    int err = form_decode(form, text);
    for (size_t i = 0; err == 0 && i < form->n; i++) {
        struct str_pair one = {form->pairs[i].name, form->pairs[i].value};
        if (prefix.n > 0 && str_starts(one.name, prefix)) {
            one.name = (struct str){one.name.p + prefix.n, one.name.n - prefix.n};
            p->headers[p->n_headers++] = one;
        } else {
            p->list[p->n++] = one;
        }
    }
    return err;
}

int params_read(struct params *p, const struct http_request *req, const char *header_prefix)
{
    struct str prefix = str_from(header_prefix);
    int err = params_is_form(req) ? read_into(p, &p->body, str_of_span(req->body), prefix) : 0;
    return err < 0 ? err : read_into(p, &p->query, req->query, prefix);
}

struct str params_get(const struct params *p, const char *name)
{
    for (uint32_t i = 0; i < p->n; i++) {
        if (str_is(p->list[i].name, name)) {
            return p->list[i].value;
        }
    }
    return STR_NULL;
}

int64_t params_number(const struct params *p, const char *name)
{
    int64_t v = -1;
    return str_to_i64(params_get(p, name), &v) == 0 && v >= 0 ? v : -1;
}

struct str params_attempt(const struct params *p)
{
    struct str s = form_get(&p->query, CARRIER_ATTEMPT_ARG);
    return s.p && s.n <= CARRIER_ATTEMPT_MAX ? s : STR("");
}

int64_t params_round(const struct params *p)
{
    int64_t v = -1;
    return str_to_i64(form_get(&p->query, CARRIER_ROUND_ARG), &v) == 0 && v >= 0 && v <= UINT8_MAX ? v : -1;
}
