"""Who takes part and who rules: frozen pydantic models that refuse what breaks a rule."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictInt,
    StrictStr,
    ValidationError,
    model_validator,
)

from paxos_ray.core.errors import InvalidCitizen, InvalidGovernment
from paxos_ray.core.promise import Ballot, Promise

Cookie = StrictStr | StrictInt
Republic = StrictStr | StrictInt


class _Model(BaseModel):
    """A frozen model that pickles to its fields, in order: the same bytes in every process."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __getstate__(self) -> dict[Any, Any]:
        return {name: self.__dict__[name] for name in type(self).model_fields}

    def __setstate__(self, state: dict[Any, Any]) -> None:
        super().__setstate__(
            {
                "__dict__": state,
                "__pydantic_fields_set__": set(state),
                "__pydantic_extra__": None,
                "__pydantic_private__": None,
            }
        )


class Citizen(_Model):
    """A participant: `id` (unique in the island), `properties` (the application's), `cookie`.

    The cookie tells this incarnation of the id from an earlier one. Raises `InvalidCitizen`.
    """

    id: StrictStr = Field(min_length=1)
    properties: Mapping[str, Any] = Field(default_factory=dict)
    cookie: Cookie

    def __init__(self, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as error:
            raise InvalidCitizen(_first(error)) from None


class Government(_Model):
    """Who rules, as of `promise` (always `n/0`).

    `majority` (the leader first) and `minority` are the parliament; `constituents` have no vote;
    `acclimated` are those who have loaded the application's state; `arrived` maps each citizen's
    id to the promise of the government that wrote it in; `citizens` maps each id to its `Citizen`.
    Raises `InvalidGovernment`, naming the rule that is broken.
    """

    promise: Promise
    majority: tuple[str, ...]
    minority: tuple[str, ...] = ()
    constituents: tuple[str, ...] = ()
    acclimated: tuple[str, ...] = ()
    arrived: Mapping[str, Promise]
    citizens: Mapping[str, Citizen]

    def __init__(self, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as error:
            raise InvalidGovernment(_first(error)) from None

    @model_validator(mode="after")
    def _rules(self) -> Self:
        for broken, rule in self._broken_rules():
            if broken:
                raise ValueError(rule)
        return self

    def _broken_rules(self) -> tuple[tuple[bool, str], ...]:
        seated = self.majority + self.minority + self.constituents
        present = set(self.citizens)
        parliament = len(self.majority) + len(self.minority)
        return (
            (self.promise.entry != 0, f"a government's promise is entry 0, not {self.promise}"),
            (self.promise.government < 1, f"governments are numbered from 1, not {self.promise}"),
            (not self.majority, "leader first: the majority has no member, so nobody leads"),
            (
                len(set(seated)) != len(seated),
                f"disjoint seats: somebody has two seats in {seated}",
            ),
            (
                2 * len(self.majority) <= parliament,
                f"strict majority: {len(self.majority)} of a parliament of {parliament} is none",
            ),
            (set(seated) != present, "every citizen has one seat, and every seat a citizen"),
            (set(self.arrived) != present, "every seat has arrived: arrivals and citizens differ"),
            (
                len(set(self.arrived.values())) != len(self.arrived),
                "one-to-one arrivals: two citizens arrived in one government",
            ),
            (
                any(arrival > self.promise for arrival in self.arrived.values()),
                "every seat has arrived: an arrival lies in the future",
            ),
            (len(set(self.acclimated)) != len(self.acclimated), "acclimated lists somebody twice"),
            (not set(self.acclimated) <= present, "acclimated names somebody who is not a citizen"),
            (
                any(id != citizen.id for id, citizen in self.citizens.items()),
                "citizens maps an id to another id's citizen",
            ),
        )

    @cached_property
    def number(self) -> int:
        """The government's number: its promise's first half."""
        return self.promise.government

    @cached_property
    def leader(self) -> str:
        """The id of the first member of the majority."""
        return self.majority[0]

    @cached_property
    def ballot(self) -> Ballot:
        """The ballot this government writes with."""
        return Ballot(self.promise.government, self.majority[0])

    @cached_property
    def parliament(self) -> tuple[str, ...]:
        """Those who vote: majority, then minority."""
        return self.majority + self.minority

    @cached_property
    def quorum(self) -> int:
        """The least number of members that is a strict majority of the parliament."""
        return len(self.parliament) // 2 + 1

    def lists(self, id: str, cookie: Cookie | None) -> bool:
        """Whether this incarnation of `id` is a citizen of this government."""
        citizen = self.citizens.get(id)
        return citizen is not None and citizen.cookie == cookie

    def covered_by(
        self, electorate: Mapping[str, object] | frozenset[str] | tuple[str, ...]
    ) -> bool:
        """Whether `electorate` holds a strict majority of this parliament."""
        return sum(member in electorate for member in self.parliament) >= self.quorum


def _first(error: ValidationError) -> str:
    detail = error.errors()[0]
    place = ".".join(str(part) for part in detail["loc"])
    message = detail["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
