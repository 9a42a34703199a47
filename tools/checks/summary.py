#!/usr/bin/env python3
"""tools/test-summary counts as it promises, on made-up logs."""

import json
import pathlib
import subprocess
import sys
import tempfile

import common

POINT = {'ok': '', 'fail': '<failure/>', 'error': '<error/>', 'skip': '<skipped/>'}


def write_logs(build, tests, left_out=()):
    """tests: (name, suite, Meson's result, points, what it printed)."""
    (build / 'meson-info').mkdir()
    (build / 'meson-logs').mkdir()
    registered = [{'name': n, 'suite': [f'ringtrip:{s}']} for n, s, *_ in tests]
    registered += [{'name': n, 'suite': ['ringtrip:unit']} for n in left_out]
    (build / 'meson-info' / 'intro-tests.json').write_text(json.dumps(registered))
    lines, suites = [], []
    for name, suite, result, points, printed in tests:
        full = f'ringtrip:{suite} / {name}'
        lines.append(json.dumps({'name': full, 'result': result, 'stdout': printed}))
        if points:
            cases = ''.join(f'<testcase name="p">{POINT[p]}</testcase>' for p in points)
            suites.append(f'<testsuite name="ringtrip.{full}">{cases}</testsuite>')
        else:
            suites.append(f'<testsuite name="ringtrip"><testcase name="{full}"/></testsuite>')
    (build / 'meson-logs' / 'testlog.json').write_text('\n'.join(lines) + '\n')
    (build / 'meson-logs' / 'testlog.junit.xml').write_text(f'<testsuites>{"".join(suites)}</testsuites>')


OK = ('a/one', 'unit', 'OK', ['ok', 'ok'], '')
CASES = [
    ('points are counted, not programs', [OK, ('a/two', 'unit', 'OK', ['ok'], '')], (), '3 passed, 0 failed, 0 skipped'),
    ('a failed point counts once', [('a/one', 'unit', 'ERROR', ['ok', 'fail'], '')], (),
     '1 passed, 1 failed, 0 skipped'),
    ('a crash after fine points counts as a failure', [('a/one', 'unit', 'ERROR', ['ok'], '')], (),
     '1 passed, 1 failed, 0 skipped'),
    ('a timeout counts as a failure', [('a/one', 'unit', 'TIMEOUT', ['ok', 'ok'], '')], (),
     '2 passed, 1 failed, 0 skipped'),
    ('a program without points failed', [('a/one', 'unit', 'SKIP', [], 'hello\n')], (), '0 passed, 1 failed, 0 skipped'),
    ('a live test may skip', [OK, ('live/a', 'live', 'SKIP', [], '1..0 # SKIP no key\n')], (),
     '2 passed, 0 failed, 1 skipped'),
    ('a live test may not say nothing', [OK, ('live/a', 'live', 'SKIP', [], '')], (), '2 passed, 1 failed, 0 skipped'),
    ('another test may not skip as a whole', [OK, ('a/two', 'unit', 'SKIP', [], '1..0 # SKIP lazy\n')], (),
     '2 passed, 1 failed, 0 skipped'),
    ('nor in one point', [('a/one', 'unit', 'OK', ['ok', 'skip'], '')], (), '1 passed, 1 failed, 0 skipped'),
    ('a registered test that did not run failed', [OK], ('a/two',), '2 passed, 1 failed, 0 skipped'),
    ('an empty run failed', [], (), '0 passed, 1 failed, 0 skipped'),
]


def main():
    tap = common.Tap()
    program = common.ROOT / 'tools' / 'test-summary'
    for what, tests, left_out, want in CASES:
        with tempfile.TemporaryDirectory() as folder:
            build = pathlib.Path(folder)
            write_logs(build, tests, left_out)
            run = subprocess.run([sys.executable, program, '--all', folder], capture_output=True, text=True)
        line = (run.stdout.splitlines() or [''])[-1]
        status = 0 if ' 0 failed' in want else 1
        tap.point(line == want and run.returncode == status, what, [f'got "{line}", exit {run.returncode}', run.stderr])
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run([sys.executable, program, folder], capture_output=True, text=True)
        tap.point(run.returncode == 1 and run.stdout.endswith('0 passed, 1 failed, 0 skipped\n'), 'no log at all failed')
    return tap.done()


if __name__ == '__main__':
    sys.exit(main())
