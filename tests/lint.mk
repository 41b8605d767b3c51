# Static analysis: clean, or the exception is explained where it stands.
DEPS_TEST += clang clang-tidy cppcheck shellcheck

LINT_C := $(shell git ls-files 'src/*.c' 'pam/*.c' 2>/dev/null || find src pam -name '*.c')
LINT_SH := $(shell git ls-files 2>/dev/null | xargs -r grep -lE '^\#!.*\b(ba)?sh\b' 2>/dev/null)
LINT_FLAGS = $(CPPFLAGS) -std=gnu17

.PHONY: lint lint-gcc lint-clang lint-analyzer lint-tidy lint-cppcheck lint-shell
lint: lint-gcc lint-clang lint-analyzer lint-tidy lint-cppcheck lint-shell
	@echo 'lint: clean'

# Both compilers, warnings as errors, each in a build of its own.
lint-gcc:
	$(Q)$(MAKE) -s BUILD=build-lint-gcc CC=gcc WERROR=1 build >/dev/null
lint-clang:
	$(Q)$(MAKE) -s BUILD=build-lint-clang CC=clang WERROR=1 build >/dev/null

lint-analyzer: $(BUILD)/gen/filters.h
	$(Q)printf '%s\n' $(LINT_C) | xargs -P 2 -n 1 gcc $(LINT_FLAGS) -O2 -Wall -Wextra -fanalyzer \
		-Werror -c -o /dev/null

lint-tidy: $(BUILD)/gen/filters.h
	$(Q)clang-tidy --quiet --warnings-as-errors='*' $(LINT_C) -- $(LINT_FLAGS) 2>/dev/null

# memleak: cppcheck does not know the cleanup attribute (gk_autofree); the analyzers above do.
lint-cppcheck: $(BUILD)/gen/filters.h
	$(Q)cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
		--suppress=missingIncludeSystem --suppress=memleak --error-exitcode=1 -D__x86_64__ $(filter -D% -I%,$(LINT_FLAGS)) $(LINT_C)

lint-shell:
	$(Q)shellcheck -x $(LINT_SH)
