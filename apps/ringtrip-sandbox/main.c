/* The offline model. Everything is in the library, so that tests reach it. */
#include "peer/sandbox/sandbox_cli.h"

int main(int argc, char **argv)
{
    return sandbox_cli_main(argc, argv);
}
