"""What clients do follows from seed and name, and can be checked."""

from __future__ import annotations

from paxos_ray.chaos.habits import EPOCH_S, HASTE_S, KEYS, Habit, own, owner

RUN = "chaos-x"


def test_the_same_name_and_seed_do_the_same() -> None:
    def done(name: str, seed: int) -> list[object]:
        habit = Habit(RUN, name, seed)
        return [habit.next(float(at)) for at in range(50)]

    assert done("home-0.0/0", 1) == done("home-0.0/0", 1)
    assert done("home-0.0/0", 1) != done("home-0.0/1", 1)
    assert done("home-0.0/0", 1) != done("home-0.0/0", 2)


def test_all_kinds_of_call_few_of_them_in_haste() -> None:
    habit = Habit(RUN, "home-0.0/0", 1)
    wishes = [habit.next(0.0) for _ in range(2_000)]
    assert {wish.method for wish in wishes} == {"increment", "value", "compare_and_set"}
    assert len({wish.object for wish in wishes}) == KEYS
    hasty = sum(wish.patience_s == HASTE_S for wish in wishes)
    assert 0 < hasty < 200
    assert {wish.writes for wish in wishes if wish.method == "value"} == {False}


def test_each_epoch_has_objects_of_its_own() -> None:
    habit = Habit(RUN, "home-0.0/0", 1)
    early = {habit.next(0.0).object for _ in range(100)}
    late = {habit.next(EPOCH_S).object for _ in range(100)}
    assert not early & late


def test_it_expects_what_it_has_seen() -> None:
    habit = Habit(RUN, "home-0.0/0", 1)
    expected: dict[str, int] = {}
    for number in range(1, 500):
        wish = habit.next(number / 20)
        if wish.method == "compare_and_set":
            assert wish.arguments[0] == expected.get(wish.object, 0)
            habit.told(wish, True)
        else:
            habit.told(wish, number)
            expected[wish.object] = number


def test_who_may_not_write_reads() -> None:
    habit = Habit(RUN, "home-0.0/0", 1)
    assert {habit.read(0.0).writes for _ in range(50)} == {False}


def test_whose_counter_it_is() -> None:
    assert owner(RUN, own(RUN, "home-0.0")) == "home-0.0"
    assert owner(RUN, f"{RUN}/0/1") is None
    assert owner(RUN, own("another", "home-0.0")) is None
