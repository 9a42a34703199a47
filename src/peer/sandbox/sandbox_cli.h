/* The command line of ringtrip-sandbox: options, log lines on stderr, signals, the life of the process. */
#ifndef PEER_SANDBOX_CLI_H
#define PEER_SANDBOX_CLI_H

#include "base/defs.h"

/* The exit status: 0 ended by a signal or its parent, 1 it could not run, 2 wrong use. */
int sandbox_cli_main(int argc, char **argv);

#endif
