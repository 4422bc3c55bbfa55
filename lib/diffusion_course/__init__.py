"""The library that the course "From Autoencoders to Stable Diffusion" builds.

Importing this package chooses Keras's backend (TensorFlow, unless ``KERAS_BACKEND`` names another one) and so
must come before the first ``import keras``. It also keeps Keras from reading settings in the user's ``keras.json``
that the course's networks were not made for.
"""

import os

from diffusion_course import startup

__version__ = "0.1.0"

startup.settle()
# TensorFlow's start-up notices (oneDNN, CPU features) would be the first thing that a learner reads.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Every training step makes and frees many tensors of megabytes. malloc fetches the memory of each from the operating
# system and gives it back; TensorFlow's own allocator keeps it. `benchmarks/allocator.py` measures both.
os.environ.setdefault("TF_CPU_ALLOCATOR_USE_BFC", "true")
