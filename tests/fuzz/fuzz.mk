# make fuzz FUZZ_SECONDS=N: each fuzzer for N seconds, from the golden tests' inputs on. What it finds
# stays in BUILD/fuzz; what broke something is a file crash-*, to be run with the fuzzer itself.

DEPS_TEST += clang libclang-rt-dev
FUZZ_SECONDS ?= 20
FUZZ_CC ?= clang
FUZZ_BUILD := $(BUILD)/fuzz
FUZZERS := config request
FUZZ_SRC := $(PLAN_SRC) src/base/arena.c src/base/err.c src/base/ini.c \
	tests/fuzz/properties.c tests/golden/case.c
FUZZ_FLAGS := -std=gnu17 -O1 -g -fno-omit-frame-pointer \
	-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all

.PHONY: fuzz fuzz-build
.SECONDARY: $(FUZZERS:%=$(FUZZ_BUILD)/fuzz_%)
$(FUZZ_BUILD)/fuzz_%: tests/fuzz/fuzz_%.c $(FUZZ_SRC) $(wildcard src/plan/*.h src/base/*.h tests/fuzz/*.h) \
		$(BUILD)/gen/host-rules.h
	$(call say,FUZZ,$@)
	$(Q)mkdir -p $(@D) && $(FUZZ_CC) $(CPPFLAGS) $(FUZZ_FLAGS) -o $@ $< $(FUZZ_SRC) $(INIPARSER_LIBS)
fuzz-build: $(FUZZERS:%=$(FUZZ_BUILD)/fuzz_%)

fuzz:
	$(Q)if ! echo 'int LLVMFuzzerTestOneInput(const char *d, unsigned long n) { return d && n > 9; }' | \
		$(FUZZ_CC) -x c -fsanitize=fuzzer,address -o /dev/null - 2>/dev/null; then \
		echo 'make fuzz needs clang with libFuzzer (Debian: clang, libclang-rt-dev).' >&2; \
		[ "$(GOCKER_MUST_WORK)" != 1 ]; \
	else $(MAKE) $(PARALLEL) fuzz-build && BUILD='$(BUILD)' FUZZ_SECONDS='$(FUZZ_SECONDS)' tests/fuzz/run $(FUZZERS); fi
