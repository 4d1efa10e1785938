"""The server is killed while somebody draws: nothing is lost, and the page says how things stand."""

import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import Product, product
from tests.journeys.conftest import SCREEN, new_flow
from tests.journeys.drawing import Drawing
