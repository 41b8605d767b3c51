#!/bin/bash
# timeout: 9060
exec "$(dirname "$0")/boot" trixie systemd 90-package
