"""Recipes that say what the paper says, and the choices that they need."""

from pathlib import Path

import pytest
import torch
from torch import nn

from photo_sets import save_pair
from unblur import losses
from unblur.errors import OptionError
from unblur.models import build_model
from unblur.models.critic import PatchCritic
from unblur.models.deblurgan import DeblurGenerator
from unblur.tasks.train.adversarial import AdversarialLossOptions, AdversarialOptions, Game
from unblur.tasks.train.data import MixOptions, TrainingData, training_pairs
from unblur.tasks.train.kinds import load_training
from unblur.tasks.train.recipe import load_recipe
from unblur.tasks.train.supervised import TrainOptions

RECIPES = Path(__file__).parents[3] / "recipes"


@pytest.mark.parametrize("name", ["wild", "synth", "comb"])
def test_recipes_as_published_hold_the_papers_numbers(name):
    recipe = load_recipe(RECIPES / f"deblurgan-{name}.toml", AdversarialOptions)

    assert (recipe.model, recipe.batch, recipe.critic_steps) == ("deblurgan", 1, 5)
    assert (recipe.learning_rate, recipe.dropout, recipe.steps) == (1e-4, 0.5, 300 * 1000)
    assert recipe.loss == AdversarialLossOptions(perceptual_kind="authors")
    assert (recipe.loss.perceptual, recipe.loss.penalty, recipe.loss.pixel) == (100, 10, 0)
    assert (recipe.data.crop_px, recipe.data.ways, recipe.data.epochs) == (256, "mirror", True)
    assert not recipe.fresh_crops  # the authors' code; the paper does not say
    if name != "synth":
        assert (recipe.mix.most_pairs, recipe.mix.scale) == (1000, (0.5, 0.5))
        assert recipe.mix.frames_scale == (0.5, 0.5)
    if name != "wild":
        assert (recipe.data.preset, recipe.data.exposure) == ("paper", (1.0,))
        assert (recipe.data.scale, recipe.data.length_px) == ((1.0, 1.0), (60.0, 60.0))
        kinds = ("sharp_share", "linear_share", "jpeg_share", "noise_max", "softness_px")
        assert [getattr(recipe.data, kind) for kind in kinds] == [0.0] * 5
    shares = {"wild": (0, 1), "synth": (1, 0), "comb": (2, 1)}
    assert (recipe.mix.synthetic, recipe.mix.real) == shares[name]


def test_the_narrow_recipes_are_called_a_topology():
    for name, channels in (("32", 32), ("32-gan", 32), ("16", 16)):
        recipe = load_training(RECIPES / f"deblurgan-{name}.toml")

        assert recipe.model == f"deblurgan-{channels}"
        assert build_model(recipe.model).head.out_channels == channels
        first = (RECIPES / f"deblurgan-{name}.toml").read_text().splitlines()[0]
        assert first.startswith(f"# DeblurGAN's topology, {channels} channels")


def test_the_second_stage_of_the_narrow_one_plays_the_papers_game():
    first = load_training(RECIPES / "deblurgan-32.toml")
    second = load_recipe(RECIPES / "deblurgan-32-gan.toml", AdversarialOptions)

    assert isinstance(first, TrainOptions)
    assert (second.loss.game, second.critic_steps) == ("wgan-gp", 5)
    assert (second.loss.penalty, second.loss.perceptual) == (10.0, 100.0)
    assert second.loss.perceptual_kind == "authors"


def test_so_many_pairs_are_drawn_once_and_from_all(tmp_path):
    for number in range(12):
        save_pair(tmp_path, f"{number:02}")
    mix = MixOptions(synthetic=0, real=1, most_pairs=4, scale=(1, 1))
    data = AdversarialOptions().data
    small = type(data)(crop_px=32, early_crop_px=32, epochs=True)

    def names(seed):
        pairs, words = training_pairs(
            TrainingData(pairs=tmp_path), mix, small, seed=seed, count=8, held_out=2
        )
        assert words.startswith("pairs: 4 in")
        return sorted({pairs.describe(index) for index in range(4)})

    assert names(1) == names(2)
    assert len(names(1)) == 4
    numbers = [int(Path(text.split(" and ")[0]).stem) for text in names(1)]
    assert max(numbers) < 10  # the last two validate
    assert numbers != [0, 1, 2, 3]
    with pytest.raises(OptionError, match="most_pairs must not be negative, got -1"):
        MixOptions(most_pairs=-1)
    with pytest.raises(OptionError, match="scale needs 0 < low <= high <= 1"):
        MixOptions(frames_scale=(0.5, 1.5))


def test_the_papers_formula_is_the_mean_times_the_channels():
    torch.manual_seed(1)
    features = nn.Conv2d(3, 256, 3, padding=1)
    restored, sharp = torch.rand(2, 2, 3, 8, 9)

    literal = losses.perceptual(features, restored, sharp, add_channels=True)

    height, width = 8, 9
    squares = (features(restored) - features(sharp)).square()
    torch.testing.assert_close(literal, squares.sum(dim=(1, 2, 3)).mean() / (width * height))
    torch.testing.assert_close(literal, 256 * losses.perceptual(features, restored, sharp))
    for kind, factor in (("normalised", 1), ("authors", 1), ("paper", 256)):
        options = AdversarialLossOptions(perceptual_kind=kind, adversarial=0.0)
        _, logs = Game(options, [PatchCritic()], features).generator_loss(sharp, restored)
        expected = 100 * factor * losses.perceptual(features, restored, sharp)
        torch.testing.assert_close(logs["generator/perceptual"], expected.detach())
    with pytest.raises(OptionError, match="must be one of normalised, authors, paper, got"):
        AdversarialLossOptions(perceptual_kind="mine")
    assert AdversarialLossOptions(perceptual_kind="authors").vgg == {
        "before_relu": True,
        "normalise": False,
    }


def test_critic_steps_with_fresh_crops_see_their_own():
    torch.manual_seed(2)
    crops = torch.rand(4, 2, 1, 3, 32, 32)
    alphas = torch.rand(3, 1)

    def after(order, *, fresh):
        torch.manual_seed(3)
        parts = DeblurGenerator(channels=4, blocks=1, dropout=0.0), PatchCritic()
        optimizers = tuple(torch.optim.SGD(x.parameters(), 1e-3) for x in parts)
        turns = [[tuple(crops[place])] for place in order]
        options = AdversarialLossOptions(perceptual=0.0, pixel=1.0)
        Game(options, [parts[1]], None).play(
            parts[0], optimizers, turns[0], alphas, fresh=turns[1:] if fresh else ()
        )
        return [nn.utils.parameters_to_vector(x.parameters()).detach() for x in parts]

    same, own, swapped = (
        after((0, 0, 0, 0), fresh=True),
        after((0, 1, 2, 3), fresh=True),
        after((0, 2, 1, 3), fresh=True),
    )

    # With the generator's own crops it is what it was before there was a choice.
    for one, other in zip(same, after((0,), fresh=False), strict=True):
        torch.testing.assert_close(one, other)
    assert not torch.equal(own[1], same[1])
    assert not torch.equal(own[1], swapped[1])


@pytest.mark.parametrize(("fresh", "crops"), [(False, 6), (True, 36)])
def test_an_update_takes_crops_for_each_critic_step_if_they_are_fresh(fresh, crops):
    assert AdversarialOptions(batch=2, accumulate=3, fresh_crops=fresh).crops == crops
