"""Which chunks can be made outside of this process."""

from services.engine.device import UnsuitableError, Work
from weightbank.pieces import Piece
from weightbank.stored_ranges import is_stored
from weightbank.whole import whole_parts

MOST_PIECES = 64
"""Of a chunk that is sent away: each costs a message and a launch, more than it is worth."""


def portable_pieces(work: Work) -> list[Piece]:
    """Return what a chunk is made of, for another process.

    Raises:
        UnsuitableError: If only this process can make it: it has bytes of a header,
            needs a tensor that is kept here whole or bytes that are stored here, or is of
            too many parts.
    """
    pieces: list[Piece] = []
    for piece in work.file.pieces(work.start, work.stop):
        if not isinstance(piece, Piece) or len(pieces) == MOST_PIECES:
            raise UnsuitableError
        if whole_parts(piece.values) or is_stored(piece.values):
            raise UnsuitableError
        pieces.append(piece)
    return pieces
