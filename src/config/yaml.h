/*
 * A YAML text as a tree of nodes with positions (libfyaml behind). Bounded: bytes, nesting, number of nodes. Aliases
 * share their anchor's node; merge keys and duplicate keys are refused. Scalars stay text: whoever reads a value knows
 * its type. No files, no expansion of variables.
 */
#ifndef CONFIG_YAML_H
#define CONFIG_YAML_H

#include "base/arena.h"
#include "base/buf.h"

#define YAML_MAX_DEPTH 16
#define YAML_MAX_NODES 20000

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
    enum yaml_kind kind;
    bool plain;      /* a scalar without quotes: null, true and numbers mean what they look like */
    struct str text; /* of a scalar */
    struct str key;  /* when it is a member of a map */
    uint32_t line;   /* of the value, from 1 */
    uint32_t col;
    uint32_t key_line;
    uint32_t key_col;
    struct yaml_node *first; /* members or elements */
    struct yaml_node *last;
    struct yaml_node *next;
    uint32_t n;
};

/*
 * Parses one document; the tree lives in a. An empty text gives an empty map. On -ERR_SYNTAX or -ERR_LIMIT errors gets
 * "name:line:col: message" lines.
 */
MUST_USE int yaml_parse(struct str name, struct str text, struct arena *a, struct buf *errors, struct yaml_node **ret);

/* Members of over come in place of those of base of the same name; maps go into each other. Returns the result, which
 * is made of both. */
struct yaml_node *yaml_over(struct yaml_node *base, struct yaml_node *over);
/* A plain null, ~ or nothing at all. */
bool yaml_is_null(const struct yaml_node *n);

#endif
