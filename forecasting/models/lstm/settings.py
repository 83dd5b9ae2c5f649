"""Settings that the LSTM models share: what each key means and which values it may take stand here once.

A model's own settings class gives its defaults, and adds the keys that it alone has.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from forecasting.models.base import LATER, Settings
from forecasting.models.lstm.engine.network import Network
from forecasting.models.lstm.engine.samples import TrainSpec

__all__ = [
    "Backends",
    "BatchSize",
    "ClipNorm",
    "Covariates",
    "Dropout",
    "EngineSettings",
    "Epochs",
    "HiddenSize",
    "InputSize",
    "LearningRate",
    "Loss",
    "PublishedSettings",
    "TestDays",
    "TrainingSettings",
    "ValidationDays",
]

InputSize = Annotated[int, Field(ge=2, le=366, description="days the network looks back")]
HiddenSize = Annotated[int, Field(ge=1, le=512, description="units of the LSTM layer")]
Epochs = Annotated[int, Field(ge=1, le=10_000, description="most passes over the training windows")]
BatchSize = Annotated[int, Field(ge=1, le=4096, description="windows per step of the optimizer")]
LearningRate = Annotated[float, Field(gt=0, le=1, description="step size of Adam")]
ClipNorm = Annotated[float, Field(gt=0, description="gradients longer than this are cut to it")]
Dropout = Annotated[float, Field(ge=0, lt=1, description="share of the last hidden state dropped in training")]
Loss = Annotated[Literal["l1", "huber", "mse"], Field(description="loss of a scaled value; l1 aims at the median")]
Backends = Annotated[
    Literal["auto", "torch", "numba"],
    Field(description="what trains; auto: numba on a CPU where it is installed, else torch"),
]
Covariates = Annotated[
    tuple[str, ...] | None, Field(description="past covariates among the inputs; null: all there are")
]
ValidationDays = Annotated[int, Field(ge=1, description="last days kept from training to validate on")]
TestDays = Annotated[int, Field(ge=1, description="as_published: days after those that the write-up tests on")]


class TrainingSettings(Settings):
    """What every LSTM model is trained by."""

    input_size: InputSize = 30
    epochs: Epochs = 25
    batch_size: BatchSize = 32
    learning_rate: LearningRate = 1e-3
    dropout: Dropout = 0.0


class EngineSettings(TrainingSettings):
    """Settings of the models that the stacked engine trains."""

    hidden_size: HiddenSize = 30
    clip_norm: ClipNorm = 1.0

    def spec(self, network: Network, **others: Any) -> TrainSpec:
        """The training program of a network under these settings; `others` are further fields of `TrainSpec`."""
        return TrainSpec(
            network=network,
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            clip_norm=self.clip_norm,
            dropout=self.dropout,
            **others,
        )


class PublishedSettings(EngineSettings):
    """Settings of the write-up's two networks, `lstm-classic` and `lstm-covariates`."""

    input_size: InputSize = Field(15, description="days of a window")
    hidden_size: HiddenSize = Field(30, description="units of the dense and the LSTM layers")
    dropout: Dropout = Field(0.5, description="share of the first layer's outputs dropped in training")
    batches: Literal["shuffled", "sliding"] = Field(
        "shuffled", description="mini-batches: shuffled, or consecutive windows moved on by one window a step"
    )
    target_loss: float | None = Field(
        None, gt=0, description="stop when training and validation loss sum to this; null: keep the best epoch"
    )
    patience: int | None = Field(
        None,
        ge=1,
        description="without target_loss: epochs without a better validation loss before a fit stops; null: train all",
        json_schema_extra=LATER,
    )
    validation_days: ValidationDays = 20
    start: Literal["scaled", "unit"] = Field(
        "scaled", description="deviation of the weights at the start: 1/sqrt(inputs), or 1 as the write-up has it"
    )
    history_days: int | None = Field(184, ge=30, description="most recent days that are used; null: all")

    def network(self, n_inputs: int) -> Network:
        """The network for so many inputs a day, with one output for every day of the window."""
        return Network("classic", self.input_size, n_inputs, self.hidden_size, self.input_size, start=self.start)

    def spec(self, network: Network, **others: Any) -> TrainSpec:
        """As `EngineSettings.spec`, with the write-up's loss, its stop and its mini-batches."""
        stop = {"target_loss": self.target_loss, "patience": self.patience}
        return super().spec(network, loss="mse", batches=self.batches, **stop, **others)
