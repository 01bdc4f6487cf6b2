"""The viewer's page in a browser: the right pixels, by mouse, keys and fingers, and no access to a network."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from holodriver.files.images import srgb_pixels
from holodriver.viewer.inputs import ViewSettings, read_content
from holodriver.viewer.page import write_page

BAR = (45, 32)
"""Column and row of the bar at t = 0 in the layered scene; the disc's rim at t = 0.45 and the background are behind."""
DISC, BACKGROUND = (16, 36), (4, 4)


class Opened:
    """The page in a browser, and all that it asked for or complained about."""

    def __init__(self, chromium, path: Path, shown: tuple[str, int, int, int] = ("wipe", 0, 1, 2), **settings):
        self.context = chromium.new_context(**settings)
        self.tab = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.tab.on("console", lambda message: self.said.append(message.text))
        self.tab.on("pageerror", lambda error: self.said.append(str(error)))
        self.tab.on("request", lambda request: self.asked.append(request.url))
        self.tab.goto(path.as_uri())
        self.tab.wait_for_selector("body[data-ready]")
        self.drawn(*shown)

    def drawn(self, mode: str = "wipe", first: int = 0, second: int = 1, plane: int = 2) -> None:
        """Wait until this is what the stage shows; planes count from 0."""
        self.tab.wait_for_selector(f'#stage[data-drawn="{mode} {first} {second} {plane}"]')

    def colour(self, x: float, y: float) -> list[int]:
        """sRGB of the stage on the screen at a point, fractions of its size."""
        shot = self.tab.locator("#view").screenshot()
        pixels = cv2.imdecode(np.frombuffer(shot, np.uint8), cv2.IMREAD_COLOR)
        height, width = pixels.shape[:2]
        return pixels[int(y * height), int(x * width), ::-1].tolist()

    def at(self, column: float, row: float) -> tuple[float, float]:
        """Where the middle of a pixel of the picture is in the window, with the whole picture in view."""
        box = self.tab.locator("#view").bounding_box()
        scale = min(box["width"], box["height"]) / 64
        left = box["x"] + (box["width"] - 64 * scale) / 2
        top = box["y"] + (box["height"] - 64 * scale) / 2
        return left + (column + 0.5) * scale, top + (row + 0.5) * scale

    def click(self, column: float, row: float) -> None:
        self.tab.mouse.click(*self.at(column, row))


@pytest.fixture
def opened(chromium, viewed):
    """Opens the page; nothing may have been asked for or complained about when the test ends."""
    pages = []

    def open_page(path: Path = viewed.page, **settings) -> Opened:
        settings.setdefault("viewport", {"width": 1280, "height": 900})
        pages.append(Opened(chromium, path, **settings))
        return pages[-1]

    yield open_page
    for page in pages:
        assert page.said == []
        assert [url for url in page.asked if not url.startswith(("file:", "data:", "blob:"))] == []
        assert len([url for url in page.asked if url.startswith("file:")]) == 1
        page.context.close()


def test_the_slider_focuses_and_the_picture_is_the_stack_s(opened, viewed) -> None:
    page = opened()
    page.tab.keyboard.press("1")
    page.drawn("one")
    box = page.tab.locator("#focus").bounding_box()
    middle = box["y"] + box["height"] / 2
    page.tab.mouse.move(box["x"] + box["width"] / 2, middle)
    page.tab.mouse.down()
    page.tab.mouse.move(box["x"] + box["width"] * 0.9, middle, steps=4)
    page.tab.mouse.move(box["x"] + box["width"] - 2, middle)
    page.tab.mouse.up()
    page.drawn("one", plane=4)
    assert "plane 5 of 5" in page.tab.locator("#where").inner_text()
    assert "normalised depth 1.00" in page.tab.locator("#focus").get_attribute("aria-valuetext")
    for _ in range(12):
        page.tab.locator("#zoom-in").click()
    expected = srgb_pixels(viewed.stack.images[4])
    page.tab.wait_for_function("document.getElementById('zoom-fit').textContent === '3200 %'")
    # the middle of the stage is the corner between four pixels: a quarter of a pixel off is inside one
    size = page.tab.locator("#view").bounding_box()
    for dx, dy, row, column in ((8, 8, 32, 32), (-8, 8, 32, 31), (24 + 16, -24 - 16, 30, 33)):
        seen = page.colour(0.5 + dx / size["width"], 0.5 + dy / size["height"])
        assert seen == expected[row, column].tolist()


@pytest.mark.parametrize(("place", "plane"), [(BAR, 0), (DISC, 2), (BACKGROUND, 4)])
def test_a_click_focuses_on_what_is_there(opened, place, plane) -> None:
    page = opened()
    page.tab.keyboard.press("End" if plane == 0 else "Home")
    page.click(*place)
    page.drawn(plane=plane)
    assert page.tab.locator("#live").inner_text() == f"Focus on plane {plane + 1}"


def test_keys_do_all_that_the_mouse_does(opened) -> None:
    page = opened()
    for key, shown in (
        ("ArrowRight", ("wipe", 0, 1, 3)),
        ("End", ("wipe", 0, 1, 4)),
        ("ArrowRight", ("wipe", 0, 1, 4)),
        ("Home", ("wipe", 0, 1, 0)),
        ("x", ("wipe", 1, 0, 0)),
        ("1", ("one", 1, 0, 0)),
        ("3", ("difference", 1, 0, 0)),
        ("2", ("wipe", 1, 0, 0)),
    ):
        page.tab.keyboard.press(key)
        page.drawn(*shown)
    page.tab.keyboard.press("+")
    page.tab.wait_for_selector("#stage.zoomed")
    page.tab.keyboard.press("Shift+ArrowLeft")
    page.tab.keyboard.press("0")
    page.tab.wait_for_selector("#stage:not(.zoomed)")
    page.tab.locator("#wipe").focus()
    page.tab.keyboard.press("Home")
    assert page.tab.locator("#wipe").get_attribute("aria-valuenow") == "0"
    page.tab.keyboard.press("PageUp")
    assert page.tab.locator("#wipe").get_attribute("aria-valuenow") == "10"
    page.drawn("wipe", 1, 0, 0)  # arrows there move the wipe, not the focus


def test_every_control_can_be_reached_by_tab_in_the_order_of_the_page(opened) -> None:
    page = opened()
    reached = []
    for _ in range(40):
        page.tab.keyboard.press("Tab")
        name = page.tab.evaluate("document.activeElement.id || document.activeElement.name || ''")
        if name and name not in reached:
            reached.append(name)
    wanted = ["theme", "first", "swap", "second", "mode", "zoom-out", "zoom-fit", "zoom-in", "view", "wipe", "play"]
    wanted += ["focus", "encoded", "panel-of", "colour", "frame-box", "magnify"]
    assert [name for name in reached if name in wanted] == wanted


def test_the_wipe_shows_one_left_and_the_other_right_of_it(opened, viewed) -> None:
    page = opened()
    handle = page.tab.locator("#wipe").bounding_box()
    view = page.tab.locator("#view").bounding_box()
    page.tab.mouse.move(handle["x"] + 22, handle["y"] + 22)
    page.tab.mouse.down()
    page.tab.mouse.move(view["x"] + view["width"] * 0.5 + 40, handle["y"] + 22, steps=3)
    page.tab.mouse.up()
    now = int(page.tab.locator("#wipe").get_attribute("aria-valuenow"))
    assert now == round(100 * (0.5 + 40 / view["width"]))
    for _ in range(12):
        page.tab.locator("#zoom-in").click()
    rendered, hologram = (viewed.content.methods[n].pictures[2] for n in (0, 1))
    page.tab.wait_for_function("document.getElementById('zoom-fit').textContent === '3200 %'")
    left, right = ((0.5 + (dx + 0.5) * 32 / view["width"], dx) for dx in (-3, 4))
    below = 0.5 + 16 / view["height"]
    assert page.colour(left[0], below) == rendered[32, 32 + left[1]].tolist()
    assert page.colour(right[0], below) == hologram[32, 32 + right[1]].tolist()
    assert rendered[32, 36].tolist() != hologram[32, 36].tolist()


def test_difference_is_four_times_that_of_the_levels(opened, viewed) -> None:
    page = opened()
    page.tab.keyboard.press("3")
    page.drawn("difference")
    for _ in range(12):
        page.tab.locator("#zoom-in").click()
    page.tab.wait_for_function("document.getElementById('zoom-fit').textContent === '3200 %'")
    size = page.tab.locator("#view").bounding_box()
    a, b = (viewed.content.methods[n].pictures[2][32, 32].astype(int) for n in (0, 1))
    seen = page.colour(0.5 + 16 / size["width"], 0.5 + 16 / size["height"])
    assert seen == np.minimum(4 * np.abs(a - b), 255).tolist()


def test_another_method_can_be_chosen(opened) -> None:
    page = opened()
    page.tab.locator("#second").select_option(label="flat")
    page.drawn("wipe", 0, 2)
    assert page.tab.locator("#name-b").inner_text() == "flat"


def test_the_sweep_goes_there_and_back(opened) -> None:
    page = opened()
    page.tab.locator("#play").click()
    page.drawn(plane=4)
    page.drawn(plane=0)
    page.tab.keyboard.press("p")
    assert page.tab.locator("#play").get_attribute("aria-pressed") == "false"


def test_scores_are_those_of_the_evaluation(opened, viewed) -> None:
    page = opened()
    scores = viewed.content.methods[1].scores
    rows = page.tab.locator("#means tbody tr")
    assert rows.nth(0).inner_text().split() == [
        "B",
        "sharp",
        f"{np.mean(scores.psnr):.1f}",
        f"{np.mean(scores.ssim):.3f}",
    ]
    assert f"B, sharp, {scores.psnr[2]:.1f} dB" in page.tab.locator("#psnr").get_attribute("aria-label")
    page.tab.locator("#encoded").check()
    assert f"B, sharp, {scores.ssim_srgb[2]:.3f}" in page.tab.locator("#ssim").get_attribute("aria-label")
    curve = page.tab.locator("#ssim").bounding_box()
    page.tab.mouse.click(curve["x"] + curve["width"] - 14, curve["y"] + 60)  # a click on a curve focuses there
    page.drawn(plane=4)


def test_the_slit_is_drawn_where_the_display_has_it(opened, viewed) -> None:
    page = opened()
    page.tab.locator("#colours label", has_text="460").click()
    svg = page.tab.locator("#spectrum").bounding_box()
    slit = page.tab.locator("#spectrum .slit").bounding_box()
    profile = viewed.profile
    middle = svg["y"] + svg["height"] * (0.5 + profile.carrier_frequency / profile.binning)
    assert slit["y"] + slit["height"] / 2 == pytest.approx(middle, abs=1)
    assert slit["height"] == pytest.approx(2 * profile.slit_half_width / profile.binning * svg["height"], abs=3)
    assert slit["width"] == pytest.approx(2 * profile.slit_across / profile.binning * svg["width"], abs=3)
    assert "460 nm" in page.tab.locator("#frame").get_attribute("alt")


def test_a_hologram_alone_has_nothing_to_compare(opened, viewed, tmp_path) -> None:
    """No choice of A and B, no scores; and it can be focused all the same."""
    write_page(tmp_path / "a.html", read_content([viewed.folder / "flat.holo"], ViewSettings(planes=5)))
    page = opened(tmp_path / "a.html", shown=("one", 0, 0, 2))
    for name in ("first", "second", "swap", "modes", "scores", "wipe", "panel-of"):
        assert not page.tab.locator(f"#{name}").is_visible()
    for name in ("focus", "zoom-in", "spectrum"):
        assert page.tab.locator(f"#{name}").is_visible()
    page.tab.keyboard.press("2")  # there is no B to wipe with
    page.tab.keyboard.press("End")
    page.drawn("one", 0, 0, 4)
    page.tab.locator("#magnify").click()
    assert page.tab.locator("#frame").bounding_box()["width"] == 64 * 8


def test_the_wheel_zooms_where_it_points_and_a_drag_moves_the_picture(opened) -> None:
    page = opened()
    x, y = page.at(*DISC)

    def under(across: float = 0) -> str:
        page.tab.mouse.move(x + across, y + 1)
        page.tab.mouse.move(x + across, y)
        return page.tab.locator("#readout").inner_text().split(" ·")[0]

    assert under() == "pixel 16, 36"
    page.tab.mouse.wheel(0, -100)  # without Ctrl the page scrolls, and the picture stays as it is
    assert page.tab.locator("#zoom-fit").inner_text() == "fit"
    page.tab.keyboard.down("Control")
    page.tab.mouse.wheel(0, -300)
    page.tab.keyboard.up("Control")
    page.tab.wait_for_selector("#stage.zoomed")
    assert under() == "pixel 16, 36"
    page.tab.mouse.down()
    page.tab.mouse.move(x + 50, y, steps=3)
    page.tab.mouse.up()
    assert under(50) == "pixel 16, 36"
    page.drawn()  # a drag is no click: the focus stays


@pytest.mark.parametrize("row", [50, 32])  # 32: both fingers begin on the wipe's handle
def test_fingers_tap_and_pinch_on_a_phone(opened, row) -> None:
    page = opened(viewport={"width": 390, "height": 844}, device_scale_factor=2, is_mobile=True, has_touch=True)
    page.tab.touchscreen.tap(*page.at(*BAR))
    page.drawn(plane=0)
    x, y = page.at(32, row)
    fingers = page.context.new_cdp_session(page.tab)
    for kind, apart in (("touchStart", 20), ("touchMove", 40), ("touchMove", 60), ("touchEnd", 0)):
        points = [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}] if apart else []
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    page.tab.wait_for_selector("#stage.zoomed")
    page.tab.wait_for_function("parseInt(document.getElementById('zoom-fit').textContent) > 0")
    shown = int(page.tab.locator("#zoom-fit").inner_text().rstrip(" %"))
    assert shown == pytest.approx(3 * 390 / 64 * 2 * 100, rel=0.02)  # three times as far apart, three times as large
    page.drawn(plane=0)  # a pinch is no tap


@pytest.mark.parametrize("width", [320, 390, 768])
def test_small_screens_scroll_one_way_and_have_targets_for_fingers(opened, width) -> None:
    page = opened(viewport={"width": width, "height": 740}, is_mobile=True, has_touch=True)
    assert page.tab.evaluate("document.scrollingElement.scrollWidth") <= width
    small = page.tab.evaluate(
        """() => [...document.querySelectorAll("button, select, summary, [role=slider], input[type=range]")]
        .filter((e) => e.offsetParent && Math.min(e.offsetHeight, e.offsetWidth) < 40).map((e) => e.id)"""
    )
    assert small == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_wrong(opened, scheme) -> None:
    """Names, roles, contrast, order: all rules of axe-core for WCAG 2.2 A and AA, and its best practices."""
    from axe_playwright_python.sync_playwright import Axe

    page = opened(color_scheme=scheme, viewport={"width": 1280, "height": 900})
    page.tab.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
    found = Axe().run(page.tab)
    checked = {rule["id"] for rule in found.response["passes"]}
    assert {"color-contrast", "label", "aria-valid-attr-value", "image-alt", "svg-img-alt", "select-name"} <= checked
    assert [(rule["id"], [node["target"] for node in rule["nodes"]]) for rule in found.response["violations"]] == []


def test_the_theme_can_be_chosen(opened) -> None:
    page = opened(color_scheme="light")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.tab.evaluate(paper)
    page.tab.locator("#theme").click()
    assert page.tab.evaluate(paper) != light
    assert page.tab.locator("#theme").get_attribute("aria-pressed") == "true"


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("desk", {"viewport": {"width": 1360, "height": 900}}),
        ("dark", {"viewport": {"width": 1360, "height": 900}, "color_scheme": "dark"}),
        ("phone", {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}),
    ],
)
def test_screenshots(opened, tmp_path, name, settings) -> None:
    """For people to look at, in the folder HOLODRIVER_SCREENSHOTS; here only that the picture is on it."""
    page = opened(**settings)
    folder = Path(os.environ.get("HOLODRIVER_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    page.tab.screenshot(path=folder / f"viewer_{name}.png", full_page=True)
    view = page.tab.locator("#view").screenshot(path=tmp_path / "view.png")
    assert len(view) > 10_000
