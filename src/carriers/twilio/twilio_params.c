#include "carriers/twilio/twilio_params.h"

#include "base/err.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes into out (room for s.n bytes); '+' and %20 are both a space. Bytes, or -ERR_SYNTAX. */
static int decode(struct str s, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '%') {
            out[n++] = s.p[i] == '+' ? ' ' : s.p[i];
            continue;
        }
        int high = i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1;
        int low = i + 2 < s.n ? hex_digit(s.p[i + 2]) : -1;
        if (high < 0 || low < 0) {
            return -ERR_SYNTAX;
        }
        out[n++] = (char)(high * 16 + low);
        i += 2;
    }
    return (int)n;
}

/* The room was reserved for the whole text, so that earlier slices stay valid. */
static int decode_into(struct buf *text, struct str s, struct str *ret)
{
    char *out = (char *)buf_room(text, s.n + 1);
    if (!out) {
        return text->err;
    }
    int n = decode(s, out);
    if (n < 0) {
        return n;
    }
    *ret = (struct str){out, (size_t)n};
    buf_added(text, (size_t)n);
    return 0;
}

static int read_form(struct twilio_params *p, struct str form)
{
    struct str part;
    while (str_split(&form, '&', &part)) {
        if (part.n == 0) {
            continue;
        }
        if (p->n == TWILIO_MAX_PARAMS) {
            return -ERR_TOO_BIG;
        }
        size_t eq = str_find(part, '=');
        struct str name = {part.p, eq};
        struct str value = eq < part.n ? (struct str){part.p + eq + 1, part.n - eq - 1} : (struct str){part.p, 0};
        struct twilio_param *param = &p->list[p->n];
        int err = decode_into(&p->text, name, &param->name);
        if (err == 0) {
            err = decode_into(&p->text, value, &param->value);
        }
        if (err < 0) {
            return err;
        }
        p->n++;
    }
    return 0;
}

bool twilio_is_form(const struct http_request *req)
{
    struct str type = http_header(req, "Content-Type");
    type.n = str_find(type, ';');
    return str_ieq(str_trim(type), STR("application/x-www-form-urlencoded"));
}

void twilio_params_init(struct twilio_params *p)
{
    p->n = p->n_form = 0;
    buf_init(&p->text, 0);
}

int twilio_params_read(struct twilio_params *p, const struct http_request *req)
{
    struct str body = twilio_is_form(req) ? str_of_span(req->body) : STR_NULL;
    size_t room = body.n + req->query.n + 2;
    buf_init(&p->text, room + 1);
    if (!buf_room(&p->text, room)) {
        return p->text.err;
    }
    int err = read_form(p, body);
    p->n_form = p->n;
    return err < 0 ? err : read_form(p, req->query);
}

void twilio_params_done(struct twilio_params *p)
{
    buf_done(&p->text);
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
