/* The parameters of a webhook: form body, then query, decoded. */
#ifndef CARRIERS_TWILIO_PARAMS_H
#define CARRIERS_TWILIO_PARAMS_H

#include "net/http_server.h"
#include "wire/form.h"
#include "wire/twilio.h"

struct twilio_params {
    struct str_pair list[2 * FORM_PAIRS_MAX];
    struct str_pair headers[2 * FORM_PAIRS_MAX]; /* "SipHeader_X-Tier" as "X-Tier" */
    uint32_t n, n_headers;
    struct form body; /* what is signed besides the URL, in which the query stands already */
    struct form query;
};

void twilio_params_init(struct twilio_params *p);
/* Once after init. Results of form_decode. */
MUST_USE int twilio_params_read(struct twilio_params *p, const struct http_request *req);
void twilio_params_done(struct twilio_params *p);
/* The first of that name; empty when absent. */
struct str twilio_params_get(const struct twilio_params *p, const char *name);
/* The body is a form by its Content-Type. */
bool twilio_is_form(const struct http_request *req);

#endif
