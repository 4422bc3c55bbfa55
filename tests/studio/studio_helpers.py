"""For tests of the studio: wishes, and an engine without a network whose steps a test can hold up."""

import base64
import threading

import numpy as np

from diffusion_course.studio.wishes import DEFAULTS, wish

SIZE = (4, 6)


def packed(values) -> str:
    return base64.b64encode(np.asarray(values, np.uint8).tobytes()).decode()


PICTURE = packed(np.arange(4 * 6 * 3))
MASK = packed(np.eye(4, 6))


class SlowEngine:
    """Paints nothing: ``steps`` frames, each after the test has let it go on; the prompt "fail" raises."""

    size = SIZE

    def __init__(self):
        self.go_on, self.painted = threading.Semaphore(0), []

    def about(self) -> dict:
        return {"model": "slow", "defaults": DEFAULTS}

    def check(self, asked):
        return wish(asked, self.size)

    def paint(self, wanted):
        yield {"kind": "began", "words": [], "warnings": []}
        for step in range(1, wanted.steps + 1):
            assert self.go_on.acquire(timeout=20)
            if wanted.prompt == "fail":
                raise RuntimeError("no memory")
            self.painted.append((wanted.prompt, step))
            yield {"kind": "frame", "step": step, "steps": wanted.steps}
        yield {"kind": "done", "seconds": 0.0}
