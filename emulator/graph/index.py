"""What Resource Graph has seen so far: the store as it was some seconds ago.

It knows which resources have changed since, and when, and brings the table up to date when it is asked for. It refuses
to know queries. What has been written is seen `lag` seconds after the last write to it, as Azure's own index needs a
moment ("Overview of Azure Resource Graph", how Resource Graph is kept current); a world that was just built is seen at
once.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emulator.arm.store import Resource, Store
from emulator.graph import rows
from emulator.graph.shelf import Shelf

if TYPE_CHECKING:
    from emulator.graph.table import Table


@dataclass(slots=True)
class Index:
    """The index over one store."""

    store: Store
    shelf: "Shelf" = field(default_factory=Shelf)
    # The world as it was first seen, until the table is made of it. Resources are values: keeping them costs a list.
    _first: list[Resource] | None = None
    _changed: dict[str, float] = field(default_factory=dict)
    _table: "Table | None" = None

    def clear(self) -> None:
        """Forget all; what stands at the next note is the new beginning."""
        if self._table is not None:
            self._table.close()
        self.shelf.clear()
        self._changed.clear()
        self._first = self._table = None

    def note(self, at: float) -> None:
        """Take down what has been written since the last note, as written at that time."""
        touched = self.store.take_touched()
        if self._first is None:
            self._first = self.store.everything()
        else:
            self._changed |= dict.fromkeys(touched, at)

    def table(self, now: float, lag: float) -> "Table":
        """The table as it is to be seen at this time."""
        if self._table is None:
            self._table = self._build()
        due = [key for key, at in self._changed.items() if now - at >= lag]
        if due:
            standing = [one for key in due if (one := self.store.get(key))]
            self._table.replace(due, rows.of(self.store, standing))
            self._changed = {key: at for key, at in self._changed.items() if now - at < lag}
        return self._table

    def _build(self) -> "Table":
        """The table of the first world, which is no longer the store's where something has been written since."""
        from emulator.graph.table import Table  # noqa: PLC0415  # DuckDB is loaded with the first query.

        store = self.store
        if self._changed:
            store = Store()
            for one in self._first or ():
                store.put(one)
        table = Table(rows.of(store, store.everything()))
        self._first = []
        return table
