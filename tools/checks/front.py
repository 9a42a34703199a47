#!/usr/bin/env python3
"""The Makefile keeps its promises: what is said reaches the program as it was typed, statuses come back, help is whole."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

import common

SAYINGS = ['where is my order', 'what\'s "up"?', '$HOME `id` $(shell id) $$ $(HOME) \\n', 'a,b #c; exit 7 & | > x', 'two  words ']
FAKE = '#!/bin/sh\nfor word; do printf "[%s]" "$word"; done\nexit ${FAKE_STATUS:-0}\n'
INTERNAL = {'help', 'deps-build', 'deps-test', 'deps-fuzz', 'peers', 'model'}


def make(target, program, *variables, **env):
    # Make as a newcomer calls it, not as a part of the make that may have called this test.
    clean = {k: v for k, v in os.environ.items() if k not in ('MAKEFLAGS', 'MFLAGS', 'MAKELEVEL', 'SAY', 'NAME')}
    command = ['make', '--no-print-directory', '-C', str(common.ROOT), target, '-o', 'build', f'RINGTRIP={program}',
               *variables]
    return subprocess.run(command, capture_output=True, text=True, env={**clean, **env})


def main():
    tap = common.Tap()
    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(folder) / 'program'
        program.write_text(FAKE)
        program.chmod(0o755)
        for saying in SAYINGS:
            want = f'[demo][--say][{saying}]'
            got = make('demo', program, f'SAY={saying}').stdout
            tap.point(got == want, f'on the command line: {saying!r}', [got])
            got = make('demo', program, SAY=saying).stdout
            tap.point(got == want, f'in the environment: {saying!r}', [got])
        run = make('demo', program)
        tap.point(run.stdout == '[demo]' and run.returncode == 0, 'nothing said, nothing passed on', [run.stdout])
        run = make('run', program)
        tap.point(run.stdout == '[demo][--serve]', 'make run keeps serving', [run.stdout])
        run = make('demo', program, FAKE_STATUS='3')
        tap.point(run.returncode != 0, 'a failed call fails make demo')
    text = common.read('Makefile')
    phony = re.search(r'^\.PHONY:((?:.*\\\n)*.*)', text, re.M).group(1).replace('\\', ' ').split()
    shown = make('help', '').stdout
    missing = [t for t in phony if t not in INTERNAL and not re.search(rf'\b{re.escape(t)}\b', shown)]
    tap.point(not missing, 'make help names every target', missing)
    return tap.done()


if __name__ == '__main__':
    sys.exit(main())
