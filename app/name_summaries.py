"""From names and differences to the words of the wire."""

from schemas.differences import (
    ChangeOut,
    DifferenceCounts,
    SpecDifferenceOut,
    TensorDifferenceOut,
)
from schemas.names import NameVersionOut
from services.names.store import NameVersion
from services.names.syntax import Reference
from services.spec_differences import ComparedSpecs
from weightbank.diff import TensorDifference


def name_version(found: NameVersion) -> NameVersionOut:
    """Return one version of a name."""
    return NameVersionOut(
        team=found.name.team,
        name=found.name.name,
        version=found.version,
        reference=str(Reference(found.name, found.version)),
        spec=found.spec_id,
        note=found.note,
        created_by=found.created_by,
        created_at=found.created_at,
    )


def spec_difference(compared: ComparedSpecs, *, next_path: str | None) -> SpecDifferenceOut:
    """Return a page of what differs between two specs."""
    difference = compared.difference
    return SpecDifferenceOut(
        before=compared.before_id,
        after=compared.after_id,
        counts=DifferenceCounts(equal=difference.equal, **difference.counts),
        same_order=difference.same_order,
        differences=[_tensor(item) for item in compared.page],
        next=next_path,
    )


def _tensor(item: TensorDifference) -> TensorDifferenceOut:
    is_whole = item.kind != "changed"
    before = item.before.tensor.document() if is_whole and item.before else None
    after = item.after.tensor.document() if is_whole and item.after else None
    return TensorDifferenceOut(
        name=item.name,
        kind=item.kind,
        renamed_to=item.after.tensor.name if item.kind == "renamed" and item.after else None,
        before=before,
        after=after,
        changes=[
            ChangeOut.model_validate(
                {"key": change.key, "before": change.before, "after": change.after}
            )
            for change in (item.changes if item.kind == "changed" else ())
        ],
        same_bytes=item.same_bytes,
        sentence=item.sentence(),
    )
