"""How members are combined, as a configuration says it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ensembles.blend.combination import BASELINE, Candidate, parse_candidate
from ensembles.blend.methods.base import all_methods

__all__ = ["BlendSpec"]


def _methods_by_default() -> tuple[str, ...]:
    return tuple(method.name for method in all_methods() if method.by_default)


class BlendSpec(BaseModel):
    """How members are combined."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    candidates: tuple[str, ...] = Field(
        default_factory=_methods_by_default,
        description="combinations tried for each target: a method over families and over settings, or over one as in "
        "greedy/families; the mean over families is always among them",
    )
    tie: float = Field(0.1, ge=0, description="points within which the simplest combination wins over the best")
    shrinkage: float = Field(
        3.0, ge=0, description="windows of evidence that equal weights count for against fitted simplex weights"
    )

    calibrate: bool = Field(True, description="multiply by the factor that raises the expected score, a little below 1")

    @field_validator("candidates")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            parse_candidate(name)
        return names

    def parsed(self) -> tuple[Candidate, ...]:
        """The candidates without repetition, simplest first, the family-equal mean among them."""
        found = {candidate for name in self.candidates for candidate in parse_candidate(name)} | {BASELINE}
        return tuple(sorted(found, key=lambda candidate: candidate.complexity))
