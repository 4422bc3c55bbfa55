"""`diffusion-course studio`: it says where the page is, opens it, ends cleanly, and refuses what it cannot do."""

import socket

import pytest
from studio_helpers import SlowEngine
from typer.testing import CliRunner

from diffusion_course.cli import app
from diffusion_course.studio import engine as engines
from diffusion_course.studio.server import StudioServer
from diffusion_course.tools import studio


@pytest.fixture
def served(monkeypatch):
    """Servers that were started; each is interrupted as soon as it serves."""
    started = []

    def interrupted(self):
        started.append(self)
        raise KeyboardInterrupt

    def quick(model=None):
        made = SlowEngine()
        made.go_on.release(1000)
        return made

    monkeypatch.setattr(StudioServer, "serve_forever", interrupted)
    monkeypatch.setattr(engines, "Engine", quick)
    return started


def test_it_says_where_it_is_opens_it_and_ends_on_ctrl_c(served, monkeypatch):
    opened, said = [], []
    monkeypatch.setattr(studio.webbrowser, "open", opened.append)
    studio.run_studio(0, say=said.append)
    (server,) = served
    assert opened == [server.url] and any(server.url in line for line in said) and "closed" in said[-1]
    assert not server.desk._thread.is_alive() and server.socket.fileno() == -1


def test_without_a_browser_none_is_opened(served, monkeypatch):
    monkeypatch.setattr(studio.webbrowser, "open", lambda url: pytest.fail("opened"))
    result = CliRunner().invoke(app, ["studio", "--port", "0", "--no-browser"])
    assert result.exit_code == 0 and served[0].url in result.output


def test_a_taken_port_is_told(served):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = CliRunner().invoke(app, ["studio", "--port", str(port), "--no-browser"])
    assert result.exit_code == 1 and f"Port {port} cannot be used" in result.output and not served


@pytest.mark.parametrize("arguments", [["--port", "70000"], ["--model", "unet-mnist", "--port", "0"]])
def test_wrong_arguments_are_refused(arguments):
    result = CliRunner().invoke(app, ["studio", "--no-browser", *arguments])
    assert result.exit_code == 2, result.output
