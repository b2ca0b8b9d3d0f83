//! Values and rows in CQL's own encoding, as the caller has them.

use bytes::Bytes;
use scylla::deserialize::row::{ColumnIterator, DeserializeRow};
use scylla::deserialize::{DeserializationError, TypeCheckError};
use scylla::frame::response::result::ColumnSpec;
use scylla::serialize::row::{RowSerializationContext, SerializeRow};
use scylla::serialize::writers::RowWriter;
use scylla::serialize::SerializationError;

/// None is CQL's null.
pub struct EncodedRow<'a>(pub Vec<Option<&'a [u8]>>);

#[derive(Debug)]
struct WrongCount {
    wanted: usize,
    bound: usize,
}

impl std::fmt::Display for WrongCount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} values are bound to a statement of {}",
            self.bound, self.wanted
        )
    }
}

impl std::error::Error for WrongCount {}

impl SerializeRow for EncodedRow<'_> {
    fn serialize(
        &self,
        context: &RowSerializationContext<'_>,
        writer: &mut RowWriter,
    ) -> Result<(), SerializationError> {
        let wanted = context.columns().len();
        if wanted != self.0.len() {
            return Err(SerializationError::new(WrongCount {
                wanted,
                bound: self.0.len(),
            }));
        }
        for value in &self.0 {
            let cell = writer.make_cell_writer();
            match value {
                None => {
                    cell.set_null();
                }
                Some(bytes) => {
                    cell.set_value(bytes).map_err(SerializationError::new)?;
                }
            }
        }
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Cells share the memory of the frame that they came in.
pub struct RawRow(pub Vec<Option<Bytes>>);

impl<'frame, 'metadata> DeserializeRow<'frame, 'metadata> for RawRow {
    fn type_check(_: &[ColumnSpec]) -> Result<(), TypeCheckError> {
        Ok(())
    }

    fn deserialize(row: ColumnIterator<'frame, 'metadata>) -> Result<Self, DeserializationError> {
        let mut cells = Vec::with_capacity(row.columns_remaining());
        for column in row {
            cells.push(column?.slice.map(|slice| slice.to_bytes()));
        }
        Ok(RawRow(cells))
    }
}
