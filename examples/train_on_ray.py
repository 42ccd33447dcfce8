"""`unblur train` in several processes of a Ray cluster, by Ray Train.

    python examples/train_on_ray.py recipes/fast.toml --data PHOTOS --out runs/fast --processes 2

Ray Train starts the processes, tells each its place, and connects them; Lightning then finds all
that torchrun would have set, and trains as it does there. The folders must be the same on all
machines. Without --address a cluster is started on this machine. Run it again with --resume after
it ended in whatever way. Needs `pip install 'unblur[train,scale]' pandas`.
"""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

import ray
from ray.train import FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchConfig, TorchTrainer


@dataclass(frozen=True)
class Training:
    """What every process is told."""

    recipe: Path
    data: Path
    out: Path
    resume: bool
    loaders: int


class Asked(argparse.Namespace):
    """What the command line asks for."""

    recipe: Path
    data: Path
    out: Path
    processes: int
    gpu: bool
    loaders: int
    resume: bool
    address: str


def train_here(told: dict[str, Training]) -> None:
    """Train in this process, one of several; all do the same, and the first writes."""
    from unblur import TrainingData, load_training, train

    asked = told["training"]
    on_machine = int(os.environ["LOCAL_WORLD_SIZE"])
    first = os.environ["RANK"] == "0"
    train(
        load_training(asked.recipe),
        data=TrainingData(photos=asked.data),
        out=asked.out,
        resume=asked.resume,
        workers=asked.loaders,
        devices=on_machine,
        nodes=int(os.environ["WORLD_SIZE"]) // on_machine,
        progress=False,
        tell=print if first else None,
    )


def main() -> None:
    """Train."""
    parser = argparse.ArgumentParser()
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="folder of sharp photos")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--processes", type=int, default=2, help="of the whole cluster")
    parser.add_argument("--gpu", action="store_true", help="one for each process")
    parser.add_argument("--loaders", type=int, default=1, help="processes that make pairs, each")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--address", default="local", help="of a cluster, or auto")
    asked = parser.parse_args(namespace=Asked())
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Ray does not say what its **kwargs are.
    ray.init(  # pyright: ignore[reportUnknownMemberType]
        address=asked.address, include_dashboard=False if asked.address == "local" else None
    )
    training = Training(
        recipe=asked.recipe.absolute(),
        data=asked.data.absolute(),
        out=asked.out.absolute(),
        resume=asked.resume,
        loaders=asked.loaders,
    )
    trainer = TorchTrainer(
        train_here,
        train_loop_config={"training": training},
        torch_config=TorchConfig(backend="nccl" if asked.gpu else "gloo"),
        scaling_config=ScalingConfig(num_workers=asked.processes, use_gpu=asked.gpu),
        run_config=RunConfig(
            storage_path=str(asked.out.absolute() / "ray"),
            failure_config=FailureConfig(max_failures=0),  # --resume goes on from a checkpoint
        ),
    )
    trainer.fit()


if __name__ == "__main__":
    main()
