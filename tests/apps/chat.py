#!/usr/bin/env python3
"""ringtrip chat as somebody types into it, or pipes: against the offline sandbox. TAP on standard output.

    chat.py RINGTRIP
"""

import os
import pathlib
import sys
import tempfile

import program
import tap
from tap import point

exe = os.path.abspath(sys.argv[1])
server = pathlib.Path(__file__).resolve().parents[1] / 'fakes' / 'mcp_server.py'

CONFIG = '''
start_agent: desk
agents:
  desk:
    instructions: Find out what the caller wants.
    greeting: {kind: text, text: "Front desk, hello."}
    tools: [check_order_status]
    handoffs: [records]
  records:
    instructions: Look up records.
    greeting: {kind: text, text: "Records, hello."}
    tools: []
'''


SERVERS = '''
agent: {{name: desk, greeting: {{kind: text, text: "Desk."}}, tools: [], mcp: [shop]}}
mcp:
  shop: {{command: ["{python}", "{server}", check_order_status, '{{"status":"processing","order_number":"1234"}}', "700"]}}
'''
ROUTED = '''
start_agent: desk
agents:
  desk: {instructions: x, greeting: {kind: text, text: "Desk."}, tools: []}
  gold: {instructions: x, greeting: {kind: text, text: "Hello {{caller_number}}, {{plan}}."}, tools: []}
  night: {instructions: x, greeting: {kind: text, text: "Night."}, tools: []}
routes:
  - {when: {caller: "+1555*", parameter: {plan: gold}}, agent: gold}
  - {when: {called: "+15550199"}, agent: night}
'''


def chat(cwd, typed, *args, **env):
    return program.run(exe, 'chat', *args, cwd=cwd, env=env, typed=typed)


def in_order(text, *parts):
    at = 0
    for part in parts:
        at = text.find(part, at)
        if at < 0:
            return False
    return True


def main():
    with tempfile.TemporaryDirectory() as cwd:
        status, out, err = chat(cwd, 'What is the status of order 1234?\nq\nnever read\n')
        point(status == 0 and err == '', 'a piped line is answered and q leaves', status, err)
        point(in_order(out, 'this is Robin', 'Let me look that up', '[check_order_status]', 'being prepared'),
              'greeting, words, tool and what came of it are told in order', out)
        point(not list(pathlib.Path(cwd).iterdir()), 'nothing is left in the folder', list(pathlib.Path(cwd).iterdir()))
        for word in ('quit', 'EXIT', ' q '):
            status, out, err = chat(cwd, word + '\nWhat is the status of order 1234?\n')
            point(status == 0 and 'check_order_status' not in out, f'"{word}" leaves', status, out, err)
        status, out, err = chat(cwd, 'thank you goodbye\nhello\n')
        point(status == 0 and 'Goodbye.' in out and '[end_call]' in out, 'the agent may end it', status, out, err)
        status, out, err = chat(cwd, '')
        point(status == 0, 'no input at all is the end', status, out, err)

        config = pathlib.Path(cwd) / 'agents.yaml'
        config.write_text(CONFIG)
        status, out, err = chat(cwd, 'hello\n', '--config', str(config))
        point(status == 0 and 'Front desk, hello.' in out, 'a configuration says who begins', status, out, err)
        status, out, err = chat(cwd, 'hello\n', '--config', str(config), '--agent', 'records')
        point(status == 0 and 'Records, hello.' in out, 'or --agent does', status, out, err)
        status, out, err = chat(cwd, 'hello\n', '--config', str(config), '--agent', 'nobody')
        point(status == 2 and 'nobody' in err, 'an agent that is not there is a mistake of usage', status, out, err)
        point(chat(cwd, '', '--nonsense')[0] == 2, 'so is an option that is not there')
        config.write_text('guardrails: {no_scripts: {kind: shapes, shapes: [script], on: input, for_all: true}}\n' + CONFIG)
        status, out, err = chat(cwd, '<script>\nWhat is the status of order 1234?\n', '--config', str(config))
        point(status == 0 and in_order(out, '[refused by no_scripts]', 'being prepared'),
              'a line that a guardrail refuses does not reach the agent', status, out, err)
        config.write_text(SERVERS.format(python=sys.executable, server=server))
        status, out, err = chat(cwd, 'What is the status of order 1234?\n', '--config', str(config))
        point(status == 0 and in_order(out, '[check_order_status]', 'being prepared'),
              'tools of a server that takes its time are there when the talk begins', status, out, err)
        config.write_text(SERVERS.format(python='/nowhere/python', server=server))
        status, out, err = chat(cwd, 'What is the status of order 1234?\n', '--config', str(config))
        point(status == 0 and 'Desk.' in out and '[check_order_status]' not in out,
              'a server that does not start is not waited for', status, out, err)
        config.write_text(ROUTED)
        status, out, err = chat(cwd, 'hello\n', '--config', str(config), '--from', '+15550100', '--var', 'plan=gold')
        point(status == 0 and 'Hello +15550100, gold.' in out, 'a route chooses by who calls, texts know it', status, out, err)
        status, out, err = chat(cwd, 'hello\n', '--config', str(config), '--to', '+15550199')
        point(status == 0 and 'Night.' in out, 'or by who is called', status, out, err)
        status, out, err = chat(cwd, 'hello\n', '--config', str(config), '--to', '+15550199', '--agent', 'desk')
        point(status == 0 and 'Desk.' in out, 'but --agent is stronger', status, out, err)
        point(chat(cwd, '', '--var', 'plan')[0] == 2, 'a variable without a value is a mistake')
        status, out, err = chat(cwd, 'hello\n', SANDBOX_URL='ws://127.0.0.1:1/v1/realtime')
        point(status == 1 and 'ringtrip chat:' in err, 'a service that is not there is told', status, out, err)


tap.run(main)
