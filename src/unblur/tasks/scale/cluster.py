"""A Ray cluster: joined or started here, and asked whether the workers fit."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from unblur.devices import cores
from unblur.errors import OptionError
from unblur.extras import need
from unblur.tasks.scale.options import ClusterError, ScaleOptions

_MOST_LOCAL: Final = 8
_STORE_BYTES: Final = 80 << 20
"""Of shared memory; photos do not pass through it, and Ray takes no less."""
_ENVIRONMENT: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",  # Ray would tell its makers what it is used for
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_worker_niceness": "0",  # of its own accord Ray lets everything else go first
}


@contextmanager
def cluster(options: ScaleOptions) -> Iterator[Any]:
    """Join a cluster, or start one on this machine and stop it at the end.

    Yields:
        The module ``ray``, connected.

    Raises:
        MissingExtraError: If Ray is not installed.
        ClusterError: If there is no cluster at the address, or none can be started.
    """
    with _environment():  # Ray's processes inherit it; nothing of it stays
        need("scale", "ray")
        import ray

        ours = not ray.is_initialized()
        if ours:
            _connect(ray, options.address)
    try:
        yield ray
    finally:
        if ours:
            ray.shutdown()


def _connect(ray: Any, address: str | None) -> None:
    import logging

    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if address is None:
            ray.init(
                address="local",
                num_cpus=cores(),
                include_dashboard=False,
                object_store_memory=_STORE_BYTES,
                **quiet,
            )
        else:
            ray.init(address=address, **quiet)
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        where = "started here" if address is None else f"joined at {address!r}"
        why = " ".join(str(error).split())
        raise ClusterError(f"a Ray cluster cannot be {where}: {why}") from error


def choose_workers(ray: Any, options: ScaleOptions) -> int:
    """How many workers to start: what was asked for, if it fits, or as many as fit.

    Ray would let those that do not fit wait without a word, and for ever.

    Raises:
        OptionError: If they do not fit.
    """
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    fit = workers_that_fit(nodes, cpus=options.cpus, gpus=options.gpus)
    if fit < max(1, options.workers):
        have = "; ".join(
            f"{node.get('CPU', 0):g} CPUs, {node.get('GPU', 0):g} GPUs" for node in nodes
        )
        asked = f"{max(1, options.workers)} x {options.cpus:g} CPUs, {options.gpus:g} GPUs"
        raise OptionError(
            f"workers do not fit: asked for {asked}; Ray has {have or 'no machine'}, so {fit} fit; "
            "choose fewer --workers or less --cpus or --gpus for each"
        )
    if options.workers:
        return options.workers
    return min(fit, _MOST_LOCAL) if options.address is None else fit


def workers_that_fit(nodes: "list[Mapping[str, float]]", *, cpus: float, gpus: float = 0.0) -> int:
    """How many workers there is room for, machine by machine.

    Args:
        nodes: What each machine has: ``CPU`` and ``GPU``.
        cpus: Of one worker.
        gpus: Of one worker.
    """
    tiny = 1e-9  # 3 x 0.1 is not more than 0.3
    fit = 0
    for node in nodes:
        of_node = int(node.get("CPU", 0) / cpus + tiny)
        if gpus:
            have = node.get("GPU", 0)
            # A fraction of a GPU is on one GPU.
            of_gpus = int(have / gpus + tiny) if gpus >= 1 else int(have) * int(1 / gpus + tiny)
            of_node = min(of_node, of_gpus)
        fit += of_node
    return fit


@contextmanager
def _environment() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in _ENVIRONMENT}
    os.environ.update({k: v for k, v in _ENVIRONMENT.items() if before[k] is None})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
