"""What a test in Python prints: its points in TAP, then the plan, or Bail out! where it could not go on.

    def main():
        point(1 + 1 == 2, 'sums are right')

    tap.run(main)

Meson puts this folder into PYTHONPATH. By hand: PYTHONPATH=tests python3 tests/apps/chat.py build/apps/ringtrip/ringtrip
"""

import sys
import traceback

DETAIL = 8000  # the end of a log is what tells

_fine = []  # of each point so far


class Skipped(Exception):
    """The whole test has nothing to run with, and says what is missing."""


def point(fine, name, *details):
    """One test point; what details say is printed when it is not fine. Returns fine."""
    _fine.append(bool(fine))
    print(f'{"ok" if fine else "not ok"} {len(_fine)} - {name.replace("#", "")}')
    if not fine:
        _explain(*details)
    sys.stdout.flush()
    return fine


def skip(name, reason):
    """A point that cannot be tried here."""
    _fine.append(True)
    print(f'ok {len(_fine)} - {name} # SKIP {reason}', flush=True)


def run(test, *arguments):
    """The whole test, then the end of the process: 0 when there were points and all of them were fine."""
    try:
        test(*arguments)
    except BaseException as error:  # sys.exit() in the middle is no end either
        if isinstance(error, Skipped) and not _fine:
            print(f'1..0 # SKIP {error}')
            sys.exit(0)
        _explain(traceback.format_exc())
        print(f'Bail out! {type(error).__name__}: {" ".join(str(error).split())[:200]}', flush=True)
        sys.exit(1)
    print(f'1..{len(_fine)}', flush=True)
    sys.exit(0 if _fine and all(_fine) else 1)


def _explain(*details):
    for detail in details:
        for line in str(detail)[-DETAIL:].splitlines():
            print(f'# {line}')
            print(line, file=sys.stderr)  # what Meson shows of a failed test
