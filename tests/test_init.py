"""What importing the package sets before TensorFlow starts."""

import os
import subprocess
import sys

import pytest

_FAULTS = """
import diffusion_course, resource
import tensorflow as tf
x = tf.ones(2**24)
(x + 1.0) * 2.0
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    y = (x + 1.0) * 2.0  # 64 MiB each
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_tensorflow_keeps_its_memory():
    # A page of memory that a process touches for the first time is a fault; what was kept has none.
    pytest.importorskip("resource")
    plain = {key: value for key, value in os.environ.items() if key != "TF_CPU_ALLOCATOR_USE_BFC"}
    by_default, by_malloc = (
        int(subprocess.check_output([sys.executable, "-c", _FAULTS], env=plain | chosen, text=True))
        for chosen in ({}, {"TF_CPU_ALLOCATOR_USE_BFC": "false"})  # who sets it has the last word
    )
    assert by_default < by_malloc / 4
