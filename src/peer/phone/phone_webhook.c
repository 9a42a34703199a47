#include "peer/phone/phone_webhook.h"

#include <assert.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/err.h"
#include "net/crypto.h"
#include "wire/form.h"

#define SIGNED_MAX_BYTES (1u << 20)

void phone_form_add(struct phone_form *f, const char *name, struct str value)
{
    assert(f->n < PHONE_FORM_MAX);
    f->fields[f->n++] = (struct str_pair){str_from(name), value};
}

/* The vendor's numbering plan knows nothing of test numbers but their country. */
static void add_place(struct phone_form *f, const char *city, const char *state, const char *zip, const char *country)
{
    phone_form_add(f, city, STR(""));
    phone_form_add(f, country, STR("US"));
    phone_form_add(f, state, STR(""));
    phone_form_add(f, zip, STR(""));
}

void phone_form_call(struct phone_form *f, const struct phone_party *party, const char *status)
{
    phone_form_add(f, "AccountSid", party->account_sid);
    phone_form_add(f, "ApiVersion", STR("2010-04-01"));
    phone_form_add(f, "CallSid", party->call_sid);
    phone_form_add(f, "CallStatus", str_from(status));
    phone_form_add(f, "Called", party->to);
    add_place(f, "CalledCity", "CalledState", "CalledZip", "CalledCountry");
    phone_form_add(f, "Caller", party->from);
    add_place(f, "CallerCity", "CallerState", "CallerZip", "CallerCountry");
    phone_form_add(f, "Direction", party->called ? STR("outbound-api") : STR("inbound"));
    phone_form_add(f, "From", party->from);
    add_place(f, "FromCity", "FromState", "FromZip", "FromCountry");
    phone_form_add(f, "To", party->to);
    add_place(f, "ToCity", "ToState", "ToZip", "ToCountry");
}

void phone_form_encode(const struct phone_form *f, struct buf *out)
{
    for (size_t i = 0; i < f->n; i++) {
        form_put(out, f->fields[i].name, f->fields[i].value);
    }
}

static int str_order(struct str a, struct str b)
{
    int order = memcmp(a.p ? a.p : "", b.p ? b.p : "", MIN(a.n, b.n));
    return order ? order : (a.n > b.n) - (a.n < b.n);
}

static int field_order(const void *a, const void *b)
{
    const struct str_pair *x = a, *y = b;
    int order = str_order(x->name, y->name);
    return order ? order : str_order(x->value, y->value);
}

int phone_sign(struct str token, struct str url, const struct phone_form *f, char ret[PHONE_SIGNATURE_BYTES])
{
    struct buf text;
    buf_init(&text, SIGNED_MAX_BYTES);
    buf_put_str(&text, url);
    if (f) {
        struct phone_form sorted = *f;
        qsort(sorted.fields, sorted.n, sizeof(sorted.fields[0]), field_order);
        for (size_t i = 0; i < sorted.n; i++) {
            if (i > 0 && field_order(&sorted.fields[i - 1], &sorted.fields[i]) == 0) {
                continue; /* distinct values only */
            }
            buf_put_str(&text, sorted.fields[i].name);
            buf_put_str(&text, sorted.fields[i].value);
        }
    }
    int err = text.err;
    if (err == 0) {
        uint8_t mac[20];
        crypto_hmac_sha1(span_of_str(token), buf_span(&text), mac);
        ret[base64_encode(ret, span_from(mac, sizeof(mac)))] = '\0';
    }
    buf_done(&text);
    return err;
}
