#!/usr/bin/env python3
"""The tree is formatted as .clang-format says, by the one version of clang-format that everybody uses.

`make format` repairs.
"""

import re
import subprocess
import sys

import common

VERSION = '14'


def unformatted(clang_format, text, name):
    command = [clang_format, '--dry-run', '-Werror', f'--assume-filename={common.ROOT / name}']
    return subprocess.run(command, input=text, capture_output=True, text=True).returncode != 0


def tree(clang_format, files):
    command = [clang_format, '--dry-run', '-Werror', '--ferror-limit=0', *files]
    said = subprocess.run(command, capture_output=True, text=True, cwd=common.ROOT).stderr
    counts = {}
    for line in said.splitlines():
        match = re.match(r'(.*?):(\d+):\d+: error: ', line)
        if match:
            counts.setdefault(match.group(1), []).append(match.group(2))
    return [f'{name}:{lines[0]}: {len(lines)} places are not formatted' for name, lines in counts.items()]


SAMPLES = [
    ('house style', 'int add(int a, int b)\n{\n    return a + b;\n}\n', False),
    ('a brace on the line of the function', 'int add(int a, int b) {\n    return a + b;\n}\n', True),
    ('two spaces of indentation', 'int add(int a, int b)\n{\n  return a + b;\n}\n', True),
    ('a star at the type', 'int f(char* p);\n', True),
]


def main():
    tap = common.Tap()
    clang_format = common.tool('clang-format-14', 'clang-format')
    if not clang_format:
        tap.point(False, 'clang-format 14 is installed')
        return tap.done()
    version = subprocess.run([clang_format, '--version'], capture_output=True, text=True).stdout
    found = re.search(r'version (\d+)', version)
    tap.point(bool(found) and found.group(1) == VERSION, f'clang-format is version {VERSION}', [version.strip()])
    for what, text, refused in SAMPLES:
        tap.sample(what, ['is not formatted'] if unformatted(clang_format, text, 'src/sample.c') else [], refused)
    files = common.tracked(r'(src|apps|include|tests|fuzz|bench|examples)/.*\.[ch]')
    common.over_tree(tap, f'{len(files)} files are formatted', tree(clang_format, files))
    return tap.done()


if __name__ == '__main__':
    sys.exit(main())
