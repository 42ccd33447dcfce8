"""Fit the judge to the tries that judge_tries.py wrote, and say how often it is wrong.

    python benchmarks/judge_fit.py FILE.jsonl[.xz] ... [--write]

The tries that the judge was fitted to are benchmarks/judge_tries.jsonl.xz.

Ridge regression of what each kernel gains over the network that knows none, after the network that
knows it, on signals, on how far some of them are from those of the photo's other kernels, and on
their squares, in folds by photo: what is printed was predicted by a fit that has not seen the
photo. Gains count for less where both pictures are nearly perfect: an error of 42 dB is added to
either. Left out are photos that seem to be blurred so little that a kernel has to promise more than
the margin, and soft ones that nothing shook: they look as those do that are out of focus, and those
are to become sharper. The margin is such that of the photos with kernels of the newest search at
most --harm come out more than 0.3 dB worse than they went in because of a kernel: those are the
harmed ones, the worst is the worst of them.
"""

import argparse
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from machine import describe
from quick import is_quick, parse
from unblur.tasks.methods.choosing import judge
from unblur.tasks.methods.choosing.choose import SHORT_BLUR_PX

NAMES = (
    "agreement", "other_light", "like_network", "network_change", "own_change", "apart",
    "unexplained", "overshoot", "negative", "change", "sparsity", "mean_gradient", "root_gradient",
    "contrast",
    "entropy", "radius_px", "peak", "parts", "ghost", "counter_ghost", "ghosts",
    "uneven_spectrum", "slope", "noise", "light", "spread", "clipped", "linear", "drawn",
)  # fmt: skip
LOGARITHMIC = {
    "network_change", "own_change", "apart", "overshoot", "negative", "change", "mean_gradient",
    "root_gradient", "contrast", "radius_px", "peak", "ghosts", "noise", "light", "spread",
}  # fmt: skip
RELATIVE = (
    "agreement", "other_light", "unexplained", "sparsity", "overshoot", "ghosts", "mean_gradient",
    "radius_px", "apart", "like_network",
)  # fmt: skip
"""Also by how far they are from their mean over a photo's kernels."""
CLIP_DB = (-4.0, 6.0)
"""Gains beyond count as these: how wrong a hopeless kernel is tells nothing."""
FOLDS = 10
HARMED_DB = -0.3
PERFECT_DB = 42.0


def gains(line: dict[str, Any]) -> np.ndarray:
    """What every kernel of a photo gains over the network that knows none, in dB."""
    cleaned = line["blurred"] + np.array([each["gain"] for each in line["kernels"]])
    alone: np.ndarray = visible(cleaned) - visible(line["blurred"] + line["network"])
    return alone


def network_gain(line: dict[str, Any]) -> float:
    """What the network that knows no kernel gains over the blurred photo, in dB."""
    return float(visible(line["blurred"] + line["network"]) - visible(line["blurred"]))


def read(path: Path) -> str:
    """What a file holds, packed or not."""
    packed = path.read_bytes()
    return (lzma.decompress(packed) if path.suffix == ".xz" else packed).decode()


def visible(level: Any) -> Any:
    """A PSNR with the error of a nearly perfect picture added."""
    return -10 * np.log10(10 ** (-level / 10) + 10 ** (-PERFECT_DB / 10))


def is_judged(line: dict[str, Any]) -> bool:
    """Whether a kernel was found, and the photo is not one that was soft and that nothing shook."""
    soft = line["kind"] == "soft" and "length" not in line
    seen = line["length_seen"] is not None and line["length_seen"] >= SHORT_BLUR_PX
    return bool(line["kernels"] and seen and not soft)


def searched(photo: dict[str, Any]) -> list[dict[str, float]]:
    """Signals of the kernels that the search found; the others were fitted once more."""
    return [each["signals"] for each in photo["kernels"][: photo["searched"]]]


def fit(photos: list[dict[str, Any]], ridge: float) -> dict[str, Any]:
    """The coefficients, as they are written."""
    fitted: dict[str, Any] = {"names": list(NAMES), "relative": list(RELATIVE)}
    fitted["logarithmic"] = np.array([name in LOGARITHMIC for name in NAMES])

    def table(of: Callable[..., np.ndarray]) -> np.ndarray:
        return np.vstack(
            [of([x["signals"] for x in p["kernels"]], searched(p), fitted) for p in photos]
        )

    plain = table(judge.plain_features)
    fitted["least"], fitted["most"] = np.quantile(plain, (0.01, 0.99), axis=0)
    plain = np.clip(plain, fitted["least"], fitted["most"])
    fitted["mean"], fitted["spread"] = plain.mean(axis=0), plain.std(axis=0) + 1e-9
    rows = table(judge.features)
    penalty = ridge * len(rows) * np.eye(rows.shape[1])
    penalty[0, 0] = 0
    over = np.clip(np.concatenate([gains(photo) for photo in photos]), *CLIP_DB)
    fitted["weights"] = np.linalg.solve(rows.T @ rows + penalty, rows.T @ over)
    return fitted


def chosen(photo: dict[str, Any], fitted: dict[str, Any]) -> tuple[float, float]:
    """The best predicted gain over the network among a photo's kernels, and the true one."""
    signals = [each["signals"] for each in photo["kernels"]]
    predicted = judge.features(signals, searched(photo), fitted) @ fitted["weights"]
    best = int(np.argmax(predicted))
    return float(predicted[best]), float(gains(photo)[best])


def main() -> None:
    """Print how good it is; write it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("tries", type=Path, nargs="*" if is_quick() else "+")
    parser.add_argument("--ridge", type=float, default=0.1)
    parser.add_argument("--harm", type=float, default=0.025)
    parser.add_argument("--write", action="store_true")
    args = parse(parser, tries=lambda: [Path(__file__).with_name("judge_tries.jsonl.xz")])
    lines = [x for path in args.tries for x in read(path).splitlines()]
    photos = [line for line in map(json.loads, lines) if is_judged(line)]
    print(f"{sum(len(x['kernels']) for x in photos)} kernels of {len(photos)} blurred photos")

    fold = {name: i % FOLDS for i, name in enumerate(sorted({p["photo"] for p in photos}))}
    seen = []
    for each in range(FOLDS):
        fitted = fit([p for p in photos if fold[p["photo"]] != each], args.ridge)
        seen += [(p, *chosen(p, fitted)) for p in photos if fold[p["photo"]] == each]
    predicted, true = (np.array([row[i] for row in seen]) for i in (1, 2))
    alone = np.array([network_gain(p) for p, *_ in seen])
    in_all = alone + true
    last = max(p["version"] for p in photos)
    newest = np.array([p["version"] == last for p, *_ in seen])
    margins = np.sort(predicted[newest])
    lost = newest & (in_all < HARMED_DB)
    harmed = [float((predicted[lost] > m).sum()) / newest.sum() for m in margins]
    margin = float(
        max(0.0, next(m for m, h in zip(margins, harmed, strict=True) if h <= args.harm))
    )
    best = np.array([max(0.0, gains(p).max()) for p, *_ in seen])
    network = np.mean([p["network"] for p in photos])
    print(f"network alone: {network:+.2f} dB over the blurred photo")
    kinds: dict[str, Callable[[dict[str, Any]], bool]] = {
        "all": lambda _: True,
        "newest search": lambda p: p["version"] == last,
        "shake in light": lambda p: p["kind"] == "shake" and p["light"],
        "shake, encoded": lambda p: p["kind"] == "shake" and not p["light"],
        "soft, shaken": lambda p: p["kind"] == "soft",
        **{
            kind: lambda p, kind=kind: p["kind"] == kind
            for kind in ("laboratory", "rotation", "object", "out of focus", "sharp")
        },
    }
    for name, of in kinds.items():
        take = np.array([of(p) for p, *_ in seen])
        if not take.any():
            continue
        won = np.where(predicted[take] > margin, true[take], 0)
        lost = np.where(predicted[take] > margin, in_all[take], 0)
        print(
            f"{name:14} {take.sum():4} photos: {won.mean():+.2f} over the network of "
            f"{best[take].mean():+.2f} possible, {(predicted[take] > margin).mean():4.0%} taken, "
            f"{(lost < HARMED_DB).mean():4.0%} harmed, worst {lost.min():+.2f}"
        )
    fitted = fit(photos, args.ridge)
    fitted["margin"] = margin
    print(f"margin {margin:.2f} dB\n{describe('fp32')}")
    if args.write:
        lists = {
            key: value if isinstance(value, list | float) else value.tolist()
            for key, value in fitted.items()
        }
        kept = {
            key: [round(x, 6) if isinstance(x, float) else x for x in value]
            if isinstance(value, list)
            else value
            for key, value in lists.items()
        }
        judge._COEFFICIENTS.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
