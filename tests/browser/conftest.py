"""Fixtures for tests in a real JupyterLab in a real browser: `lab` opens notebooks, `notebook` writes one."""

import nbformat
import pytest
from lab_server import PATIENCE, Lab, LabServer

from diffusion_course.tools.chromium import FLAGS, MISSING, find_chromium, in_ci


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's path. No browser: a visible skip on a learner's machine, a failure in CI."""
    found = find_chromium()
    if found is None:
        pytest.fail(MISSING) if in_ci() else pytest.skip(MISSING)
    return found


@pytest.fixture(scope="session")
def lab_server(chromium, tmp_path_factory):
    """One JupyterLab for all browser tests of a worker."""
    with LabServer(tmp_path_factory.mktemp("lab-root")) as server:
        yield server


# Per module and not per session: playwright keeps an event loop in this thread, which other tests do not expect.
@pytest.fixture(scope="module")
def browser(chromium):
    """A headless browser, playwright's."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        how = {"args": list(FLAGS), "timeout": 1000 * PATIENCE}
        browser = playwright.chromium.launch(executable_path=chromium, **how)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def lab(browser, lab_server):
    """`Lab`: open, run_all, wait_idle, set_theme, close."""
    return Lab(lab_server, browser)


@pytest.fixture(scope="session")
def notebook(lab_server):
    """A function (name, *sources) -> name that writes a notebook of code cells where `lab.open` finds it."""

    def write(name: str, *sources: str) -> str:
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        made = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
        nbformat.write(made, lab_server.root / name)
        return name

    return write
