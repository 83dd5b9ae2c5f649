"""The rows of a Parquet file, which take no more memory than a packed file may hold.

A few bytes may stand for very many equal values there. Columns of text are therefore taken as indices into a
dictionary, as they are mostly stored, and made text only when it is known how long it will be.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc

from forecasting.data.formats.files import TableFile

__all__ = ["StoredRows"]

_BATCH = 1 << 18
_BYTES = 8
"""Of a number; a dictionary's index has fewer."""


class StoredRows:
    """One opening of a Parquet file; `columns` are its names without the spaces around them."""

    def __init__(self, file: TableFile, raw: IO[bytes]) -> None:
        from pyarrow import parquet

        self._file = file
        stored = parquet.ParquetFile(raw)
        self._texts = {field.name: field.type for field in stored.schema_arrow if _is_text(field.type)}
        self._parquet = parquet.ParquetFile(raw, metadata=stored.metadata, read_dictionary=list(self._texts))
        self._names = {str(name).strip(): str(name) for name in stored.schema_arrow.names}
        self.columns = tuple(str(name).strip() for name in stored.schema_arrow.names)

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Batches of the named columns in the types that are stored.

        Raises
        ------
        DataError
            When the rows would take more memory than the file may hold.
        """
        n_rows, most = self._parquet.metadata.num_rows, self._file.most_bytes
        if n_rows * max(1, len(columns)) * _BYTES > most:
            what = f"its {n_rows:,} rows take more than {most:,} bytes"
            raise self._file.too_large(what)
        names = [self._names[column] for column in columns]
        for batch in self._parquet.iter_batches(batch_size=_BATCH, columns=names):
            arrays = [batch.column(name) for name in names]
            most -= sum(map(_size, arrays))
            if most < 0:
                raise self._file.too_large()
            whole = [self._as_stored(name, array) for name, array in zip(names, arrays, strict=True)]
            yield pa.RecordBatch.from_arrays(whole, names=list(columns))

    def _as_stored(self, name: str, array: pa.Array) -> pa.Array:
        return array.cast(self._texts[name]) if name in self._texts and pa.types.is_dictionary(array.type) else array


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind))


def _size(array: pa.Array) -> int:
    """Bytes of the values, text written out."""
    if not (pa.types.is_dictionary(array.type) and _is_text(array.type.value_type)):
        return int(array.nbytes)
    lengths = pc.binary_length(array.dictionary).take(array.indices)
    return len(array) * _BYTES + int(pc.sum(lengths).as_py() or 0)
