use uuid::Uuid;

use super::mixed;
use crate::client::{Client, Pieces};
use crate::error::Result;
use crate::session::{self, Standing};
use crate::{copy, delete, read};

/// So many bytes are carried over at a time.
const PIECE_BYTES: u64 = 8 << 20;

/// Begins an upload anew with the first `offset` bytes of a session that took more, and returns the address of the
/// new one.
///
/// Nothing reads from a session, so it is made an object first, which holds the bytes in question at its beginning.
/// They are carried over if they have the checksum that they should have. All this is for a writer that died between
/// sending and being suspended, or two that took turns.
pub(crate) async fn rewind(
    client: &Client,
    key: &str,
    (address, standing): (&str, Standing),
    offset: u64,
    checksum: Option<u32>,
) -> Result<String> {
    tracing::debug!(key, offset, ?standing, "upload will be taken back");
    if offset == 0 {
        session::cancel(client, key, address).await?;
        return session::begin(client, key).await;
    }
    if let Standing::Open(taken) = standing {
        session::send(client, key, address, taken, &Pieces::default(), true).await?;
    }
    // The new session needs the place to be known by.
    let aside = format!("{key}.rewound-{}", Uuid::new_v4().simple());
    copy::object(client, key, &aside, &hythe_driver::PutMode::Overwrite).await?;
    let address = session::begin(client, key).await?;
    let carried = carry(client, &aside, (key, &address), offset).await;
    let deleted = delete::object(client, &aside).await;
    let found = match carried {
        Ok(found) if checksum.is_none_or(|expected| found == expected) => found,
        Ok(_) => {
            session::cancel(client, key, &address).await?;
            return Err(mixed());
        }
        Err(failure) => {
            // It is no use to anybody; what it held is still in the other one.
            let _ = session::cancel(client, key, &address).await;
            return Err(failure);
        }
    };
    tracing::debug!(key, offset, checksum = found, "upload was taken back");
    deleted.map(|()| address)
}

/// Sends the beginning of an object to a session, and returns its checksum.
async fn carry(client: &Client, from: &str, (key, address): (&str, &str), size: u64) -> Result<u32> {
    let mut checksum = 0;
    let mut done = 0;
    while done < size {
        let end = (done + PIECE_BYTES).min(size);
        let piece = read::part(client, from, done..end).await?;
        let piece: Pieces = [piece].into_iter().collect();
        checksum = piece.crc32c_after(checksum);
        match session::send(client, key, address, done, &piece, false).await? {
            Standing::Open(taken) if taken == end => done = end,
            _ => return Err(mixed()),
        }
    }
    Ok(checksum)
}
