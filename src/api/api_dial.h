/* Calls that somebody wants made, and what became of them: POST /v1/calls, and /outbound/... in the reference's shapes.
 * Private to src/api. */
#ifndef API_API_DIAL_H
#define API_API_DIAL_H

#include "api/api.h"

/* POST /v1/calls: 201, or 200 when the same key has made it before. */
void api_dial(struct api *api, struct http_exchange *x, const struct http_request *req);

/* The reference's: always 200, errors as {"error": ...}. */
void api_outbound_call(struct api *api, struct http_exchange *x, const struct http_request *req);
void api_outbound_status(struct api *api, struct http_exchange *x, struct str id);
void api_outbound_hangup(struct api *api, struct http_exchange *x, struct str id);
void api_outbound_campaign(struct api *api, struct http_exchange *x, struct str campaign);

#endif
