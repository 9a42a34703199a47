/* The configuration's list of tools and the tools that exist are the same. */
#include "config/options.h"
#include "test.h"
#include "tools/builtin/builtin.h"

TEST(the_configuration_knows_every_tool)
{
    const struct option *o = option_find(OPTION_ROOT, STR("agent.tools"));
    uint32_t n = 0;

    assert_non_null(o);
    for (; o->words[n].word; n++) {
        assert_non_null(builtin_tool_find(str_from(o->words[n].word)));
    }
    assert_int_equal(n, builtin_tool_count());
}

TEST_MAIN(T(the_configuration_knows_every_tool))
