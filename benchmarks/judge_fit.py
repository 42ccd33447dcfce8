"""Fit the judge to the tries that kernel_tries.py wrote, and say how often it is wrong.

    python benchmarks/judge_fit.py TRIES [--write]

What counts is what comes out in the end: every guide of a try is cleaned up by the network that
knows the kernel, in the middle 256 px of the photo. Ridge regression of each kernel's gain over the
network that knows none, on signals and their squares, in folds by photo: what is printed was
predicted by a fit that has not seen the photo. The margin is such that at most --harm of all photos
lose more than 0.3 dB against the network.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from machine import describe
from unblur.engines import open_engine
from unblur.tasks.methods import judge
from unblur.tasks.methods.guided import GuidedNetwork
from unblur.weights import find_network

NAMES = (
    "agreement", "like_network", "network_change", "own_change", "apart", "unexplained",
    "overshoot", "negative", "change", "sparsity", "mean_gradient", "root_gradient", "contrast",
    "entropy", "radius_px", "peak", "parts", "ghost", "counter_ghost", "ghosts",
    "uneven_spectrum", "slope", "noise", "light", "spread", "clipped", "linear",
)  # fmt: skip
LOGARITHMIC = {
    "network_change", "own_change", "apart", "overshoot", "negative", "change", "mean_gradient",
    "root_gradient", "contrast", "radius_px", "peak", "ghosts", "noise", "light", "spread",
}  # fmt: skip
CLIP_DB = (-4.0, 6.0)
"""Gains beyond count as these: how wrong a hopeless kernel is tells nothing."""
FOLDS = 10
MIDDLE_PX = 256
EDGE = 8
HARMED_DB = -0.3


def read(path: Path, network: GuidedNetwork) -> dict | None:
    """A try: what was done, the gain of the network without a kernel, and each kernel's.

    None if no kernel was found.
    """
    with np.load(path) as held:
        done = json.loads(str(held["done"]))
        if not done.get("signals"):
            return None
        blurred, sharp, plain, guides = (
            held[name].astype(np.float32) / np.float32(255)
            for name in ("blurred", "sharp", "network", "guides")
        )
    rows, columns = (
        slice(max(0, side - MIDDLE_PX) // 2, max(0, side - MIDDLE_PX) // 2 + MIDDLE_PX)
        for side in blurred.shape[:2]
    )
    middle = np.ascontiguousarray(blurred[rows, columns])

    def psnr(pixels: np.ndarray) -> float:
        inside = (slice(EDGE, -EDGE),) * 2
        error = (np.clip(pixels, 0, 1) - sharp[rows, columns])[inside] ** 2
        return float(-10 * np.log10(error.mean(dtype=np.float64) + 1e-10))

    before = psnr(middle)
    tries = [
        {
            "signals": signals,
            "gain": psnr(network.restore(middle, guide[rows, columns])[..., :3]) - before,
        }
        for signals, guide in zip(done["signals"], guides[: done["found"]], strict=True)
    ]
    return {**done, "tries": tries, "network": psnr(plain[rows, columns]) - before}


def fit(signals: list[dict[str, float]], gains: np.ndarray, ridge: float) -> dict[str, object]:
    """The coefficients, as they are written."""
    table = np.array([[row[name] for name in NAMES] for row in signals])
    logarithmic = np.array([name in LOGARITHMIC for name in NAMES])
    table = np.where(logarithmic, np.log(np.maximum(table, 1e-6)), table)
    least, most = np.quantile(table, (0.01, 0.99), axis=0)
    table = np.clip(table, least, most)
    mean, spread = table.mean(axis=0), table.std(axis=0) + 1e-9
    fitted: dict[str, object] = {
        "names": list(NAMES), "logarithmic": logarithmic, "least": least, "most": most,
        "mean": mean, "spread": spread,
    }  # fmt: skip
    rows = np.stack([judge.features(row, fitted) for row in signals])
    penalty = ridge * len(rows) * np.eye(rows.shape[1])
    penalty[0, 0] = 0
    fitted["weights"] = np.linalg.solve(rows.T @ rows + penalty, rows.T @ gains)
    return fitted


def chosen(photo: dict, fitted: dict[str, object]) -> tuple[float, float]:
    """The best predicted gain over the network among a photo's hypotheses, and the true one."""
    rows = [judge.features(row["signals"], fitted) for row in photo["tries"]]
    predicted = np.stack(rows) @ fitted["weights"]
    best = int(np.argmax(predicted))
    return float(predicted[best]), photo["tries"][best]["gain"] - photo["network"]


def main() -> None:
    """Print how good it is; write it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("tries", type=Path)
    parser.add_argument("--ridge", type=float, default=0.1)
    parser.add_argument("--harm", type=float, default=0.045)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    network = GuidedNetwork(open_engine(find_network("guided"), precision="fp32"))
    paths = sorted(args.tries.glob("[!.]*.npz"))
    photos = [held for path in paths if (held := read(path, network))]
    tries = sum(len(photo["tries"]) for photo in photos)
    print(f"{tries} tries on {len(photos)} blurred photos")

    def rows_of(some: list[dict]) -> tuple[list[dict], np.ndarray]:
        signals = [row["signals"] for photo in some for row in photo["tries"]]
        over = [row["gain"] - photo["network"] for photo in some for row in photo["tries"]]
        return signals, np.clip(over, *CLIP_DB)

    fold = {name: i % FOLDS for i, name in enumerate(sorted({p["photo"] for p in photos}))}
    seen = []
    for each in range(FOLDS):
        fitted = fit(*rows_of([p for p in photos if fold[p["photo"]] != each]), args.ridge)
        seen += [(p, *chosen(p, fitted)) for p in photos if fold[p["photo"]] == each]
    predicted, true = (np.array([row[i] for row in seen]) for i in (1, 2))
    margins = np.sort(predicted)
    harmed = [float((true[predicted > m] < HARMED_DB).sum()) / len(true) for m in margins]
    margin = float(
        max(0.0, next(m for m, h in zip(margins, harmed, strict=True) if h <= args.harm))
    )
    best = np.array([max(r["gain"] for r in p["tries"]) - p["network"] for p, *_ in seen])
    print(
        f"network alone: {np.mean([p['network'] for p in photos]):+.2f} dB over the blurred photo"
    )
    print(f"a perfect choice of hypothesis or network: {np.maximum(best, 0).mean():+.2f} over it")
    for name, of in {"all": lambda p: True, **{
        kind: (lambda p, kind=kind: p["kind"] == kind)
        for kind in ("shake", "rotation", "object", "out of focus", "sharp")}}.items():  # fmt: skip
        take = np.array([of(p) for p, *_ in seen])
        if not take.any():
            continue
        gains = np.where(predicted[take] > margin, true[take], 0)
        print(
            f"{name:14} {take.sum():4} photos: {gains.mean():+.2f} over the network, "
            f"{(predicted[take] > margin).mean():4.0%} taken, {(gains < HARMED_DB).mean():4.0%} "
            f"harmed, worst {gains.min():+.2f}"
        )
    fitted = fit(*rows_of(photos), args.ridge)
    fitted["margin"] = margin
    print(f"margin {margin:.2f} dB\n{describe('fp32')}")
    if args.write:
        kept = {
            key: [round(float(x), 6) for x in value] if isinstance(value, np.ndarray) and
            value.dtype != bool else value.tolist() if isinstance(value, np.ndarray) else value
            for key, value in fitted.items()
        }  # fmt: skip
        judge._COEFFICIENTS.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
