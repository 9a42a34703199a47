#include "carriers/twilio/twilio_params.h"

#define PARAMS_MAX_BYTES (1u << 20)

void twilio_params_init(struct twilio_params *p)
{
    p->n = p->n_headers = 0;
    form_init(&p->body, PARAMS_MAX_BYTES);
    form_init(&p->query, PARAMS_MAX_BYTES);
}

void twilio_params_done(struct twilio_params *p)
{
    form_done(&p->body);
    form_done(&p->query);
}

bool twilio_is_form(const struct http_request *req)
{
    struct str type = http_header(req, "Content-Type");
    type.n = str_find(type, ';');
    return str_ieq(str_trim(type), STR("application/x-www-form-urlencoded"));
}

static int read_into(struct twilio_params *p, struct form *form, struct str text)
{
    struct str prefix = STR("SipHeader_");
    int err = form_decode(form, text);
    for (size_t i = 0; err == 0 && i < form->n; i++) {
        struct str_pair one = {form->pairs[i].name, form->pairs[i].value};
        if (str_starts(one.name, prefix)) {
            one.name = (struct str){one.name.p + prefix.n, one.name.n - prefix.n};
            p->headers[p->n_headers++] = one;
        } else {
            p->list[p->n++] = one;
        }
    }
    return err;
}

int twilio_params_read(struct twilio_params *p, const struct http_request *req)
{
    int err = twilio_is_form(req) ? read_into(p, &p->body, str_of_span(req->body)) : 0;
    return err < 0 ? err : read_into(p, &p->query, req->query);
}

struct str twilio_params_get(const struct twilio_params *p, const char *name)
{
    for (uint32_t i = 0; i < p->n; i++) {
        if (str_is(p->list[i].name, name)) {
            return p->list[i].value;
        }
    }
    return STR_NULL;
}
