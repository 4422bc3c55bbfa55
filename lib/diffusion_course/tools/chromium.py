"""Finds the browser of the tests, in one place: the tests, `doctor` and CI agree on what counts as one."""

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
VARIABLE = "CHROMIUM"
MISSING = f"no Chromium found: install `chromium`, or set {VARIABLE} to a Chrome or Chromium program"
# For a headless browser that asks nothing of any network.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


def find_chromium() -> str | None:
    """The program that ``CHROMIUM`` names, or else the first of its usual names on the PATH, or None.

    A program that ``CHROMIUM`` names and that is not there is no browser: another one would hide the mistake.
    """
    named = os.environ.get(VARIABLE)
    return next((found for name in ((named,) if named else NAMES) if (found := shutil.which(name))), None)


def in_ci() -> bool:
    """Whether the environment says that this is continuous integration, where nothing may be left out."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false", "no")
