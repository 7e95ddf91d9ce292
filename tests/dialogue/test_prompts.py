"""Every prompt that the dialogue names exists, in both languages, with the placeholders it fills."""

import re
import string

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dialogue.conversation import CLOSED, CONFIG, OPEN, Conversation, bilingual
from tests.dialogue.random_inputs import INPUTS, apply
from voicebot.dialogue.actions import HangUp, Listen, RunTask, Say, Transfer

FILES = {
    name: yaml.safe_load((CONFIG / f"prompts/{name}.yaml").read_text()) for name in ("nl", "en", "nl-BE")
}


def wordings(name: str, prompt_id: str) -> list[str]:
    entry = FILES[name][prompt_id]
    return [entry] if isinstance(entry, str) else entry


def names(wording: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(wording) if name}


def test_both_languages_have_the_same_prompts():
    assert FILES["nl"].keys() == FILES["en"].keys()
    assert FILES["nl-BE"].keys() <= FILES["nl"].keys()


@pytest.mark.parametrize("prompt_id", FILES["nl"])
def test_all_wordings_of_a_prompt_have_the_same_placeholders(prompt_id):
    files = [name for name in FILES if prompt_id in FILES[name]]
    assert len({frozenset(names(w)) for name in files for w in wordings(name, prompt_id)}) == 1


@pytest.mark.parametrize("prompt_id", ["no_input", "no_match"])
def test_repair_prompts_differ_each_time(prompt_id):
    for name in ("nl", "en"):
        assert len(set(wordings(name, prompt_id))) == 3


@pytest.mark.parametrize("name", FILES)
def test_the_disclosure_is_short_and_says_it_is_no_person_and_names_the_way_out(name):
    text = wordings(name, "disclosure")[0] if "disclosure" in FILES[name] else wordings("nl", "disclosure")[0]
    assert len(text.split()) <= 18
    assert re.search(r"geen mens|not a person", text)
    assert re.search(r"nul|zero", text)


@pytest.mark.parametrize("name", FILES)
def test_polite_form_and_no_fake_fillers(name):
    for prompt_id in FILES[name]:
        for wording in wordings(name, prompt_id):
            assert not re.search(r"\b(je|jij|jou|jouw|jullie|ehm|uhm|hmm)\b", wording.lower()), wording


@settings(max_examples=150, deadline=None)
@given(inputs=st.lists(INPUTS, max_size=14), is_open=st.booleans(), is_bilingual=st.booleans())
def test_no_sequence_of_inputs_is_a_dead_end(inputs, is_open, is_bilingual):
    now = OPEN if is_open else CLOSED
    talk = Conversation(bilingual(), now) if is_bilingual else Conversation(now=now)
    under_way = False  # a transfer, a task that nobody waits for any more
    for each in inputs:
        actions = apply(talk, each)
        if actions:
            assert isinstance(actions[-1], Listen | RunTask | Transfer | HangUp)
            under_way = isinstance(actions[-1], Transfer)
        else:
            assert under_way or each[0] == "task"
        for action in actions:
            if isinstance(action, Say) and not action.text:
                for name in ("nl", "en"):
                    assert names(wordings(name, action.prompt_id)[0]) <= action.values.keys()


@settings(max_examples=150, deadline=None)
@given(inputs=st.lists(INPUTS, max_size=14), is_open=st.booleans())
def test_a_request_for_a_human_always_leads_to_one_or_to_a_callback(inputs, is_open):
    talk = Conversation(now=OPEN if is_open else CLOSED)
    for each in inputs:
        apply(talk, each)
    if inputs and talk.say(None, "een mens graag", wants_human=True) == ():
        return  # a transfer is under way already
    talk.say(None, "een mens graag", wants_human=True)
    if is_open:
        assert talk.actions == () or isinstance(talk.actions[-1], Transfer)
    else:
        assert {"offer_callback", "callback_stored", "callback_already_stored"} & set(talk.prompts)
