"""Which headlines tell of different countries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.compose.places import elsewhere


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Stocks open lower in Tokyo", "Stocks open lower in Sydney"),
        ("Earthquake shakes Austria", "Earthquake shakes Australia"),
        ("Party wins primary in Ohio", "Party wins primary in Iowa"),
        ("Senate of Hawaii passes bill", "French senate passes bill"),
        ("U.S. factory orders fall", "German factory orders fall"),
    ],
)
def test_other_countries_and_other_states_are_elsewhere(one: str, other: str) -> None:
    assert (elsewhere(one, other), elsewhere(other, one)) == (True, True)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Moscow denies reports", "Russians deny reports"),
        ("French minister resigns", "Minister resigns in Paris"),
        ("French and German ministers meet", "Ministers meet in Berlin"),
        ("Ohio votes", "Americans vote"),
        ("Ohio votes", "US election: voters go to polls"),
        ("Ohio votes", "U.S.-led count begins"),
        ("USS Ford sails", "Carrier sails from Italy"),
        ("Strike at the yard", "Strike at the French yard"),
        ("Israel accepts truce", "Truce holds in Gaza"),
        ("Old china found in Japan", "Treasure found in Japan"),
        ("between us and them in Paris", "Deal in France"),
        ("Werft baut Fregatten", "Marine bestellt Schiffe"),
    ],
)
def test_the_same_country_or_none_is_not(one: str, other: str) -> None:
    assert (elsewhere(one, other), elsewhere(other, one)) == (False, False)


@given(st.text(max_size=60))
def test_nothing_is_elsewhere_of_itself(title: str) -> None:
    assert not elsewhere(title, title)
