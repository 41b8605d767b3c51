#!/bin/bash
# packaging/walkthroughs.md, "Developers with VS Code, JetBrains Gateway or Zed": run as it is written.
# timeout: 600
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_deb.sh"
. "$(dirname "$0")/_walk.sh"
need dpkg-buildpackage dh git sudo apt service
need_product
reader_host
check "the package is installed" apt install ./gocker_*.deb
walk "$GKT_TOP/packaging/walkthroughs.md" '## Developers with VS Code, JetBrains Gateway or Zed'
stop_reader
