"""The AWS SDK for JavaScript v3 against a real server: S3 round trips, every control operation, waiters, error classes.
Needs `node` and `npm`; the packages of sdk_js/package-lock.json are installed once. Skipped where they cannot be had.

usage: sdk_js.py      (starts ./ocellus serve on a free port and a temporary data directory)
"""
import configparser, os, shutil, subprocess, sys, tempfile

from harness import ROOT, Server

FOLDER = os.path.join(ROOT, "tests", "compat", "sdk_js")


def skip(why):
    print(f"skipped: sdk_js.py ({why})")
    print("0 passed, 0 failed")
    return 0


def main():
    if not shutil.which("node") or not shutil.which("npm"):
        return skip("node and npm are not installed")
    if not os.path.isdir(os.path.join(FOLDER, "node_modules", "@aws-sdk")):
        try:
            done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--fetch-retries=0", "--fetch-timeout=10000"], cwd=FOLDER, capture_output=True, timeout=120)
        except subprocess.TimeoutExpired:
            done = None
        if done is None or done.returncode:
            shutil.rmtree(os.path.join(FOLDER, "node_modules"), ignore_errors=True)
            return skip("npm ci could not fetch the AWS SDK for JavaScript")
    with tempfile.TemporaryDirectory() as top:
        server = Server(os.path.join(top, "data"), Ocellus__Training__TimeBudget="00:00:20")
        keys = configparser.ConfigParser()
        keys.read(os.path.join(server.data, "credentials"))
        environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")} | {
            "AWS_ACCESS_KEY_ID": keys["default"]["aws_access_key_id"], "AWS_SECRET_ACCESS_KEY": keys["default"]["aws_secret_access_key"], "AWS_REGION": "us-east-1"}
        done = subprocess.run(["node", "client.mjs", server.url, os.path.join(ROOT, "samples", "cells")], cwd=FOLDER, env=environment, stdout=subprocess.PIPE, text=True)
        server.stop()
        # The server has had its last word: the summary comes last.
        print(done.stdout, end="", flush=True)
        return done.returncode


if __name__ == "__main__":
    sys.exit(main())
