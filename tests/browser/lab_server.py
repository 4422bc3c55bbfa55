"""A real JupyterLab for tests: its own folders, a random port, a token, and a few verbs for its pages.

with LabServer(folder) as server:                     # started once, some seconds
    lab = Lab(server, browser)                        # browser: playwright's
    page = lab.open("name.ipynb")                     # the notebook in a fresh page, its kernel idle
    lab.run_all(page)                                 # every code cell; fails with the traceback of the first error
    lab.wait_idle(page)
    lab.close(page)                                   # page and kernel
"""

import json
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from diffusion_course.tools.child_environment import lab_environment
from diffusion_course.tools.lab import SERVER_OPTIONS, allow_root

KERNEL_STATUS = "jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status"
SETTINGS = {
    # Cells outside the window stay in the page, so that a test can find them.
    "notebook-extension/tracker": {"windowingMode": "none"},
}
# An answer to GET that never comes must not hang a test for ever.
HTTP_TIMEOUT = 10
# Seconds. What is waited for comes after few of them; on CI's machine, or on one that trains beside the tests, it takes
# many times as long. Each wait ends as soon as the thing is there.
PATIENCE = 300
# The server is on this machine: no proxy that the environment names knows it.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class LabServer:
    """JupyterLab on 127.0.0.1, serving one folder, with none of the user's own settings.

    Args:
        root: the folder with the notebooks to open; copy them there, tests change them.
    """

    def __init__(self, root: Path):
        self.root = Path(root)
        self._private = Path(tempfile.mkdtemp(prefix="lab-"))
        self._log = self._private / "server.log"
        self._token = secrets.token_hex(16)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> "LabServer":
        for name, value in SETTINGS.items():
            path = self._private / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(value), encoding="utf-8")
        folders = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "IPYTHONDIR": "ipython",
        }
        own = {name: str(self._private / folder) for name, folder in folders.items()}
        # The token travels in the environment: a command line can be read by every user of the machine.
        environment = lab_environment(**own, JUPYTER_TOKEN=self._token, COURSE_PROFILE="quick")
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", f"--ServerApp.root_dir={self.root}"]
        command += [
            f"--ServerApp.port={self._port}",
            "--ServerApp.port_retries=0",
        ]
        command += ["--LabApp.expose_app_in_browser=True", *SERVER_OPTIONS]
        command += allow_root()
        with self._log.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            self._wait_until_up(PATIENCE)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception) -> None:
        try:
            self.api("POST", "/api/shutdown")
        except OSError:
            self._process.terminate()  # it does not answer, or it is gone already
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._private, ignore_errors=True)

    def api(self, method: str, path: str):
        """Calls the server's REST interface and returns the decoded answer (None where it has no body)."""
        request = urllib.request.Request(
            self.url + path, method=method, headers={"Authorization": f"token {self._token}"}
        )
        with DIRECT.open(request, timeout=HTTP_TIMEOUT) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    def lab_url(self, notebook: str, workspace: str) -> str:
        """The address of a notebook in a workspace of its own."""
        return f"{self.url}/lab/workspaces/{workspace}/tree/{notebook}?token={self._token}"

    def _wait_until_up(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._process.poll() is not None:
                break
            try:
                self.api("GET", "/api/status")
                return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.2)
        log = self._log.read_text(encoding="utf-8", errors="replace")
        raise RuntimeError(f"JupyterLab did not start within {seconds} s. Its log:\n{log[-3000:]}")


class Lab:
    """What a test does with notebooks in a running JupyterLab.

    Args:
        server: a started `LabServer`.
        browser: a playwright browser.
    """

    def __init__(self, server: LabServer, browser):
        self.server = server
        self._browser = browser

    def open(
        self, notebook: str | Path, *, theme: str = "JupyterLab Light", width: int = 1300, height: int = 950
    ):
        """Opens a notebook in a fresh page and waits until its kernel is idle.

        Args:
            notebook: path of the notebook. One outside the server's folder is copied into it first.
            theme: "JupyterLab Light" or "JupyterLab Dark".
            width: of the window, in pixels.
            height: of the window, in pixels.

        Returns:
            A playwright page. `page.problems` collects console errors and uncaught exceptions.
        """
        path = Path(notebook)
        if path.is_absolute():
            shutil.copy(path, self.server.root / path.name)
            path = Path(path.name)
        context = self._browser.new_context(viewport={"width": width, "height": height})
        context.set_default_timeout(1000 * PATIENCE)
        page = context.new_page()
        page.problems = []
        page.on("console", lambda m: page.problems.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.goto(self.server.lab_url(path.as_posix(), f"test-{secrets.token_hex(4)}"))
        page.wait_for_function("() => window.jupyterapp !== undefined")
        page.wait_for_selector(".jp-Notebook .jp-Cell")
        self.wait_idle(page)
        self.set_theme(page, theme)
        return page

    def run_all(self, page, timeout: float = PATIENCE) -> None:
        """Runs every code cell and waits for the last one.

        Raises:
            AssertionError: a cell failed (the message is its traceback), or `timeout` seconds have passed.
        """
        # Cleared first, so that the counts of an earlier run do not count for this one. The second command's promise
        # is not returned: it would be awaited here, while errors show only in the cells.
        page.evaluate("() => jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
        page.evaluate("() => { jupyterapp.commands.execute('notebook:run-all-cells'); }")
        state = """() => {
            const notebook = jupyterapp.shell.currentWidget.content;
            const cells = notebook.widgets.map(w => w.model).filter(m => m.type === 'code');
            const run = cells.filter(m => m.sharedModel.getSource().trim());
            const outputs = run.flatMap(m => m.outputs.toJSON());
            const failed = outputs.find(o => o.output_type === 'error');
            return {
                todo: run.filter(m => m.executionCount === null || m.executionState === 'running').length,
                error: failed ? failed.traceback.join('\\n') : null,
            };
        }"""
        end = time.monotonic() + timeout
        while True:
            now = page.evaluate(state)
            assert now["error"] is None, f"A cell failed:\n{now['error']}"
            if now["todo"] == 0:
                break
            assert time.monotonic() < end, f"{now['todo']} cells did not finish within {timeout} s"
            page.wait_for_timeout(100)
        self.wait_idle(page)

    def wait_idle(self, page, timeout: float = PATIENCE) -> None:
        """Waits until the notebook's kernel is idle, at most `timeout` seconds."""
        page.wait_for_function(f"() => {KERNEL_STATUS} === 'idle'", timeout=timeout * 1000)

    def set_theme(self, page, theme: str) -> None:
        """Changes JupyterLab's theme ("JupyterLab Light" or "JupyterLab Dark")."""
        page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
        page.wait_for_function("theme => document.body.dataset.jpThemeName === theme", arg=theme)

    def close(self, page) -> None:
        """Closes a page and shuts its kernel down."""
        page.evaluate("async () => { await jupyterapp.shell.currentWidget.sessionContext.shutdown(); }")
        page.context.close()


def run_in_kernel(page, code: str):
    """Runs code in the notebook's kernel, not in a cell, and returns the JSON that it prints."""
    return page.evaluate(
        """async code => {
        const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
        let printed = "";
        const future = kernel.requestExecute({ code, store_history: false });
        future.onIOPub = message => {
            if (message.header.msg_type === "stream") printed += message.content.text;
            if (message.header.msg_type === "error") printed += message.content.traceback.join("\\n");
        };
        await future.done;
        return JSON.parse(printed);
    }""",
        code,
    )
