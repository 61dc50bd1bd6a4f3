"""Data sets of the sandbox: the demo trading company, synthetic customers, and nothing but the set-up."""

from datetime import UTC, datetime, timedelta

from kobling_sandbox.datasets import setup
from kobling_sandbox.datasets.demo import demo_dataset
from kobling_sandbox.datasets.demo_further import fill_further
from kobling_sandbox.datasets.model import CompanyRows, Dataset, Reference, Row
from kobling_sandbox.datasets.synthetic import fill_synthetic, synthetic_dataset

__all__ = ["CompanyRows", "Dataset", "Reference", "Row", "build"]

COMPANIES_MAX = 300
CUSTOMERS_MAX = 5_000_000
_CUSTOMERS_OF_FURTHER_COMPANIES = 5
_FIRST_ENTRY = datetime(2025, 1, 6, 8, 0, tzinfo=UTC)
_ENTRIES_EVERY = timedelta(minutes=7)


def build(name: str, *, companies: int = 1) -> Dataset:
    """The rows of `demo`, `empty` or `synthetic:N`, for this many companies.

    The first company holds the named data; each further one a few customers of the same kind.
    Raises ValueError with a text for the user when the name or a number makes no sense.
    """
    if not 1 <= companies <= COMPANIES_MAX:
        raise ValueError(f"companies must lie between 1 and {COMPANIES_MAX}, not {companies}")
    dataset = _build(name, companies)
    _stamp(dataset)
    return dataset


def _build(name: str, companies: int) -> Dataset:
    kind, _, count = name.partition(":")
    all_companies = [_company(number) for number in range(1, companies + 1)]
    if kind == "empty" and not count:
        return Dataset(companies=all_companies, dataverse=setup.organization(all_companies))
    if kind == "demo" and not count:
        for number, further in enumerate(all_companies[1:], start=2):
            fill_further(further, number)
        return demo_dataset(all_companies)
    if kind == "synthetic":
        for further in all_companies[1:]:
            fill_synthetic(further, _CUSTOMERS_OF_FURTHER_COMPANIES)
        return synthetic_dataset(all_companies, _customers(count))
    raise ValueError(f"unknown data set {name!r}: use demo, empty or synthetic:N")


def _stamp(dataset: Dataset) -> None:
    """Dataverse's rows were written long ago by their owner or the system, never by the integration user."""
    moment = _FIRST_ENTRY
    for name, rows in dataset.dataverse.items():
        if name in setup.INTERSECT_TABLES:
            continue
        for row in rows:
            owner = row.get("ownerid")
            author = owner.id if isinstance(owner, Reference) else setup.user_id(setup.SYSTEM_USER)
            moment += _ENTRIES_EVERY
            text = moment.isoformat().replace("+00:00", "Z")
            row |= {"createdon": text, "modifiedon": text, "createdby": author, "modifiedby": author}


def _company(number: int) -> CompanyRows:
    if number == 1:
        return setup.company(1, "Fjordlys", "Fjordlys AS")
    return setup.company(number, f"Fjordlys {number}", f"Fjordlys {number} AS")


def _customers(count: str) -> int:
    if not (count.isascii() and count.isdigit() and 0 <= int(count) <= CUSTOMERS_MAX):
        raise ValueError(
            f"synthetic needs a number of customers up to {CUSTOMERS_MAX}, such as synthetic:1000"
        )
    return int(count)
