/* Uses of a program's tools: between tools/code and the functions of ringtrip/tool.h. */
#ifndef LIBRARY_TOOL_CALL_H
#define LIBRARY_TOOL_CALL_H

#include "library/describe.h"
#include "tools/code/code.h"

/* For struct code_opts; arg is a const struct rt_tool. */
void tool_call_run(struct code_call *call, void *arg);
bool tool_call_asks(const struct code_call *call, void *arg);

#endif
