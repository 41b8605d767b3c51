# What the image tests need besides.
DEPS_TEST += python3 xz-utils zstd
