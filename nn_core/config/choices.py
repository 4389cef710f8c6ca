"""The names that a setting can take: optimizers, activations, initializers and so on.

A `Choice` is one registered name: the module that implements it calls `register`, and it appears in the menus, the
command line, the links and the generic tests by that alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar


@dataclass(frozen=True, repr=False)
class Choice:
    """One registered name of a setting: what implements it and how it is explained."""

    name: str
    label: str
    target: Any
    help: str
    formula: str
    citation: str
    uses: tuple[str, ...]  # the settings that only matter when this choice is taken
    needs: tuple[str, ...] = ()  # those that must not be 0 or empty then

    def __repr__(self) -> str:
        return f"<Choice {self.name}: {self.label}>"


CHOICES: dict[str, dict[str, Choice]] = {}
_Target = TypeVar("_Target")


def register(
    setting_name: str,
    name: str,
    *,
    label: str,
    help: str,
    formula: str,
    citation: str,
    uses: tuple[str, ...] = (),
    needs: tuple[str, ...] = (),
) -> Callable[[_Target], _Target]:
    """Decorator: make `name` one of the values that the setting `setting_name` can take."""

    def add(target: _Target) -> _Target:
        choice = Choice(name, label, target, help, formula, citation, uses, needs)
        CHOICES.setdefault(setting_name, {})[name] = choice
        return target

    return add


def choices(setting_name: str) -> Mapping[str, Choice]:
    """Name -> Choice of everything registered for a setting, in order of registration."""
    return CHOICES.get(setting_name, {})
