#!/usr/bin/env python3
"""Links and paths in the Markdown pages lead somewhere: relative links, their anchors, and `paths/in/code.c`."""

import posixpath
import re
import sys

import common

FENCE = re.compile(r'^(```|~~~).*?^\1', re.M | re.S)
LINK = re.compile(r'\[[^\]\n]*\]\(([^()\s]+)\)')
CODE = re.compile(r'`([^`\n]+)`')
PATH = re.compile(r'(src|apps|include|tests|fuzz|bench|docs|examples|packaging|tools|\.ci)/[\w./-]*')


def blank(text, pattern):
    return pattern.sub(lambda m: re.sub(r'[^\n]', ' ', m.group(0)), text)


def anchors(text):
    """The names a forge gives to the headings of a page."""
    names = set()
    for heading in re.findall(r'^#{1,6}[ \t]+(.+?)[ \t]*#*$', blank(text, FENCE), re.M):
        plain = re.sub(r'\[([^\]]*)\]\([^)]*\)', r'\1', heading)
        names.add(re.sub(r'[^\w\- ]', '', plain.lower()).replace(' ', '-'))
    return names


def find(path, text, exists, page):
    """exists(path) -> bool; page(path) -> text of a Markdown page."""
    plain = blank(text, FENCE)
    for match in LINK.finditer(blank(plain, CODE)):
        target, _, anchor = match.group(1).partition('#')
        where = f'{path}:{common.line_of(text, match.start())}'
        if re.match(r'[a-z]+:', target):
            continue
        file = posixpath.normpath(posixpath.join(posixpath.dirname(path), target)) if target else path
        if not exists(file):
            yield f'{where}: there is no {file}'
        elif anchor and file.endswith('.md') and anchor not in anchors(text if file == path else page(file)):
            yield f'{where}: {file} has no heading #{anchor}'
    for match in CODE.finditer(plain):
        word = match.group(1)
        if PATH.fullmatch(word) and not exists(word.rstrip('/')):
            yield f'{path}:{common.line_of(text, match.start())}: there is no {word}'


PAGES = {'README.md': '# One two\n', 'docs/a.md': '# It\'s `x`: here\n', 'src/base/buf.h': '', 'src': '', 'src/base': ''}
SAMPLES = [
    ('a link to a page', 'README.md', '[a](docs/a.md)', False),
    ('a link to nothing', 'README.md', '[a](docs/b.md)', True),
    ('a link upward', 'docs/a.md', '[a](../README.md#one-two)', False),
    ('an anchor', 'README.md', '[a](docs/a.md#its-x-here)', False),
    ('a wrong anchor', 'README.md', '[a](docs/a.md#nowhere)', True),
    ('an anchor of the same page', 'README.md', '# Here\n[a](#here)', False),
    ('a wrong anchor of the same page', 'README.md', '[a](#here)', True),
    ('a web address', 'README.md', '[a](https://example.com/x)', False),
    ('a path that exists', 'README.md', 'see `src/base/buf.h` and `src/`', False),
    ('a path that does not', 'README.md', 'see `src/base/gone.h`', True),
    ('a path in a fenced block', 'README.md', '```\n[a](gone.md) `src/gone.c`\n```\n', False),
]


def main():
    tap = common.Tap()
    common.samples(tap, lambda p, t: find(p, t, PAGES.__contains__, PAGES.__getitem__), SAMPLES)
    files = common.tracked(r'.*\.md')
    exists = lambda name: (common.ROOT / name).exists()
    common.over_tree(tap, f'{len(files)} pages lead somewhere',
                     (f for n in files for f in find(n, common.read(n), exists, common.read)))
    return tap.done()


if __name__ == '__main__':
    sys.exit(main())
