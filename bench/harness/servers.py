"""Starts what is measured: Lamplighter, Kamailio, and the floor. Each answers OPTIONS when it is handed over."""
import socket, time

from harness.machine import FLOOR, HOST, HTTP_PORT, KAMAILIO, LAMPLIGHTER, PORT, SERVER_CORE, Failed
from harness.process import Process

ADDRESS = (HOST, PORT)


def lamplighter(folder, *settings, workers=1, cores=SERVER_CORE, patience=60):
    """With default settings but for the addresses, the store in `folder`, and `settings` as "name=value"."""
    command = [LAMPLIGHTER, "serve", *_set(f'sip.listen=["udp:{HOST}:{PORT}"]'), *_set(f"sip.workers={workers}"),
               *_set(f'http.listen="{HOST}:{HTTP_PORT}"'), *_set(f"store.path={folder}/lamplighter.db")]
    for setting in settings:
        command += _set(setting)
    return _answering(Process("lamplighter", command, folder, cores), patience)


def kamailio(folder, config, digest=False, packaged=False):
    """`packaged`: with the memory manager that Debian's service runs with, which checks itself all the time."""
    command = ["kamailio", "-DD", "-E", "-f", KAMAILIO / config, "-A", f"LISTEN=udp:{HOST}:{PORT}", "-m", "1024", "-M",
               "64", "-Y", folder]
    if not packaged:
        command += ["-x", "tlsf", "-X", "tlsf"]
    return _answering(Process("kamailio", command + (["-A", "DIGEST=yes"] if digest else []), folder, SERVER_CORE))


def floor(folder):
    return _answering(Process("floor", [FLOOR, f"{HOST}:{PORT}"], folder, SERVER_CORE))


def _set(setting):
    return ["--set", setting]


def _answering(process, patience=20):
    if not answers(process, patience):
        last_words = process.last_words()
        process.stop()
        raise Failed(f"{process.name} did not answer on {HOST}:{PORT}; does something else have this port, or is a "
                     f"system service of it running? Its last words:\n{last_words}")
    return process


def answers(process, patience, method="OPTIONS", headers="", uri=f"sip:{HOST}", to=f"<sip:{HOST}>"):
    """The first final answer to a request that is sent every 2 ms until there is one; None: too late, or it ended."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind((HOST, 0))
        phone.connect(ADDRESS)
        phone.settimeout(0.002)
        local = f"{HOST}:{phone.getsockname()[1]}"
        end = time.monotonic() + patience
        count = 0
        while time.monotonic() < end and not process.ended():
            count += 1
            request = (f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bKbench{count};rport\r\n"
                       f"From: <sip:bench@{HOST}>;tag=b{count}\r\nTo: {to}\r\nCall-ID: bench-{local}-{count}\r\n"
                       f"CSeq: 1 {method}\r\nMax-Forwards: 70\r\n{headers}Content-Length: 0\r\n\r\n")
            try:
                phone.send(request.encode())
                answer = phone.recv(65536).decode(errors="replace")
            except ConnectionRefusedError:
                time.sleep(0.001)  # nobody has the port yet
                continue
            except TimeoutError:
                continue
            if answer.startswith("SIP/2.0 ") and not answer.startswith("SIP/2.0 1"):
                return answer
    return None
