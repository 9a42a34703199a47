/*
 * The carriers of a gateway: made, told of new settings, asked in turn whose request it is, freed. The list of kinds
 * stands in carriers.c and nowhere else; what they ask is answered in routes.c, once for all. Loop thread.
 */
#ifndef GATEWAY_CARRIERS_H
#define GATEWAY_CARRIERS_H

#include "base/str.h"

struct carrier;
struct gateway;
struct host;
struct http_exchange;
struct http_request;
struct snapshot;

#define CARRIERS_MAX 4

MUST_USE int carriers_open(struct gateway *gw);
void carriers_free(struct gateway *gw);
/* The settings of this snapshot from now on; a carrier that it does not want answers no more requests. */
void carriers_follow(struct gateway *gw, const struct snapshot *s);
/* Requests are answered from now on: carriers may be told where we are. */
void carriers_ready(struct gateway *gw);
/* True when one of them has taken the request. */
bool carriers_handle(struct gateway *gw, struct http_exchange *x, const struct http_request *req);
/*
 * The one of that name. Any other name, such as that of a leg without a wire: the first that can send messages, else
 * the first. NULL: there is none.
 */
struct carrier *carriers_find(struct gateway *gw, struct str name);
/* Who can make calls: the one of that kind, empty: the first that can, else the first. NULL: there is none of that
 * kind. */
struct carrier *carriers_dialling(struct gateway *gw, struct str kind);
/* Its carrier records the call from now on: asked, and how that went is logged. -ERR_STATE: not now, and *ret_why is a
 * sentence; -ENOMEM. */
MUST_USE int carriers_record(struct gateway *gw, const struct host *h, const char **ret_why);
/* What they have counted since the last look, into the metrics. */
void carriers_gauges(struct gateway *gw);

#endif
