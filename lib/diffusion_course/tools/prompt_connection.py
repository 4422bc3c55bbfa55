"""A Jupyter server that passes small messages on at once, so that dragging a widget does not stutter.

By default the server lets the operating system hold a small message back until the browser has confirmed the one
before (Nagle's algorithm). A kernel's answer to a move is always preceded by a small "busy" message, so on many
machines each answer waits 40 ms or more for nothing. `lab.SERVER_OPTIONS` switches that off.
"""

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class PromptConnection(ZMQChannelsWebsocketConnection):
    """Jupyter's own connection between kernel and browser, with TCP_NODELAY."""

    def connect(self):
        """Connects as usual, then asks the browser's socket not to wait."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()
