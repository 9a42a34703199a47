/* The parameters of a webhook: query and form body, decoded. */
#ifndef CARRIERS_TWILIO_PARAMS_H
#define CARRIERS_TWILIO_PARAMS_H

#include "base/buf.h"
#include "net/http_server.h"
#include "wire/twilio.h"

#define TWILIO_MAX_PARAMS 128 /* of one webhook; the vendor sends about 30 */

struct twilio_params {
    struct twilio_param list[TWILIO_MAX_PARAMS]; /* those of the form first */
    uint32_t n;
    uint32_t n_form; /* these are part of what is signed; the query stands in the URL already */
    struct buf text;
};

void twilio_params_init(struct twilio_params *p);
/* Once after init. -ERR_SYNTAX (a bad escape), -ERR_TOO_BIG (too many), -ENOMEM; what was read before stays. */
MUST_USE int twilio_params_read(struct twilio_params *p, const struct http_request *req);
void twilio_params_done(struct twilio_params *p);
/* The first of that name; empty when absent. */
struct str twilio_params_get(const struct twilio_params *p, const char *name);
/* The body is a form by its Content-Type. */
bool twilio_is_form(const struct http_request *req);

#endif
