import pytest

from tests.dialogue.conversation import Conversation
from voicebot.dialogue.actions import Listen, RunTask, Say, TaskOutcome, Transfer
from voicebot.understanding.interpretation import Expectation


def outcome(talk: Conversation, name: str, result: str, /, **values: str) -> None:
    talk.actions = talk.dialogue.task_done(TaskOutcome(name, result, values), talk.now)


def found(talk: Conversation, options: str = "2026-11-25T09:30,2026-11-26T11:00") -> None:
    outcome(talk, "find_appointment", "done", reference="204518", current="2026-11-27T14:00", options=options)


# -- order status


def test_order_status_asks_for_the_number_and_speaks_the_state():
    talk = Conversation()
    talk.say("order_status")
    assert talk.prompts == ["ask_order_number"]
    assert talk.listen.expectation is Expectation.DIGITS
    talk.say(None, "53821", order_number="53821")
    assert talk.actions == (RunTask("order_status", {"order_number": "53821"}),)
    outcome(talk, "order_status", "done", order_number="53821", status="shipped", expected_on="2026-11-25")
    assert talk.prompts == ["order_shipped", "order_expected", "anything_else"]
    assert talk.value("order_shipped", "number") == "5 3 8 2 1"
    assert talk.value("order_expected", "day") == "morgen"


def test_a_number_in_the_request_is_used_at_once():
    talk = Conversation()
    talk.say("order_status", order_number="612345")
    assert talk.actions == (RunTask("order_status", {"order_number": "612345"}),)


def test_a_number_alone_asks_for_its_state():
    talk = Conversation()
    talk.say(None, "53821", order_number="53821")
    assert talk.actions == (RunTask("order_status", {"order_number": "53821"}),)


def test_a_doubtful_number_is_confirmed():
    talk = Conversation()
    talk.say("order_status")
    talk.say(None, "53821", order_number="53821", doubtful=True)
    assert talk.value("confirm_number", "number") == "5 3 8 2 1"
    talk.say(None, "nee", yes_no="no")
    assert talk.prompts == ["sorry_number", "ask_order_number"]
    talk.say(None, "53822", order_number="53822", doubtful=True)
    talk.say(None, "ja", yes_no="yes")
    assert talk.actions == (RunTask("order_status", {"order_number": "53822"}),)


def test_a_correction_in_the_same_breath_is_taken():
    talk = Conversation()
    talk.say("order_status")
    talk.say(None, "53821", order_number="53821", doubtful=True)
    talk.say(None, "nee 53822", yes_no="no", order_number="53822")
    assert talk.value("confirm_number", "number") == "5 3 8 2 2"


def test_a_number_in_pieces_is_joined_and_confirmed():
    talk = Conversation()
    talk.say("order_status")
    talk.say(None, "538", digits="538")
    assert talk.value("number_incomplete", "number") == "5 3 8"
    talk.say(None, "21", digits="21")
    assert talk.value("confirm_number", "number") == "5 3 8 2 1"


def test_a_whole_number_after_a_piece_replaces_it():
    talk = Conversation()
    talk.say("order_status")
    talk.say(None, "538", digits="538")
    talk.say(None, "53821", order_number="53821")
    assert talk.actions == (RunTask("order_status", {"order_number": "53821"}),)


@pytest.mark.parametrize("keys", ["53821#", "612345"])
def test_the_number_by_keypad(keys):
    talk = Conversation()
    talk.keys("2")
    talk.keys(keys)
    assert talk.actions == (RunTask("order_status", {"order_number": keys.rstrip("#")}),)


def test_five_keys_and_a_pause_are_a_whole_number():
    talk = Conversation()
    talk.say("order_status")
    talk.keys("53821")
    assert talk.listen.no_input_ms == 3_000
    talk.silence()
    assert talk.actions == (RunTask("order_status", {"order_number": "53821"}),)


def test_star_clears_the_keys():
    talk = Conversation()
    talk.say("order_status")
    talk.keys("99*53821#")
    assert talk.actions == (RunTask("order_status", {"order_number": "53821"}),)


def test_an_unknown_order_is_asked_again_then_a_human_offered_then_transferred():
    talk = Conversation()
    talk.say("order_status")
    prompts = []
    for _ in range(3):
        talk.say(None, "99999", order_number="99999")
        if isinstance(talk.actions[-1], RunTask):
            outcome(talk, "order_status", "not_found", order_number="99999")
        prompts.append(talk.prompts)
    assert prompts[0] == ["order_not_found", "ask_order_number"]
    assert prompts[1] == ["order_not_found", "offer_human"]
    assert prompts[2] == ["order_not_found", "repair_transfer", "transferring"]
    assert isinstance(talk.actions[-1], Transfer)


def test_endless_rejection_of_numbers_is_a_loop():
    talk = Conversation()
    talk.say("order_status")
    for _ in range(2):
        talk.say(None, "53821", order_number="53821", doubtful=True)
        talk.say(None, "nee", yes_no="no")
    assert talk.prompts == ["offer_human"]


@pytest.mark.parametrize(
    ("status", "prompt"), [("unavailable", "task_unavailable"), ("refused", "task_refused")]
)
def test_trouble_behind_a_task_offers_a_human(status, prompt):
    talk = Conversation()
    talk.say("order_status", order_number="53821")
    outcome(talk, "order_status", status)
    assert talk.prompts == [prompt, "offer_human"]
    talk.say(None, "ja", yes_no="yes")
    assert isinstance(talk.actions[-1], Transfer)


def test_a_state_without_approved_words_is_not_made_up():
    talk = Conversation()
    talk.say("order_status", order_number="53821")
    outcome(talk, "order_status", "done", order_number="53821", status="lost_at_sea")
    assert talk.prompts == ["dont_know", "offer_human"]


def test_an_outcome_that_comes_too_late_is_dropped():
    talk = Conversation()
    talk.say("order_status", order_number="53821")
    talk.say("cancel")
    outcome(talk, "order_status", "done", order_number="53821", status="shipped")
    assert talk.actions == ()


def test_while_a_task_runs_silence_is_bridged_and_not_counted():
    talk = Conversation()
    talk.say("order_status", order_number="53821")
    for _ in range(5):
        talk.silence()
        assert talk.prompts == ["still_looking"]
    outcome(talk, "order_status", "done", order_number="53821", status="delivered")
    assert talk.prompts == ["order_delivered", "anything_else"]


# -- password reset


def test_password_reset_confirms_and_never_speaks_a_secret():
    talk = Conversation()
    talk.say("password_reset")
    assert talk.prompts == ["ask_account_number"]
    talk.say(None, "1001", digits="1001")
    assert talk.prompts == ["confirm_reset"]
    talk.say(None, "ja", yes_no="yes")
    assert talk.actions == (RunTask("password_reset", {"number": "1001"}),)
    outcome(talk, "password_reset", "done")
    assert talk.prompts == ["password_reset_sent", "anything_else"]


def test_an_unknown_account_hears_the_same_words():
    talk = Conversation()
    talk.say("password_reset")
    talk.keys("9999#1")
    outcome(talk, "password_reset", "not_found")
    assert talk.prompts == ["password_reset_sent", "anything_else"]


def test_no_reset_without_a_yes():
    talk = Conversation()
    talk.say("password_reset")
    talk.keys("1001#2")
    assert talk.prompts == ["cancelled", "anything_else"]


# -- appointment


def test_an_appointment_is_found_by_reference_and_moved():
    talk = Conversation()
    talk.say("appointment_change")
    assert talk.prompts == ["ask_appointment"]
    talk.say(None, "204518", digits="204518")
    assert talk.actions == (RunTask("find_appointment", {"reference": "204518"}),)
    found(talk)
    assert talk.prompts == ["appointment_current", "choose_slot"]
    assert talk.value("appointment_current", "current") == "vrijdag 27 november om 14:00"
    assert talk.value("choose_slot", "options") == "morgen om 09:30 of donderdag 26 november om 11:00"
    assert talk.listen.expectation is Expectation.CHOICE
    talk.say(None, "de tweede")
    assert talk.value("confirm_move", "moment") == "donderdag 26 november om 11:00"
    talk.say(None, "ja", yes_no="yes")
    assert talk.actions == (RunTask("move_appointment", {"reference": "204518", "to": "2026-11-26T11:00"}),)
    outcome(talk, "move_appointment", "done")
    assert talk.prompts == ["appointment_moved", "anything_else"]


def test_six_digits_in_the_request_are_the_reference():
    talk = Conversation()
    talk.say("appointment_change", order_number="204518")
    assert talk.actions == (RunTask("find_appointment", {"reference": "204518"}),)


def test_an_appointment_by_postcode_asks_for_the_house_number():
    talk = Conversation()
    talk.say("appointment_change")
    talk.say(None, "3511 AB", postcode="3511AB")
    assert talk.prompts == ["ask_house_number"]
    talk.say(None, "twaalf", house_number="12")
    assert talk.actions == (RunTask("find_appointment", {"postcode": "3511AB", "house_number": "12"}),)


@pytest.mark.parametrize(
    ("text", "slots", "chosen"),
    [
        ("de eerste", {}, "2026-11-25T09:30"),
        ("the second one", {}, "2026-11-26T11:00"),
        ("de laatste graag", {}, "2026-11-26T11:00"),
        ("donderdag", {"date": "2026-11-26"}, "2026-11-26T11:00"),
        ("om half tien", {"time": "09:30"}, "2026-11-25T09:30"),
        ("doe maar de tweede", {"date": "2026-12-02", "yes_no": "yes"}, "2026-11-26T11:00"),
        ("een van twee: doe de tweede", {}, "2026-11-26T11:00"),
    ],
)
def test_choosing_a_moment(text, slots, chosen):
    talk = Conversation()
    talk.say("appointment_change", reference="204518")
    found(talk)
    talk.say(None, text, **slots)
    talk.say(None, "ja", yes_no="yes")
    assert talk.actions == (RunTask("move_appointment", {"reference": "204518", "to": chosen}),)


def test_the_second_of_december_is_a_day():
    talk = Conversation()
    talk.say("appointment_change", reference="204518")
    found(talk)
    talk.say(None, "de tweede december", date="2026-12-02")
    assert talk.actions == (RunTask("find_appointment", {"reference": "204518", "date": "2026-12-02"}),)


def test_choosing_by_key():
    talk = Conversation()
    talk.say("appointment_change", reference="204518")
    found(talk)
    talk.keys("21")
    assert talk.actions == (RunTask("move_appointment", {"reference": "204518", "to": "2026-11-26T11:00"}),)


def test_another_day_is_looked_up():
    talk = Conversation()
    talk.say("appointment_change", reference="204518")
    found(talk)
    talk.say(None, "kan het op vier december", date="2026-12-04")
    assert talk.actions == (RunTask("find_appointment", {"reference": "204518", "date": "2026-12-04"}),)
    found(talk, "2026-12-04T09:30")
    assert talk.prompts == ["choose_slot"]  # the present appointment is not said twice
    talk.say(None, "ja", yes_no="yes")
    assert talk.prompts == ["confirm_move"]


def test_none_of_these_looks_further_then_offers_a_human():
    talk = Conversation()
    talk.say("appointment_change", reference="204518")
    found(talk)
    talk.say(None, "nee geen van deze", yes_no="no")
    assert talk.actions == (
        RunTask("find_appointment", {"reference": "204518", "after": "2026-11-26T11:00"}),
    )
    found(talk, "2026-12-01T11:00")
    talk.say(None, "nee", yes_no="no")
    found(talk, "2026-12-08T11:00")
    talk.say(None, "nee", yes_no="no")
    assert talk.prompts == ["offer_human"]


def test_no_free_moment_offers_a_human():
    talk = Conversation()
    talk.say("appointment_change", reference="204518")
    found(talk, "")
    assert talk.prompts == ["appointment_no_slots", "offer_human"]


def test_a_moment_taken_meanwhile_is_told_and_others_are_found():
    talk = Conversation()
    talk.say("appointment_change", reference="204518")
    found(talk)
    talk.keys("11")
    outcome(talk, "move_appointment", "not_found")
    assert [a.prompt_id for a in talk.actions if isinstance(a, Say)] == ["appointment_slot_gone"]
    assert talk.actions[-1] == RunTask("find_appointment", {"reference": "204518"})


# -- beside the task


def test_a_side_question_in_a_task_is_answered_and_the_task_goes_on():
    talk = Conversation()
    talk.say("order_status")
    talk.say("faq_delivery", "wat kost bezorgen")
    assert talk.prompts == ["answer", "back_to_task", "ask_order_number"]
    talk.say(None, "53821", order_number="53821")
    assert isinstance(talk.actions[-1], RunTask)


def test_another_task_takes_over():
    talk = Conversation()
    talk.say("order_status")
    talk.say("password_reset")
    assert talk.prompts == ["ask_account_number"]


def test_cancel_leaves_the_task():
    talk = Conversation()
    talk.say("appointment_change")
    talk.say("cancel")
    assert talk.prompts == ["cancelled", "anything_else"]


def test_help_in_a_task_repeats_its_question():
    talk = Conversation()
    talk.say("order_status")
    talk.say("help")
    assert talk.prompts == ["help_in_task", "ask_order_number"]
    assert isinstance(talk.actions[-1], Listen)
