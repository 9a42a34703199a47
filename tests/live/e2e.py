#!/usr/bin/env python3
"""A call of the simulated phone to the real model, judged by what a recogniser hears in the recording.

    e2e.py RINGTRIP HEAR

For each of OPENAI_API_KEY and GEMINI_API_KEY that is set, over Plivo's protocol; skips without any. Costs a few cents.
"""

import sys
import time

import live
import tap
from tap import point


def main(program, hear):
    models = live.models()
    for name, model in models:
        with live.Gateway(program, model) as gateway:
            if point(gateway.ready(), f'{name}: the gateway is ready', gateway.said()):
                a_greeting_and_an_answer(gateway, name, hear)
                typed_words_are_answered(gateway, name)


def a_greeting_and_an_answer(gateway, name, hear):
    status, report, said = gateway.phone('--as', 'plivo', '--say', 'Where is my order one two three four?', '--hangup',
                                         'agent-stops:3000', '--max-s', '60', '--expect-turns', '1')
    point(status == 0, f'{name}: the call is one that Plivo would have made', said)
    row, _ = gateway.last_call()
    agent = gateway.heard(hear, row, 'right')
    point(live.knows(agent, live.GREETING_WORDS, 2), f'{name}: the recogniser hears the greeting', agent)
    point(live.knows(agent, live.ANSWER_WORDS, 1), f'{name}: and an answer to the question', agent)
    point(report.get('agent_speech_ms', 0) > 500, f'{name}: more than half a second of it is sound', report)


def typed_words_are_answered(gateway, name):
    phone = gateway.phone_open('--as', 'plivo', '--hangup', 'never', '--max-s', '50')
    row = gateway.wait_call('in_progress', 20)
    if point(row, f'{name}: a second call is on', gateway.said()):
        time.sleep(12)  # the greeting
        answer = gateway.ask('POST', f'/v1/calls/{row["id"]}/text', {'text': 'Where is my order one two three four?'})
        time.sleep(10)
        phone.stop()
        _, lines = gateway.last_call(20)
        agent = [line['text'].lower() for line in lines if line['who'] == 'agent']
        point(live.knows(' '.join(agent[1:]), live.ANSWER_WORDS, 1), f'{name}: typed words are answered', [answer, agent])
    phone.stop()


if __name__ == '__main__':
    tap.run(main, *sys.argv[1:])
