"""`python -m benchmarks`: every job, or one; tables, the results, and all that follows."""

import argparse
import shutil
import time
from importlib.util import find_spec

from benchmarks import jobs, report, rows
from blog.console import speak_anywhere

PEERS = ("ignite", "lightning", "skorch", "transformers", "vl_convert")


def main() -> None:
    """Run what is asked for. What is seen to be missing is said before the first job."""
    speak_anywhere()
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "--job", choices=jobs.JOBS, help="one job only: the others' rows stay"
    )
    asked = parser.parse_args().job
    missing = [peer for peer in PEERS if find_spec(peer) is None]
    if missing:
        parser.error(
            f"{', '.join(missing)} must be installed: `make bench` does so, in .venv-bench/"
        )
    names = [asked] if asked else list(jobs.JOBS)
    for name in ("browser", "pages"):
        if name in names and shutil.which("chromium") is None:
            without = f"job {name} needs Chromium on the PATH: apt-get install chromium"
            if asked:
                parser.error(without)
            print(f"{without}. It is left out, and its rows stay as they were.", flush=True)
            names.remove(name)
    began = time.perf_counter()
    try:
        for name in names:
            start = time.perf_counter()
            new = jobs.measured(name)
            rows.write(new)
            print(report.table(new))
            print(f"({name}: {time.perf_counter() - start:.0f} s)", flush=True)
    finally:  # the jobs that are done are in the file: what is written from it is to say so
        report.write(rows.read())
    print(f"({time.perf_counter() - began:.0f} s in all)")


if __name__ == "__main__":
    main()
