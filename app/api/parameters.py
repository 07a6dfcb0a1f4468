"""Parameters that several routes share."""

from typing import Annotated

from fastapi import Header, Path, Query

MAX_NUMBER = 2**31 - 1

SweepName = Annotated[
    str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$", examples=["concrete-1"])
]
TrialNumber = Annotated[int, Path(ge=0, le=MAX_NUMBER, description="Counted from 0.")]
ModelName = Annotated[
    str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$", examples=["final_model"])
]
ModelNumber = Annotated[int, Path(ge=1, le=MAX_NUMBER)]
Limit = Annotated[int, Query(ge=1, le=200, description="Most items on a page.")]
Cursor = Annotated[
    str | None, Query(max_length=2000, description="next_cursor of the page before.")
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="The same key and document make one sweep, however often they are sent.",
    ),
]
