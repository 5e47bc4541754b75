"""So many connections for one domain: whatever comes and ends, never more, and nobody is lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from digest.deliver.envelope import Envelope
from digest.deliver.hand import Outgoing
from digest.deliver.lanes import PARKED_MAX, Lanes


def mail(number: int, domain: str) -> Outgoing:
    return Outgoing(1, number, Envelope("news@example.org", f"reader{number}@{domain}", envid="e"), lambda: b"")


@given(domains=st.lists(st.sampled_from(["one.test", "two.test", "free.test"]), max_size=40), ends=st.randoms())
def test_never_more_than_the_limit_and_everybody_in_the_end(domains: list[str], ends: object) -> None:
    limits = {"one.test": 1, "two.test": 2}
    lanes, out, done = Lanes(limits), [], []
    for number, domain in enumerate(domains):
        each = mail(number, domain)
        if lanes.enter(each):
            out.append(each)
        else:
            assert lanes.park(each)
        for name, most in limits.items():
            assert sum(one.envelope.recipient.endswith(name) for one in out) <= most
        if out and ends.random() < 0.4:  # type: ignore[attr-defined]
            done.append(out.pop())
            lanes.leave(done[-1])
        while (freed := lanes.freed()) is not None:
            out.append(freed)
    while out:
        done.append(out.pop())
        lanes.leave(done[-1])
        while (freed := lanes.freed()) is not None:
            out.append(freed)
    assert sorted(each.subscriber_id for each in done) == list(range(len(domains)))
    assert not lanes


def test_too_many_are_not_kept() -> None:
    lanes = Lanes({"one.test": 1})
    assert lanes.enter(mail(0, "ONE.test"))
    assert all(lanes.park(mail(number, "one.test")) for number in range(PARKED_MAX))
    assert not lanes.park(mail(0, "one.test"))
    assert len(lanes) == PARKED_MAX
