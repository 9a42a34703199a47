"""What the checks share: the list of tracked files, C text without comments, TAP output.

A check proves itself first: each of its samples is a small text that it must refuse or accept. Then it looks at the
tree. So a check that stopped seeing anything fails, instead of passing for ever.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SKIP_DIRS = re.compile(r'^(build.*|node_modules|var|\.git)$')


def tracked_files():
    """Paths relative to the root of what git tracks; without git or its folder, of everything that is not built."""
    # The owner of the clone may be another user than the one who runs the tests.
    git = ['git', '-c', 'safe.directory=*', '-C', str(ROOT), 'ls-files', '-z']
    try:
        out = subprocess.run(git, capture_output=True, check=True).stdout.decode()
        names = [n for n in out.split('\0') if n]
    except (OSError, subprocess.CalledProcessError):
        names = []
        for folder, dirs, files in os.walk(ROOT):
            dirs[:] = [d for d in dirs if not SKIP_DIRS.match(d)]
            names += [os.path.relpath(os.path.join(folder, f), ROOT) for f in files]
    return sorted(n for n in names if (ROOT / n).is_file())


def tracked(pattern):
    """The tracked files whose path matches the regular expression as a whole."""
    return [n for n in tracked_files() if re.fullmatch(pattern, n)]


def read(name):
    return (ROOT / name).read_text(encoding='utf-8', errors='surrogateescape')


TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def code_only(text):
    """C text with comments blanked and strings and characters emptied; lines keep their numbers."""
    def blank(match):
        token = match.group(0)
        if token[0] in '"\'':
            return token[0] + ' ' * (len(token) - 2) + token[0]
        return re.sub(r'[^\n]', ' ', token)
    return TOKEN.sub(blank, text)


def tool(*names):
    """The path of the first of these programs that is installed, or None."""
    return next(filter(None, map(shutil.which, names)), None)


def line_of(text, offset):
    return text.count('\n', 0, offset) + 1


def compiled(build):
    """The entries of compile_commands.json as (path relative to the root, object file, arguments)."""
    build = pathlib.Path(build)
    entries = []
    for entry in json.loads((build / 'compile_commands.json').read_text()):
        path = os.path.relpath(os.path.join(entry['directory'], entry['file']), ROOT)
        entries.append((path, build / entry['output'], entry['command'].split()))
    return entries


class Tap:
    """Prints test points and remembers whether one failed."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def point(self, fine, name, details=()):
        self.count += 1
        self.failed += not fine
        print(f'{"ok" if fine else "not ok"} {self.count} - {name.replace("#", "")}')
        for detail in () if fine else details:
            print(f'# {detail}')
            # Meson shows the error stream of a failed test: the reasons belong there too.
            print(detail, file=sys.stderr)

    def sample(self, what, found, refused):
        """Something has to be found in what is to be refused, and nothing in what is fine."""
        found = list(found)
        self.point(bool(found) == refused, f'{"refuses" if refused else "accepts"} {what}', found)

    def skip(self, name, reason):
        self.count += 1
        print(f'ok {self.count} - {name} # SKIP {reason}')

    def done(self):
        print(f'1..{self.count}', flush=True)
        return 1 if self.failed else 0


def samples(tap, find, cases):
    """Each case (what it shows, path, text, refused?) must be judged by find(path, text) -> list of findings."""
    for what, path, text, refused in cases:
        tap.sample(what, find(path, text), refused)


def over_tree(tap, name, findings):
    """findings: strings "path:line: what is wrong"."""
    findings = sorted(set(findings))
    tap.point(not findings, name, findings)


def unused(exemptions, used):
    """An exemption nobody needs any more is a finding itself."""
    return [f'the exemption for {key} is not needed any more' for key in exemptions if key not in used]
