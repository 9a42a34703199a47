#!/usr/bin/env python3
"""The library exports rt_ names and nothing else, shared and static alike, and each of them stands in the header.

    symbols.py HEADER_DIR LIBRARY...
"""

import pathlib
import re
import subprocess
import sys
import tempfile

import common


def exported(library):
    """Names a program that links the library could see."""
    dynamic = ['-D'] if re.search(r'\.so(\.|$)', str(library)) else []
    out = subprocess.run(['nm', *dynamic, '-g', '--defined-only', str(library)], capture_output=True, text=True,
                         check=True).stdout
    # An absolute name without an @ is the name of a version itself.
    return {line.split()[-1] for line in out.splitlines() if re.match(r'^[0-9a-f]+ [A-Za-z] ', line)
            and not re.search(r' A \w+$', line)}


def unversioned(library, found):
    """Names of a shared library that carry no version (name@@RINGTRIP_1)."""
    name = pathlib.Path(library).name
    return [f'{name}: {n} has no version' for n in sorted(found) if not re.search(r'@@?RINGTRIP_\d+$', n)]


def declared(folder):
    """rt_ functions marked RT_API in the public headers."""
    names = set()
    for header in sorted(pathlib.Path(folder).glob('**/*.h')):
        code = common.code_only(header.read_text())
        for statement in re.findall(r'\bRT_API\b[^;{]*;', code):
            names.update(re.findall(r'\b(rt_\w+)\s*\(', statement)[:1])
    return names


def judge(library, names, want):
    name = pathlib.Path(library).name
    yield from (f'{name}: exports {n}, which is no rt_ name' for n in sorted(names) if not n.startswith('rt_'))
    yield from (f'{name}: exports {n}, which no public header declares'
                for n in sorted(names - want) if n.startswith('rt_'))
    yield from (f'{name}: lacks {n}, which a public header declares' for n in sorted(want - names))


def self_test(tap):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / 'x.h').write_text('/* RT_API int rt_old(void); */\nRT_API int rt_a(void);\n')
        (folder / 'x.c').write_text('int rt_a(void);\nint rt_a(void) { return 0; }\n'
                                    '#ifdef LEAK\nint leak(void); int leak(void) { return 1; }\n#endif\n')
        want = declared(folder)
        tap.point(want == {'rt_a'}, 'reads the names of a header', [str(want)])
        for what, flags, refused in (('a clean library', [], False), ('a leaked name', ['-DLEAK'], True)):
            for output, mode in (('x.so', ['-shared', '-fPIC']), ('x.o', ['-c'])):
                subprocess.run(['cc', *flags, *mode, str(folder / 'x.c'), '-o', str(folder / output)], check=True)
                tap.sample(f'{what} in {output}', judge(output, exported(folder / output), want), refused)
        tap.point(bool(list(judge('x.so', set(), want))), 'refuses a declared name that is not exported')
        (folder / 'x.map').write_text('RINGTRIP_7 { global: rt_*; local: *; };\n')
        for what, flags, refused in (('with', [f'-Wl,--version-script={folder / "x.map"}'], False), ('without', [], True)):
            subprocess.run(['cc', '-shared', '-fPIC', *flags, str(folder / 'x.c'), '-o', str(folder / 'x.so')], check=True)
            tap.sample(f'a library {what} versions', unversioned('x.so', exported(folder / 'x.so')), refused)


def main(headers, *libraries):
    tap = common.Tap()
    self_test(tap)
    want = declared(headers)
    tap.point(bool(want), f'the public headers declare {len(want)} functions')
    for library in libraries:
        found = exported(library)
        names = {n.partition('@')[0] for n in found}
        if library.rpartition('/')[2].startswith('libringtrip.so'):
            common.over_tree(tap, 'every name of the shared library has a version', unversioned(library, found))
        common.over_tree(tap, f'{pathlib.Path(library).name} exports {len(names)} names', judge(library, names, want))
    return tap.done()


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
