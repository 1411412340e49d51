"""A real browser for tests: headless Chromium, driven through chromedriver.

A test module takes the fixture with ``browser = chromium.browser``.
"""

import base64
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.expected_conditions import visibility_of_element_located as visible
from selenium.webdriver.support.ui import WebDriverWait

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)


def _found(*names: str) -> str:
    """Return the path of a program; without it these tests are skipped."""
    path = next((found for name in names if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip(f"{names[0]} is not installed: apt-get install -y chromium chromium-driver")
    return path


class Browser:
    """A Chromium that keeps what its console said and which addresses it asked for."""

    def __init__(self, profile: Path) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = _found("chromium", "chromium-browser", "google-chrome")
        for flag in (*FLAGS.split(), f"--user-data-dir={profile}", f"--crash-dumps-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        service = webdriver.ChromeService(_found("chromedriver"), env={**os.environ, "HOME": str(profile)})
        self.driver = webdriver.Chrome(options=options, service=service)

    def look_at(self, address: str, width: int = 1280, awaited: str = ".opblock", colors: str = "light") -> None:
        """Open a page, wait for an element of it, and forget what was logged before."""
        self.console(), self.requested()
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        wanted = {"features": [{"name": "prefers-color-scheme", "value": colors}]}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", wanted)
        self.driver.get(address)
        self.find(awaited)

    def find(self, selector: str) -> WebElement:
        """Return the first such element, as soon as it is visible."""
        wait = WebDriverWait(self.driver, 30, poll_frequency=0.02)
        found: WebElement = wait.until(visible((By.CSS_SELECTOR, selector)))
        return found

    def click(self, selector: str) -> None:
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", self.find(selector))
        self.find(selector).click()

    def screenshot(self, name: str) -> None:
        """Keep a picture of the whole page in the folder of the variable SCREENSHOTS, if it is set, to look at."""
        if folder := os.environ.get("SCREENSHOTS"):
            size = self.driver.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
            how = {"captureBeyondViewport": True, "clip": {**size, "scale": 1}}
            picture = self.driver.execute_cdp_cmd("Page.captureScreenshot", how)["data"]
            Path(folder, f"{name}.png").write_bytes(base64.b64decode(picture))

    def texts(self, selector: str) -> list[str]:
        return [element.text for element in self.driver.find_elements(By.CSS_SELECTOR, selector)]

    def console(self) -> list[Any]:
        log: list[Any] = self.driver.get_log("browser")
        return log

    def requested(self) -> list[str]:
        events = (json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance"))
        return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One Chromium for all tests."""
    opened = Browser(tmp_path_factory.mktemp("chromium"))
    try:
        yield opened
    finally:
        opened.driver.quit()
