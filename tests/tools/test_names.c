/* The configuration's list of tools and the tools that exist are the same. */
#include "config/options.h"
#include "test.h"
#include "tools/builtin/builtin.h"

static bool is_known(struct str name)
{
    for (uint32_t i = 0; i < option_builtin_count; i++) {
        if (str_is(name, option_builtins[i])) {
            return true;
        }
    }
    return false;
}

TEST(the_configuration_knows_every_tool)
{
    for (uint32_t i = 0; i < builtin_tool_count(); i++) {
        if (!is_known(builtin_tool(i)->name)) {
            fail_msg("agent.tools refuses " STR_FMT, STR_ARG(builtin_tool(i)->name));
        }
    }
    assert_true(builtin_tool_count() > 0);
}

TEST_MAIN(T(the_configuration_knows_every_tool))
