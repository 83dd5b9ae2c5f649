"""What NVIDIA's driver says of this machine's GPUs, asked without PyTorch and without opening a context on them."""

from __future__ import annotations

import ctypes
from pathlib import Path

__all__ = ["gpu_memory", "may_have_gpus"]

LIBRARY = "libcuda.so.1"
AMD = Path("/dev/kfd")


def gpu_memory() -> tuple[int, ...]:
    """Bytes of memory of each NVIDIA GPU that this process may use; empty where there is no driver or no GPU.

    The driver reads CUDA_VISIBLE_DEVICES once in a process, and that is now: a process that will be granted one of
    several GPUs later must not ask.
    """
    try:
        driver = ctypes.CDLL(LIBRARY)
    except OSError:
        return ()
    count = ctypes.c_int()
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return ()
    return tuple(_total(driver, k) for k in range(count.value))


def may_have_gpus() -> bool:
    """Whether PyTorch, which takes seconds to load, could find a GPU here: NVIDIA's, or one of AMD under its name."""
    return AMD.exists() or bool(gpu_memory())


def _total(driver: ctypes.CDLL, index: int) -> int:
    device, size = ctypes.c_int(), ctypes.c_size_t()
    driver.cuDeviceGet(ctypes.byref(device), index)
    driver.cuDeviceTotalMem_v2(ctypes.byref(size), device)
    return size.value
