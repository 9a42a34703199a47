#!/usr/bin/env python3
"""A real call comes in: the test number of the account calls ours, hears the greeting, asks, and is answered.

    inbound_call.py RINGTRIP HEAR

Needs a model's key (OPENAI_API_KEY or GEMINI_API_KEY); PLIVO_AUTH_ID, PLIVO_AUTH_TOKEN, PLIVO_PHONE_NUMBER,
PLIVO_TEST_NUMBER or their Twilio twins; PUBLIC_URL, which leads to LIVE_PORT (8000) of this machine, or NGROK_BIN. Plivo's number
is led to PUBLIC_URL by the gateway; Twilio's has to have PUBLIC_URL/twiml as its voice webhook. Costs a minute of a call.
"""

import sys
import time

import carrier
import live
import tap
from tap import point


def main(program, hear):
    model = live.model()
    account = carrier.account()
    port = live.port()
    public = carrier.Public(port)
    config = {'carriers': account.config(), **model,
              'server': {'listen': f'0.0.0.0:{port}', 'public_url': public.url}}
    try:
        with live.Gateway(program, config, port=port) as gateway:
            if point(gateway.ready(), 'the gateway is ready', gateway.said()):
                call_in(gateway, account, public.url, hear)
            point(gateway.stop() == 0, 'it ends orderly', gateway.said())
    finally:
        public.close()


def call_in(gateway, account, public, hear):
    if account.name == 'plivo':
        point(gateway.waits_for('Ready! Call +'), 'number and application lead here', gateway.said())
    call = account.call(public)
    row = gateway.wait_call('in_progress', 60)
    if not point(row, 'the call has come in', gateway.said()):
        return
    time.sleep(6)  # the greeting
    account.say(call, account.question if hasattr(account, 'question') else 'Where is my order one two three four?')
    time.sleep(16)
    account.hang_up(call)
    row, lines = gateway.last_call(30)
    point(row['status'] == 'completed' and row['duration_ms'] > 15000, 'the record is closed, with its length', row)
    point(row['reason'] == 'caller-hangup', 'the caller has hung up', row)
    point(row['caller'].lstrip('+') == account.test.lstrip('+'), 'it knows who has called', row)
    agent, caller = gateway.heard(hear, row, 'right'), gateway.heard(hear, row, 'left')
    point(live.knows(agent, live.GREETING_WORDS, 2), 'the recogniser hears the greeting in the recording', agent)
    point(live.knows(agent, live.ANSWER_WORDS, 1), 'and the answer', agent)
    point(live.knows(caller, live.QUESTION_WORDS, 1), 'and, on the other side, the question', caller)
    said = ' '.join(line['text'] for line in lines if line['who'] == 'caller').lower()
    point('order' in said, 'the model understood the caller', lines)


if __name__ == '__main__':
    tap.run(main, *sys.argv[1:])
