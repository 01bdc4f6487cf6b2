"""Imports of libraries that report their use over the Internet, with these reports switched off.

ONNX Runtime (from 1.2x on also its builds for Linux and macOS) and OpenVINO report every use to Microsoft and Google
Analytics; Hugging Face's libraries report theirs, look for updates, and ask a service to convert models. holodriver
imports them only here. In `tests/test_offline.py` the kernel kills any process that opens an Internet socket.
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
"""Environment variables that the libraries read when they are loaded."""


def import_onnxruntime() -> Any:
    """Import ONNX Runtime without its telemetry.

    Raises:
        ImportError: ONNX Runtime is not installed.
    """
    os.environ.update(SILENT)
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # Windows builds ignore the environment variable
    return onnxruntime


def import_openvino() -> Any:
    """Import OpenVINO without its telemetry, which needs a package that is hidden from it here.

    Raises:
        ImportError: OpenVINO is not installed.
    """
    if "openvino" not in sys.modules:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # hides the package
    import openvino

    return openvino


def import_transformers() -> Any:
    """Import transformers without its telemetry; it downloads only what it is asked for.

    Raises:
        ImportError: transformers is not installed.
    """
    os.environ.update(SILENT)
    import transformers

    return transformers
