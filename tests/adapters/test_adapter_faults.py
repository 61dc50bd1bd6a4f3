"""Aim: faults on the way to a service are met or told in one line, and no write is done twice.

Method: faults of a served sandbox, for each way to ask; its record tells what was sent.
"""

from __future__ import annotations

import pytest

from adapters.kits import BC, Kit, everything
from adapters.ways import ONE, TWO, Way, both, error_of, every_way, opening, read, write
from kobling.model.errors import KoblingError, ProtocolError, UnreachableError
from kobling.ports import Outcome, Service
from sandboxes import Sandbox


@both
@every_way
@pytest.mark.parametrize("status", [200, 403, 404])
def test_a_page_for_people_is_named_as_no_json(sandbox: Sandbox, kit: Kit, way: Way, status: int) -> None:
    path = rf"/{kit.table.route}$|\$batch|rowVersions"
    kit.faults(sandbox, {"path": path, "action": "html", "status": status})

    async def work(service: Service) -> None:
        with pytest.raises(ProtocolError, match="DOCTYPE html") as caught:
            await way(service, kit)
        told = error_of(caught.value)
        assert "and not multipart" in told or f"answered {status} with something that is not JSON" in told
        assert "prox" in caught.value.cure

    kit.run(sandbox, work)


@both
@every_way
def test_an_answer_that_breaks_off_is_asked_for_again_unless_it_wrote(
    sandbox: Sandbox, kit: Kit, way: Way
) -> None:
    path = rf"/{kit.table.route}$|\$batch"
    kit.faults(sandbox, {"path": path, "action": "truncate"})
    words = "broke off during a write" if way is write else "broke off before the end of its answer"
    batched = way in (read, opening)

    async def work(service: Service) -> None:
        with pytest.raises(UnreachableError, match=words) as caught:
            await way(service, kit)
        error_of(caught.value)

    kit.run(sandbox, work)
    asked = [one for one in kit.outer(sandbox) if one != "rowVersions"]
    assert asked == ["$batch"] if way is write else asked == ["$batch" if batched else kit.table.route] * 3


@both
@pytest.mark.parametrize("action", ["reset_before", "reset_after", "truncate"])
def test_a_read_passes_over_a_connection_that_breaks(sandbox: Sandbox, kit: Kit, action: str) -> None:
    kit.faults(sandbox, {"path": rf"/{kit.table.route}|\$batch", "times": 1, "action": action})

    async def work(service: Service) -> None:
        await opening(service, kit)
        rows, _ = await everything(service, kit)
        assert len(rows) == kit.count(sandbox)

    kit.run(sandbox, work)
    assert kit.outer(sandbox).count("$batch") == 2


@both
@pytest.mark.parametrize(("action", "made"), [("reset_before", 0), ("reset_after", 2), ("truncate", 2)])
def test_a_write_whose_answer_is_lost_is_sent_once(
    sandbox: Sandbox, kit: Kit, action: str, made: int
) -> None:
    before = kit.count(sandbox)
    kit.faults(sandbox, {"path": r"\$batch", "action": action})

    async def work(service: Service) -> None:
        with pytest.raises(UnreachableError, match="unknown whether it was done") as caught:
            await write(service, kit)
        error_of(caught.value)

    kit.run(sandbox, work)
    assert kit.outer(sandbox) == ["$batch"]
    assert kit.count(sandbox) - before == made


@both
@pytest.mark.parametrize("status", [429, 503])
def test_a_write_that_was_surely_not_done_is_sent_again(sandbox: Sandbox, kit: Kit, status: int) -> None:
    rule = {"path": r"\$batch", "times": 2, "action": "status", "status": status, "retry_after": "0"}
    kit.faults(sandbox, rule)

    async def work(service: Service) -> None:
        results = await service.write([kit.create("One", ONE), kit.create("Two", TWO)])
        assert [one.outcome for one in results] == [Outcome.DONE, Outcome.DONE]

    kit.run(sandbox, work)
    assert kit.outer(sandbox) == ["$batch"] * 3


@both
@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_write_that_may_have_been_done_is_not_sent_again(sandbox: Sandbox, kit: Kit, status: int) -> None:
    kit.faults(sandbox, {"path": r"\$batch", "action": "status", "status": status})

    async def work(service: Service) -> None:
        with pytest.raises(UnreachableError, match=f"answered {status}") as caught:
            await write(service, kit)
        error_of(caught.value)

    kit.run(sandbox, work)
    assert kit.outer(sandbox) == ["$batch"]


@both
@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_read_gives_up_in_the_end(sandbox: Sandbox, kit: Kit, status: int) -> None:
    rule = {"path": rf"/{kit.table.route}$", "action": "status", "status": status, "retry_after": "0"}
    kit.faults(sandbox, rule)

    async def work(service: Service) -> None:
        with pytest.raises(UnreachableError, match=f"answered {status} 6 times in a row") as caught:
            await everything(service, kit)
        error_of(caught.value)

    kit.run(sandbox, work)
    assert kit.outer(sandbox).count(kit.table.route) == 6


@both
@pytest.mark.parametrize(
    ("status", "kind"), [(403, ProtocolError), (404, ProtocolError), (500, UnreachableError)]
)
def test_a_record_that_cannot_be_read_is_not_taken_for_a_missing_one(
    sandbox: Sandbox, kit: Kit, status: int, kind: type[KoblingError]
) -> None:
    async def prepare(service: Service) -> None:
        await write(service, kit)
        kit.faults(sandbox, {"method": "GET", "path": TWO, "action": "status", "status": status})
        with pytest.raises(kind, match=f"answered {status} for {kit.table.route}") as caught:
            await read(service, kit)
        error_of(caught.value)

    kit.run(sandbox, prepare)


@both
@pytest.mark.parametrize("status", [401, 408, 429, 500, 503])
def test_a_part_that_fails_in_passing_fails_alone(sandbox: Sandbox, kit: Kit, status: int) -> None:
    method = "POST" if kit is BC else "PATCH"
    rule = {"method": method, "path": rf"/{kit.table.route}", "nth": 1, "action": "status", "status": status}
    kit.faults(sandbox, rule)

    async def work(service: Service) -> None:
        results = await service.write([kit.create("One", ONE), kit.create("Two", TWO)])
        # What was put off before anything was done is sent once more, as the other part passed.
        first = Outcome.DONE if status in {429, 503} else Outcome.TRANSIENT
        assert [one.outcome for one in results] == [first, Outcome.DONE]
        assert bool(results[0].message) is (first is Outcome.TRANSIENT)

    kit.run(sandbox, work)


@both
def test_a_part_that_answers_with_a_page_for_people_is_refused_in_its_words(
    sandbox: Sandbox, kit: Kit
) -> None:
    method = "POST" if kit is BC else "PATCH"
    rule = {"method": method, "path": rf"/{kit.table.route}", "nth": 1, "action": "html", "status": 400}
    kit.faults(sandbox, rule)

    async def work(service: Service) -> None:
        results = await service.write([kit.create("One", ONE), kit.create("Two", TWO)])
        assert [one.outcome for one in results] == [Outcome.REJECTED, Outcome.DONE]
        assert "DOCTYPE html" in results[0].message

    kit.run(sandbox, work)


@both
def test_a_part_that_is_cut_spoils_no_other_batch(sandbox: Sandbox, kit: Kit) -> None:
    async def work(service: Service) -> None:
        await write(service, kit)
        kit.faults(sandbox, {"method": "GET", "path": TWO, "action": "truncate", "times": 1})
        with pytest.raises(ProtocolError, match="not JSON") as caught:
            await read(service, kit)
        error_of(caught.value)
        await read(service, kit)

    kit.run(sandbox, work)
