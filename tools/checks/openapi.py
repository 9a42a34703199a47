#!/usr/bin/env python3
"""docs/openapi.json describes every route of src/api, and no other: paths, methods, who may ask, references."""

import json
import re

import common

ROW = re.compile(r'\{"(/[^"]*)",\s*"([A-Z]+)",\s*(?:[^{}]|\([^)]*\))*?,\s*(true|false)\}')
METHODS = ('get', 'post', 'put', 'delete', 'patch')
DOCUMENT = 'docs/openapi.json'


def routes_in(text):
    """(path with {id}, method, needs a token) of every row of a table of routes."""
    for path, method, control in ROW.findall(text):
        yield path.replace('*', '{id}'), method.lower(), control == 'true'


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get('$ref'), str):
            yield value['$ref']
        for member in value.values():
            yield from references(member)
    elif isinstance(value, list):
        for member in value:
            yield from references(member)


def resolves(document, reference):
    at = document
    for part in reference.removeprefix('#/').split('/'):
        at = at.get(part) if isinstance(at, dict) else None
    return reference.startswith('#/') and at is not None


def judge(routes, document):
    described = {(path, method): operation for path, methods in document['paths'].items()
                 for method, operation in methods.items() if method in METHODS}
    routed = {(path, method): control for path, method, control in routes}
    for path, method in sorted(routed.keys() - described.keys()):
        yield f'{DOCUMENT}:1: {method.upper()} {path} is not described: add it, with its answers and status codes'
    for path, method in sorted(described.keys() - routed.keys()):
        yield f'{DOCUMENT}:1: {method.upper()} {path} is described, but there is no such route'
    for (path, method), control in sorted(routed.items()):
        operation = described.get((path, method))
        if operation is None:
            continue
        if control != (operation.get('security') != []) or control != ('401' in operation['responses']):
            yield f'{DOCUMENT}:1: {method.upper()} {path}: {"security and 401 are missing" if control else "it is open to all"}'
        if not any(code.startswith('2') for code in operation['responses']):
            yield f'{DOCUMENT}:1: {method.upper()} {path}: it never succeeds'
    names = [operation.get('operationId') for operation in described.values()]
    for name in sorted({str(n) for n in names if names.count(n) > 1 or not n}):
        yield f'{DOCUMENT}:1: operationId {name} stands there more than once, or not at all'
    for reference in sorted(set(references(document))):
        if not resolves(document, reference):
            yield f'{DOCUMENT}:1: {reference} leads nowhere'


ANSWER = {'200': {'description': 'x'}, '401': {'$ref': '#/components/responses/E'}}
RIGHT = {'paths': {'/a/{id}': {'get': {'operationId': 'a', 'responses': ANSWER}}}, 'components': {'responses': {'E': {}}}}
ROWS = [('/a/{id}', 'get', True)]
SAMPLES = [
    ('a table and its description', ROWS, RIGHT, False),
    ('a route that is not described', ROWS + [('/b', 'get', True)], RIGHT, True),
    ('a method that is not described', ROWS + [('/a/{id}', 'post', True)], RIGHT, True),
    ('a description without a route', [], RIGHT, True),
    ('a route that needs no token after all', [('/a/{id}', 'get', False)], RIGHT, True),
    ('a reference that leads nowhere', ROWS, {**RIGHT, 'components': {}}, True),
]
ROW_SAMPLE = '''static const x routes[] = {
    {"/", "GET", ROUTE_ROOT, false},
    {"/v1/a/*", "POST", (enum route)(ROUTE_A + B), true}, {"/v1/c", "PUT", C(D), true}};'''


def main():
    tap = common.Tap()
    for what, rows, document, refused in SAMPLES:
        tap.sample(what, judge(rows, document), refused)
    rows = list(routes_in(ROW_SAMPLE))
    tap.point(rows == [('/', 'get', False), ('/v1/a/{id}', 'post', True), ('/v1/c', 'put', True)], 'reads tables of routes', rows)
    routes = [row for source in sorted((common.ROOT / 'src' / 'api').glob('*.c')) for row in routes_in(source.read_text())]
    tap.point(len(routes) > 30, 'finds the routes of this tree', routes)
    document = json.loads((common.ROOT / DOCUMENT).read_text())
    found = list(judge(routes, document))
    tap.point(not found, f'{DOCUMENT} describes every route', found)
    return tap.done()


if __name__ == '__main__':
    raise SystemExit(main())
