"""Notebooks as JupyterLab gets them to see: opening one does not mark it as changed.

When a kernel starts, JupyterLab writes what the kernel says about its language into the notebook's metadata: among
it the exact version of Python. A committed notebook does not hold that version, since it would change with every
machine, so each one counted as changed as soon as it was opened, and a reader who had touched nothing was asked
whether to save. Here the server hands the notebook out with the kernel's own words already in place.
"""

from ipykernel.ipkernel import IPythonKernel
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager


class UnchangedOnOpen(AsyncLargeFileManager):
    """Jupyter's own file manager; a Python notebook that it reads names this Python. Files stay as they are."""

    async def get(self, path, content=True, type=None, format=None, require_hash=False):
        """Reads as usual; see the module's text for what it adds."""
        model = await super().get(path, content, type=type, format=format, require_hash=require_hash)
        if content and model["type"] == "notebook":
            metadata = model["content"]["metadata"]
            if metadata.get("kernelspec", {}).get("name") == "python3":
                metadata["language_info"] = dict(IPythonKernel.language_info)
        return model
