"""The chaos run as a command: `python -m tests.chaos --points 200 --seed 1`."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.chaos.running import DATABASES, Outcome, run


def main() -> int:
    """Run, print what came of it; 1 when anything was broken."""
    parser = argparse.ArgumentParser(description="Kill a working service at drawn moments.")
    parser.add_argument("--points", type=int, default=200, help="how many kills")
    parser.add_argument("--seed", type=int, default=1, help="of all that is drawn")
    parser.add_argument("--database", choices=DATABASES, default="sqlite", help="of the records")
    parser.add_argument("--folder", type=Path, help="kept if anything broke; default: a new one")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="sweepfront-chaos-"))
    place = folder.absolute()
    database = options.database
    outcome = run(place, points=options.points, seed=options.seed, database=database)
    print(f"{'database':32} {database:>10}")
    print(table(outcome, points=options.points, seed=options.seed))
    if not outcome.violations:
        return 0
    print(f"\nbroken, see {folder}:")
    for words in outcome.violations:
        print(f"- {words}")
    return 1


def table(outcome: Outcome, *, points: int, seed: int) -> str:
    """The figures, one a line."""
    rows = [("points", points), ("seed", seed)]
    rows += [(f"killed: {victim}", count) for victim, count in sorted(outcome.kills.items())]
    rows += [(f"moment: {moment}", count) for moment, count in sorted(outcome.moments.items())]
    rows += list(outcome.figures.items())
    rows += [("violations", len(outcome.violations)), ("seconds", round(outcome.seconds))]
    return "\n".join(f"{name:32} {figure:>10,}" for name, figure in rows)


if __name__ == "__main__":
    sys.exit(main())
