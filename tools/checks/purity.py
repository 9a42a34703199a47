#!/usr/bin/env python3
"""What the pure folders really call, read from their objects: nothing of the C library that touches the world.

    purity.py BUILD CC

The include check sees names in the source; this one sees through macros, inline functions and hand-written externs.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

import common

PURE = re.compile(r'src/(call|audio|wire)/(?!.*_gen\.c)')
# Whose symbols they may use: their own folders and base, but never the log.
INNER = re.compile(r'src/(base|call|audio|wire)/')
LOG = re.compile(r'log_\w+')
# The C library as arithmetic and memory. expat parses one small document from memory, in wire/twiml.c. audio/vad asks what
# the CPU can do, to choose a kernel; its weights are put into the program by the assembler.
LIBRARY = re.compile(
    r'(__)?(mem|str)\w+|malloc|calloc|realloc|free|qsort|bsearch|abort|__assert_fail|__stack_chk_fail|__\w+_chk'
    r'|v?snprintf|is\w+|to(lower|upper)|__ctype_\w+|_GLOBAL_OFFSET_TABLE_|XML_\w+|__cpu_(model|indicator_init)'
    r'|vad_weights(_end)?|__u?(div|mod|divmod|mul)[sdt]i[34]'
    r'|l?l?(round|rint|abs|floor|ceil)f?|(sin|cos|sincos|tan|exp|exp2|log|log2|log10|pow|sqrt|fabs|fmod|fm(in|ax))f?')
FORBIDDEN = re.compile(r'__(f|v|vf)?printf_chk|__(read|recv|poll|open)\w*_chk|strftime\w*|__strftime\w*')


def symbols(obj):
    """(undefined, defined) global names of an object."""
    out = subprocess.run(['nm', '-g', str(obj)], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in out.splitlines() if line.strip()]
    return ({r[-1] for r in rows if r[-2] == 'U'}, {r[-1] for r in rows if r[-2] != 'U'})


def judge(undefined, inner):
    for name in sorted(undefined):
        if name in inner and not LOG.fullmatch(name):
            continue
        if not LIBRARY.fullmatch(name) or FORBIDDEN.fullmatch(name) or LOG.fullmatch(name):
            yield name


SAMPLES = [
    ('arithmetic and memory', '#include <string.h>\nint f(char *a); int f(char *a) { memset(a, 0, 4000); return a[1]; }\n',
     False),
    ('a function of ours', 'int inner(void); int f(void); int f(void) { return inner(); }\n', False),
    ('a clock behind a hand-written extern', 'long time(long *); long f(void); long f(void) { return time(0); }\n', True),
    ('printing through a macro', '#include <stdio.h>\n#define SHOW puts\nint f(void); int f(void) { return SHOW("x"); }\n',
     True),
    ('a function of an outer layer', 'int loop_run(void); int f(void); int f(void) { return loop_run(); }\n', True),
    ('the log', 'int log_write(void); int f(void); int f(void) { return log_write(); }\n', True),
]


def self_test(tap, cc):
    with tempfile.TemporaryDirectory() as folder:
        source, obj = pathlib.Path(folder) / 'sample.c', pathlib.Path(folder) / 'sample.o'
        for what, text, refused in SAMPLES:
            source.write_text(text)
            subprocess.run([*cc, '-O1', '-c', str(source), '-o', str(obj)], check=True)
            tap.sample(what, judge(symbols(obj)[0], {'inner', 'log_write'}), refused)


def main(build, cc):
    tap = common.Tap()
    self_test(tap, cc.split())
    # A source may have several objects, one for each instruction set.
    found = [(path, *symbols(obj)) for path, obj, _ in common.compiled(build) if INNER.match(path) and obj.is_file()]
    inner = set().union(*(defined for _, _, defined in found))
    pure = [(path, undefined) for path, undefined, _ in found if PURE.match(path)]
    tap.point(bool(pure), f'{len(pure)} pure objects are built')
    findings = [f'{path}: calls {name}' for path, undefined in pure for name in judge(undefined, inner)]
    common.over_tree(tap, 'none of them touches the world', findings)
    return tap.done()


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
