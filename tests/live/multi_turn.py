#!/usr/bin/env python3
"""Several spoken turns with the real model, each answered, over Twilio's and Plivo's protocols.

    multi_turn.py RINGTRIP HEAR

For each of OPENAI_API_KEY and GEMINI_API_KEY that is set; skips without any. Costs a few cents.
"""

import sys

import live
import tap
from tap import point

TURNS = ('Where is my order one two three four?', 'Where is my order five six seven eight?', 'Thank you, goodbye.')


def main(program, hear):
    models = live.models()
    for name, model in models:
        with live.Gateway(program, model) as gateway:
            if point(gateway.ready(), f'{name}: the gateway is ready', gateway.said()):
                for vendor in ('twilio', 'plivo'):
                    talk(gateway, f'{name}, {vendor}', vendor, hear)


def talk(gateway, name, vendor, hear):
    words = [word for turn in TURNS for word in ('--say', turn)]
    status, report, said = gateway.phone('--as', vendor, *words, '--hangup', 'agent-stops:4000', '--max-s', '120',
                                         '--expect-turns', str(len(TURNS)))
    point(status == 0, f'{name}: each turn is answered', said)
    gaps = [turn.get('gap_ms') for turn in report.get('turns', [])]
    point(len(gaps) >= len(TURNS) and all(g is not None and g >= 0 for g in gaps[:2]),
              f'{name}: the answers came behind the questions', gaps)
    row, lines = gateway.last_call(30)
    agent = gateway.heard(hear, row, 'right')
    point(live.knows(agent, live.ANSWER_WORDS, 1), f'{name}: the recogniser hears the answers', agent)
    caller = [line['text'] for line in lines if line['who'] == 'caller']
    point(len(caller) >= 2, f'{name}: what was asked is written down', lines)


if __name__ == '__main__':
    tap.run(main, *sys.argv[1:])
