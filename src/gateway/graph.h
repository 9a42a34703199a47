/*
 * The agents of a configuration as a picture, in Graphviz's language: agents are yellow boxes, tools green ellipses,
 * handoffs arrows, and a blue dot is where calls begin. Pure. Drawing it is somebody else's business (apps).
 */
#ifndef GATEWAY_GRAPH_H
#define GATEWAY_GRAPH_H

#include "config/config.h"

/* agent: only who can be reached from this one, which starts; empty: all, from where calls begin. -ENOENT: there is no
 * such agent. -ENOMEM */
MUST_USE int graph_put_dot(const struct config *cfg, struct str agent, struct buf *out);

#endif
