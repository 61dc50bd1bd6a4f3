"""Aim: who takes part in a run of another worker settles what is due there under that run's job, and nothing
once the run wants nobody, or the mapping is another one by now.

Method: a test leads the run itself, so that all of its rows are the helper's.
"""

from __future__ import annotations

from engine.world import World
from kobling.engine.synchronize import Synchronization
from kobling.engine.task import Options
from kobling.model.state import Part
from kobling.service.guards import fingerprint
from kobling.service.helpers import Helpers
from kobling.service.session import Session, open_session


async def lead(session: Session, url: str, *, known: bool = True) -> tuple[int, int, list[Part]]:
    """A run of CUSTOMER in which this worker does nothing: its job, what is left, and what others did."""
    async with session.context(Options()) as context:
        print_of = fingerprint(context.mappings["CUSTOMER"]) if known else "another mapping"
        await Synchronization(context, []).look(["CUSTOMER"])
    async with session.locked(["CUSTOMER"], lambda name: None):
        number = await session.state.open_job("CUSTOMER", "changes")
        job, helpers = session.state.shared("CUSTOMER", number), Helpers(url, places=1)
        async with job.joined():
            await job.invite(0, print_of)
            async with open_session(session.configuration) as other:
                await helpers.offer(other)
                while helpers.at_work and await job.due(0, 1):
                    pass
                await helpers.stop()
            return number, await job.due(0, 1000), await job.others()


def test_a_helper_settles_what_is_due_under_the_job_of_the_run(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, city="Hammerfest")
    url = synchronized.environment["KOBLING_DATABASE_URL"]
    number, left, parts = synchronized.command(lambda session: lead(session, url))
    assert synchronized.account(account)["address1_city"] == "Hammerfest"
    assert left == 0
    [part] = [one for one in parts if one.counts]
    assert part.counts["to"] == {"modified": 1}
    assert part.requests["crm"] >= 1
    assert synchronized.query("select job_id from audit order by id desc limit 1") == [(number,)]
    assert synchronized.sync("CUSTOMER")["CUSTOMER"]["counts"]["to"]["modified"] == 0


def test_a_helper_that_knows_the_mapping_otherwise_leaves_the_run_alone(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, city="Hammerfest")
    url = synchronized.environment["KOBLING_DATABASE_URL"]
    _, left, parts = synchronized.command(lambda session: lead(session, url, known=False))
    assert left == 1
    assert parts == []
    assert synchronized.account(account)["address1_city"] != "Hammerfest"


def test_a_run_that_may_be_shared_and_is_not_ends_as_any_other(world: World) -> None:
    world.sync("SALESPEOPLE", "CURRENCY", full=True)
    run = world.sync("CUSTOMER", full=True, shared=True)["CUSTOMER"]
    made = sum(run["counts"][way]["inserted"] for way in ("to", "from"))
    assert made == len(world.couplings()) >= 20
    assert len(world.query("select 1 from job_pair")) == 0
    again = world.sync("CUSTOMER", shared=True)["CUSTOMER"]
    assert again["counts"]["to"]["inserted"] == again["counts"]["to"]["modified"] == 0
