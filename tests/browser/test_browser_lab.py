"""JupyterLab as `diffusion-course lab` sets it up, seen by a newcomer."""

import shutil

from diffusion_course.course.manifest import load_manifest
from diffusion_course.course.paths import notebooks_dir

DIRTY = "() => jupyterapp.shell.currentWidget.context.model.dirty"


def test_opening_a_committed_notebook_does_not_mark_it_as_changed_and_no_box_asks_for_anything(lab):
    chapter = load_manifest().chapters[0]
    name = f"opened_{chapter.notebook}"
    shutil.copy(notebooks_dir() / chapter.notebook, lab.server.root / name)
    page = lab.open(name)
    page.wait_for_timeout(
        2000
    )  # what changes a notebook or opens a box comes after the kernel's first answer
    assert page.evaluate(DIRTY) is False
    assert page.locator(".jp-toast, .Toastify__toast, .jp-Dialog").all_text_contents() == []
    assert page.locator("[data-id='extensionmanager.main-view']").count() == 0
    page.evaluate(
        "() => jupyterapp.shell.currentWidget.content.activeCell.model.sharedModel.setSource('# mine')"
    )
    page.wait_for_function(DIRTY)  # and what the reader changes does
    lab.close(page)


def test_the_server_is_reached_although_a_proxy_is_set(lab, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # nobody listens there
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert "started" in lab.server.api("GET", "/api/status")
