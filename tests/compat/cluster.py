"""Three nodes on the loopback over one PostgreSQL and one object store, another Ocellus. Under load each is killed in turn, one is stopped for half a minute and goes on, the database
is restarted and away, and all nodes are restarted one after the other. After each: what was acknowledged is there, no status is outside the table, no unit is there twice, and STOPPED
means stopped on every node. Skipped where `initdb`, `postgres` and `psql` are not there (Debian: postgresql).

usage: cluster.py [--long] [--seed N]      (--long: 100 faults, drawn from the seed; else each kind once)
"""
import argparse, collections, configparser, json, os, pwd, random, re, shutil, signal, subprocess, sys, tempfile, threading, time

from harness import ROOT, Server, check, summary, until, upload_cells
import postgres as debian

STATUSES = {"TRAINING_COMPLETED", "STARTING", "RUNNING", "STOPPING", "STOPPED"}
AWAY, STOPPED_FOR = 10, 30


class Database(debian.Postgres):
    """PostgreSQL with a port, that can be stopped and started again. Unlike the other test's, it flushes."""

    def __init__(self, folder, port):
        self.port, self.folder, self.data = port, folder, os.path.join(folder, "data")
        # The server refuses to be root.
        self.user = {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
        os.mkdir(self.data, 0o700)
        if self.user:
            for path in (folder, self.data):
                shutil.chown(path, "nobody")
        made = self.run(debian.programs["initdb"], "-D", self.data, "-U", "ocellus", "--locale=C", "--encoding=UTF8", "--no-sync", "--auth=trust")
        if made.returncode:
            raise SystemExit(made.stdout + made.stderr)
        self.log = open(os.path.join(folder, "log"), "wb")
        self.start()

    def halt(self):
        """Ends at once, its clients' connections too."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)

    def start(self):
        self.process = subprocess.Popen([debian.programs["postgres"], "-D", self.data, "-k", self.folder, "-h", "127.0.0.1", "-p", str(self.port)], stdout=self.log, stderr=self.log, cwd=self.folder, **self.user)
        until(lambda: self.sql("SELECT 1").returncode == 0 or self.process.poll() is not None, 60, 0.1)

    def sql(self, text):
        return self.run(debian.programs["psql"], "-h", self.folder, "-p", str(self.port), "-U", "ocellus", "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-q", "-X", "-A", "-t", "-f", "-", text=text)

    def rows(self, text):
        answer = self.sql(text)
        return [line.split("|") for line in answer.stdout.splitlines() if line] if answer.returncode == 0 else None


class Load:
    """Asks again and again, every node in turn, as a proxy would: only those that say they are ready, and a connection that is refused is another node's."""

    def __init__(self, cluster, arn, picture):
        self.cluster, self.arn, self.picture = cluster, arn, picture
        self.counts, self.failures, self.answered_at, self.over = collections.Counter(), [], {}, threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(n,), daemon=True) for n in range(4)]
        for thread in self.threads:
            thread.start()

    def run(self, number):
        from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

        turn = number
        while not self.over.is_set():
            ready = [n for n in self.cluster.nodes if n.ready]
            if not ready:
                time.sleep(0.05)
                continue
            turn += 1
            node = ready[turn % len(ready)]
            try:
                found = node.client("rekognition").detect_custom_labels(ProjectVersionArn=self.arn, Image={"Bytes": self.picture}, MinConfidence=0)["CustomLabels"]
                self.counts["answered" if len(found) == 3 else "another answer"] += 1
                self.answered_at[node.url] = time.monotonic()
            except EndpointConnectionError:
                self.counts["refused"] += 1  # it has just ended, and the next is asked
            except (BotoCoreError, ClientError, OSError) as error:
                self.counts["failed"] += 1
                self.failures.append(f"{node.name} {type(error).__name__}: {error}"[:300])
            time.sleep(0.02)

    def mark(self):
        return self.counts.copy()

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join(60)


class Node(Server):
    """A node of the cluster. Whether it is ready is asked twice a second, as a proxy does."""

    def __init__(self, name, data, arguments, log, **settings):
        self.name, self.ready, self.watched, self.clients = name, False, True, {}
        super().__init__(data, arguments, log, **settings)
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        while self.watched:
            self.ready = self.is_ready()
            time.sleep(0.3)

    def is_ready(self):
        return self.process.poll() is None and super().is_ready()

    def client(self, service):
        """With the cluster's key, which the first node has made. Each thread has its own: making one takes a third of a second of a core."""
        import boto3
        from botocore.config import Config

        known = (service, threading.get_ident())
        if known in self.clients:
            return self.clients[known]
        keys = configparser.ConfigParser()
        keys.read(os.path.join(os.path.dirname(self.data), "node1", "credentials"))
        own = keys["default"]
        self.clients[known] = boto3.Session(own["aws_access_key_id"], own["aws_secret_access_key"], region_name=own["region"]).client(service, endpoint_url=self.url, config=Config(retries={"max_attempts": 0}, connect_timeout=5, read_timeout=60))
        return self.clients[known]


class Cluster:
    def __init__(self, top, database, store, keys):
        self.top, self.database, self.nodes = top, database, []
        secured = certificates(top, ["node1", "node2", "node3"])
        print("        the nodes' connections are " + ("encrypted" if all(secured.values()) else "plain: no openssl here"))
        for number in range(3):
            name = f"node{number + 1}"
            arguments = ["--database", f"Host=127.0.0.1;Port={database.port};Database=postgres;Username=ocellus", "--s3-endpoint", store.url, "--cluster", "test"]
            log = open(os.path.join(top, f"{name}.log"), "wb")
            self.nodes.append(Node(name, os.path.join(top, name), arguments, log, Ocellus__Training__TimeBudget="00:00:15", Ocellus__S3__AccessKey=keys["aws_access_key_id"], Ocellus__S3__SecretKey=keys["aws_secret_access_key"], Ocellus__Cluster__LeaveDelay="00:00:02", **secured[name]))

    def any(self):
        return until(lambda: next((n for n in self.nodes if n.ready), None)).client("rekognition")

    def status(self, name):
        return self.any().describe_project_versions(ProjectArn=self.project, VersionNames=[name])["ProjectVersionDescriptions"][0]["Status"]

    def comes(self, name, status, seconds=60):
        return until(lambda: quietly(lambda: self.status(name)) == status, seconds, 0.2)

    def listed(self):
        done = subprocess.run([os.path.join(ROOT, "ocellus"), "nodes", "--json", "--data", self.nodes[0].data, *self.nodes[0].arguments[:2]], capture_output=True, text=True)
        return json.loads(done.stdout) if done.returncode == 0 else done.stderr


def certificates(folder, names):
    """An authority and a certificate for each node, as an operator would make them; the settings of each. Empty without openssl."""
    if not shutil.which("openssl"):
        return {name: {} for name in names}
    path = lambda name: os.path.join(folder, name)
    run = lambda *words: subprocess.run(["openssl", *words], check=True, capture_output=True)
    run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=cluster", "-keyout", path("ca.key"), "-out", path("ca.pem"))
    for name in names:
        run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}", "-keyout", path(f"{name}.key"), "-out", path(f"{name}.csr"))
        run("x509", "-req", "-in", path(f"{name}.csr"), "-CA", path("ca.pem"), "-CAkey", path("ca.key"), "-CAcreateserial", "-days", "2", "-out", path(f"{name}.pem"))
    settings = lambda name: {"Ocellus__Cluster__Certificate": path(f"{name}.pem"), "Ocellus__Cluster__CertificateKey": path(f"{name}.key"), "Ocellus__Cluster__CertificateAuthority": path("ca.pem")}
    return {name: settings(name) for name in names}


def quietly(call):
    """What it gives; None while the cluster is not to be spoken to."""
    try:
        return call()
    except Exception:  # noqa: BLE001: it is asked again until it answers
        return None


def settled(cluster):
    """All places are loaded, each on a node that lives, and no version is between two states."""
    places = cluster.database.rows("SELECT p.version_arn, p.node_id, p.units, p.state, n.id IS NOT NULL FROM placements p LEFT JOIN nodes n ON n.id = p.node_id")
    moving = cluster.database.rows("SELECT arn FROM project_versions WHERE status IN ('STARTING', 'STOPPING')")
    return places is not None and not moving and all(state == "LOADED" and alive == "t" for _, _, _, state, alive in places)


def after(what, cluster, load, acknowledged):
    """What must hold once a fault is over."""
    check(f"{what}: all nodes are ready again", until(lambda: all(n.ready for n in cluster.nodes), 60))
    check(f"{what}: the cluster comes to rest", until(lambda: settled(cluster), 60), cluster.database.rows("SELECT * FROM placements"))
    mark = load.mark()
    check(f"{what}: every node answers", until(lambda: all(load.answered_at.get(n.url, 0) > time.monotonic() - 2 for n in cluster.nodes), 30), load.failures[-3:])
    check(f"{what}: no answer is another one", load.mark()["another answer"] == mark["another answer"] == 0)
    # What is acknowledged from here on may be missing in the list that is read now.
    promised = set(acknowledged)
    pages = until(lambda: quietly(lambda: list(cluster.any().get_paginator("describe_projects").paginate())), 30) or []
    names = {p["ProjectArn"].split("/")[1] for page in pages for p in page["ProjectDescriptions"]}
    check(f"{what}: what was acknowledged is there", promised <= names, promised - names)
    statuses = {status for (status,) in cluster.database.rows("SELECT status FROM project_versions")}
    check(f"{what}: no status outside the table", statuses <= STATUSES, statuses)
    units = cluster.database.rows("SELECT SUM(units)::BIGINT, COUNT(DISTINCT node_id) FROM placements p JOIN project_versions v ON v.arn = p.version_arn WHERE v.name = 'steady'")
    check(f"{what}: two units on two nodes, none twice", units == [["2", "2"]], units)


def write(cluster, acknowledged, over):
    """Projects that are made while faults happen; those that were acknowledged must stay."""
    number = 0
    while not over.is_set():
        number += 1
        name = f"made-{number}"
        if quietly(lambda: cluster.any().create_project(ProjectName=name)):
            acknowledged.add(name)
        time.sleep(0.2)


def stops(what, cluster):
    """A second version is stopped, on any node; then none has it."""
    arn = cluster.moving
    quietly(lambda: cluster.any().start_project_version(ProjectVersionArn=arn, MinInferenceUnits=3))
    check(f"{what}: a version of three units starts", cluster.comes("moving", "RUNNING"), quietly(lambda: cluster.status("moving")))
    return arn


def stopped(what, cluster, arn):
    until(lambda: quietly(lambda: cluster.any().stop_project_version(ProjectVersionArn=arn)) or quietly(lambda: cluster.status("moving")) in ("STOPPING", "STOPPED"), 30, 0.2)
    check(f"{what}: it stops", cluster.comes("moving", "STOPPED", 40), cluster.database.rows("SELECT * FROM placements"))
    left = cluster.database.rows(f"SELECT node_id FROM placements WHERE version_arn = '{arn}'")
    check(f"{what}: STOPPED is stopped on every node", left == [], left)
    for node in (n for n in cluster.nodes if n.ready):
        code = None
        try:
            node.client("rekognition").detect_custom_labels(ProjectVersionArn=arn, Image={"Bytes": cluster.picture})
        except Exception as error:  # noqa: BLE001
            code = getattr(error, "response", {}).get("Error", {}).get("Code", str(error))
        check(f"{what}: {node.name} refuses it", code == "ResourceNotReadyException", code)


def kill(cluster, load, node):
    arn = stops(f"kill -9 of {node.name}", cluster)
    before, began = load.mark(), time.monotonic()
    node.kill()
    node.ready = False
    # While it is dead: the stop must not wait for it for longer than its lease.
    stopped(f"kill -9 of {node.name}", cluster, arn)
    check(f"kill -9 of {node.name}: its units run elsewhere", until(lambda: settled(cluster), 30), cluster.database.rows("SELECT * FROM placements"))
    print(f"        {load.mark()['failed'] - before['failed']} of {sum((load.mark() - before).values())} requests failed meanwhile; at rest {time.monotonic() - began:.1f} s after the kill")
    node.start()


def freeze(cluster, load, node):
    held = cluster.database.rows(f"SELECT COUNT(*) FROM placements p JOIN nodes n ON n.id = p.node_id WHERE n.id = '{identity(node)}'")
    print(f"        {node.name} has {held[0][0]} places")
    node.process.send_signal(signal.SIGSTOP)
    time.sleep(STOPPED_FOR)
    gone = cluster.database.rows(f"SELECT COUNT(*) FROM placements WHERE node_id = '{identity(node)}'")
    check(f"SIGSTOP of {node.name}: the others have taken its units", gone == [["0"]], gone)
    node.process.send_signal(signal.SIGCONT)
    until(lambda: b"taken this node" in open(os.path.join(cluster.top, f"{node.name}.log"), "rb").read(), 20)
    check(f"SIGSTOP of {node.name}: it goes on and joins again", node.process.poll() is None and until(lambda: node.is_ready(), 20))


def restart_database(cluster, load, seconds):
    cluster.database.halt()
    time.sleep(seconds)
    cluster.database.start()


def rolling(cluster, load):
    before = load.mark()
    for node in list(cluster.nodes):
        code = node.stop()
        check(f"rolling restart: {node.name} ends in good order", code == 0, code)
        node.start()
        until(lambda: node.ready, 30)
    failed = load.mark()["failed"] - before["failed"]
    check(f"rolling restart: none of {sum((load.mark() - before).values())} requests failed", failed == 0, load.failures[-3:])


def identity(node):
    with open(os.path.join(node.data, "node")) as file:
        return file.read().strip()


def prepare(cluster, store):
    key = upload_cells(store.client("s3"), train=6, test=2)
    with open(os.path.join(ROOT, "samples", key), "rb") as file:
        cluster.picture = file.read()
    api = cluster.any()
    cluster.project = api.create_project(ProjectName="cells")["ProjectArn"]
    data = lambda part: {"Assets": [{"GroundTruthManifest": {"S3Object": {"Bucket": "samples", "Name": f"{part}.manifest"}}}]}
    output = lambda name: {"S3Bucket": "samples", "S3KeyPrefix": name}
    steady = api.create_project_version(ProjectArn=cluster.project, VersionName="steady", OutputConfig=output("steady"), TrainingData=data("train"), TestingData=data("test"))["ProjectVersionArn"]
    check("a version is trained on some node", cluster.comes("steady", "TRAINING_COMPLETED", 240), quietly(lambda: cluster.status("steady")))
    cluster.moving = api.copy_project_version(SourceProjectArn=cluster.project, SourceProjectVersionArn=steady, DestinationProjectArn=cluster.project, VersionName="moving", OutputConfig=output("moving"))["ProjectVersionArn"]
    check("and copied", cluster.comes("moving", "COPYING_COMPLETED"), quietly(lambda: cluster.status("moving")))
    quietly(lambda: api.start_project_version(ProjectVersionArn=cluster.moving, MinInferenceUnits=1))
    cluster.comes("moving", "RUNNING")
    quietly(lambda: api.stop_project_version(ProjectVersionArn=cluster.moving))
    cluster.comes("moving", "STOPPED")
    api.start_project_version(ProjectVersionArn=steady, MinInferenceUnits=2)
    check("two units run", cluster.comes("steady", "RUNNING"), quietly(lambda: cluster.status("steady")))
    return steady


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    debian.programs.update({name: debian.program(name) for name in ("initdb", "postgres", "psql")})
    if None in debian.programs.values():
        print("skipped: no PostgreSQL here (Debian: postgresql)")
        return summary()
    # The server of the database is another user: its folder must be reachable.
    with tempfile.TemporaryDirectory() as top, tempfile.TemporaryDirectory() as base:
        from harness import free_port

        database = Database(base, free_port())
        store = Server(os.path.join(top, "store"))
        keys = configparser.ConfigParser()
        keys.read(os.path.join(store.data, "credentials"))
        cluster = Cluster(top, database, store, keys["default"])
        over, acknowledged = threading.Event(), set()
        try:
            steady = prepare(cluster, store)
            listed = cluster.listed()
            check("nodes lists three nodes and their units", isinstance(listed, dict) and len(listed["nodes"]) == 3 and sum(p["units"] for n in listed["nodes"] for p in n["versions"]) == 2, listed)
            load = Load(cluster, steady, cluster.picture)
            threading.Thread(target=write, args=(cluster, acknowledged, over), daemon=True).start()
            faults = [(f"kill -9 of {n.name}", kill, n) for n in cluster.nodes]
            faults += [(f"SIGSTOP of {cluster.nodes[1].name}", freeze, cluster.nodes[1]), ("PostgreSQL restarted", restart_database, 0), (f"PostgreSQL away for {AWAY} s", restart_database, AWAY)]
            if arguments.long:
                draw = random.Random(arguments.seed)
                kinds = [lambda: draw.choice(faults[:3]), lambda: draw.choice([(f"SIGSTOP of {n.name}", freeze, n) for n in cluster.nodes]), lambda: draw.choice(faults[4:]), lambda: ("rolling restart", lambda c, load, _: rolling(c, load), None)]
                faults = [draw.choice(kinds)() for _ in range(100)]
            for what, fault, argument in faults:
                fault(cluster, load, argument)
                after(what, cluster, load, acknowledged)
            rolling(cluster, load)
            after("rolling restart", cluster, load, acknowledged)
            load.end()
            print(f"        {load.counts['answered']} requests answered, {load.counts['failed']} failed; {len(acknowledged)} projects made")
            for failure, times in collections.Counter(re.sub(r"0x\w+|[0-9]{4,}", "N", f) for f in load.failures).most_common(8):
                print(f"        {times} x {failure}")
        finally:
            over.set()
            for node in cluster.nodes:
                node.watched = False
                if node.process.poll() is None:
                    node.process.kill()
                    node.process.wait()
            keep = os.environ.get("OCELLUS_KEEP_LOGS")
            if keep:
                for node in cluster.nodes:
                    shutil.copy(os.path.join(top, f"{node.name}.log"), keep)
            store.stop()
            database.stop()
    return summary()


if __name__ == "__main__":
    sys.exit(main())
