#!/usr/bin/env python3
"""Nothing is forgotten: every C source is compiled, and every test program and fuzz target is a registered test.

    complete.py BUILD
"""

import json
import pathlib
import posixpath
import sys

import common


def judge(sources, targets, tests, named=lambda path: False):
    """sources: tracked paths; targets: (set of sources, set of programs); tests: programs that meson test runs.

    named(path): the meson.build of its folder names it: a variant that another configuration compiles.
    """
    compiled = set().union(*(s for s, _ in targets)) if targets else set()
    for path in sources:
        if path not in compiled and not named(path):
            yield f'{path}:1: no target compiles it'
    for files, programs in targets:
        for path in sorted(files):
            name = path.rpartition('/')[2]
            is_test = path.startswith('tests/') and name.startswith('test_')
            is_fuzz = path.startswith('fuzz/') and name.startswith('fuzz_')
            if (is_test or is_fuzz) and not programs & tests:
                yield f'{path}:1: its program is no registered test'


SAMPLES = [
    ('a compiled source', ['src/a.c'], [({'src/a.c'}, {'a.a'})], set(), False),
    ('a forgotten source', ['src/a.c', 'src/b.c'], [({'src/a.c'}, {'a.a'})], set(), True),
    ('a registered test', ['tests/test_a.c'], [({'tests/test_a.c'}, {'test_a'})], {'test_a'}, False),
    ('a test that is never run', ['tests/test_a.c'], [({'tests/test_a.c'}, {'test_a'})], set(), True),
    ('a fuzz target whose corpus is not replayed', ['fuzz/fuzz_a.c'], [({'fuzz/fuzz_a.c'}, {'fuzz_a'})], set(), True),
]


def is_named(path):
    folder, _, name = path.rpartition('/')
    build = common.ROOT / folder / 'meson.build'
    return build.is_file() and f"'{name}'" in build.read_text()


def main(build):
    tap = common.Tap()
    for what, sources, targets, tests, refused in SAMPLES:
        tap.sample(what, judge(sources, targets, tests), refused)
    info = pathlib.Path(build) / 'meson-info'
    root = str(common.ROOT) + '/'
    targets = []
    for target in json.loads((info / 'intro-targets.json').read_text()):
        files = {posixpath.normpath(f).removeprefix(root)
                 for group in target['target_sources'] for f in group.get('sources', [])}
        targets.append((files, set(target['filename'])))
    tests = {word for test in json.loads((info / 'intro-tests.json').read_text()) for word in test['cmd']}
    sources = common.tracked(r'(src|apps|tests|fuzz|bench)/.*\.c')
    common.over_tree(tap, f'{len(sources)} sources are in use', judge(sources, targets, tests, is_named))
    return tap.done()


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
