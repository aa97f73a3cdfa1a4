"""Debian's Chromium, as the tests start it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

PROGRAM = Path("/usr/bin/chromium")
# What a browser asks its maker for at every start is refused on a machine without a way out, and takes time.
QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)
# This machine under a name that browsers do not trust as it.
ELSEWHERE = "mesa.test"
NAMES = (f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1",)
# Several pages of one test are all in use: none is put to sleep because another one is in front.
AWAKE = (
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
)
# The last such list of a command line is the one that counts, so what Playwright takes out is named again.
# The first two are pages behind the address bar, of which each window would load and draw its own.
WITHOUT = (
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "AimEnabled",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run the browser, without a window."""
    with sync_playwright() as playwright:
        # The sandbox does not start for root, as whom containers run.
        browser = playwright.chromium.launch(
            executable_path=PROGRAM,
            chromium_sandbox=False,
            args=[*QUIET, *AWAKE, *NAMES, f"--disable-features={','.join(WITHOUT)}"],
        )
        try:
            yield browser
        finally:
            browser.close()
