#!/bin/bash
# README's picture of a session shows what a session shows now.
. "$(dirname "$0")/../lib/test.sh"
need_product
need expect

# The lines of text without their places: a notice comes when the supervisor has seen the limit, which may be
# before or after the prompt, and process ids depend on what the shell's profile runs.
lines_of() { sed -n 's,^<text[^>]*>\(.*\)</text>$,\1,p' "$1" | sed -E 's/^ +[0-9]+ //' | sort; }

bash "$GKT_TOP/tests/picture.sh" >"$GKT_WORK/now.svg" 2>"$GKT_WORK/log" || diag "$(cat "$GKT_WORK/log")"
check "the recording succeeds" grep -q '^ok 1' "$GKT_WORK/log"
is "$(lines_of "$GKT_TOP/packaging/session.svg")" "$(lines_of "$GKT_WORK/now.svg")" "README's picture is what a session shows"
check "README shows it" grep -q '(packaging/session.svg)' "$GKT_TOP/README.md"
check "and it is well-formed XML" python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$GKT_TOP/packaging/session.svg"
