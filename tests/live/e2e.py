#!/usr/bin/env python3
"""A call of the simulated phone to the real model, judged by what a recogniser hears in the recording.

    e2e.py RINGTRIP HEAR

For each of OPENAI_API_KEY and GEMINI_API_KEY that is set, over Plivo's protocol; skips without any. Costs a few cents.
"""

import sys
import time

import live


def main(program, hear):
    models = live.models()
    tap = live.Tap()
    for name, model in models:
        with live.Gateway(program, model) as gateway:
            if tap.point(gateway.ready(), f'{name}: the gateway is ready', gateway.said()):
                a_greeting_and_an_answer(tap, gateway, name, hear)
                typed_words_are_answered(tap, gateway, name)
    return tap.done()


def a_greeting_and_an_answer(tap, gateway, name, hear):
    status, report, said = gateway.phone('--as', 'plivo', '--say', 'Where is my order one two three four?', '--hangup',
                                         'agent-stops:3000', '--max-s', '60', '--expect-turns', '1')
    tap.point(status == 0, f'{name}: the call is one that Plivo would have made', said)
    row, _ = gateway.last_call()
    agent = gateway.heard(hear, row, 'right')
    tap.point(live.knows(agent, live.GREETING_WORDS, 2), f'{name}: the recogniser hears the greeting', agent)
    tap.point(live.knows(agent, live.ANSWER_WORDS, 1), f'{name}: and an answer to the question', agent)
    tap.point(report.get('agent_speech_ms', 0) > 500, f'{name}: more than half a second of it is sound', report)


def typed_words_are_answered(tap, gateway, name):
    phone = gateway.phone_open('--as', 'plivo', '--hangup', 'never', '--max-s', '50')
    row = gateway.wait_call('in_progress', 20)
    if tap.point(row, f'{name}: a second call is on', gateway.said()):
        time.sleep(12)  # the greeting
        answer = gateway.ask('POST', f'/v1/calls/{row["id"]}/text', {'text': 'Where is my order one two three four?'})
        time.sleep(10)
        phone.terminate()
        _, lines = gateway.last_call(20)
        agent = [line['text'].lower() for line in lines if line['who'] == 'agent']
        tap.point(live.knows(' '.join(agent[1:]), live.ANSWER_WORDS, 1), f'{name}: typed words are answered', [answer, agent])
    phone.terminate()
    phone.wait()


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
