#include "config/options.h"

#include "config/draft.h"

#define SINCE "0.1.0"

static const struct option_word words_provider_kind[] = {{"openai", CONFIG_OPENAI, false},
                                                         {"gemini", CONFIG_GEMINI, false},
                                                         {"sandbox", CONFIG_SANDBOX, false},
                                                         {NULL, 0, false}};
static const struct option_word words_dialect[] = {
    {"ga", CONFIG_GA, false}, {"beta", CONFIG_BETA, false}, {"live", CONFIG_LIVE, false}, {NULL, 0, false}};
static const struct option_word words_thinking[] = {
    {"minimal", 0, false}, {"low", 0, false}, {"medium", 0, false}, {"high", 0, false}, {NULL, 0, false}};
static const struct option_word words_hearing[] = {{"verbatim", 0, false}, {"smart", 0, false}, {NULL, 0, false}};
static const struct option_word words_resolution[] = {
    {"low", 0, false}, {"medium", 0, false}, {"high", 0, false}, {NULL, 0, false}};
static const struct option_word words_sensitivity[] = {{"high", 0, false}, {"low", 0, false}, {NULL, 0, false}};
static const struct option_word words_coverage[] = {{"TURN_INCLUDES_ONLY_ACTIVITY", 0, false},
                                                    {"TURN_INCLUDES_ALL_INPUT", 0, false},
                                                    {"TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO", 0, false},
                                                    {NULL, 0, false}};
static const struct option_word words_login[] = {{"key", CONFIG_LOGIN_KEY, false},
                                                 {"file", CONFIG_LOGIN_FILE, false},
                                                 {"metadata", CONFIG_LOGIN_METADATA, false},
                                                 {NULL, 0, false}};
static const struct option_word words_behavior[] = {
    {"blocking", CONFIG_BLOCKING, false}, {"non_blocking", CONFIG_NON_BLOCKING, false}, {NULL, 0, false}};
static const struct option_word words_scheduling[] = {
    {"when_idle", 0, false}, {"interrupt", 0, false}, {"silent", 0, false}, {NULL, 0, false}};
static const struct option_word words_greeting[] = {{"none", GREETING_NONE, false},
                                                    {"text", GREETING_TEXT, false},
                                                    {"prompt", GREETING_PROMPT, false},
                                                    {NULL, 0, false}};
static const struct option_word words_calls[] = {{"both", CONFIG_MODE_BOTH, false},
                                                 {"inbound", CONFIG_MODE_INBOUND, false},
                                                 {"outbound", CONFIG_MODE_OUTBOUND, false},
                                                 {NULL, 0, false}};
static const struct option_word words_machine[] = {
    {"talk", 0, false}, {"hangup", 0, false}, {"voicemail", 0, false}, {NULL, 0, false}};
static const struct option_word words_turn[] = {{"local", TURN_LOCAL, false},
                                                {"server_vad", TURN_SERVER_VAD, false},
                                                {"semantic_vad", TURN_SEMANTIC_VAD, false},
                                                {"hybrid", TURN_HYBRID, false},
                                                {"manual", TURN_MANUAL, false},
                                                {"vad", TURN_SERVER_VAD, true},
                                                {"none", TURN_MANUAL, true},
                                                {NULL, 0, false}};
static const struct option_word words_preset[] = {
    {"quiet", CONFIG_PRESET_QUIET, false}, {"noisy", CONFIG_PRESET_NOISY, false}, {NULL, 0, false}};
static const struct option_word words_service[] = {
    {"server_vad", TURN_SERVER_VAD, false}, {"semantic_vad", TURN_SEMANTIC_VAD, false}, {NULL, 0, false}};
static const struct option_word words_chunk[] = {{"256", 8000, false}, {"512", 16000, false}, {NULL, 0, false}};
static const struct option_word words_noise[] = {{"none", CONFIG_NOISE_NONE, false},
                                                 {"near_field", CONFIG_NEAR_FIELD, false},
                                                 {"far_field", CONFIG_FAR_FIELD, false},
                                                 {NULL, 0, false}};
static const struct option_word words_effort[] = {
    {"minimal", CONFIG_EFFORT_MINIMAL, false}, {"low", CONFIG_EFFORT_LOW, false},
    {"medium", CONFIG_EFFORT_MEDIUM, false},   {"high", CONFIG_EFFORT_HIGH, false},
    {"xhigh", CONFIG_EFFORT_XHIGH, false},     {NULL, 0, false}};
static const struct option_word words_level[] = {
    {"error", LOG_ERROR, false}, {"warn", LOG_WARN, false},     {"info", LOG_INFO, false},  {"debug", LOG_DEBUG, false},
    {"warning", LOG_WARN, true}, {"critical", LOG_ERROR, true}, {"trace", LOG_DEBUG, true}, {NULL, 0, false}};
static const struct option_word words_method[] = {{"POST", WEBHOOK_POST, false},     {"GET", WEBHOOK_GET, false},
                                                  {"PUT", WEBHOOK_PUT, false},       {"PATCH", WEBHOOK_PATCH, false},
                                                  {"DELETE", WEBHOOK_DELETE, false}, {NULL, 0, false}};
static const struct option_word words_guard_kind[] = {{"regex", GUARD_REGEX, false},   {"words", GUARD_WORDS, false},
                                                      {"shapes", GUARD_SHAPES, false}, {"length", GUARD_LENGTH, false},
                                                      {"range", GUARD_RANGE, false},   {"http", GUARD_HTTP, false},
                                                      {"model", GUARD_MODEL, false},   {NULL, 0, false}};
static const struct option_word words_guard_side[] = {
    {"output", GUARD_OUTPUT, false}, {"input", GUARD_INPUT, false}, {"tool", GUARD_TOOL, false}, {NULL, 0, false}};
static const struct option_word words_guard_verb[] = {
    {"cancel", GUARD_CANCEL, false}, {"end_call", GUARD_END_CALL, false}, {NULL, 0, false}};
static const struct option_word words_guard_expiry[] = {
    {"release", GUARD_RELEASE, false}, {"mute", GUARD_MUTE, false}, {NULL, 0, false}};
static const struct option_word words_guard_shape[] = {
#define X(name, word) {word, name, false},
    GUARD_SHAPE_LIST(X)
#undef X
        {NULL, 0, false}};
static const struct option_word words_eagerness[] = {
    {"auto", 0, false}, {"low", 0, false}, {"medium", 0, false}, {"high", 0, false}, {NULL, 0, false}};
static const struct option_word words_tracing[] = {{"auto", 0, false}, {"none", 0, false}, {NULL, 0, false}};
static const struct option_word words_retry[] = {{"408", 0, false}, {"425", 0, false}, {"429", 0, false},
                                                 {"500", 0, false}, {"502", 0, false}, {"503", 0, false},
                                                 {"504", 0, false}, {NULL, 0, false}};
static const struct option_word words_truncation[] = {{"auto", 0, false}, {"disabled", 0, false}, {NULL, 0, false}};
static const struct option_word words_delay[] = {{"minimal", 0, false}, {"low", 0, false},   {"medium", 0, false},
                                                 {"high", 0, false},    {"xhigh", 0, false}, {NULL, 0, false}};
static const struct option_word words_sampler[] = {{"parentbased_always_on", TRACE_PARENT_ALWAYS_ON, false},
                                                   {"parentbased_always_off", TRACE_PARENT_ALWAYS_OFF, false},
                                                   {"parentbased_traceidratio", TRACE_PARENT_RATIO, false},
                                                   {"always_on", TRACE_ALWAYS_ON, false},
                                                   {"always_off", TRACE_ALWAYS_OFF, false},
                                                   {"traceidratio", TRACE_RATIO, false},
                                                   {NULL, 0, false}};
/* The hidden ones are what newer instrumentations write into the same variable. */
static const struct option_word words_content[] = {
    {"true", 1, false},      {"false", 0, false},     {"span_only", 1, true}, {"span_and_event", 1, true},
    {"event_only", 0, true}, {"no_content", 0, true}, {NULL, 0, false}};
static const struct option_word words_compression[] = {{"none", 0, false}, {"gzip", 1, false}, {NULL, 0, false}};
static const struct option_word words_log_format[] = {{"text", CONFIG_LOG_TEXT, false},
                                                      {"json", CONFIG_LOG_JSON, false},
                                                      {"console", CONFIG_LOG_TEXT, true},
                                                      {NULL, 0, false}};

static const struct option_word words_mode[] = {
    {"parallel", TOOL_PARALLEL, false}, {"sequential", TOOL_SEQUENTIAL, false}, {NULL, 0, false}};

static const struct option_word words_approval[] = {{"never", APPROVAL_NEVER, false},
                                                    {"always", APPROVAL_ALWAYS, false},
                                                    {"when", APPROVAL_WHEN, false},
                                                    {"spoken", APPROVAL_SPOKEN, false},
                                                    {"true", APPROVAL_ALWAYS, true},
                                                    {"false", APPROVAL_NEVER, true},
                                                    {NULL, 0, false}};

static const struct option_word words_policy[] = {
    {"reject", CONFIG_POLICY_REJECT, false}, {"approve", CONFIG_POLICY_APPROVE, false}, {NULL, 0, false}};

static const struct option_word words_consent[] = {{"en", 0, false}, {"de", 0, false}, {"fr", 0, false},
                                                   {"es", 0, false}, {"it", 0, false}, {"pt", 0, false},
                                                   {"nl", 0, false}, {NULL, 0, false}};

#define DEMO_INSTRUCTIONS                                                                                              \
    "You are Robin, the friendly voice of a small web shop, on the telephone. Speak the caller's language. Answer in " \
    "one to three short sentences, without lists or symbols, and say numbers as words. Ask one question at a time. "   \
    "Use check_order_status when somebody asks about an order, send_sms when they want something in writing, "         \
    "schedule_callback when they want to be called back, transfer_call when only a colleague can help, and end_call "  \
    "after saying goodbye. Confirm a telephone number before you use it. Never invent facts about orders."
#define DEMO_GREETING      "Hello, this is Robin, your shop assistant. How can I help you?"
#define OUTBOUND_VOICEMAIL "Hello, we tried to reach you. Please call us back at this number. Thank you, and goodbye."
#define TRANSFER_SORRY     "We are sorry, nobody can take your call at the moment. Please call again later. Goodbye."
#define DEMO_APOLOGY                                                                                                   \
    "We are sorry, our assistant cannot be reached at the moment. Please call again in a few minutes. Goodbye."

/* clang-format off */
#define SILENCE_PROMPTS "Are you still there?|I cannot hear you. Are you still on the line?"
#define SILENCE_GOODBYE "I still cannot hear you, so I will hang up now. Goodbye."

#define ROOT(type_, key_, field_)     .scope = OPTION_ROOT, .type = (type_), .key = (key_), .offset = offsetof(struct config, field_), .since = SINCE
#define PROVIDER(type_, key_, field_) .scope = OPTION_PROVIDER, .type = (type_), .key = (key_), .offset = offsetof(struct config_provider, field_), .since = SINCE
#define PRICE(key_, field_)           .scope = OPTION_PRICE, .type = OPTION_MONEY, .key = (key_), .offset = offsetof(struct config_price, prices.field_), .min = 0, .max = 100000, .since = SINCE
#define TOOL(type_, key_, field_)     .scope = OPTION_TOOL, .type = (type_), .key = (key_), .offset = offsetof(struct config_tool, field_), .since = SINCE
#define ROUTE(type_, key_, field_)    .scope = OPTION_ROUTE, .type = (type_), .key = (key_), .offset = offsetof(struct config_route, field_), .since = SINCE
#define MCP(type_, key_, field_)      .scope = OPTION_MCP, .type = (type_), .key = (key_), .offset = offsetof(struct config_mcp, field_), .since = SINCE
#define GUARD(type_, key_, field_)    .scope = OPTION_GUARD, .type = (type_), .key = (key_), .offset = offsetof(struct config_guardrail, field_), .since = SINCE
#define DROPPED(key_, why_)           {.scope = OPTION_ROOT, .type = OPTION_DROPPED, .key = (key_), .meaning = (why_), .since = SINCE}

const struct option option_table[] = {
    /* server */
    {ROOT(OPTION_LISTEN, "server.listen", server.host), .def_text = "0.0.0.0:8000",
     .meaning = "Address and port to listen on, as host:port, [ipv6]:port, :port or a port alone. Port 0 takes any free one"},
    {ROOT(OPTION_STR, NULL, server.host), .env = {"SERVER_HOST"}, .def = "0.0.0.0",
     .meaning = "Address to listen on, when server.listen is not in the file"},
    {ROOT(OPTION_U16, NULL, server.port), .env = {"SERVER_PORT", "PORT"}, .min = 0, .max = 65535, .def = "8000",
     .meaning = "Port to listen on, when server.listen is not in the file"},
    {ROOT(OPTION_URL, "server.public_url", server.public_url), .env = {"PUBLIC_URL"}, .example = "https://voice.example.com",
     .def_text = "the Host of each request", .host_alone = true,
     .meaning = "How the carrier reaches us from outside; signatures are computed over it and media URLs begin with it. A host name alone is https"},
    {ROOT(OPTION_HOSTNAME, NULL, server.public_url), .env = {"PUBLIC_DOMAIN"}, .example = "voice.example.com",
     .meaning = "The same as a host name alone, for https; used when PUBLIC_URL is not set"},
    {ROOT(OPTION_FILE, "server.tls.cert", server.tls_cert), .env = {"TLS_CERT"},
     .meaning = "PEM file with the certificate chain: serves https and wss without a proxy. Read again on SIGHUP"},
    {ROOT(OPTION_FILE, "server.tls.key", server.tls_key), .env = {"TLS_KEY"}, .meaning = "PEM file with the certificate's private key"},
    {ROOT(OPTION_SECRETS, "server.tokens", server.tokens), .env = {"RINGTRIP_API_TOKEN"}, .example = "a long random text",
     .def_text = "none: control routes answer on loopback only",
     .meaning = "Bearer tokens that may list, place and end calls"},
    {ROOT(OPTION_BLOCKS, "server.trusted_proxies", server.trusted_proxies), .env = {"TRUSTED_PROXIES"}, .def = "127.0.0.1, ::1",
     .meaning = "Addresses or blocks (10.0.0.0/8) of proxies whose X-Forwarded-Proto, -Host and -For headers are believed"},

    /* records */
    {ROOT(OPTION_STR, "records.dir", records.dir), .env = {"RECORDS_DIR"}, .def = "var",
     .meaning = "Folder of the database, recordings and journals; a relative one counts from the working directory"},
    {ROOT(OPTION_STR, "records.database", records.database), .env = {"RECORDS_DATABASE"}, .def_text = "<records.dir>/ringtrip.db",
     .meaning = "SQLite file of the call records"},
    {ROOT(OPTION_BOOL, "records.recording", records.recording), .env = {"RECORDS_RECORDING"}, .def = "true",
     .meaning = "Record both sides of every call as stereo WAV"},
    {ROOT(OPTION_BOOL, "records.journal", records.journal), .env = {"RECORDS_JOURNAL"}, .def = "true",
     .meaning = "Keep the journal of every call, for ringtrip replay"},
    {ROOT(OPTION_BOOL, "records.confirmation", records.confirmation), .env = {"RECORDS_CONFIRMATION"}, .def = "false",
     .meaning = "Look for a confirmation number in what is said, and keep the first one with the call"},
    {ROOT(OPTION_U32, "records.retention_days", records.retention_days), .env = {"RECORDS_RETENTION_DAYS"}, .min = 0, .max = 36500, .word0 = "forever", .def = "30",
     .meaning = "Records, recordings and journals older than this are deleted; 0 keeps them for ever"},
    {ROOT(OPTION_U32, "records.retention_minutes", records.retention_minutes), .min = 0, .max = 52560000, .def = "0", .def_text = "none: records.retention_days",
     .meaning = "In place of records.retention_days: deleted so many minutes after the call's end, looked for every minute"},
    {ROOT(OPTION_U32, "records.min_free_mb", records.min_free_mb), .min = 0, .max = 100000000, .def = "500",
     .meaning = "With less room than this on the disk no new recording or journal begins; calls go on"},

    /* store */
    {ROOT(OPTION_SECRET, "store.url", store.url), .env = {"STORE_URL"}, .example = "postgres://ringtrip:secret@db.example.com/ringtrip",
     .def_text = "none: SQLite in records.database",
     .meaning = "PostgreSQL database for records and campaigns, shared by several gateways. Special characters of the password are written as %40"},
    {ROOT(OPTION_STR, "store.node", store.node), .env = {"STORE_NODE"}, .def_text = "the host's name and records.dir",
     .meaning = "Name of this gateway among those that share store.url; no two may have the same"},

    /* campaigns */
    {ROOT(OPTION_STR, "campaigns.timezone", campaigns.timezone), .env = {"CAMPAIGNS_TIMEZONE"}, .def = "UTC",
     .meaning = "Time zone of campaigns that name none, such as Europe/Berlin"},
    {ROOT(OPTION_U32, "campaigns.max_calls", campaigns.max_calls), .min = 1, .max = 10000, .def = "50",
     .meaning = "Contacts that this gateway calls at once, all campaigns together; limits.max_calls holds as well"},
    {ROOT(OPTION_U32, "campaigns.lease_s", campaigns.lease_s), .min = 10, .max = 3600, .def = "60",
     .meaning = "Seconds without a sign of life after which another gateway settles the calls of this one"},

    /* providers */
    {PROVIDER(OPTION_ENUM, "kind", kind), .words = words_provider_kind, .def = "openai", .def_text = "openai; gemini or sandbox when that is the provider's name",
     .meaning = "What it speaks: the OpenAI Realtime service (or a compatible one), Gemini Live, or our offline sandbox"},
    {PROVIDER(OPTION_URL, "url", url), .env = {"OPENAI_BASE_URL"}, .env_kinds = OPTION_KIND(CONFIG_OPENAI), .def_text = "https://api.openai.com/v1; gemini: https://generativelanguage.googleapis.com; for a sandbox SANDBOX_URL, else one that serve starts itself",
     .meaning = "Base address: ws, wss, http or https; /realtime is added to it. gemini: the path of its method, unless the address names that"},
    {PROVIDER(OPTION_URL, NULL, url), .env = {"GOOGLE_GEMINI_BASE_URL"}, .env_kinds = OPTION_KIND(CONFIG_GEMINI),
     .meaning = "The same for providers of kind gemini"},
    {PROVIDER(OPTION_URL, NULL, url), .env = {"SANDBOX_URL"}, .env_kinds = OPTION_KIND(CONFIG_SANDBOX), .example = "ws://127.0.0.1:9000",
     .meaning = "Address of a sandbox that is already running; without it serve starts its own"},
    {PROVIDER(OPTION_SECRET, "api_key", api_key), .env_kinds = OPTION_KIND(CONFIG_OPENAI), .env = {"OPENAI_API_KEY"}, .example = "sk-...",
     .meaning = "Key of the service. Without a file this key makes openai the provider, GEMINI_API_KEY gemini, no key the sandbox"},
    {PROVIDER(OPTION_SECRET, NULL, api_key), .env_kinds = OPTION_KIND(CONFIG_GEMINI), .env = {"GEMINI_API_KEY", "GOOGLE_API_KEY"}, .example = "AIza...",
     .meaning = "Key of Gemini Live"},
    {PROVIDER(OPTION_STR, "model", model), .env = {"GPT_REALTIME_MODEL", "REALTIME_MODEL"}, .env_kinds = OPTION_KIND(CONFIG_OPENAI) | OPTION_KIND(CONFIG_SANDBOX), .def = "gpt-realtime-2.1", .def_text = "gpt-realtime-2.1; gemini: gemini-3.8-live",
     .meaning = "Model of the session (Azure: the deployment). A retired name is replaced by the default, with one warning; gemini: it is tried"},
    {PROVIDER(OPTION_STR, NULL, model), .env = {"GEMINI_MODEL"}, .env_kinds = OPTION_KIND(CONFIG_GEMINI), .def_text = "gemini-3.8-live", .meaning = "Model of providers of kind gemini"},
    {PROVIDER(OPTION_VOICE, "voice", voice), .env = {"GPT_REALTIME_VOICE", "REALTIME_VOICE"}, .env_kinds = OPTION_KIND(CONFIG_OPENAI) | OPTION_KIND(CONFIG_SANDBOX), .def = "alloy", .def_text = "alloy; gemini: Kore",
     .meaning = "Voice: alloy, ash, ballad, coral, echo, sage, shimmer, verse, marin, cedar, or a custom one as {id: voice_...}; gemini: Kore, Puck, Charon, Aoede and others"},
    {PROVIDER(OPTION_STR, NULL, voice), .env = {"GEMINI_VOICE"}, .env_kinds = OPTION_KIND(CONFIG_GEMINI), .def_text = "Kore", .meaning = "Voice of providers of kind gemini"},
    {PROVIDER(OPTION_FILE, "ca_file", ca_file), .def_text = "the system's store",
     .meaning = "PEM file of the authorities that the service's certificate is checked against"},
    {PROVIDER(OPTION_STR, "auth_header", auth_header), .def = "Authorization", .def_text = "Authorization; gemini: x-goog-api-key",
     .meaning = "Header that carries the key: Authorization sends \"Bearer <key>\", any other name (Azure: api-key) the bare key"},
    {PROVIDER(OPTION_BOOL, "model_in_query", model_in_query), .def = "true",
     .meaning = "Put ?model= into the address; some compatible servers want it left out"},
    {PROVIDER(OPTION_ENUM, "dialect", dialect), .words = words_dialect, .def = "ga",
     .meaning = "Shape of messages: ga, or beta for dated Azure previews and old compatible servers. A sandbox with live speaks as Gemini Live does"},
    {PROVIDER(OPTION_SECRET_MAP, "headers", headers), .meaning = "Further request headers, name: value"},
    {PROVIDER(OPTION_SECRET_MAP, "query", query), .meaning = "Further query parameters, name: value"},
    {PROVIDER(OPTION_STR, "api_version", gemini.api_version), .kinds = OPTION_KIND(CONFIG_GEMINI) | OPTION_KIND(CONFIG_SANDBOX), .def_text = "v1beta", .meaning = "gemini: version in the path of its method"},
    {PROVIDER(OPTION_STR, "project", gemini.project), .kinds = OPTION_KIND(CONFIG_GEMINI) | OPTION_KIND(CONFIG_SANDBOX), .example = "my-project", .def_text = "none: the Gemini API", .meaning = "gemini: project of Vertex AI. The address, the path and the model's whole name follow from it; it wants access tokens: see login"},
    {PROVIDER(OPTION_STR, "location", gemini.location), .kinds = OPTION_KIND(CONFIG_GEMINI) | OPTION_KIND(CONFIG_SANDBOX), .example = "europe-west4", .def_text = "us-central1", .meaning = "gemini: location of Vertex AI, or global"},
    {PROVIDER(OPTION_FILE, "credentials_file", gemini.credentials_file), .kinds = OPTION_KIND(CONFIG_GEMINI) | OPTION_KIND(CONFIG_SANDBOX), .env = {"GOOGLE_APPLICATION_CREDENTIALS"}, .env_kinds = OPTION_KIND(CONFIG_GEMINI), .example = "/etc/ringtrip/vertex.json",
     .meaning = "gemini, with a project: JSON key of a service account (or what gcloud auth application-default login writes). Access tokens are fetched with it and renewed before they run out; it is read anew each time"},
    {PROVIDER(OPTION_ENUM, "login", gemini.login), .kinds = OPTION_KIND(CONFIG_GEMINI) | OPTION_KIND(CONFIG_SANDBOX), .words = words_login, .def = "key", .def_text = "file with credentials_file, else key",
     .meaning = "gemini, with a project: where access tokens come from: credentials_file (file), the metadata server of Google's own machines (metadata), or api_key is one (key)"},
    {PROVIDER(OPTION_URL, "token_url", gemini.token_url), .kinds = OPTION_KIND(CONFIG_GEMINI) | OPTION_KIND(CONFIG_SANDBOX), .def_text = "the token_uri of credentials_file; metadata: the metadata server",
     .meaning = "gemini, with a project: address that access tokens are asked for at"},
    {PROVIDER(OPTION_STR, "language_code", gemini.language_code), .kinds = OPTION_KIND(CONFIG_GEMINI) | OPTION_KIND(CONFIG_SANDBOX), .example = "de-DE", .def_text = "not sent", .meaning = "gemini: speechConfig.languageCode. Models with native audio choose the language themselves and may refuse it"},
    {PROVIDER(OPTION_LIST, "transcription_languages", gemini.transcription_languages), .kinds = OPTION_KIND(CONFIG_GEMINI) | OPTION_KIND(CONFIG_SANDBOX), .def_text = "none", .meaning = "gemini: languages that the caller's transcript may be in, en-US and the like; not every model takes them"},
    {PROVIDER(OPTION_LIST, "transcription_vocabulary", gemini.transcription_vocabulary), .kinds = OPTION_KIND(CONFIG_GEMINI) | OPTION_KIND(CONFIG_SANDBOX), .def_text = "none", .meaning = "gemini: names and words that the caller's transcript is likely to hold; not every model takes them"},
    {PROVIDER(OPTION_STR, "transcription_mode", gemini.transcription_mode), .kinds = OPTION_KIND(CONFIG_GEMINI) | OPTION_KIND(CONFIG_SANDBOX), .words = words_hearing, .def_text = "the service's own", .meaning = "gemini: transcripts of the caller word by word (verbatim) or smoothed (smart); not every model takes it"},
    {PROVIDER(OPTION_F64, "temperature", gemini.temperature), .kinds = OPTION_KIND(CONFIG_GEMINI) | OPTION_KIND(CONFIG_SANDBOX), .min = -1, .max = 2, .def = "-1", .def_text = "the model's own", .meaning = "gemini: generationConfig.temperature"},
    {PROVIDER(OPTION_F64, "top_p", gemini.top_p), .kinds = OPTION_KIND(CONFIG_GEMINI) | OPTION_KIND(CONFIG_SANDBOX), .min = -1, .max = 1, .def = "-1", .def_text = "the model's own", .meaning = "gemini: generationConfig.topP"},
    {PROVIDER(OPTION_U32, "top_k", gemini.top_k), .kinds = OPTION_KIND(CONFIG_GEMINI) | OPTION_KIND(CONFIG_SANDBOX), .min = 0, .max = 1000, .def_text = "the model's own", .meaning = "gemini: generationConfig.topK"},
    {PROVIDER(OPTION_F64, "presence_penalty", gemini.presence_penalty), .kinds = OPTION_KIND(CONFIG_GEMINI) | OPTION_KIND(CONFIG_SANDBOX), .min = -2, .max = 2, .def = "0", .meaning = "gemini: generationConfig.presencePenalty; 0 is not sent"},
    {PROVIDER(OPTION_F64, "frequency_penalty", gemini.frequency_penalty), .kinds = OPTION_KIND(CONFIG_GEMINI) | OPTION_KIND(CONFIG_SANDBOX), .min = -2, .max = 2, .def = "0", .meaning = "gemini: generationConfig.frequencyPenalty; 0 is not sent"},
    {PROVIDER(OPTION_STR, "media_resolution", gemini.media_resolution), .kinds = OPTION_KIND(CONFIG_GEMINI) | OPTION_KIND(CONFIG_SANDBOX), .words = words_resolution, .def_text = "the service's own", .meaning = "gemini: how closely images are looked at, and what they cost: low, medium or high"},
    {PROVIDER(OPTION_I32, "seed", gemini.seed), .kinds = OPTION_KIND(CONFIG_GEMINI) | OPTION_KIND(CONFIG_SANDBOX), .min = -1, .max = 2147483647, .def = "-1", .def_text = "none", .meaning = "gemini: generationConfig.seed"},
    {PROVIDER(OPTION_STR, "thinking_level", gemini.thinking_level), .kinds = OPTION_KIND(CONFIG_GEMINI) | OPTION_KIND(CONFIG_SANDBOX), .words = words_thinking, .def_text = "the model's own; agent.reasoning.effort", .meaning = "gemini: minimal, low, medium or high, of 3.1 and of extended thinking; gemini-3.8-live takes none"},
    {PROVIDER(OPTION_I32, "thinking_budget", gemini.thinking_budget), .kinds = OPTION_KIND(CONFIG_GEMINI) | OPTION_KIND(CONFIG_SANDBOX), .min = -2, .max = 65535, .def = "-2", .def_text = "the model's own", .meaning = "gemini: tokens of thought of 2.5 models; 0 none, -1 as the model likes"},
    {PROVIDER(OPTION_BOOL, "affective_dialog", gemini.affective_dialog), .kinds = OPTION_KIND(CONFIG_GEMINI) | OPTION_KIND(CONFIG_SANDBOX), .def = "false", .meaning = "gemini: 2.5 models with native audio, api_version v1alpha: answers in the caller's tone"},
    {PROVIDER(OPTION_BOOL, "proactive_audio", gemini.proactive_audio), .kinds = OPTION_KIND(CONFIG_GEMINI) | OPTION_KIND(CONFIG_SANDBOX), .def = "false", .meaning = "gemini: likewise: the model may leave what was not said to it unanswered"},
    {PROVIDER(OPTION_BOOL, "google_search", gemini.google_search), .kinds = OPTION_KIND(CONFIG_GEMINI) | OPTION_KIND(CONFIG_SANDBOX), .def = "false", .meaning = "gemini: the model may search the web by itself"},
    {PROVIDER(OPTION_STR, "start_sensitivity", gemini.start_sensitivity), .kinds = OPTION_KIND(CONFIG_GEMINI) | OPTION_KIND(CONFIG_SANDBOX), .words = words_sensitivity, .def_text = "the service's own", .meaning = "gemini, server_vad: how easily speech is taken to begin, high or low"},
    {PROVIDER(OPTION_STR, "end_sensitivity", gemini.end_sensitivity), .kinds = OPTION_KIND(CONFIG_GEMINI) | OPTION_KIND(CONFIG_SANDBOX), .words = words_sensitivity, .def_text = "the service's own", .meaning = "gemini, server_vad: how soon it is taken to end, high or low"},
    {PROVIDER(OPTION_STR, "turn_coverage", gemini.turn_coverage), .kinds = OPTION_KIND(CONFIG_GEMINI) | OPTION_KIND(CONFIG_SANDBOX), .words = words_coverage, .def_text = "activity, and from 3.1 on images besides it", .meaning = "gemini: what of the input belongs to a turn"},
    {PROVIDER(OPTION_ENUM, "tool_behavior", gemini.tool_behavior), .kinds = OPTION_KIND(CONFIG_GEMINI) | OPTION_KIND(CONFIG_SANDBOX), .words = words_behavior, .def = "blocking", .meaning = "gemini: the model waits for what it called (blocking), or goes on talking (non_blocking); extended thinking never waits"},
    {PROVIDER(OPTION_STR, "tool_scheduling", gemini.tool_scheduling), .kinds = OPTION_KIND(CONFIG_GEMINI) | OPTION_KIND(CONFIG_SANDBOX), .words = words_scheduling, .def_text = "when_idle", .meaning = "gemini, non_blocking: when a tool's output is spoken of"},
    {PROVIDER(OPTION_BOOL, "context_update", gemini.context_update), .kinds = OPTION_KIND(CONFIG_GEMINI) | OPTION_KIND(CONFIG_SANDBOX), .def = "false", .meaning = "gemini: the service takes contextUpdate (Vertex AI does): a handoff keeps its session. Without it each agent has a session of its own"},
    {PROVIDER(OPTION_BOOL, "compression", gemini.compression), .kinds = OPTION_KIND(CONFIG_GEMINI) | OPTION_KIND(CONFIG_SANDBOX), .def = "true", .meaning = "gemini: the oldest of the conversation is dropped when the context is full; without it a session ends after 15 minutes"},
    {PROVIDER(OPTION_U32, "compression_trigger_tokens", gemini.trigger_tokens), .kinds = OPTION_KIND(CONFIG_GEMINI) | OPTION_KIND(CONFIG_SANDBOX), .min = 0, .max = 1000000, .def = "25000", .meaning = "gemini: size of the context at which that happens; every turn is billed for all of it. 0: the service's own, near the end of its window"},
    {PROVIDER(OPTION_U32, "compression_target_tokens", gemini.target_tokens), .kinds = OPTION_KIND(CONFIG_GEMINI) | OPTION_KIND(CONFIG_SANDBOX), .min = 0, .max = 1000000, .def = "8000", .meaning = "gemini: and what is left of it; 0: the service's own, half of the trigger"},
    {PROVIDER(OPTION_LIST, "tools", tools), .def_text = "all of the agent's", .meaning = "Only these of an agent's tools are offered over this provider; an empty list is none"},
    {PROVIDER(OPTION_SECONDS, "session_max_s", session_max_s), .min = 0, .max = 86400, .word0 = "none", .def = "3600", .def_text = "3600; gemini: 600", .meaning = "A session of it lasts so long at most, in seconds; what the service itself says counts when it is less"},
    {PROVIDER(OPTION_MS, "ping_ms", ping_ms), .max = 600000, .word0 = "none", .def = "20000", .meaning = "openai: so often we send a ping over the socket; none sends none"},
    {PROVIDER(OPTION_MS, "pong_ms", pong_ms), .max = 600000, .word0 = "none", .def = "60000", .meaning = "openai: without any byte for so long after a ping the session is lost; none is never"},
    {PROVIDER(OPTION_MS, "connect_ms", connect_ms), .min = 100, .max = 60000, .def = "5000", .meaning = "From the name's lookup to the open socket"},
    {PROVIDER(OPTION_U32, "max_message_bytes", max_message_bytes), .min = 65536, .max = 16777216, .def = "16777216", .meaning = "A longer message of the service ends the session"},
    {PROVIDER(OPTION_LIST, "failover", failover), .def_text = "none", .meaning = "Names of the providers that take a call over, one after the other, when this one fails"},

    /* carriers */
    {ROOT(OPTION_BOOL, "carriers.twilio.enabled", twilio.enabled), .def_text = "on when it is configured, or no carrier is",
     .meaning = "Serve the routes of Twilio (/twiml, /media-stream, ...)"},
    {ROOT(OPTION_STR, "carriers.twilio.account_sid", twilio.account_sid), .env = {"TWILIO_ACCOUNT_SID"}, .example = "AC...",
     .meaning = "Account of the numbers; needed to end or redirect a call by REST"},
    {ROOT(OPTION_SECRETS, "carriers.twilio.auth_token", twilio.auth_tokens), .env = {"TWILIO_AUTH_TOKEN"},
     .meaning = "Auth token. During a roll a list of two: the first is used for REST, both may sign"},
    {ROOT(OPTION_STR, "carriers.twilio.phone_number", twilio.phone_number), .env = {"TWILIO_PHONE_NUMBER"}, .example = "+15551234567",
     .meaning = "Our number, shown by / and used as caller id"},
    {ROOT(OPTION_STR, "carriers.twilio.messaging_service_sid", twilio.messaging_service), .env = {"TWILIO_MESSAGING_SERVICE_SID"}, .example = "MG...",
     .def_text = "none: from phone_number", .meaning = "Messaging service that send_sms sends through, in place of phone_number"},
    {ROOT(OPTION_BOOL, "carriers.twilio.require_token", twilio.require_token), .def = "true",
     .meaning = "A media socket must bring our one-time token or a valid signature. Off only in private networks and load tests"},
    {ROOT(OPTION_BOOL, "carriers.twilio.verify_signature", twilio.verify_signature), .def_text = "on when there is an auth token",
     .meaning = "Check X-Twilio-Signature of webhooks"},
    {ROOT(OPTION_URL, "carriers.twilio.api_base", twilio.api_base), .env = {"TWILIO_API_BASE"}, .def = "https://api.twilio.com",
     .meaning = "Base address of the carrier's REST API"},
    {ROOT(OPTION_FILE, "carriers.twilio.ca_file", twilio.ca_file), .def_text = "the system's store",
     .meaning = "PEM file of the authorities that the REST API's certificate is checked against"},
    {ROOT(OPTION_BOOL, "carriers.plivo.enabled", plivo.enabled), .def_text = "on when it is configured, or no carrier is",
     .meaning = "Serve the routes of Plivo (/answer, /ws, ...)"},
    {ROOT(OPTION_STR, "carriers.plivo.auth_id", plivo.auth_id), .env = {"PLIVO_AUTH_ID"}, .example = "MA...",
     .meaning = "Account of the numbers; needed to end or transfer a call, to dial and to send messages"},
    {ROOT(OPTION_SECRETS, "carriers.plivo.auth_token", plivo.auth_tokens), .env = {"PLIVO_AUTH_TOKEN"},
     .meaning = "Auth token. During a roll a list of two: the first is used for REST, both may sign"},
    {ROOT(OPTION_STR, "carriers.plivo.phone_number", plivo.phone_number), .env = {"PLIVO_PHONE_NUMBER"}, .example = "+15551234567",
     .meaning = "Our number, with or without +: shown by /, used as caller id, and led to this server at the start"},
    {ROOT(OPTION_STR, "carriers.plivo.application", plivo.application), .env = {"PLIVO_APP_NAME"}, .def = "Ringtrip",
     .meaning = "Application of the account that gets our addresses at the start: letters, digits, - and _"},
    {ROOT(OPTION_BOOL, "carriers.plivo.configure", plivo.configure), .def = "true",
     .meaning = "At the start bring that application up to date and give it phone_number. No other one is touched"},
    {ROOT(OPTION_BOOL, "carriers.plivo.require_token", plivo.require_token), .def = "true",
     .meaning = "A media socket must bring our one-time token or a valid signature. Off only in private networks and load tests"},
    {ROOT(OPTION_BOOL, "carriers.plivo.verify_signature", plivo.verify_signature), .def_text = "on when there is an auth token",
     .meaning = "Check X-Plivo-Signature-V3 of webhooks"},
    {ROOT(OPTION_BOOL, "carriers.plivo.accept_v2", plivo.accept_v2), .def = "true",
     .meaning = "News of text messages may carry Plivo's older signature, V2, which protects no parameters; webhooks of calls never"},
    {ROOT(OPTION_BOOL, "carriers.plivo.text_events", plivo.text_events), .def = "false",
     .meaning = "A message {\"event\": \"text\"} on the media socket counts as words of the caller. For tests only"},
    {ROOT(OPTION_BOOL, "carriers.plivo.record", plivo.record), .def = "false",
     .meaning = "The carrier records each call, too, both sides apart. Our own recording is records.recording"},
    {ROOT(OPTION_STR, "carriers.plivo.voice", plivo.voice), .def = "Polly.Joanna",
     .meaning = "Voice of the carrier's own sentences, such as agent.apology"},
    {ROOT(OPTION_URL, "carriers.plivo.api_base", plivo.api_base), .env = {"PLIVO_API_BASE"}, .def = "https://api.plivo.com",
     .meaning = "Base address of the carrier's REST API"},
    {ROOT(OPTION_FILE, "carriers.plivo.ca_file", plivo.ca_file), .def_text = "the system's store",
     .meaning = "PEM file of the authorities that the REST API's certificate is checked against"},
    {ROOT(OPTION_STR, "default_country_code", default_country), .env = {"DEFAULT_COUNTRY_CODE"}, .def = "US",
     .meaning = "Country (two letters) of numbers without +: those of departments, and those that callers name for text messages"},

    /* what all agents share */
    {ROOT(OPTION_STR, "start_agent", start_agent_name), .def_text = "the first of agents", .meaning = "Which of the agents takes a call that no route sends elsewhere"},
    {ROOT(OPTION_STR, "company_name", company_name), .env = {"COMPANY_NAME"}, .example = "Example Shop", .meaning = "What {{company_name}} in the texts of agents stands for"},
    {ROOT(OPTION_STR, "time_zone", time_zone), .env = {"TIME_ZONE"}, .def = "UTC", .meaning = "Clock of conditions and of {{current_time}} and the like: Europe/Berlin, or +02:00"},
    {ROOT(OPTION_MAP, "variables", variables), .meaning = "Further {{names}} for the texts of agents, name: text"},

    /* agent */
    {ROOT(OPTION_STR, "agent.name", agent.name), .env = {"AGENT_NAME"}, .def = "demo", .meaning = "Name in records and logs; under agents: the key is the name"},
    {ROOT(OPTION_WHEN, "agent.enabled", agent.enabled), .def_text = "true", .meaning = "Condition under which the agent can be reached: by a route, or by a handoff"},
    {ROOT(OPTION_STR, "agent.handoff_description", agent.handoff_description), .meaning = "When another agent should hand over to this one, for the model"},
    {ROOT(OPTION_HANDOFFS, "agent.handoffs", agent.handoffs), .def_text = "none", .meaning = "Agents that it may hand over to: names, or {agent: name, description: text, enabled: condition}"},
    {ROOT(OPTION_LIST, "agent.mcp", agent.mcp), .def_text = "none", .meaning = "Names of servers under mcp whose tools it may use besides its own"},
    {ROOT(OPTION_LIST, "agent.guardrails", agent.guardrails), .def_text = "none", .meaning = "Names of the guardrails that watch it"},
    {ROOT(OPTION_MAP, "agent.variables", agent.variables), .meaning = "Further {{names}} for its texts, in place of variables"},
    {ROOT(OPTION_STR, "agent.provider", agent.provider_name), .def_text = "the only one there is",
     .meaning = "Which of the providers it speaks through"},
    {ROOT(OPTION_STR, "agent.model", agent.model), .def_text = "that of the provider", .meaning = "Model of this agent, in place of its provider's"},
    {ROOT(OPTION_VOICE, "agent.voice", agent.voice), .def_text = "that of the provider", .meaning = "Voice of this agent, in place of its provider's"},
    {ROOT(OPTION_STR, "agent.instructions", agent.instructions), .env = {"SYSTEM_PROMPT"}, .env_wins = true, .def = DEMO_INSTRUCTIONS, .def_text = "a shop assistant with the five demonstration tools",
     .meaning = "What the agent is told about its role. SYSTEM_PROMPT replaces it even when the file has one"},
    {ROOT(OPTION_FILE, "agent.instructions_file", agent.instructions_file), .meaning = "Text file with the instructions, in place of agent.instructions"},
    {ROOT(OPTION_ENUM, "agent.greeting.kind", agent.greeting.kind), .words = words_greeting, .null_text = "none", .def = "text",
     .meaning = "How the call begins: text is spoken exactly, prompt is an instruction to greet, none lets the caller begin"},
    {ROOT(OPTION_STR, "agent.greeting.text", agent.greeting.text), .env = {"GREETING"}, .def = DEMO_GREETING, .meaning = "The greeting, or the instruction"},
    {ROOT(OPTION_BOOL, "agent.greeting.protected", agent.greeting.protect), .def = "false", .meaning = "What the caller says during the greeting does not cut it and is not heard"},
    {ROOT(OPTION_MS, "agent.greeting.fallback_ms", agent.greeting.fallback_ms), .min = 500, .max = 60000, .def = "5000",
     .meaning = "Without any greeting audio by then the conversation begins"},
    {ROOT(OPTION_STR, "agent.farewell.text", agent.farewell), .def_text = "the model's own words", .meaning = "What is asked for when end_call comes before a goodbye was said"},
    {ROOT(OPTION_STR, "agent.apology.text", agent.apology), .def = DEMO_APOLOGY, .def_text = "a sentence in English",
     .meaning = "What the carrier's voice says when no model can be reached"},
    {ROOT(OPTION_TOOLS, "agent.tools", agent.tools), .def = "check_order_status, send_sms, schedule_callback, transfer_call, end_call", .meaning = "Tools the agent may call: names of built-in ones and of those in tools, and maps that make a tool of an HTTP endpoint. See tools.md"},
    {ROOT(OPTION_ENUM, "agent.turn_detection.type", agent.turn.kind), .words = words_turn, .null_text = "manual", .def = "local",
     .meaning = "Who decides that the caller speaks: our own detector (local), the service by loudness (server_vad) or by meaning (semantic_vad), both together (hybrid), or a button (manual). See turn-taking.md"},
    {ROOT(OPTION_ENUM, "agent.turn_detection.preset", agent.preset), .words = words_preset, .def_text = "none",
     .meaning = "quiet: threshold 0.3 and 300 ms of silence; noisy: 0.7 and 700 ms. Keys that are given win over it"},
    {ROOT(OPTION_PPM, "agent.turn_detection.start_threshold", agent.vad.start_ppm), .env = {"VAD_START_THRESHOLD", "VAD_CONFIDENCE"}, .min = 0, .max = 1, .def = "0.5",
     .meaning = "Own detector: speech begins at this probability. Under server_vad the service's threshold, unless that is given"},
    {ROOT(OPTION_PPM, "agent.turn_detection.end_threshold", agent.vad.end_ppm), .env = {"VAD_END_THRESHOLD"}, .min = 0, .max = 1, .def = "0.35", .def_text = "0.15 below the start",
     .meaning = "Own detector: silence is counted below this probability; between the two nothing changes"},
    {ROOT(OPTION_MS, "agent.turn_detection.min_silence_ms", agent.vad.min_silence_ms), .env = {"VAD_MIN_SILENCE_MS"}, .min = 50, .max = 10000, .def = "400",
     .meaning = "Own detector: silence that ends a turn. Under server_vad the service's silence_duration_ms, unless that is given"},
    {ROOT(OPTION_MS, "agent.turn_detection.min_speech_ms", agent.vad.min_speech_ms), .min = 0, .max = 5000, .def = "96",
     .meaning = "Own detector: speech before a sound is a turn, while the agent is silent"},
    {ROOT(OPTION_MS, "agent.turn_detection.pre_speech_pad_ms", agent.vad.pre_speech_ms), .env = {"VAD_PRE_SPEECH_PAD_MS"}, .min = 0, .max = 2000, .def = "300",
     .meaning = "Own detector: audio before the speech that still belongs to the turn. Under server_vad the service's prefix_padding_ms, unless that is given"},
    {ROOT(OPTION_ENUM, "agent.turn_detection.chunk_samples", agent.vad.rate_hz), .env = {"VAD_CHUNK_SAMPLES"}, .words = words_chunk, .def = "256", .def_text = "256 on telephone legs",
     .meaning = "Own detector: 256 is the network's 8 kHz branch, 512 the one for 16 kHz; both judge 32 ms at a time"},
    {ROOT(OPTION_MS, "agent.turn_detection.grace_ms", agent.vad.grace_ms), .min = 0, .max = 5000, .def = "500",
     .meaning = "Own detector: after the greeting, before sounds count"},
    {ROOT(OPTION_ENUM, "agent.turn_detection.service", agent.service_kind), .words = words_service, .def = "server_vad",
     .meaning = "hybrid: how the service detects"},
    {ROOT(OPTION_F64, "agent.turn_detection.threshold", agent.turn.threshold), .min = 0, .max = 1, .def = "0.5",
     .meaning = "The service's detector: how sure it must be, 0 to 1. With an own detector also its start_threshold, unless that is given"},
    {ROOT(OPTION_I32, "agent.turn_detection.prefix_padding_ms", agent.turn.prefix_padding_ms), .min = 0, .max = 10000, .def = "300",
     .meaning = "The service's detector: audio before the speech that still counts. With an own detector also its pre_speech_pad_ms, unless that is given"},
    {ROOT(OPTION_I32, "agent.turn_detection.silence_duration_ms", agent.turn.silence_duration_ms), .min = 50, .max = 10000, .def = "500",
     .meaning = "The service's detector: silence that ends a turn. With an own detector also its min_silence_ms, unless that is given"},
    {ROOT(OPTION_I32, "agent.turn_detection.idle_timeout_ms", agent.turn.idle_timeout_ms), .min = 5000, .max = 30000, .def_text = "none",
     .meaning = "server_vad: the service speaks up after so much silence of the caller; agent.silence is then off"},
    {ROOT(OPTION_STR, "agent.turn_detection.eagerness", agent.turn.eagerness), .words = words_eagerness, .def = "auto", .def_text = "auto, or the nearest to the silence that is given",
     .meaning = "semantic_vad: auto, low, medium or high. Silence up to 400 ms is high, up to 600 ms medium, more is low"},
    {ROOT(OPTION_BOOL, "agent.turn_detection.create_response", agent.turn.create_response), .def = "true",
     .meaning = "server_vad, semantic_vad: the service answers a finished turn by itself; otherwise we ask it to"},
    {ROOT(OPTION_BOOL, "agent.turn_detection.interrupt_response", agent.turn.interrupt_response), .def = "true", .def_text = "true; false for semantic_vad with a threshold or silence",
     .meaning = "server_vad, semantic_vad: the service stops its answer by itself when the caller speaks; otherwise we cancel it"},
    {ROOT(OPTION_BOOL, "agent.barge_in.enabled", agent.barge_in.on), .null_text = "false", .def = "true", .meaning = "The caller may stop the agent by speaking"},
    {ROOT(OPTION_BOOL, "agent.barge_in.pause", agent.barge_in.pause), .def = "true",
     .meaning = "In two steps: any sound pauses the agent at once, then it is stopped or goes on; false: it goes on speaking until the sound is speech. Needs an own detector"},
    {ROOT(OPTION_MS, "agent.barge_in.verdict_ms", agent.barge_in.verdict_ms), .min = 100, .max = 5000, .def = "420", .meaning = "A pause without a verdict ends after so long"},
    {ROOT(OPTION_PPM, "agent.barge_in.pause_threshold", agent.barge_in.pause_ppm), .min = 0.01, .max = 1, .def = "0.166666", .def_text = "a third of start_threshold",
     .meaning = "The detector's probability at which the agent pauses; what is above start_threshold counts as that"},
    {ROOT(OPTION_MS, "agent.barge_in.min_speech_ms", agent.barge_in.min_speech_ms), .min = 0, .max = 5000, .def = "224", .meaning = "Speech over the agent for so long is an interruption"},
    {ROOT(OPTION_MS, "agent.barge_in.echo_extra_ms", agent.barge_in.echo_extra_ms), .min = 0, .max = 5000, .def = "160", .meaning = "So much more of it on a line on which our own voice comes back"},
    {ROOT(OPTION_MS, "agent.barge_in.reject_silence_ms", agent.barge_in.reject_silence_ms), .min = 32, .max = 2000, .def = "128", .meaning = "So much silence before that, and it was nothing"},
    {ROOT(OPTION_MS, "agent.barge_in.backchannel_ms", agent.barge_in.backchannel_ms), .min = 0, .max = 5000, .def = "640", .meaning = "At the edges of the agent's turn speech must last so long; what is shorter is an mm-hm"},
    {ROOT(OPTION_MS, "agent.barge_in.edge_ms", agent.barge_in.edge_ms), .min = 0, .max = 5000, .def = "1000", .meaning = "How much of the agent's turn, at its beginning and its end, is an edge"},
    {ROOT(OPTION_MS, "agent.barge_in.back_ms", agent.barge_in.back_ms), .min = 0, .max = 300, .def = "300", .meaning = "After a pause the agent goes on at a quiet point, at most so far back"},
    {ROOT(OPTION_MS, "agent.barge_in.backoff_ms", agent.barge_in.backoff_ms), .min = 0, .max = 600000, .def = "10000", .meaning = "For so long after a pause that came to nothing, a sound must be surer to pause again"},
    {ROOT(OPTION_PPM, "agent.barge_in.backoff", agent.barge_in.backoff_ppm), .min = 0, .max = 0.5, .def = "0.2", .meaning = "By so much surer"},
    {ROOT(OPTION_BOOL, "agent.silence.enabled", agent.silence.on), .null_text = "false", .def = "true", .meaning = "A caller who says nothing is asked, then told goodbye, then hung up"},
    {ROOT(OPTION_BOOL, "agent.silence.outbound", agent.silence_outbound), .def = "false", .meaning = "The same on calls that we place; without it whoever was called may keep silent"},
    {ROOT(OPTION_MS, "agent.silence.after_ms", agent.silence.after_ms), .min = 1000, .max = 600000, .def = "15000", .meaning = "Silence on both sides before the first question"},
    {ROOT(OPTION_MS, "agent.silence.again_ms", agent.silence.again_ms), .min = 1000, .max = 600000, .def = "10000", .meaning = "Between the questions, and before the goodbye"},
    {ROOT(OPTION_TEXTS, "agent.silence.prompts", agent.silence_prompts), .def = SILENCE_PROMPTS, .def_text = "two sentences in English",
     .meaning = "What is asked, one after the other, at most four; an empty list goes straight to the goodbye"},
    {ROOT(OPTION_STR, "agent.silence.goodbye", agent.silence.goodbye), .def = SILENCE_GOODBYE, .def_text = "a sentence in English", .meaning = "What is said before the hang-up"},
    {ROOT(OPTION_BOOL, "agent.dead_air.enabled", agent.dead_air.on), .null_text = "false", .def = "true", .meaning = "A model that owes an answer and says nothing is asked again, then the caller hears agent.apology"},
    {ROOT(OPTION_MS, "agent.dead_air.nudge_ms", agent.dead_air.nudge_ms), .min = 1000, .max = 120000, .def = "8000", .meaning = "Nothing can be heard for so long"},
    {ROOT(OPTION_U32, "agent.dead_air.nudges", agent.dead_air.nudges), .min = 0, .max = 10, .def = "1", .meaning = "How often it is asked again"},
    {ROOT(OPTION_MS, "agent.dead_air.max_response_ms", agent.dead_air.max_response_ms), .min = 0, .max = 3600000, .word0 = "none", .def = "300000", .meaning = "Longest answer, of audio; over it, it is cancelled. 0 is none"},
    {ROOT(OPTION_BOOL, "agent.echo_guard", agent.echo_guard), .def = "true", .meaning = "The agent's own voice, coming back from the phone, is replaced by silence before anybody hears it"},
    {ROOT(OPTION_BOOL, "agent.dtmf_in_band", agent.dtmf_in_band), .def = "false", .meaning = "Keys are listened for in the caller's audio until the carrier reports one itself; for lines whose carrier reports none"},
    {ROOT(OPTION_BOOL, "agent.transcription.enabled", agent.transcription.enabled), .null_text = "false", .def = "true", .meaning = "Have the caller's words written down by the service"},
    {ROOT(OPTION_STR, "agent.transcription.model", agent.transcription.model), .def = "gpt-4o-mini-transcribe", .meaning = "Model that writes them down"},
    {ROOT(OPTION_STR, "agent.transcription.language", agent.transcription.language), .def_text = "recognised", .meaning = "Language of the caller, two letters"},
    {ROOT(OPTION_STR, "agent.transcription.prompt", agent.transcription.prompt), .meaning = "Hint for the transcription: names and words to expect"},
    {ROOT(OPTION_LIST, "agent.transcription.keywords", agent.transcription.keywords), .meaning = "Words to expect, for models that take them"},
    {ROOT(OPTION_LIST, "agent.transcription.languages", agent.transcription.languages), .meaning = "Languages to expect, two letters each, for models that take several"},
    {ROOT(OPTION_STR, "agent.transcription.delay", agent.transcription.delay), .words = words_delay, .meaning = "How long streaming transcription models wait for more before they write: minimal, low, medium, high or xhigh"},
    {ROOT(OPTION_ENUM, "agent.noise_reduction", agent.noise_reduction), .words = words_noise, .null_text = "none", .def = "none", .meaning = "Noise reduction of the service: near_field (handset), far_field (speakerphone) or none"},
    {ROOT(OPTION_AUDIO, "agent.input_format", agent.input_format), .def_text = "what the phone speaks", .meaning = "Audio towards the model: audio/pcmu, audio/pcma or audio/pcm (also g711_ulaw, pcm16, ...)"},
    {ROOT(OPTION_AUDIO, "agent.output_format", agent.output_format), .def_text = "what the phone speaks", .meaning = "Audio from the model, the same names"},
    {ROOT(OPTION_MODALITIES, "agent.output_modalities", agent.output_modality), .def = "audio", .meaning = "[audio]; a phone call needs audio, with it comes its text"},
    {ROOT(OPTION_F64, "agent.speed", agent.speed), .min = 0.25, .max = 1.5, .def_text = "1", .meaning = "Speed of the voice"},
    {ROOT(OPTION_U32, "agent.max_output_tokens", agent.max_output_tokens), .min = 0, .max = 4096, .word0 = "inf", .def = "0", .def_text = "inf", .meaning = "Longest answer, in tokens"},
    {ROOT(OPTION_CHOICE, "agent.tool_choice", agent.tool_choice), .def = "auto", .meaning = "auto, none, required, or the name of a tool"},
    {ROOT(OPTION_ENUM, "agent.reasoning.effort", agent.reasoning_effort), .words = words_effort, .def_text = "the model's own", .meaning = "minimal, low, medium, high or xhigh; models of the second generation"},
    {ROOT(OPTION_BOOL, "agent.parallel_tool_calls", agent.parallel_tool_calls), .def_text = "the model's own", .meaning = "Whether the model may call several tools at once; models of the second generation"},
    {ROOT(OPTION_TRACING, "agent.tracing", agent.tracing), .words = words_tracing, .null_text = "none", .def = "auto",
     .meaning = "What the service is told about traces of its own: auto (it keeps them under its own names), none, or a map with workflow_name, group_id and metadata"},
    {ROOT(OPTION_F64, "agent.temperature", agent.temperature), .max = 2, .def_text = "the model's own",
     .meaning = "How freely the model chooses its words; services without it are not told, which a warning says"},
    {ROOT(OPTION_PROMPT, "agent.prompt", agent.prompt),
     .meaning = "A prompt that is stored at the service: a map with id, version (a text) and variables; instructions are sent besides"},
    {ROOT(OPTION_TRUNCATION, "agent.truncation", agent.truncation), .words = words_truncation, .def_text = "the service's own",
     .meaning = "What becomes of a conversation that grows too long for the model: auto, disabled, or a map with type: retention_ratio, retention_ratio and token_limits"},
    DROPPED("agent.include", "Nothing further is asked for"),
    DROPPED("agent.turn_detection.model_version", "Not a setting of the service"),

    DROPPED("agent.barge_in.energy_threshold", "Speech is told from noise by the VAD network, not by loudness; see agent.turn_detection.start_threshold"),
    DROPPED("agent.barge_in.initial_protection_ms", "A short sound at the beginning of an answer does not stop it; see agent.barge_in.backchannel_ms and edge_ms"),
    DROPPED("agent.barge_in.cooldown_ms", "After a pause that came to nothing see agent.barge_in.backoff_ms"),
    DROPPED("agent.barge_in.post_tts_end_protection_ms", "The agent's own voice is taken out by agent.echo_guard"),

    /* the detector, and what stands in its place in other systems */
    {ROOT(OPTION_FILE, "vad.model_file", vad.model_file), .env = {"RINGTRIP_VAD_MODEL"}, .def_text = "the network that is built in",
     .meaning = "ONNX file of a Silero VAD v6.2 to use in place of the one that is built in; read once at start"},
    DROPPED("vad.webrtc_aggressiveness", "The WebRTC detector is replaced by the VAD network and the echo guard"),
    DROPPED("vad.webrtc_start_frames", "See agent.turn_detection.min_speech_ms"),
    DROPPED("vad.webrtc_end_silence_frames", "See agent.turn_detection.min_silence_ms"),
    DROPPED("vad.energy_threshold", "Speech is told from noise by the VAD network, not by loudness"),
    DROPPED("vad.confidence_threshold", "See agent.turn_detection.start_threshold"),
    DROPPED("vad.adaptive_threshold_enabled", "The VAD network needs no level to adapt to"),
    DROPPED("vad.noise_adaptation_rate", "The VAD network needs no level to adapt to"),
    DROPPED("vad.enhanced_enabled", "There is one detector; see agent.turn_detection.type"),
    DROPPED("vad.use_provider_vad", "See agent.turn_detection.type: server_vad or semantic_vad"),
    DROPPED("vad.min_utterance_duration_ms", "See agent.turn_detection.min_speech_ms"),
    DROPPED("vad.max_utterance_duration_ms", "A caller may speak as long as they like"),
    DROPPED("vad.fallback_enabled", "All speech reaches the model, nothing has to be forwarded by force"),
    DROPPED("vad.fallback_interval_ms", "All speech reaches the model, nothing has to be forwarded by force"),
    DROPPED("vad.fallback_buffer_size", "All speech reaches the model, nothing has to be forwarded by force"),
    DROPPED("no_input.initial_timeout_sec", "Write agent.silence.after_ms"),
    DROPPED("no_input.grace_timeout_sec", "Write agent.silence.again_ms"),
    DROPPED("no_input.max_check_ins", "Each of agent.silence.prompts is asked once"),

    /* renewal */
    {ROOT(OPTION_BOOL, "renewal.enabled", renewal.enabled), .null_text = "false", .def = "true", .meaning = "Another model session takes over before the service ends one, and when one is lost"},
    {ROOT(OPTION_SECONDS, "renewal.before_s", renewal.before_s), .min = 1, .max = 3600, .def = "180", .meaning = "So long before its end, in seconds, the next session is opened and waits for a moment in which nobody speaks"},
    {ROOT(OPTION_SECONDS, "renewal.latest_s", renewal.latest_s), .min = 1, .max = 600, .def = "15", .meaning = "So long before the end, in seconds, it takes over in any moment"},
    {ROOT(OPTION_U32, "renewal.attempts", renewal.attempts), .min = 1, .max = 20, .def = "3", .meaning = "How often a session is tried to be opened at one provider before the next of its failover list is"},
    {ROOT(OPTION_MS, "renewal.open_ms", renewal.open_ms), .min = 500, .max = 60000, .def = "6000", .meaning = "A session must be ready within this time"},
    {ROOT(OPTION_MS, "renewal.backoff_ms", renewal.backoff_ms), .min = 10, .max = 10000, .def = "250", .meaning = "Wait before the second attempt; it doubles each time"},
    {ROOT(OPTION_MS, "renewal.gap_ms", renewal.gap_ms), .min = 1000, .max = 120000, .def = "15000", .meaning = "Without any session for so long the caller hears agent.apology"},
    {ROOT(OPTION_MS, "renewal.filler_ms", renewal.filler_ms), .min = 0, .max = 60000, .word0 = "none", .def = "2000", .meaning = "Silence in such a gap before the caller hears something; 0 is never"},
    {ROOT(OPTION_FILE, "renewal.filler_sound", renewal.filler_sound), .def_text = "a soft tone", .meaning = "What they hear: a WAV file of at most ten seconds, with words or music; nobody is there to say words otherwise"},

    /* playout and limits */
    {ROOT(OPTION_MS, "playout.lead_ms", playout.lead_ms), .min = 40, .max = 2000, .def = "200", .meaning = "Agent audio that may be outstanding at the carrier"},
    {ROOT(OPTION_MS, "playout.max_lead_ms", playout.max_lead_ms), .min = 40, .max = 5000, .def = "600", .meaning = "To which underruns may raise it"},
    {ROOT(OPTION_MS, "playout.burst_ms", playout.burst_ms), .min = 20, .max = 500, .def = "100", .meaning = "Agent audio sent at once"},
    {ROOT(OPTION_U32, "limits.max_calls", limits.max_calls), .env = {"LIMITS_MAX_CALLS"}, .min = 1, .max = 100000, .def = "500", .meaning = "Calls at the same time; over it callers hear busy and /ready is 503"},
    {ROOT(OPTION_SECONDS, "limits.max_call_s", limits.max_call_s), .env = {"LIMITS_MAX_CALL_S"}, .min = 0, .max = 86400, .word0 = "none", .def = "3600", .meaning = "Longest call, in seconds; 0 is none"},
    {ROOT(OPTION_U32, "limits.max_calls_per_number", limits.max_calls_per_number), .min = 0, .max = 100000, .word0 = "none", .def = "0", .def_text = "none", .meaning = "Calls at the same time from one number"},
    {ROOT(OPTION_U32, "limits.max_unauthenticated_sockets", limits.max_unauthenticated_sockets), .min = 1, .max = 100000, .def = "64", .meaning = "Media sockets that have not proved yet which call they belong to"},
    {ROOT(OPTION_MONEY, "limits.max_cost", limits.max_cost_micro), .min = 0, .max = 1000000, .def_text = "none", .meaning = "Highest cost of one call, in the currency of prices; it needs a price of the model"},
    {ROOT(OPTION_U32, "limits.audio_pool_mb", limits.audio_pool_mb), .min = 1, .max = 65536, .def = "256", .meaning = "Agent audio of all calls that may wait in memory, in megabytes per worker"},
    {ROOT(OPTION_MS, "limits.queue_ms", limits.queue_ms), .min = 1000, .max = 3600000, .def = "600000", .meaning = "Agent audio of one call that may wait"},
    {ROOT(OPTION_U32, "limits.history_kb", limits.history_kb), .min = 16, .max = 65536, .def = "512", .meaning = "Texts and images of a conversation that are kept for watchers, later model sessions and handoffs, in kilobytes; over it the oldest go"},
    {ROOT(OPTION_MS, "limits.uplink_ms", limits.uplink_ms), .min = 500, .max = 60000, .def = "10000", .meaning = "Caller audio that may wait for the model; the oldest is dropped"},

    /* mcp */
    {MCP(OPTION_LIST, "command", command), .def_text = "none: url", .meaning = "A program and its arguments, as a list: it speaks the protocol on its standard input and output"},
    {MCP(OPTION_SECRET_MAP, "env", env), .meaning = "Environment of the program, name: value, over ours"},
    {MCP(OPTION_URL, "url", url), .def_text = "none: command", .example = "https://tools.example.com/mcp", .meaning = "Address of a server that speaks streamable HTTP"},
    {MCP(OPTION_SECRET_MAP, "headers", headers), .meaning = "Further request headers, name: value"},
    {MCP(OPTION_FILE, "ca_file", ca_file), .def_text = "the system's store", .meaning = "PEM file with the certificates that vouch for it"},
    {MCP(OPTION_MS, "start_ms", start_ms), .min = 100, .max = 600000, .def = "15s", .meaning = "Until it has told its tools; then it is started again, later and later"},
    {MCP(OPTION_MS, "timeout_ms", timeout_ms), .min = 0, .max = 600000, .def_text = "deadlines.tool_ms", .meaning = "Longest use of one of its tools"},
    {MCP(OPTION_SECONDS, "refresh_s", refresh_s), .min = 0, .max = 86400, .def = "5m", .meaning = "With url: so often it is asked for its tools again; 0: never. A program tells by itself"},
    {MCP(OPTION_LIST, "tools", tools), .def_text = "all", .meaning = "Only these of its tools, by its own names"},
    {MCP(OPTION_STR, "prefix", prefix), .def = "", .example = "crm_", .meaning = "Put before the names of its tools, as the model sees them"},
    {MCP(OPTION_ENUM, "approval", approval), .words = words_approval, .def = "never", .meaning = "Whose yes each of its tools needs: never, always or spoken, as for other tools"},
    /* tools */
    {TOOL(OPTION_STR, "name", name), .meaning = "Name of the tool for the model: letters, digits, _ and -"},
    {TOOL(OPTION_STR, "description", description), .meaning = "What it does and when to use it, for the model"},
    {TOOL(OPTION_WHEN, "enabled", enabled), .def_text = "true", .meaning = "Condition under which it is offered; asked again when it is called"},
    {TOOL(OPTION_SCHEMA, "parameters", parameters), .def_text = "none", .meaning = "JSON Schema of the arguments, an object; they are checked before the request"},
    {TOOL(OPTION_STR, "webhook.url", url), .meaning = "Address, http or https; {{arguments.x}} and the like may stand behind the host"},
    {TOOL(OPTION_ENUM, "webhook.method", method), .words = words_method, .def = "POST", .meaning = "POST, GET, PUT, PATCH or DELETE"},
    {TOOL(OPTION_SECRET_MAP, "webhook.headers", headers), .meaning = "Headers of the request; values may hold {{ }}"},
    {TOOL(OPTION_STR, "webhook.body", body), .def_text = "tool, call_id, tool_call_id and arguments, for POST, PUT and PATCH", .meaning = "JSON text of the body; values may hold {{ }}"},
    {TOOL(OPTION_STR, "webhook.response", response), .def_text = "the whole answer", .meaning = "Which part of the answer the model gets: data.customer or /data/customer"},
    {TOOL(OPTION_MS, "webhook.timeout_ms", timeout_ms), .min = 0, .max = 600000, .def = "0", .def_text = "deadlines.tool_ms", .meaning = "From the request to the end of the answer"},
    {TOOL(OPTION_U32, "webhook.max_response_bytes", max_response_bytes), .min = 64, .max = WEBHOOK_MAX_RESPONSE, .def = "65536", .meaning = "A longer answer is cut off and reported to the model as an error"},
    {TOOL(OPTION_SECRET, "webhook.sign_secret", sign_secret), .def_text = "not signed", .meaning = "Key of the X-Ringtrip-Signature header (HMAC-SHA256)"},
    {TOOL(OPTION_BOOL, "webhook.retry", retry), .def = "false", .meaning = "Try once more also with POST, PATCH and DELETE, which GET and PUT always do"},
    {TOOL(OPTION_LIST, "webhook.retry_on", retry_on), .words = words_retry, .def = "502, 503, 504", .meaning = "Answers after which it is tried once more, of 408, 425, 429, 500, 502, 503 and 504; [] is none. Retry-After is kept to"},
    {TOOL(OPTION_FILE, "webhook.ca_file", ca_file), .def_text = "the system's store", .meaning = "PEM file with the authorities that the endpoint's certificate is checked against"},

    {TOOL(OPTION_MS, "timeout_ms", run_ms), .min = 0, .max = 3600000, .def = "0", .def_text = "webhook.timeout_ms, else deadlines.tool_ms; five minutes in the background", .meaning = "Longest time that the tool may take"},
    {TOOL(OPTION_STR, "on_timeout", rules.timeout_text), .def_text = "an error that asks to try again", .meaning = "What the model is told when the time is up"},
    {TOOL(OPTION_ENUM, "mode", rules.mode), .words = words_mode, .def = "parallel", .meaning = "parallel, or sequential: it waits for the tools called before it, and later ones wait for it"},
    {TOOL(OPTION_BOOL, "background", rules.background), .def = "false", .meaning = "The model is told at once that it has started, and the result when nobody speaks"},
    {TOOL(OPTION_BOOL, "cancel_on_interrupt", rules.cancel_on_interrupt), .def = "false", .meaning = "Give it up when the caller interrupts"},
    {TOOL(OPTION_BOOL, "filler.enabled", fills), .def = "true", .meaning = "Whether the caller is told to wait when it takes its time"},
    {TOOL(OPTION_MS, "filler.after_ms", rules.filler.after_ms), .min = 0, .max = 60000, .def = "0", .def_text = "filler.after_ms", .meaning = "Silence before the filler"},
    {TOOL(OPTION_STR, "filler.words", rules.filler.words), .def_text = "filler.words", .meaning = "Filler of this tool, said exactly"},
    {TOOL(OPTION_FILE, "filler.sound", filler_sound), .def_text = "filler.sound", .meaning = "WAV file of at most ten seconds that is played in place of words"},
    {TOOL(OPTION_ENUM, "approval.mode", rules.approval.kind), .words = words_approval, .def = "never", .def_text = "never; when if there are conditions", .meaning = "Whose yes it needs: never, always (somebody's, see approvals.md), when a condition holds, or spoken: the caller's own"},
    {TOOL(OPTION_TEXTS, "approval.when", approve_when), .meaning = "Conditions on the arguments, one of which makes an approval necessary: amount > 100"},
    {TOOL(OPTION_MS, "approval.timeout_ms", rules.approval.timeout_ms), .min = 0, .max = 86400000, .def = "0", .def_text = "approvals.timeout_ms", .meaning = "Time for a decision"},
    {TOOL(OPTION_ENUM, "approval.on_timeout", approve_late), .words = words_policy, .def_text = "approvals.on_timeout", .meaning = "reject or approve when nobody decides in time"},
    {TOOL(OPTION_STR, "approval.words", rules.approval.words), .def_text = "approvals.words", .meaning = "What the caller is told while a decision is awaited"},

    /* all tools */
    {ROOT(OPTION_BOOL, "filler.enabled", filler.enabled), .def = "true", .meaning = "Tell the caller to wait while a tool takes its time: once, and only into silence"},
    {ROOT(OPTION_MS, "filler.after_ms", filler.after_ms), .min = 100, .max = 60000, .def = "1200", .meaning = "Silence before the filler"},
    {ROOT(OPTION_STR, "filler.words", filler.words), .def = "One moment, please.", .meaning = "What is said, exactly"},
    {ROOT(OPTION_FILE, "filler.sound", filler.sound), .def_text = "none", .meaning = "WAV file of at most ten seconds that is played in place of words"},
    {ROOT(OPTION_MS, "approvals.timeout_ms", approvals.timeout_ms), .min = 0, .max = 86400000, .def = "60000", .meaning = "Time for a decision; 0: until the call ends"},
    {ROOT(OPTION_ENUM, "approvals.on_timeout", approvals.late), .words = words_policy, .def = "reject", .meaning = "reject or approve when nobody decides in time"},
    {ROOT(OPTION_STR, "approvals.words", approvals.words), .def = "One moment, I have to get approval for that.", .meaning = "What the caller is told while a decision is awaited; \"\": nothing"},
    {ROOT(OPTION_STR, "approvals.rejection", approvals.rejection), .def_text = "The use of {{tool}} was not approved.", .meaning = "What the model is told of a rejection that came without a message"},
    {ROOT(OPTION_LIST, "approvals.languages", approvals.languages), .words = words_consent, .def_text = "en, and the language of agent.transcription", .meaning = "Languages whose words for yes and no are known in a spoken approval: en, de, fr, es, it, pt, nl"},
    {ROOT(OPTION_TEXTS, "approvals.yes", approvals.yes), .def_text = "those of approvals.languages", .meaning = "Words and phrases that agree, in place of the known ones"},
    {ROOT(OPTION_TEXTS, "approvals.no", approvals.no), .def_text = "those of approvals.languages", .meaning = "Words and phrases that refuse; one of them outweighs every yes"},

    /* guardrails */
    {GUARD(OPTION_ENUM, "kind", def.kind), .words = words_guard_kind, .def = "words", .meaning = "What it is: a regular expression, whole words, things shaped like a secret, a length, a range of a tool's argument, an HTTP endpoint, or a text model"},
    {GUARD(OPTION_LIST, "on", on), .words = words_guard_side, .def = "output", .meaning = "What it looks at: what the agent says (output), what the caller said (input), arguments of tools (tool)"},
    {GUARD(OPTION_BOOL, "for_all", for_all), .def = "false", .meaning = "It watches every agent; else those that name it in their guardrails"},
    {GUARD(OPTION_ENUM, "action", action), .words = words_guard_verb, .def = "cancel", .meaning = "After a trip: the answer is stopped and the model answers anew (cancel), or the call ends with a goodbye (end_call)"},
    {GUARD(OPTION_STR, "feedback", feedback), .def_text = "a sentence that names the guardrail", .meaning = "What the model is told after a trip"},
    {GUARD(OPTION_STR, "pattern", def.pattern), .meaning = "regex: a Perl-compatible regular expression"},
    {GUARD(OPTION_BOOL, "case_sensitive", def.case_sensitive), .def = "false", .meaning = "regex, words: capitals count"},
    {GUARD(OPTION_TEXTS, "words", words), .def_text = "none", .meaning = "words: words and phrases; a star at the end stands for any ending"},
    {GUARD(OPTION_LIST, "shapes", shapes), .words = words_guard_shape, .def = "api_key, secret, card, ssn, token", .meaning = "shapes: which"},
    {GUARD(OPTION_U32, "min_chars", def.min_chars), .min = 0, .max = 1000000, .def = "0", .meaning = "length: shorter texts trip; 1 refuses empty ones"},
    {GUARD(OPTION_U32, "max_chars", def.max_chars), .min = 0, .max = 1000000, .word0 = "none", .def = "0", .meaning = "length: longer texts trip"},
    {GUARD(OPTION_STR, "argument", def.argument), .meaning = "range: path of the number in the tool's arguments, such as party_size or order.count"},
    {GUARD(OPTION_F64, "min", def.min), .min = -1e15, .max = 1e15, .def = "-1e15", .def_text = "none", .meaning = "range: the smallest that is allowed"},
    {GUARD(OPTION_F64, "max", def.max), .min = -1e15, .max = 1e15, .def = "1e15", .def_text = "none", .meaning = "range: the largest that is allowed"},
    {GUARD(OPTION_LIST, "tools", tools), .def_text = "all", .meaning = "on tool: names of the tools whose arguments it looks at"},
    {GUARD(OPTION_STR, "refusal", refusal), .def_text = "a sentence that names the guardrail", .meaning = "on tool: what the model gets in place of the tool's output"},
    {GUARD(OPTION_BOOL, "raise", raise), .def = "false", .meaning = "on tool: a trip is an error of the session, and the model learns only that the tool cannot be used"},
    {GUARD(OPTION_URL, "url", url), .meaning = "http: the endpoint. model: base address of a chat/completions endpoint; without it that of the agent's provider"},
    {GUARD(OPTION_SECRET_MAP, "headers", headers), .meaning = "http, model: request headers"},
    {GUARD(OPTION_SECRET, "api_key", api_key), .def_text = "that of the provider", .meaning = "model: key of the endpoint"},
    {GUARD(OPTION_STR, "model", model), .def = "gpt-4o-mini", .meaning = "model: the text model"},
    {GUARD(OPTION_STR, "instructions", instructions), .meaning = "model: what it has to judge"},
    {GUARD(OPTION_SCHEMA, "schema", schema), .def_text = "an object with tripped and reason", .meaning = "model: JSON Schema of its answer; it must have a boolean tripped"},
    {GUARD(OPTION_SECRET, "sign_secret", sign_secret), .meaning = "http: signs requests as those of webhook tools are"},
    {GUARD(OPTION_FILE, "ca_file", ca_file), .def_text = "the system's store", .meaning = "http, model: PEM file of the authorities that the certificate is checked against"},
    {GUARD(OPTION_MS, "timeout_ms", timeout_ms), .min = 100, .max = 60000, .def = "3000", .meaning = "http, model: without an answer by then it counts as failed, which is logged"},
    {GUARD(OPTION_U32, "max_response_bytes", max_response_bytes), .min = 256, .max = 1048576, .def = "65536", .meaning = "http, model: larger answers are not read"},
    {GUARD(OPTION_BOOL, "hold", hold), .def = "false", .meaning = "http, model: under guardrail_settings.hold_back audio waits for its opinion too"},

    /* routes */
    {ROUTE(OPTION_STR, "name", name), .def_text = "its number", .meaning = "Name in logs and in ringtrip check"},
    {ROUTE(OPTION_WHEN, "when", when), .def_text = "true", .meaning = "Condition on the call; a route without one takes every call"},
    {ROUTE(OPTION_STR, "agent", agent_name), .def_text = "start_agent", .meaning = "Agent that takes the call"},
    {ROUTE(OPTION_STR, "provider", provider_name), .def_text = "the agent's", .meaning = "Provider that it speaks through, with that provider's model"},
    {ROUTE(OPTION_LIST, "tools", tools), .def_text = "all of the agent's", .meaning = "Only these of an agent's tools are offered in the call; an empty list is none"},
    {ROUTE(OPTION_STR, "language", language), .def_text = "the agent's", .meaning = "Language of the caller, two letters: for the transcription and as {{language}}"},
    {ROUTE(OPTION_VOICE, "voice", voice), .def_text = "the agent's", .meaning = "Voice of the call"},
    {ROUTE(OPTION_STR, "greeting", greeting), .def_text = "the agent's", .meaning = "Greeting in place of the agent's; \"\" lets the caller begin"},
    {ROUTE(OPTION_MAP, "variables", variables), .meaning = "Further {{names}} for the texts of the call's agents, in place of theirs"},

    /* prices */
    {PRICE("text_in", in_text), .meaning = "Price of a million text tokens heard or read"},
    {PRICE("text_cached", cached_text), .meaning = "Price of a million text tokens taken from the cache"},
    {PRICE("text_out", out_text), .meaning = "Price of a million text tokens written"},
    {PRICE("audio_in", in_audio), .meaning = "Price of a million audio tokens heard"},
    {PRICE("audio_cached", cached_audio), .meaning = "Price of a million audio tokens taken from the cache"},
    {PRICE("audio_out", out_audio), .meaning = "Price of a million audio tokens spoken"},

    /* guardrail settings */
    {ROOT(OPTION_U32, "guardrail_settings.debounce_text_length", guarding.debounce_chars), .min = 0, .max = 100000, .def = "100",
     .meaning = "Guardrails look at an answer each time its text has grown by so many characters, and at its end"},
    {ROOT(OPTION_BOOL, "guardrail_settings.hold_back", guarding.hold_back), .def = "false",
     .meaning = "Audio is played only when its words have been looked at: an objectionable phrase is never heard"},
    {ROOT(OPTION_MS, "guardrail_settings.hold_max_ms", guarding.hold_max_ms), .min = 200, .max = 60000, .def = "1500",
     .meaning = "hold_back: audio waits so long for its words"},
    {ROOT(OPTION_ENUM, "guardrail_settings.hold_expiry", guarding.expiry), .words = words_guard_expiry, .def = "release",
     .meaning = "hold_back: what has waited longer is played all the same (release), or given up with the rest of the answer (mute)"},
    {ROOT(OPTION_MS, "guardrail_settings.margin_ms", guarding.margin_ms), .min = 0, .max = 5000, .def = "400",
     .meaning = "hold_back: audio so close before words that were not looked at yet waits with them"},
    {ROOT(OPTION_U32, "guardrail_settings.max_trips", guarding.max_trips), .min = 0, .max = 100, .word0 = "none", .def = "3",
     .meaning = "Answers in a row that may be stopped; after one more the call ends with an apology"},
    {ROOT(OPTION_BOOL, "guardrail_settings.pre_approval_tool_input_guardrails", guarding.before_approval), .def = "false",
     .meaning = "Arguments of tools are looked at before an approval is asked for, and again before the tool runs"},
    {ROOT(OPTION_LIST, "guardrail_settings.mask", guarding.mask), .words = words_guard_shape, .def_text = "none",
     .meaning = "Things of these shapes are masked in transcripts, events and logs"},

    /* log and fallback */
    {ROOT(OPTION_ENUM, "log.level", log.level), .env = {"LOG_LEVEL"}, .words = words_level, .def = "info", .meaning = "error, warn, info or debug"},
    {ROOT(OPTION_ENUM, "log.format", log.format), .env = {"LOG_FORMAT"}, .words = words_log_format, .def = "text", .meaning = "text for people, json for collectors"},
    {ROOT(OPTION_STR, "log.file", log.file), .env = {"LOG_FILE"}, .def_text = "standard error", .meaning = "File to write the log to; opened again on SIGHUP"},
    {ROOT(OPTION_BOOL, "tracing.enabled", tracing.enabled), .env = {"RINGTRIP_TRACING"}, .def = "true",
     .meaning = "Make a trace of every call: spans of its turns, responses, tools. Without it nothing is kept or exported, and the service is told of no traces"},
    {ROOT(OPTION_BOOL, "tracing.local", tracing.local), .def = "true",
     .meaning = "Keep the traces among the call records, for ringtrip calls trace"},
    {ROOT(OPTION_ENUM, "tracing.content", tracing.content), .env = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"}, .words = words_content, .def = "false",
     .meaning = "Put what was said, arguments and results of tools into the spans"},
    {ROOT(OPTION_URL, "tracing.export.endpoint", tracing.endpoint), .env = {"OTEL_EXPORTER_OTLP_ENDPOINT"}, .example = "http://127.0.0.1:4318",
     .def_text = "none: nothing is exported",
     .meaning = "OpenTelemetry collector that gets the traces, as OTLP over HTTP with JSON; /v1/traces is added to it"},
    {ROOT(OPTION_URL, "tracing.export.traces_endpoint", tracing.traces_endpoint), .env = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"}, .example = "http://127.0.0.1:4318/v1/traces",
     .def_text = "tracing.export.endpoint with /v1/traces", .meaning = "The same as a whole address"},
    {ROOT(OPTION_SECRET, "tracing.export.headers", tracing.headers), .env = {"OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"}, .example = "x-api-key=abc,x-other=1",
     .meaning = "Request headers for the collector: name=value pairs with commas between them, values percent-encoded"},
    {ROOT(OPTION_MS, "tracing.export.timeout_ms", tracing.timeout_ms), .env = {"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"}, .min = 100, .max = 600000, .def = "10000",
     .meaning = "One request to the collector"},
    {ROOT(OPTION_ENUM, "tracing.export.compression", tracing.gzip), .env = {"OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION"}, .words = words_compression, .def = "none",
     .meaning = "How requests to the collector are packed: none or gzip"},
    {ROOT(OPTION_FILE, "tracing.export.ca_file", tracing.ca_file), .env = {"OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE"}, .def_text = "the system's store",
     .meaning = "PEM file with the authorities that may vouch for the collector"},
    {ROOT(OPTION_STR, NULL, tracing.protocol), .env = {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"}, .def_text = "http/json",
     .meaning = "Only http/json is spoken; collectors take it at the same address as http/protobuf. Any other word is warned of"},
    {ROOT(OPTION_MS, "tracing.export.delay_ms", tracing.delay_ms), .env = {"OTEL_BSP_SCHEDULE_DELAY"}, .min = 10, .max = 600000, .def = "5000",
     .meaning = "Spans wait at most so long for others to be sent with"},
    {ROOT(OPTION_U32, "tracing.export.max_batch", tracing.max_batch), .env = {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE"}, .min = 1, .max = 10000, .def = "512",
     .meaning = "Spans in one request"},
    {ROOT(OPTION_U32, "tracing.export.max_queue", tracing.max_queue), .env = {"OTEL_BSP_MAX_QUEUE_SIZE"}, .min = 1, .max = 1000000, .def = "2048",
     .meaning = "Spans that may wait for the collector; what comes then is dropped and counted"},
    {ROOT(OPTION_BOOL, NULL, tracing.sdk_disabled), .env = {"OTEL_SDK_DISABLED"}, .def = "false", .meaning = "Nothing is exported, whatever else is set"},
    {ROOT(OPTION_LIST, NULL, tracing.exporters), .env = {"OTEL_TRACES_EXPORTER"}, .def_text = "otlp", .meaning = "otlp exports, none does not"},
    {ROOT(OPTION_ENUM, "tracing.export.sampler", tracing.sampler), .env = {"OTEL_TRACES_SAMPLER"}, .words = words_sampler, .def = "parentbased_always_on",
     .meaning = "Which traces are exported; kept here are all"},
    {ROOT(OPTION_F64, "tracing.export.sampler_ratio", tracing.sampler_ratio), .env = {"OTEL_TRACES_SAMPLER_ARG"}, .min = 0, .max = 1, .def = "1",
     .meaning = "Share of the traces that the ratio samplers export"},
    {ROOT(OPTION_STR, "tracing.service_name", tracing.service_name), .env = {"OTEL_SERVICE_NAME"}, .def = "ringtrip",
     .meaning = "Name of this program in the exported traces"},
    {ROOT(OPTION_STR, "tracing.resource_attributes", tracing.resource), .env = {"OTEL_RESOURCE_ATTRIBUTES"}, .example = "deployment.environment.name=production",
     .meaning = "More about this program: name=value pairs with commas between them, values percent-encoded"},
    {ROOT(OPTION_MAP, "departments", departments), .def_text = "none", .meaning = "Where transfer_call may connect callers: name: number, with + or of default_country_code, or sip:name@host. See tools.md"},
    {ROOT(OPTION_STR, "transfer.announcement", transfer.announcement), .def_text = "the model's own words", .meaning = "What is said before a transfer when the agent has said nothing with it"},
    {ROOT(OPTION_SECONDS, "transfer.ring_s", transfer.ring_s), .min = 5, .max = 600, .def = "30", .meaning = "How long a transfer lets it ring"},
    {ROOT(OPTION_BOOL, "transfer.return_to_agent", transfer.return_to_agent), .def = "true", .meaning = "Nobody answers: the caller is connected with the agent again. false: hears transfer.sorry, and the call ends"},
    {ROOT(OPTION_STR, "transfer.sorry", transfer.sorry), .def = TRANSFER_SORRY, .def_text = "a sentence in English", .meaning = "What the carrier's voice says when nobody answers and the caller does not come back"},
    {ROOT(OPTION_ENUM, "mode", mode), .env = {"RINGTRIP_MODE"}, .words = words_calls, .def = "both", .meaning = "Which calls this gateway has: both, inbound (it never dials) or outbound (calls that come in are refused)"},
    {ROOT(OPTION_STR, "outbound.carrier", outbound.carrier), .def_text = "the first that can dial", .example = "twilio", .meaning = "Who makes calls that name no carrier"},
    {ROOT(OPTION_SECONDS, "outbound.ring_s", outbound.ring_s), .min = 5, .max = 600, .def = "30", .meaning = "How long a call that we make rings"},
    {ROOT(OPTION_SECONDS, "outbound.max_call_s", outbound.max_call_s), .min = 0, .max = 14400, .def = "0", .def_text = "limits.max_call_s alone", .meaning = "The carrier itself ends a call that we make after so long, whatever becomes of us"},
    {ROOT(OPTION_U32, "outbound.max_calls", outbound.max_calls), .min = 0, .max = 100000, .def = "0", .def_text = "limits.max_calls", .meaning = "Calls that we make at a time; the rest of limits.max_calls stays free for callers"},
    {ROOT(OPTION_STR, "outbound.opening", outbound.opening), .def_text = "introduce yourself and say why you call", .meaning = "How the agent begins when somebody has answered our call, in place of its greeting. See outbound.md"},
    {ROOT(OPTION_STR, "outbound.on_machine", outbound.on_machine), .words = words_machine, .def = "talk", .meaning = "What is done when an answering machine has answered: talk (no detection), hangup, or voicemail (the message is left)"},
    {ROOT(OPTION_STR, "outbound.voicemail", outbound.voicemail), .def = OUTBOUND_VOICEMAIL, .def_text = "a short request to call back", .meaning = "What is left on an answering machine, word for word, with the variables of the agent's texts"},
    {ROOT(OPTION_LIST, "webhooks.urls", event_hooks.urls), .env = {"RINGTRIP_WEBHOOK_URLS"}, .def_text = "none", .example = "https://example.com/ringtrip", .meaning = "Who is told of every call: signed HTTP POSTs, repeated until they are taken. See webhooks.md"},
    {ROOT(OPTION_SECRET, "webhooks.secret", event_hooks.secret), .env = {"RINGTRIP_WEBHOOK_SECRET"}, .meaning = "Signs what is sent there (HMAC-SHA256); needed with webhooks.urls"},
    {ROOT(OPTION_LIST, "webhooks.events", event_hooks.events), .def_text = "all", .example = "call.ended,call.report", .meaning = "Which events are told: call.started, call.dialled, call.ringing, call.answered, call.answerer, call.consent, call.ended, call.outcome, call.report"},
    {ROOT(OPTION_MS, "webhooks.timeout_ms", event_hooks.timeout_ms), .min = 200, .max = 60000, .def = "10000", .meaning = "One delivery"},
    {ROOT(OPTION_SECONDS, "webhooks.give_up_s", event_hooks.give_up_s), .min = 60, .max = 2592000, .def = "259200", .meaning = "An event that nobody took for so long is dropped, and counted"},
    {ROOT(OPTION_STR, "concierge.restaurant.name", concierge.name), .env = {"DEMO_RESTAURANT_NAME"}, .def = "Demo Restaurant", .meaning = "What find_restaurant finds, whatever it is asked for: the tool of a demonstration (examples/concierge)"},
    {ROOT(OPTION_STR, "concierge.restaurant.phone_number", concierge.phone), .env = {"DEMO_RESTAURANT_PHONE"}, .def = "+1234567890", .meaning = "Its number"},
    {ROOT(OPTION_STR, "concierge.restaurant.address", concierge.address), .def = "123 Demo Street, San Francisco", .meaning = "Where it is"},
    {ROOT(OPTION_STR, "concierge.restaurant.cuisine", concierge.cuisine), .def = "Italian", .meaning = "What it cooks"},
    {ROOT(OPTION_STR, "concierge.agent", concierge.agent), .def_text = "as the routes say", .example = "Reservation Caller", .meaning = "Who speaks when the restaurant is called"},
    {ROOT(OPTION_MS, "concierge.poll_ms", concierge.poll_ms), .min = 100, .max = 60000, .def = "2000", .meaning = "So often it is looked whether that call is over"},
    {ROOT(OPTION_SECONDS, "concierge.wait_s", concierge.wait_s), .min = 1, .max = 180, .def = "180", .meaning = "After so long it is hung up, and the agent told that nothing was booked"},
    {ROOT(OPTION_STR, "fallback.twiml", fallback.twiml), .def_text = "agent.apology, then hang up", .meaning = "TwiML for callers whom no model can serve, such as <Response><Dial>+15551234567</Dial></Response>"},
    {ROOT(OPTION_STR, "fallback.plivo_xml", fallback.plivo_xml), .def_text = "agent.apology, then hang up", .meaning = "Plivo XML for callers whom no model can serve, such as <Response><Dial><Number>15551234567</Number></Dial></Response>"},
    {ROOT(OPTION_STR, "fallback.plivo_busy_xml", fallback.plivo_busy_xml), .def_text = "<Hangup reason=\"busy\"/>", .meaning = "Plivo XML for callers over a limit or during shutdown"},
    {ROOT(OPTION_STR, "fallback.busy_twiml", fallback.busy_twiml), .def_text = "<Reject reason=\"busy\"/>", .meaning = "TwiML for callers over a limit or during shutdown"},

    /* deadlines */
    {ROOT(OPTION_MS, "deadlines.leg_start_ms", deadlines.leg_start_ms), .min = 500, .max = 120000, .def = "15000", .meaning = "Answering webhook to the start of media"},
    {ROOT(OPTION_MS, "deadlines.model_ready_ms", deadlines.model_ready_ms), .min = 200, .max = 60000, .def = "5000", .meaning = "Media has started to a confirmed model session; then the caller hears the apology"},
    {ROOT(OPTION_MS, "deadlines.session_updated_ms", deadlines.session_updated_ms), .min = 200, .max = 60000, .def = "2000", .meaning = "Settings sent to the model to their confirmation"},
    {ROOT(OPTION_MS, "deadlines.response_ms", deadlines.response_ms), .min = 200, .max = 120000, .def = "5000", .meaning = "Answer asked for to its beginning"},
    {ROOT(OPTION_MS, "deadlines.stall_ms", deadlines.stall_ms), .min = 500, .max = 120000, .def = "8000", .meaning = "Nothing comes within an answer"},
    {ROOT(OPTION_MS, "deadlines.cancel_ms", deadlines.cancel_ms), .min = 200, .max = 60000, .def = "3000", .meaning = "Answer cancelled to its end"},
    {ROOT(OPTION_MS, "deadlines.tool_ms", deadlines.tool_ms), .min = 100, .max = 600000, .def = "10000", .meaning = "One tool call"},
    {ROOT(OPTION_MS, "deadlines.farewell_ms", deadlines.farewell_ms), .min = 200, .max = 60000, .def = "5000", .meaning = "Goodbye asked for to its first audio"},
    {ROOT(OPTION_MS, "deadlines.hangup_ms", deadlines.hangup_ms), .min = 500, .max = 60000, .def = "5000", .meaning = "Hang-up ordered to the end of the phone leg"},
    {ROOT(OPTION_MS, "deadlines.transfer_ms", deadlines.transfer_ms), .min = 1000, .max = 120000, .def = "20000", .meaning = "Transfer ordered to the end of our part of the call; then the agent goes on"},
    {ROOT(OPTION_MS, "deadlines.media_ms", deadlines.media_ms), .min = 500, .max = 120000, .def = "10000", .meaning = "No audio comes from the carrier"},
    {ROOT(OPTION_MS, "deadlines.socket_start_ms", deadlines.socket_start_ms), .min = 200, .max = 60000, .def = "5000", .meaning = "Media socket opened to its start message and proof"},
    {ROOT(OPTION_MS, "deadlines.warm_session_ms", deadlines.warm_session_ms), .min = 1000, .max = 120000, .def = "15000", .meaning = "A model session opened at the webhook waits for its media"},
    {ROOT(OPTION_MS, "deadlines.rest_ms", deadlines.rest_ms), .min = 500, .max = 60000, .def = "10000", .meaning = "One request to the carrier's REST API"},
    {ROOT(OPTION_MS, "deadlines.drain_ms", deadlines.drain_ms), .min = 0, .max = 86400000, .def = "60000", .meaning = "Running calls may go on for so long after SIGTERM or Ctrl-C"},
};
/* clang-format on */
const uint32_t option_count = ARRAY_LEN(option_table);
_Static_assert(ARRAY_LEN(option_table) <= DRAFT_MAX_OPTIONS, "a draft remembers where each came from");

/* Longest matching beginning wins. The first three let whole session objects of other systems be pasted in. */
const struct option_alias option_aliases[] = {
    {"agent.session", "agent"},
    {"agent.model_settings", "agent"},
    {"agent.initial_model_settings", "agent"},
    {"agent.model_name", "agent.model"},
    {"agent.system_prompt", "agent.instructions"},
    {"agent.audio.input.format", "agent.input_format"},
    {"agent.audio.output.format", "agent.output_format"},
    {"agent.audio.input.turn_detection", "agent.turn_detection"},
    {"agent.audio.input.transcription", "agent.transcription"},
    {"agent.audio.input.noise_reduction", "agent.noise_reduction"},
    {"agent.audio.output.voice", "agent.voice"},
    {"agent.audio.output.speed", "agent.speed"},
    {"agent.input_audio_format", "agent.input_format"},
    {"agent.output_audio_format", "agent.output_format"},
    {"agent.input_audio_transcription", "agent.transcription"},
    {"agent.input_audio_noise_reduction", "agent.noise_reduction"},
    {"agent.noise_reduction.type", "agent.noise_reduction"},
    {"agent.modalities", "agent.output_modalities"},
    {"agent.max_response_output_tokens", "agent.max_output_tokens"},
    {"agent.vad", "agent.turn_detection"},
    {"agent.turn_detection.neg_threshold", "agent.turn_detection.end_threshold"},
    {"agent.turn_detection.activation_threshold", "agent.turn_detection.start_threshold"},
    {"agent.turn_detection.min_silence_duration_ms", "agent.turn_detection.min_silence_ms"},
    {"agent.turn_detection.min_speech_duration_ms", "agent.turn_detection.min_speech_ms"},
    {"agent.turn_detection.speech_pad_ms", "agent.turn_detection.pre_speech_pad_ms"},
    {"agent.barge_in.min_ms", "agent.barge_in.min_speech_ms"},
    {"barge_in", "agent.barge_in"},
    {"guardrails_settings", "guardrail_settings"},
    {"tool_execution.pre_approval_tool_input_guardrails", "guardrail_settings.pre_approval_tool_input_guardrails"},
    {"vad.utterance_padding_ms", "agent.turn_detection.pre_speech_pad_ms"},
    {"no_input.enabled", "agent.silence.enabled"},
    {"no_input.check_in_message", "agent.silence.prompts"},
    {"no_input.final_message", "agent.silence.goodbye"},
};
const uint32_t option_alias_count = ARRAY_LEN(option_aliases);

const char *const option_sections[] = {"providers", "prices", "agents", "tools", "mcp", "routes", "guardrails"};
const uint32_t option_section_count = ARRAY_LEN(option_sections);

const struct option_shorthand option_shorthands[] = {
    {"agent.turn_detection", "agent.turn_detection.type", "agent.turn_detection.type"},
    {"agent.transcription", "agent.transcription.model", "agent.transcription.enabled"},
    {"agent.greeting", "agent.greeting.text", "agent.greeting.kind"},
    {"agent.farewell", "agent.farewell.text", "agent.farewell.text"},
    {"agent.apology", "agent.apology.text", "agent.apology.text"},
    {"agent.barge_in", "agent.barge_in.enabled", "agent.barge_in.enabled"},
    {"agent.silence", "agent.silence.enabled", "agent.silence.enabled"},
    {"agent.dead_air", "agent.dead_air.enabled", "agent.dead_air.enabled"},
    {"filler", "filler.enabled", "filler.enabled"},
    {"filler", "filler.enabled", "filler.enabled", OPTION_TOOL},
    {"approval", "approval.mode", "approval.mode", OPTION_TOOL},
};
const uint32_t option_shorthand_count = ARRAY_LEN(option_shorthands);
