"""Libraries that send word home unless they are told not to, imported so that they do not.

ONNX Runtime (its builds for Linux and macOS too, from 1.2x on) and OpenVINO report every use to Microsoft and to Google
Analytics; Hugging Face's libraries report theirs, look for updates, and ask a service to convert models. holodriver
imports them here alone; `tests/test_offline.py` has the kernel kill whatever opens an Internet socket.
"""

import os
import sys
from typing import Any

SILENT = {
    "ORT_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    "DISABLE_SAFETENSORS_CONVERSION": "1",
}
"""Environment variables, which the libraries read when they are loaded."""


def import_onnxruntime() -> Any:
    """ONNX Runtime without its telemetry.

    Raises:
        ImportError: it is not installed.
    """
    os.environ.update(SILENT)
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # builds for Windows that do not ask the environment
    return onnxruntime


def import_openvino() -> Any:
    """OpenVINO without its telemetry, which it does without if the package of that name is missing.

    Raises:
        ImportError: it is not installed.
    """
    if "openvino" not in sys.modules:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # as if it were not installed
    import openvino

    return openvino


def import_transformers() -> Any:
    """transformers, which fetches what it is asked for and does no more.

    Raises:
        ImportError: it is not installed.
    """
    os.environ.update(SILENT)
    import transformers

    return transformers
