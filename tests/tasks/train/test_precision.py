import pytest
import torch

from unblur import devices
from unblur.tasks.train.precision import choose_precision

NONE = "this processor has no bf16 (neither amx_bf16 nor avx512_bf16)"


@pytest.fixture
def processor(monkeypatch, tmp_path):
    """Sets the flags that the processor seems to have; there is no GPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    info = tmp_path / "cpuinfo"
    monkeypatch.setattr(devices, "_CPU_INFO", info)

    def with_flags(flags):
        info.write_text(f"processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: fpu {flags}\n")

    return with_flags


def test_auto_takes_what_the_processor_multiplies_itself(processor):
    processor("avx2 avx512f avx512_bf16")
    assert choose_precision("auto") == ("bf16", "precision bf16: this processor has avx512_bf16")
    processor("avx2 avx512_bf16 amx_bf16 amx_tile")
    assert choose_precision("auto") == ("bf16", "precision bf16: this processor has amx_bf16")
    processor("avx2 avx512f")  # oneDNN would emulate it
    assert choose_precision("auto") == ("fp32", f"precision fp32: {NONE}")


def test_a_processor_that_says_nothing_has_none(processor):
    assert devices.bf16_in_processor() is None
    assert choose_precision("auto")[0] == "fp32"


@pytest.mark.parametrize("has", [True, False])
def test_auto_asks_a_gpu_first(processor, monkeypatch, has):
    processor("avx2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "A card")
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation: including_emulation or has
    )

    taken, why = choose_precision("auto")

    assert (taken, why) == (
        ("bf16", "precision bf16: A card has bf16")
        if has
        else ("fp32", "precision fp32: A card has no bf16")
    )


def test_what_is_asked_for_is_taken_with_a_warning_where_it_is_slow(processor):
    processor("avx2")

    assert choose_precision("fp32") == ("fp32", "precision fp32: as asked")
    assert choose_precision("64-true") == ("fp64", "precision fp64: as asked")
    assert choose_precision("bf16-mixed") == (
        "bf16",
        "precision bf16: as asked, which will be many times slower than fp32: "
        f"{NONE}; --precision auto would take fp32",
    )


def test_a_run_that_goes_on_keeps_its_precision_or_says_what_changes(processor):
    processor("avx512_bf16")
    assert choose_precision("auto", before="fp32") == ("fp32", "precision fp32: as this run began")
    assert choose_precision("fp32", before="fp32") == ("fp32", "precision fp32: as asked")
    assert choose_precision("bf16", before="fp32") == (
        "bf16",
        "precision bf16: from here on, fp32 before: the run does not end as in one precision",
    )
    processor("avx2")
    _, why = choose_precision("auto", before="bf16")
    assert why.startswith("precision bf16: as this run began, which will be many times slower")
    assert why.endswith(NONE)
