/* Routes that read or change records: they wait for the store. Private to src/api. */
#ifndef API_API_CALLS_H
#define API_API_CALLS_H

#include "api/api.h"

struct api {
    struct api_new_opts o;
    const struct api_opts *opts;
    uint32_t pending;
};

enum api_read { API_LIST, API_STATUS, API_RECORD_LIST, API_RECORD, API_TRACE, API_METRICS_JSON };

/* Answers the exchange later. id is copied; query only by the lists. */
void api_calls_read(struct api *api, struct http_exchange *x, enum api_read what, struct str id, struct str query);
/* For a call that is not live: 409 it is over, 404. */
void api_calls_absent(struct api *api, struct http_exchange *x, struct str id);
void api_calls_remove(struct api *api, struct http_exchange *x, struct str id);

/* Shared answers; both count the request. */
void api_respond(struct api *api, struct http_exchange *x, int status, struct str headers, struct str json);
void api_error(struct api *api, struct http_exchange *x, int status, struct str headers, const char *text);

#endif
