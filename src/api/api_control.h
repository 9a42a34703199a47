/* Routes that act on a live call. Private to src/api. */
#ifndef API_API_CONTROL_H
#define API_API_CONTROL_H

#include "api/api_calls.h"

#define API_TEXT_MAX 8000 /* bytes of a text as if the caller had said it */

void api_control_hangup(struct api *api, struct http_exchange *x, struct str id);
/* By the carrier, from now on. */
void api_control_record(struct api *api, struct http_exchange *x, struct str id);
/* body: {"action": "start" | "commit" | "discard"} */
void api_control_turn(struct api *api, struct http_exchange *x, struct str id, struct span body);
/* body: {"text": "..."} */
void api_control_text(struct api *api, struct http_exchange *x, struct str id, struct span body);
/* A guardrail objects to a text that was to come into the call: 422. */
void api_control_refused(struct api *api, struct http_exchange *x, const char *guardrail);

#endif
