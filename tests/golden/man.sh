#!/bin/bash
# The man pages are clean to mandoc. tests/packaging/pages.sh holds what they say to --help and the parsers.
. "$(dirname "$0")/../lib/tap.sh"
cd "$(dirname "$0")/../.." || exit 1
for page in packaging/man/*.[1-8]; do
	if ! command -v mandoc >/dev/null; then
		skip_missing "${page##*/}" "mandoc is not installed"
		continue
	fi
	is "$(mandoc -Tlint "$page" 2>&1 | grep -v 'referenced manual not found\|outdated mandoc.db')" "" \
		"mandoc finds no fault in ${page##*/}"
done
echo "1..$tap_n"
[ "$tap_failed" = 0 ]
