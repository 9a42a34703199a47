/*
 * What an agent's settings of turn-taking come to, in sentences for `ringtrip check`: who detects turns, whether an
 * interruption can be taken back and why not, what becomes of a silent caller. Mistakes are refused by config itself.
 */
#ifndef GATEWAY_CHECK_TURNS_H
#define GATEWAY_CHECK_TURNS_H

#include "config/config.h"
#include "gateway/check.h"

void check_turns(const struct config_agent *agent, check_fn fn, void *arg);

#endif
