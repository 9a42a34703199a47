#!/usr/bin/env python3
"""docs/moving: every name of the systems that people come from stands in its page, and what the page says is so.

The lists below are what those systems read, offer and answer to. A name must stand in code in its page. A name of the
environment that a page calls "the same" must be one that we read; one that "nothing reads" must not be. TAP on standard
output.
"""

import re
import sys

import common

PLIVO_ENV = '''PLIVO_AUTH_ID PLIVO_AUTH_TOKEN PLIVO_PHONE_NUMBER PUBLIC_URL SERVER_PORT DEFAULT_COUNTRY_CODE SYSTEM_PROMPT
    PLIVO_TEST_NUMBER'''
TURN_DETECTION = '''type threshold silence_duration_ms prefix_padding_ms create_response'''

NAMES = {
    'plivo-gpt-realtime': PLIVO_ENV + '''
        OPENAI_API_KEY GPT_REALTIME_MODEL GPT_REALTIME_VOICE VAD_START_THRESHOLD VAD_END_THRESHOLD VAD_MIN_SILENCE_MS
        VAD_CHUNK_SAMPLES VAD_PRE_SPEECH_PAD_MS VAD_SAMPLE_RATE NGROK_BIN LOG_LEVEL LOG_FORMAT LOG_FILE REDIS_EVENTS_URL
        REDIS_STREAM_KEY turn_detection system_prompt.md _build_tools()
        / /answer /hangup /fallback /hold /ws /outbound/call /outbound/answer /outbound/hangup /outbound/status/{id}
        /outbound/hangup/{id} /outbound/campaign/{id} phone_number campaign_id opening_reason objective context
        start media text stop dtmf playedStream clearedAudio playAudio clearAudio checkpoint
        initiating ringing connected completed failed no_answer success busy
        check_order_status send_sms schedule_callback transfer_call end_call inbound.server outbound.server docker ngrok''',
    'plivo-gemini-live': PLIVO_ENV + '''
        GEMINI_API_KEY GEMINI_MODEL GEMINI_VOICE VAD_CONFIDENCE startOfSpeechSensitivity endOfSpeechSensitivity prefixPaddingMs
        silenceDurationMs activityHandling turnCoverage thinkingConfig thinkingLevel thinkingBudget prebuiltVoiceConfig
        voiceName systemInstruction responseModalities inputAudioTranscription outputAudioTranscription sessionResumption
        contextWindowCompression initialHistoryInClientContent clientContent parent_call_id plivo_call_uuid
        plivo_request_uuid outbound.server''',
    'openai-agents-realtime': '''
        RealtimeAgent RealtimeRunner name instructions tools handoffs handoff_description prompt hooks is_enabled MCPServer
        function_tool needs_approval tool_approval_function approve_tool_call reject_tool_call RealtimeOutputGuardrail
        debounce_length model_settings initial_model_settings model_name modalities output_modalities voice speed
        max_output_tokens input_audio_format output_audio_format audio.input.format audio.output.format noise_reduction
        input_audio_noise_reduction input_audio_transcription turn_detection eagerness interrupt_response idle_timeout_ms
        model_version tool_choice parallel_tool_calls reasoning tracing output_guardrails
        guardrails_settings.debounce_text_length tracing_disabled async_tool_calls
        tool_execution.pre_approval_tool_input_guardrails tool_error_formatter api_key url headers playback_tracker call_id
        ping_interval ping_timeout handshake_timeout max_size send_message send_audio interrupt update_agent close
        add_listener remove_listener generate_response reconnect agent_start agent_end audio audio_end audio_interrupted
        tool_start tool_end tool_approval_required handoff history_added history_updated guardrail_tripped
        input_audio_timeout_triggered error raw_model_event audio_delta audio_done transcript_delta transcript_done
        OPENAI_API_KEY OPENAI_BASE_URL PORT OPENAI_WEBHOOK_SECRET TWILIO_STARTUP_BUFFER_CHUNKS TWILIO_STARTUP_DELAY_S
        OPENAI_AGENTS_DISABLE_TRACING OpenAIRealtimeSIPModel draw_graph add_trace_processor
        /incoming-call /media-stream /openai/webhook /webhook/incoming-call ''' + TURN_DETECTION,
    'twilio-concierge': '''
        OPENAI_API_KEY TWILIO_ACCOUNT_SID TWILIO_AUTH_TOKEN TWILIO_PHONE_NUMBER SERVER_HOST SERVER_PORT PUBLIC_DOMAIN
        REALTIME_MODEL REALTIME_VOICE DEMO_RESTAURANT_NAME DEMO_RESTAURANT_PHONE LOG_LEVEL AGENT_MODEL AGENT_TEMPERATURE
        SERVER_URL CONCIERGE_NAME CONCIERGE_PHONE temperature modalities input_audio_format
        / /health /twiml /calls /calls/{id}/status /metrics /media-stream /process-request /twilio-status
        find_restaurant initiate_reservation_call get_call_status end_call cleanup_old_calls draw_graph ngrok
        concierge.server''',
    'asterisk-provider': '''
        OPENAI_API_KEY GOOGLE_API_KEY COMPANY_NAME LOG_LEVEL ASTERISK_HOST ASTERISK_ARI_PORT ASTERISK_ARI_USERNAME
        ASTERISK_ARI_PASSWORD CALL_HISTORY_ENABLED CALL_HISTORY_RETENTION_DAYS CALL_HISTORY_DB_PATH
        CALL_HISTORY_TOOL_REDACTION_MODE HEALTH_API_TOKEN AAVA_OUTBOUND_EXTENSION_IDENTITY AAVA_OUTBOUND_AMD_CONTEXT
        AAVA_OUTBOUND_PBX_TYPE AAVA_OUTBOUND_DIAL_CONTEXT AAVA_OUTBOUND_DIAL_PREFIX AAVA_OUTBOUND_CHANNEL_TECH
        AAVA_OUTBOUND_ATTEMPT_STALE_SECONDS AAVA_MEDIA_DIR AI_CONTEXT AI_AGENT AI_PROVIDER AI_AUDIO_PROFILE
        enabled base_url api_key greeting model temperature max_response_output_tokens voice input_audio_format
        output_audio_format input_audio_sample_rate output_audio_sample_rate provider_input_encoding output_encoding
        modalities response_modalities turn_detection_enabled turn_detection_type turn_detection instructions tools
        egress_pacer_enabled egress_pacer_warmup_ms api_version output_resampler farewell_hangup_delay_sec
        on_provider_failure profile prompt provider background_music vad.webrtc_aggressiveness barge_in no_input
        caller_name caller_number caller_id call_id context_name call_direction campaign_id lead_id company_name
        current_date current_weekday current_time current_datetime_iso today
        transfer blind_transfer transfer_call transfer_to_queue cancel_transfer attended_transfer live_agent_transfer
        hangup_call leave_voicemail check_extension_status send_email_summary request_transcript google_calendar
        microsoft_calendar set_call_disposition atis voicemail_drop consent custom_vars
        quickstart init setup doctor check troubleshoot rca demo dialplan validate version update
        /live /ready /health /metrics /reload /mcp/status /mcp/test/{id} /tools/definitions /sessions/stats
        /config/state ''' + TURN_DETECTION,
}
ENV = re.compile(r'[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|PORT')


def code_of(text):
    """What stands in code, fenced blocks included."""
    fenced = re.findall(r'^```.*?^```', text, re.M | re.S)
    return '\n'.join(re.findall(r'`([^`\n]+)`', text) + fenced)


def stands(name, code):
    before, after = (r'(?<![\w/{-])', r'(?![\w/{-])') if name.startswith('/') else (r'(?<![\w-])', r'(?![\w-])')
    return re.search(before + re.escape(name) + after, code) is not None


def judge(text, names, read):
    """names: what must stand in the page. read: the names of the environment that we read."""
    code = code_of(text)
    for name in names:
        if not stands(name, code):
            yield f'{name} is not mapped'
    for line in text.splitlines():
        cells = [c.strip() for c in line.split('|')[1:-1]]
        if len(cells) < 2:
            continue
        theirs = [e for e in ENV.findall(code_of(cells[0])) if e in names]
        for name in theirs:
            if cells[1].startswith('the same') and name not in read:
                yield f'{name} is called the same, but nothing reads it'
            if cells[1].startswith('nothing reads') and name in read:
                yield f'{name} is read, although the page denies it'


SAMPLE = '| there | here |\n|---|---|\n| `A_KEY`, `B_KEY` | the same |\n| `GET /x/{id}` | nothing reads it |\n'
SAMPLES = [
    ('what stands there', SAMPLE, ['A_KEY', '/x/{id}'], {'A_KEY', 'B_KEY'}, False),
    ('a name that is missing', SAMPLE, ['C_KEY'], {'A_KEY'}, True),
    ('the beginning of a name', SAMPLE, ['A'], set(), True),
    ('the beginning of a route', SAMPLE, ['/x'], set(), True),
    ('a name outside of code', 'A_KEY', ['A_KEY'], set(), True),
    ('the same, which is not', SAMPLE, ['A_KEY'], set(), True),
    ('read, though denied', '| `A_KEY` | nothing reads it |\n', ['A_KEY'], {'A_KEY'}, True),
]


def main():
    tap = common.Tap()
    for what, text, names, read, refused in SAMPLES:
        tap.sample(what, judge(text, names, read), refused)
    read = set(re.findall(r'`([A-Z][A-Z0-9_]+)`', common.read('docs/configuration.md')))
    pages = {n.rsplit('/', 1)[1][:-3] for n in common.tracked(r'docs/moving/.*\.md')}
    tap.point(pages == set(NAMES), 'each page has its list', sorted(pages ^ set(NAMES)))
    for page in sorted(pages & set(NAMES)):
        names = NAMES[page].split()
        found = [f'docs/moving/{page}.md: {w}' for w in judge(common.read(f'docs/moving/{page}.md'), names, read)]
        common.over_tree(tap, f'{page}: {len(set(names))} names are mapped', found)
    return tap.done()


if __name__ == '__main__':
    sys.exit(main())
