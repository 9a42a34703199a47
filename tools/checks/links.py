#!/usr/bin/env python3
"""Links and paths in the Markdown pages lead somewhere: relative links, their anchors, and `paths/in/code.c`. So do the
headers that comments in C send the reader to."""

import posixpath
import re
import sys

import common

FENCE = re.compile(r'^(```|~~~).*?^\1', re.M | re.S)
LINK = re.compile(r'\[[^\]\n]*\]\(([^()\s]+)\)')
CODE = re.compile(r'`([^`\n]+)`')
COMMENT = re.compile(r'/\*.*?\*/', re.S)
HEADER = re.compile(r'[\w./-]*\w\.h\b')
FOREIGN = {'errno.h', 'mmreg.h', 'uv.h'}
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


def find_headers(path, text, headers):
    """headers: paths of all that there are."""
    for comment in COMMENT.finditer(text):
        for match in HEADER.finditer(comment.group(0)):
            word = match.group(0)
            if word not in FOREIGN and not any(h == word or h.endswith('/' + word) for h in headers):
                yield f'{path}:{common.line_of(text, comment.start() + match.start())}: there is no {word}'


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


HEADERS = ('src/base/buf.h', 'tests/test.h')
HEADER_SAMPLES = [
    ('a header beside it', 'src/base/x.h', '/* Not here: growing (buf.h). */', False),
    ('a header by its folder', 'src/x/x.h', '/* see\n * base/buf.h */', False),
    ('a header that is gone', 'src/base/x.h', '/* Not here: routes (gone.h). */', True),
    ('a header of another folder', 'src/x/x.h', '/* x/buf.h */', True),
    ('an include of somebody else', 'src/x/x.c', '#include <stdio.h>\n/* -Exxx of errno.h */', False),
]


def main():
    tap = common.Tap()
    common.samples(tap, lambda p, t: find(p, t, PAGES.__contains__, PAGES.__getitem__), SAMPLES)
    files = common.tracked(r'.*\.md')
    exists = lambda name: (common.ROOT / name).exists()
    common.over_tree(tap, f'{len(files)} pages lead somewhere',
                     (f for n in files for f in find(n, common.read(n), exists, common.read)))
    common.samples(tap, lambda p, t: find_headers(p, t, HEADERS), HEADER_SAMPLES)
    sources = common.tracked(r'(src|apps|include|tests|bench|fuzz|examples)/.*\.(c|h|cc)')
    headers = [n for n in sources if n.endswith('.h')]
    common.over_tree(tap, f'comments of {len(sources)} sources name headers that exist',
                     (f for n in sources for f in find_headers(n, common.read(n), headers)))
    return tap.done()


if __name__ == '__main__':
    sys.exit(main())
