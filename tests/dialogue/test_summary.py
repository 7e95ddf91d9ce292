import pytest

from voicebot.dialogue.summary import LINES, STEPS, TOPICS, briefing


def test_a_briefing_names_language_topic_tries_and_reason():
    assert briefing("en", "nl", "order_status", ["order_status:not_found"], "repair") == (
        "The caller speaks Dutch. About: status of an order. "
        "Done so far: status of an order, nothing found. "
        "The assistant and the caller did not understand each other."
    )


def test_without_a_topic_it_stays_short():
    assert briefing("nl", "en", "", [], "human_request") == (
        "De beller spreekt Engels. De beller vroeg om een medewerker."
    )


@pytest.mark.parametrize("language", ["nl", "en"])
def test_only_known_words_get_in(language):
    text = briefing(
        language, "nl", "Jan Jansen 0612345678", ["secret 1234:done", "x:y", "faq_delivery:done"], "odd"
    )
    assert not any(part in text for part in ("Jan", "06", "1234", "secret"))


def test_a_long_history_is_cut():
    tried = [
        "order_status:not_found",
        "password_reset:done",
        "opening_hours:done",
        "appointment_change:refused",
    ]
    assert briefing("nl", "nl", "", tried, "task").count(";") == 1


def test_both_languages_have_the_same_keys():
    for table in (LINES, TOPICS, STEPS):
        assert table["nl"].keys() == table["en"].keys()
