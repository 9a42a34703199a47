/* Time zones by name: fixed offsets ("+02:00"), or the system's zone files. Reads a file: not on a loop thread. */
#ifndef CONFIG_ZONES_H
#define CONFIG_ZONES_H

#include "base/arena.h"
#include "base/zone.h"

/* -ENOENT: no such zone; -ERR_SYNTAX: its file is none; -ENOMEM. The zone lives in a. */
MUST_USE int zone_load(struct str name, struct arena *a, struct zone **ret);

#endif
