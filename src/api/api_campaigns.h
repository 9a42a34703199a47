/* Routes of campaigns and of numbers that must not be called: they wait for the store. Private to src/api. */
#ifndef API_API_CAMPAIGNS_H
#define API_API_CAMPAIGNS_H

#include "api/api.h"

enum api_campaign_verb {
    API_CAMPAIGN_LIST,
    API_CAMPAIGN_CREATE, /* 201 */
    API_CAMPAIGN_SHOW,
    API_CAMPAIGN_CHANGE,
    API_CAMPAIGN_REMOVE,
    API_CAMPAIGN_START,
    API_CAMPAIGN_PAUSE,
    API_CAMPAIGN_STOP,
    API_CAMPAIGN_ARCHIVE,
    API_CAMPAIGN_PROGRESS,
    API_CAMPAIGN_IMPORT, /* the body is a table */
    API_CAMPAIGN_CONTACTS,
    API_CAMPAIGN_REDIAL, /* {"contact_id": 7} */
    API_CAMPAIGN_CANCEL,
    API_CAMPAIGN_ATTEMPTS,
    API_DNC_LIST,
    API_DNC_ADD,
    API_DNC_REMOVE /* ?phone= */
};

/* Answers the exchange later. id empty where the route has none. */
void api_campaigns(struct api *api, struct http_exchange *x, const struct http_request *req,
                   enum api_campaign_verb verb, struct str id);

#endif
