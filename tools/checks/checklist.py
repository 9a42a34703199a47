#!/usr/bin/env python3
"""Every test that docs/checklist-*.md names exists. TAP on standard output."""

import re
import sys

import common

FILE = re.compile(r'\b([a-z]+/test_[a-z0-9_]+)((?::\s*[a-z0-9_]+(?:,\s*[a-z0-9_]+)*)?)')


def names_of(text):
    """(file, test or None) for each that a page names."""
    for file, rest in FILE.findall(text):
        tests = re.findall(r'[a-z0-9_]+', rest)
        for test in tests or [None]:
            yield file, test


def problems(text, root):
    found = []
    for file, test in names_of(text):
        path = root / 'tests' / (file + '.c')
        if not path.exists():
            found.append(f'there is no tests/{file}.c')
        elif test and not any(form in path.read_text() for form in (f'TEST({test})', f'OVER_CARRIERS({test})', f'cmocka_unit_test({test})')):
            found.append(f'tests/{file}.c has no test {test}')
    return found


def main():
    tap = common.Tap()
    sample = '| x | base/test_e164: numbers_become_what_a_carrier_takes, no_such_test; nowhere/test_nothing |'
    tap.point(problems(sample, common.ROOT) == ['tests/base/test_e164.c has no test no_such_test', 'there is no tests/nowhere/test_nothing.c'],
              'the check proves itself', problems(sample, common.ROOT))
    for page in sorted((common.ROOT / 'docs').glob('checklist-*.md')):
        found = problems(page.read_text(), common.ROOT)
        tap.point(not found, f'{page.name} names tests that exist', found)
    return tap.done()


if __name__ == '__main__':
    sys.exit(main())
