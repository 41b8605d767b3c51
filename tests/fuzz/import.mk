# The importer's fuzzers: src/image and what it stands on.
FUZZERS += import layers
ARCHIVES_SRC := tests/fuzz/archives.c \
	$(addprefix src/image/,extract.c unpack.c merge.c tree.c manifest.c hash.c) \
	$(addprefix src/base/,arena.c err.c log.c path.c)
fuzz-build: $(FUZZ_BUILD)/fuzz_import $(FUZZ_BUILD)/fuzz_layers
$(FUZZ_BUILD)/fuzz_import $(FUZZ_BUILD)/fuzz_layers: $(FUZZ_BUILD)/fuzz_%: tests/fuzz/fuzz_%.c $(ARCHIVES_SRC) \
		$(wildcard src/image/*.h src/base/*.h tests/fuzz/*.h)
	$(call say,FUZZ,$@)
	$(Q)mkdir -p $(@D) && $(FUZZ_CC) $(CPPFLAGS) $(FUZZ_FLAGS) -o $@ $< $(ARCHIVES_SRC) \
		$(ARCHIVE_LIBS) $(CURL_LIBS)
