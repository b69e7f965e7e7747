"""Language tags of RFC 5646: which are well-formed, and how they are written."""

from __future__ import annotations

import pytest

from callfloor.ingest.language_tags import canonical_tag


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("en", "en"),
        ("EN-us", "en-US"),
        ("fil-ph", "fil-PH"),
        ("zh-hans-cn", "zh-Hans-CN"),
        ("SR-LATN-RS", "sr-Latn-RS"),
        ("es-419", "es-419"),
        ("zh-CMN-hans-cn", "zh-cmn-Hans-CN"),
        ("sl-rozaj-biske-1994", "sl-rozaj-biske-1994"),
        ("de-ch-1901", "de-CH-1901"),
        ("de-DE-u-CO-phonebk", "de-DE-u-co-phonebk"),
        ("az-arab-x-AZE-derbend", "az-Arab-x-aze-derbend"),
        ("X-Whatever", "x-whatever"),
        ("I-KLINGON", "i-klingon"),
        ("sgn-be-fr", "sgn-BE-FR"),
    ],
)
def test_a_tag_is_written_in_one_way(given: str, written: str) -> None:
    assert canonical_tag(given) == written
    assert canonical_tag(written) == written


@pytest.mark.parametrize(
    "text",
    [
        *("", "e", "en-", "-en", "en--US", "en_US", "123", "en-U$", "en US", "ſs", "de-419-DE"),  # noqa: RUF001  # a long s
        *("de-1996-1996", "en-a-bbb-a-ccc", "ar-a-aaa-a", "en-x", "x-", "abcdefghi", "en-a", "i-none"),
    ],
)
def test_what_is_no_tag(text: str) -> None:
    assert canonical_tag(text) is None
