#!/usr/bin/env python3
"""The command line of ringtrip: exit statuses, messages, JSON. TAP on standard output.

    cli.py RINGTRIP
"""

import fcntl
import json
import os
import pathlib
import re
import signal
import sqlite3
import sys
import tempfile
import xml.etree.ElementTree

import endpoint
import program
import tap
from tap import point

exe = os.path.abspath(sys.argv[1])


def check(name, args, status, out=None, err=None, **kw):
    got, stdout, stderr = program.run(exe, *args, **kw)
    ok = got == status and (out is None or out in stdout) and (err is None or err in stderr)
    point(ok, name, f'exit {got}, want {status}', f'stdout: {stdout}', f'stderr: {stderr}')
    return stdout


def findings(text):
    return {(f['level'], f['subject']): f['text'] for f in json.loads(text)['findings']}


def main():
    with tempfile.TemporaryDirectory() as cwd:
        kw = {'cwd': cwd}
        check('no command is a usage error', [], 2, err='usage: ringtrip COMMAND', **kw)
        check('--help lists the commands', ['--help'], 0, out='serve', **kw)
        check('a misspelt command suggests the nearest', ['sevre'], 2, err='did you mean "serve"?', **kw)
        check('a far-off word suggests nothing', ['xylophone'], 2, err='ringtrip --help', **kw)
        for name in ('serve', 'demo', 'check', 'phone', 'sandbox', 'call', 'calls', 'callbacks', 'campaigns', 'approvals', 'graph',
                     'replay', 'vad', 'options', 'version', 'chat'):
            check(f'{name} --help', [name, '--help'], 0, out='usage: ringtrip', **kw)
        check('help COMMAND is COMMAND --help', ['help', 'serve'], 0, out='usage: ringtrip serve', **kw)
        check('version', ['version'], 0, out='ringtrip 0.', **kw)
        full_disk(cwd)
        check('--version', ['--version'], 0, out='ringtrip 0.', **kw)
        version = json.loads(check('version --json', ['version', '--json'], 0, **kw))
        point(version['name'] == 'ringtrip', 'version --json is JSON', version)
        check('unknown option', ['serve', '--prot', '1'], 2, err='--prot', **kw)
        check('an option without its value', ['serve', '-c'], 2, err='needs a value', **kw)
        check('a port that is none', ['serve', '--port', '99999'], 2, err='65535', **kw)
        check('a surplus word', ['serve', 'now'], 2, err='now', **kw)
        for option in ('--record', '--report'):
            check(f'phone {option} into no folder: nobody is called', ['phone', 'http://127.0.0.1:1/twiml', option, 'none/x'], 2,
                  err='ringtrip phone: none/x cannot be written', **kw)
            check(f'phone {option} of a call that was none', ['phone', 'http://127.0.0.1:1/twiml', option, 'call' + option], 2,
                  err='was not answered', **kw)
        empty = [p.name for p in pathlib.Path(cwd).glob('call--*') if p.stat().st_size == 0]
        point(not empty, 'it leaves no empty file', empty)
        link = pathlib.Path(cwd, 'link.wav')
        link.symlink_to('elsewhere.wav')
        check('phone --record through a link', ['phone', 'http://127.0.0.1:1/twiml', '--record', link.name], 2,
              err='was not answered', **kw)
        point(link.is_symlink(), 'it leaves the link')
        check('a missing configuration', ['serve', '-c', 'none.yaml'], 1, err='none.yaml', **kw)

        bad = pathlib.Path(cwd, 'bad.yaml')
        bad.write_text('server:\n  lisen: "127.0.0.1:0"\n')
        check('a misspelt key: file, line, column, nearest', ['serve', '-c', 'bad.yaml'], 2, err='bad.yaml:2:3', **kw)
        check('and what was meant', ['serve', '-c', 'bad.yaml'], 2, err='listen', **kw)
        check('check finds it too', ['check', '-c', 'bad.yaml'], 2, out='bad.yaml:2:3', **kw)

        good = pathlib.Path(cwd, 'good.yaml')
        good.write_text('server: {listen: "127.0.0.1:0", public_url: "https://voice.example.com"}\n'
                        'records: {dir: here/and/there, min_free_mb: 0}\n'
                        'providers: {openai: {kind: openai, api_key: sk-test-0123456789}}\n'
                        'carriers: {twilio: {account_sid: AC1, auth_token: secret-token-1}}\n')
        found = findings(check('check --json of a good one', ['check', '-c', 'good.yaml', '--offline', '--json'], 0, **kw))
        point(('pass', 'port') in found and ('pass', 'disk') in found and ('pass', 'twilio') in found,
              'port, folder and carrier are fine', found)
        point(not pathlib.Path(cwd, 'here').exists(), 'check makes no folder')
        text = check('check --print', ['check', '-c', 'good.yaml', '--print'], 0, out='voice.example.com', **kw)
        point('sk-test' not in text and 'secret-token-1' not in text, 'secrets are masked', text)
        loose = findings(check('check warns of an open door', ['check', '--json'], 1,
                               env={'SERVER_PORT': '0'}, **kw))
        point(('warn', 'twilio') in loose and ('warn', 'public url') in loose,
              'unsigned webhooks are a warning', loose)
        file_as_dir = pathlib.Path(cwd, 'file')
        file_as_dir.write_text('')
        tls = pathlib.Path(cwd, 'tls.yaml')
        tls.write_text('server: {listen: "127.0.0.1:0", tls: {cert: file, key: file}}\n')
        check('a certificate that is none', ['check', '-c', 'tls.yaml'], 2, out='tls', **kw)
        check('and serve refuses it', ['serve', '-c', 'tls.yaml'], 1, err='ringtrip serve:', **kw)

        check('calls without a store', ['calls'], 1, err='ringtrip.db', **kw)
        check('calls: unknown verb', ['calls', 'dance'], 2, err='list, show, trace or delete', **kw)
        check('calls: bad limit', ['calls', '--limit', '0'], 2, err='1 to 1000', **kw)
        check('calls: bad status', ['calls', '--status', 'x'], 2, err='no status', **kw)
        check('calls show: which', ['calls', 'show'], 2, err='which call', **kw)
        callbacks(cwd)
        check('calls trace: which', ['calls', 'trace'], 2, err='which call', **kw)
        graph(cwd)
        approvals(cwd)
        call(cwd)
        campaigns(cwd)
        check('replay: which', ['replay'], 2, err='which file', **kw)
        check('replay: no file', ['replay', 'none.rtj'], 2, err='none.rtj', **kw)
        check('replay: no journal', ['replay', 'good.yaml'], 2, err='good.yaml', **kw)
        check('replay: two forms', ['replay', 'good.yaml', '--print', '--json'], 2, err='not both', **kw)
        check('replay: weights for nothing', ['replay', 'good.yaml', '--vad-model', 'x'], 2, err='--recompute-vad', **kw)
        check('replay: weights that are none', ['replay', 'good.yaml', '--recompute-vad', '--vad-model', 'good.yaml'], 2,
              err='good.yaml is not usable', **kw)
        check('options: which form', ['options'], 2, err='--env or --markdown', **kw)
        check('options --env', ['options', '--env'], 0, out='OPENAI_API_KEY', **kw)
        check('options --markdown', ['options', '--markdown'], 0, out='server.public_url', **kw)
        vad(cwd)
        if '--demo' in sys.argv:
            demo(cwd)


AGENTS = '''
start_agent: triage
agents:
  triage: {instructions: x, tools: [end_call], handoffs: [billing, Front Desk]}
  billing: {instructions: x, handoff_description: "Knows <all> & more.", tools: [schedule_callback], handoffs: [triage]}
  Front Desk: {instructions: x, tools: []}
routes:
  - {name: 'odd "one" <&> \\', agent: billing}
'''


def graph(cwd):
    """Text in any build; pictures where Graphviz was there."""
    kw = {'cwd': cwd}
    pathlib.Path(cwd, 'agents.yaml').write_text(AGENTS)
    text = check('graph: DOT on standard output', ['graph', '-c', 'agents.yaml'], 0, out='digraph', **kw)
    point('label="billing"' in text and '[penwidth' in text, 'graph: agents and handoffs', text)
    check('graph: a file', ['graph', '-c', 'agents.yaml', '-o', 'a.dot'], 0, **kw)
    point(pathlib.Path(cwd, 'a.dot').read_text() == text, 'graph: the same in it')
    check('graph --agent', ['graph', '-c', 'agents.yaml', '--agent', 'billing'], 0, out='start -> agent1', **kw)
    check('graph: nobody of that name', ['graph', '-c', 'agents.yaml', '--agent', 'x'], 2, err='no agent "x"', **kw)
    check('graph: a file of what kind', ['graph', '-o', 'picture'], 2, err='must end in .svg', **kw)
    check('graph: an unknown format', ['graph', '--format', 'gif'], 2, err='not gif', **kw)
    check('graph: no such configuration', ['graph', '-c', 'none.yaml'], 1, err='none.yaml', **kw)
    check('graph: a bad configuration', ['graph', '-c', 'bad.yaml'], 2, err='bad.yaml:2:3', **kw)
    check('graph: a folder that is not there', ['graph', '-o', 'no/where.dot'], 1, err='no/where.dot', **kw)
    # Fonts stay in memory to the end; that is no leak of ours.
    kw['env'] = {'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '') + ':detect_leaks=0'}
    status, _, err = program.run(exe, 'graph', '-c', 'agents.yaml', '-o', 'a.svg', **kw)
    if status == 1 and 'without Graphviz' in err:
        tap.skip('graph: pictures', 'built without Graphviz')
        return
    point(status == 0, 'graph: a picture', err)
    svg = xml.etree.ElementTree.parse(pathlib.Path(cwd, 'a.svg')).getroot()
    said = ' '.join(svg.itertext())
    point('billing' in said and 'odd "one" <&> \\' in said, 'graph: names arrive as they are', said)
    space = '{http://www.w3.org/2000/svg}'
    point(len(svg.findall(f'.//{space}g[@class="node"]')) == 6, 'graph: start, three agents, two tools', said)
    point(any('Knows <all> & more.' in title for a in svg.iter(f'{space}a') for title in a.attrib.values()),
          'graph: descriptions are tooltips')
    check('graph: PNG', ['graph', '-c', 'agents.yaml', '-o', 'a.png'], 0, **kw)
    point(pathlib.Path(cwd, 'a.png').read_bytes().startswith(b'\x89PNG'), 'graph: it is one')


class Gateway(endpoint.Handler):
    """What the command asks of a gateway, and canned answers."""

    seen = []

    def do_GET(self):
        self.seen.append((self.path, self.headers.get('Authorization'), None))
        one = {'id': 'apr_0123456789abcdef', 'call_id': 'c', 'tool_call_id': 't', 'tool': 'refund',
               'arguments': {'note': 'a\u001b[31mb', 'amount': 5}, 'agent': 'main', 'caller': '+15550001',
               'asked_at': 1, 'expires_at': None, 'on_timeout': None}
        self.reply(200, {'approvals': [one], 'total': 1})

    def do_POST(self):
        body = json.loads(self.body())
        self.seen.append((self.path, self.headers.get('Authorization'), body))
        known = self.path.endswith('/apr_1')
        self.reply(200 if known else 404, {'status': 'x'} if known else {'error': 'Nothing waits'})


class Campaigns(endpoint.Handler):
    """A gateway's answers, for what the command line makes of them; what it asked is kept."""
    asked = []

    def do(self):
        body = self.body().decode()
        Campaigns.asked.append((self.command, self.path, body))
        one = {'campaign_id': 'c1', 'name': 'Spring', 'status': 'running', 'note': '',
               'progress': {'contacts': 3, 'attempts': 3, 'states': {'pending': 1, 'completed': 2},
                            'outcomes': {'answered_human': 2, 'busy': 0}, 'next_at': None}}
        answer, status = one, 200
        if self.path.startswith('/v1/campaigns?') or self.path == '/v1/campaigns' and self.command == 'GET':
            answer = {'total': 1, 'campaigns': [one]}
        elif self.path == '/v1/campaigns':
            status = 201
        elif self.path.endswith('/contacts') and self.command == 'POST':
            answer = {'added': body.count('\n') - 1, 'existing': 0, 'refused': 1, 'errors': [{'line': 3, 'error': 'is none'}]}
        elif self.path.startswith('/v1/campaigns/none'):
            answer, status = {'error': 'Campaign not found'}, 404
        self.reply(status, answer)

    do_GET = do_POST = do_PUT = do_DELETE = do


def campaigns(cwd):
    server = endpoint.serve(Campaigns)
    url = ['--url', server.url, '--token', 't']
    kw = {'cwd': cwd}
    (pathlib.Path(cwd) / 'people.csv').write_text('phone\n+14155550100\n"+1415\n5550101"\n')
    big = 'phone,note\n' + ''.join(f'+1415{i:07},{"x" * 120}\n' for i in range(9000))
    (pathlib.Path(cwd) / 'big.csv').write_text(big)
    (pathlib.Path(cwd) / 'spring.json').write_text('{"name": "Spring"}')
    check('campaigns: unknown verb', ['campaigns', 'dance'], 2, err='there is no verb', **kw)
    check('campaigns: which', ['campaigns', 'start'], 2, err='missing', **kw)
    check('campaigns: no file', ['campaigns', 'create', 'nowhere.json', *url], 2, err='nowhere.json', **kw)
    check('campaigns: no gateway', ['campaigns', '--url', 'http://127.0.0.1:1', '--token', 't'], 1, err='127.0.0.1:1', **kw)
    check('campaigns: a list', ['campaigns', *url], 0, out='running            3         3  Spring', **kw)
    check('campaigns: created', ['campaigns', 'create', 'spring.json', *url], 0, out='campaign  c1', **kw)
    check('campaigns: progress', ['campaigns', 'progress', 'c1', *url], 0, out='contacts  3: pending 1, completed 2', **kw)
    check('campaigns: outcomes', ['campaigns', 'progress', 'c1', *url], 0, out='attempts  3: answered_human 2, under way 1\n', **kw)
    check('campaigns: not found', ['campaigns', 'start', 'none', *url], 1, err='Campaign not found', **kw)
    check('campaigns: imported', ['campaigns', 'import', 'c1', 'people.csv', *url], 0, out='line 3: is none', **kw)
    Campaigns.asked.clear()
    check('campaigns: a large table goes in parts', ['campaigns', 'import', 'c1', 'big.csv', *url], 0, out='added', **kw)
    parts = [body for _, _, body in Campaigns.asked]
    whole = parts[0] + ''.join(p.split('\n', 1)[1] for p in parts[1:])
    point(len(parts) > 1 and whole == big and max(map(len, parts)) < 1 << 20, 'its parts have the head and miss nothing',
          [len(p) for p in parts])
    check('campaigns: a contact', ['campaigns', 'redial', 'c1', 'x', *url], 2, err="no contact's number", **kw)
    check('campaigns: done', ['campaigns', 'redial', 'c1', '7', *url], 0, out='done', **kw)
    point(Campaigns.asked[-1] == ('POST', '/v1/campaigns/c1/redial', '{"contact_id":7}'), 'what was sent', Campaigns.asked[-1])
    check('campaigns: off the list', ['campaigns', 'do-not-call', '+1415', '--remove', *url], 0, out='done', **kw)
    point(Campaigns.asked[-1][:2] == ('DELETE', '/v1/do-not-call?phone=%2B1415'), 'and escaped', Campaigns.asked[-1])
    server.shutdown()


def approvals(cwd):
    server = endpoint.serve(Gateway)
    kw = {'cwd': cwd}
    config = pathlib.Path(cwd, 'appr.yaml')
    config.write_text(f'server: {{listen: "127.0.0.1:{server.server_port}", tokens: [token-12345678]}}\n')
    check('approvals: unknown verb', ['approvals', 'dance'], 2, err='list, approve or reject', **kw)
    check('approvals: which', ['approvals', 'approve'], 2, err='ID is missing', **kw)
    check('approvals: nobody there', ['approvals', '--url', 'http://127.0.0.1:1'], 1, err='http://127.0.0.1:1/v1', **kw)
    text = check('approvals: a list for people', ['approvals', '-c', 'appr.yaml'], 0, out='apr_0123456789abcdef', **kw)
    point('for ever' in text and 'refund' in text and '\x1b' not in text, 'its line', text)
    point(Gateway.seen[-1] == ('/v1/approvals', 'Bearer token-12345678', None), 'asked with the token', Gateway.seen)
    text = check('approvals: --json', ['approvals', '--json', '--url', server.url, '--token', 't'], 0, **kw)
    point(json.loads(text)['total'] == 1, 'its JSON', text)
    check('approvals: approve', ['approvals', 'approve', 'apr_1', '--always', '-c', 'appr.yaml'], 0, out='approved', **kw)
    point(Gateway.seen[-1] == ('/v1/approvals/apr_1', 'Bearer token-12345678', {'decision': 'approve', 'always': True}),
          'what was sent', Gateway.seen[-1])
    check('approvals: reject', ['approvals', 'reject', 'apr_1', '-m', 'say "no"', '-c', 'appr.yaml'], 0, out='rejected', **kw)
    point(Gateway.seen[-1][2] == {'decision': 'reject', 'always': False, 'message': 'say "no"'}, 'and with a message',
          Gateway.seen[-1])
    check('approvals: decided already', ['approvals', 'approve', 'apr_2', '-c', 'appr.yaml'], 1, err='Nothing waits', **kw)
    server.shutdown()


class Dialled(endpoint.Handler):
    """A gateway that places calls: each record asked for is one step further; +1999 is refused, to 'lost' nobody answers."""
    asked = []
    steps = []

    def do_POST(self):
        body = json.loads(self.body())
        Dialled.asked.append(body)
        if self.headers.get('Authorization') != 'Bearer t':
            self.reply(401, {'error': 'A token is needed'})
        elif body['to'] == '+1999':
            self.reply(422, {'error': 'to: \x1b[1mis no number'})
        elif body['to'] == '+1998':
            self.reply(200, {'what': 'no call'})
        else:
            self.reply(202, {'call_id': 'c-1', 'status': 'initiated'})

    def do_GET(self):
        self.reply(200, Dialled.steps.pop(0))


def call(cwd):
    server = endpoint.serve(Dialled)
    url = ['--url', server.url, '--token', 't']
    kw = {'cwd': cwd}
    ringing = {'call_id': 'c-1', 'status': 'ringing'}
    talked = {'call_id': 'c-1', 'status': 'completed', 'ended_at': '2026-01-01T00:00:00Z', 'reason': 'agent-hangup',
              'duration_ms': 9000, 'dial': {'outcome': 'answered', 'answered_by': 'human', 'cause': 'normal', 'talk_s': 7}}
    check('call: whom', ['call', *url], 2, err='NUMBER is missing', **kw)
    check('call: two numbers', ['call', '+1', '+2', *url], 2, err='unexpected argument +2', **kw)
    check('call: a variable without a value', ['call', '+1', '-v', 'x', *url], 2, err='NAME=VALUE, not x', **kw)
    check('call: no seconds', ['call', '+1', '--ring', 'soon', *url], 2, err='number of seconds, not soon', **kw)
    check('call: no gateway', ['call', '+1', '--url', 'http://127.0.0.1:1', '--token', 't'], 1, err='is a gateway running', **kw)
    check('call: a broken configuration', ['call', '+1', '-c', 'bad.yaml'], 2, err='bad.yaml:2:3', **kw)
    check('call: the wrong token', ['call', '+1', '--url', server.url, '--token', 'x'], 1, err='(status 401); the token', **kw)
    text = check('call: refused', ['call', '+1999', *url, '--json'], 1, err='to:  [1mis no number (status 422)', **kw)
    point('error' in json.loads(text), 'and as JSON', text)
    check('call: an answer without a call', ['call', '+1998', *url], 1, err='names no call', **kw)
    check('call: taken', ['call', '+1415', '-r', 'it "is" ready', '-v', 'a b=c="d', '--ring', '20', *url], 0, out='call_id=c-1\n', **kw)
    point(Dialled.asked[-1] == {'to': '+1415', 'opening_reason': 'it "is" ready', 'ring_s': 20, 'variables': {'a b': 'c="d'}},
          'what was sent', Dialled.asked[-1])
    Dialled.steps[:] = [ringing, talked]
    check('call: followed to its end', ['call', '+1415', '--wait', *url], 0,
          out='ringing\ncompleted\noutcome=answered answered_by=human duration_s=7 cause=normal reason=agent-hangup\n', **kw)
    Dialled.steps[:] = [talked | {'dial': {'outcome': 'busy'}}]
    text = check('call: nobody answered', ['call', '+1415', '--wait', '--json', *url], 1, **kw)
    point(json.loads(text)['dial']['outcome'] == 'busy', 'and the record as JSON', text)
    server.shutdown()


def full_disk(cwd):
    """What could not be written is told, once, whether it was much or little."""
    wav = str(VECTORS / 'clean_8k_ulaw.wav')
    for args in (['version'], ['vad', wav], ['vad', wav, '--csv'], ['graph']):
        status, _, err = program.run(*program.FULL_DISK, exe, *args, cwd=cwd)
        point(status == 1 and err.count('standard output') == 1, f'{" ".join(args[:1] + args[2:])} on a full disk', status, err)


VECTORS = pathlib.Path(__file__).resolve().parents[1] / 'audio' / 'vad'


def difference(csv, name):
    """Largest difference of the probabilities from the reference; 9 when it is not the same chunks."""
    want = (VECTORS / f'{name}.csv').read_text().split()
    got = csv.split()
    if [row.split(',')[0] for row in got] != [row.split(',')[0] for row in want] or got[0] != want[0]:
        return 9
    return max(abs(float(a.split(',')[1]) - float(b.split(',')[1])) for a, b in zip(got[1:], want[1:]))


def stereo(left, right):
    """A mu-law WAV of both; the shorter one is cut."""
    frames = bytes(b for pair in zip(left[58:], right[58:]) for b in pair)
    head = bytearray(left[:58])
    head[22] = head[32] = 2
    head[28:32] = (16000).to_bytes(4, 'little')
    head[54:58] = len(frames).to_bytes(4, 'little')
    return bytes(head) + frames


def vad(cwd):
    """ringtrip vad on the reference vectors, which onnxruntime judged."""
    kw = {'cwd': cwd}
    for name in ('clean_8k_ulaw', 'noisy_16k'):
        wav = str(VECTORS / f'{name}.wav')
        for kernel in ([], ['--kernel', 'portable']):
            csv = check(f'vad --csv {name} {" ".join(kernel)}', ['vad', wav, '--csv', *kernel], 0, **kw)
            point(difference(csv, name) < 1e-4, f'vad: what onnxruntime says of {name}', csv[:200])
    clean, quiet = (VECTORS / f'{name}_8k_ulaw.wav' for name in ('clean', 'nonspeech'))
    both = pathlib.Path(cwd, 'both.wav')
    both.write_bytes(stereo(quiet.read_bytes(), clean.read_bytes()))
    chunks = int(len(quiet.read_bytes()) / 256)
    for side, name in ((['--channel', 'left'], 'nonspeech'), ([], 'nonspeech'), (['--channel', 'right'], 'clean')):
        csv = check(f'vad {" ".join(side) or "of a stereo file"}', ['vad', 'both.wav', '--csv', *side], 0, **kw)
        want = (VECTORS / f'{name}_8k_ulaw.csv').read_text().split()[1:chunks - 1]
        got = csv.split()[1:chunks - 1]
        worst = max(abs(float(a.split(',')[1]) - float(b.split(',')[1])) for a, b in zip(got, want))
        point(len(got) > 200 and worst < 1e-4, f'vad: that is the channel of {name}', worst)
    table = check('vad: a table', ['vad', str(clean)], 0, out='5 stretches of speech', **kw)
    point('8 kHz branch' in table and '0.864' in table and '#####' in table, 'vad: with times and a bar', table)
    check('vad: shorter silence, more stretches', ['vad', str(clean), '--min-silence', '100'], 0,
          out='6 stretches of speech', **kw)
    check('vad: 16 kHz files take the 16 kHz branch', ['vad', str(VECTORS / 'nonspeech_16k.wav')], 0,
          out='16 kHz branch', **kw)
    table = check('vad: unless told', ['vad', str(VECTORS / 'nonspeech_16k.wav'), '--branch', '8k'], 0,
                  out='8 kHz branch', **kw)
    point('1 stretch of speech' in table, 'vad: resampled, it hears the same', table)
    check('vad: thresholds', ['vad', str(clean), '--start', '0.9', '--end', '0.2'], 0, out='start 0.90, end 0.20', **kw)
    check('vad: which file', ['vad'], 2, err='which file', **kw)
    check('vad: one file', ['vad', 'a.wav', 'b.wav'], 2, err='b.wav', **kw)
    check('vad: no file', ['vad', 'none.wav'], 1, err='none.wav', **kw)
    pathlib.Path(cwd, 'text.wav').write_text('no sound')
    check('vad: no WAV', ['vad', 'text.wav'], 1, err='not a RIFF/WAVE file', **kw)
    for option, value, err in (('--start', '1.5', 'from 0 to 1'), ('--end', 'x', 'from 0 to 1'),
                               ('--min-silence', '-1', 'from 0 to 60000'), ('--channel', 'middle', 'left or right'),
                               ('--branch', '24k', '8k or 16k'), ('--kernel', 'fpga', 'no such kernel')):
        check(f'vad: {option} {value}', ['vad', str(clean), option, value], 2, err=err, **kw)
    check('vad: thresholds the wrong way round', ['vad', str(clean), '--start', '0.3', '--end', '0.6'], 2,
          err='above', **kw)
    model = {'RINGTRIP_VAD_MODEL': 'text.wav'}
    check('vad: weights that are none', ['vad', str(clean)], 1, err='text.wav is not usable', env=model, **kw)
    check('vad: weights that are not there', ['vad', str(clean), '--vad-model', 'none.onnx'], 1, err='none.onnx', **kw)
    file = VECTORS.parents[2] / 'tools' / 'vad-model' / 'silero_vad_v6.onnx'
    if file.exists():  # a packager may have taken it from elsewhere
        csv = check('vad: weights from a file', ['vad', str(clean), '--csv'], 0, env={'RINGTRIP_VAD_MODEL': str(file)}, **kw)
        point(difference(csv, 'clean_8k_ulaw') < 1e-4, 'vad: and they say the same', csv[:200])


def callbacks(cwd):
    """What was promised to callers, in a store that was made by hand."""
    check('callbacks without a store', ['callbacks'], 1, err='ringtrip.db', cwd=cwd)
    check('callbacks: unknown verb', ['callbacks', 'dance'], 2, err='list or close', cwd=cwd)
    check('callbacks: bad status', ['callbacks', '--status', 'x'], 2, err='open, closed or all', cwd=cwd)
    check('callbacks close: which', ['callbacks', 'close'], 2, err='which callback', cwd=cwd)
    check('callbacks: a note for nothing', ['callbacks', '--note', 'x'], 2, err='--note is for close', cwd=cwd)
    with tempfile.TemporaryDirectory() as other:
        env = {'RECORDS_DIR': other}
        pathlib.Path(other, 'ringtrip.db').touch()  # an empty file is an empty store
        check('callbacks: none', ['callbacks'], 0, out='0 of 0', cwd=cwd, env=env)
        db = sqlite3.connect(pathlib.Path(other, 'ringtrip.db'))
        db.execute("INSERT INTO callbacks (id, phone, department, reason, scheduled, created_us) VALUES ('CB000001', "
                   "'+15550001111', 'support', 'a late\x1b[2J parcel', 'tomorrow', 1700000000000000)")
        db.commit()
        db.close()
        text = check('callbacks list', ['callbacks'], 0, out='CB000001', cwd=cwd, env=env)
        point('\x1b' not in text and 'a late' in text, 'callbacks: nothing moves the cursor', text)
        one = json.loads(check('callbacks --json', ['callbacks', '--json'], 0, cwd=cwd, env=env))
        point(one['total'] == 1 and one['callbacks'][0]['status'] == 'open', 'callbacks: as JSON', one)
        check('callbacks close', ['callbacks', 'close', 'CB000001', '--note', 'reached her'], 0, out='reached her',
              cwd=cwd, env=env)
        check('callbacks close again', ['callbacks', 'close', 'CB000001'], 1, err='closed already', cwd=cwd, env=env)
        check('callbacks close another', ['callbacks', 'close', 'CB000002'], 1, err='no such callback', cwd=cwd, env=env)
        check('callbacks: none is open', ['callbacks'], 0, out='0 of 0', cwd=cwd, env=env)
        check('callbacks: the closed one', ['callbacks', '--status', 'closed'], 0, out='CB000001', cwd=cwd, env=env)


def demo(cwd):
    """The newcomer's first call, and what the other commands then say of it. Needs the speech libraries."""
    elsewhere = {name: 'not-for-the-demonstration' for name in (
        'OPENAI_API_KEY', 'GEMINI_API_KEY', 'PLIVO_AUTH_ID', 'PLIVO_AUTH_TOKEN', 'TWILIO_AUTH_TOKEN', 'GREETING')}
    env = {'SERVER_PORT': '0', 'STORE_URL': 'postgresql://127.0.0.1:9/x', 'PLIVO_PHONE_NUMBER': '+14155550100', **elsewhere}
    out = check('demo: where is my order', ['demo', '--say', 'where is my order one two three four'], 0,
                out='check_order_status', cwd=cwd, env=env)
    point('recording  var/' in out and 'answered' in out, 'demo: recording and latency are shown', out)
    calls = json.loads(check('calls --json', ['calls', '--json'], 0, cwd=cwd))
    point(calls['total'] == 1 and calls['calls'][0]['status'] == 'completed', 'calls: the demonstration', calls)
    call = calls['calls'][0]
    check('calls list', ['calls', 'list'], 0, out=call['id'], cwd=cwd)
    check('calls show', ['calls', 'show', call['id']], 0, out='caller', cwd=cwd)
    tree = check('calls trace', ['calls', 'trace', call['id']], 0, out='execute_tool check_order_status', cwd=cwd)
    point('\u2514\u2500 chat ' in tree and 'invoke_agent' in tree, 'calls trace: a tree', tree)
    trace = json.loads(check('calls trace --json', ['calls', 'trace', call['id'], '--json'], 0, cwd=cwd))
    spans = {s['span_id']: s for s in trace['spans']}
    tool = next(s for s in trace['spans'] if s['type'] == 'tool')
    turn = spans[tool['parent_id']]
    point(turn['type'] == 'turn' and spans[turn['parent_id']]['type'] == 'call' and
          turn['start_ms'] <= tool['start_ms'] <= tool['start_ms'] + tool['duration_ms'] <=
          turn['start_ms'] + turn['duration_ms'], 'calls trace: call, turn, tool', trace)
    point('one two three' not in json.dumps(trace), 'calls trace: nothing of what was said')
    check('replay of its journal', ['replay', call['journal']], 0, out='identical', cwd=cwd)
    again = json.loads(check('replay --json', ['replay', '--json', '--recompute-vad', call['journal']], 0, cwd=cwd))
    point(again['identical'] and again['vad']['max_difference'] < 1e-4 and again['vad']['unknown'] == 0,
          'replay: the speech detector says the same again', again)
    check('calls delete', ['calls', 'delete', call['id']], 0, cwd=cwd)
    point(not pathlib.Path(cwd, call['recording']).exists(), 'calls delete: the recording is gone')
    check('calls show of a deleted one', ['calls', 'show', call['id']], 1, err='no such call', cwd=cwd)
    check('demo: another sentence, another tool', [
        'demo', '--say', 'please call me back on five five five one two three four', '--say', 'my bill'], 0,
          out='schedule_callback', cwd=cwd, env=env)
    out = check('demo: nonsense is refused', ['demo', '--say', 'purple elephants dance upon frozen lasagna'], 0, cwd=cwd,
                env=env)
    point(' tool ' not in out, 'demo: and no tool is called', out)
    order = [out.find(row) for row in (' model ', ' caller ', ' heard ', 'The call is over')]
    point(order == sorted(order) and order[0] >= 0, 'demo: what happened stands in its order', out)
    serving(cwd, env)


def serving(cwd, env):
    """`make run` in a terminal that nobody reads behind the hints, the telephone in another, Ctrl-C in a call."""
    end, stdout = os.pipe()
    fcntl.fcntl(stdout, fcntl.F_SETPIPE_SZ, 4096)
    child = program.Program(exe, 'demo', '--serve', cwd=cwd, env=env, stdout=stdout)
    url, text = None, os.fdopen(end, encoding='utf-8')
    for line in text:
        url = (re.search(r'Serving on (http://[^;]+);', line) or [None, url])[1]
        if 'webhook set to' in line:
            break
    text.readline()
    os.write(stdout, b'\n' * 4096)  # it is full: whoever writes now, waits
    os.close(stdout)
    check('phone --transcript', ['phone', url + '/twiml', '--say', 'what are your opening hours', '--transcript', '--report',
          'call.json', '--expect-turns', '1'], 0, out='what are your opening hours', cwd=cwd)
    report = json.loads(pathlib.Path(cwd, 'call.json').read_text())
    record = report['gateway_record']
    said = {line['who']: line['text'] for line in record['transcript']}
    point(said['caller'] == 'what are your opening hours' and 'nine in the morning' in said['agent'],
          'phone --transcript: both sides are in the report', said)
    point(record['carrier_call_id'] == report['call_sid'] and record['ended_at'], 'of this call, when it is closed', record)
    check('phone --transcript with a wrong token', ['phone', url + '/twiml', '--hangup', 'start', '--transcript', '--api-token',
          'wrong', '--allow-warnings'], 1, err='server.tokens', cwd=cwd)
    with program.Program(exe, 'phone', url + '/twiml', '--say', 'what are your opening hours', '--expect-turns', '1',
                         cwd=cwd) as caller:
        caller.wait_for('speaks')
        child.process.send_signal(signal.SIGINT)
        point(caller.wait() == 0, 'Ctrl-C in a call: it goes on to its end', caller.said())
    rest = text.read()
    point(child.wait() == 0, 'and then the gateway ends', child.said())
    point('The gateway ends after 1 call' in rest and rest.count('The call is over') == 3, 'which it has said', rest)


tap.run(main)
