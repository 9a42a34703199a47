#!/usr/bin/env python3
"""The API reference is made without a warning, and has every public function on a page. Skipped without doxygen.

    reference.py
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import common


def make(root, folder):
    done = subprocess.run([str(root / 'tools' / 'make-docs'), str(folder)], capture_output=True, text=True)
    return done.returncode, (done.stdout + done.stderr).strip().splitlines()


def functions(headers):
    code = ''.join(common.code_only(h.read_text()) for h in sorted(headers.glob('*.h')))
    return {name for s in re.findall(r'\bRT_API\b[^;{]*;', code) for name in re.findall(r'\b(rt_\w+)\s*\(', s)[:1]}


def spoiled(folder):
    """A copy of what doxygen reads with one comment taken away: it must be refused."""
    copy = pathlib.Path(folder) / 'tree'
    for part in ('include', 'docs', 'examples/lib'):
        shutil.copytree(common.ROOT / part, copy / part)
    (copy / 'tools').mkdir()
    shutil.copy(common.ROOT / 'tools' / 'make-docs', copy / 'tools')
    shutil.copy(common.ROOT / 'meson.build', copy)
    header = copy / 'include' / 'ringtrip' / 'guardrail.h'
    header.write_text(header.read_text().replace('/** NULL is fine. */', ''))
    return copy


def main():
    tap = common.Tap()
    if not shutil.which('doxygen'):
        tap.skip('the reference is made', 'doxygen is not installed')
        return tap.done()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        status, said = make(common.ROOT, folder / 'docs')
        tap.point(status == 0 and not said, 'the reference is made without a warning', said[:40])
        pages = ''.join(p.read_text(errors='replace') for p in (folder / 'docs').glob('**/*.html'))
        missing = sorted(n for n in functions(common.ROOT / 'include' / 'ringtrip') if n not in pages)
        tap.point(pages != '' and not missing, 'every function is on a page', missing[:20])
        status, said = make(spoiled(folder), folder / 'bad')
        tap.point(status != 0 and any('rt_guardrail_free' in line for line in said), 'a function without a comment is refused',
                  said[:20])
    return tap.done()


if __name__ == '__main__':
    sys.exit(main())
