#!/usr/bin/env python3
"""Real calls go out: to the test number, which has to be answered (by a person, a voicemail, an application with our /hold).

    outbound_call.py RINGTRIP HEAR

Needs what inbound_call.py needs. Costs two short calls.
"""

import sys
import time

import carrier
import live
import tap
from tap import point

OVER = ('completed', 'failed')


def main(program, hear):
    model = live.model()
    account = carrier.account()
    port = live.port()
    public = carrier.Public(port)
    config = {'carriers': account.config(), **model, 'outbound': {'on_machine': 'talk'},
              'server': {'listen': f'0.0.0.0:{port}', 'public_url': public.url}}
    try:
        with live.Gateway(program, config, port=port) as gateway:
            if point(gateway.ready(), 'the gateway is ready', gateway.said()):
                a_whole_call(gateway, account, hear)
                a_call_that_we_end(gateway, account)
                a_campaign_lists_its_calls(gateway)
            point(gateway.stop() == 0, 'it ends orderly', gateway.said())
    finally:
        public.close()


def dial(gateway, account, **more):
    return gateway.ask('POST', '/v1/calls', {'to': account.test, 'campaign_id': 'live', **more})


def follow(gateway, call, until, seconds):
    """The states that it went through, in order, up to one of until."""
    seen = []
    end = time.monotonic() + seconds
    while time.monotonic() < end and (not seen or seen[-1] not in until):
        status = gateway.ask('GET', '/v1/calls/' + call)['status']
        if not seen or seen[-1] != status:
            seen.append(status)
        time.sleep(0.2)
    return seen


def a_whole_call(gateway, account, hear):
    made = dial(gateway, account, opening_reason='a test')
    call = made.get('call_id')
    if not point(call, 'the account takes the request', made):
        return
    seen = follow(gateway, call, ('in_progress',) + OVER, 60)
    if not point(seen[-1] == 'in_progress', 'the test number is answered', seen):
        return
    time.sleep(8)
    gateway.ask('POST', f'/v1/calls/{call}/hangup')
    seen += follow(gateway, call, OVER, 30)
    order = list(dict.fromkeys(seen))  # a ringing that nobody saw is none that did not happen
    point([s for s in order if s not in ('initiated', 'ringing')] == ['in_progress', 'completed'],
              'it was answered and is over, in this order', seen)
    shown = gateway.wait_dial(call, 30)
    point(shown['dial']['outcome'] in ('answered', 'machine'), 'its outcome says that it was answered', shown)
    row, _ = gateway.last_call(30)
    agent = gateway.heard(hear, row, 'right')
    point(live.knows(agent, live.GREETING_WORDS, 2), 'the recogniser hears the agent in the recording', agent)


def a_call_that_we_end(gateway, account):
    made = dial(gateway, account)
    call = made.get('call_id')
    if not point(call, 'a second call is made', made):
        return
    follow(gateway, call, ('ringing', 'in_progress') + OVER, 30)
    gateway.ask('POST', f'/v1/calls/{call}/hangup')
    seen = follow(gateway, call, OVER, 30)
    point(seen[-1] in OVER, 'a call that we end is over soon', seen)
    status = gateway.ask('GET', '/outbound/status/' + call)
    point(status['status'] in ('completed', 'no_answer', 'failed'), 'the reference route says so, too', status)


def a_campaign_lists_its_calls(gateway):
    listed = gateway.ask('GET', '/outbound/campaign/live')
    point(listed['total'] == 2 and len(listed['calls']) == 2, 'the campaign lists both calls', listed)


if __name__ == '__main__':
    tap.run(main, *sys.argv[1:])
