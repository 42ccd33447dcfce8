"""The three kinds of training: which recipe is which, what each learns from, and its module."""

from pathlib import Path
from typing import TypeAlias

from unblur.data.mixture import PairSet
from unblur.data.tries import TriedCrops, Try, list_tries, split_tries
from unblur.errors import DataError, OptionError
from unblur.models.vgg import load_vgg
from unblur.tasks.datasets.check import CheckOptions, check_data
from unblur.tasks.train.adversarial import AdversarialOptions
from unblur.tasks.train.adversarial_module import AdversarialModule
from unblur.tasks.train.data import TrainingData, training_pairs, validation_pairs
from unblur.tasks.train.guided import GuidedModule, GuidedOptions
from unblur.tasks.train.recipe import load_recipe, read_table
from unblur.tasks.train.supervised import DeblurModule, TrainOptions

AnyOptions: TypeAlias = TrainOptions | AdversarialOptions | GuidedOptions
AnyModule: TypeAlias = DeblurModule | AdversarialModule | GuidedModule


def load_training(path: Path) -> AnyOptions:
    """Read a recipe of any kind of training; its ``method`` tells them apart.

    ``"adversarial"``, ``"guided"``, or none: plain supervised training.

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
    return load_recipe(path, TrainOptions)


def check_sources(sources: TrainingData, options: AnyOptions) -> None:
    """Find unreadable files now, not hours into the run.

    Raises:
        DataError: If there are some.
        OptionError: If data are named that this kind of training does not take.
    """
    if isinstance(options, GuidedOptions):
        _tries(sources, options)
        return
    if sources.tries is not None:
        raise OptionError(f'{options.model} does not learn from tries; method = "guided" does')
    folders = {"photos": sources.photos, "pairs": sources.pairs, "frames": sources.frames}
    for layout, folder in folders.items():
        if folder is None:
            continue
        wanted = None if layout == "pairs" else layout  # GoPro's layout or blur/ and sharp/
        problems = check_data(
            folder,
            CheckOptions(
                crop_px=options.data.crop_px,
                layout=wanted,
                largest_window=options.mix.frames[1],
            ),
        ).problems
        if problems:
            raise DataError(
                f"{problems[0].why} ({len(problems)} such; `unblur data check {folder}` lists all)"
            )


def make_pairs(
    sources: TrainingData, options: AnyOptions, *, count: int, together: int
) -> tuple[PairSet, str]:
    """What a run sees, and a sentence that says what it is made of.

    Args:
        sources: Folders.
        options: The recipe.
        count: Length of the set.
        together: Crops of an update, in all processes.

    Raises:
        DataError: If a folder has too little in it.
        OptionError: If a folder is missing.
    """
    if isinstance(options, GuidedOptions):
        tries, _ = _tries(sources, options)
        crops = TriedCrops(tries, options.data, seed=options.seed, count=count)
        assert sources.tries is not None
        return crops, f"{len(crops.tries)} tries in {sources.tries.name}/"
    early = round(options.early_share * options.steps) if isinstance(options, TrainOptions) else 0
    return training_pairs(
        sources,
        options.mix,
        options.data,
        seed=options.seed,
        count=count,
        held_out=options.validation_photos,
        early=early * together,
    )


def make_module(options: AnyOptions, sources: TrainingData, vgg: Path | None) -> AnyModule:
    """What learns, with what it is validated on.

    Raises:
        DataError: If a folder has too little in it.
        NetworkError: If the weights of VGG19 are missing or not those.
        OptionError: If the weights that it begins with do not fit.
    """
    if isinstance(options, GuidedOptions):
        return GuidedModule(options, _tries(sources, options)[1])
    validation = validation_pairs(
        sources, options.mix, options.data, held_out=options.validation_photos
    )
    if isinstance(options, TrainOptions):
        return DeblurModule(options, validation)
    features = load_vgg(vgg, **options.loss.vgg) if options.loss.perceptual > 0 else None
    return AdversarialModule(options, validation, features)


def _tries(sources: TrainingData, options: GuidedOptions) -> tuple[list[Try], list[Try]]:
    """Those to train on and those to validate on."""
    others = (sources.photos, sources.pairs, sources.frames)
    if sources.tries is None or any(x is not None for x in others):
        raise OptionError(
            "the recipe learns from tries, and from nothing else; name what `unblur data kernels` "
            "wrote: --tries"
        )
    return split_tries(list_tries(sources.tries), held_out=options.validation_photos)
