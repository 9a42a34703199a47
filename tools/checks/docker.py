#!/usr/bin/env python3
"""The Dockerfile builds from what is there: without Docker this is what can go wrong unseen.

    docker.py BUILD

What Meson reads for the programs is not left out by .dockerignore, secrets are; what COPY names exists; the packages
come from tools/packages.txt; the image is not root's, says how it is healthy, and listens where we do. TAP on standard
output.
"""

import json
import pathlib
import re
import sys

import common


def as_regex(pattern):
    """A pattern of .dockerignore; what lies below a match matches, too."""
    out = ''
    for part in re.split(r'(\*\*/|\*\*|\*|\?)', pattern.strip('/')):
        out += {'**/': '(?:.*/)?', '**': '.*', '*': '[^/]*', '?': '[^/]'}.get(part, re.escape(part))
    return re.compile(out + '(?:/.*)?')


def rules_of(text):
    lines = [l.strip() for l in text.splitlines()]
    return [(not l.startswith('!'), as_regex(l.lstrip('!'))) for l in lines if l and not l.startswith('#')]


def left_out(path, rules):
    """The last rule that matches counts."""
    verdict = False
    for out, regex in rules:
        if regex.fullmatch(path):
            verdict = out
    return verdict


def judge_context(rules, needed):
    for path in ('.env', '.env.local', '.git/config', 'tests/peers/node_modules/x/index.js', 'build/x.o', 'var/a.db'):
        if not left_out(path, rules):
            yield f'.dockerignore: {path} would be in the image'
    for path in sorted(needed):
        if left_out(path, rules):
            yield f'.dockerignore: {path} is left out, but the build reads it'


def commands_of(text):
    """(word, rest) of each instruction."""
    joined = re.sub(r'\\\n', ' ', re.sub(r'^\s*#.*\n', '', text, flags=re.M))
    return [tuple(l.split(None, 1)) for l in joined.splitlines() if l.strip()]


def judge_file(text, exists, listed):
    """exists(path) -> bool; listed: the packages of tools/packages.txt."""
    commands = commands_of(text)
    last = {word: rest.strip() for word, rest in commands}
    bases = {rest.split()[0] for word, rest in commands if word == 'FROM'}
    if len(bases) != 1:
        yield f'Dockerfile: the stages stand on {sorted(bases)}: libraries of one must fit the other'
    if not any(word == 'RUN' and 'tools/install-deps build' in rest for word, rest in commands):
        yield 'Dockerfile: packages of the build do not come from tools/packages.txt'
    for word, rest in commands:
        if word == 'COPY' and '--from' not in rest:
            yield from (f'Dockerfile: COPY of {p}, which is not there' for p in rest.split()[:-1] if not exists(p))
        for package in re.findall(r'\b([a-z0-9+.-]+-dev)\b', rest):
            yield f'Dockerfile: {package} belongs into tools/packages.txt' if package not in listed else \
                f'Dockerfile: {package} is installed by tools/install-deps already'
    if last.get('USER', 'root') in ('root', '0'):
        yield 'Dockerfile: the programs would run as root'
    if '/live' not in last.get('HEALTHCHECK', ''):
        yield 'Dockerfile: no health check of /live'
    if last.get('EXPOSE') != '8000':
        yield 'Dockerfile: EXPOSE is not our default port'
    if last.get('ENTRYPOINT') != '["ringtrip"]' or last.get('CMD') != '["serve"]':
        yield 'Dockerfile: `docker run IMAGE` would not serve; in this form signals reach the program'


def needed_by_meson(build):
    """Tracked files that targets of the image are made of, and the files that Meson itself reads."""
    info = pathlib.Path(build) / 'meson-info'
    paths = set(json.loads((info / 'intro-buildsystem_files.json').read_text()))
    for target in json.loads((info / 'intro-targets.json').read_text()):
        for source in target['target_sources']:
            paths.update(source.get('sources', []))
    tracked = set(common.tracked_files())
    inside = {str(pathlib.Path(p).relative_to(common.ROOT)) for p in paths if pathlib.Path(p).is_relative_to(common.ROOT)}
    return {p for p in inside & tracked if not p.startswith('tests/')}


GOOD = '''FROM debian:12-slim AS build
RUN tools/install-deps build \\
    && true
COPY tools/a tools/
FROM debian:12-slim
COPY --from=build /out /usr
USER ringtrip
EXPOSE 8000
HEALTHCHECK CMD curl http://127.0.0.1/live
ENTRYPOINT ["ringtrip"]
CMD ["serve"]
'''
IGNORED = '.git\n.env\n.env.*\n!.env.example\n**/node_modules\nbuild*/\nvar/\ndocs/*\n!docs/openapi.json\n'
FILES = [
    ('a good one', GOOD, False),
    ('two bases', GOOD.replace('FROM debian:12-slim\n', 'FROM debian:13-slim\n'), True),
    ('packages of its own', GOOD.replace('install-deps build', 'install-deps test'), True),
    ('a library beside the list', GOOD.replace('&& true', '&& apt-get install -y libx-dev'), True),
    ('a file that is gone', GOOD.replace('tools/a', 'tools/gone'), True),
    ('root', GOOD.replace('USER ringtrip\n', ''), True),
    ('no health check', GOOD.replace('/live', '/'), True),
    ('a shell in front of the program', GOOD.replace('["ringtrip"]', 'ringtrip'), True),
]
CONTEXTS = [
    ('what the build needs', IGNORED, ['src/a.c', 'docs/openapi.json', '.env.example'], False),
    ('a page that the build reads', IGNORED.replace('!docs/openapi.json\n', ''), ['docs/openapi.json'], True),
    ('a secret', IGNORED.replace('.env\n', ''), [], True),
    ('packages of npm', IGNORED.replace('**/', ''), [], True),
]


def main(build):
    tap = common.Tap()
    for what, text, refused in FILES:
        tap.sample(what, judge_file(text, 'tools/a'.__eq__, {'libz-dev'}), refused)
    for what, text, needed, refused in CONTEXTS:
        tap.sample(what, judge_context(rules_of(text), needed), refused)
    listed = {l.split()[1] for l in common.read('tools/packages.txt').splitlines() if l[:1] not in ('', '#')}
    exists = lambda path: (common.ROOT / path).exists()
    needed = needed_by_meson(build)
    tap.point(len(needed) > 500 and 'docs/openapi.json' in needed, 'knows what Meson reads', [f'{len(needed)} files'])
    found = list(judge_file(common.read('Dockerfile'), exists, listed))
    found += judge_context(rules_of(common.read('.dockerignore')), needed)
    common.over_tree(tap, 'the Dockerfile fits the tree', found)
    return tap.done()


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
