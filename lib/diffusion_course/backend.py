"""Everything that depends on Keras's backend; the only file of the library that imports TensorFlow, JAX or PyTorch."""

import contextlib
import functools
import logging
import os
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def _backend() -> str:
    import keras

    return keras.backend.backend()


@contextlib.contextmanager
def _silent_stderr() -> Iterator[None]:
    """Sends what native code writes to standard error nowhere; exceptions pass as always."""
    try:
        saved = os.dup(2)
    except OSError:  # no standard error, e.g. under pythonw
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(nowhere)
        os.close(saved)


def load_quietly() -> None:
    """Imports Keras and its backend without the notices of their native code.

    TensorFlow 2.21 writes lines on oneDNN and CUDA before it reads ``TF_CPP_MIN_LOG_LEVEL``, so that the variable
    does not silence them. A failing import raises as always.
    """
    with _silent_stderr():
        _accelerators(_backend())
    # A notebook calls several models a few times each, which TensorFlow takes for a mistake and warns of at length.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


def _accelerators(backend: str) -> list[str]:
    """Names of the accelerators that the backend would use, in its own order."""
    if backend == "tensorflow":
        import tensorflow as tf

        details = (
            tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")
        )
        return [detail.get("device_name", "unnamed GPU") for detail in details]
    if backend == "jax":
        import jax

        return [device.device_kind for device in jax.devices() if device.platform != "cpu"]
    if backend == "torch":
        import torch

        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        return names + (["Apple GPU (MPS)"] if torch.backends.mps.is_available() else [])
    return []


def _cores() -> int:
    """Cores that this process may use, which in a container or under `taskset` are fewer than the machine's."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def device_report() -> dict:
    """What the course computes with.

    Returns:
        A dict: ``backend`` and ``backend_version``, ``keras_version``, ``devices`` (list of str, the CPU first),
        ``gpu`` (bool: the backend sees at least one accelerator).
    """
    import keras

    backend = _backend()
    try:
        backend_version = version(backend)
    except PackageNotFoundError:  # e.g. `tensorflow-cpu` provides the module under another name
        backend_version = str(getattr(sys.modules.get(backend), "__version__", "unknown"))
    accelerators = _accelerators(backend)
    return {
        "backend": backend,
        "backend_version": backend_version,
        "keras_version": keras.__version__,
        "devices": [f"CPU with {_cores()} cores", *(f"GPU {name}" for name in accelerators)],
        "gpu": bool(accelerators),
    }


def has_gpu_build() -> bool:
    """Whether the installed backend was built to use a GPU at all, present or not."""
    backend = _backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return bool(tf.test.is_built_with_gpu_support())
    if backend == "torch":
        import torch

        return bool(torch.backends.cuda.is_built() or torch.backends.mps.is_built())
    return bool(_accelerators(backend))


def peak_memory_bytes() -> int:
    """The largest resident memory that this process has had so far, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not getrusage: on Linux a process starts with the peak of the one that started it, e.g. of JupyterLab.
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)  # macOS counts bytes, other systems KiB


def compile_function(function: Callable, *, jit: bool = True) -> Callable:
    """Compiles a function of tensors with what the backend offers.

    TensorFlow traces it into a graph, and with ``jit`` has XLA compile that; JAX jits it in either case. PyTorch
    returns it as it is: its compiler needs a C++ toolchain, which a learner's machine may not have.

    Args:
        function: takes and returns tensors (or dicts and tuples of them); free of side effects, because it is
            traced once per combination of shapes and dtypes. With ``jit``, shapes must be static. It may call
            built Keras models: each call uses the weights that they have then.
        jit: use XLA where the backend leaves the choice.

    Returns:
        A function with the same arguments.
    """
    backend = _backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=jit, autograph=False)
    return _jitted_with_weights(function) if backend == "jax" else function


def _jitted_with_weights(function: Callable) -> Callable:
    """`jax.jit` that hands over, at each call, the values of the Keras variables that the function reads.

    `jax.jit` alone would freeze a model's weights into the program as they were at the first call, so that a
    compiled sampler would go on drawing with the network as it was before further training.
    """
    import jax
    import keras

    class Reads(keras.StatelessScope):
        """Notes which variables are read inside it."""

        def __init__(self):
            super().__init__(initialize_variables=False)
            self.variables = {}

        def get_current_value(self, variable):
            self.variables[id(variable)] = variable
            return super().get_current_value(variable)

    programs = {}  # signature -> variables that are read, compiled function

    def prepare(args, kwargs):
        with Reads() as reads:
            jax.eval_shape(function, *args, **kwargs)
        variables = list(reads.variables.values())

        def stateless(values, args, kwargs):
            with keras.StatelessScope(list(zip(variables, values, strict=True))):
                return function(*args, **kwargs)

        return variables, jax.jit(stateless)

    def call(*args, **kwargs):
        leaves, tree = jax.tree.flatten((args, kwargs))
        signature = (tree, *((jax.numpy.shape(leaf), jax.numpy.result_type(leaf)) for leaf in leaves))
        if signature not in programs:
            programs[signature] = prepare(args, kwargs)
        variables, program = programs[signature]
        return program([variable.value for variable in variables], args, kwargs)

    return call


def gradient(function: Callable) -> Callable:
    """The derivative of a function's sum with respect to its first argument.

    Where row i of the result depends on row i of the argument alone, as in a network, that is each row's own gradient.

    Args:
        function: of tensors, the first of them floating point; differentiable.

    Returns:
        A function with the same arguments, which returns a tensor like the first. It may be compiled.
    """
    backend = _backend()
    if backend == "tensorflow":
        import tensorflow as tf

        def derivative(x, *args, **kwargs):
            x = tf.convert_to_tensor(x)
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(x)
                total = tf.reduce_sum(function(x, *args, **kwargs))
            return tape.gradient(total, x, unconnected_gradients=tf.UnconnectedGradients.ZERO)

        return derivative
    if backend == "jax":
        import jax

        return jax.grad(lambda x, *args, **kwargs: function(x, *args, **kwargs).sum())
    import torch

    def derivative(x, *args, **kwargs):
        x = torch.as_tensor(x).detach().requires_grad_(True)
        with torch.enable_grad():
            total = function(x, *args, **kwargs).sum()
        return torch.autograd.grad(total, x)[0]

    return derivative


def parallel_devices() -> list[str]:
    """Names of the devices that one training may be spread over: the accelerators, or without any the CPU's parts."""
    backend = _backend()
    if backend == "tensorflow":
        import tensorflow as tf

        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        return [device.name for device in devices]
    if backend == "jax":
        import keras

        return keras.distribution.list_devices()
    return []


def data_parallel(devices: list[str]) -> contextlib.AbstractContextManager:
    """Inside, models are made with a copy on each device, and `fit` gives each device its part of every batch.

    Args:
        devices: of `parallel_devices`, two or more.
    """
    if _backend() == "tensorflow":
        return _mirrored(tuple(devices)).scope()
    import keras

    return keras.distribution.DataParallel(devices=devices, auto_shard_dataset=False).scope()


@functools.cache
def _mirrored(devices: tuple):
    """The strategy for these devices; one in a program: two would number their messages between devices alike."""
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(devices)


def batches_for_fit(make: Callable[[], Iterator]):
    """Batches as `fit` takes them, all of them and in their order, whatever the devices.

    With several devices Keras looks at batches of TensorFlow before it trains, and then begins again. What it looked at
    a generator has lost by then; a dataset calls ``make`` once more.

    Args:
        make: () -> an endless iterator over inputs, arrays or dicts of them, always from the same one on.
    """
    if _backend() != "tensorflow":
        return ((batch,) for batch in make())  # Keras wants tuples
    import keras
    import tensorflow as tf

    if tf.distribute.get_strategy().num_replicas_in_sync == 1:
        return ((batch,) for batch in make())

    def form(array):
        return tf.TensorSpec((None, *array.shape[1:]), array.dtype)

    forms = keras.tree.map_structure(form, next(make()))
    return tf.data.Dataset.from_generator(lambda: ((batch,) for batch in make()), output_signature=(forms,))


@contextlib.contextmanager
def undivided() -> Iterator[None]:
    """Inside, `predict` takes any number of rows; in `data_parallel` alone, JAX refuses what does not divide evenly."""
    import keras

    distribution = keras.distribution.distribution() if _backend() == "jax" else None
    if distribution is None:
        yield
        return
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(distribution)


def replica() -> tuple:
    """Which part of a batch is being computed here: (index, number of parts), (0, 1) where there is no division.

    TensorFlow runs a step once on each device, on its part of the batch. JAX has one program for the whole batch, and
    divides what is in it; the program sees no parts.
    """
    if _backend() == "tensorflow":
        import tensorflow as tf

        context = tf.distribute.get_replica_context()
        if context is not None and context.num_replicas_in_sync > 1:
            return context.replica_id_in_sync_group, context.num_replicas_in_sync
    return 0, 1


def of_all_replicas(x):
    """The rows (B, ...) of all parts of a batch, in their order; a gradient reaches the part that it is of."""
    if replica()[1] == 1:
        return x
    import tensorflow as tf

    return tf.distribute.get_replica_context().all_gather(x, axis=0)


def half_precision() -> str | None:
    """The half precision that this machine's accelerator computes fast in, as a Keras policy; None without one."""
    backend = _backend()
    if not _accelerators(backend):
        return None
    if backend == "tensorflow":
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
        # bfloat16 needs no scaling of the loss; NVIDIA's GPUs compute in it since Ampere, capability 8.0
        new = all(detail.get("compute_capability", (0, 0)) >= (8, 0) for detail in details)
        return "mixed_bfloat16" if new else "mixed_float16"
    return "mixed_bfloat16" if backend == "jax" else "mixed_float16"


def xla_problem() -> str | None:
    """Compiles and runs a tiny function with XLA.

    Returns:
        None if it gave the right number, else what went wrong, in one line.
    """
    from keras import ops

    if _backend() == "torch":
        return "PyTorch does not use XLA."
    try:
        total = compile_function(lambda x: ops.sum(ops.exp(x) * 2.0))(ops.zeros((3, 4)))
        value = float(ops.convert_to_numpy(total))
    except Exception as error:  # each backend has its own type for "no compiler"
        return f"{type(error).__name__}: {error}".splitlines()[0][:200]
    return None if abs(value - 24.0) < 1e-4 else f"the compiled sum must be 24. Received: {value}"
