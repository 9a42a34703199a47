/* Routes of callbacks: what somebody of the house still has to do. Private to src/api. */
#ifndef API_API_CALLBACKS_H
#define API_API_CALLBACKS_H

#include "api/api_calls.h"

/* query: status=open|closed|all (open), limit, offset. */
void api_callbacks_list(struct api *api, struct http_exchange *x, struct str query);
void api_callbacks_get(struct api *api, struct http_exchange *x, struct str id);
/* body: empty, or {"note": "..."} */
void api_callbacks_close(struct api *api, struct http_exchange *x, struct str id, struct span body);

#endif
