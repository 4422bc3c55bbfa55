"""What importing the package sets before TensorFlow starts."""

import os
import subprocess
import sys

_ASK = """
import diffusion_course
import tensorflow as tf
try:
    tf.ones(2**25)  # 128 MiB
    print("malloc gave it")
except tf.errors.ResourceExhaustedError:
    print("refused by TensorFlow's own allocator")
"""


def test_tensors_live_in_tensorflows_own_allocator():
    # Of the two only TensorFlow's own, which keeps what was freed, knows a limit.
    name = "TF_CPU_ALLOCATOR_USE_BFC"
    plain = {key: value for key, value in os.environ.items() if key != name} | {
        "TF_CPU_BFC_MEM_LIMIT_IN_MB": "64"
    }
    by_default, by_choice = (
        subprocess.check_output([sys.executable, "-c", _ASK], env=plain | chosen, text=True).strip()
        for chosen in ({}, {name: "false"})  # who sets it has the last word
    )
    assert by_default == "refused by TensorFlow's own allocator" and by_choice == "malloc gave it"
