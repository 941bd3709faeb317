"""The page in a browser, where playwright and a Chromium are there."""

import shutil

import pytest

from tests.serve.conftest import serving
from tests.serve.test_process import wait

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")


@pytest.fixture(scope="module")
def page():
    with serving() as (_, port, _), playwright.sync_playwright() as tool:
        wait(port)
        browser = tool.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.said, page.asked, page.home = [], [], f"http://127.0.0.1:{port}/"
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(page.home)
        page.wait_for_selector("#plane path.region")
        yield page
        assert page.said == []
        outside = [u for u in page.asked if not u.startswith((page.home, "data:", "blob:"))]
        assert outside == []
        browser.close()


def settled(page):
    page.wait_for_timeout(400)


def mean(page, place=1):
    return page.locator(".target .mean").nth(place).inner_text()


def width(page):
    return page.locator("#plane path.region").first.bounding_box()["width"]


def test_the_mean_follows_a_slider_by_keyboard_alone(page):
    before = mean(page)
    page.locator("#feature-0").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    for _ in range(30):
        page.keyboard.press("ArrowRight")
    settled(page)
    assert mean(page) != before
    assert page.locator("#feature-0").input_value() not in ("", "0")


def test_an_observed_target_narrows_the_others(page):
    page.select_option("#across", "small")
    page.select_option("#up", "big")
    settled(page)
    text = page.locator(".target .mean small").first.inner_text()
    page.fill("#given-1", "0.3")
    settled(page)
    assert page.locator(".target.given .who").inner_text() == "middle"
    page.fill("#given-1", "0.30517")  # shown as it was typed, not as if it had an error
    settled(page)
    assert mean(page) == "0.30517"
    page.fill("#given-1", "0.3")
    settled(page)
    assert page.locator(".target .mean small").first.inner_text() != text
    page.wait_for_timeout(700)
    assert "given" in page.url


def test_numbers_read_as_people_write_them(page):
    shown = {
        "number(-0.04, 1)": "0.0",
        "number(-0.06, 1)": "\u22120.1",
        "number(-1234.6, 90)": "\u22121\u202f235",
        "parted('-1234.25')": "\u22121\u202f234.25",
        "parted('-1.5e-9')": "\u22121.5e\u22129",
    }
    assert {each: page.evaluate(each) for each in shown} == shown


def test_a_link_shows_the_same(page):
    page.wait_for_timeout(700)
    shown = [mean(page, place) for place in range(3)]
    page.reload()
    page.wait_for_selector("#plane path.region")
    settled(page)
    assert [mean(page, place) for place in range(3)] == shown
    assert page.locator("#given-1").input_value() == "0.3"


def test_rows_of_a_file(page, tmp_path):
    from tests.small_table import table

    X, Y = table()
    X.join(Y).to_csv(tmp_path / "rows.csv", index=False)
    page.set_input_files("#file", tmp_path / "rows.csv")
    page.wait_for_selector("#table tbody tr")
    assert page.locator("#table tbody tr").count() == 10
    page.click("#after")
    page.locator("#where").filter(has_text="rows 11").wait_for()
    page.click("text='12'")
    settled(page)
    assert float(page.locator("#feature-0").input_value()) == pytest.approx(
        X["number"][11], rel=1e-6
    )
    with page.expect_download() as found:
        page.click("#all")
    lines = found.value.path().read_text().splitlines()
    assert len(lines) == len(X) + 1
    assert lines[0].startswith("mean_small")
