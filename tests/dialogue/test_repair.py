import pytest

from tests.dialogue.conversation import CLOSED, Conversation, bilingual
from voicebot.dialogue.actions import HangUp, Listen, RunTask, Transfer
from voicebot.events import Disposition


def test_silence_gets_differing_prompts_then_the_offer_then_the_transfer():
    talk = Conversation()
    talk.silence()
    first = talk.says
    assert [s.prompt_id for s in first] == ["no_input", "how_can_i_help", "other_language"]
    assert first[-1].language == "en"
    talk.silence()
    second = talk.says
    assert [s.prompt_id for s in second] == ["no_input", "other_language", "offer_human"]
    assert first[0].variant != second[0].variant
    talk.silence()
    transfer = talk.actions[-1]
    assert isinstance(transfer, Transfer)
    assert transfer.reason == "repair"


def test_the_other_language_is_not_offered_to_a_caller_who_has_spoken():
    talk = Conversation(bilingual())
    talk.say("opening_hours", "wanneer zijn jullie open")
    talk.silence()
    assert talk.prompts == ["no_input", "anything_else"]


def test_no_match_gets_differing_prompts_then_the_offer_then_the_transfer():
    talk = Conversation()
    talk.actions = talk.dialogue.nothing_understood(talk.now)
    first = talk.says
    assert [s.prompt_id for s in first] == ["no_match", "how_can_i_help"]
    assert first[1].variant == 1  # worded otherwise than at the start
    talk.say(None, "blub bla")
    assert talk.prompts == ["no_match", "offer_human"]
    assert talk.says[0].variant != first[0].variant
    talk.silence()
    assert isinstance(talk.actions[-1], Transfer)


def test_failures_that_are_not_in_a_row_do_not_add_up():
    talk = Conversation()
    for _ in range(4):
        talk.say(None, "blub bla")
        assert talk.prompts[0] == "no_match"
        assert "offer_human" not in talk.prompts
        talk.say("faq_delivery", f"vraag {_}", branch=str(_))


def test_declining_the_offer_returns_to_the_question():
    talk = Conversation()
    talk.say("order_status")
    talk.silence()
    talk.silence()
    assert talk.prompts[-1] == "offer_human"
    talk.say(None, "nee", yes_no="no")
    assert talk.prompts == ["ask_order_number"]


@pytest.mark.parametrize("how", ["voice", "keys"])
def test_answering_the_question_behind_the_offer_works(how):
    talk = Conversation()
    talk.say("order_status")
    talk.silence()
    talk.silence()
    if how == "voice":
        talk.say(None, "53821", order_number="53821")
    else:
        talk.keys("53821#")
    assert talk.actions == (RunTask("order_status", {"order_number": "53821"}),)


def test_the_same_question_again_and_again_is_a_loop():
    talk = Conversation()
    talk.say("faq_delivery")
    talk.say("faq_delivery")
    assert talk.prompts == ["answer", "anything_else"]
    talk.say("faq_delivery")
    assert talk.prompts == ["answer", "offer_human"]
    talk.say("faq_delivery")
    assert isinstance(talk.actions[-1], Transfer)


def test_when_closed_silence_ends_after_the_callback_was_offered_twice():
    talk = Conversation(now=CLOSED)
    for _ in range(3):
        talk.silence()
    assert talk.prompts[-2:] == ["human_closed_until", "offer_callback"]
    talk.silence()
    assert talk.prompts[-1] == "offer_callback"
    talk.silence()
    assert talk.actions[-1] == HangUp(Disposition.TIMED_OUT)


# -- law X2


def test_repeat_says_the_last_answer_again():
    talk = Conversation()
    talk.say("faq_delivery")
    answer = talk.says
    for _ in range(3):
        talk.say("repeat")
        assert talk.says == answer
        assert isinstance(talk.actions[-1], Listen)
    talk.keys("*")
    assert talk.says == answer


def test_repeat_after_a_repair_prompt_repeats_what_was_asked_before():
    talk = Conversation()
    talk.say("order_status")
    asked = talk.says
    talk.silence()
    talk.say("repeat")
    assert talk.says == asked


def test_slower_and_louder_change_the_voice_within_bounds_and_repeat():
    talk = Conversation()
    talk.say("faq_delivery")
    answer = talk.says
    talk.say("slower")
    assert (talk.says, talk.dialogue.rate) == (answer, 0.85)
    for _ in range(4):
        talk.say("slower")
        talk.say("louder")
    assert (talk.dialogue.rate, talk.dialogue.gain_db) == (0.7, 8.0)


def test_wait_gives_time_warns_and_extends_before_anything_else():
    talk = Conversation()
    talk.say("order_status")
    talk.say("wait")
    assert (talk.prompts, talk.listen.no_input_ms) == (["take_your_time"], 30_000)
    talk.silence()
    assert (talk.prompts, talk.listen.no_input_ms) == (["still_there"], 30_000)
    talk.silence()
    assert talk.prompts == ["no_input", "ask_order_number"]


def test_thanks_and_goodbye():
    talk = Conversation()
    talk.say("faq_delivery")
    talk.say("thanks")
    assert talk.prompts == ["you_are_welcome", "anything_else"]
    talk.say("goodbye")
    assert talk.prompts == ["goodbye"]
    assert talk.actions[-1] == HangUp(Disposition.COMPLETED)


def test_no_further_question_ends_the_call():
    talk = Conversation()
    talk.say("faq_delivery")
    talk.say(None, "nee hoor", yes_no="no")
    assert talk.actions[-1] == HangUp(Disposition.COMPLETED)


@pytest.mark.parametrize("intent", ["thanks", "goodbye", "cancel", "no"])
def test_no_thanks_ends_the_call(intent):
    talk = Conversation()
    talk.say("faq_delivery")
    talk.say(intent, "nee bedankt", yes_no="no")
    assert talk.actions[-1] == HangUp(Disposition.COMPLETED)


def test_no_with_another_question_is_not_the_end():
    talk = Conversation()
    talk.silence()
    talk.silence()
    talk.say("faq_delivery", "nee wat kost bezorgen", yes_no="no")
    assert talk.prompts == ["answer", "anything_else"]


def test_speaking_up_after_goodbye_goes_on_but_a_murmur_does_not():
    talk = Conversation()
    talk.say("goodbye")
    talk.say(None, "hm")
    assert talk.actions == (HangUp(Disposition.COMPLETED),)
    talk.say("faq_delivery")
    assert talk.prompts == ["answer", "anything_else"]


def test_a_backchannel_alone_is_no_failure():
    talk = Conversation()
    talk.say("faq_delivery")
    talk.say(None, "mm-hm", is_backchannel=True)
    assert talk.prompts == []
    assert isinstance(talk.actions[-1], Listen)
    assert talk.dialogue.failures == 0


@pytest.mark.parametrize("intent", ["faq_guarantee", "faq_unknown"])
def test_unknown_or_expired_answers_are_not_made_up(intent):
    talk = Conversation()
    talk.say(intent)
    assert talk.prompts == ["dont_know", "offer_human"]


def test_a_clear_question_that_is_none_of_ours_is_told_so_with_the_offer_of_a_person():
    talk = Conversation()
    talk.say(None, "verkopen jullie ook wasmachines", is_out_of_scope=True)
    assert talk.prompts == ["dont_know", "offer_human"]
    talk.say("faq_delivery")  # a question instead of yes or no
    assert talk.prompts == ["answer", "anything_else"]
    talk.say(None, "en wat is de hoofdstad van Frankrijk", is_out_of_scope=True)
    talk.say(None, "ja", yes_no="yes")
    assert isinstance(talk.actions[-1], Transfer)


def test_three_questions_in_a_row_that_are_none_of_ours_lead_to_a_person():
    talk = Conversation()
    for _ in range(2):
        talk.say(None, "verkopen jullie ook wasmachines", is_out_of_scope=True)
        assert talk.prompts == ["dont_know", "offer_human"]
    talk.say(None, "verkopen jullie ook wasmachines", is_out_of_scope=True)
    assert talk.prompts[0] == "repair_transfer"
    assert isinstance(talk.actions[-1], Transfer)


def test_words_that_may_be_misheard_are_not_understood_rather_than_unknown():
    for text, doubtful, is_out_of_scope in (
        ("blauwe banaan", False, True),  # too short to be sure
        ("verkopen jullie ook wasmachines", True, True),
        ("verkopen jullie ook wasmachines", False, False),
    ):
        talk = Conversation()
        talk.say(None, text, doubtful=doubtful, is_out_of_scope=is_out_of_scope)
        assert talk.prompts == ["no_match", "how_can_i_help"]


def test_inside_a_task_its_question_is_asked_again_instead():
    talk = Conversation()
    talk.say("order_status")
    talk.say(None, "verkopen jullie ook wasmachines", is_out_of_scope=True)
    assert talk.prompts == ["no_match", "ask_order_number"]
