#include "peer/sandbox/sandbox_dialogue.h"

static const char yaml[] = {
#include "sandbox_dialogue_yaml.inc"
};

struct str dialogue_builtin_yaml(void)
{
    return (struct str){yaml, sizeof(yaml)};
}
