import ctypes
import sys

import pytest

from forecasting.models import cuda_driver
from forecasting.models.lstm.engine import training


class Driver:
    """A driver with GPUs of some sizes; `status` is what each of its calls says."""

    def __init__(self, *sizes, status=0):
        self.sizes, self.status = sizes, status

    def cuInit(self, flags):
        return self.status

    def cuDeviceGetCount(self, count):
        count._obj.value = len(self.sizes)
        return 0

    def cuDeviceGet(self, device, index):
        device._obj.value = index

    def cuDeviceTotalMem_v2(self, size, device):
        size._obj.value = self.sizes[device.value]


@pytest.fixture
def driver(monkeypatch, tmp_path):
    """Install a driver, or None for a machine without one; nothing of AMD is there."""

    def install(found):
        def load(name):
            if found is None:
                raise OSError(name)
            return found

        monkeypatch.setattr(ctypes, "CDLL", load)
        monkeypatch.setattr(cuda_driver, "AMD", tmp_path / "kfd")

    return install


def test_each_gpu_says_its_memory(driver):
    driver(Driver(80 << 30, 24 << 30))
    assert cuda_driver.gpu_memory() == (80 << 30, 24 << 30)
    assert cuda_driver.may_have_gpus()


@pytest.mark.parametrize("found", [None, Driver(), Driver(80 << 30, status=100)])
def test_without_a_driver_or_a_gpu_torch_is_not_loaded(driver, monkeypatch, found):
    driver(found)
    assert cuda_driver.gpu_memory() == ()
    monkeypatch.setattr(training, "find_spec", lambda name: name)
    monkeypatch.setitem(sys.modules, "torch", None)  # importing it would fail
    assert training.gpu_count() == 0


def test_torch_is_asked_where_another_makers_gpu_may_be(driver, tmp_path):
    driver(None)
    (tmp_path / "kfd").touch()
    assert cuda_driver.may_have_gpus()
