#!/usr/bin/env python3
"""Functions that cut, overflow, block or hide state, and what to use instead."""

import re
import sys

import common

BANNED = {
    'strcpy|strcat|strncpy|strncat|stpcpy': 'buf_append, or memcpy with a checked length',
    'sprintf|vsprintf': 'buf_printf, or snprintf with its result checked',
    'strtok|strtok_r|strsep': 'the cursors of base/str.h',
    'sscanf|scanf|fscanf|atoi|atol|atoll|atof|strtol|strtoll|strtoul|strtoull|strtod|strtof': 'str_to_* of base/str.h',
    'gets|strerror|strerror_r': 'err_text',
    'localtime|gmtime|ctime|asctime|mktime': 'the *_r form in UTC, or clock_wall_us',
    'rand|srand|random|srandom|drand48': 'crypto_random, or a seeded generator that is passed in',
    'sleep|usleep': 'a timer of the loop',
    'system|popen|tmpnam|mktemp': 'nothing: no shell, no guessable names',
    'alloca|setjmp|longjmp|signal': 'bounded memory, plain returns, loop_on_signal',
}
REPLACEMENT = {name: use for names, use in BANNED.items() for name in names.split('|')}
CALL = re.compile(r'(?<![\w.>])(' + '|'.join(REPLACEMENT) + r')\s*\(')

# (path, function): why. An entry that is not needed any more fails the check.
EXEMPT = {
    ('src/base/str.c', 'strtod'): 'the one place that wraps it, with the length and the rest checked',
}


def find(path, text, used=None):
    code = common.code_only(text)
    for match in CALL.finditer(code):
        name = match.group(1)
        if (path, name) in EXEMPT:
            if used is not None:
                used.add((path, name))
            continue
        yield f'{path}:{common.line_of(code, match.start())}: {name}() is banned; use {REPLACEMENT[name]}'


SAMPLES = [
    ('strcpy', 'src/base/x.c', 'void f(char *d) { strcpy(d, "x"); }\n', True),
    ('a call with a space', 'src/base/x.c', 'int f(void) { return atoi ("1"); }\n', True),
    ('bare strtol', 'src/net/x.c', 'long f(const char *s) { return strtol(s, 0, 10); }\n', True),
    ('strerror', 'apps/ringtrip/x.c', 'const char *f(void) { return strerror(1); }\n', True),
    ('sleep in a test', 'tests/net/test_x.c', 'void f(void) { sleep(1); }\n', True),
    ('snprintf', 'src/base/x.c', 'int f(char *d) { return snprintf(d, 2, "x"); }\n', False),
    ('a longer name', 'src/base/x.c', 'void f(void) { my_strcpy(); timer_sleep(); }\n', False),
    ('a member', 'src/base/x.c', 'void f(struct x *x) { x->system(x); x.rand(); }\n', False),
    ('a comment and a string', 'src/base/x.c', '// strcpy(d, s)\nconst char *s = "system(";\n', False),
    ('code after a character', 'src/base/x.c', "char c = '\"'; int f(void) { return rand(); } char d = '\"';\n", True),
]


def main():
    tap = common.Tap()
    common.samples(tap, find, SAMPLES)
    used = set()
    files = common.tracked(r'(src|apps|include|tests|fuzz|bench|examples)/.*\.(c|h|cc|cpp)')
    findings = [f for n in files for f in find(n, common.read(n), used)]
    common.over_tree(tap, f'{len(files)} files call no banned function', findings + common.unused(EXEMPT, used))
    return tap.done()


if __name__ == '__main__':
    sys.exit(main())
