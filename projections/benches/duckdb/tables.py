"""The funnel as of the end of a day and the RFM table, from events as NDJSON, by DuckDB with two threads.

Usage: tables.py FILE YYYY-MM-DD. Needs `pip install duckdb`. Prints both tables and the seconds they took.
"""

import json
import sys
import time

import duckdb

EVENTS = """read_json('{file}', format = 'newline_delimited', columns = {{
    type: 'VARCHAR', client: 'VARCHAR', occurred_at: 'BIGINT',
    facts: 'STRUCT(deal VARCHAR, stage VARCHAR, amount STRUCT(minor BIGINT), "order" VARCHAR, lines STRUCT(quantity VARCHAR, unit_price VARCHAR)[])'
}})"""

# Deals that are open when the day ends, by the stage in which they were opened: these events never move one on.
FUNNEL = """
WITH deal AS (
    SELECT facts.deal AS id,
           max(facts.stage) FILTER (type = 'deal.opened') AS stage,
           max(facts.amount.minor) FILTER (type = 'deal.opened') AS minor,
           bool_or(type = 'deal.won') AS won
    FROM {events}
    WHERE type IN ('deal.opened', 'deal.won') AND occurred_at < {end}
    GROUP BY ALL
)
SELECT stage, count(*), sum(minor)::BIGINT FROM deal WHERE NOT won GROUP BY stage
"""

# What each client bought: days since the last purchase, days with one, worth in minor units.
CLIENTS = """
CREATE OR REPLACE TEMP TABLE rfm AS
WITH purchase AS (
    SELECT client, occurred_at // 86400000000 AS day,
           list_sum(list_transform(facts.lines, lambda l: (l.quantity::DECIMAL(9, 3) * l.unit_price::DECIMAL(9, 3))::DOUBLE)) AS worth
    FROM {events}
    WHERE type = 'order.placed' AND occurred_at < {end}
)
SELECT client, {end} // 86400000000 - 1 - max(day) AS r, count(DISTINCT day) AS f, round(sum(worth) * 100)::BIGINT AS m
FROM purchase GROUP BY client
"""

# Clients by quintile scores: the cut k is the value at rank ceil(n k / 5), and a score counts the cuts below.
CELLS = """
WITH cuts AS (
    SELECT quantile_disc(r, [0.2, 0.4, 0.6, 0.8]) AS r, quantile_disc(f, [0.2, 0.4, 0.6, 0.8]) AS f,
           quantile_disc(m, [0.2, 0.4, 0.6, 0.8]) AS m
    FROM rfm
), scored AS (
    SELECT 5 - len(list_filter(cuts.r, lambda c: c < rfm.r)) AS r,
           1 + len(list_filter(cuts.f, lambda c: c < rfm.f)) AS f,
           1 + len(list_filter(cuts.m, lambda c: c < rfm.m)) AS m, rfm.m AS worth
    FROM rfm, cuts
)
SELECT r, f, m, count(*), sum(worth)::BIGINT FROM scored GROUP BY ALL
"""


def main():
    file, day = sys.argv[1:]
    db = duckdb.connect()
    db.execute("SET threads = 2")
    end = db.execute(f"SELECT epoch_us((DATE '{day}' + 1)::TIMESTAMP)").fetchone()[0]
    events = EVENTS.format(file=file.replace("'", "''"))
    started = time.perf_counter()
    funnel = db.execute(FUNNEL.format(events=events, end=end)).fetchall()
    db.execute(CLIENTS.format(events=events, end=end))
    cells = db.execute(CELLS).fetchall()
    seconds = time.perf_counter() - started

    def order(row):
        return json.dumps(row, separators=(",", ":"))

    answer = {
        "funnel": sorted(([stage, deals, minor] for stage, deals, minor in funnel), key=order),
        "rfm": sorted(([[r, f, m], clients, worth] for r, f, m, clients, worth in cells), key=order),
        "seconds": seconds,
    }
    print(json.dumps(answer))


main()
