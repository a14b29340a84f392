"""What contracts of all kinds share: a contract held against one member, and how a call is refused."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import jax

Contract = Callable[[Any], None]
Refusal = TypeVar("Refusal", bound=Exception)


class Check:
    """One contract, held against one member when it is called; `repr` names it in a test's id."""

    def __init__(self, contract: Contract, member: Any) -> None:
        self.contract, self.member = contract, member

    def __call__(self) -> None:
        with jax.enable_x64(True):
            self.contract(self.member)

    @property
    def __name__(self) -> str:
        return self.contract.__name__

    def __repr__(self) -> str:
        return self.contract.__name__


def checks(contracts: Iterable[Contract], member: Any) -> list[Check]:
    """The contracts, each to be held against that member."""
    return [Check(contract, member) for contract in contracts]


def hold(held: Iterable[Check]) -> None:
    """Call one check after the other; the first that fails raises."""
    for check in held:
        check()


def refusal(call: Callable[[], Any], kind: type[Refusal], what: str) -> Refusal:
    """The error with which a call is refused.

    Raises:
      AssertionError: if it is not refused, or with an error of another kind.
    """
    try:
        call()
    except kind as error:
        return error
    except Exception as error:
        raise AssertionError(f"{what} raises {type(error).__name__} and not {kind.__name__}") from error
    raise AssertionError(f"{what} is accepted")
