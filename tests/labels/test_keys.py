"""The keyboard: no key does two things."""

from __future__ import annotations

from coldstart.labels.keys import CLASS_KEYS, KEYBOARD_SHORTCUTS, class_keys


def test_every_key_does_one_thing() -> None:
    keys = [shortcut.key for shortcut in KEYBOARD_SHORTCUTS] + list(CLASS_KEYS)
    assert len(keys) == len(set(keys))


def test_digits_come_first_and_reserved_letters_never() -> None:
    assert class_keys(11) == ["1", "2", "3", "4", "5", "6", "7", "8", "9", "0", "a"]
    assert not set("suxzncr") & set(class_keys(200))


def test_classes_beyond_the_keyboard_have_no_key() -> None:
    keys = class_keys(100)
    assert len(keys) == 100
    assert keys[len(CLASS_KEYS) :] == [""] * (100 - len(CLASS_KEYS))
