#include "wire/twilio_sig.h"

#include "base/err.h"

int twilio_sign_base(struct buf *out, struct str url, struct form *params)
{
    buf_put_str(out, url);
    if (params) {
        form_sort(params);
        for (size_t i = 0; i < params->n; i++) {
            const struct form_pair *p = &params->pairs[i];
            bool again = i > 0 && str_eq(p->name, p[-1].name) && str_eq(p->value, p[-1].value);
            if (!again) {
                buf_put_str(out, p->name);
                buf_put_str(out, p->value);
            }
        }
    }
    return out->err;
}
