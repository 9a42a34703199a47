#!/usr/bin/env python3
"""What a running gateway answers is what /openapi.json says: statuses and shapes. TAP on standard output.

    openapi.py RINGTRIP
"""

import json
import os
import pathlib
import sys
import tempfile
import time
import urllib.error
import urllib.request

import program
import tap
from tap import point

exe = os.path.abspath(sys.argv[1])

CONFIG = '''
server: {listen: "127.0.0.1:0", tokens: [token-1]}
agent: {greeting: {kind: text, text: "Hello."}, tools: [end_call]}
carriers: {twilio: {require_token: false}}
'''
TYPES = {'string': str, 'object': dict, 'array': list, 'boolean': bool, 'null': type(None)}


# ---- JSON Schema, as far as the document uses it ----

def is_type(value, name):
    if name in ('integer', 'number'):
        return isinstance(value, (int, float) if name == 'number' else int) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def mistakes(document, schema, value, where='$'):
    while '$ref' in schema:
        schema = resolve(document, schema['$ref'])
    if 'oneOf' in schema:
        if not any(not list(mistakes(document, s, value)) for s in schema['oneOf']):
            yield f'{where}: none of the shapes fits'
        return
    types = schema.get('type', [])
    types = types if isinstance(types, list) else [types]
    if types and not any(is_type(value, t) for t in types):
        yield f'{where}: {value!r} is no {" or ".join(types)}'
        return
    if 'enum' in schema and value not in schema['enum']:
        yield f'{where}: {value!r} is none of {schema["enum"]}'
    if isinstance(value, dict):
        members = schema.get('properties', {})
        for name in schema.get('required', []):
            if name not in value:
                yield f'{where}.{name} is missing'
        for name, member in value.items():
            if name in members:
                yield from mistakes(document, members[name], member, f'{where}.{name}')
            elif members and schema.get('required') == list(members): # all of it is described
                yield f'{where}.{name} is not described'
    if isinstance(value, list) and 'items' in schema:
        for i, element in enumerate(value):
            yield from mistakes(document, schema['items'], element, f'{where}[{i}]')


def resolve(document, reference):
    at = document
    for part in reference.removeprefix('#/').split('/'):
        at = at[part]
    return at


# ---- requests ----

def ask(base, method, path, body=None, token='token-1', accept=None):
    headers = {'Authorization': f'Bearer {token}'} if token else {}
    if accept:
        headers['Accept'] = accept
    data = body.encode() if isinstance(body, str) else body
    request = urllib.request.Request(base + path, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers.get_content_type(), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get_content_type(), error.read()


def hold(document, base, template, method, path, want, body=None, **kw):
    """One request, held to what the document says of it."""
    status, kind, text = ask(base, method, path, body, **kw)
    operation = document['paths'][template][method.lower()]
    said = operation['responses'].get(str(status))
    while said and '$ref' in said:
        said = resolve(document, said['$ref'])
    problem = []
    if status != want:
        problem.append(f'status {status}, not {want}')
    if not said:
        problem.append(f'status {status} is not described')
    elif kind not in said.get('content', {}):
        problem.append(f'{kind} is not described')
    elif kind == 'application/json':
        problem += mistakes(document, said['content'][kind]['schema'], json.loads(text))
    query = path.partition('?')[2]
    point(not problem, f'{method} {template}{"?" + query if query else ""} {want}', *problem, text[:600])
    return json.loads(text) if kind == 'application/json' and not problem else {}


def live_call(document, base, phone):
    """Everything that can be asked of a call while it lives."""
    call = None
    until = time.monotonic() + 30
    while not call and time.monotonic() < until:
        calls = json.loads(ask(base, 'GET', '/v1/calls?status=live')[2])['calls']
        call = next((c['id'] for c in calls if c['answered_at']), None)
        time.sleep(0.1)
    path = '/v1/calls/{id}'
    one = f'/v1/calls/{call}'
    hold(document, base, path, 'GET', one, 200)
    hold(document, base, path, 'DELETE', one, 409)
    hold(document, base, path + '/say', 'POST', one + '/say', 200, '{"text":"A colleague joins us."}')
    hold(document, base, path + '/say', 'POST', one + '/say', 400, '{}')
    hold(document, base, path + '/message', 'POST', one + '/message', 200, '{"text":"hello","respond":false}')
    hold(document, base, path + '/respond', 'POST', one + '/respond', 200)
    hold(document, base, path + '/interrupt', 'POST', one + '/interrupt', 400, '{"mode":"softly"}')
    hold(document, base, path + '/agent', 'POST', one + '/agent', 200, '{"instructions":"Be brief."}')
    hold(document, base, path + '/text', 'POST', one + '/text', 200, '{"text":"hello"}')
    hold(document, base, path + '/turn', 'POST', one + '/turn', 409, '{"action":"start"}')
    hold(document, base, path + '/history', 'GET', one + '/history', 200)
    hold(document, base, path + '/record', 'POST', one + '/record', 409)
    hold(document, base, path + '/hangup', 'POST', one + '/hangup', 202)
    phone.wait(60)
    return call


def campaigns(document, base):
    """A campaign that never runs, from its birth to its end."""
    path = '/v1/campaigns'
    hold(document, base, path, 'POST', path, 400, '{}')
    made = hold(document, base, path, 'POST', path, 201, '{"name":"autumn"}')
    one = f'{path}/{made.get("campaign_id", "x")}'
    hold(document, base, path + '/{id}', 'GET', one, 200)
    hold(document, base, path + '/{id}/contacts', 'POST', one + '/contacts', 200, 'name,phone_number\nAda,+14155550100\nBob,1\n')
    listed = hold(document, base, path + '/{id}/contacts', 'GET', one + '/contacts', 200)
    contact = json.dumps({'contact_id': (listed.get('contacts') or [{}])[0].get('contact_id')})
    hold(document, base, path + '/{id}/cancel', 'POST', one + '/cancel', 200, contact)
    hold(document, base, path + '/{id}/redial', 'POST', one + '/redial', 404, '{"contact_id":999999}')
    for what in ('attempts', 'progress'):
        hold(document, base, f'{path}/{{id}}/{what}', 'GET', f'{one}/{what}', 200)
        hold(document, base, f'{path}/{{id}}/{what}', 'GET', f'{path}/unknown/{what}', 404)
    hold(document, base, path + '/{id}/pause', 'POST', one + '/pause', 409)
    hold(document, base, path + '/{id}/archive', 'POST', one + '/archive', 200)
    hold(document, base, path, 'GET', path, 200)
    hold(document, base, path + '/{id}', 'DELETE', one, 200)
    hold(document, base, path + '/{id}', 'DELETE', one, 404)
    path = '/v1/do-not-call'
    hold(document, base, path, 'POST', path, 201, '{"phone_number":"+14155550101","reason":"asked"}')
    hold(document, base, path, 'POST', path, 400, '{}')
    hold(document, base, path, 'GET', path, 200)
    hold(document, base, path, 'DELETE', path + '?phone=%2B14155550101', 200)
    hold(document, base, path, 'DELETE', path + '?phone=%2B14155550101', 404)


def main():
    with tempfile.TemporaryDirectory() as cwd:
        config = pathlib.Path(cwd) / 'o.yaml'
        config.write_text(CONFIG)
        with program.Gateway(exe, config, cwd=cwd) as gateway:
            base = gateway.url
            status, _, text = ask(base, 'GET', '/openapi.json', token=None)
            document = json.loads(text)
            point(status == 200 and document['openapi'].startswith('3.1'), 'the document is served', status, text[:200])
            for path in ('/', '/health', '/live', '/ready', '/metrics', '/openapi.json'):
                hold(document, base, path, 'GET', path, 200, token=None)
            hold(document, base, '/metrics', 'GET', '/metrics', 200, accept='application/json')
            control = [(path, method) for path, methods in document['paths'].items()
                       for method, operation in methods.items() if operation.get('security') != []]
            for path, method in control:
                hold(document, base, path, method.upper(), path.replace('{id}', 'x'), 401, token='wrong-1')
            with program.Program(exe, 'phone', base + '/twiml', '--silence', '15000', '--max-s', '30', cwd=cwd) as phone:
                call = live_call(document, base, phone)
            for path in ('/calls', '/v1/calls', '/v1/approvals', '/v1/callbacks'):
                hold(document, base, path, 'GET', path, 200)
            for path in ('/calls', '/v1/calls'):
                hold(document, base, path, 'GET', path + '?limit=none', 400)
            hold(document, base, '/v1/calls/{id}', 'GET', f'/v1/calls/{call}', 200)
            hold(document, base, '/v1/calls/{id}/trace', 'GET', f'/v1/calls/{call}/trace', 200)
            hold(document, base, '/calls/{id}/status', 'GET', f'/calls/{call}/status', 200)
            hold(document, base, '/v1/calls/{id}/say', 'POST', f'/v1/calls/{call}/say', 409, '{"text":"x"}')
            hold(document, base, '/v1/calls/{id}/say', 'POST', '/v1/calls/unknown/say', 404, '{"text":"x"}')
            hold(document, base, '/v1/calls/{id}/hangup', 'POST', f'/v1/calls/{call}/hangup', 409)
            hold(document, base, '/v1/calls/{id}', 'DELETE', f'/v1/calls/{call}', 200)
            hold(document, base, '/v1/calls/{id}', 'GET', f'/v1/calls/{call}', 404)
            for path in ('/v1/calls/{id}/history', '/v1/calls/{id}/trace', '/v1/callbacks/{id}'):
                hold(document, base, path, 'GET', path.replace('{id}', 'unknown'), 404)
            hold(document, base, '/v1/approvals/{id}', 'POST', '/v1/approvals/unknown', 404, '{"decision":"approve"}')
            hold(document, base, '/v1/approvals/{id}', 'POST', '/v1/approvals/unknown', 400, '{}')
            hold(document, base, '/v1/callbacks/{id}/close', 'POST', '/v1/callbacks/unknown/close', 404)
            hold(document, base, '/v1/calls', 'POST', '/v1/calls', 400, 'no JSON')
            hold(document, base, '/v1/calls', 'POST', '/v1/calls', 422, '{"to":"nobody"}')
            hold(document, base, '/outbound/call', 'POST', '/outbound/call', 200)
            hold(document, base, '/outbound/status/{id}', 'GET', '/outbound/status/unknown', 200)
            hold(document, base, '/outbound/hangup/{id}', 'POST', '/outbound/hangup/unknown', 200)
            hold(document, base, '/outbound/campaign/{id}', 'GET', '/outbound/campaign/unknown', 200)
            campaigns(document, base)


tap.run(main)
