//! ReadTile: a hash tile of the journal's tree.

use signer_log::tile::Tile;
use signer_proto::{ReadTile, Refusal, TileBytes};

use crate::keeper::Keeper;

pub(super) fn run(keeper: &Keeper, call: ReadTile) -> Result<TileBytes, Refusal> {
    let ReadTile { level, index, width } = call;
    keeper.tile(Tile { level, index, width }).map(TileBytes)
}
