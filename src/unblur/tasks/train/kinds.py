"""The kinds of training: which recipe is which, what each learns from, and its module."""

from pathlib import Path
from typing import TypeAlias

from unblur.data.kernels.restored import RestoredPlanes
from unblur.data.kernels.shaken import ShakenPlanes
from unblur.data.kernels.tries import TriedCrops, list_tries, split_tries
from unblur.data.mixture import PairSet
from unblur.errors import DataError, OptionError
from unblur.models.vgg import load_vgg
from unblur.tasks.datasets.check import CheckOptions, check_data
from unblur.tasks.train.adversarial import AdversarialOptions
from unblur.tasks.train.adversarial_module import AdversarialModule
from unblur.tasks.train.data import (
    TrainingData,
    sharp_photos,
    training_pairs,
    validation_pairs,
)
from unblur.tasks.train.kernels.edges import EdgesModule, EdgesOptions
from unblur.tasks.train.kernels.edges_second import EdgesSecondModule, EdgesSecondOptions
from unblur.tasks.train.kernels.guided import GuidedModule, GuidedOptions
from unblur.tasks.train.recipe import load_recipe, read_table
from unblur.tasks.train.supervised import DeblurModule, TrainOptions

AnyOptions: TypeAlias = (
    TrainOptions | AdversarialOptions | GuidedOptions | EdgesOptions | EdgesSecondOptions
)
AnyModule: TypeAlias = (
    DeblurModule | AdversarialModule | GuidedModule | EdgesModule | EdgesSecondModule
)


def load_training(path: Path) -> AnyOptions:
    """Read a recipe of any kind of training; its ``method`` tells them apart.

    ``"adversarial"``, ``"guided"``, ``"edges"``, ``"edges-second"``, or none: plain supervised
    training.

    Raises:
        OptionError: As :func:`unblur.tasks.train.recipe.load_recipe`.

    Examples:
        >>> from pathlib import Path
        >>> from unblur import load_training
        >>> recipe = Path("recipe.toml")
        >>> recipe.write_text("steps = 100")
        11
        >>> load_training(recipe).steps
        100
    """
    method = read_table(path).get("method")
    if method == "adversarial":
        return load_recipe(path, AdversarialOptions)
    if method == "guided":
        return load_recipe(path, GuidedOptions)
    if method == "edges":
        return load_recipe(path, EdgesOptions)
    if method == "edges-second":
        return load_recipe(path, EdgesSecondOptions)
    return load_recipe(path, TrainOptions)


def check_sources(sources: TrainingData, options: AnyOptions) -> None:
    """Find unreadable files now, not hours into the run.

    Raises:
        DataError: If there are some.
        OptionError: If data are named that this kind of training does not take.
    """
    if isinstance(options, GuidedOptions | EdgesSecondOptions):
        _tries(sources)  # each is opened when they are listed
        return
    if sources.tries is not None:
        raise OptionError(
            f"{options.model} does not learn from tries; recipes of the methods guided and "
            "edges-second do"
        )
    if isinstance(options, EdgesOptions):
        sharp_photos(sources, held_out=options.validation_photos)
        return
    folders = {"photos": sources.photos, "pairs": sources.real, "frames": sources.frames}
    for layout, folder in folders.items():
        if folder is None:
            continue
        problems = check_data(
            folder,
            CheckOptions(
                crop_px=options.data.crop_px,
                layout=layout,
                largest_window=options.mix.frames[1],
            ),
        ).problems
        if problems:
            where = folder if isinstance(folder, Path) else folder.root
            raise DataError(
                f"{problems[0].why} ({len(problems)} such; `unblur data check {where}` lists all)"
            )


def make_run(
    sources: TrainingData, options: AnyOptions, vgg: Path | None, *, count: int, together: int
) -> tuple[AnyModule, PairSet, str]:
    """What learns, what it sees, and a sentence that says what that is made of.

    Args:
        sources: Folders.
        options: The recipe, with a precision that has been chosen.
        vgg: File of VGG19 weights; None takes the published one.
        count: Pairs of the whole run.
        together: Crops of an update, in all processes.

    Raises:
        DataError: If a folder has too little in it.
        NetworkError: If the weights of VGG19 are missing or not those.
        OptionError: If a folder is missing, or the weights that it begins with do not fit.
    """
    if isinstance(options, GuidedOptions):
        folder = _tries(sources)
        tries = list_tries(folder, second=options.data.second)
        seen, kept = split_tries(tries, held_out=options.validation_photos)
        crops = TriedCrops(seen, options.data, seed=options.seed, count=count)
        return GuidedModule(options, kept), crops, f"{len(crops.tries)} tries in {folder.name}/"
    if isinstance(options, EdgesSecondOptions):
        folder = _tries(sources)
        tries = list_tries(folder, second=True)
        seen, kept = split_tries(tries, held_out=options.validation_photos)
        restored = RestoredPlanes(
            seen, options.data, seed=options.seed, count=count, together=together
        )
        words = f"{len(restored.found)} kernels found in tries in {folder.name}/"
        return EdgesSecondModule(options, kept), restored, words
    if isinstance(options, EdgesOptions):
        photos, away = sharp_photos(sources, held_out=options.validation_photos)
        planes = ShakenPlanes(
            photos, options.data, seed=options.seed, count=count, together=together
        )
        return EdgesModule(options, away), planes, f"{len(photos)} photos"
    early = round(options.early_share * options.steps) if isinstance(options, TrainOptions) else 0
    pairs, words = training_pairs(
        sources,
        options.mix,
        options.data,
        seed=options.seed,
        count=count,
        held_out=options.validation_photos,
        early=early * together,
    )
    validation = validation_pairs(
        sources, options.mix, options.data, held_out=options.validation_photos
    )
    if isinstance(options, TrainOptions):
        features = load_vgg(vgg) if options.perceptual > 0 else None
        return DeblurModule(options, validation, features), pairs, words
    features = load_vgg(vgg, **options.loss.vgg) if options.loss.perceptual > 0 else None
    return AdversarialModule(options, validation, features), pairs, words


def _tries(sources: TrainingData) -> Path:
    """The folder of tries, if nothing else is named."""
    others = (sources.photos, sources.real, sources.frames)
    if sources.tries is None or any(x is not None for x in others):
        raise OptionError(
            "the recipe learns from tries, and from nothing else; name what `unblur data kernels` "
            "wrote: --tries"
        )
    return sources.tries
