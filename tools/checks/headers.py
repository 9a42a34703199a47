#!/usr/bin/env python3
"""Every header compiles alone, twice in a row; the public ones also as strict C11 and as C++17.

    headers.py BUILD CC
"""

import concurrent.futures
import re
import subprocess
import sys
import tempfile
import pathlib

import common

C = ['-x', 'c', '-fsyntax-only', '-Wall', '-Wextra', '-Werror', '-Wno-unused-parameter', '-Wno-unused-function']
DIALECTS = {
    'gnu17': [*C, '-std=gnu17', '-D_GNU_SOURCE'],
    'strict C11': [*C, '-std=c11', '-pedantic-errors', '-Wstrict-prototypes'],
    'C++17': ['-x', 'c++', '-fsyntax-only', '-std=c++17', '-Wall', '-Wextra', '-Werror', '-pedantic-errors'],
}


def compiles(compiler, dialect, header, include_args):
    """'' when the header stands alone, else what the compiler said."""
    text = f'#include "{header}"\n#include "{header}"\nextern int unit_is_not_empty;\n'
    command = [*compiler, *DIALECTS[dialect], *include_args, '-']
    result = subprocess.run(command, input=text, capture_output=True, text=True)
    if result.returncode == 0:
        return ''
    said = [line for line in result.stderr.splitlines() if 'error' in line]
    return f'{header} as {dialect}: {(said or ["does not compile"])[0]}'


def include_args(build):
    """The -I and -isystem arguments of the sources, with absolute paths, first come first."""
    found = {}
    for path, _, arguments in common.compiled(build):
        if not path.startswith(('src/', 'apps/')):
            continue
        for flag, argument in zip(arguments, arguments[1:] + ['']):
            if flag.startswith('-isystem') and len(flag) > 8:
                found['-isystem' + str((build / flag[8:]).resolve())] = None
            elif flag == '-isystem':
                found['-isystem' + str((build / argument).resolve())] = None
            elif flag.startswith('-I') and len(flag) > 2 and '.p' not in flag[-4:]:
                found['-I' + str((build / flag[2:]).resolve())] = None
    return [*found, f'-I{common.ROOT / "src"}', f'-I{common.ROOT / "include"}']


SAMPLES = [
    ('a header that stands alone', '#ifndef A_H\n#define A_H\n#include <stddef.h>\nsize_t a(void);\n#endif\n', 'gnu17', True),
    ('a header that needs another', '#ifndef A_H\n#define A_H\nsize_t a(void);\n#endif\n', 'gnu17', False),
    ('a header without a guard', 'enum a { A };\n', 'gnu17', False),
    ('an extension in a public header', '#ifndef A_H\n#define A_H\nstruct a { int n; int x[0]; };\n#endif\n',
     'strict C11', False),
    ('a C++ keyword in a public header', '#ifndef A_H\n#define A_H\nint a(int class);\n#endif\n', 'C++17', False),
    ('a public header', '#ifndef A_H\n#define A_H\nint a(int kind);\n#endif\n', 'C++17', True),
]


def self_test(tap, compilers):
    with tempfile.TemporaryDirectory() as folder:
        for what, text, dialect, fine in SAMPLES:
            if compilers[dialect] is None:
                continue
            header = pathlib.Path(folder) / 'sample.h'
            header.write_text(text)
            said = compiles(compilers[dialect], dialect, str(header), [])
            tap.point((said == '') == fine, f'{"accepts" if fine else "refuses"} {what}', [said] if fine else [])


def main(build, cc):
    tap = common.Tap()
    cxx = common.tool('g++', 'clang++')
    cc = cc.split()
    compilers = {'gnu17': cc, 'strict C11': cc, 'C++17': [cxx] if cxx else None}
    self_test(tap, compilers)
    args = include_args(pathlib.Path(build).resolve())
    public_args = [f'-I{common.ROOT / "include"}']
    inner = common.tracked(r'src/.*\.h')
    public = common.tracked(r'include/.*\.h')
    jobs = [(cc, 'gnu17', re.sub('^src/', '', h), args) for h in inner]
    for dialect in ('strict C11', 'C++17'):
        if compilers[dialect] is not None:
            jobs += [(compilers[dialect], dialect, re.sub('^include/', '', h), public_args) for h in public]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        said = [s for s in pool.map(lambda job: compiles(*job), jobs) if s]
    common.over_tree(tap, f'{len(inner)} inner and {len(public)} public headers stand alone', said)
    if cxx is None:
        tap.skip('public headers as C++17', 'there is no C++ compiler')
    return tap.done()


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
