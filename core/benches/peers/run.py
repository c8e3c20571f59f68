#!/usr/bin/env python3
"""Runs Letopis and other event stores one after the other on this machine, and prints what they do beside each other.

    python3 core/benches/peers/run.py [peer ...]        # all that are installed, when none is named

Each peer is a program of its own here, with its own dependencies; README.md says how to install them.
`PEERS_SECONDS` (3) is how long each kind of append runs, `PEERS_ROUNDS` (3) of how many rounds the median is taken.
"""
import json
import os
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).parent.resolve()
PYTHON = HERE / "eventsourcing" / ".venv" / "bin" / "python"
CARGO = ["cargo", "run", "--release", "--quiet"]
PEERS = {
    "letopis": CARGO,
    "umadb": CARGO,
    "sqlite-es": CARGO,
    "eventsourcing": [str(PYTHON if PYTHON.exists() else sys.executable), "main.py"],
    "emmett": ["node", "main.js"],
}
WORK = {
    "single": "durable append, 64 writers, 1 in a commit",
    "batch": "durable append, 1 writer, 1,000 in a commit",
    "replay": "replay with decode",
    "replay, opened": "replay with decode, personal parts opened",
}


def run(name):
    """The lines that a peer prints: who, which work, events a second."""
    done = subprocess.run(PEERS[name], cwd=HERE / name, capture_output=True, text=True)
    if done.returncode != 0:
        print(f"SKIPPED {name}: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'it failed'}", file=sys.stderr)
        return []
    for line in done.stderr.splitlines():
        print(f"{name}: {line}", file=sys.stderr)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def main():
    wanted = sys.argv[1:] or list(PEERS)
    unknown = [name for name in wanted if name not in PEERS]
    if unknown:
        sys.exit(f"no such peer: {', '.join(unknown)}; there are {', '.join(PEERS)}")
    rates = {}
    # Round by round, so that what else the machine does meets all of them.
    for _ in range(int(os.environ.get("PEERS_ROUNDS", 3))):
        for name in wanted:
            for line in run(name):
                rates.setdefault(line["work"], {}).setdefault(line["peer"], []).append(line["rate"])
    print("| work | peer | events/s | Letopis / peer |\n|---|---|---|---|")
    for work, title in WORK.items():
        medians = {peer: statistics.median(all_of) for peer, all_of in rates.get(work, {}).items()}
        ours = medians.get("Letopis")
        for peer, rate in sorted(medians.items(), key=lambda pair: -pair[1]):
            ratio = f"{ours / rate:.2f}" if ours and peer != "Letopis" else ""
            print(f"| {title} | {peer} | {rate:,.0f} | {ratio} |")


if __name__ == "__main__":
    main()
