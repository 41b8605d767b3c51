# The importer's fuzzer: src/image and what it stands on.
FUZZERS += import
IMPORT_SRC := $(addprefix src/image/,extract.c unpack.c tree.c manifest.c hash.c) \
	$(addprefix src/base/,arena.c err.c log.c path.c)
fuzz-build: $(FUZZ_BUILD)/fuzz_import
$(FUZZ_BUILD)/fuzz_import: tests/fuzz/fuzz_import.c $(IMPORT_SRC) $(wildcard src/image/*.h src/base/*.h)
	$(call say,FUZZ,$@)
	$(Q)mkdir -p $(@D) && $(FUZZ_CC) $(CPPFLAGS) $(FUZZ_FLAGS) -o $@ $< $(IMPORT_SRC) \
		$(ARCHIVE_LIBS) $(CURL_LIBS)
