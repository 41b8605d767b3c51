# The launcher of the host's programs goes into gocker as bytes: it is written into images.
LAUNCHER := $(BUILD)/gen/gocker-launch
$(LAUNCHER): src/image/launch/launch.c src/image/launch/launch.h $(BUILD)/flags
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) -Isrc -std=gnu17 -Os $(WARN) -ffreestanding -fno-builtin \
		-fno-stack-protector -fno-pie -static -nostdlib -nostartfiles -s \
		-Wl,-z,noexecstack -Wl,--build-id=none -o $@ $<
$(BUILD)/gen/launcher.h: $(LAUNCHER)
	$(Q)od -An -v -tx1 $< | sed 's/\([0-9a-f][0-9a-f]\)/0x\1,/g' >$@.new && mv $@.new $@
$(BUILD)/src/image/tools.o: $(BUILD)/gen/launcher.h
lint-analyzer lint-tidy lint-cppcheck: $(BUILD)/gen/launcher.h
