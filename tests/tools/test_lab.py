"""How JupyterLab starts, and that it ends."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

from diffusion_course.tools import lab
from diffusion_course.tools.lab_contents import UnchangedOnOpen


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def page(address: str, seconds: float = 300) -> str:
    """What a server on this machine answers; it prints its address a moment before it listens."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + seconds
    while True:
        try:
            with direct.open(address, timeout=seconds) as answer:
                return answer.read().decode()
        except urllib.error.URLError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def test_it_serves_this_machine_only_and_opens_the_notebook(tmp_path):
    command = lab.lab_command(tmp_path, tmp_path / "notebooks" / "00_x.ipynb", port=9999, browser=True)
    assert "--ServerApp.ip=127.0.0.1" in command and "--no-browser" not in command
    assert "--LabApp.default_url=/lab/tree/notebooks/00_x.ipynb" in command


def test_the_printed_address_opens_chapter_00_and_ending_the_command_frees_the_port(tiny, tmp_path):
    tiny.add("00")
    port = free_port()
    own = {
        name: str(tmp_path / name)
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
    }
    command = [sys.executable, "-m", "diffusion_course.cli", "lab", "--no-browser", "--port", str(port)]
    process = subprocess.Popen(
        command, env={**os.environ, **own}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        addresses = (re.search(rf"http://127\.0\.0\.1:{port}/\S+", line) for line in process.stdout)
        address = next(found for found in addresses if found)[0]
        assert f":{port}/lab/tree/notebooks/00_tiny.ipynb?token=" in address
        assert '"news": {"disabled": true}' in page(address)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=300)
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0, "the server lives on"
    finally:
        process.kill()
        process.communicate()


async def read(manager, name):
    return (await manager.get(name))["content"]["metadata"]


def test_a_notebook_comes_with_what_its_kernel_will_say_and_stays_as_it_is_on_disk(tiny):
    path = tiny.add("01")
    before = path.read_bytes()
    given = asyncio.run(read(UnchangedOnOpen(root_dir=str(path.parent)), path.name))
    assert "version" not in given.get("language_info", {})  # it names no kernel, so nobody can know
    path.write_bytes(before.replace(b'"metadata": {},\n "nbformat"', SPEC + b'"nbformat"'))
    changed = path.read_bytes()
    assert changed != before
    given = asyncio.run(read(UnchangedOnOpen(root_dir=str(path.parent)), path.name))
    assert given["language_info"]["version"] == sys.version.split()[0]
    assert path.read_bytes() == changed
    assert "version" not in asyncio.run(
        read(AsyncLargeFileManager(root_dir=str(path.parent)), path.name)
    ).get("language_info", {})


SPEC = b'"metadata": {"kernelspec": {"name": "python3", "language": "python", "display_name": "P"}}, '
