#!/usr/bin/env python3
"""What no committed text may hold: notes to self, paths of somebody's machine, registry addresses, keys, loose ends."""

import re
import sys

import common

# Written in pieces, so that this file does not refuse itself.
NOTES = re.compile(r'\b(TO' r'DO|FIX' r'ME|XX' r'X|HA' r'CK)\b')
MACHINE = re.compile(r'(?<![\w.:/-])/(home|Users|root|work)/[A-Za-z.]' r'|(?<![\w/])[A-Z]:\\\\?Users')
CONFLICT = re.compile(r'^(<{7}|>{7}|\|{7}) ', re.M)
SECRET = re.compile(r'\bsk-(proj-)?[A-Za-z0-9]{20,}|\bAC(?!(0123456789abcdef){2})(?!(?P<d>[0-9a-f])(?P=d){31})[0-9a-f]{32}\b|-----BEGIN (RSA |EC )?PRIVATE KEY')
LOCK_ADDRESS = re.compile(r'"resolved"\s*:|registry\s*=\s*\S|https?://[^"\s]*registry[^"\s]*')
PLACES = re.compile(r'(src|apps|include|tests|fuzz|bench|examples|tools|docs|packaging|web|\.ci)/.*|[^/]+')
BINARY = re.compile(r'.*\.(wav|png|ico|gz|pcm|ulaw|bin|der)|fuzz/corpus/.*')
LARGEST = 1 << 20

# (path, what): why. An entry that is not needed any more fails the check.
EXEMPT = {
    ('tools/fresh-machine', 'machine'): 'paths inside the machine that it makes',
    ('src/peer/phone/phone.c', 'secret'): 'the account of the simulated phone; made up, it belongs to nobody',
}


def findings(path, text):
    """(what, line, message) of each loose end."""
    rules = [('note', NOTES, 'a note to self; open an issue instead'),
             ('machine', MACHINE, 'a path of one machine'),
             ('conflict', CONFLICT, 'a conflict marker'),
             ('secret', SECRET, 'looks like a key')]
    if re.search(r'(^|/)(package(-lock)?\.json|\.npmrc|npm-shrinkwrap\.json)$', path):
        rules.append(('registry', LOCK_ADDRESS, 'an address of a registry; the lock file holds versions and hashes only'))
    for what, pattern, message in rules:
        for match in pattern.finditer(text):
            yield what, common.line_of(text, match.start()), f'{message}: {match.group(0).strip()[:40]}'
    code = re.search(r'\.[ch]$', path)
    for number, line in enumerate(text.split('\n'), 1):
        if line.endswith('\r'):
            yield 'line', number, 'a carriage return at the end of the line'
        elif line != line.rstrip() and not path.endswith('.md'):
            yield 'line', number, 'white space at the end of the line'
        if code and '\t' in line:
            yield 'line', number, 'a tab'
    if text and not text.endswith('\n'):
        yield 'line', text.count('\n') + 1, 'no newline at the end of the file'


def find(path, text, used=None):
    if BINARY.fullmatch(path) or not PLACES.fullmatch(path):
        return
    for what, line, message in findings(path, text):
        if (path, what) in EXEMPT:
            if used is not None:
                used.add((path, what))
            continue
        yield f'{path}:{line}: {message}'


SAMPLES = [
    ('plain text', 'README.md', 'Nothing to see here.\n', False),
    ('a note to self', 'src/base/x.c', '/* TO' 'DO: free it */\n', True),
    ('a home folder', 'docs/x.md', 'see /home' '/ann/notes\n', True),
    ('a path inside a web address', 'docs/x.md', 'see https://example.com/home/page\n', False),
    ('a conflict marker', 'src/base/x.c', '<' '<<<<<< ours\n', True),
    ('a secret key', 'examples/x.yaml', 'api_key: sk-' + 'a1B2' * 8 + '\n', True),
    ('an account number', 'tests/x.c', '"AC' + '9f3a' * 8 + '"\n', True),
    ('an obviously made-up account number', 'tests/x.c', '"AC' + '0' * 32 + '"\n', False),
    ('a counted account number', 'tests/x.c', '"AC' + '0123456789abcdef' * 2 + '"\n', False),
    ('a resolved address', 'tests/peers/package-lock.json', '{"resolved": "https://example.com/x.tgz"}\n', True),
    ('a lock file without addresses', 'tests/peers/package-lock.json', '{"version": "1.2.3"}\n', False),
    ('a registry in .npmrc', 'tests/peers/.npmrc', 'registry=https://example.com/\n', True),
    ('white space at the end', 'src/base/x.c', 'int x; \n', True),
    ('a tab in C', 'src/base/x.c', '\tint x;\n', True),
    ('a tab in a Makefile', 'Makefile', 'x:\n\ttrue\n', False),
    ('no newline at the end', 'src/base/x.c', 'int x;', True),
    ('a carriage return', 'docs/x.md', 'one\r\ntwo\r\n', True),
]


def main():
    tap = common.Tap()
    common.samples(tap, find, SAMPLES)
    used, found = set(), []
    files = common.tracked_files()
    for name in files:
        size = (common.ROOT / name).stat().st_size
        if size > LARGEST:
            found.append(f'{name}:1: {size} bytes; nothing above {LARGEST} belongs into the tree')
        else:
            found += find(name, common.read(name), used)
    common.over_tree(tap, f'{len(files)} files have no loose ends', found + common.unused(EXEMPT, used))
    return tap.done()


if __name__ == '__main__':
    sys.exit(main())
