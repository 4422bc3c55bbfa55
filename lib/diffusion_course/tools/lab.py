"""How the course starts JupyterLab: on this machine only, at a chapter, with nothing that needs a network."""

import os
import subprocess
import sys
from pathlib import Path

from diffusion_course.tools.child_environment import lab_environment

_TOOLS = __name__.rpartition(".")[0]
SERVER_OPTIONS = (
    "--ServerApp.ip=127.0.0.1",
    f"--ServerApp.kernel_websocket_connection_class={_TOOLS}.prompt_connection.PromptConnection",
    f"--ServerApp.contents_manager_class={_TOOLS}.lab_contents.UnchangedOnOpen",
    # A learner offline, or behind a firewall, must not wait for news of JupyterLab and lists of extensions, nor be
    # asked whether she wants them. An empty address is not enough: JupyterLab then still asks.
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.news_url=None",
    "--LabApp.extension_manager=readonly",
)


def lab_command(root: Path, first: Path, *, port: int, browser: bool) -> list[str]:
    """The command line of a JupyterLab that serves a folder and opens at a notebook.

    Args:
        root: the folder.
        first: a notebook in it.
        port: the first port to try.
        browser: whether to open a window. Without one, the address that the server prints opens the notebook.
    """
    command = [
        *(sys.executable, "-m", "jupyterlab"),
        f"--ServerApp.root_dir={root}",
        f"--ServerApp.port={port}",
        f"--LabApp.default_url=/lab/tree/{first.relative_to(root).as_posix()}",
        *SERVER_OPTIONS,
    ]
    if not browser:
        command.append("--no-browser")
    return command + allow_root()


def allow_root() -> list[str]:
    """In a container one is root, and Jupyter would refuse."""
    return ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []


def run_lab(command: list[str], folder: Path, profile: str) -> int:
    """Becomes JupyterLab, so that whoever ends this process ends the server and frees its port.

    Args:
        command: from `lab_command`.
        folder: the working directory.
        profile: what chapters run in.

    Returns:
        The exit code on Windows, where a process cannot become another; elsewhere it does not return.
    """
    environment = lab_environment(COURSE_PROFILE=profile)
    if os.name == "nt":
        try:
            return subprocess.run(command, cwd=folder, env=environment, check=False).returncode
        except KeyboardInterrupt:  # how one stops it
            return 0
    os.chdir(folder)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(command[0], command, environment)
