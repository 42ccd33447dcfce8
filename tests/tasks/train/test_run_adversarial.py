import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from safetensors.torch import load_file

from short_training import small_validation
from small_disk import small_disk
from unblur.data.photos import list_photos
from unblur.errors import DataError, TrainingError
from unblur.imaging.photo.photo import Photo, write_photo
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer
from unblur.tasks.train.adversarial import AdversarialOptions
from unblur.tasks.train.data import TrainingData
from unblur.tasks.train.kinds import load_training
from unblur.tasks.train.loop import Turns
from unblur.tasks.train.recipe import load_recipe
from unblur.tasks.train.run import train

RECIPE = """
method = "adversarial"
model = "deblurgan-16"
steps = {steps}
batch = {batch}
critic_steps = 2
learning_rate = {rate}
dropout = {dropout}
precision = "{precision}"
validate_every = 1000
validation_photos = 1
[loss]
perceptual = 0.0
pixel = 10.0
[data]
crop_px = 32
length_px = [5.0, 20.0]
"""

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's hints about loaders and loggers


@pytest.fixture(scope="module", autouse=True)
def _quick():
    with small_validation():
        yield


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for name in ("astronaut", "chelsea", "coffee"):
        pixels = getattr(skimage.data, name)()[:300, :300].astype(np.float32) / 255
        write_photo(Photo(pixels=pixels), folder / f"{name}.png")
    return folder


def recipe(folder, **values):
    usual = {"steps": 10, "batch": 1, "rate": 1e-4, "dropout": 0.5, "precision": "32-true"}
    path = folder / "recipe.toml"
    path.write_text(RECIPE.format(**usual | values))
    return path


def arguments(photos, folder, *more, **values):
    return ["train", recipe(folder, **values), "--data", photos,
            "--out", folder / "run", "--workers", "0", *more]  # fmt: skip


def weights(run):
    return load_file(run / "generator.safetensors")


@pytest.fixture(scope="module")
def straight(photos, tmp_path_factory):
    """A run of 10 steps without a stop."""
    folder = tmp_path_factory.mktemp("straight")
    options = load_training(recipe(folder))
    with pytest.MonkeyPatch.context() as patch:
        for module in ("loop", "adversarial_module"):  # to see in 10 steps what is seen in 20
            patch.setattr(f"unblur.tasks.train.{module}._LOG_EVERY", 5)
        train(options, data=photos, out=folder / "run", workers=0, progress=False)
    return folder / "run"


def test_a_run_ends_in_a_network_that_restores(straight, astronaut):
    network = Restorer.open(RestoreOptions(model=str(straight / "generator.onnx")))

    assert network.restore_pixels(astronaut[:61, :50]).shape == (61, 50, 3)
    assert network.engine.metadata["unblur.model"] == "deblurgan-16"
    logged = (straight / "logs" / "from-step-0" / "metrics.csv").read_text()
    for name in ("critic/loss", "critic/penalty", "critic/gap", "generator/pixel",
                 "speed/crops_per_s", "learning_rate", "val/psnr_gain", "val/ssim"):  # fmt: skip
        assert name in logged.splitlines()[0]


@pytest.mark.thorough  # within the process of the tests: test_stopping.py
def test_a_run_that_was_stopped_and_resumed_ends_in_the_same_bytes(run, straight, photos, tmp_path):
    module = "unblur.tasks.train.adversarial_module"
    # The real thing: SIGTERM in the middle of a run, sent by the run itself at a known step.
    stopping = (
        f"import os, signal, sys, {module} as m\n"
        "step = m.AdversarialModule.training_step\n"
        "def stopped(self, *a):\n"
        "    step(self, *a)\n"
        "    if self.done == 5: os.kill(os.getpid(), signal.SIGTERM)\n"
        "m.AdversarialModule.training_step = stopped\n"
        "from unblur.cli import main; main()\n"
    )
    command = [sys.executable, "-c", stopping, *arguments(photos, tmp_path)]
    killed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert killed.returncode == 128 + 15, killed.stderr
    assert "--resume continues" in killed.stderr
    checkpoint = tmp_path / "run" / "checkpoints" / "last.ckpt"
    assert torch.load(checkpoint, weights_only=False)["done"] in {5, 6}
    assert not (tmp_path / "run" / "generator.onnx").exists()

    resumed = run(*arguments(photos, tmp_path, "--resume"))

    assert resumed.returncode == 0, resumed.stderr
    for name, value in weights(straight).items():
        assert torch.equal(value, weights(tmp_path / "run")[name]), name


@pytest.mark.thorough  # within the process of the tests: test_stopping.py
def test_a_run_that_was_killed_goes_on_from_the_checkpoint_it_wrote_by_the_clock(
    run, straight, photos, tmp_path
):
    # kill -9 leaves no time to save: what is there was written while the run went on.
    stopping = (
        "import os, signal, unblur.tasks.train.adversarial_module as m\n"
        "step = m.AdversarialModule.training_step\n"
        "def stopped(self, *a):\n"
        "    if self.done == 6: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    step(self, *a)\n"
        "m.AdversarialModule.training_step = stopped\n"
        "from unblur.cli import main; main()\n"
    )
    more = ("--save-minutes", "1e-6")
    command = [sys.executable, "-c", stopping, *arguments(photos, tmp_path, *more)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == -9
    checkpoint = tmp_path / "run" / "checkpoints" / "last.ckpt"
    assert torch.load(checkpoint, weights_only=False)["done"] == 6
    assert [path.name for path in checkpoint.parent.iterdir()] == ["last.ckpt"]

    resumed = run(*arguments(photos, tmp_path, "--resume"))

    assert resumed.returncode == 0, resumed.stderr
    for name, value in weights(straight).items():
        assert torch.equal(value, weights(tmp_path / "run")[name]), name


def test_a_full_disk_is_named_and_leaves_no_half_checkpoint(run, photos, tmp_path):
    with small_disk(tmp_path / "disk", "2m") as disk:
        command = arguments(photos, tmp_path, "--save-minutes", "1e-6", steps=2)
        command[command.index("--out") + 1] = disk / "run"
        done = run(*command)
        left = [path.name for path in (disk / "run" / "checkpoints").iterdir()]

    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    said = f"unblur: {disk}/run: cannot be written (no space left"
    assert said.lower() in done.stderr.lower()  # by the system, or by PyTorch, who does not know
    assert left == []


@pytest.mark.thorough
def test_two_processes_do_what_one_with_twice_the_batch_does(photos, tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    # In single precision Adam blows roundings up: it divides gradients by their own size.
    values = {"steps": 2, "dropout": 0.0, "rate": 1e-2, "precision": "64-true"}
    one = load_training(recipe(tmp_path / "one", batch=2, **values))
    train(one, data=photos, out=tmp_path / "one" / "run", workers=0, progress=False)

    command = [sys.executable, "-m", "unblur"]
    command += arguments(photos, tmp_path / "two", "--devices", "2", **values)
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    assert done.returncode == 0, done.stderr
    expected, got = weights(tmp_path / "one" / "run"), weights(tmp_path / "two" / "run")
    for name, value in expected.items():
        if value.dim() > 1:  # biases before a norm have no gradient but rounding
            torch.testing.assert_close(got[name], value, rtol=1e-4, atol=1e-5)
    moved = max((expected[name] - value).abs().max() for name, value in fresh(one).items())
    assert moved > 0.01  # so the tolerance above means something

    longer = load_training(recipe(tmp_path / "two", **values | {"steps": 3}))
    said, run = [], tmp_path / "two" / "run"
    train(longer, data=photos, out=run, resume=True, workers=0, progress=False, tell=said.append)
    (words,) = [line for line in said if "crops" in line]
    assert words.startswith("an update took 2 crops and takes 1 from step 2 on")


def fresh(options):
    from unblur.tasks.train.adversarial_module import AdversarialModule

    return AdversarialModule(options, [], None).generator.state_dict()


def test_turns_share_out_every_pair_once():
    ranks = [list(Turns(3, 5, crops=2, rank=rank, world=2)) for rank in (0, 1)]

    assert ranks == [[12, 13, 16, 17], [14, 15, 18, 19]]
    assert list(Turns(3, 5, crops=4)) == sorted(ranks[0] + ranks[1])


def test_a_loss_that_is_not_finite_names_step_files_and_checkpoint(photos, tmp_path):
    options = load_training(recipe(tmp_path, rate=1e30))

    with pytest.raises(TrainingError, match=r"at step \d+ the loss is .*made of .*\.png"):
        train(options, data=photos, out=tmp_path / "run", workers=0, progress=False)

    assert not (tmp_path / "run" / "checkpoints" / "last.ckpt").exists()  # nothing spoiled is kept


@pytest.mark.parametrize("name", ["wild", "synth", "comb", "v2"])
def test_the_recipes_hold_the_numbers_of_the_papers(name):
    path = Path(__file__).parents[3] / "recipes" / f"deblurgan-{name}.toml"
    options = load_recipe(path, AdversarialOptions)

    assert (options.model, options.batch, options.data.crop_px) == ("deblurgan", 1, 256)
    assert options.steps == 300 * 1000
    if name != "v2":
        assert (options.critic_steps, options.learning_rate) == (5, 1e-4)
        assert (options.loss.game, options.loss.perceptual, options.loss.penalty) == (
            "wgan-gp",
            100,
            10,
        )
        ratio = {"wild": (0, 1), "synth": (1, 0), "comb": (2, 1)}[name]
        assert (options.mix.synthetic, options.mix.real) == ratio


def test_mistakes_are_one_line(run, photos, tmp_path):
    def stderr_of(*more, text=None):
        path = recipe(tmp_path)
        if text:
            path.write_text(path.read_text().replace(*text))
        done = run("train", path, "--out", tmp_path / "run", *more)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        return done.stderr

    data = ("--data", photos)
    assert "did you mean 'critic_steps'" in stderr_of(*data, text=("critic_steps", "critic_step"))
    assert "batch must be at least 1" in stderr_of(*data, text=("batch = 1", "batch = 0"))
    assert "no data: name sharp photos" in stderr_of()
    assert "no photos" in stderr_of("--data", tmp_path)
    more = ("perceptual = 0.0", "perceptual = 100.0")
    assert "vgg.bin" in stderr_of(*data, "--vgg", tmp_path / "vgg.bin", text=more)
    real = ("length_px = [5.0, 20.0]", "length_px = [5.0, 20.0]\n[mix]\nreal = 1.0")
    assert "--pairs, --frames" in stderr_of(*data, text=real)


def test_data_of_all_kinds_are_mixed(photos, tmp_path):
    from unblur.tasks.train.data import MixOptions, training_pairs, validation_pairs

    frames = tmp_path / "frames"
    frames.mkdir()
    for i in range(60):
        pixels = skimage.data.astronaut()[100:230, 100 + i : 230 + i].astype(np.float32) / 255
        write_photo(Photo(pixels=pixels), frames / f"{i:03d}.png")
    for part in ("blur", "sharp"):
        (tmp_path / "pairs" / part).mkdir(parents=True)
        for path in list_photos(photos):
            (tmp_path / "pairs" / part / path.name).write_bytes(path.read_bytes())
    sources = TrainingData(photos=photos, pairs=tmp_path / "pairs", frames=frames)
    options = AdversarialOptions().data
    mix = MixOptions(synthetic=2, real=2, scale=(0.5, 1), frames=(3, 7))
    small = type(options)(crop_px=64, early_crop_px=64)

    pairs, words = training_pairs(sources, mix, small, seed=1, count=400, held_out=1)

    kinds = [pairs.describe(i) for i in range(400)]
    shares = [
        sum(str(photos) in kind for kind in kinds),
        sum(str(tmp_path / "pairs") in kind for kind in kinds),
        sum(str(frames) in kind for kind in kinds),
    ]
    assert sum(shares) == 400
    np.testing.assert_allclose(shares, [200, 100, 100], atol=35)
    assert pairs[7][0].shape == (3, 64, 64)
    assert "2 photos" in words
    names = tmp_path / "names.txt"
    names.write_text(list_photos(photos)[0].name)
    fewer = TrainingData(photos=photos, leave_out=names)
    only, words = training_pairs(fewer, MixOptions(), small, seed=1, count=40, held_out=1)
    assert "1 photos" in words
    assert not any(list_photos(photos)[0].name in only.describe(i) for i in range(40))
    assert [name for name, _ in validation_pairs(sources, mix, small, held_out=1)] == [
        "synthetic",
        "pairs",
        "frames",
    ]


def test_unreadable_photos_are_found_before_training_starts(photos, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for path in list_photos(photos):
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "cut.png").write_bytes((folder / "coffee.png").read_bytes()[:4000])

    with pytest.raises(DataError, match=r"cut\.png.*1 such; `unblur data check .*photos` lists"):
        train(load_training(recipe(tmp_path)), data=folder, out=tmp_path / "run", workers=0)
    assert not (tmp_path / "run").exists()
