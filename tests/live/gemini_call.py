#!/usr/bin/env python3
"""Phone calls through a gateway of our own to the real Gemini Live service (or GOOGLE_GEMINI_BASE_URL).

    gemini_call.py RINGTRIP

Skips without GEMINI_API_KEY. Costs a few cents: three calls of half a minute. The calls are those of openai_call.py.
"""

import sys

import live
import openai_call as call
import tap
from tap import point


def config(key):
    return {'providers': {'gemini': {'kind': 'gemini', 'api_key': key}}, 'agent': call.AGENT}


def a_wrong_key_is_a_named_reason(program, key):
    with live.Gateway(program, config(key + 'wrong')) as gateway:
        if not point(gateway.ready(), 'a gateway with a wrong key starts', gateway.said()):
            return
        gateway.phone('--hangup', 'after:8000', '--max-s', '20', '--allow-warnings')
        row, _ = gateway.last_call()
        point(row['reason'] == 'model-refused', 'a refused key closes the record as model-refused', row)
        point('api-key-refused' in gateway.said(), 'the log names the key', gateway.said())


def main(program):
    (key,) = live.need('GEMINI_API_KEY')
    with live.Gateway(program, config(key)) as gateway:
        if point(gateway.ready(), 'the gateway is ready', gateway.said()):
            call.a_question_is_answered(gateway)
            call.a_barge_in_silences_the_agent(gateway)
        point(gateway.stop() == 0, 'it ends orderly', gateway.said())
    a_wrong_key_is_a_named_reason(program, key)


if __name__ == '__main__':
    tap.run(main, *sys.argv[1:])
