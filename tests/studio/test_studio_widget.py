"""The studio's widget without a browser: wishes come in, events go out with the same id, and a still stands by."""

import pytest
from studio_helpers import SlowEngine

from diffusion_course.widgets.studio import Studio


@pytest.fixture
def studio(monkeypatch):
    studio = Studio(SlowEngine())
    studio.sent = []
    monkeypatch.setattr(studio, "send", studio.sent.append)
    yield studio
    studio.desk.engine.go_on.release(1000)
    studio.close()
    assert not studio.desk._thread.is_alive()


def ask(studio, **message):
    studio._hear(studio, message, [])
    return studio._jobs.get(message["id"])


def kinds(studio, asked) -> list[str]:
    return [sent["event"]["kind"] for sent in studio.sent if sent["id"] == asked]


def test_events_carry_the_id_of_their_wish(studio):
    job = ask(studio, id="a", wish={"steps": 2})
    studio.desk.engine.go_on.release(2)
    assert job.done.wait(20)
    assert kinds(studio, "a") == ["began", "frame", "frame", "done"]
    assert studio.about == studio.desk.engine.about()


def test_a_refused_wish_is_told_with_its_field(studio):
    assert ask(studio, id="b", wish={"strength": 3}) is None
    (sent,) = studio.sent
    assert sent["id"] == "b" and sent["event"]["kind"] == "refused" and sent["event"]["field"] == "strength"
    assert ask(studio, id="c", wish=None) is None and kinds(studio, "c") == ["refused"]


def test_who_left_is_painted_for_no_more(studio):
    job = ask(studio, id="d", wish={"steps": 100})
    ask(studio, id="d", cancel=True)
    ask(studio, id="unknown", cancel=True)
    studio.desk.engine.go_on.release(2)
    assert job.done.wait(20) and kinds(studio, "d")[-1] == "cancelled"
    assert len(studio.desk.engine.painted) <= 2


def test_script_and_style_are_those_of_the_page_but_for_its_last_file():
    from diffusion_course.studio.front import page_script, style, widget_script

    page, widget = page_script(), widget_script()
    shared = page[: page.index("// The page's face")]
    assert widget.startswith(shared) and widget.rstrip().endswith("export default { render };")
    assert "export default" not in page and style(page=True).startswith(style(page=False))
