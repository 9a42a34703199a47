/* Routes of approvals: uses of tools that wait for somebody's decision. Private to src/api. */
#ifndef API_API_APPROVALS_H
#define API_API_APPROVALS_H

#include "api/api_calls.h"

void api_approvals_list(struct api *api, struct http_exchange *x);
/* body: {"decision": "approve" | "reject", "always": true, "message": "..."} */
void api_approvals_decide(struct api *api, struct http_exchange *x, struct str id, struct span body);

#endif
