/* What may be asked of the agent on a live call, and what may be watched of it. Private to src/api. */
#ifndef API_API_VERBS_H
#define API_API_VERBS_H

#include "api/api_calls.h"

enum api_verb { API_INTERRUPT, API_RESPOND, API_COMMIT, API_SAY, API_MESSAGE, API_AGENT, API_RECONNECT, API_VERB_N };

/* Answers the exchange; body as docs/http-api.md says. */
void api_verb(struct api *api, struct http_exchange *x, enum api_verb verb, struct str id, struct span body);
/* Server-sent events until the call is over or the reader leaves. */
void api_events(struct api *api, struct http_exchange *x, struct str id, struct str query);
void api_history(struct api *api, struct http_exchange *x, struct str id);

#endif
