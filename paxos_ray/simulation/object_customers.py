"""Customers that use standard objects: as those of counters, and they know what an error is."""

from __future__ import annotations

from random import Random
from typing import Any

from paxos_ray.core.promise import Promise
from paxos_ray.machines import ERROR, OK, RAISED, RESULT, Operation, Reply, encode_pass
from paxos_ray.simulation.counters import Counters
from paxos_ray.simulation.customers import Customer, Customers, Wish
from paxos_ray.simulation.deployment import packed, told
from paxos_ray.simulation.histories import OpenCall
from paxos_ray.simulation.inhabitant import Inhabitant
from paxos_ray.simulation.island import Island
from paxos_ray.simulation.models import BANK, MODELS, STANDARD, Refused, Where
from paxos_ray.simulation.object_habits import Knowledge, choose, look, setup, untimed
from paxos_ray.simulation.plan import Plan
from paxos_ray.simulation.watch import History, Violation

KINDS_AT_ONCE = 2
"""How many objects a schedule has, each of another kind and called by it."""

BANKS = (5, 3)
"""Of five seeds in a row, which one has an object of a user's class besides: it is not drawn, so
that all other seeds are what they were."""

PASS = 0.1
"""How likely it is, each ping, that a leader lets log time pass though nobody asks for anything."""


class ObjectCustomer(Customer):
    """One client. In each session it first creates the objects, if they are not there."""

    def __init__(self, name: str, customers: ObjectCustomers, random: Random, timeout: int) -> None:
        super().__init__(name, customers, random)
        self._objects = customers
        self.known = {kind: Knowledge(name, timeout, random) for kind in customers.kinds}

    def _choose(self) -> Operation:
        kind = self._random.choice(self._objects.kinds)
        method, arguments = choose(kind, self.known[kind])
        return kind, method, arguments

    def look(self, leader: Inhabitant) -> None:
        """One read."""
        kind = self._random.choice(self._objects.kinds)
        method, arguments = look(kind, self.known[kind])
        open = self._objects.recorder.begin(self.name, kind, method, *arguments)
        self._objects.reads.append(open)
        self._ask(leader, (kind, method, arguments), open, 3)

    def _ask(self, who: Inhabitant, call: Operation, open: OpenCall, attempts: int) -> None:
        objects = self._objects

        def heard(at: Inhabitant, promise: Promise | None) -> None:
            if promise is not None and at.stateful:
                assert isinstance(at.application, Counters)
                name, method, arguments = packed(call)
                answer = told(at.application.replica.ask(name, method, arguments))
                if answer == ABSENT:  # it has not been created yet, or no more
                    answer = _initial(*call)
                objects.post.send(objects.answer, open, untimed(method, answer))
            elif attempts:
                again = objects.somebody(self._random)
                objects.post.send(self._ask, again or at, call, open, attempts - 1)

        objects.post.read(who, objects.acknowledged_promise, heard)

    def _opened(self, session: Promise) -> None:
        if self._takes(session):
            first = []
            for kind in self._objects.kinds:
                if kind != BANK:
                    first.append(self._wish(("", "create", (kind, kind))))
                first += [self._wish((kind, *call)) for call in setup(kind)]
            self._waiting[:0] = first
        super()._opened(session)

    def _wish(self, call: Operation) -> Wish:
        name, method, arguments = call
        open = self._objects.recorder.begin(self.name, name, method, *arguments)
        self.wishes.append(Wish(call, open, self._objects.now))
        return self.wishes[-1]

    def _answered(self, sequence: int, reply: Reply) -> None:
        wish = self._unanswered.get(sequence)
        if wish is None or wish.answered:
            return
        if reply.status not in (OK, ERROR, RESULT, RAISED):
            raise Violation("exactly once", f"{self.name}'s {sequence} is unanswered: {reply}")
        wish.answered = wish.acknowledged = True
        while self._unanswered and self._unanswered[min(self._unanswered)].answered:
            del self._unanswered[min(self._unanswered)]
        name, method, arguments = wish.call
        wish.result = told(reply)
        if name in self.known:
            self.known[name].learn(method, arguments, wish.result)
        if self._objects.now - wish.asked_ms <= self._objects.habits.patience_ms:
            self._objects.answer(wish.open, untimed(method, wish.result))

    def _sent(self, call: Operation) -> Operation:
        return packed(call)

    def _expired(self) -> None:
        super()._expired()
        for known in self.known.values():
            known.forget()


class ObjectCustomers(Customers):
    """All customers of standard objects; the seed picks which kinds."""

    def __init__(
        self, seed: int, island: Island, history: History, plan: Plan, random: Random
    ) -> None:
        super().__init__(seed, island, history, plan, random)
        chance = Random(f"objects {seed}")
        self.kinds = sorted(chance.sample(sorted(STANDARD), KINDS_AT_ONCE))
        every, which = BANKS
        if seed % every == which:
            self.kinds.append(BANK)
        self.reads: list[OpenCall] = []
        self._chance = chance
        timeout = plan.settings.timeout
        self.objects = [
            ObjectCustomer(each.name, self, Random(chance.getrandbits(64)), timeout)
            for each in self._customers
        ]
        self._customers = list[Customer](self.objects)

    def _remind(self) -> None:
        super()._remind()
        leader = self.somebody(self._chance)
        if leader is not None and self._chance.random() < PASS:
            self.post.send(self.post.write, leader, encode_pass(), lambda *_: None)


ABSENT = Refused("UnknownObject")


def _initial(kind: str, method: str, arguments: tuple[Any, ...]) -> Any:
    model = MODELS[kind]
    return model.step(model.initial, method, (Where((0, 0), None), *arguments))[1]
