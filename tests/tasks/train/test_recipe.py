from pathlib import Path

import pytest

from unblur.errors import OptionError
from unblur.tasks.train.kinds import load_training
from unblur.tasks.train.recipe import dump_recipe, load_recipe
from unblur.tasks.train.supervised import TrainOptions

RECIPES = sorted((Path(__file__).parents[3] / "recipes").glob("*.toml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_loads_and_survives_a_round_trip(path, tmp_path):
    options = load_training(path)
    copy = tmp_path / "copy.toml"
    copy.write_text(dump_recipe(options))

    assert load_training(copy) == options


def test_there_are_recipes():
    assert {"fast", "deblurgan-wild", "deblurgan-synth", "deblurgan-comb"} <= {
        path.stem for path in RECIPES
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stepz = 3", "unknown key 'stepz'; did you mean 'steps'"),
        ("[data]\nscales = [1, 2]", r"unknown key 'data.scales'; did you mean 'scale'"),
        ("qqqq = 1", "known: model, steps"),
        ("steps = 'many'", "steps must be int, got 'many'"),
        ("steps = true", "steps must be int, got True"),
        ("steps = 0", "steps must be at least 1, got 0"),
        ("data = 3", "data must be a table"),
        ("[data]\nscale = [0.5]", "data.scale must be a list of 2"),
        ("[data]\nexposure = 1.0", "data.exposure must be a list"),
        ("[data]\nexposure = []", "exposure needs fractions"),
        ("[data]\nexposure = [0.1, 'all']", "data.exposure must be float, got 'all'"),
        ("[data]\nsharp_share = 1.5", "sharp_share"),
        ("model = 'slow'", "known: fast"),
        ("precision = 'int4'", "auto, fp32, bf16"),
        ("loss_floor = 0", "loss_floor must be positive, got 0"),
        ("loss = 'l3'", "loss must be one of log, charbonnier, got 'l3'"),
        ("steps = = 3", "not a TOML file"),
    ],
)
def test_mistakes_name_the_file_and_what_would_work(tmp_path, text, said):
    path = tmp_path / "bad.toml"
    path.write_text(text)

    with pytest.raises(OptionError, match=said) as caught:
        load_recipe(path, TrainOptions)

    assert str(caught.value).startswith(f"{path}: ")


def test_a_missing_recipe_is_named(tmp_path):
    with pytest.raises(OptionError, match=r"none\.toml: cannot read"):
        load_recipe(tmp_path / "none.toml", TrainOptions)
