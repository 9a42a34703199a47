#!/usr/bin/env python3
"""What pages name exists: figures (ringtrip_...), log events (leg.refused), settings (limits.max_calls), environment.

Figures are looked for in every page; the rest in the pages that send a reader to look for them. TAP on standard output.
"""

import re
import sys

import common

PAGES = r'docs/(troubleshooting|voices|reach|check|docker)\.md|docs/moving/.*\.md'
METRIC = re.compile(r'\bringtrip_[a-z][a-z_]*[a-z]\b')
DOTTED = re.compile(r'`([a-z][a-z_]*(?:\.[a-z][a-z_-]*)+)(?:: [^`]*)?`')
ENV = re.compile(r'`([A-Z][A-Z0-9]*_[A-Z0-9_]+)(?:=[^`]*)?`')
# Of others, or of a library; and files.
FOREIGN = {'ringtrip_records'}
FILES = re.compile(r'\.(md|yaml|yml|py|service|toml|env|log|wav|rtj|com|org|net|io|pem|sock)$')


def known():
    """(metrics, log events, settings, environment names) of the tree."""
    code = '\n'.join(common.read(n) for n in common.tracked(r'(src|apps)/.*\.[ch]'))
    metrics = set(re.findall(r'"(ringtrip_[a-z_]+)"', code))
    events = set(re.findall(r'"([a-z][a-z0-9]*(?:[.-][a-z0-9]+)+)"', code))
    page = common.read('docs/configuration.md')
    keys = set(re.findall(r'`([a-z][A-Za-z0-9_.<>\\]*)`', page))
    keys |= {k.rsplit('.', i)[0] for k in keys for i in range(1, k.count('.') + 1)}
    env = set(re.findall(r'`([A-Z][A-Z0-9_]+)`', page))
    return metrics, events, keys, env


def of_named(name, keys):
    """providers.openai.api_key: a key of an entry that has the user's own name."""
    parts = name.split('.')
    return parts[0] in ('providers', 'agents', 'tools') and (len(parts) == 2 or '.'.join(parts[2:]) in keys)


def judge(text, names, strict):
    """What a text names that is not there. strict: also events, settings and environment, outside of a table's first
    column, where what others have stands."""
    metrics, events, keys, env = names
    for name in sorted(set(METRIC.findall(text))):
        base = re.sub(r'_(bucket|sum|count)$', '', name)
        if name not in metrics and base not in metrics and name not in FOREIGN:
            yield f'there is no figure {name}'
    if not strict:
        return
    ours = '\n'.join(re.sub(r'^\|[^|]*\|', '|', line) for line in text.splitlines())
    for name in sorted(set(DOTTED.findall(ours))):
        if not FILES.search(name) and name not in events and name not in keys and name.replace('-', '_') not in keys \
                and not any(k.endswith('.' + name) for k in keys) and not of_named(name, keys):
            yield f'{name} is neither an event of the log nor a setting'
    for name in sorted(set(ENV.findall(ours))):
        if name not in env:
            yield f'{name} is not read from the environment'


def main():
    tap = common.Tap()
    names = ({'ringtrip_calls_total'}, {'leg.refused'}, {'limits.max_calls', 'agent.silence', 'api_key'}, {'PUBLIC_URL'})
    for text, refused in (('`ringtrip_calls_total` and `leg.refused`', False), ('ringtrip_no_such_total', True),
                          ('see `leg.no-such`', True), ('`limits.max_calls` in `ringtrip.yaml`', False),
                          ('| `their.key` | `limits.max_calls` |', False), ('| a | `their.key` |', True), ('`providers.mine.api_key`', False), ('`providers.mine.no_such`', True),
                          ('`PUBLIC_URL=https://x`', False), ('`NO_SUCH_NAME`', True)):
        tap.sample(text, judge(text, names, True), refused)
    names = known()
    found = []
    for page in common.tracked(r'(README|docs/.*)\.md'):
        found += [f'{page}: {what}' for what in judge(common.read(page), names, bool(re.fullmatch(PAGES, page)))]
    common.over_tree(tap, 'pages name what there is', found)
    return tap.done()


sys.exit(main())
