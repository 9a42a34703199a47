/*
 * Keys of other systems that have another place here, or none: what the refusal of such a key says. Those that mean the
 * same in the same place are aliases (options.h), and those without effect are options of the kind DROPPED; these are
 * refused, because to read them would mean to guess. Pure. Static texts.
 */
#ifndef CONFIG_ELSEWHERE_H
#define CONFIG_ELSEWHERE_H

#include "config/options.h"

/* path: dotted, within the scope. NULL: nothing is known of it. */
const char *elsewhere_hint(enum option_scope scope, struct str path);

#endif
