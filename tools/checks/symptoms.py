#!/usr/bin/env python3
"""docs/troubleshooting.md: every symptom that users of such systems tell of has a row, and the row shows it somewhere.

The list below is what the references' own pages and their users' reports name. Each needs a row whose first cell
matches. Each row says, in code, where the symptom shows; what it calls a note is one. TAP on standard output. That
figures and events exist is the check `named`.
"""

import re
import sys

import common

PAGE = 'docs/troubleshooting.md'
# Symptom -> what the first cell of its row must hold.
SYMPTOMS = {
    'no audio heard: incorrectPayload': 'incorrectPayload',
    'connection refused to the model': 'refused connection to the model',
    'the agent does not respond after speaking': 'does not answer after the caller has spoken',
    'double greeting': 'two greetings',
    'the WebSocket disconnects immediately': 'WebSocket closes at once',
    'audio quality: duller': 'duller',
    'credentials are refused': 'credentials are not correct',
    'the call drops after the first response': 'silence after the first answer',
    'phantom interruption at the start': 'phantom',
    'a pause ends the turn': 'pause in a sentence',
    'goAway, 10 and 15 and 60 minutes': '10, 15 or 60',
    '1006, 1007, 1008, 1011': '1006, 1007, 1008 or 1011',
    'the same function call twice': 'same tool is called twice',
    'high latency': 'two seconds to an answer',
    'frequent interruptions': 'cough',
    'tools are not called': 'tools are never called',
    'truncation of what was heard': 'believes the caller heard more',
    'audio_end_ms beyond the audio': 'already shorter',
    'jitter at word starts': 'gaps at word starts',
    'an active response': 'active response',
    'cannot_update_voice': 'cannot_update_voice',
    'voices that do not exist': 'unknown voice',
    'blocked speech is heard': 'guardrail forbids',
    'the handed-off agent is silent': 'handed over to says nothing',
    'silence after a tool': 'silence after a tool',
    'query parameters of the stream': '31920',
    'a tunnel that answers 403': 'webhooks get 403',
    'levels of sound': 'too quiet or too loud',
    'doubled transcript lines': 'doubled',
    'a wrong confirmation number': 'confirmation number',
    'echo': 'interrupts itself',
    'the text-only response': 'modalities bug',
    'rate limits': 'the service limits us',
    'the farewell is cut': 'goodbye is cut',
    'the phone leg stays up': 'phone stays up',
    'transfer does nothing': 'transfer or a text message',
    'company_name stays': 'company_name',
    'keys are not heard': 'keys that the caller presses',
    'noise of another codec': 'noise',
    'clipping': 'clipped',
    'the agent cannot be interrupted': 'cannot be interrupted',
    'it plays on after an interruption': 'talks on for a second',
    'dead air': 'line is dead',
    'many calls lag': 'third at once',
    'memory after hang-up': 'stays up after the last call',
    'busy': 'callers hear busy',
    'a slow join': 'greeting comes late',
    'outbound greeting unheard': 'hears no greeting',
    'a recording that is too long': 'longer or shorter than the call',
    'voicemail detection of people': 'taken for an answering machine',
    'campaign slots leak': 'places stay taken',
    'cost is unknown': 'knows the cost',
    'the port of the concierge': 'port 8080',
    'login of Vertex AI': 'Vertex AI',
}
SHOWN_NOWHERE = ('duller',)


def rows_of(text):
    for line in text.splitlines():
        cells = [c.strip() for c in line.split('|')[1:-1]]
        if len(cells) == 3 and cells[0] != 'symptom' and not set(cells[0]) <= set('- '):
            yield cells


def notes_in(cell):
    """`a`, `b` and `c` behind the word note, until the sentence turns to something else."""
    for run in re.findall(r'\bnotes?\b((?:[\s:,]*(?:and )?`[^`]+`(?: \(?[a-z]+\)?)?)+)', cell):
        yield from re.findall(r'`([a-z-]+)`', run.split(':')[0])


def judge(text, symptoms, notes):
    rows = list(rows_of(text))
    for symptom, words in symptoms.items():
        if not any(words in cells[0] for cells in rows):
            yield f'{symptom}: no row has "{words}"'
    for symptom, where, cure in rows:
        if '`' not in where and not symptom.startswith(SHOWN_NOWHERE):
            yield f'{symptom}: it is not said where it shows'
        if not cure:
            yield f'{symptom}: no cure'
        for note in notes_in(where):
            if note not in notes:
                yield f'{symptom}: there is no note {note}'


ROW = '| two greetings | note `barge-in`; `x.y` | ask once |\n'
SAMPLES = [
    ('a row', ROW, False),
    ('a symptom without one', ROW.replace('two greetings', 'none'), True),
    ('a row that shows nothing', '| two greetings | the log | ask once |\n', True),
    ('a row without a cure', '| two greetings | `x.y` | |\n', True),
    ('a note that is none', ROW.replace('barge-in', 'no-such'), True),
    ('two notes, one of which is none', ROW.replace('`barge-in`', '`barge-in`, `no-such`'), True),
]


def main():
    tap = common.Tap()
    for what, text, refused in SAMPLES:
        tap.sample(what, judge(text, {'double greeting': 'two greetings'}, {'barge-in'}), refused)
    notes = set(re.findall(r'X\(NOTE_\w+,\s*"([a-z-]+)"', '\n'.join(common.read(n) for n in common.tracked(r'src/call/.*\.h'))))
    tap.point(len(notes) > 40, 'knows the notes of a call')
    common.over_tree(tap, f'{len(SYMPTOMS)} symptoms have a row', (f'{PAGE}: {w}' for w in judge(common.read(PAGE), SYMPTOMS, notes)))
    return tap.done()


if __name__ == '__main__':
    sys.exit(main())
