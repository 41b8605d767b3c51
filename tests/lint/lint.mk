# Static analysis: clean, or the exception is explained where it stands. Each tool leaves a stamp for
# each file, so that a second run looks only at what has changed.
DEPS_TEST += clang clang-format clang-tidy cppcheck shellcheck

LINT_OUT := $(BUILD)/lint
LINT_ALL := $(shell git ls-files 2>/dev/null || find . -type f | sed 's,^\./,,')
LINT_C := $(filter src/%.c pam/%.c,$(LINT_ALL))
LINT_SH := $(shell printf '%s\n' $(LINT_ALL) | xargs -r grep -lE '^\#!.*\b(ba)?sh\b|^\# shellcheck shell=' 2>/dev/null)
LINT_FLAGS = $(CPPFLAGS) -std=gnu17
# What sets variables to zero is behind a second flag in clang 14, and a use to gcc's analyzer; that one
# loses its way in hardened calls, too.
LINT_CFLAGS = $(filter-out -ftrivial-auto-var-init=zero,$(GK_CFLAGS))
LINT_NEEDS := $(wildcard src/*/*.h src/*/*/*.h pam/*.h) $(BUILD)/gen/filters.h $(BUILD)/gen/launcher.h \
	$(BUILD)/gen/host-rules.h $(BUILD)/flags
lint_stamps = $(patsubst %,$(LINT_OUT)/$(1)/%.ok,$(2))
lint_done = $(Q)mkdir -p $(@D) && : >$@

LINT_TOOLS := format gcc clang tidy cppcheck shell
.PHONY: lint $(LINT_TOOLS:%=lint-%)
lint:
	$(Q)MAKE='$(MAKE)' BUILD='$(BUILD)' tests/lint/run $(LINT_TOOLS)
# The layout that .clang-format describes; `make format` applies it.
LINT_LAYOUT := $(filter %.c %.h,$(LINT_ALL))
lint-format: $(call lint_stamps,format,$(LINT_LAYOUT))
.PHONY: format
format:
	$(Q)clang-format -i $(LINT_LAYOUT)
lint-gcc: $(call lint_stamps,gcc,$(LINT_C))
lint-clang: $(call lint_stamps,clang,$(LINT_C))
lint-tidy: $(call lint_stamps,tidy,$(LINT_C))
lint-cppcheck: $(call lint_stamps,cppcheck,$(LINT_C))
lint-shell: $(call lint_stamps,shell,$(LINT_SH))

$(LINT_OUT)/format/%.ok: % .clang-format
	$(call say,FORMAT,$<)
	$(Q)clang-format --dry-run --Werror $<
	$(lint_done)

# Both compilers with every warning of the build an error; gcc's analyzer beside its warnings.
$(LINT_OUT)/gcc/%.ok: % $(LINT_NEEDS)
	$(call say,GCC,$<)
	$(Q)gcc $(LINT_FLAGS) -O2 $(WARN) -Werror -fanalyzer -c -o /dev/null $<
	$(lint_done)
$(LINT_OUT)/clang/%.ok: % $(LINT_NEEDS)
	$(call say,CLANG,$<)
	$(Q)clang $(CPPFLAGS) $(LINT_CFLAGS) -Werror -c -o /dev/null $<
	$(lint_done)

$(LINT_OUT)/tidy/%.ok: % $(LINT_NEEDS) .clang-tidy
	$(call say,TIDY,$<)
	$(Q)said=$$(clang-tidy --quiet --warnings-as-errors='*' $< -- $(LINT_FLAGS) 2>&1) || \
		{ printf '%s\n' "$$said" >&2; exit 1; }
	$(lint_done)

# memleak: cppcheck does not know the cleanup attribute (gk_autofree); the analyzers above do.
$(LINT_OUT)/cppcheck/%.ok: % $(LINT_NEEDS)
	$(call say,CPPCHECK,$<)
	$(Q)cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
		--suppress=missingIncludeSystem --suppress=memleak --error-exitcode=1 -D__x86_64__ \
		$(filter -D% -I%,$(LINT_FLAGS)) $<
	$(lint_done)

$(LINT_OUT)/shell/%.ok: % .shellcheckrc
	$(call say,SHELL,$<)
	$(Q)shellcheck $<
	$(lint_done)
