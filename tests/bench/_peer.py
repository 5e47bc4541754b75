"""What people send digests with otherwise, as a process: `python _peer.py django|smtplib PORT FOLDER NUMBER CONNECTIONS`.

django: `send_messages`, composing each mail from FOLDER/mail.html and mail.txt. smtplib: a thread for each connection, each
sending the ready bytes of FOLDER/mail.eml. Imports nothing of ours: Django runs in an environment of its own.
"""

import json
import smtplib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

SENDER = "news@example.org"


def by_django(port: int, folder: Path, number: int, _connections: int) -> None:
    import django  # type: ignore[import-not-found, unused-ignore]
    from django.conf import settings  # type: ignore[import-not-found, unused-ignore]

    backend = "django.core.mail.backends.smtp.EmailBackend"
    settings.configure(EMAIL_BACKEND=backend, EMAIL_HOST="127.0.0.1", EMAIL_PORT=port, USE_I18N=False)
    django.setup()
    from django.core.mail import (  # type: ignore[import-not-found, unused-ignore]
        EmailMultiAlternatives,
        get_connection,
    )

    html, text = (folder / "mail.html").read_text(), (folder / "mail.txt").read_text()

    def mails() -> Iterator[Any]:
        for each in range(number):
            headers = {"List-Unsubscribe": f"<http://127.0.0.1/unsubscribe/{each}>"}
            to = f"reader{each}@list.example.com"
            mail = EmailMultiAlternatives("Harbour Town", text, f"Harbour Town <{SENDER}>", [to], headers=headers)
            mail.attach_alternative(html.replace("Reader 0000000", f"Reader {each}"), "text/html")
            yield mail

    get_connection().send_messages(list(mails()))


def by_smtplib(port: int, folder: Path, number: int, connections: int) -> None:
    mail, numbers, lock = (folder / "mail.eml").read_bytes(), iter(range(number)), threading.Lock()

    def work() -> None:
        client = smtplib.SMTP("127.0.0.1", port)
        client.ehlo()
        while True:
            with lock:
                each = next(numbers, None)
            if each is None:
                break
            client.sendmail(SENDER, [f"reader{each}@list.example.com"], mail)
        client.quit()

    threads = [threading.Thread(target=work) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main() -> None:
    ways: dict[str, Callable[[int, Path, int, int], None]] = {"django": by_django, "smtplib": by_smtplib}
    way, port, folder, number, connections = sys.argv[1:]
    began, worked = time.monotonic(), time.process_time()
    ways[way](int(port), Path(folder), int(number), int(connections))
    seconds, cpu_s = time.monotonic() - began, time.process_time() - worked
    print(json.dumps({"number": int(number), "seconds": seconds, "cpu_s": cpu_s}))  # noqa: T201


if __name__ == "__main__":
    main()
