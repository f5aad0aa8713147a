#!/bin/sh
# Makes sure that the browser tests have a Chromium: the one named in COLDSTART_CHROMIUM, one on the
# path, Playwright's own, or a new one. Usage: need-chromium.sh PYTHON
set -eu
[ -n "${COLDSTART_CHROMIUM:-}" ] && [ -x "$COLDSTART_CHROMIUM" ] && exit 0
for name in chromium chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" >/dev/null 2>&1 && exit 0
done
has_own='
import os, sys
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    sys.exit(not os.path.exists(playwright.chromium.executable_path))'
"$1" -c "$has_own" && exit 0
echo "Installing a Chromium for the browser tests …"
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null && exit 0
fi
"$1" -m playwright install chromium
