"""The story of training on a table of one's own: read it, take a policy or draft one, validate, train."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from features.catalog import Catalog, load_catalog
from models.booster import Untrainable
from models.policy import Policy, load_policy
from models.policy_draft import drafted_policy
from training.customers import CustomerTable, read_customers
from training.job import JobResult, run_job
from training.selection import Progress
from training.validation import Validation, validate


@dataclass(frozen=True)
class TableRequest:
    """A table to train on, as `training.customers.read_customers` takes it; `catalog` is a name or a file."""

    data: Path
    catalog: str
    label: str | None = None
    bad: tuple[str, ...] = ()
    encoding: str | None = None
    delimiter: str | None = None


@dataclass(frozen=True, eq=False)
class OwnTable:
    """A table that was read, by its catalog; `outcome` is what its adverse outcome is called."""

    catalog: Catalog
    customers: CustomerTable
    outcome: str

    @property
    def bad(self) -> int:
        """How many customers had the adverse outcome."""
        return int(np.sum(self.customers.data.bad))

    @property
    def bad_rate(self) -> float:
        """Their share."""
        return self.bad / len(self.customers.data)

    def policy(self, named: str | None) -> Policy:
        """Return the policy of that name or file; without one, tiers around the bad rate.

        Raises:
            DeclarationError: it cannot be read, or does not fit the catalog.
        """
        if named is None:
            return drafted_policy(self.catalog, self.bad_rate, self.outcome)
        policy = load_policy(named)
        policy.check_against(self.catalog)
        return policy

    def validated(self, policy: Policy, *, threads: int, progress: Progress) -> Validation:
        """Judge on held-out customers.

        Raises:
            Untrainable: nothing can be held out.
        """
        customers = self.customers
        return validate(customers.data, policy, whose=customers.whose, threads=threads, progress=progress)

    def trained(
        self,
        policy: Policy,
        *,
        order: int | None,
        validation: Validation | None = None,
        signer: Ed25519PrivateKey | None,
        state: Path | None,
        threads: int,
        progress: Progress,
    ) -> JobResult:
        """Train on all customers and register the candidate; `validation` is recorded with it.

        Raises:
            Untrainable: the bad outcomes are fewer than the policy asks for; else see `training.job.run_job`.
        """
        least = policy.minimum_bad_outcomes
        if self.bad < least:
            raise Untrainable(
                f"{self.bad} bad outcomes are too few for a model to be registered, the policy asks for "
                f"{least}: serve the baseline (--catalog, --policy) until there are more"
            )
        data, today = self.customers.data, np.datetime64("today")
        return run_job(
            data,
            np.full(len(data), today),
            policy,
            (),
            today,
            run_name=f"{today} {self.catalog.catalog}",
            order=order,
            validation=validation,
            synthetic=self.customers.synthetic,
            signer=signer,
            state=state,
            threads=threads,
            progress=progress,
        )


def read_own_table(request: TableRequest) -> OwnTable:
    """Read a table of customers and their outcomes by its catalog.

    Raises:
        DeclarationError: the catalog cannot be read.
        TableError, UnclearOutcome: see `training.customers.read_customers`.
    """
    catalog = load_catalog(request.catalog)
    customers = read_customers(
        request.data,
        catalog,
        request.label,
        request.bad,
        encoding=request.encoding,
        delimiter=request.delimiter,
    )
    flat = catalog.table
    outcome = request.label or (flat.outcome if flat is not None else None) or "adverse outcome"
    return OwnTable(catalog, customers, outcome)
