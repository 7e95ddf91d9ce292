"""The caller page's files: both languages say everything; nothing is loaded from elsewhere."""

from __future__ import annotations

import re

from voicebot.web.server import STATIC
from voicebot.web.whip_guard import WhipAccess, WhipGuard

WORDS = (STATIC / "call-words.js").read_text()
PAGE = (STATIC / "call.html").read_text()
SCRIPTS = (STATIC / "call.js").read_text() + (STATIC / "call-whip.js").read_text()


def keys(language: str) -> list[str]:
    block = re.split(r"^  (nl|en): \{$", WORDS, flags=re.MULTILINE)
    found = dict(zip(block[1::2], block[2::2], strict=True))[language]
    return re.findall(r"^ {4,6}(\w+):", found, flags=re.MULTILINE)


def test_both_languages_have_the_same_words() -> None:
    assert keys("nl") == keys("en")
    assert len(keys("nl")) > 30


def test_every_word_that_the_page_asks_for_is_there() -> None:
    asked = set(re.findall(r'data-t(?:-label)?="(\w+)"', PAGE)) | set(
        re.findall(r"words\(\)\.(\w+)", SCRIPTS)
    )
    assert asked <= set(keys("nl"))


def test_every_refusal_of_the_guard_has_words() -> None:
    door = WhipGuard(WhipAccess(token="t", calls_per_minute=2, calls_per_address=1))
    door.call_began("192.0.2.1")
    page = {"origin": "http://a.test", "host": "a.test"}
    asked = [page, {}, page, {"origin": "http://b.test"}]
    refused = [door.judge("192.0.2.1", headers, 0.0) for headers in asked[:3]]
    refused.append(door.judge("192.0.2.9", asked[3], 0.0))
    codes = {each.code for each in refused if each is not None}
    assert codes == {"too_many_at_once", "no_token", "too_many_calls", "foreign_page"}
    assert codes <= set(keys("nl"))


def test_nothing_comes_from_another_host_and_no_code_stands_in_the_page() -> None:
    for text in (PAGE, SCRIPTS, WORDS, (STATIC / "call.css").read_text()):
        assert not re.search(r"(?:src|href|url|import|from)\W{1,3}(?:https?:)?//(?!www\.w3\.org)", text)
    assert "style=" not in PAGE
    assert not re.search(r"\son\w+=", PAGE)
    assert "innerHTML" not in SCRIPTS
