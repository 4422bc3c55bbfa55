"""What goes from a widget to the browser, without a browser."""

import pytest


class Wire:
    """Stands in for the connection of one widget, and keeps the names of what each message carried."""

    kernel, comm_id = True, "wire"

    def __init__(self):
        self.sent = []

    def on_msg(self, callback):
        """Nothing ever comes back."""

    def send(self, data, **_):
        # bytes travel beside the state
        self.sent.append(set(data["state"]) | {path[0] for path in data.get("buffer_paths", ())})


@pytest.fixture
def wired():
    """A function widget -> `Wire` that connects it."""

    def connect(widget) -> Wire:
        widget.comm = Wire()
        return widget.comm

    return connect
