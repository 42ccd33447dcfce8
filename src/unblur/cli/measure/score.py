"""`unblur score`: numbers for files that exist."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unblur import choices
from unblur.cli import flags
from unblur.cli.terminal import progress, say

if TYPE_CHECKING:
    from unblur.tasks.bench.score import Score


def score(
    restored: Annotated[Path, typer.Argument(metavar="A", help="The restored photo, or a folder.")],
    sharp: Annotated[Path, typer.Argument(metavar="B", help="The sharp one, or a folder.")],
    metric: Annotated[
        list[str] | None,
        flags.named(
            choices.METRICS, said=f"{flags.listed(choices.METRICS)}; several times; not given: all."
        ),
    ] = None,
    workers: Annotated[int, typer.Option(help="Pairs at the same time; 0: one a core.")] = 0,
    as_json: Annotated[bool, flags.as_json("One JSON object a pair.")] = False,
) -> None:
    """Score a photo, or all of a folder, against the sharp one.

    Exit status: 0 done, 1 some pairs could not be scored, 2 wrong use.
    """
    from unblur.metrics import METRICS
    from unblur.tasks.bench.score import list_scores, score_files

    metrics = tuple(metric or METRICS)
    found = []
    total = len(list_scores(restored, sharp))
    with progress("scoring", total, hidden=as_json) as advance:
        for result in score_files(restored, sharp, metrics=metrics, workers=workers):
            found.append(result)
            _say_score(result, as_json=as_json)
            advance()
    failed = sum(result.error is not None for result in found)
    if len(found) > 1 and not as_json:
        _say_means(found, metrics)
    raise typer.Exit(code=1 if failed else 0)


def _say_score(result: "Score", *, as_json: bool) -> None:
    if as_json:
        scores = {k: "infinity" if v == math.inf else v for k, v in result.scores.items()}
        entry: dict[str, Any] = {"name": result.name, "scores": scores}
        entry |= {"notes": list(result.notes), "error": result.error}
        say(json.dumps(entry))
    elif result.error is not None:
        say(f"unblur: {result.error}", err=True)
    else:
        notes = f" ({'; '.join(result.notes)})" if result.notes else ""
        say(f"{result.name}  {_words(result.scores)}{notes}")


def _say_means(found: "list[Score]", metrics: tuple[str, ...]) -> None:
    scored = [result for result in found if result.error is None]
    means = {}
    for name in metrics:
        values = [result.scores[name] for result in scored if name in result.scores]
        finite = [value for value in values if math.isfinite(value)]
        if finite:
            means[name] = math.fsum(finite) / len(finite)
    infinite = sum(math.isinf(result.scores.get("psnr", 0)) for result in scored)
    more = f", {infinite} with infinite PSNR not in its mean" if infinite else ""
    more += f", {len(found) - len(scored)} failed" if len(found) > len(scored) else ""
    if scored:
        say(f"mean of {len(scored)}{more}  {_words(means)}")
    else:
        say(f"unblur: none of {len(found)} pairs could be scored", err=True)


def _words(scores: dict[str, float]) -> str:
    return "  ".join(
        f"{name} {value:.2f} dB" if name == "psnr" else f"{name} {value:.4f}"
        for name, value in scores.items()
    )
