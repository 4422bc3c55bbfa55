"""What `diffusion-course studio` does: loads the model, serves the page on this machine only, opens a browser at it."""

import webbrowser
from collections.abc import Callable


def run_studio(
    port: int, *, model: str | None = None, browser: bool = True, say: Callable[[str], None] = print
) -> None:
    """Serves the studio until it is interrupted (Ctrl-C), or its process is ended.

    Args:
        port: of 127.0.0.1; 0 takes a free one.
        model: preset; by default the best whose weights are there.
        browser: whether to open a window.
        say: told where the page is.

    Raises:
        OSError: the port is taken, or may not be used.
        ValueError: there is no such preset.
        MissingFile, DamagedFile: of the model's files.
    """
    from diffusion_course.backend import load_quietly

    load_quietly()
    from diffusion_course.studio.desk import Desk
    from diffusion_course.studio.engine import Engine
    from diffusion_course.studio.server import StudioServer

    say("Loading the model")
    desk = Desk(Engine(model=model))
    try:
        server = StudioServer(desk, port)
    except OSError as error:
        desk.close()
        raise OSError(f"Port {port} cannot be used ({error.strerror}). Choose another: --port 0") from error
    with server:
        desk.hand_in({"steps": 1}, lambda event: None)  # compiles, while the first sentence is typed
        say(f"The studio is at {server.url}. Press Ctrl-C to end it.")
        if browser:
            webbrowser.open(server.url)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say("The studio is closed.")
