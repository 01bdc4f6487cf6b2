"""Manifests: round trips, and refusal of other files with path and field."""

import json
import math
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holodriver.errors import FileFormatError, InputError
from holodriver.files.manifest import RawManifest, StackManifest

STACK = StackManifest(
    width=64,
    height=48,
    positions=(0.0, 0.5, 1.0),
    mapping="linear",
    near=10.0,
    far=14.0,
    coc_max=15.0,
    camera={"type": "orthographic"},
    renderer={"name": "Cycles"},
    provenance={"scene": "demo", "maker": "Žofie"},
)
RAW = RawManifest(
    **{name: getattr(STACK, name) for name in (field.name for field in fields(STACK))},
    layer="ViewLayer",
    samples=16,
    depth_samples=10,
)


def change(folder, manifest=STACK, **fields):
    """A manifest file with some fields changed, or taken away where the value is Ellipsis."""
    values = manifest.as_dict() | fields
    text = json.dumps({name: value for name, value in values.items() if value is not ...})
    (folder / manifest.FILE_NAME).write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    "manifest", [STACK, RAW, replace(STACK, mapping="dioptric", far=math.inf), replace(STACK, near=None, far=None)]
)
def test_round_trip(tmp_path, manifest):
    manifest.write(tmp_path)
    assert type(manifest).read(tmp_path) == manifest
    assert [file.name for file in tmp_path.iterdir()] == [manifest.FILE_NAME]


def test_file_is_plain_json(tmp_path):
    """Other programs read it: no Infinity, no NaN."""
    replace(STACK, mapping="dioptric", far=math.inf).write(tmp_path)
    values = json.loads((tmp_path / "stack.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert values["format"] == "holodriver focal stack"
    assert values["version"] == 1
    assert values["planes"] == 3
    assert values["far"] == "infinity"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", "holodriver raw renders"),
        ("format", ...),
        ("version", 2),
        ("version", True),
        ("width", 0),
        ("width", 64.0),
        ("height", "48"),
        ("height", True),
        ("height", 10**9),
        ("planes", 4),
        ("planes", ...),
        ("positions", [0.0, 1.0, 0.5]),
        ("positions", [0.0, 0.5, 1.5]),
        ("positions", "0 0.5 1"),
        ("positions", None),
        ("positions", [0.0, "a", 1.0]),
        ("mapping", "radial"),
        ("mapping", ["linear"]),
        ("near", "close"),
        ("near", None),
        ("near", 20.0),
        ("near", 10**400),
        ("far", 5.0),
        ("far", "infinity"),  # not with the linear mapping
        ("coc_max", 0),
        ("coc_max", None),
        ("camera", []),
        ("renderer", None),
        ("provenance", "demo"),
        ("surprise", 1),
    ],
)
def test_wrong_fields_are_refused_by_path_and_name(tmp_path, field, value):
    change(tmp_path, **{field: value})
    with pytest.raises(FileFormatError) as caught:
        StackManifest.read(tmp_path)
    assert caught.value.where == str(tmp_path / "stack.json")
    assert ("far" if field == "near" else field) in caught.value.what or field in caught.value.what


@pytest.mark.parametrize("field", ["samples", "depth_samples", "layer", "near"])
def test_raw_manifest_needs_its_own_fields(tmp_path, field):
    change(tmp_path, RAW, **{field: ...})
    with pytest.raises(FileFormatError, match=field):
        RawManifest.read(tmp_path)


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"\xff\xfe", b'{"width": NaN}', b"[" * 100_000])
def test_foreign_text_is_refused(tmp_path, text):
    (tmp_path / "stack.json").write_bytes(text)
    with pytest.raises(FileFormatError, match=r"stack\.json"):
        StackManifest.read(tmp_path)


def test_missing_manifest_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match="does not exist"):
        StackManifest.read(tmp_path)


def test_values_that_json_cannot_hold_are_refused(tmp_path):
    with pytest.raises(InputError, match="JSON"):
        replace(STACK, provenance={"loss": math.nan}).write(tmp_path)
    assert not list(tmp_path.iterdir())


def refusal(kind, folder):
    """The error with which a manifest is refused, None where it is taken; any other error fails the test."""
    try:
        kind.read(folder)
    except FileFormatError as error:
        return error
    return None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=6,
)


@given(field=st.sampled_from(sorted(RAW.as_dict())), value=json_values)
def test_any_value_of_a_field_is_taken_or_refused(tmp_path_factory, field, value):
    folder = tmp_path_factory.getbasetemp()
    change(folder, RAW, **{field: value})
    refused = refusal(RawManifest, folder)
    assert refused is None or refused.where == str(folder / "raw.json")


@settings(max_examples=300)
@given(data=st.data())
def test_any_damage_is_taken_or_refused(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp()
    STACK.write(folder)
    path = folder / "stack.json"
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content)
    refused = refusal(StackManifest, folder)
    assert refused is None or refused.where == str(path)
