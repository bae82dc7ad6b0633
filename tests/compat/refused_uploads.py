"""Uploads that are refused before their body is read, then good ones on the same client, whose connections stay open between them. Needs `boto3`.

usage: refused_uploads.py      (starts ./ocellus serve on a free port and a temporary data directory)
"""
import io, os, socket, sys, tempfile

from harness import Server, check, refusal, summary

# A little, which goes out with the headers; more than the server reads to keep a connection; more than a socket holds.
SIZES = (10, 200_000, 8_000_000)


def statuses(server, *parts, seconds=8):
    """The status lines of all that a server answers to the parts, sent one after the other, until it closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=seconds) as connection:
        received = b""
        try:
            for part in parts:
                connection.sendall(part)
                if part is not parts[-1]:
                    received += connection.recv(65536)
            while chunk := connection.recv(65536):
                received += chunk
        except TimeoutError:
            received += b"\r\nHTTP/1.1 the connection stays open"
        except OSError:
            pass
    return [line.split(b" ", 1)[1].decode() for line in received.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]


def main():
    with tempfile.TemporaryDirectory() as top:
        server = Server(os.path.join(top, "data"))
        s3 = server.client("s3")
        s3.create_bucket(Bucket="pictures")
        for size in SIZES:
            for body in (lambda: b"x" * size, lambda: io.BytesIO(b"x" * size)):
                kind = type(body()).__name__
                rounds = []
                for number in range(5):
                    rounds.append(refusal(s3.put_object, Bucket="nowhere", Key="a", Body=body()))
                    rounds.append(refusal(s3.put_object, Bucket="pictures", Key=f"{size}-{kind}-{number}", Body=body()))
                    rounds.append(s3.head_object(Bucket="pictures", Key=f"{size}-{kind}-{number}")["ContentLength"])
                check(f"good uploads of {size} bytes as {kind} after refused ones", rounds == ["NoSuchBucket", None, size] * 5, rounds)

        # What a proxy may send on a connection that it believes to be free.
        asking = b"PUT /pictures/a HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n"
        hidden = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
        behind = statuses(server, asking, hidden)
        check("a request behind a refused upload that was not asked for is not answered", behind == ["403 Forbidden"], behind)
        behind = statuses(server, asking, b"x" * 100 + hidden)
        check("nor is one behind what would be its body", behind == ["403 Forbidden"], behind)
        server.stop()
    return summary()


if __name__ == "__main__":
    sys.exit(main())
