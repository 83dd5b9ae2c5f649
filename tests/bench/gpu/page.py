"""The page of text for people: what was checked and measured, in words, with what is absent and why."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

__all__ = ["page_of"]

WIDTH = 100
INTRODUCTION = """
Tidecast forecasts daily amounts of money with hundreds of small neural networks (LSTMs) that are trained side by side.
This page says whether this machine trains them correctly, and how fast. Three words: a fit is the training of one
network; an epoch is one pass over its 320 training windows in 10 mini-batches of 32; a batch is K fits that are trained
together as one program.
"""
REHEARSAL = """
THIS IS A REHEARSAL ON A CPU. No GPU was used, and no figure on this page says anything about one. It shows that the
command works. A tape of operations stands in for the graph that a GPU replays.
"""
ABSENT = "Absent; section 7 says why."
VERDICT = {True: "pass", False: "FAIL", None: "absent"}


def page_of(result: dict[str, Any]) -> str:
    """The page for a result as `__main__` makes it."""
    sections = (_head, _checks, _speed, _cost, _memory, _sharing, _times, _absent)
    return "\n".join(line for section in sections for line in section(result)) + "\n"


def _text(words: str) -> list[str]:
    return [*textwrap.wrap(" ".join(words.split()), WIDTH), ""]


def _title(words: str) -> list[str]:
    return [words, "-" * len(words)]


def _head(result: dict[str, Any]) -> Iterator[str]:
    machine = result["machine"]
    yield from _title(f"Tidecast on {machine['device']}")
    yield from _text(INTRODUCTION)
    if result["rehearsal"]:
        yield from _text(REHEARSAL)
    failed = [check["name"] for check in result["checks"] if check["passed"] is False]
    said = f"Failed: {', '.join(failed)}." if failed else "All checks that ran passed."
    versions = ", ".join(f"{name} {machine[name]}" for name in ("python", "torch", "cuda", "numpy") if machine[name])
    versions += f"; LSTM layers {machine['kernels']}" if machine.get("kernels") else ""
    yield from _text(f"{said} {versions}; {result['seconds']:.0f} seconds in all.")


def _checks(result: dict[str, Any]) -> Iterator[str]:
    yield from _title("1. Is it right?")
    for check in result["checks"]:
        yield f"{VERDICT[check['passed']]:7}{check['question']}"
        yield from textwrap.wrap(check["figures"], WIDTH, initial_indent=" " * 7, subsequent_indent=" " * 7)
    yield ""


def _speed(result: dict[str, Any]) -> Iterator[str]:
    yield from _title("2. How fast is a batch of K fits?")
    yield from _text(
        "The first row of each look-back is what people usually write: one torch.nn.LSTM after another (cuDNN's on a "
        "GPU). Speed-up is how many times as many fits the batch trains in the same time. Peak is the share of the "
        "machine's own rate for a large matrix product that the networks' products reach. A single fit is computed "
        "together with a copy of itself, so K = 1 takes as long as K = 2."
    )
    yield f"{'look-back':>10} {'side':>8} {'K':>6} {'ms an epoch':>12} {'fit-epochs/s':>13} {'speed-up':>9} {'peak':>7}"
    for row in result["speed"]:
        yield (
            f"{row['input_size']:>7} d  {row['side']:>8} {row['fits']:>6} {row['ms_per_epoch']:>12.2f} "
            f"{row['fit_epochs_per_second']:>13,.0f} {row['speed_up']:>8.1f}x {100 * row['peak_share']:>6.2f}%"
        )
    yield ""


def _cost(result: dict[str, Any]) -> Iterator[str]:
    cost = result["cost"]
    yield from _title("3. What does a whole batch cost?")
    if not cost:
        yield from _text(ABSENT)
        return
    yield from _text(
        f"Wall time of a batch of K fits with {cost['epochs']} epochs and a look-back of {cost['input_size']} days, "
        "from the data to the results. The plan of a run cuts batches by such a cost: a + b * max(K, K0)."
    )
    for size, seconds in cost["seconds"].items():
        yield f"{'K':>10} = {size:<6} {seconds:8.3f} s"
    floor = "no K0 (a straight line)" if cost["k0"] == 0 else f"K0 = {cost['k0']:.0f} fits"
    yield f"   closest: a = {cost['a']:.3f} s, b = {1e3 * cost['b']:.3f} ms a fit, {floor};"
    yield f"   largest error {100 * cost['largest_error']:.0f}% of the measured time"
    yield ""


def _memory(result: dict[str, Any]) -> Iterator[str]:
    yield from _title("4. How much memory does a fit take?")
    if not result["memory"]:
        yield from _text(ABSENT)
        return
    yield from _text("Measured on the GPU, beside the formula by which the program sizes its batches.")
    for row in result["memory"]:
        measured, formula = row["measured"] / 1e6, row["formula"] / 1e6
        yield f"{row['input_size']:>7} d  measured {measured:.2f} MB, formula {formula:.2f}, ratio {row['ratio']:.2f}"
    yield ""


def _sharing(result: dict[str, Any]) -> Iterator[str]:
    found = result["sharing"]
    yield from _title("5. Do several processes share the device well?")
    if not found:
        yield from _text(ABSENT)
        return
    each = ", ".join(f"{value:,.0f}" for value in found["each"])
    yield from _text(
        f"Each trains batches of {found['fits']} fits. One process alone: {found['alone']:,.0f} fit-epochs a second. "
        f"{found['processes']} at once: {each}; together {found['ratio']:.2f} times one process."
    )


def _times(result: dict[str, Any]) -> Iterator[str]:
    yield from _title("6. Where did the time go?")
    if result["phases"]:
        parts = ", ".join(f"{name} {seconds:.3f} s" for name, seconds in result["phases"]["seconds"].items())
        yield from _text(f"In one batch of {result['phases']['fits']} fits: {parts}.")
    scale = 40 / max(result["seconds"], 1e-9)
    yield "This command itself, from left to right:"
    for stage in result["timeline"]:
        start, length = round(scale * stage["start"]), max(1, round(scale * stage["seconds"]))
        yield f"{stage['name']:<26.26} {stage['seconds']:7.1f} s |{' ' * start}{'#' * length}"
    yield ""


def _absent(result: dict[str, Any]) -> Iterator[str]:
    yield from _title("7. What is absent from this page?")
    for name, why in result["absent"]:
        yield from textwrap.wrap(f"- {name}: {why}", WIDTH, subsequent_indent="  ")
    if not result["absent"]:
        yield "Nothing."
    if result["missing"]:
        yield ""
        yield from _text(
            "Libraries of the program that this machine lacks. This command did without them; forecasts of a whole run "
            "need them. On a machine with a network, this collects them in the folder wheels:"
        )
        yield f"  {result['fetch']}"
        yield ""
        yield "With that folder beside you, this installs them here:"
        yield ""
        yield f"  {result['install']}"
