#!/usr/bin/env python3
"""Phone calls through a gateway of our own to the real OpenAI Realtime service (or OPENAI_BASE_URL).

    openai_call.py RINGTRIP

Skips without OPENAI_API_KEY. Costs a few cents: three calls of half a minute.
"""

import sys

import live
import tap
from tap import point

AGENT = live.AGENT


def who(lines, party):
    return ' '.join(line['text'] for line in lines if line['who'] == party).lower()


def a_question_is_answered(gateway):
    status, report, said = gateway.phone(
        '--say', 'Where is my order one two three four?', '--hangup', 'agent-stops:3000', '--max-s', '60',
        '--expect-turns', '1', '--expect-agent-speech-ms', '1500', '--expect-gap-ms', '6000')
    point(status == 0, 'a spoken question is answered aloud, in time', said)
    row, lines = gateway.last_call()
    point(row['reason'] == 'caller-hangup', 'the record is closed with its reason', row)
    point('order' in who(lines, 'caller'), 'the service understood the caller', lines)
    point(who(lines, 'agent') != '', 'what the agent said is written down', lines)
    point((row['in_audio'] or 0) > 0 and (row['out_audio'] or 0) > 0, 'usage is counted', row)


def a_barge_in_silences_the_agent(gateway):
    status, report, said = gateway.phone(
        '--say', 'Please count slowly from one to thirty.', '--when', 'agent-speaks:2500', '--say',
        'Stop, stop, that is enough, thank you.', '--hangup', 'agent-stops:2000', '--max-s', '60',
        '--expect-stop-ms', '1500', '--expect-no-audio-after-clear')
    point(status == 0, 'speech over the agent stops it, nothing comes after the clear', said)


def a_wrong_key_is_a_named_reason(program, key):
    with live.Gateway(program, {'providers': {'openai': {'kind': 'openai', 'api_key': key + 'wrong'}},
                                'agent': AGENT}, {'OPENAI_API_KEY': ''}) as gateway:
        if not point(gateway.ready(), 'a gateway with a wrong key starts', gateway.said()):
            return
        gateway.phone('--hangup', 'after:8000', '--max-s', '20', '--allow-warnings')
        row, _ = gateway.last_call()
        point(row['reason'] == 'model-refused', 'a refused key closes the record as model-refused', row)


def main(program):
    (key,) = live.need('OPENAI_API_KEY')
    with live.Gateway(program, {'agent': AGENT}) as gateway:
        if point(gateway.ready(), 'the gateway is ready', gateway.said()):
            a_question_is_answered(gateway)
            a_barge_in_silences_the_agent(gateway)
        point(gateway.stop() == 0, 'it ends orderly', gateway.said())
    a_wrong_key_is_a_named_reason(program, key)


if __name__ == '__main__':
    tap.run(main, *sys.argv[1:])
