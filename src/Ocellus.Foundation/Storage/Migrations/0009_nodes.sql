-- Who is in the cluster. lease_until_ms is by the database's clock; the lease of a server that is alone does not run out.
CREATE TABLE nodes (
    id             TEXT NOT NULL PRIMARY KEY,
    name           TEXT NOT NULL,
    cluster        TEXT NOT NULL,
    silo           TEXT NOT NULL,
    program        TEXT NOT NULL,
    cores          BIGINT NOT NULL,
    memory_bytes   BIGINT NOT NULL,
    joined_ms      BIGINT NOT NULL,
    lease_until_ms BIGINT NOT NULL,
    draining       BIGINT NOT NULL
);
-- Which node has which inference units of a version. Every change raises the epoch, and names the one that it has seen.
CREATE TABLE placements (
    version_arn TEXT NOT NULL,
    node_id     TEXT NOT NULL,
    units       BIGINT NOT NULL,
    units_max   BIGINT NOT NULL,
    state       TEXT NOT NULL,
    demand      BIGINT NOT NULL,
    reason      TEXT NOT NULL,
    epoch       BIGINT NOT NULL,
    PRIMARY KEY (version_arn, node_id)
);
CREATE INDEX placements_by_node ON placements (node_id);
