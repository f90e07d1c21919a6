"""Check a release of an official SDK: compare what it parses with the API's responses."""

from __future__ import annotations

from whopwatch.sdk.findings import ParsingDifference, compare_parsed
from whopwatch.sdk.survey import SDK_REQUEST_BUDGET, check_sdk

__all__ = ["SDK_REQUEST_BUDGET", "ParsingDifference", "check_sdk", "compare_parsed"]
