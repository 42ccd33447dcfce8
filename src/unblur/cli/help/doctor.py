"""`unblur doctor`: what is there, what works, what to install for the rest."""

from typing import TYPE_CHECKING

import typer

from unblur.cli import flags
from unblur.cli.terminal import say

if TYPE_CHECKING:
    from unblur.tasks.doctor.examine import Examination
    from unblur.tasks.doctor.self_test import EngineTest


def doctor(
    device: flags.Device = "auto",
    as_json: flags.OneJson = False,
) -> None:
    """Examine this installation: what works, what is missing.

    Versions, engines, memory, and a self-test of five seconds. Says for each missing extra what
    it would bring and which line installs it. Uses no network. With --device the engines that
    have it are tested there.
    Exit status: 0 if `unblur restore` works, 1 if not.
    """
    from unblur.tasks.doctor.examine import examine

    found = examine(device)
    if as_json:
        import json
        from dataclasses import asdict

        verdict = {"works": found.works, "problems": found.problems}
        say(json.dumps(verdict | asdict(found)))
    else:
        say("\n".join(_lines(found)))
    raise typer.Exit(code=0 if found.works else 1)


def _lines(found: "Examination") -> list[str]:
    machine = found.machine
    left = found.memory_left_bytes
    memory = "unknown" if left is None else f"{left / 1e9:.1f} GB"
    temporary = found.temporary
    lines = [
        f"unblur {machine['unblur']}, Python {machine['python']}, {machine['system']}",
        f"processor    {machine['processor']}, cores to use: {machine['cores']}",
        f"memory left  {memory}",
    ]
    if temporary.error is None and temporary.free_bytes is not None:
        lines.append(
            f"temporary    {temporary.path}: writable, {temporary.free_bytes / 1e9:.1f} GB free"
        )
    else:
        lines.append(f"temporary    {temporary.path or 'none'}: {temporary.error}")
    for network in found.networks:
        state = network.error or f"intact, SHA-256 {network.sha256[:12]}..."
        lines.append(f"weights      {network.name}: {state}")
    packages = (f"{package.name} {package.version or 'MISSING'}" for package in found.core)
    lines.append(f"packages     {', '.join(packages)}")
    test = found.self_test
    lines += ["", f"Self-test, a generated picture with every engine ({test.seconds:.1f} s):"]
    lines += [_engine_line(engine, engine.name == test.default) for engine in test.engines]
    lines += ["", "Devices beside the CPU, by ONNX Runtime (--device):"]
    for device in found.devices:
        verdict = "works" if device.works else device.why_not
        lines.append(f"  {device.name:9}  {device.words}: {verdict}")
    lines += ["", "Extras:"]
    for extra in found.extras:
        if extra.install is None:
            versions = ", ".join(f"{x.name} {x.version}" for x in extra.packages)
            lines.append(f"  {extra.name:9}  {versions}")
        else:
            missing = ", ".join(x.name for x in extra.packages if x.version is None)
            lines.append(f"  {extra.name:9}  missing: {missing}; brings {extra.brings}")
            lines.append(f"  {'':9}  {extra.install}")
    lines.append("")
    lines += [f"Problem: {problem}" for problem in found.problems]
    lines.append("`unblur restore` works." if found.works else "`unblur restore` does not work.")
    return lines


def _engine_line(engine: "EngineTest", default: bool) -> str:
    head = f"  {engine.name:9}  "
    if not engine.installed:
        return head + "not installed"
    if engine.error is not None:
        return head + f"FAILS: {engine.error}"
    said = [f"{engine.seconds_per_megapixel:.2f} s a megapixel, {engine.gain_db:+.2f} dB"]
    if engine.agreement_db is not None:
        said.append(f"agrees with the first to {engine.agreement_db:.0f} dB")
    said.append(f"{engine.why}{' (the default here)' if default else ''}")
    return head + "; ".join(said)
