#!/bin/bash
# timeout: 9060
exec "$(dirname "$0")/boot" bookworm systemd 90-package
